#include <string.h>

#include "bands.h"
#include "dispatch.h"

enum { BLOCK = 16 };

typedef uint8_t bytes __attribute__((vector_size(4 * BLOCK)));
typedef uint32_t words __attribute__((vector_size(4 * BLOCK)));
typedef uint16_t shorts __attribute__((vector_size(2 * BLOCK)));
typedef uint16_t wide_bytes __attribute__((vector_size(8 * BLOCK)));

// RepeatSketch.changes. Behind the end all are zeros, and so do not change.
DISPATCHED long nearline_changes(const uint32_t *restrict rows, const uint16_t *restrict falls, long count) {
    long changes = 0;
    for (long start = 0; start < count;) {
        bytes row_changes = {0};
        shorts fall_changes = {0};
        // As many blocks as a lane of 8 bits can add up.
        for (int block = 0; block < 255 && start < count; block++, start += BLOCK) {
            words row, next;
            memcpy(&row, rows + start, sizeof row);
            memcpy(&next, rows + start + 1, sizeof next);
            // The highest byte is seldom anything but 0.
            row_changes -= (bytes)((bytes)((row ^ next) & 0xFFFFFF) != 0);
            shorts fall, next_fall;
            memcpy(&fall, falls + start, sizeof fall);
            memcpy(&next_fall, falls + start + 1, sizeof next_fall);
            fall_changes -= (shorts)(fall != next_fall);
        }
        changes += __builtin_reduce_add(__builtin_convertvector(row_changes, wide_bytes));
        changes += __builtin_reduce_add(fall_changes);
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
