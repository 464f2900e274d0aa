// See topk.c.
#include "tile.h"

// How many scores are above a bound.
INLINE_AT long AT(count_above)(const float *scores, long n, float bound) {
    vi found = (vi)0;
    long i = 0;
    for (; i + LANES <= n; i += LANES) found -= AT(load)(scores + i) > (vf)bound;
    long count = __builtin_reduce_add(found);
    for (; i < n; i++) count += scores[i] > bound;
    return count;
}

// A bound that at least `kept` of n scores are above, and few more, if not too many are equal; n >= kept > 0.
typedef struct {
    // As many are above `low`; fewer than `kept` are above `high`, and no float lies between where `above` is too many.
    float low, high;
    long above;
} AT(bounds);

static __attribute__((noinline)) TARGET AT(bounds) AT(find_bounds)(const float *scores, long n, long kept) {
    vf lows = (vf)scores[0], highs = lows;
    for (long i = 0; i < n; i += LANES) {
        // The last vector begins so that it ends with the last score.
        vf x = AT(load)(scores + (i + LANES <= n || n < LANES ? i : n - LANES));
        lows = x < lows ? x : lows;
        highs = x > highs ? x : highs;
    }
    // All are above the float before the lowest.
    AT(bounds) at = {float_of(order_of(__builtin_reduce_min(lows)) - 1), __builtin_reduce_max(highs), n};
    // Halves the distance, then the number of floats in between, until few enough are above or no float is left.
    for (int step = 0; at.above > kept + kept / 8 && order_of(at.high) - order_of(at.low) > 1; step++) {
        float middle = step < 12 ? at.low + (at.high - at.low) / 2 : at.low;
        if (!(middle > at.low && middle < at.high))
            middle = float_of(order_of(at.low) + (order_of(at.high) - order_of(at.low)) / 2);
        long count = AT(count_above)(scores, n, middle);
        if (count >= kept) {
            at.low = middle;
            at.above = count;
        } else {
            at.high = middle;
        }
    }
    return at;
}

// Keeps at least `kept` of n survivors, and drops none that could still be among the best: what is dropped is at or below
// a bound that `kept` others are above, or equals the last of them and came later. Returns how many are left.
static __attribute__((noinline)) TARGET long AT(cut)(float *scores, int32_t *places, long n, long kept, float *threshold) {
    AT(bounds) at = AT(find_bounds)(scores, n, kept);
    // Too many are equal: all above them, and of them the first ones.
    long equal = 0;
    float bound = at.low;
    if (at.above > kept + kept / 8) {
        bound = at.high;
        equal = kept - AT(count_above)(scores, n, bound);
    }
    long left = 0;
    for (long i = 0; i < n; i++) {
        int is_equal = (scores[i] == bound) & (equal > 0), is_kept = (scores[i] > bound) | is_equal;
        equal -= is_equal;
        scores[left] = scores[i];
        places[left] = places[i];
        left += is_kept;
    }
    *threshold = bound;
    return left;
}

// Takes in those of a panel's scores that are above the user's threshold. Rare: a call of its own keeps the loop small.
static __attribute__((noinline)) TARGET void AT(note)(const nearline_top_k_job *job, long number, const float *scores,
                                                      long begin, long count) {
    nearline_top_k_user *user = job->state + number;
    float *kept = job->scores + number * job->capacity;
    int32_t *places = job->places + number * job->capacity;
    for (long j = 0; j < count; j += LANES) {
        uint32_t bits = AT(above)(AT(load)(scores + j), (vf)user->threshold);
        if (count - j < LANES) bits &= (1u << (count - j)) - 1;
        for (; bits; bits &= bits - 1) {
            long lane = __builtin_ctz(bits);
            int32_t place = (int32_t)(begin + j + lane);
            while (user->denied < user->denied_end && *user->denied < place) user->denied++;
            if (user->denied < user->denied_end && *user->denied == place) continue;
            // Minus zero would come after zero.
            kept[user->count] = scores[j + lane] + 0.0f;
            places[user->count] = place;
            user->count++;
        }
    }
    if (user->count + PANEL > job->capacity)
        user->count = AT(cut)(kept, places, user->count, job->kept, &user->threshold);
}

// All items against the users from `first` to `end`, each from the threshold that it has.
INLINE_AT void AT(scan)(const nearline_top_k_job *job, long first, long end) {
    const float *panel = job->panels;
    for (long begin = 0; begin < job->items; begin += PANEL, panel += job->width * PANEL) {
        long count = job->items - begin < PANEL ? job->items - begin : PANEL;
        // The next panel comes from memory while this one is at work.
        long lines = job->width * PANEL * 4 / 64, step = lines * ROWS / (end - first) + 1, fetched = 0;
        for (long u = first; u < end; u += ROWS) {
            for (long stop = fetched + step; fetched < stop && fetched < lines; fetched++)
                __builtin_prefetch(panel + job->width * PANEL + fetched * 16, 0, 2);
            vf sums[ROWS][COLUMNS];
            AT(tile)(job->queries + u * job->width, job->width, 1, panel, PANEL, job->width, end - 1 - u, COLUMNS, 0, sums);
#pragma unroll
            for (int i = 0; i < ROWS; i++) {
                vf best = sums[i][0];
#pragma unroll
                for (int j = 1; j < COLUMNS; j++) best = sums[i][j] > best ? sums[i][j] : best;
                if (u + i >= end) break;
                if (!AT(above)(best, (vf)job->state[u + i].threshold)) continue;
                float scores[PANEL];
#pragma unroll
                for (int j = 0; j < COLUMNS; j++) AT(store)(scores + j * LANES, sums[i][j]);
                AT(note)(job, u + i, scores, begin, count);
            }
        }
    }
}

// A first threshold from some panels all over the catalogue: one that rather more than `kept` of all items should be above.
INLINE_AT void AT(guess)(const nearline_top_k_job *job, long sampled) {
    long panels = job->items / PANEL, stride = panels / sampled, n = sampled * PANEL;
    double expected = (double)job->kept * (double)n / (double)job->items;
    long rank = (long)(1.5 * expected + 3 * sqrt(expected) + 1.5);
    for (long u = 0; u < job->users; u += ROWS) {
        for (long p = 0; p < sampled; p++) {
            vf sums[ROWS][COLUMNS];
            AT(tile)(job->queries + u * job->width, job->width, 1, job->panels + p * stride * job->width * PANEL, PANEL,
                     job->width, job->users - 1 - u, COLUMNS, 0, sums);
#pragma unroll
            for (int i = 0; i < ROWS; i++)
#pragma unroll
                for (int j = 0; j < COLUMNS; j++) AT(store)(job->sample + i * n + p * PANEL + j * LANES, sums[i][j]);
        }
        for (int i = 0; i < ROWS && u + i < job->users; i++) {
            float *scores = job->sample + i * n;
            // Another item stands in for one that must not be listed.
            for (const int32_t *d = job->state[u + i].denied; d < job->state[u + i].denied_end; d++) {
                long p = *d / PANEL / stride, place = p * PANEL + *d % PANEL;
                if (*d / PANEL % stride == 0 && p < sampled) scores[place] = scores[(place + 1) % n];
            }
            job->state[u + i].threshold = AT(find_bounds)(scores, n, rank).low;
        }
    }
}

static TARGET void AT(top_k)(const nearline_top_k_job *job) {
    long sampled = nearline_top_k_sample(job->items, job->kept) / PANEL;
    if (sampled > 0) AT(guess)(job, sampled);
    // Without a guess nothing would be left out at first.
    if (sampled > 0 && job->coarse.items) {
        coarse_scan(job);
    } else {
        AT(scan)(job, 0, job->users);
    }
    for (long u = 0; u < job->users; u++) {
        nearline_top_k_user *user = job->state + u;
        if (sampled > 0 && user->count < job->kept) {
            // The guess was too high: once more without.
            user->threshold = -INFINITY;
            user->count = 0;
            user->denied = user->denied_begin;
            AT(scan)(job, u, u + 1);
        }
        float *scores = job->scores + u * job->capacity;
        int32_t *places = job->places + u * job->capacity;
        if (user->count > job->kept) user->count = AT(cut)(scores, places, user->count, job->kept, &user->threshold);
        user->count = best_first(scores, places, user->count, job->kept, job->keys);
    }
}
