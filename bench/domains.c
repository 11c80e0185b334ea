/* What libvirt itself takes to define and start a domain, of our own XML, without us; and the
 * memory of a process that has its client library loaded and connected and does nothing more.
 *
 *     bench-domains URI COUNT
 *     bench-domains URI resident */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>

#include "base/text.h"
#include "io/host/domain.h"
#include "measure.h"

static void define_and_start(virConnectPtr connection, size_t number) {
    struct effect_job job = {.epoch = 1, .definition = {.size = {1, 32, 1}}};
    text_format(job.vm, sizeof(job.vm), "vm-%026zu", number);
    const struct host_domain_plan plan = {.type = "test", .architecture = "x86_64", .disk = "",
                                          .seed = "", .console_log = "", .job = &job};
    char uuid[37];
    text_format(uuid, sizeof(uuid), "00000000-0000-8000-a000-%012zu", number);
    auto_clean(text_deinit) struct text xml = {0};
    host_domain_xml(&plan, uuid, &xml);
    virDomainPtr domain = virDomainDefineXML(connection, text_data(&xml));
    if (!domain || virDomainCreate(domain) < 0)
        measure_fail("define and start a domain", virGetLastErrorMessage());
    virDomainFree(domain);
}

int main(int count, char **arguments) {
    if (count != 3)
        measure_fail("run", "usage: bench-domains URI COUNT|resident");
    virConnectPtr connection = virConnectOpen(arguments[1]);
    if (!connection)
        measure_fail("connect", arguments[1]);
    if (text_equal(arguments[2], "resident")) {
        (void)printf("{\"resident_kib\": %lu}\n", measure_resident_kib());
        virConnectClose(connection);
        return 0;
    }
    size_t wanted = measure_number(arguments[2]);
    struct series series = {0};
    series_begin(&series);
    for (size_t i = 0; i < wanted; i++) {
        double begin_us = measure_now_us();
        define_and_start(connection, i);
        series_add(&series, measure_now_us() - begin_us);
    }
    series_end(&series);
    series_print(&series);
    series_deinit(&series);
    virConnectClose(connection);
    return 0;
}
