/* The limit of descriptors, as the kernel keeps it (getrlimit(2)). */
#include "io/os/descriptors.h"

#include <sys/resource.h>

void descriptors_raise(size_t wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}
