#define _GNU_SOURCE
#include "CStacks.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 64, ANSWER_MILLISECONDS = 200 };

static void *found[MOST];
static atomic_int count;

static void write_down(int signal) {
    (void)signal;
    atomic_store(&count, backtrace(found, MOST));
}

int stacks_of_thread(int thread, void **frames, int most) {
    // The first call loads a library, which a handler must not.
    void *warm[1];
    backtrace(warm, 1);
    struct sigaction action = {.sa_handler = write_down, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR2, &action, &before);
    atomic_store(&count, 0);
    if (syscall(SYS_tgkill, getpid(), thread, SIGUSR2) == 0)
        for (int i = 0; i < ANSWER_MILLISECONDS && atomic_load(&count) == 0; i++) usleep(1000);
    // One that blocks signals may answer later: the handler stays, as the default would end the process.
    if (atomic_load(&count) > 0) sigaction(SIGUSR2, &before, NULL);
    // The first two are the handler and the kernel's way back from it.
    int kept = atomic_load(&count) - 2;
    if (kept <= 0) return 0;
    if (kept > most) kept = most;
    memcpy(frames, found + 2, sizeof(void *) * (size_t)kept);
    return kept;
}

void stacks_describe(void *address, char *text, size_t room) {
    Dl_info info;
    if (dladdr(address, &info) == 0 || info.dli_fname == NULL) {
        snprintf(text, room, "?");
        return;
    }
    const char *slash = strrchr(info.dli_fname, '/'), *file = slash ? slash + 1 : info.dli_fname;
    if (info.dli_sname)
        snprintf(text, room, "%s %s", file, info.dli_sname);
    else
        snprintf(text, room, "%s+0x%zx", file, (size_t)((uintptr_t)address - (uintptr_t)info.dli_fbase));
}

int stacks_own_thread(void) { return (int)syscall(SYS_gettid); }
