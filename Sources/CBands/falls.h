// FallCode: which parameter the falls of each group of ranks are written by.
#ifndef NEARLINE_BANDS_FALLS_H
#define NEARLINE_BANDS_FALLS_H

#include "bits.h"

enum { MOST_GROUPS = 8, NO_FALLS = 15, PARAMETER_WIDTH = 4, WHOLE = 15, WHOLE_WIDTH = 16 };

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

#endif
