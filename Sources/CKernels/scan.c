#include "kernels.h"
#include "dispatch.h"

// Copies every score above the threshold, with its row, in order; returns how many. Almost all blocks hold none, so a
// block is first asked as a whole. rows and kept need room for n.
DISPATCHED long nearline_scan_above(const float *restrict scores, long n, float threshold, int32_t base,
                                    int32_t *restrict rows, float *restrict kept) {
    enum { BLOCK = 64 };
    long found = 0, start = 0;
    for (; start + BLOCK <= n; start += BLOCK) {
        int any = 0;
        for (long i = 0; i < BLOCK; i++) any |= scores[start + i] > threshold;
        if (!any) continue;
        for (long i = start; i < start + BLOCK; i++) {
            rows[found] = base + (int32_t)i;
            kept[found] = scores[i];
            found += scores[i] > threshold;
        }
    }
    for (long i = start; i < n; i++) {
        rows[found] = base + (int32_t)i;
        kept[found] = scores[i];
        found += scores[i] > threshold;
    }
    return found;
}
