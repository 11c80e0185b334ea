/* A row is printed as it is read, and a frame as it is opened, by whichever end of a link has the
 * key. */
#include "main/daemon/dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/keys/key_file.h"
#include "io/keys/seal.h"
#include "io/store/store.h"
#include "message/protocol.h"

static void dump_row(void *context, const struct record *record) {
    struct text *line = context;
    text_clear(line);
    codec_encode(record->table, record->data, FIELD_STORE, line);
    (void)printf("%s %s\n", record->table->name, text_data(line));
}

int dump_store(const char *daemon, const char *path, struct error *err) {
    auto_clean(text_deinit) struct text line = {0};
    struct store *store = store_open_to_read(path, daemon, err);
    int result = store ? store_load(store, dump_row, &line, err) : err->code;
    store_close(store);
    return result;
}

static const char peer[] = "peer"; /* whose address nobody asks for */

static int print_frame(struct seal *const ends[2], const char *line, struct text *opened,
                       struct error *err) {
    struct codec_fault fault;
    struct frame frame;
    size_t length = strcspn(line, "\r\n");
    if (seal_open(ends[0], peer, line, length, opened) != SEAL_DONE &&
        seal_open(ends[1], peer, line, length, opened) != SEAL_DONE)
        return error_set(err, -EINVAL, "the peer has sealed no such frame for the key in the file");
    if (frame_decode(text_data(opened), opened->length, &frame, &fault))
        return error_set(err, -EINVAL, "the frame cannot be read: %s %s", fault.field, fault.text);
    text_clear(opened);
    codec_encode(&frame_table, &frame, FIELD_WIRE, opened);
    frame_clear(&frame);
    (void)printf("%s\n", text_data(opened));
    return 0;
}

static int print_frames(struct seal *const ends[2], struct error *err) {
    auto_clean(text_deinit) struct text opened = {0};
    char *line = NULL;
    size_t capacity = 0;
    int number = 0, result = 0;
    while (!result && getline(&line, &capacity, stdin) > 0) {
        number++;
        result = print_frame(ends, line, &opened, err);
    }
    free(line);
    return result ? error_wrap(err, "line %d", number) : 0;
}

int dump_frames(const char *path, const char *peer_key, struct error *err) {
    char key[limit_key_line_size];
    struct seal *ends[2] = {0};
    int result = key_file_read(path, key, err);
    if (!result && (!(ends[0] = seal_new(SEAL_AGENT, key, err)) ||
                    !(ends[1] = seal_new(SEAL_MANAGER, key, err)) ||
                    seal_pin(ends[0], peer, peer_key, err) ||
                    seal_pin(ends[1], peer, peer_key, err)))
        result = err->code;
    key_file_forget(key);
    if (!result)
        result = print_frames(ends, err);
    seal_free(ends[0]);
    seal_free(ends[1]);
    return result;
}
