#include <stdlib.h>
#include "levels.h"
#include "kernels.h"

int nearline_level_in_use = 0;

// NEARLINE_CPU_LEVEL takes a lower level than the processor has, for tests; it is read once, because operands are packed
// for a level.
__attribute__((constructor)) static void choose_level(void) {
#if defined(__x86_64__)
    const char *wanted = getenv("NEARLINE_CPU_LEVEL");
    int most = wanted ? atoi(wanted) : 4;
    __builtin_cpu_init();
    if (most >= 4 && __builtin_cpu_supports("x86-64-v4")) {
        nearline_level_in_use = 4;
    } else if (most >= 3 && __builtin_cpu_supports("x86-64-v3")) {
        nearline_level_in_use = 3;
    }
#endif
}

int nearline_level(void) { return nearline_level_in_use; }
