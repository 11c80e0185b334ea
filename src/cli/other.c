/* The verbs on clusters, shapes, networks and tenants, and whoami: their paths, rows and
 * sheets; and api, which has neither. */
#include "cli/other.h"

#include <stdio.h>
#include <string.h>

#include "cli/amounts.h"
#include "cli/place.h"
#include "cli/watch.h"

static void add_cluster(struct sheet *sheet, const void *record) {
    const struct node *cluster = record;
    const struct capacity *capacity = &cluster->capacity;
    struct text fits = {.limit = 200};
    sheet_add(sheet, "%s", cluster->name);
    sheet_add_peer(sheet, cluster->state, cluster->conflict);
    sheet_add_capacity(sheet, &cluster->capacity);
    for (uint32_t i = 0; i < capacity->fits_count; i++)
        text_addf(&fits, "%s%llu %s", i ? ", " : "", (unsigned long long)capacity->fits[i].count,
                  capacity->fits[i].shape);
    sheet_add(sheet, "%s", text_data(&fits));
    sheet_add(sheet, "%s", words_age(cluster->seen_ms).text);
    text_deinit(&fits);
}

static const char *const lease_words[LEASE_STATE_COUNT] = {
    [LEASE_NONE] = "none: VMs that may be restarted anywhere stand still there",
    [LEASE_RUNS] = "runs: VMs that may be restarted anywhere run there",
    [LEASE_ENDED] = "ended: VMs that may be restarted anywhere run there no more",
    [LEASE_HELD] = "ended, like most clusters': nothing is restarted until you say cluster recover",
};

/* Operators are told of it, where there is something to tell. */
static void show_lease(struct sheet *sheet, const struct node *cluster) {
    if (cluster->lease_ends_ms)
        sheet_pair(sheet, "lease", "runs until %s, then VMs that may be are restarted elsewhere",
                   words_date(cluster->lease_ends_ms).text);
    else if (cluster->lease || cluster->guarded)
        sheet_pair(sheet, "lease", "%s", lease_words[cluster->lease]);
    if (cluster->owed)
        sheet_pair(sheet, "may restart", "%llu VMs, elsewhere, once this cluster is lost",
                   (unsigned long long)cluster->owed);
    if (cluster->evictions)
        sheet_pair(sheet, "to put aside", "%llu VMs that run elsewhere by now",
                   (unsigned long long)cluster->evictions);
}

static void show_cluster(const void *record) {
    const struct node *cluster = record;
    const struct capacity *capacity = &cluster->capacity;
    struct sheet sheet = {0};
    sheet_pair(&sheet, "cluster", "%s", cluster->name);
    sheet_pair(&sheet, "state", "%s, since %s", peer_state_names[cluster->state],
               words_date(cluster->seen_ms).text);
    sheet_conflict(&sheet, "cluster", cluster->conflict, cluster->conflict_ms);
    if (cluster->labels[0])
        sheet_pair(&sheet, "labels", "%s", cluster->labels);
    sheet_capacity(&sheet, &cluster->capacity);
    sheet_doubts(&sheet, cluster->overclaims, cluster->unreadable);
    show_lease(&sheet, cluster);
    if (cluster->images)
        sheet_pair(&sheet, "images there", "%s", cluster->images);
    for (uint32_t i = 0; i < capacity->fits_count; i++)
        sheet_pair(&sheet, i ? "" : "room for", "%llu more of shape %s",
                   (unsigned long long)capacity->fits[i].count, capacity->fits[i].shape);
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

static const struct view clusters = {"/v1/clusters", &node_table,
                                     "NAME STATE CPUS MEMORY DISK ROOM SINCE", add_cluster,
                                     show_cluster};

int cluster_list(const struct options *options) { return watch_or_list(&clusters, options); }
int cluster_show(const struct options *options) {
    return view_show(&clusters, options, options->words[2]);
}

int cluster_forget(const struct options *options) {
    return view_change(&clusters, options, "POST /forget", NULL);
}
int cluster_accept(const struct options *options) {
    return view_change(&clusters, options, "POST /accept", NULL);
}
int cluster_declare_off(const struct options *options) {
    if (!options->i_have_checked) {
        say("a cluster that is off runs nothing, and its VMs are restarted elsewhere at once: if "
            "it does run, they run twice. Ask its owner, then say --i-have-checked");
        return EXIT_USAGE;
    }
    return view_change(&clusters, options, "POST /declare-off", NULL);
}
int cluster_recover(const struct options *options) {
    return view_change(&clusters, options, "POST /recover", NULL);
}

static void add_shape(struct sheet *sheet, const void *record) {
    const struct shape *shape = record;
    sheet_add(sheet, "%s", shape->name);
    sheet_add(sheet, "%u", shape->size.cpus);
    sheet_add(sheet, "%s", words_mib(shape->size.memory_mib).text);
    sheet_add(sheet, "%u GiB", shape->size.disk_gib);
}

int shape_list(const struct options *options) {
    static const struct view shapes = {"/v1/shapes", &shape_table, "NAME CPUS MEMORY DISK",
                                       add_shape, NULL};
    return view_list(&shapes, options);
}

static void add_network(struct sheet *sheet, const void *record) {
    const struct network *network = record;
    sheet_add(sheet, "%s", network->name);
    sheet_add(sheet, "%s", network->about);
}

int network_list(const struct options *options) {
    static const struct view networks = {"/v1/networks", &network_table, "NAME ABOUT",
                                         add_network, NULL};
    return view_list(&networks, options);
}

static void add_tenant(struct sheet *sheet, const void *record) {
    const struct account *tenant = record;
    struct words words[amounts_count];
    words_amounts(&tenant->used, &tenant->quota, words);
    sheet_add(sheet, "%s", tenant->name);
    for (size_t i = 0; i < amounts_count; i++)
        sheet_add(sheet, "%s", words[i].text);
    sheet_add(sheet, "%s", words_age(tenant->created_ms).text);
}

static void show_tenant(const void *record) {
    const struct account *tenant = record;
    struct sheet sheet = {0};
    sheet_pair(&sheet, "tenant", "%s", tenant->name);
    sheet_amounts(&sheet, &tenant->used, &tenant->quota);
    if (tenant->images_gib || tenant->images_bytes)
        sheet_pair(&sheet, "own images", "%s of %llu GiB", words_bytes(tenant->images_bytes).text,
                   (unsigned long long)tenant->images_gib);
    sheet_pair(&sheet, "clusters", "%s", words_or_all(tenant->permissions.clusters));
    sheet_pair(&sheet, "shapes", "%s", words_or_all(tenant->permissions.shapes));
    sheet_pair(&sheet, "images", "%s", words_or_all(tenant->permissions.images));
    sheet_pair(&sheet, "created", "%s", words_date(tenant->created_ms).text);
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

static const struct view tenants = {"/v1/tenants", &account_table,
                                    "NAME VMS CPUS MEMORY DISK AGE", add_tenant,
                                    show_tenant};

int tenant_list(const struct options *options) { return watch_or_list(&tenants, options); }
int tenant_show(const struct options *options) {
    return view_show(&tenants, options, options->words[2]);
}
int tenant_set_quota(const struct options *options) {
    struct account account;
    int result = view_read(&tenants, options, &account);
    if (result != EXIT_DONE)
        return result;
    result = view_put_limits(&tenants, options, "/quota", &account.quota);
    record_clear(&account_table, &account);
    return result;
}

int tenant_set_image_quota(const struct options *options) {
    struct image_quota quota = {options->images_gib};
    if (!options_given(options, "images-gib")) {
        say("tenant set-image-quota needs --images-gib; 0: it may have none");
        return EXIT_USAGE;
    }
    auto_clean(text_deinit) struct text body = {0};
    codec_encode(&image_quota_table, &quota, FIELD_API, &body);
    return view_change(&tenants, options, "PUT /image-quota", &body);
}

int tenant_set_permissions(const struct options *options) {
    struct account account;
    struct text body = {0};
    if (!options_own(options, 0)) {
        say("tenant set-permissions needs at least one of --clusters, --shapes and --images");
        return EXIT_USAGE;
    }
    int result = view_read(&tenants, options, &account);
    if (result != EXIT_DONE)
        return result;
    words_replace(&account.permissions.clusters, options->clusters);
    words_replace(&account.permissions.shapes, options->shapes);
    words_replace(&account.permissions.images, options->images);
    codec_encode(&tenant_permissions_table, &account.permissions, FIELD_API, &body);
    result = view_change(&tenants, options, "PUT /permissions", &body);
    text_deinit(&body);
    record_clear(&account_table, &account);
    return result;
}

int tenant_reset_permissions(const struct options *options) {
    return view_change(&tenants, options, "DELETE /permissions", NULL);
}

int tenant_delete(const struct options *options) {
    return view_delete(&tenants, options, "deleted");
}

static void show_created(const void *record) {
    const struct tenant_created *tenant = record;
    printf("tenant  %s\ntoken   %s\n", tenant->name, tenant->token);
    fputs("The token is shown this once: keep it in a file that only the tenant can read.\n",
          stderr);
}

int tenant_create(const struct options *options) {
    static const struct view created = {"/v1/tenants", &tenant_created_table, "", NULL,
                                        show_created};
    struct tenant_create create = {0};
    return view_create(&created, options, &tenant_create_table, &create);
}

static void show_whoami(const void *record) {
    const struct whoami *whoami = record;
    printf("%s%s%s\n", whoami->role, whoami->tenant[0] ? " " : "", whoami->tenant);
    if (*whoami->token)
        printf("token %s, rights %s%s%s\n", whoami->token_name, rights_names[whoami->rights],
               whoami->expires_ms ? ", until " : "",
               whoami->expires_ms ? words_date(whoami->expires_ms).text : "");
}

static void print_piece(void *context, const char *bytes, size_t length) {
    fwrite(bytes, 1, length, context);
    fflush(context); /* events are to be seen as they come */
}

/* `isthmus api GET /v1/vms`: the words are method and path. */
int api_ask(const struct options *options) {
    const char *method = options->words[1], *path = options->words[2];
    auto_clean(text_deinit) struct text body = {0};
    struct call call;
    struct error err;
    if (!*method || method[strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] ||
        !text_starts(path, "/v1/") || strpbrk(path, " \r\n#")) {
        say("'%s %s' is no request", method, path);
        fprintf(stderr, "  what to do: write it as in isthmus api GET /v1/vms\n");
        return EXIT_USAGE;
    }
    if (options->body && options_read_file(options->body, limit_body, &body, &err)) {
        say("%s", err.text);
        return EXIT_USAGE;
    }
    call_init(&call, options, method, path);
    call.http.idempotency_key = options->key;
    call.http.content_type = options->body ? "application/json" : NULL;
    call.http.body = options->body ? text_data(&body) : NULL;
    call.http.on_data = print_piece;
    call.http.context = stdout;
    int result = call_run(&call);
    if (result == EXIT_DONE && !text_starts(call.http.answer_type, "application/octet-stream"))
        puts("");
    call_deinit(&call);
    return result;
}

int whoami_show(const struct options *options) {
    static const struct view view = {"/v1/whoami", &whoami_table, "", NULL, show_whoami};
    return view_show(&view, options, NULL);
}

/* What stands behind # is the browser's alone: it is in no request, and in no server's log. */
int web_link(const struct options *options) {
    static const char path[] = "/v1/tickets";
    struct call call;
    struct ticket ticket = {0};
    call_init(&call, options, "GET", "/"); /* is there a page? */
    int result = call_run(&call);
    call_deinit(&call);
    if (result != EXIT_DONE)
        return result;
    call_init(&call, options, "POST", path);
    result = call_run(&call);
    if (result == EXIT_DONE)
        result = call_decode(&call, &ticket_table, &ticket);
    if (result == EXIT_DONE && options->output == OUTPUT_JSON) {
        puts(text_data(&call.http.answer));
    } else if (result == EXIT_DONE) {
        bool is_elsewhere = *ticket.url; /* the owner's socket is no browser's */
        printf("%.*s/#ticket=%s\n",
               (int)(is_elsewhere ? strlen(ticket.url) : call.url.length - strlen(path)),
               is_elsewhere ? ticket.url : text_data(&call.url), ticket.ticket);
        fputs("Who opens it first is logged in; it is good for two minutes.\n", stderr);
    }
    call_deinit(&call);
    return result;
}
