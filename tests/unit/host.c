#include "host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

struct far *manager;

void host_begin(const char *networks) {
    const struct role_settings settings = {
        .kind = ROLE_AGENT, .seed = 3, .managers_count = 1, .host_networks = networks};
    bench_init(&bench, &settings);
    manager = bench_manager(&bench, 0);
}

void host_tell(const struct event_host *host) {
    static const struct event_host usual = {{4, 4096, 50}, "test"};
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_HOST, .host = host ? *host : usual});
}

void host_connect(void) {
    bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
    bench_welcome(&bench, manager);
}

void host_open(const char *networks) {
    host_begin(networks);
    host_tell(NULL);
    host_connect();
}

static struct {
    uint64_t job; /* 0: none, or it was another step's */
    bool starts;
} under_way;

const struct effect_job *host_job(void) {
    const struct effect *effect = bench_last(&bench, EFFECT_JOB);
    return effect ? &effect->job : NULL;
}

void host_assert_starting(void) {
    assert_null(host_job());
    assert_true(under_way.job && !under_way.starts);
}

void host_assert_job(enum job_kind kind) {
    assert_int_equal(bench_count(&bench, EFFECT_JOB), 1);
    assert_string_equal(job_names[host_job()->kind], job_names[kind]);
}

void host_end(struct event_job end) {
    const struct effect_job *job = host_job();
    if (job) {
        under_way.job = job->job;
        under_way.starts = job->starts;
    }
    assert_true(under_way.job);
    end.job = under_way.job;
    end.starts = under_way.starts && end.code == CODE_OK;
    under_way.starts = false;
    under_way.job = end.starts ? end.job : 0;
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_JOB, .job = end});
}

void host_end_job(enum code code) { host_end((struct event_job){.code = code}); }

void host_domain_is(const char *vm, uint32_t epoch, enum vm_state in, enum domain_news why) {
    struct event event = {.kind = EVENT_DOMAIN,
                          .domain = {.epoch = epoch, .state = in, .why = why}};
    text_set(event.domain.vm, bench_instruct("1", vm, 1, VERB_START).instruct.vm);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
}

const struct result *host_assert_result(enum code code, enum vm_state in) {
    const struct message *told = bench_told(&bench, manager, MESSAGE_RESULT);
    assert_non_null(told);
    assert_string_equal(code_names[told->result.code], code_names[code]);
    assert_string_equal(vm_state_names[told->result.state], vm_state_names[in]);
    return &told->result;
}

void host_run_vm(void) {
    bench_say(&bench, manager, bench_define("1", "1", 1, &bench_shapes[0]));
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    (void)host_assert_result(CODE_OK, VM_RUNNING);
}
