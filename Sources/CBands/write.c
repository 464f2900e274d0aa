#include <string.h>

#include "bands.h"
#include "dispatch.h"

// BandWriter, sixteen candidates at a time: their numbers and how many bits each takes are made in vectors, then joined
// with their neighbours, so that few of them are left to append.
enum { BLOCK = 16, MOST_BANDS = 8, MOST_GROUPS = 8, SOURCES = 4 };
// FallCode.
enum { NO_FALLS = 15, PARAMETER_WIDTH = 4, WHOLE = 15, WHOLE_WIDTH = 16 };
// SourceCode.Form.
enum form { SAME = 0, FIXED = 1, UNARY = 2, RUNS = 3 };

// A block, as vectors. None is passed by value: how that is done depends on the level.
typedef uint8_t bytes __attribute__((vector_size(BLOCK)));
typedef uint16_t shorts __attribute__((vector_size(2 * BLOCK)));
typedef uint32_t words __attribute__((vector_size(4 * BLOCK)));
// Pairs of shorts, and fours of them.
typedef uint32_t pairs __attribute__((vector_size(2 * BLOCK)));
typedef uint64_t fours __attribute__((vector_size(2 * BLOCK)));
// Half a block.
// The longs of half a block.
typedef uint64_t longs __attribute__((vector_size(4 * BLOCK)));

#define LANES {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
// A comparison is all ones where it holds.
#define CHOSEN(mask, yes, no) (((yes) & (mask)) | ((no) & ~(mask)))

struct bands {
    int count;
    uint8_t widths[MOST_BANDS];
    // The lowest row of each.
    uint32_t bases[MOST_BANDS];
};

struct source_code {
    enum form form;
    int count;
    // Most frequent first.
    uint8_t order[SOURCES];
    // In the order, by source.
    uint8_t places[SOURCES];
};

// MARK: - bits

// Highest first. Every call stores eight bytes and moves on by those that are full.
struct bits {
    uint8_t *next;
    uint64_t pending;
    uint64_t pending_count;
};

INLINED void store_big_endian(uint8_t *to, uint64_t value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(to, &value, sizeof value);
}

// `width` is 0...56; `value` has no bit above it.
INLINED void append(struct bits *to, uint64_t value, uint64_t width) {
    to->pending = to->pending << width | value;
    to->pending_count += width;
    // In two steps, as there may be no pending bit.
    store_big_endian(to->next, to->pending << 1 << (63 - to->pending_count));
    to->next += to->pending_count >> 3;
    to->pending_count &= 7;
}

// Two numbers in one step, if they are short enough; each has 64 bits at most.
INLINED void append_both(struct bits *to, uint64_t first, uint64_t first_width, uint64_t second,
                         uint64_t second_width) {
    if (first_width + second_width <= 56) {
        append(to, first << second_width | second, first_width + second_width);
        return;
    }
    append(to, first >> 32, first_width > 32 ? first_width - 32 : 0);
    append(to, first & 0xFFFFFFFF, first_width > 32 ? 32 : first_width);
    append(to, second >> 32, second_width > 32 ? second_width - 32 : 0);
    append(to, second & 0xFFFFFFFF, second_width > 32 ? 32 : second_width);
}

// Sixteen unary numbers: of each its width, zeros and a one, or 0 where there is none.
INLINED void append_unary(struct bits *to, const shorts *widths) {
    // Joined where they lie, two and then four to a lane: the first is lowest.
    pairs both = (pairs)*widths, first = both & 0xFFFF, second = both >> 16;
    pairs one = (pairs){0} + 1;
    pairs joined = __builtin_elementwise_min(first, one) << second | __builtin_elementwise_min(second, one);
    fours values = (fours)joined, all = (fours)(first + second);
    fours lower = all & 0xFFFFFFFF, upper = all >> 32;
    values = (values & 0xFFFFFFFF) << upper | values >> 32;
    all = lower + upper;
    append_both(to, values[0], all[0], values[1], all[1]);
    append_both(to, values[2], all[2], values[3], all[3]);
}

// MARK: - falls

INLINED long least(long a, long b) { return a < b ? a : b; }
INLINED long group_begin(int group, long count) { return least(count, 1l << 2 * group); }
INLINED int group_count(long count) { return count < 2 ? 0 : (bit_length((uint32_t)count - 1) + 1) / 2; }

INLINED void add_cost(const shorts *falls, uint16_t parameter, shorts *sums) {
    shorts whole = (shorts){0} + WHOLE;
    shorts quotients = __builtin_elementwise_min(*falls >> parameter, whole);
    *sums += quotients + ((shorts)(quotients == whole) & (uint16_t)(WHOLE_WIDTH - parameter));
}

INLINED uint32_t total(const shorts *lanes) { return __builtin_reduce_add(__builtin_convertvector(*lanes, words)); }

// What three parameters next to each other would cost, but for the bits that every fall costs.
INLINED void estimate(const uint16_t *falls, long blocks, int middle, int64_t bits[3]) {
    uint16_t lower = (uint16_t)(middle > 0 ? middle - 1 : 0);
    uint16_t upper = (uint16_t)(middle < NO_FALLS - 1 ? middle + 1 : middle);
    bits[0] = bits[1] = bits[2] = 0;
    for (long begin = 0; begin < blocks;) {
        shorts sums[3] = {0};
        // As many blocks as a lane of 16 bits can add up.
        for (long end = least(begin + 1024, blocks); begin < end; begin++) {
            shorts here;
            memcpy(&here, falls + begin * BLOCK, sizeof here);
            add_cost(&here, lower, &sums[0]);
            add_cost(&here, (uint16_t)middle, &sums[1]);
            add_cost(&here, upper, &sums[2]);
        }
        for (int i = 0; i < 3; i++) bits[i] += total(&sums[i]);
    }
}

// FallCode.parameter: walks down to the cheapest parameter, or else up.
// `falls` are those of the group and zeros, which cost nothing here; `sum` is theirs.
INLINED int choose_parameter(const uint16_t *falls, long count, uint32_t sum) {
    if (sum == 0) return NO_FALLS;
    long blocks = (count + BLOCK - 1) / BLOCK;
    int length = bit_length(sum / (uint32_t)count) - 1;
    int middle = length < 0 ? 0 : length > NO_FALLS - 1 ? NO_FALLS - 1 : length;
    int64_t bits[3];
    estimate(falls, blocks, middle, bits);
    int step = middle > 0 && bits[0] < bits[1] + count ? -1 : 1;
    while (middle + step >= 0 && middle + step < NO_FALLS && bits[1 + step] + step * count < bits[1]) {
        middle += step;
        estimate(falls, blocks, middle, bits);
    }
    return middle;
}

// The parameter of each group. The halves say what the falls of a group come to, without adding them up.
INLINED void choose_parameters(struct nearline_columns columns, long count, uint8_t parameters[MOST_GROUPS]) {
    for (int group = 0; group < group_count(count); group++) {
        long begin = group_begin(group, count), end = group_begin(group + 1, count);
        uint32_t sum = (uint32_t)(columns.halves[begin - 1] - columns.halves[end - 1]);
        const uint16_t *falls = columns.falls + begin;
        // The first two groups do not fill a block, and the next one must not show.
        uint16_t few[BLOCK] = {0};
        if (group == 0) memcpy(few, falls, 3 * sizeof *few);
        if (group == 1) memcpy(few, falls, 12 * sizeof *few);
        if (group < 2) falls = few;
        parameters[group] = (uint8_t)choose_parameter(falls, end - begin, sum);
    }
}

// By lane of a block: the parameter of its fall, or `none` where the fall is not written.
INLINED void lane_parameters(const uint8_t *parameters, long begin, long count, uint16_t none, shorts *to) {
    shorts lanes = LANES, nothing = (shorts){0} + none;
    shorts isThere = (shorts)(lanes < (uint16_t)least(BLOCK, count - begin));
    if (begin > 0) {
        uint8_t parameter = parameters[(bit_length((uint32_t)begin) - 1) / 2];
        shorts value = (shorts){0} + (uint16_t)(parameter == NO_FALLS ? none : parameter);
        *to = CHOSEN(isThere, value, nothing);
        return;
    }
    shorts first = (shorts){0} + (uint16_t)(count < 2 || parameters[0] == NO_FALLS ? none : parameters[0]);
    shorts second = (shorts){0} + (uint16_t)(count < 5 || parameters[1] == NO_FALLS ? none : parameters[1]);
    shorts value = CHOSEN((shorts)(lanes < 4), first, second);
    *to = CHOSEN(isThere & (shorts)(lanes > 0), value, nothing);
}

// MARK: - sources

INLINED struct source_code choose_sources(struct nearline_columns columns, long count,
                                          const struct nearline_counts *counts) {
    struct source_code code = {.form = SAME, .count = 1, .order = {columns.sources[0]}};
    if (counts->runs <= 1) return code;
    code.count = 0;
    long found[SOURCES];
    for (int source = 0; source < SOURCES; source++) {
        long here = counts->sources >> 16 * source & 0xFFFF;
        if (here == 0) continue;
        // The most frequent first, of equals the lowest.
        int place = code.count++;
        for (; place > 0 && found[place - 1] < here; place--) {
            found[place] = found[place - 1];
            code.order[place] = code.order[place - 1];
        }
        found[place] = here;
        code.order[place] = (uint8_t)source;
    }
    long unary = 0;
    for (int place = 0; place < code.count; place++) {
        code.places[code.order[place]] = (uint8_t)place;
        unary += found[place] * (place + 1);
    }
    int place_width = bit_length((uint32_t)code.count - 1);
    long fixed = count * place_width;
    long runs = (long)counts->runs * (place_width + bit_length((uint32_t)count - 1));
    code.form = runs < least(fixed, unary) ? RUNS : unary < fixed ? UNARY : FIXED;
    return code;
}

INLINED void write_source_code(struct bits *to, const struct source_code *code) {
    append(to, code->form, 2);
    if (code->form != SAME) append(to, (uint64_t)code->count - 1, 4);
    for (int place = 0; place < code->count; place++) append(to, code->order[place], 4);
}

INLINED void write_fixed_sources(struct bits *to, const uint8_t *sources, long count, const struct source_code *code) {
    uint64_t width = (uint64_t)bit_length((uint32_t)code->count - 1);
    for (long rank = 0; rank < count; rank++) append(to, code->places[sources[rank]], width);
}

INLINED void write_source_runs(struct bits *to, const uint8_t *sources, long count, const struct source_code *code) {
    uint64_t place_width = (uint64_t)bit_length((uint32_t)code->count - 1);
    uint64_t run_width = (uint64_t)bit_length((uint32_t)count - 1);
    // Behind the end stands no source.
    for (long begin = 0, rank = 1; rank <= count; rank++) {
        if (sources[rank] == sources[begin]) continue;
        append(to, code->places[sources[begin]], place_width);
        append(to, (uint64_t)(rank - begin - 1), run_width);
        begin = rank;
    }
}

INLINED void write_unary_sources(struct bits *to, const uint8_t *sources, long count, const struct source_code *code) {
    for (long begin = 0; begin < count; begin += BLOCK) {
        bytes here, widths = {0};
        memcpy(&here, sources + begin, sizeof here);
        for (int place = 0; place < code->count; place++) {
            widths |= (bytes)(here == code->order[place]) & (uint8_t)(place + 1);
        }
        shorts wide = __builtin_convertvector(widths, shorts);
        append_unary(to, &wide);
    }
}

// MARK: - body

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
