// Sixteen candidates at a time, and the stream of bits that they become.
#ifndef NEARLINE_BANDS_BITS_H
#define NEARLINE_BANDS_BITS_H

#include <string.h>

#include "bands.h"
#include "dispatch.h"

// A block, as vectors. None is passed by value: how that is done depends on the level.
enum { BLOCK = 16 };
typedef uint8_t bytes __attribute__((vector_size(BLOCK)));
typedef uint16_t shorts __attribute__((vector_size(2 * BLOCK)));
typedef uint32_t words __attribute__((vector_size(4 * BLOCK)));
// Pairs of shorts, and fours of them.
typedef uint32_t pairs __attribute__((vector_size(2 * BLOCK)));
typedef uint64_t fours __attribute__((vector_size(2 * BLOCK)));
// The longs of half a block.
typedef uint64_t longs __attribute__((vector_size(4 * BLOCK)));

#define LANES {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
// A comparison is all ones where it holds.
#define CHOSEN(mask, yes, no) (((yes) & (mask)) | ((no) & ~(mask)))

INLINED long least(long a, long b) { return a < b ? a : b; }

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

#endif
