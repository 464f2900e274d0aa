#include "bands.h"

enum { LINE = 64 };

void nearline_fetch_list(const struct nearline_candidate *candidates, long count) {
    const char *bytes = (const char *)candidates;
    for (long at = 0; at < count * (long)sizeof *candidates; at += LINE) __builtin_prefetch(bytes + at);
}

void nearline_fetch_counts(const struct nearline_candidate *candidates, long count, const uint8_t *counts) {
    // To be written to.
    for (long i = 0; i < count; i++) __builtin_prefetch(counts + candidates[i].row, 1);
}
