// SourceCode: in which of four forms the sources are the shortest, and those forms.
#ifndef NEARLINE_BANDS_SOURCES_H
#define NEARLINE_BANDS_SOURCES_H

#include "bits.h"

enum { SOURCES = 4 };
// SourceCode.Form.
enum form { SAME = 0, FIXED = 1, UNARY = 2, RUNS = 3 };

struct source_code {
    enum form form;
    int count;
    // Most frequent first.
    uint8_t order[SOURCES];
    // In the order, by source.
    uint8_t places[SOURCES];
};

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

#endif
