/* The machine that an image needs goes to who gives it: an older place makes each VM as it always
 * did, and would start by BIOS what starts by UEFI alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "cluster.h"

static struct cloud above;

static const struct machine unusual[] = {{.firmware = FIRMWARE_UEFI},
                                         {.firmware = FIRMWARE_SECURE_BOOT},
                                         {.disk_bus = DISK_BUS_SCSI},
                                         {.disk_bus = DISK_BUS_SATA},
                                         {.clock = GUEST_CLOCK_LOCAL},
                                         {.tpm = TPM_2}};

static void what_an_older_place_does_anyway_asks_for_no_version(void **state) {
    (void)state;
    static char key[] = "ssh-rsa AAAA", data[] = "H4sI";
    struct definition definition = {.ssh_keys = key, .user_data_base64 = data};
    assert_int_equal(machine_version(&(struct machine){0}), 0);
    assert_int_equal(machine_version(&(struct machine){.firmware = FIRMWARE_BIOS}), 0);
    assert_string_equal(instruct_newest(&definition), "ssh_keys");
    definition.ssh_keys = NULL;
    assert_int_equal(instruct_version(&definition), protocol_version_user_data);
    assert_string_equal(instruct_newest(&definition), "user_data_base64");
    for (size_t i = 0; i < array_size(unusual); i++) {
        definition.machine = unusual[i];
        uint32_t version = unusual[i].tpm ? protocol_version_tpm : 3;
        assert_int_equal(machine_version(&unusual[i]), version);
        assert_int_equal(instruct_version(&definition), version);
        assert_string_equal(instruct_newest(&definition), "image");
    }
    definition.allow = key; /* an older place would let in everybody */
    assert_int_equal(instruct_version(&definition), protocol_version_allow);
    assert_string_equal(instruct_newest(&definition), "allow");
}

/* --- the cloud --- */

static void say_of_debian(struct machine machine) {
    struct request said = cloud_request(&above, cloud_operator, REQUEST_IMAGE_ADD);
    text_set(said.image.name, "debian");
    text_format(said.image.digest, limit_digest_size, "%064d", 1);
    said.image.machine = machine;
    const struct reply *reply = bench_ask(&above.bench, &said);
    assert_int_not_equal(reply->kind, REPLY_PROBLEM);
}

static void get_old(struct far *cluster, uint64_t room) {
    cluster->is_old = true;
    bench_hello(&above.bench, cluster, room);
}

static struct far *asked(const struct request *wish) {
    struct message instruct;
    (void)cloud_begin(&above, wish);
    struct far *cluster = cloud_instructed(&above, &instruct);
    assert_non_null(cluster);
    return cluster;
}

static void assert_told(const struct request *request, const char *text) {
    cloud_assert_refused(&above, request, CODE_UNSUPPORTED, "image");
    assert_string_equal(bench_ask(&above.bench, request)->text, text);
}

static void a_cluster_is_asked_that_gives_an_image_what_it_needs(void **state) {
    (void)state;
    get_old(above.north, 2);
    struct request wish = cloud_wish(&above, cloud_alice, "usual");
    assert_ptr_equal(asked(&wish), above.north); /* it has more room */
    cloud_answer(&above, CODE_OK, VM_RUNNING);
    say_of_debian((struct machine){.firmware = FIRMWARE_UEFI});
    wish = cloud_wish(&above, cloud_alice, "web");
    assert_ptr_equal(asked(&wish), above.south);
    cloud_answer(&above, CODE_OK, VM_RUNNING);
    struct request rebuild = cloud_act(&above, cloud_alice, VERB_REBUILD, "web");
    assert_ptr_equal(asked(&rebuild), above.south);
    cloud_answer(&above, CODE_OK, VM_RUNNING);
}

static void older_clusters_alone_are_named_with_what_to_do(void **state) {
    (void)state;
    struct request usual = cloud_wish(&above, cloud_alice, "usual");
    struct request wish = cloud_wish(&above, cloud_alice, "web");
    struct far *its = asked(&usual);
    cloud_answer(&above, CODE_OK, VM_RUNNING);
    get_old(above.north, 2);
    get_old(above.south, 2);
    for (size_t i = 0; i < array_size(unusual); i++) {
        say_of_debian(unusual[i]);
        cloud_assert_refused(&above, &wish, CODE_UNSUPPORTED, "image");
    }
    assert_told(&wish, "no cluster gives a VM the firmware, disk bus, clock and TPM that image "
                       "'debian' needs: they run an older version; upgrade one");
    struct request rebuild = cloud_act(&above, cloud_alice, VERB_REBUILD, "usual");
    assert_ptr_equal(its, above.north);
    assert_told(&rebuild, "cluster agent-0 runs an older version, which does not give a VM the "
                          "firmware, disk bus, clock and TPM that image 'debian' needs: upgrade "
                          "it");
    struct request resize = cloud_act(&above, cloud_alice, VERB_RESIZE, "usual");
    text_set(resize.reshape.shape, "large"); /* it keeps its machine */
    assert_ptr_equal(asked(&resize), above.north);
}

/* --- the cluster --- */

static int set_up_cluster(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){9, 5}, 2, (struct amounts){0});
    bench_agent(&bench, 0)->is_old = true;
    bench_hello(&bench, bench_agent(&bench, 0), 9);
    bench_pass(&bench, 200);
    return 0;
}

static struct message define(const char *vm, enum firmware firmware) {
    struct message message = bench_define(vm, vm, 1, &bench_shapes[0]);
    message.instruct.definition.machine.firmware = firmware;
    return message;
}

static struct message reshape(const char *op, uint64_t generation, enum verb verb) {
    struct message message = bench_instruct(op, "1", generation, verb);
    const struct message as = define("1", FIRMWARE_UEFI);
    message.instruct.definition = as.instruct.definition;
    return message;
}

static void an_older_host_gets_only_what_it_does_anyway(void **state) {
    (void)state;
    struct message instruct;
    bench_say(&bench, cloud, define("1", FIRMWARE_BIOS));
    cluster_image(CODE_OK);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 0)); /* it has more room */
    cluster_answer(CODE_OK, VM_STOPPED);
    bench_say(&bench, cloud, define("2", FIRMWARE_UEFI));
    cluster_image(CODE_OK);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 1));
    cluster_answer(CODE_OK, VM_RUNNING);
    bench_say(&bench, cloud, reshape("3", 2, VERB_REBUILD));
    cluster_assert_result(cloud, CODE_UNSUPPORTED, VM_STOPPED);
    bench_say(&bench, cloud, reshape("4", 3, VERB_RESIZE)); /* it keeps its machine */
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 0));
}

static void an_owner_is_told_that_its_hosts_are_older(void **state) {
    (void)state;
    bench_agent(&bench, 1)->is_old = true;
    bench_hello(&bench, bench_agent(&bench, 1), 5);
    const struct message message = define("1", FIRMWARE_SECURE_BOOT);
    struct request show = {.kind = REQUEST_OP_SHOW};
    text_set(show.key, message.instruct.op);
    bench_say(&bench, cloud, message);
    cluster_image(CODE_OK);
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED); /* inside, it is the owner's */
    const struct operation *op = bench_ask(&bench, &show)->record.data;
    assert_int_equal(op->hindered_count, 1);
    assert_int_equal(op->hindered[0].why, HINDRANCE_OLD);
    assert_int_equal(op->hindered[0].hosts, 2);
}

static void a_vm_that_runs_leaves_for_no_older_host(void **state) {
    (void)state;
    static const enum firmware firmwares[] = {FIRMWARE_UEFI, FIRMWARE_BIOS};
    for (size_t i = 0; i < array_size(firmwares); i++) {
        struct message instruct, made = define("1", firmwares[i]);
        struct request drain = {.kind = REQUEST_HOST_DRAIN};
        cluster_reopen((const uint64_t[]){9, 5}, 2, (struct amounts){0});
        bench_hello_live(&bench, bench_agent(&bench, 0), 9);
        made.instruct.definition.on_drain = ON_DRAIN_MIGRATE;
        made.instruct.definition.start = true;
        bench_say(&bench, cloud, made);
        cluster_image(CODE_OK);
        assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 0));
        cluster_answer(CODE_OK, VM_RUNNING);
        bench_agent(&bench, 1)->is_old = true;
        bench_hello_live(&bench, bench_agent(&bench, 1), 5);
        text_set(drain.key, "agent-0");
        assert_int_equal(bench_ask(&bench, &drain)->kind, REPLY_RECORD);
        const struct effect *fetch = bench_last(&bench, EFFECT_IMAGE);
        assert_true(firmwares[i] == FIRMWARE_UEFI ? !fetch : !!fetch);
        if (!fetch)
            continue;
        cluster_image(CODE_OK);
        assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 1));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_older_place_does_anyway_asks_for_no_version),
        cloud_test(a_cluster_is_asked_that_gives_an_image_what_it_needs, &above),
        cloud_test(older_clusters_alone_are_named_with_what_to_do, &above),
        cmocka_unit_test_setup_teardown(an_older_host_gets_only_what_it_does_anyway,
                                        set_up_cluster, cluster_tear_down),
        cmocka_unit_test_setup_teardown(an_owner_is_told_that_its_hosts_are_older, set_up_cluster,
                                        cluster_tear_down),
        cmocka_unit_test_setup_teardown(a_vm_that_runs_leaves_for_no_older_host, set_up_cluster,
                                        cluster_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
