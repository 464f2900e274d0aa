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

// Keeps at least `kept` of n survivors, and drops none that could still be among the best: what is dropped is at or below
// a bound that `kept` others are above, or equals the last of them and came later. Returns how many are left.
static __attribute__((noinline)) TARGET long AT(cut)(float *scores, int32_t *places, long n, long kept, float *threshold) {
    // All n are above `low`, which is the float before the last threshold, since some may equal that; none is above `high`.
    vf lows = (vf)scores[0], highs = lows;
    for (long i = 0; i < n; i += LANES) {
        // The last vector begins so that it ends with the last score.
        vf x = AT(load)(scores + (i + LANES <= n || n < LANES ? i : n - LANES));
        lows = x < lows ? x : lows;
        highs = x > highs ? x : highs;
    }
    float low = float_of(order_of(__builtin_reduce_min(lows)) - 1), high = __builtin_reduce_max(highs);
    long above = n;
    // Halves the distance, then the number of floats in between, until few enough are above or no float is left.
    for (int step = 0; above > kept + kept / 8 && order_of(high) - order_of(low) > 1; step++) {
        float middle = step < 12 ? low + (high - low) / 2 : low;
        if (!(middle > low && middle < high)) middle = float_of(order_of(low) + (order_of(high) - order_of(low)) / 2);
        long count = AT(count_above)(scores, n, middle);
        if (count >= kept) {
            low = middle;
            above = count;
        } else {
            high = middle;
        }
    }
    // Too many are equal: all above them, and of them the first ones.
    long equal = 0;
    float bound = low;
    if (above > kept + kept / 8) {
        bound = high;
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

static TARGET void AT(top_k)(const nearline_top_k_job *job) {
    const float *panel = job->panels;
    for (long begin = 0; begin < job->items; begin += PANEL, panel += job->width * PANEL) {
        long count = job->items - begin < PANEL ? job->items - begin : PANEL;
        // The next panel comes from memory while this one is at work.
        long lines = job->width * PANEL * 4 / 64, step = lines * ROWS / job->users + 1, fetched = 0;
        for (long u = 0; u < job->users; u += ROWS) {
            for (long end = fetched + step; fetched < end && fetched < lines; fetched++)
                __builtin_prefetch(panel + job->width * PANEL + fetched * 16, 0, 2);
            vf sums[ROWS][COLUMNS];
            AT(tile)(job->queries + u * job->width, job->width, 1, panel, PANEL, job->width, job->users - 1 - u, COLUMNS, 0,
                     sums);
#pragma unroll
            for (int i = 0; i < ROWS; i++) {
                vf best = sums[i][0];
#pragma unroll
                for (int j = 1; j < COLUMNS; j++) best = sums[i][j] > best ? sums[i][j] : best;
                if (u + i >= job->users) break;
                if (!AT(above)(best, (vf)job->state[u + i].threshold)) continue;
                float scores[PANEL];
#pragma unroll
                for (int j = 0; j < COLUMNS; j++) AT(store)(scores + j * LANES, sums[i][j]);
                AT(note)(job, u + i, scores, begin, count);
            }
        }
    }
    for (long u = 0; u < job->users; u++) {
        nearline_top_k_user *user = job->state + u;
        float *scores = job->scores + u * job->capacity;
        int32_t *places = job->places + u * job->capacity;
        if (user->count > job->kept) user->count = AT(cut)(scores, places, user->count, job->kept, &user->threshold);
        user->count = best_first(scores, places, user->count, job->kept, job->keys);
    }
}
