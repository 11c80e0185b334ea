/* The file: checkpoint, key, root, the pages that are not the image's, and the digest of all that.
 */
#include "io/host/copy/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/os/folder.h"

enum { head_bytes = host_checkpoint_size + block_key_bytes };

void kept_copy_deinit(struct kept_copy *kept) {
    tree_deinit(&kept->tree);
    *kept = (struct kept_copy){0};
}

static int read_file(const char *path, struct text *out) {
    char piece[16384];
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (ssize_t length; (length = read(fd, piece, sizeof(piece))) != 0;) {
        if (length < 0)
            return -errno;
        text_add_bytes(out, piece, (size_t)length);
    }
    return out->full ? -EFBIG : 0;
}

static size_t root_bytes(uint64_t disk_bytes) {
    const uint64_t of_page = (uint64_t)block_bytes * page_blocks;
    return root_head_bytes + (size_t)((disk_bytes + of_page - 1) / of_page) * block_digest_bytes;
}

/* The tree whose root and pages these bytes are, from end to end. */
static int read_tree(const unsigned char *bytes, size_t length, struct tree *out) {
    uint64_t disk_bytes = 0;
    for (size_t i = 8; i < 16 && length >= root_head_bytes; i++)
        disk_bytes = disk_bytes << 8 | bytes[i];
    size_t at = disk_bytes < UINT64_C(1) << 48 ? root_bytes(disk_bytes) : length + 1;
    struct root root;
    if (at > length || root_read(bytes, at, &root, NULL) ||
        tree_init(out, disk_bytes, &root.image, NULL))
        return -EINVAL;
    for (size_t i = 0; i < root.pages_count; i++) {
        if (!block_digest_is_kept(&root.pages[i]))
            continue;
        if (length - at < page_bytes)
            return -EINVAL;
        out->pages[i] = memory_copy(bytes + at, page_bytes);
        at += page_bytes;
    }
    return at == length ? 0 : -EINVAL;
}

static int parse(const struct text *file, const struct block_key *key, struct kept_copy *out) {
    struct block_digest is, said;
    if (file->length < head_bytes + root_head_bytes + block_digest_bytes)
        return -EINVAL;
    size_t length = file->length - block_digest_bytes;
    block_hash(key, file->data, length, &is);
    memcpy(&said, file->data + length, sizeof(said));
    if (!block_digest_equal(&is, &said)) /* another key's, too */
        return -EINVAL;
    memcpy(out->checkpoint, file->data, host_checkpoint_size - 1);
    out->key = *key;
    return read_tree((const unsigned char *)file->data + head_bytes, length - head_bytes,
                     &out->tree);
}

void kept_copy_read(const char *path, const struct block_key *key, struct kept_copy *out) {
    auto_clean(text_deinit) struct text file = {0};
    *out = (struct kept_copy){0};
    if (read_file(path, &file) || parse(&file, key, out))
        kept_copy_deinit(out);
}

int kept_copy_write(const char *path, const struct kept_copy *kept, struct error *err) {
    auto_clean(text_deinit) struct text file = {0}, unfinished = {0};
    struct block_digest sum;
    text_add_bytes(&file, kept->checkpoint, sizeof(kept->checkpoint));
    text_add_bytes(&file, (const char *)kept->key.bytes, sizeof(kept->key));
    tree_root(&kept->tree, &kept->key, &file);
    struct root root;
    int failed = root_read(file.data + head_bytes, file.length - head_bytes, &root, err);
    for (size_t i = 0; !failed && i < kept->tree.pages_count; i++)
        if (kept->tree.pages[i] && !block_page_is_image(kept->tree.pages[i]))
            text_add_bytes(&file, (const char *)kept->tree.pages[i], page_bytes);
    block_hash(&kept->key, file.data, file.length, &sum);
    text_add_bytes(&file, (const char *)sum.bytes, sizeof(sum));
    text_addf(&unfinished, "%s.new", path);
    auto_clean(fd_clean) int fd = failed ? -1 : open(text_data(&unfinished),
                                                     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                                                     0600);
    if (!failed && fd < 0)
        return error_set(err, -errno, "make %s: %s", text_data(&unfinished), strerror(errno));
    if (!failed)
        failed = file_write(fd, file.data, file.length, text_data(&unfinished), err);
    return failed ? failed : folder_commit(text_data(&unfinished), path, err);
}
