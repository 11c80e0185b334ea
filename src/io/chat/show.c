/* A row has a line, names come first. What is left out is said. */
#include "io/chat/show.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "message/model.h"
#include "message/records/tenant.h"

/* Marks that turn what follows around, or are not seen: names could hide behind them. */
static bool is_hidden(const unsigned char *at) {
    static const unsigned char first[][3] = {{0xe2, 0x80, 0x8b}, {0xe2, 0x80, 0xa8},
                                             {0xe2, 0x81, 0xa0}, {0xef, 0xbb, 0xbf},
                                             {0xef, 0xbf, 0xb0}};
    static const unsigned char last[] = {0x8f, 0xae, 0xaf, 0xbf, 0xbf};
    for (size_t i = 0; i < array_size(first); i++)
        if (at[0] == first[i][0] && at[1] == first[i][1] && at[2] >= first[i][2] &&
            at[2] <= last[i])
            return true;
    return false;
}

static size_t sequence_length(const unsigned char *at) {
    size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] >= 0x80 && (at[0] < 0xc2 || at[0] > 0xf4))
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80) /* the terminator is none, either */
            return 0;
    bool is_wrong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
                    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f);
    return length == 3 && is_hidden(at) ? 0 : is_wrong ? 0 : length;
}

void chat_add_plain(struct text *out, const char *value) {
    const unsigned char *at = (const unsigned char *)value;
    for (size_t length; *at; at += length ? length : 1) {
        length = sequence_length(at);
        bool is_control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && length && at[1] < 0xa0);
        if (is_control)
            text_add(out, " ");
        else if (length)
            text_add_bytes(out, (const char *)at, length);
    }
}

static bool decode(const struct table *table, const struct text *answer, void *out) {
    struct codec_fault fault;
    return codec_decode(table,
                        &(struct codec_input){text_data(answer), answer->length, FIELD_API,
                                              CODEC_IGNORE_UNKNOWN},
                        out, &fault) == 0;
}

struct page {
    char *items;
    uint32_t items_count;
    char next[limit_cursor_size];
};

/* A page of rows: its fields stand in `fields`, as its table points to them. */
struct page_table {
    struct field fields[2];
    struct table table;
};

static void page_table_init(struct page_table *page, const struct table *rows) {
    page->fields[0] = (struct field){
        .name = "items", .kind = FIELD_LIST, .offset = offsetof(struct page, items),
        .count_offset = offsetof(struct page, items_count), .size = rows->size,
        .most = limit_page, .table = rows};
    page->fields[1] =
        (struct field){.name = "next", .kind = FIELD_TEXT, field_at(struct page, next)};
    page->table = (struct table){"page", "", sizeof(struct page), page->fields, 2};
}

static void add_vm(const void *row, struct text *out) {
    const struct vm *vm = row;
    text_addf(out, "%s  %s  %s", vm->name, vm_state_names[vm->state], vm->shape);
    if (*vm->image)
        text_addf(out, "  %s", vm->image);
    for (uint32_t i = 0; i < vm->ips_count && i < 2; i++)
        text_addf(out, "  %s", vm->ips[i].ip);
}

static void add_image(const void *row, struct text *out) {
    text_add(out, ((const struct image *)row)->name);
}

static void add_shape(const void *row, struct text *out) {
    const struct shape *shape = row;
    text_addf(out, "%s  %u CPUs  %u MiB  %u GiB", shape->name, shape->size.cpus,
              shape->size.memory_mib, shape->size.disk_gib);
}

static void add_operation(const void *row, struct text *out) {
    const struct operation *op = row;
    text_addf(out, "%s %s  %s", verb_names[op->verb], *op->vm_name ? op->vm_name : op->vm,
              op_state_names[op->state]);
    if (op->state == OP_FAILED)
        text_addf(out, " (%s)", code_names[op->code]);
    text_addf(out, "  %s", op->id);
}

/* What a list says, row by row. */
struct list_view {
    const struct table *table;
    void (*add)(const void *row, struct text *out);
    const char *none, *more;
};

static bool show_list(const struct list_view *view, const struct text *answer, struct text *out) {
    struct page_table table;
    struct page page;
    page_table_init(&table, view->table);
    if (!decode(&table.table, answer, &page))
        return false;
    for (uint32_t i = 0; i < page.items_count && i < chat_rows; i++) {
        auto_clean(text_deinit) struct text line = {0};
        view->add(page.items + i * view->table->size, &line);
        text_add(out, i ? "\n" : "");
        chat_add_plain(out, text_data(&line));
    }
    if (!page.items_count)
        text_add(out, view->none);
    else if (page.items_count > chat_rows || *page.next)
        text_add(out, view->more);
    record_clear(&table.table, &page);
    return true;
}

static void add_pair(struct text *out, const char *name, const char *value) {
    if (!value || !*value)
        return;
    text_addf(out, "\n%s: ", name);
    chat_add_plain(out, value);
}

static bool show_vm(const struct text *answer, struct text *out) {
    struct vm vm;
    char size[96];
    if (!decode(&vm_table, answer, &vm))
        return false;
    text_addf(out, "%s: %s", vm.name, vm_state_names[vm.state]);
    add_pair(out, "id", vm.id);
    text_format(size, sizeof(size), "%s (%u CPUs, %u MiB, %u GiB)", vm.shape, vm.size.cpus,
                vm.size.memory_mib, vm.size.disk_gib);
    add_pair(out, "shape", size);
    add_pair(out, "image", vm.image);
    add_pair(out, "cluster", vm.place);
    add_pair(out, "networks", vm.networks);
    add_pair(out, "allow", vm.allow);
    add_pair(out, "title", vm.title);
    for (uint32_t i = 0; i < vm.ips_count; i++)
        add_pair(out, "address", vm.ips[i].ip);
    for (uint32_t i = 0; i < vm.snapshots_count; i++)
        add_pair(out, "snapshot", vm.snapshots[i].name);
    if (vm.locked_ms)
        text_add(out, "\nIt is locked.");
    record_clear(&vm_table, &vm);
    return true;
}

/* What its newest step says, where that is why it waits. */
static void add_progress(const struct operation *op, struct text *out) {
    const struct timeline_entry *newest =
        op->timeline_count ? &op->timeline[op->timeline_count - 1] : NULL;
    if (newest && newest->code)
        text_addf(out, "it waits. %s. ", code_title(newest->code));
    else
        text_add(out, "it goes on. ");
    text_addf(out, "Ask again: operation %s", op->id);
}

static bool show_operation(const struct text *answer, struct text *out) {
    struct operation op;
    if (!decode(&operation_table, answer, &op))
        return false;
    const char *vm = *op.vm_name ? op.vm_name : op.vm;
    text_addf(out, "%s %s: ", verb_names[op.verb], vm);
    if (op.state == OP_SUCCEEDED)
        text_add(out, "done");
    else if (op.state == OP_FAILED)
        text_addf(out, "failed. %s. What to do: %s", code_title(op.code), code_remedy(op.code));
    else
        add_progress(&op, out);
    record_clear(&operation_table, &op);
    return true;
}

static void add_amount(struct text *out, const char *of, uint64_t used, uint64_t quota) {
    text_addf(out, "%s%s: %llu", out->length ? "\n" : "", of, (unsigned long long)used);
    if (quota)
        text_addf(out, " of %llu", (unsigned long long)quota);
}

static bool show_quota(const struct text *answer, struct text *out) {
    struct account account;
    if (!decode(&account_table, answer, &account))
        return false;
    add_amount(out, "VMs", account.used.vms, account.quota.vms);
    add_amount(out, "CPUs", account.used.cpus, account.quota.cpus);
    add_amount(out, "MiB of memory", account.used.memory_mib, account.quota.memory_mib);
    add_amount(out, "GiB of disk", account.used.disk_gib, account.quota.disk_gib);
    record_clear(&account_table, &account);
    return true;
}

static bool show_whoami(const struct text *answer, struct text *out) {
    struct whoami who;
    if (!chat_read_whoami(answer, &who))
        return false;
    text_addf(out, "Tenant %s, by the token %s, which may %s", who.tenant, who.token_name,
              rights_names[who.rights]);
    if (who.expires_ms) {
        time_t seconds = (time_t)(who.expires_ms / 1000);
        struct tm when = {0};
        char date[32] = "";
        if (gmtime_r(&seconds, &when))
            (void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &when);
        text_addf(out, " until %s", date);
    }
    return true;
}

bool chat_show(const struct chat_order *order, const struct text *answer, struct text *out) {
    static const struct list_view vms = {&vm_table, add_vm, "You have no VMs.",
                                         "\nThere are more: isthmus vm list shows all."};
    static const struct list_view images = {&image_table, add_image, "There are no images.",
                                            "\nThere are more: isthmus image list shows all."};
    static const struct list_view shapes = {&shape_table, add_shape, "There are no shapes.",
                                            "\nThere are more: isthmus shape list shows all."};
    static const struct list_view operations = {
        &operation_table, add_operation, "There were no operations.",
        "\nThere were earlier ones: isthmus op list shows all."};
    switch (order->command->act) {
    case CHAT_LIST:
        return show_list(&vms, answer, out);
    case CHAT_IMAGES:
        return show_list(&images, answer, out);
    case CHAT_SHAPES:
        return show_list(&shapes, answer, out);
    case CHAT_OPERATIONS:
        return show_list(&operations, answer, out);
    case CHAT_SHOW:
        return show_vm(answer, out);
    case CHAT_WHOAMI:
        return show_whoami(answer, out);
    case CHAT_QUOTA:
        return show_quota(answer, out);
    case CHAT_CREATE:
    case CHAT_ACT:
    case CHAT_DELETE:
    case CHAT_CONFIRM:
    case CHAT_OPERATION:
        return show_operation(answer, out);
    case CHAT_HELP:
    case CHAT_LINK:
    case CHAT_UNLINK:
        break;
    }
    return false; /* no answer of REST is theirs alone */
}

void chat_show_problem(const struct text *answer, long status, struct text *out) {
    struct problem problem;
    if (!decode(&problem_table, answer, &problem)) {
        text_addf(out, "The manager answered %ld, but not as an Isthmus does.", status);
        return;
    }
    chat_add_plain(out, problem.title);
    if (*problem.detail) {
        text_add(out, ": ");
        chat_add_plain(out, problem.detail);
    }
    text_add(out, ". What to do: ");
    chat_add_plain(out, problem.remedy);
    record_clear(&problem_table, &problem);
}

struct named {
    char name[limit_name_size];
};

bool chat_read_names(const struct text *answer, struct chat_choices *out) {
    static const struct field fields[] = {{field_of(struct named, name), .kind = FIELD_TEXT}};
    static const struct table names = {"named", "", sizeof(struct named), field_rows(fields)};
    struct page_table table;
    struct page page;
    page_table_init(&table, &names);
    if (!decode(&table.table, answer, &page))
        return false;
    out->count = 0;
    for (uint32_t i = 0; i < page.items_count && i < chat_names; i++)
        text_set(out->names[out->count++], ((const struct named *)page.items)[i].name);
    out->is_whole = page.items_count <= chat_names && !*page.next;
    record_clear(&table.table, &page);
    return true;
}

bool chat_read_vm(const struct text *answer, struct vm *out) {
    return decode(&vm_table, answer, out);
}

static const struct field deliveries_fields[] = {
    {field_list_of(struct chat_deliveries, items, items_count), .kind = FIELD_LIST,
     .most = chat_deliveries_most, .table = &chat_delivery_table},
};
const struct table chat_deliveries_table = {"deliveries", "", sizeof(struct chat_deliveries),
                                            field_rows(deliveries_fields)};

bool chat_read_deliveries(const struct text *answer, struct chat_deliveries *out) {
    return decode(&chat_deliveries_table, answer, out);
}

bool chat_read_whoami(const struct text *answer, struct whoami *out) {
    return decode(&whoami_table, answer, out);
}
