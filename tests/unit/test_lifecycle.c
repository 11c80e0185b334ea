/* The life of a VM, spelled out here once more and independently: each pair of states, each verb
 * in each state. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/books/lifecycle.h"

/* Columns and rows in the order of enum vm_state:
 * pending Stopped Running pAused sUspended Crashed Lost Deleting Failed deleteD; x: legal */
static const char followers[VM_STATE_COUNT][VM_STATE_COUNT + 1] = {
    /*              p s r a u c l d f d */
    /* pending   */ "xxxxxxxxxx",
    /* stopped   */ ".xxxxxxxxx",
    /* running   */ ".xxxxxxxxx",
    /* paused    */ ".xxxxxxx.x",
    /* suspended */ ".xxxxxxxxx",
    /* crashed   */ ".xxxxxxxxx",
    /* lost      */ "xxxxxxxx.x",
    /* deleting  */ ".......x.x",
    /* failed    */ "x......xxx",
    /* deleted   */ ".........x",
};

static const char verbs[VERB_COUNT][VM_STATE_COUNT + 1] = {
    /*             p s r a u c l d f d */
    /* define   */ "..........",
    /* start    */ ".x..xx....",
    /* shutdown */ "..x.......",
    /* stop     */ "..xxxx....",
    /* reboot   */ "..x.......",
    /* pause    */ "..x.......",
    /* resume   */ "...x......",
    /* suspend  */ "..xx......",
    /* resize   */ ".xx..x....",
    /* rename   */ ".xxxxxx...",
    /* edit     */ ".xxxxxx...",
    /* lock     */ ".xxxxxx...",
    /* unlock   */ ".xxxxxx...",
    /* snapshot */ ".xx..x....",
    /* revert   */ ".xx..x....",
    /* rebuild  */ ".xx..x....",
    /* snapshot-delete */ ".xx..x....",
    /* receive  */ "..........",
    /* migrate  */ "..x.......",
    /* adopt    */ "xxxxxx....",
    /* discard  */ "..........",
    /* delete   */ "xxxxxxxxx.",
    /* evict    */ "..........",
    /* copy     */ ".xxx.x....",
    /* allow    */ ".xxx.x....",
    /* interface-add    */ ".xx..x....",
    /* interface-remove */ ".xx..x....",
};

static void each_move_between_states_is_as_the_table_says(void **state) {
    (void)state;
    for (enum vm_state from = 0; from < VM_STATE_COUNT; from++)
        for (enum vm_state to = 0; to < VM_STATE_COUNT; to++)
            if (lifecycle_may_follow(from, to) != (followers[from][to] == 'x'))
                fail_msg("%s to %s", vm_state_names[from], vm_state_names[to]);
}

static void a_legal_move_is_written_with_its_time(void **state) {
    (void)state;
    for (enum vm_state from = 0; from < VM_STATE_COUNT; from++)
        for (enum vm_state to = 0; to < VM_STATE_COUNT; to++) {
            struct vm vm = {.state = from};
            if (followers[from][to] != 'x')
                continue;
            lifecycle_set_state(&vm, to, 77);
            assert_int_equal(vm.state, to);
            assert_int_equal(vm.changed_ms, 77);
        }
}

/* True: the move ended the process by its assertion. */
static bool move_aborts(enum vm_state from, enum vm_state to) {
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct vm vm = {.state = from};
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        lifecycle_set_state(&vm, to, 1);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void each_illegal_move_ends_the_process(void **state) {
    (void)state;
    for (enum vm_state from = 0; from < VM_STATE_COUNT; from++)
        for (enum vm_state to = 0; to < VM_STATE_COUNT; to++)
            if (followers[from][to] != 'x' && !move_aborts(from, to))
                fail_msg("%s to %s was let through", vm_state_names[from], vm_state_names[to]);
}

static void each_verb_in_each_state_is_as_the_table_says(void **state) {
    (void)state;
    for (enum verb verb = 0; verb < VERB_COUNT; verb++)
        for (enum vm_state in = 0; in < VM_STATE_COUNT; in++)
            if (lifecycle_permits(verb, in) != (verbs[verb][in] == 'x'))
                fail_msg("%s while %s", verb_names[verb], vm_state_names[in]);
}

static void only_failed_deleted_and_lost_vms_take_no_room(void **state) {
    (void)state;
    for (enum vm_state in = 0; in < VM_STATE_COUNT; in++)
        assert_true(lifecycle_occupies(in) ==
                    (in != VM_FAILED && in != VM_DELETED && in != VM_LOST));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_move_between_states_is_as_the_table_says),
        cmocka_unit_test(a_legal_move_is_written_with_its_time),
        cmocka_unit_test(each_illegal_move_ends_the_process),
        cmocka_unit_test(each_verb_in_each_state_is_as_the_table_says),
        cmocka_unit_test(only_failed_deleted_and_lost_vms_take_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
