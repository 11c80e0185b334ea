/* A machine of one page is made in a process of its own: one that hangs is ended by its alarm. */
#include "io/os/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char device[] = "/dev/kvm";
static const char remedy[] = "check that the firmware has virtualisation on, and the kernel the "
                             "module kvm_intel or kvm_amd; or set [host] accelerator = tcg";

enum { page_bytes = 4096, run_seconds = 5, halt = 0xf4 };

/* How far it came. */
enum stage { STAGE_OPEN = 1, STAGE_MACHINE, STAGE_RUN, STAGE_HALT, STAGE_COUNT };

static const char *const stage_names[STAGE_COUNT] = {
    [STAGE_OPEN] = "it cannot be opened",
    [STAGE_MACHINE] = "it makes no virtual machine",
    [STAGE_RUN] = "it does not run a virtual machine",
    [STAGE_HALT] = "it does not run a virtual machine as it should",
};

static int make_processor(int kvm) {
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    unsigned char *page = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (vm < 0 || page == MAP_FAILED)
        return -1;
    *page = halt;
    struct kvm_userspace_memory_region memory = {.memory_size = page_bytes,
                                                 .userspace_addr = (uintptr_t)page};
    return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &memory) ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
}

/* 0, or where it ended. Calls the kernel alone: it is the child of a process with threads. */
static enum stage try(void) {
    int kvm = open(device, O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        return STAGE_OPEN;
    int processor = make_processor(kvm), size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (processor < 0 || size < (int)sizeof(struct kvm_run))
        return STAGE_MACHINE;
    struct kvm_run *state = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED,
                                 processor, 0);
    struct kvm_sregs segments;
    struct kvm_regs registers = {.rflags = 2};
    if (state == MAP_FAILED || ioctl(processor, KVM_GET_SREGS, &segments))
        return STAGE_MACHINE;
    segments.cs.base = segments.cs.selector = 0;
    if (ioctl(processor, KVM_SET_SREGS, &segments) || ioctl(processor, KVM_SET_REGS, &registers) ||
        ioctl(processor, KVM_RUN, 0))
        return STAGE_RUN;
    return state->exit_reason == KVM_EXIT_HLT ? (enum stage)0 : STAGE_HALT;
}

int kvm_try(struct error *err) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        alarm(run_seconds);
        _exit((int)try());
    }
    if (child < 0)
        return error_set(err, -errno, "try %s: %s", device, strerror(errno));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return error_set(err, -errno, "try %s: %s", device, strerror(errno));
    if (status == 0)
        return 0;
    int stage = WIFEXITED(status) && WEXITSTATUS(status) < STAGE_COUNT ? WEXITSTATUS(status)
                                                                       : STAGE_RUN;
    return error_set(err, -ENODEV, "KVM does not work here (%s: %s); %s", device,
                     stage_names[stage], remedy);
}
