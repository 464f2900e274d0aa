#include <string.h>

#include "bands.h"
#include "dispatch.h"

// Lookup3 of four payloads at a time: one hash is a chain in which every step waits for the one before, and four of
// them side by side take hardly longer. What is hashed leaves out the four bytes where the checksum stands.
enum { LANES = 4, BLOCK = 12, HEADER = 12, CHECKSUM = 8 };

typedef uint32_t words __attribute__((vector_size(4 * LANES)));

INLINED uint32_t word(const uint8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

// Source: Jenkins 2006, lookup3.c. Of one number or of four at a time.
#define ROTATED(x, bits) ((x) << (bits) | (x) >> (32 - (bits)))
#define MIX(a, b, c)               \
    do {                           \
        a = (a - c) ^ ROTATED(c, 4);  \
        c += b;                    \
        b = (b - a) ^ ROTATED(a, 6);  \
        a += c;                    \
        c = (c - b) ^ ROTATED(b, 8);  \
        b += a;                    \
        a = (a - c) ^ ROTATED(c, 16); \
        c += b;                    \
        b = (b - a) ^ ROTATED(a, 19); \
        a += c;                    \
        c = (c - b) ^ ROTATED(b, 4);  \
        b += a;                    \
    } while (0)

// The low half of the hash, from the state in front of `rest` on.
INLINED uint32_t finish(uint32_t a, uint32_t b, uint32_t c, const uint8_t *rest, long count) {
    for (; count >= BLOCK; rest += BLOCK, count -= BLOCK) {
        a += word(rest);
        b += word(rest + 4);
        c += word(rest + 8);
        MIX(a, b, c);
    }
    uint8_t last[BLOCK] = {0};
    memcpy(last, rest, (size_t)count);
    a += word(last);
    b += word(last + 4);
    // The lowest byte is kept for the length.
    c += word(last + 8) << 8;
    c = (c ^ b) - ROTATED(b, 14);
    a = (a ^ c) - ROTATED(c, 11);
    b = (b ^ a) - ROTATED(a, 25);
    c = (c ^ b) - ROTATED(b, 16);
    a = (a ^ c) - ROTATED(c, 4);
    b = (b ^ a) - ROTATED(a, 14);
    return (c ^ b) - ROTATED(b, 24);
}

INLINED void add(const uint8_t *const payloads[LANES], long at, words *to) {
    words four = {word(payloads[0] + at), word(payloads[1] + at), word(payloads[2] + at), word(payloads[3] + at)};
    *to += four;
}

// Writes the checksums of four payloads, each of a header and four bytes at least.
DISPATCHED void nearline_seal_four(uint8_t *const payloads[LANES], const long counts[LANES]) {
    long shortest = counts[0];
    words a;
    for (int lane = 0; lane < LANES; lane++) {
        if (counts[lane] < shortest) shortest = counts[lane];
        a[lane] = 0x9E3779B9u + (uint32_t)(counts[lane] - 4) + 3923095u;
    }
    words b = a, c = a;
    const uint8_t *const bytes[LANES] = {payloads[0], payloads[1], payloads[2], payloads[3]};
    add(bytes, 0, &a);
    add(bytes, 4, &b);
    add(bytes, HEADER, &c);
    MIX(a, b, c);
    long at = HEADER + 4;
    for (; shortest - at >= BLOCK; at += BLOCK) {
        add(bytes, at, &a);
        add(bytes, at + 4, &b);
        add(bytes, at + 8, &c);
        MIX(a, b, c);
    }
    for (int lane = 0; lane < LANES; lane++) {
        // PostgreSQL's hash of an array adds 31 to that of its element.
        uint32_t checksum = finish(a[lane], b[lane], c[lane], bytes[lane] + at, counts[lane] - at) + 31;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        checksum = __builtin_bswap32(checksum);
#endif
        memcpy(payloads[lane] + CHECKSUM, &checksum, sizeof checksum);
    }
}
