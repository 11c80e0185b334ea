/* A hole is made where the older part was, so that whoever writes goes on at the end. */
#include "io/host/guests/console.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "io/os/folder.h"

enum { most_bytes = 4 << 20, kept_bytes = 1 << 20 };

static void trim(const char *path) {
    struct stat about;
    auto_clean(fd_clean) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode) &&
        about.st_blocks * 512 > most_bytes && about.st_size > kept_bytes)
        (void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                        about.st_size - kept_bytes);
}

void host_consoles_trim(const char *vms) {
    DIR *directory = opendir(vms);
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        auto_clean(text_deinit) struct text path = {0};
        text_addf(&path, "%s/%s/console.log", vms, entry->d_name);
        trim(text_data(&path));
    }
    if (directory)
        (void)closedir(directory);
}
