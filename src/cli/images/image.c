/* The verbs on images: what is said of one, and what is shown of it. */
#include "cli/images/image.h"

#include "cli/images/export.h"
#include "cli/images/import.h"
#include "cli/watch.h"

static void add_image(struct sheet *sheet, const void *record) {
    const struct image *image = record;
    sheet_add(sheet, "%s", image->name);
    sheet_add(sheet, "%s", image->architecture);
    sheet_add(sheet, "%s", words_bytes(image->archive_bytes).text);
    sheet_add(sheet, "%u GiB", image->disk_gib);
    sheet_add(sheet, "%s", words_age(image->created_ms).text);
    sheet_add(sheet, "%.12s", image->digest);
}

static void show_image(const void *record) {
    const struct image *image = record;
    struct sheet sheet = {0};
    sheet_pair(&sheet, "image", "%s", image->name);
    sheet_pair(&sheet, "digest", "%s", image->digest);
    sheet_pair(&sheet, "architecture", "%s", image->architecture);
    if (*image->tenant)
        sheet_pair(&sheet, "tenant", "%s%s", image->tenant, image->shared ? ", for all" : "");
    if (*image->source)
        sheet_pair(&sheet, "file", "%s", image->source);
    sheet_pair(&sheet, "archive", "%s", words_bytes(image->archive_bytes).text);
    sheet_pair(&sheet, "least disk", "%u GiB", image->disk_gib);
    if (image->least_cpus)
        sheet_pair(&sheet, "least cpus", "%u", image->least_cpus);
    if (image->least_memory_mib)
        sheet_pair(&sheet, "least memory", "%u MiB", image->least_memory_mib);
    sheet_pair(&sheet, "firmware", "%s", firmware_names[image->machine.firmware]);
    sheet_pair(&sheet, "disk bus", "%s", disk_bus_names[image->machine.disk_bus]);
    sheet_pair(&sheet, "clock", "%s", guest_clock_names[image->machine.clock]);
    sheet_pair(&sheet, "tpm", "%s", tpm_names[image->machine.tpm]);
    sheet_pair(&sheet, "cloud-init", "%s", contained_names[image->cloud_init]);
    sheet_pair(&sheet, "guest agent", "%s", contained_names[image->guest_agent]);
    sheet_pair(&sheet, "imported", "%s", words_date(image->created_ms).text);
    if (image->clusters)
        sheet_pair(&sheet, "there already", "%s", image->clusters);
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

static const struct view images = {"/v1/images", &image_table,
                                   "NAME ARCHITECTURE ARCHIVE DISK AGE DIGEST", add_image,
                                   show_image};

int image_list(const struct options *options) { return watch_or_list(&images, options); }
int image_show(const struct options *options) {
    return view_show(&images, options, options->words[2]);
}

/* What is said of it. */
static void add_words(struct call *call, const struct options *options) {
    call_add_parameter(call, "architecture", options->architecture);
    call_add_parameter(call, "firmware", options->firmware);
    call_add_parameter(call, "disk_bus", options->disk_bus);
    call_add_parameter(call, "clock", options->clock);
    call_add_parameter(call, "tpm", options->tpm);
    call_add_parameter(call, "cloud_init", options->cloud_init);
    call_add_parameter(call, "guest_agent", options->guest_agent);
    call_add_number(call, "least_cpus", options->min_cpus);
    call_add_number(call, "least_memory_mib", options->min_memory_mib);
    call_add_number(call, "disk_gib", options->min_disk_gib);
}

int image_import(const struct options *options) {
    return import_run(&images, options, add_words);
}

int image_export(const struct options *options) { return export_run(&images, options); }

int image_share(const struct options *options) {
    return view_change(&images, options, "POST /share", NULL);
}

int image_unshare(const struct options *options) {
    return view_change(&images, options, "POST /unshare", NULL);
}

int image_delete(const struct options *options) {
    return view_delete(&images, options, "deleted");
}
