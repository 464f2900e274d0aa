#include "bits.h"
#include "falls.h"
#include "sources.h"

// BandWriter, sixteen candidates at a time: their numbers and how many bits each takes are made in vectors, then joined
// with their neighbours, so that few of them are left to append.
enum { MOST_BANDS = 8 };

struct bands {
    int count;
    uint8_t widths[MOST_BANDS];
    // The lowest row of each.
    uint32_t bases[MOST_BANDS];
};

INLINED void choose_bands(const uint32_t *row_lengths, uint32_t any_row, long count, struct bands *bands) {
    bands->count = nearline_choose_bands(row_lengths, any_row, count, bands->widths);
    uint64_t base = 0;
    for (int band = 0; band < MOST_BANDS; band++) {
        // A base that no row reaches may lie beyond 32 bits. Only where there are but two bands have rows 32 bits.
        bands->bases[band] = base < 1u << 31 ? (uint32_t)base : 1u << 31;
        base += 1ull << bands->widths[band];
    }
}

INLINED void write_head(struct bits *to, const struct bands *bands, uint16_t first, const uint8_t *parameters,
                        int groups) {
    int selector = bit_length((uint32_t)bands->count) - 1;
    append(to, (uint64_t)selector << 5 | bands->widths[0], 7);
    for (int band = 1; band < bands->count; band++) append(to, bands->widths[band] - bands->widths[band - 1], 2);
    append(to, first, 16);
    for (int group = 0; group < groups; group++) append(to, parameters[group], PARAMETER_WIDTH);
}

// Eight selectors to a word, joined where they lie.
INLINED void write_selectors(struct bits *to, const uint32_t *rows, long count, const struct bands *bands) {
    int width = bit_length((uint32_t)bands->count) - 1;
    if (width == 0) return;
    for (long begin = 0; begin < count; begin += BLOCK) {
        words here, found = {0};
        memcpy(&here, rows + begin, sizeof here);
        for (int band = 1; band < bands->count; band++) found -= (words)(here >= bands->bases[band]);
        bytes selectors = __builtin_convertvector(found, bytes);
        uint64_t joined[2];
        memcpy(joined, &selectors, sizeof joined);
        for (int half = 0; half < 2; half++) {
            uint64_t x = joined[half];
            x = (x & 0x00FF00FF00FF00FF) << width | (x >> 8 & 0x00FF00FF00FF00FF);
            x = (x & 0x0000FFFF0000FFFF) << 2 * width | (x >> 16 & 0x0000FFFF0000FFFF);
            joined[half] = (x & 0xFFFFFFFF) << 4 * width | x >> 32;
        }
        // Behind the end stand zeros.
        long left = least(BLOCK, count - begin);
        append(to, (joined[0] << 8 * width | joined[1]) >> (BLOCK - left) * width, (uint64_t)(left * width));
    }
}

INLINED void write_quotients(struct bits *to, const uint16_t *falls, long count, const uint8_t *parameters) {
    for (long begin = 0; begin < count; begin += BLOCK) {
        shorts here, shifts, whole = (shorts){0} + WHOLE;
        memcpy(&here, falls + begin, sizeof here);
        lane_parameters(parameters, begin, count, NO_FALLS, &shifts);
        shorts widths = __builtin_elementwise_min(here >> shifts, whole) + 1;
        widths &= (shorts)(shifts != NO_FALLS);
        append_unary(to, &widths);
    }
}

// The even and the odd lanes.
#define EVEN(x) __builtin_convertvector(__builtin_shufflevector(x, x, 0, 2, 4, 6, 8, 10, 12, 14), longs)
#define ODD(x) __builtin_convertvector(__builtin_shufflevector(x, x, 1, 3, 5, 7, 9, 11, 13, 15), longs)

// Of sixteen rows their places in their bands, and how many bits those take.
INLINED void find_places(const uint32_t *rows, const struct bands *bands, words *places, words *widths) {
    words here;
    memcpy(&here, rows, sizeof here);
    *places = here;
    *widths = (words){0} + bands->widths[0];
    for (int band = 1; band < bands->count; band++) {
        *widths += (words)(here >= bands->bases[band]) & (uint32_t)(bands->widths[band] - bands->widths[band - 1]);
        // In bands that begin above the row its place would be negative, which is a large number.
        *places = __builtin_elementwise_min(*places, here - bands->bases[band]);
    }
}

INLINED void append_lanes(struct bits *to, const longs *values, const longs *widths) {
    uint64_t value[BLOCK / 2], width[BLOCK / 2];
    memcpy(value, values, sizeof value);
    memcpy(width, widths, sizeof width);
#pragma clang loop unroll(full)
    for (int lane = 0; lane < BLOCK / 2; lane++) append(to, value[lane], width[lane]);
}

INLINED void append_pairs(struct bits *to, const longs *first, const longs *first_widths, const longs *second,
                          const longs *second_widths) {
    for (int lane = 0; lane < BLOCK / 2; lane++) {
        append(to, (*first)[lane], (*first_widths)[lane]);
        append(to, (*second)[lane], (*second_widths)[lane]);
    }
}

// Of each candidate what is neither its band nor a quotient, two by two.
INLINED void write_rests(struct bits *to, struct nearline_columns columns, long count, const struct bands *bands,
                         const uint8_t *parameters) {
    for (long begin = 0; begin < count; begin += BLOCK) {
        words places, widths, lanes = LANES;
        find_places(columns.rows + begin, bands, &places, &widths);
        // A fall that is not written is 0, and takes no bits.
        shorts falls, shifts;
        memcpy(&falls, columns.falls + begin, sizeof falls);
        lane_parameters(parameters, begin, count, 0, &shifts);
        shorts isWhole = (shorts)(falls >> shifts >= WHOLE);
        shorts rests = CHOSEN(isWhole, falls, falls & (((shorts){0} + 1) << shifts) - 1);
        shorts rest_widths = CHOSEN(isWhole, (shorts){0} + WHOLE_WIDTH, shifts);
        words wide = __builtin_convertvector(rest_widths, words);
        words all = (widths + wide) & (words)(lanes < (uint32_t)least(BLOCK, count - begin));

        longs first = EVEN(places) << EVEN(wide) | EVEN(rests), first_widths = EVEN(all);
        longs second = ODD(places) << ODD(wide) | ODD(rests), second_widths = ODD(all);
        longs pairs = first << second_widths | second, pair_widths = first_widths + second_widths;
        if (__builtin_reduce_max(pair_widths) <= 56) {
            append_lanes(to, &pairs, &pair_widths);
        } else {
            append_pairs(to, &first, &first_widths, &second, &second_widths);
        }
    }
}

// Writes the body of codec 4 and returns how many bytes it has; eight more may be written. The list is not empty.
DISPATCHED long nearline_write_bands(struct nearline_columns columns, long count,
                                     const struct nearline_counts *counts, uint8_t *body) {
    struct bands bands;
    choose_bands(columns.row_lengths, counts->any_row, count, &bands);
    struct source_code sources = choose_sources(columns, count, counts);
    uint8_t parameters[MOST_GROUPS];
    choose_parameters(columns, count, parameters);

    struct bits bits = {.next = body};
    write_head(&bits, &bands, columns.halves[0], parameters, group_count(count));
    write_source_code(&bits, &sources);
    write_selectors(&bits, columns.rows, count, &bands);
    if (sources.form == FIXED) write_fixed_sources(&bits, columns.sources, count, &sources);
    if (sources.form == RUNS) write_source_runs(&bits, columns.sources, count, &sources);
    if (sources.form == UNARY) write_unary_sources(&bits, columns.sources, count, &sources);
    write_quotients(&bits, columns.falls, count, parameters);
    write_rests(&bits, columns, count, &bands, parameters);
    return bits.next - body + (bits.pending_count > 0);
}
