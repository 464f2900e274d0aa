#include <string.h>

#include "bands.h"
#include "dispatch.h"

// BandChooser, with all 32 borders in one vector.
enum { BORDERS = 32, REACH = 8, MOST_BANDS = 8, STEEPEST = 3, LARGEST_COUNT = 500, UNREACHABLE = 16000 };

typedef int16_t borders __attribute__((vector_size(2 * BORDERS)));
typedef uint32_t longer __attribute__((vector_size(4 * BORDERS)));

#define FOUR(k) (k), (k) + 1, (k) + 2, (k) + 3
#define SIXTEEN(k) FOUR(k), FOUR((k) + 4), FOUR((k) + 8), FOUR((k) + 12)
// `x` moved up by d borders, behind the highest d of `before`.
#define MOVED(before, x, d) __builtin_shufflevector(before, x, SIXTEEN(BORDERS - (d)), SIXTEEN(BORDERS + 16 - (d)))

// The fewest bits by bands and border, with unreachable places for borders below 0 in front; and by distance and
// border the bits of the rows of one band.
struct table {
    int16_t fewest[MOST_BANDS + 1][REACH + BORDERS];
    int16_t costs[REACH][BORDERS];
};

// The rows below each border, or in lists of more than LARGEST_COUNT shares of that many.
INLINED void cover(const uint32_t *row_lengths, long count, borders *covered) {
    if (count <= LARGEST_COUNT) {
        longer lengths;
        memcpy(&lengths, row_lengths, sizeof lengths);
        borders sums = __builtin_convertvector(lengths, borders), none = {0};
        sums += MOVED(none, sums, 1);
        sums += MOVED(none, sums, 2);
        sums += MOVED(none, sums, 4);
        sums += MOVED(none, sums, 8);
        sums += MOVED(none, sums, 16);
        *covered = sums;
    } else {
        uint32_t sum = 0;
        int16_t shares[BORDERS];
        for (int b = 0; b < BORDERS; b++) {
            sum += row_lengths[b];
            shares[b] = (int16_t)((uint64_t)sum * LARGEST_COUNT / (uint64_t)count);
        }
        memcpy(covered, shares, sizeof shares);
    }
    // Border 0 covers nothing.
    (*covered)[0] = 0;
}

// The distance of the nearest border where a band may begin that ends at `end`, for these bits in all.
INLINED int nearest_begin(const struct table *table, const int16_t *before, int16_t bits, int end) {
    // All are looked at, as where to stop could not be foretold.
    int distance = 0;
    for (int d = REACH; d > 0; d--) {
        distance = (int16_t)(before[end - d] + table->costs[d - 1][end]) == bits ? d : distance;
    }
    return distance;
}

// Walks back from the last border over the bands that made the fewest bits; the highest band first.
INLINED int walk(const struct table *table, int bands, int last, uint8_t *found) {
    int count = 0, end = last, left = bands;
    while (end > 0) {
        const int16_t *here = table->fewest[left] + REACH;
        const int16_t *before = table->fewest[left - 1] + REACH;
        if (left > 1 && here[end] == before[end]) {
            left--;
            continue;
        }
        int distance = left > 1 ? nearest_begin(table, before, here[end], end) : end;
        found[count++] = (uint8_t)(left > 1 && distance == 1 && end > 1 ? end - 1 : end);
        end -= distance;
        left--;
    }
    return count;
}

// BandTable(count:widening:).
INLINED void widen(uint8_t widths[MOST_BANDS]) {
    for (int band = 1; band < MOST_BANDS; band++) {
        widths[band] = widths[band] > widths[band - 1] ? widths[band] : widths[band - 1];
    }
    for (int band = MOST_BANDS - 2; band >= 0; band--) {
        int lowest = widths[band + 1] - STEEPEST;
        widths[band] = (uint8_t)(widths[band] > lowest ? widths[band] : lowest);
    }
}

// Fills `widths` and returns the number of bands: 1, 2, 4 or 8.
DISPATCHED int nearline_choose_bands(const uint32_t row_lengths[33], uint32_t any_row, long count,
                                     uint8_t widths[MOST_BANDS]) {
    if (row_lengths[32] > 0) {
        memset(widths, 31, MOST_BANDS);
        return 2;
    }
    int last = bit_length(any_row);
    if (last < 1) last = 1;

    static const borders width = {SIXTEEN(0), SIXTEEN(16)};
    // A band of the one octave below a border has a bit less; below border 1 there is no octave to begin at.
    static const borders octave = {0, 1, 1, 2, FOUR(3), FOUR(7), FOUR(11), FOUR(15), FOUR(19), FOUR(23), FOUR(27)};
    borders covered, none = {0}, unreachable = none + UNREACHABLE;
    cover(row_lengths, count, &covered);
    borders cost[REACH] = {
        (covered - MOVED(none, covered, 1)) * octave, (covered - MOVED(none, covered, 2)) * width,
        (covered - MOVED(none, covered, 3)) * width,  (covered - MOVED(none, covered, 4)) * width,
        (covered - MOVED(none, covered, 5)) * width,  (covered - MOVED(none, covered, 6)) * width,
        (covered - MOVED(none, covered, 7)) * width,  (covered - MOVED(none, covered, 8)) * width,
    };
    struct table table;
    memcpy(table.costs, cost, sizeof cost);
    borders fewest = covered * width;
    for (int bands = 1; bands <= MOST_BANDS; bands++) {
        if (bands > 1) {
            borders near = __builtin_elementwise_min(
                __builtin_elementwise_min(MOVED(unreachable, fewest, 1) + cost[0],
                                          MOVED(unreachable, fewest, 2) + cost[1]),
                __builtin_elementwise_min(MOVED(unreachable, fewest, 3) + cost[2],
                                          MOVED(unreachable, fewest, 4) + cost[3]));
            borders far = __builtin_elementwise_min(
                __builtin_elementwise_min(MOVED(unreachable, fewest, 5) + cost[4],
                                          MOVED(unreachable, fewest, 6) + cost[5]),
                __builtin_elementwise_min(MOVED(unreachable, fewest, 7) + cost[6],
                                          MOVED(unreachable, fewest, 8) + cost[7]));
            fewest = __builtin_elementwise_min(fewest, __builtin_elementwise_min(near, far));
        }
        for (int place = 0; place < REACH; place++) table.fewest[bands][place] = UNREACHABLE;
        memcpy(table.fewest[bands] + REACH, &fewest, sizeof fewest);
    }

    long best_bits = INT64_MAX;
    int best = 1;
    for (int selector = 0; selector <= 3; selector++) {
        long bands = 1l << selector;
        long rows = table.fewest[bands][REACH + last] * (count > LARGEST_COUNT ? count : LARGEST_COUNT) / LARGEST_COUNT;
        long bits = rows + count * selector + 2 * bands;
        if (bits < best_bits) {
            best_bits = bits;
            best = (int)bands;
        }
    }
    uint8_t found[MOST_BANDS];
    int found_count = walk(&table, best, last, found);
    // The highest band first; lists that need fewer bands end with some that repeat the width of the highest.
    for (int band = 0; band < MOST_BANDS; band++) {
        widths[band] = band < found_count ? found[found_count - 1 - band] : found[0];
    }
    widen(widths);
    return best;
}
