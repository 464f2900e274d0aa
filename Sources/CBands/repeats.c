#include "bands.h"
#include "dispatch.h"

enum { BLOCK = 16 };

// RepeatSketch.changes. Behind the end all are zeros, and so do not change.
DISPATCHED long nearline_changes(const uint32_t *restrict rows, const uint16_t *restrict falls, long count) {
    uint32_t changes = 0;
    for (long start = 0; start < count; start += BLOCK) {
        for (long i = start; i < start + BLOCK; i++) {
            uint32_t row = rows[i] ^ rows[i + 1];
            changes += ((row & 0xFF) != 0) + ((row & 0xFF00) != 0) + ((row & 0xFF0000) != 0);
            changes += falls[i] != falls[i + 1];
        }
    }
    return changes;
}

// The ranks below `count` of which the row and the next one have the lowest bytes of these two.
DISPATCHED long nearline_count_pair(const uint32_t *restrict rows, long count, uint32_t first, uint32_t second) {
    uint32_t found = 0;
    long i = 0;
    for (; i + BLOCK <= count; i += BLOCK) {
        for (long at = i; at < i + BLOCK; at++) {
            found += (((rows[at] ^ first) | (rows[at + 1] ^ second)) & 0xFF) == 0;
        }
    }
    for (; i < count; i++) found += (((rows[i] ^ first) | (rows[i + 1] ^ second)) & 0xFF) == 0;
    return found;
}
