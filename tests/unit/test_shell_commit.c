/* When the shell commits: what nobody outside can notice waits for what somebody can. The role and
 * the store are the test's own; what is done with the store and what leaves stands in a journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/shell/shell.h"

static struct text journal; /* "put t;commit;job;" */

struct role {
    uint64_t pause_ms, deadline_ms;
};

struct host {
    int unused;
};

/* The start deletes a record, and nothing leaves; the tick, pause_ms later, saves one twice, has
 * the host do something and ends. */
void role_step(struct role *role, const struct event *event, struct effects *out) {
    const struct tenant tenant = {.name = "t"};
    if (event->kind == EVENT_START) {
        effects_forget(out, &tenant_table, "gone");
        role->deadline_ms = event->now_ms + role->pause_ms;
    } else if (event->kind == EVENT_TICK) {
        role->deadline_ms = UINT64_MAX;
        effects_save(out, &tenant_table, &tenant);
        effects_add(out, EFFECT_JOB)->job.kind = JOB_SCAN;
        effects_save(out, &tenant_table, &tenant);
        effects_add(out, EFFECT_DONE);
    }
}

uint64_t role_deadline_ms(const struct role *role) { return role->deadline_ms; }

void store_put(struct store *store, struct record *record) {
    (void)store;
    text_addf(&journal, "put %s;", (const char *)record->data);
    record_deinit(record);
}

void store_delete(struct store *store, struct record *record) {
    (void)store;
    text_addf(&journal, "delete %s;", (const char *)record->data);
    record_deinit(record);
}

int store_commit(struct store *store, struct error *err) {
    (void)store, (void)err;
    text_add(&journal, "commit;");
    return 0;
}

bool store_has_room(struct store *store) {
    (void)store;
    return true;
}

int store_get(struct store *store, struct record *record, struct error *err) {
    (void)store, (void)record, (void)err;
    return 0;
}

int store_load(struct store *store, void (*each)(void *context, const struct record *record),
               void *context, struct error *err) {
    (void)store, (void)each, (void)context, (void)err;
    return 0;
}

static void on_job(struct host *host, const struct effect_job *job) {
    (void)host, (void)job;
    text_add(&journal, "job;");
}

static void run(uint64_t pause_ms, const char *expected) {
    const struct log log = {.daemon = "test", .level = LOG_ERROR};
    struct role role = {.pause_ms = pause_ms, .deadline_ms = UINT64_MAX};
    struct host host = {0};
    const struct shell_ports ports = {.host = &host, .submit = on_job};
    struct shell *shell = shell_new(&role, &log);
    struct error err = {0};
    text_clear(&journal);
    assert_int_equal(shell_run(shell, &ports, &err), 0);
    assert_string_equal(text_data(&journal), expected);
    shell_free(shell);
    text_deinit(&journal);
}

static void what_nobody_can_notice_waits_for_the_next_commit(void **state) {
    (void)state;
    run(1, "delete gone;put t;put t;commit;job;");
}

static void what_nobody_can_notice_is_committed_soon_all_the_same(void **state) {
    (void)state;
    run(500, "delete gone;commit;put t;put t;commit;job;");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_can_notice_waits_for_the_next_commit),
        cmocka_unit_test(what_nobody_can_notice_is_committed_soon_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
