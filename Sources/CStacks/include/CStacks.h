// Where the other threads of this process stand.
#pragma once
#include <stddef.h>

// The addresses of a thread's callers, innermost first: it is asked by SIGUSR2, in whose handler it writes them down, as
// nothing else is safe there. One caller at a time. Returns how many there are; 0 where the thread does not answer.
int stacks_of_thread(int thread, void **frames, int most);

// "libpq.so.5 PQexec", or "nearline+0x1f30" of functions that the linker kept no name for, which addr2line -f -e reads.
void stacks_describe(void *address, char *text, size_t room);

// The number of the thread that asks.
int stacks_own_thread(void);
