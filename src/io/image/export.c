/* Whole or not at all: it is unpacked beside the wanted name, and gets that at the end. */
#include "io/image/export.h"

#include "base/text.h"
#include "io/os/folder.h"

int image_export_disk(const struct image_export *export, struct image_facts *out_facts,
                      struct error *err) {
    auto_clean(text_deinit) struct text folder = {0}, disk = {0};
    const struct image_bounds bounds = {.digest = export->digest};
    text_addf(&folder, "%s.unpacked", export->to);
    text_addf(&disk, "%s/disk", text_data(&folder));
    int fault = image_archive_unpack(export->archive, &bounds, text_data(&folder), out_facts, err);
    if (!fault)
        fault = folder_commit(text_data(&disk), export->to, err);
    (void)folder_remove(text_data(&folder), NULL);
    return fault;
}
