// Run-time dispatch: one source, compiled for each level of x86-64 and picked when the library is loaded.
#ifndef NEARLINE_BANDS_DISPATCH_H
#define NEARLINE_BANDS_DISPATCH_H

#if defined(__x86_64__) && defined(__linux__)
#define DISPATCHED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISPATCHED
#endif
#define INLINED static inline __attribute__((always_inline))

// The bits up to the highest one; 0 for 0. Twice the number and one more is never 0, for which there is no count.
INLINED int bit_length(uint32_t number) { return 63 - __builtin_clzll((uint64_t)number << 1 | 1); }

#endif
