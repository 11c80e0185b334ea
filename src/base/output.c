/* When a program's words are counted as lost: no room, or nobody there to read them. */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void output_begin(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && /* the lowest that is free is this one; 1 cannot be written */
            open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
            _exit(OUTPUT_LOST);
}

int output_end(const char *program, int code) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr,
            "%s: write to standard output: %s; what it was to print is lost, but what was asked is "
            "done: where that was a token, revoke it and ask for another one\n",
            program, errno ? strerror(errno) : "it failed");
    return code ? code : OUTPUT_LOST;
}
