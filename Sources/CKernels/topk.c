// The best items of every user, exactly: products of queries and items that never leave the registers.
//
// A tile holds ROWS users' scores of a panel of items. Each user has a threshold; a tile in which nobody is above is
// forgotten at once, and that is nearly every tile. Survivors gather in the order of their places; when there are many, the
// threshold rises to where about `kept` are above it. It begins with a guess from a sample: where in the end fewer than
// `kept` were above, that user goes through all items again without one.
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "kernels.h"
#include "levels.h"

// Floats in their order as integers, and back; not for NaN.
static inline int64_t order_of(float x) {
    int32_t bits;
    memcpy(&bits, &x, 4);
    return bits < 0 ? -(int64_t)(bits & 0x7fffffff) : bits;
}

static inline float float_of(int64_t order) {
    uint32_t bits = order < 0 ? 0x80000000u | (uint32_t)-order : (uint32_t)order;
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

// Sorts by falling score, equal ones by rising place, and returns how many are kept. keys: room for 2 n.
static long best_first(float *scores, int32_t *places, long n, long kept, uint64_t *keys) {
    uint64_t *from = keys, *to = keys + n;
    for (long i = 0; i < n; i++)
        from[i] = (uint64_t)(order_of(scores[i]) + 0x80000000ll) << 32 | (uint32_t)~places[i];
    for (long run = 1; run < n; run *= 2) {
        for (long begin = 0; begin < n; begin += 2 * run) {
            long a = begin, middle = begin + run < n ? begin + run : n, end = middle + run < n ? middle + run : n;
            for (long b = middle, out = begin; out < end; out++)
                to[out] = a < middle && (b >= end || from[a] > from[b]) ? from[a++] : from[b++];
        }
        uint64_t *swapped = from;
        from = to;
        to = swapped;
    }
    long left = n < kept ? n : kept;
    for (long i = 0; i < left; i++) {
        scores[i] = float_of((int64_t)(from[i] >> 32) - 0x80000000ll);
        places[i] = (int32_t)~(uint32_t)from[i];
    }
    return left;
}

static void coarse_scan(const nearline_top_k_job *job);
#define BODY "topk_body.h"
#include "each_level.h"
#include "topk_coarse.h"

// Cutting often costs less than survivors that a stale threshold lets in; a panel must always fit.
long nearline_top_k_capacity(long kept) { return kept + kept / 2 + 2 * nearline_panel(); }

// The part of the catalogue grows with its root: what it costs and what a sharper guess saves are in balance then.
long nearline_top_k_sample(long items, long kept) {
    long panel = nearline_panel();
    if (items < 4096 || kept * 16 > items) return 0;
    return (long)(6.4 * sqrt((double)items)) / panel * panel;
}

void nearline_top_k(const nearline_top_k_job *job) {
    NEARLINE_CHOOSE(top_k_v3(job), top_k_v4(job), top_k_v0(job));
}
