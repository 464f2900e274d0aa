#include <string.h>

#include "bands.h"
#include "dispatch.h"

// Loops over a column go on to the end of a block, so that they are vectors to their end.
enum { BLOCK = 16 };

INLINED void pad(long count, struct nearline_columns to) {
    float last = count > 0 ? to.scores[count - 1] : 0;
    for (long i = count; i < count + NEARLINE_ROOM; i++) {
        to.rows[i] = 0;
        to.scores[i] = last;
        to.sources[i] = 0xFF;
    }
}

// SortableHalf.bits.
INLINED uint16_t sortable(float score) {
    union { float f; uint32_t i; } given = {score}, magnitude, half = {0.5f}, sum;
    magnitude.i = given.i & 0x7FFFFFFF;
    sum.f = magnitude.f + half.f;
    uint32_t subnormal = sum.i - half.i;
    uint32_t normal = (magnitude.i - 0x38000000 + 0x0FFF + (magnitude.i >> 13 & 1)) >> 13;
    uint32_t bits = magnitude.i < 0x38800000 ? subnormal : normal;
    uint32_t negative = bits != 0 ? 0 - (given.i >> 31) : 0;
    return (uint16_t)((bits | 0x8000) ^ negative);
}

// False where a score is beyond float16, no number, or above the one before.
INLINED bool take_scores(const float *restrict scores, long count, uint16_t *restrict halves) {
    uint32_t faults = 0;
    for (long start = 0; start < count; start += BLOCK) {
        for (long i = start; i < start + BLOCK; i++) {
            float magnitude = scores[i] < 0 ? -scores[i] : scores[i];
            faults |= !(magnitude <= 65504.0f) | !(scores[i] >= scores[i + 1]);
            halves[i] = sortable(scores[i]);
        }
    }
    return faults == 0;
}

INLINED void take_falls(const uint16_t *restrict halves, long count, uint16_t *restrict falls) {
    falls[0] = 0;
    for (long start = 0; start < count; start += BLOCK) {
        for (long i = start; i < start + BLOCK; i++) falls[i + 1] = halves[i] - halves[i + 1];
    }
    // What the blocks wrote behind the end is no fall.
    memset(falls + count, 0, NEARLINE_ROOM * sizeof *falls);
}

typedef uint8_t bytes __attribute__((vector_size(32)));
typedef uint16_t words __attribute__((vector_size(64)));

INLINED uint32_t total(const bytes *lanes) { return __builtin_reduce_add(__builtin_convertvector(*lanes, words)); }

// Behind the end stands no source: it ends the last run, and is none of the four.
INLINED void count_sources(const uint8_t *sources, long count, struct nearline_counts *counts) {
    uint32_t found[4] = {0}, runs = 0;
    for (long start = 0; start < count;) {
        bytes lanes[4] = {0}, changes = {0};
        // As many as a lane can count.
        for (long blocks = 0; blocks < 255 && start < count; blocks++, start += sizeof(bytes)) {
            bytes here, next;
            memcpy(&here, sources + start, sizeof here);
            memcpy(&next, sources + start + 1, sizeof next);
            for (int source = 0; source < 4; source++) lanes[source] -= (bytes)(here == (uint8_t)source);
            changes -= (bytes)(here != next);
        }
        for (int source = 0; source < 4; source++) found[source] += total(&lanes[source]);
        runs += total(&changes);
    }
    counts->sources = 0;
    for (int source = 0; source < 4; source++) counts->sources |= (uint64_t)found[source] << 16 * source;
    counts->runs = runs;
}

// Into four tables in turn: one that is written and read again at once would wait for itself.
INLINED uint32_t count_lengths(const uint32_t *rows, long count, uint32_t *total) {
    uint32_t lengths[4][33] = {{0}}, any = 0;
    long i = 0;
    for (; i + 4 <= count; i += 4) {
        for (int table = 0; table < 4; table++) lengths[table][bit_length(rows[i + table])]++;
    }
    for (; i < count; i++) lengths[0][bit_length(rows[i])]++;
    for (int length = 0; length < 33; length++) {
        total[length] = lengths[0][length] + lengths[1][length] + lengths[2][length] + lengths[3][length];
    }
    for (long start = 0; start < count; start += BLOCK) {
        for (long at = start; at < start + BLOCK; at++) any |= rows[at];
    }
    return any;
}

// Fills the columns and counts; false where a score is at fault, which the columns of scores then show.
DISPATCHED bool nearline_take(const struct nearline_candidate *restrict candidates, long count,
                              struct nearline_columns to, struct nearline_counts *restrict counts) {
    uint32_t *restrict rows = to.rows;
    float *restrict scores = to.scores;
    uint8_t *restrict sources = to.sources;
    for (long i = 0; i < count; i++) {
        rows[i] = candidates[i].row;
        scores[i] = candidates[i].score;
        sources[i] = (uint8_t)candidates[i].source;
    }
    pad(count, to);
    if (!take_scores(scores, count, to.halves)) return false;
    take_falls(to.halves, count, to.falls);
    count_sources(sources, count, counts);
    counts->any_row = count_lengths(rows, count, to.row_lengths);
    return true;
}

// RowSet.firstRepeat: the rank of the first row that came before in the list, or -1.
long nearline_first_repeat(const uint32_t *restrict rows, long count, uint32_t *restrict slots, int slot_bits,
                           uint32_t generation) {
    uint32_t mask = (1u << slot_bits) - 1;
    for (long rank = 0; rank < count; rank++) {
        uint32_t slot = rows[rank] * 0x9E3779B1u >> (32 - slot_bits);
        while (slots[slot] >> 16 == generation) {
            if (rows[slots[slot] & 0xFFFF] == rows[rank]) return rank;
            slot = (slot + 1) & mask;
        }
        slots[slot] = generation << 16 | (uint32_t)rank;
    }
    return -1;
}
