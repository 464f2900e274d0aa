// The inner loops of ResultCodec's encoder, in plain C with run-time dispatch. Each has a readable twin in
// Sources/ResultCodec, to whose bytes the tests hold it; what the numbers mean is said there.
// Every column may be read and written for NEARLINE_ROOM places behind its end.
#ifndef NEARLINE_BANDS_H
#define NEARLINE_BANDS_H
#include <stdbool.h>
#include <stdint.h>

enum { NEARLINE_ROOM = 32 };

// A Candidate as it lies in memory.
struct nearline_candidate {
    uint32_t row;
    float score;
    uint32_t source;  // In the lowest byte; the others are padding, and hold anything.
};

// What is counted in a list. Swift's RankedList says more.
struct nearline_counts {
    uint64_t sources;  // 16 bits for each of four sources, the first lowest
    uint32_t runs;     // of equal sources
    uint32_t any_row;  // the bits that any row has
};

// The columns of a list.
struct nearline_columns {
    uint32_t *rows;
    float *scores;
    uint16_t *halves;
    uint16_t *falls;
    uint8_t *sources;
    uint32_t *row_lengths;  // 33, how many rows have 0, 1 ... 32 bits
};

// take.c
bool nearline_take(const struct nearline_candidate *candidates, long count, struct nearline_columns columns,
                   struct nearline_counts *counts);
long nearline_first_repeat(const uint32_t *rows, long count, uint32_t *slots, int slot_bits, uint32_t generation);

// repeats.c
long nearline_changes(const uint32_t *rows, const uint16_t *falls, long count);
long nearline_count_pair(const uint32_t *rows, long count, uint32_t first, uint32_t second);

// choose.c
int nearline_choose_bands(const uint32_t row_lengths[33], uint32_t any_row, long count, uint8_t widths[8]);

// write.c
long nearline_write_bands(struct nearline_columns columns, long count, const struct nearline_counts *counts,
                          uint8_t *body);

// seal.c
void nearline_seal_four(uint8_t *const payloads[4], const long counts[4]);

// fetch.c
void nearline_fetch_list(const struct nearline_candidate *candidates, long count);
void nearline_fetch_counts(const struct nearline_candidate *candidates, long count, const uint8_t *counts);

#endif
