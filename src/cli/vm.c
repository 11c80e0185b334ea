/* The verbs on VMs. Each draws an Idempotency-Key, so that a request whose answer was lost is
 * sent once more without harm. */
#include "cli/vm.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/memory.h"
#include "cli/explain.h"
#include "cli/op.h"
#include "cli/owner.h"
#include "cli/account/ssh_keys.h"
#include "cli/watch.h"

struct ip {
    char text[limit_ip_size];
};

/* `vm show` has the others. */
static struct ip first_ip(const struct vm *vm) {
    struct ip first = {"-"};
    for (uint32_t i = vm->interfaces_count; i-- > 0;)
        if (*vm->interfaces[i].ips)
            text_format(first.text, sizeof(first.text), "%.*s",
                        (int)strcspn(vm->interfaces[i].ips, ","), vm->interfaces[i].ips);
    return first;
}

static void add_row(struct sheet *sheet, const void *record) {
    const struct vm *vm = record;
    sheet_add(sheet, "%s", vm->name);
    sheet_add(sheet, "%s%s%s", vm_state_names[vm->state], words_unheard(vm->unheard_ms).text,
              vm->lacks_copy ? " (no copy)" : "");
    sheet_add(sheet, "%s", vm->place);
    sheet_add(sheet, "%s", vm->shape);
    sheet_add(sheet, "%u", vm->size.cpus);
    sheet_add(sheet, "%s", words_mib(vm->size.memory_mib).text);
    sheet_add(sheet, "%u GiB", vm->size.disk_gib);
    sheet_add(sheet, "%s", vm->image);
    sheet_add(sheet, "%s", first_ip(vm).text);
    sheet_add(sheet, "%s%s", words_copy(vm->copies, vm->copies_count).text,
              vm->copy_late ? " (late)" : "");
    sheet_add(sheet, "%s", words_age(vm->created_ms).text);
    sheet_add(sheet, "%s", vm->id);
}

static void show(const struct vm *vm) {
    struct sheet sheet = {0};
    sheet_pair(&sheet, "vm", "%s", vm->id);
    sheet_pair(&sheet, "name", "%s", vm->name);
    sheet_pair(&sheet, "tenant", "%s", vm->asker);
    sheet_pair(&sheet, "state", "%s%s", vm_state_names[vm->state],
               words_unheard(vm->unheard_ms).text);
    sheet_pair(&sheet, "cluster", "%s", vm->place);
    sheet_pair(&sheet, "shape", "%s", vm->shape);
    sheet_pair(&sheet, "size", "%u cpus, %s memory, %u GiB disk", vm->size.cpus,
               words_mib(vm->size.memory_mib).text, vm->size.disk_gib);
    sheet_pair(&sheet, "image", "%s", vm->image);
    if (vm->group[0])
        sheet_pair(&sheet, "group", "%s", vm->group);
    if (vm->networks)
        sheet_pair(&sheet, "networks", "%s", vm->networks);
    if (vm->allow)
        sheet_pair(&sheet, "allow", "%s", vm->allow);
    sheet_interfaces(&sheet, vm->interfaces, vm->interfaces_count);
    sheet_loss(&sheet, &(struct told_loss){vm->on_loss, vm->restart_from, vm->restarts,
                                           vm->restarted_ms, vm->restored_ms,
                                           vm->unheard_ms && !vm->copies_count,
                                           vm->lacks_copy});
    if (vm->snapshots_count)
        sheet_pair(&sheet, "snapshots", "%u", vm->snapshots_count);
    sheet_copies(&sheet, &(struct told_copies){vm->copies, vm->copies_count, vm->copy_every_s,
                                               vm->copy_max_age_s, vm->copy_late});
    if (vm->title)
        sheet_pair(&sheet, "title", "%s", vm->title);
    if (vm->metadata)
        sheet_pair(&sheet, "metadata", "%s", vm->metadata);
    if (vm->locked_ms)
        sheet_pair(&sheet, "locked", "%s", words_date(vm->locked_ms).text);
    sheet_pair(&sheet, "operation", "%s", vm->op);
    sheet_pair(&sheet, "created", "%s", words_date(vm->created_ms).text);
    sheet_pair(&sheet, "changed", "%s", words_date(vm->changed_ms).text);
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

static const struct view view = {
    .path = "/v1/vms",
    .table = &vm_table,
    .heads = "NAME STATE CLUSTER SHAPE CPUS MEMORY DISK IMAGE IP COPY AGE ID",
    .row = add_row,
};

int vm_list(const struct options *options) {
    return options->socket ? hosted_vm_list(options) : watch_or_list(&view, options);
}

int vm_show(const struct options *options) {
    struct vm vm;
    if (options->socket)
        return hosted_vm_show(options);
    if (options->output != OUTPUT_TABLE)
        return view_show(&view, options, options->words[2]);
    int result = view_read(&view, options, &vm);
    if (result != EXIT_DONE)
        return result;
    show(&vm);
    result = explain_newest(options, vm.op, EXPLAIN_UPSTREAM);
    record_clear(&vm_table, &vm);
    return result;
}

static void print_end(const struct options *options, const struct operation *op,
                      const struct text *answer) {
    char name[128];
    op_print_name(op, name, sizeof(name));
    switch (options->output) {
    case OUTPUT_JSON:
        puts(text_data(answer));
        break;
    case OUTPUT_NAME:
        puts(op->verb == VERB_DEFINE ? op->vm : op->id);
        break;
    case OUTPUT_TABLE:
        if (op->state == OP_SUCCEEDED)
            printf("%s: done in %.1f s (vm %s, operation %s)\n", name,
                   op->ended_ms > op->created_ms ? (double)(op->ended_ms - op->created_ms) / 1000
                                                 : 0.0,
                   op->vm, op->id);
        else if (op->state != OP_FAILED && !options_given(options, "wait"))
            printf("%s: accepted (vm %s)\n  follow it: isthmus op show %s\n", name, op->vm,
                   op->id);
        break;
    }
}

/* Asks for an operation. The key makes it safe to ask again when the answer was lost. */
static int ask(const struct options *options, struct call *call, struct operation *out_op) {
    char drawn[http_key_size];
    struct error err;
    http_draw_key(drawn);
    call->http.idempotency_key = options->key ? options->key : drawn;
    call_add_number(call, "deadline", options->deadline_seconds);
    call->http.url = call->url.data;
    int result = http_call(&call->http, &err);
    if (result == -ECONNRESET || result == -ETIMEDOUT)
        result = http_call(&call->http, &err);
    if (result < 0) {
        say("%s", err.text);
        return EXIT_UNREACHABLE;
    }
    if (call->http.status >= 400) {
        call_tell_problem(call);
        return EXIT_REFUSED;
    }
    return call_decode(call, &operation_table, out_op);
}

/* Follows what was asked for, if that is wanted, and tells its end. */
static int finish(const struct options *options, struct call *call, struct operation *op) {
    int result = EXIT_DONE;
    if (options_given(options, "wait"))
        result = op_follow(options, op, &call->http.answer);
    print_end(options, op, &call->http.answer);
    record_clear(&operation_table, op);
    return result;
}

static int submit(const struct options *options, struct call *call) {
    struct operation op;
    int result = ask(options, call, &op);
    return result == EXIT_DONE ? finish(options, call, &op) : result;
}

/* One of the VMs that a command names. */
struct wish {
    struct call call;
    struct operation op;
    int result;
};

/* All are asked for before the first one is waited for; each has its own result. */
static int act(const struct options *options, const char *method, const char *path) {
    size_t count = options->words_count - 2;
    if (count > 1 && options->key) {
        say("--key is for one VM: each of several gets one of its own");
        return EXIT_USAGE;
    }
    struct wish *wishes = memory_new(count, sizeof(*wishes));
    struct options one = *options;
    int result = EXIT_DONE;
    for (size_t i = 0; i < count; i++) {
        struct wish *wish = &wishes[i];
        one.about = count > 1 ? options->words[i + 2] : NULL;
        call_init(&wish->call, &one, method, view.path);
        call_add_segment(&wish->call, options->words[i + 2]);
        text_add(&wish->call.url, path);
        wish->result = ask(options, &wish->call, &wish->op);
        if (wish->result == EXIT_DONE && !options_given(options, "wait"))
            wish->result = finish(options, &wish->call, &wish->op);
    }
    for (size_t i = 0; i < count; i++) {
        struct wish *wish = &wishes[i];
        if (wish->result == EXIT_DONE && options_given(options, "wait"))
            wish->result = finish(options, &wish->call, &wish->op);
        call_deinit(&wish->call);
        result = wish->result > result ? wish->result : result;
    }
    memory_free(wishes);
    return result;
}

int vm_start(const struct options *options) { return act(options, "POST", "/start"); }
int vm_stop(const struct options *options) { return act(options, "POST", "/stop"); }
int vm_shutdown(const struct options *options) { return act(options, "POST", "/shutdown"); }
int vm_reboot(const struct options *options) {
    return act(options, "POST", options->hard ? "/reset" : "/reboot");
}

int vm_pause(const struct options *options) { return act(options, "POST", "/pause"); }
int vm_resume(const struct options *options) { return act(options, "POST", "/resume"); }
int vm_suspend(const struct options *options) { return act(options, "POST", "/suspend"); }
int vm_copy(const struct options *options) { return act(options, "POST", "/copy"); }
int vm_lock(const struct options *options) { return act(options, "POST", "/lock"); }
int vm_unlock(const struct options *options) { return act(options, "POST", "/unlock"); }
int vm_delete(const struct options *options) { return act(options, "DELETE", ""); }

static int submit_body(const struct options *options, struct call *call,
                       const struct table *table, const void *record) {
    struct text body = {0};
    codec_encode(table, record, FIELD_API, &body);
    call->http.content_type = "application/json";
    call->http.body = text_data(&body);
    int result = submit(options, call);
    text_deinit(&body);
    return result;
}

/* An act on a VM with a body of one text, the command's last word. */
static int act_with(const struct options *options, const char *path, const struct table *table) {
    struct vm_reshape wish = {.upgrade = options->upgrade};
    struct call call;
    if (!call_set(table, &wish, table->fields[0].name, options->words[3]))
        return EXIT_USAGE;
    call_init(&call, options, "POST", view.path);
    call_add_segment(&call, options->words[2]);
    text_add(&call.url, path);
    int result = submit_body(options, &call, table, &wish);
    call_deinit(&call);
    return result;
}

int vm_resize(const struct options *options) {
    return act_with(options, "/resize", &vm_resize_table);
}

int vm_snapshot(const struct options *options) {
    return act_with(options, "/snapshot", &vm_snapshot_table);
}

int vm_revert(const struct options *options) {
    return act_with(options, "/revert", &vm_snapshot_table);
}

int vm_snapshot_delete(const struct options *options) {
    return act_with(options, "/snapshot-delete", &vm_snapshot_table);
}

int vm_interface_add(const struct options *options) {
    return act_with(options, "/interface-add", &vm_interface_add_table);
}

int vm_interface_remove(const struct options *options) {
    return act_with(options, "/interface-remove", &vm_interface_remove_table);
}

/* A text goes as it is, any other bytes in base64. False: it cannot be read; said. */
static bool set_user_data(const struct options *options, const struct table *table, void *record) {
    auto_clean(text_deinit) struct text bytes = {0}, encoded = {0};
    struct codec_fault fault;
    struct error err;
    if (!options->user_data)
        return true;
    if (options_read_bytes(options->user_data, limit_user_data, &bytes, &err) < 0) {
        say("%s", err.text);
        return false;
    }
    if (!bytes.length)
        return true;
    if (strlen(bytes.data) == bytes.length &&
        !codec_field_from_text(field_find(table, "user_data"), bytes.data, record, &fault))
        return true;
    base64_to_standard((const unsigned char *)bytes.data, bytes.length, &encoded);
    return call_set(table, record, "user_data_base64", text_data(&encoded));
}

/* False: it cannot be done; said. */
static bool set_ssh_keys(const struct options *options, const struct table *table, void *record) {
    auto_clean(text_deinit) struct text lines = {0};
    const char *names = NULL;
    return ssh_keys_given(options, &names, &lines) && call_set(table, record, "ssh_keys", names) &&
           call_set(table, record, "ssh_public_keys", lines.length ? lines.data : NULL);
}

int vm_rebuild(const struct options *options) {
    struct vm_reshape wish = {.upgrade = options->upgrade};
    struct call call;
    int result = EXIT_USAGE;
    if (set_user_data(options, &vm_rebuild_table, &wish) &&
        set_ssh_keys(options, &vm_rebuild_table, &wish) &&
        call_set(&vm_rebuild_table, &wish, "image", options->image)) {
        call_init(&call, options, "POST", view.path);
        call_add_segment(&call, options->words[2]);
        text_add(&call.url, "/rebuild");
        result = submit_body(options, &call, &vm_rebuild_table, &wish);
        call_deinit(&call);
    }
    record_clear(&vm_rebuild_table, &wish);
    return result;
}

static void show_snapshots(const void *record) {
    const struct vm *vm = record;
    struct sheet sheet = {0};
    sheet_heads(&sheet, "NAME MEMORY CPUS RAM DISK AGE");
    for (uint32_t i = 0; i < vm->snapshots_count; i++) {
        const struct snapshot *snapshot = &vm->snapshots[i];
        sheet_add(&sheet, "%s", snapshot->name);
        sheet_add(&sheet, "%s", snapshot->memory ? "yes" : "no");
        sheet_add(&sheet, "%u", snapshot->size.cpus);
        sheet_add(&sheet, "%s", words_mib(snapshot->size.memory_mib).text);
        sheet_add(&sheet, "%u GiB", snapshot->size.disk_gib);
        sheet_add(&sheet, "%s", words_age(snapshot->created_ms).text);
    }
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

int vm_snapshots(const struct options *options) {
    struct view of_snapshots = view;
    of_snapshots.show = show_snapshots;
    return view_show(&of_snapshots, options, options->words[2]);
}

static void show_copies(const void *record) {
    const struct vm *vm = record;
    struct sheet sheet = {0};
    sheet_heads(&sheet, "NUMBER AGE SENT FROZEN");
    for (uint32_t i = 0; i < vm->copies_count; i++) {
        const struct copy *copy = &vm->copies[i];
        sheet_add(&sheet, "%llu", (unsigned long long)copy->number);
        sheet_add(&sheet, "%s", words_age(copy->made_ms).text);
        sheet_add(&sheet, "%s", words_bytes(copy->bytes).text);
        sheet_add(&sheet, "%s", copy->frozen ? "yes" : "no");
    }
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

int vm_copies(const struct options *options) {
    struct view of_copies = view;
    of_copies.show = show_copies;
    return view_show(&of_copies, options, options->words[2]);
}

/* What the guest said, byte by byte. False: nothing more. */
static bool print_log(const struct console_log *log) {
    unsigned char bytes[limit_log_piece];
    size_t length =
        log->base64 ? base64_from_standard(log->base64, bytes, sizeof(bytes)) : 0;
    fwrite(bytes, 1, length, stdout); /* output_end() tells of what could not be written */
    fflush(stdout);
    return length;
}

static int read_log(const struct options *options, uint64_t from, struct console_log *out) {
    struct call call;
    call_init(&call, options, "GET", "/v1/vms");
    call_add_segment(&call, options->words[2]);
    call_add_segment(&call, "log");
    call_add_number(&call, "from", from);
    int result = call_run(&call);
    if (result == EXIT_DONE && options->output == OUTPUT_JSON)
        puts(text_data(&call.http.answer));
    if (result == EXIT_DONE)
        result = call_decode(&call, &console_log_table, out);
    call_deinit(&call);
    return result;
}

int vm_log(const struct options *options) {
    enum { again_ms = 1000 };
    struct console_log log = {.next = 0};
    int result;
    bool goes_on = true;
    while (goes_on && (result = read_log(options, log.next, &log)) == EXIT_DONE) {
        bool more = options->output != OUTPUT_JSON && print_log(&log);
        memory_clean(&log.base64);
        goes_on = options->follow && options->output != OUTPUT_JSON;
        if (goes_on && !more)
            (void)poll(NULL, 0, again_ms);
    }
    return result;
}

static int fill(const struct options *options, struct vm_create *create) {
    if (!options->shape || !options->image) {
        say("vm create needs --shape and --image; 'isthmus shape list' and 'isthmus image list' "
            "show what there is");
        return EXIT_USAGE;
    }
    create->start = !options->no_start;
    create->copy_every_s = options->copy_every_s;
    create->copy_max_age_s = options->copy_max_age_s;
    const struct {
        const char *name, *value;
    } given[] = {{"name", options->words[2]},        {"shape", options->shape},
                 {"image", options->image},          {"cluster", options->cluster},
                 {"must", options->must},            {"prefer", options->prefer},
                 {"avoid", options->avoid},          {"group", options->group},
                 {"group_rule", options->group_rule}, {"strategy", options->strategy},
                 {"title", options->title},          {"metadata", options->metadata},
                 {"on_drain", options->on_drain},    {"on_loss", options->on_loss},
                 {"restart_from", options->restart_from},
                 {"host_must", options->host_must},
                 {"host_prefer", options->host_prefer}, {"networks", options->network},
                 {"allow", options->allow}};
    bool is_right = set_user_data(options, &vm_create_table, create) &&
                    set_ssh_keys(options, &vm_create_table, create);
    for (size_t i = 0; i < array_size(given) && is_right; i++)
        is_right = call_set(&vm_create_table, create, given[i].name, given[i].value);
    return is_right ? EXIT_DONE : EXIT_USAGE;
}

int vm_create(const struct options *options) {
    struct vm_create create = {0};
    int result = fill(options, &create);
    if (result == EXIT_DONE) {
        struct call call;
        call_init(&call, options, "POST", view.path);
        result = submit_body(options, &call, &vm_create_table, &create);
        call_deinit(&call);
    }
    record_clear(&vm_create_table, &create);
    return result;
}

int vm_rename(const struct options *options) {
    struct vm_rename name = {0};
    struct call call;
    if (!call_set(&vm_rename_table, &name, "name", options->words[3]))
        return EXIT_USAGE;
    call_init(&call, options, "POST", view.path);
    call_add_segment(&call, options->words[2]);
    text_add(&call.url, "/rename");
    int result = submit_body(options, &call, &vm_rename_table, &name);
    call_deinit(&call);
    return result;
}

/* Sets one text; NULL: it is not to be set. */
static int edit_one(const struct options *options, const struct table *table, const char *value) {
    union {
        struct vm_edit metadata;
        struct vm_title title;
        struct vm_allow allow;
    } edit = {0};
    struct call call;
    const char *name = table->fields[0].name;
    if (!value)
        return EXIT_DONE;
    if (!call_set(table, &edit, name, *value ? value : NULL))
        return EXIT_USAGE;
    call_init(&call, options, "PUT", view.path);
    call_add_segment(&call, options->words[2]);
    text_addf(&call.url, "/%s", name);
    int result = submit_body(options, &call, table, &edit);
    call_deinit(&call);
    record_clear(table, &edit);
    return result;
}

int vm_edit(const struct options *options) {
    if (!options->metadata && !options->title && !options->allow) {
        say("vm edit needs --title, --metadata or --allow; an empty text removes what there is");
        return EXIT_USAGE;
    }
    int result = edit_one(options, &vm_title_table, options->title);
    if (result == EXIT_DONE)
        result = edit_one(options, &vm_edit_table, options->metadata);
    return result == EXIT_DONE ? edit_one(options, &vm_allow_table, options->allow) : result;
}
