/* What the sanitizers do in the build for them: tools/run_tests.py has the compiler include this in
 * every file. Built in, not taken from the environment, because the system tests start daemons
 * with an environment of their own. SANITIZER_REPORTS: where each process leaves its report on
 * memory or threads; one on undefined behaviour goes to standard error. Either ends the process. */
#pragma once

const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);
const char *__tsan_default_options(void);
const char *__tsan_default_suppressions(void);
const char *__ubsan_default_options(void);

__attribute__((weak)) const char *__asan_default_options(void) {
    return "detect_leaks=1:print_suppressions=0:detect_stack_use_after_return=1:"
           "log_path=" SANITIZER_REPORTS;
}

__attribute__((weak)) const char *__tsan_default_options(void) {
    return "exitcode=66:history_size=4:log_path=" SANITIZER_REPORTS;
}

__attribute__((weak)) const char *__ubsan_default_options(void) {
    return "print_stacktrace=1:halt_on_error=1";
}

/* libvirt's QEMU driver forgets 24 bytes of each backup. libstrophe 0.12 forgets the first
 * message of SCRAM (some 60 bytes) when a connection ends amid a
 * login, as where a test kills the server. It has no symbols by which less could be named. */
__attribute__((weak)) const char *__lsan_default_suppressions(void) {
    return "leak:libstrophe.so\nleak:libvirt_driver_qemu.so\n";
}

/* libvirt's threads and GLib's sources are not built for it: what they do to each other by atomic
 * words of their own cannot be seen, nor what libxml2 frees for libvirt by their counts. What they
 * call of ours is watched. */
__attribute__((weak)) const char *__tsan_default_suppressions(void) {
    return "called_from_lib:libglib-2.0.so.0\ncalled_from_lib:libvirt.so.0\n"
           "called_from_lib:libxml2.so.2\n";
}
