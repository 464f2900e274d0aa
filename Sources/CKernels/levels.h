// One source for every level of x86-64: a kernel's body is included once a level (EACH_LEVEL in its source file), and
// NEARLINE_CHOOSE calls the best one that this processor has. Widths differ between levels, so the compiler's own clones
// of one function would not do.
#ifndef NEARLINE_LEVELS_H
#define NEARLINE_LEVELS_H

// 0: any processor, 3: x86-64-v3 (AVX2), 4: x86-64-v4 (AVX-512).
extern int nearline_level_in_use;

#if defined(__x86_64__)
#define NEARLINE_CHOOSE(call3, call4, call0) \
    (nearline_level_in_use == 4 ? (call4) : nearline_level_in_use == 3 ? (call3) : (call0))
#else
#define NEARLINE_CHOOSE(call3, call4, call0) (call0)
#endif

#endif
