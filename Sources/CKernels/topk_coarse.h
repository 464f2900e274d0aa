// A first pass over the items in eight bits, where the processor sums products of bytes (AVX-512 VNNI): four times the
// products of a float pass, and bounds in place of scores. See topk.c; included there behind the level that it belongs to.
//
// An item x stands as s · x8 with one scale s a panel, a query q as t · q8. By Cauchy and Schwarz
//     q · x <= t s (q8 · x8) + |q| |x - s x8| + |q - t q8| |s x8|,
// so that where this is not above the user's threshold, the score is not. Whatever else is left is scored as without this
// pass, by the same sum in the same order: the lists are the same to the bit.

#if defined(__x86_64__)
#include <immintrin.h>

#define COARSE_TARGET __attribute__((target("arch=x86-64-v4,avx512vnni")))
enum { coarse_panel = 64, coarse_rows = 6, coarse_vectors = 4 };

long nearline_coarse_width(long width) { return (width + 3) & ~3l; }

static int8_t coarse_byte(float x, double scale) {
    double y = nearbyint(x / scale);
    return (int8_t)(y > 127 ? 127 : y < -127 ? -127 : y);
}

// A bound as a float that is not below it.
static float coarse_above(double x) { return (float)(x * (1 + 0x1p-20)); }

// The query's bytes are unsigned, as one side has to be: 128 more than they stand for. That much times the sum of the item's
// bytes is taken off where the sums begin. bounds, `users` apart: the length, that of what the bytes leave out, 1 / scale.
static void coarse_query(const float *query, long width, uint8_t *bytes, float *bounds, long users) {
    float most = 0;
    for (long k = 0; k < width; k++) most = fabsf(query[k]) > most ? fabsf(query[k]) : most;
    double scale = most > 0 ? most / 127.0 : 1, error = 0, length = 0;
    for (long k = 0; k < width; k++) {
        int8_t byte = coarse_byte(query[k], scale);
        double rest = query[k] - scale * byte;
        error += rest * rest;
        length += (double)query[k] * query[k];
        bytes[k] = (uint8_t)(byte + 128);
    }
    for (long k = width; k < nearline_coarse_width(width); k++) bytes[k] = 128;
    bounds[0] = coarse_above(sqrt(length));
    bounds[users] = coarse_above(sqrt(error));
    bounds[2 * users] = (float)(1 / scale);
}

void nearline_coarse_pack(const float *panels, long width, long items, const nearline_coarse *out) {
    long inner = nearline_coarse_width(width);
    for (long begin = 0; begin < items; begin += coarse_panel) {
        long number = begin / coarse_panel, count = items - begin < coarse_panel ? items - begin : coarse_panel;
        const float *panel = panels + begin * width;
        int8_t *bytes = out->items + begin * inner;
        float most = 0;
        for (long i = 0; i < width * coarse_panel; i++)
            if (i % coarse_panel < count && fabsf(panel[i]) > most) most = fabsf(panel[i]);
        double scale = most > 0 ? most / 127.0 : 1, worst = 0, longest = 0;
        memset(bytes, 0, (size_t)(inner * coarse_panel));
        for (long j = 0; j < coarse_panel; j++) {
            double error = 0, length = 0;
            int32_t sum = 0;
            for (long k = 0; j < count && k < width; k++) {
                float x = panel[k * coarse_panel + j];
                int8_t byte = coarse_byte(x, scale);
                double rest = x - scale * byte;
                error += rest * rest;
                length += (double)x * x;
                sum += byte;
                bytes[k / 4 * 4 * coarse_panel + j * 4 + k % 4] = byte;
            }
            out->sums[begin + j] = -128 * sum;
            worst = error > worst ? error : worst;
            longest = length > longest ? length : longest;
        }
        // What a query's length is multiplied with, and with it the rounding of a score; what its error is; 1 / scale.
        float *bounds = out->bounds + 3 * number;
        bounds[0] = coarse_above(sqrt(worst) + (double)(width + 8) * 0x1p-23 * sqrt(longest));
        bounds[1] = coarse_above(sqrt(worst) + sqrt(longest));
        bounds[2] = (float)(1 / scale);
    }
}

// What sums of products of bytes have to be above, of sixteen users and one panel: rounded down, and less by what the rounding
// of these very operations can come to.
COARSE_TARGET static inline __m512i coarse_thresholds(const float *threshold, const float *bounds, long users,
                                                      const float *panel) {
    __m512 score = _mm512_loadu_ps(threshold), unit = _mm512_loadu_ps(bounds + 2 * users) * _mm512_set1_ps(panel[2]);
    __m512 reach = _mm512_fmadd_ps(_mm512_loadu_ps(bounds), _mm512_set1_ps(panel[0]),
                                   _mm512_loadu_ps(bounds + users) * _mm512_set1_ps(panel[1]));
    __m512 margin = _mm512_fmadd_ps((_mm512_abs_ps(score) + reach) * unit, _mm512_set1_ps(0x1p-19f), _mm512_set1_ps(2));
    // Beyond the integers it becomes the least of them, which leaves nothing out.
    return _mm512_cvt_roundps_epi32((score - reach) * unit - margin, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

// Scores of sixteen items, each the very sum that a tile makes.
COARSE_TARGET static inline __m512 coarse_scores(const float *query, const float *column, long width) {
    __m512 sum = _mm512_setzero_ps();
    for (long k = 0; k < width; k++)
        sum = _mm512_fmadd_ps(_mm512_set1_ps(query[k]), _mm512_loadu_ps(column + k * coarse_panel), sum);
    return sum;
}

// Takes in those whose bounds and scores are above the user's threshold.
COARSE_TARGET static __attribute__((noinline)) void coarse_note(const nearline_top_k_job *job, long number, long begin,
                                                                const __m512i *sums, int32_t bound) {
    const float *query = job->queries + number * job->width, *panel = job->panels + begin * job->width;
    float scores[coarse_panel];
    __m512 threshold = _mm512_set1_ps(job->state[number].threshold);
    int any = 0;
    for (int j = 0; j < coarse_vectors; j++) {
        __mmask16 left = _mm512_cmpgt_epi32_mask(sums[j], _mm512_set1_epi32(bound));
        __m512 exact = _mm512_set1_ps(-INFINITY);
        if (left) exact = coarse_scores(query, panel + j * 16, job->width);
        any |= _mm512_cmp_ps_mask(exact, threshold, _CMP_GT_OQ);
        _mm512_storeu_ps(scores + j * 16, exact);
    }
    if (any) note_v4(job, number, scores, begin, job->items - begin < coarse_panel ? job->items - begin : coarse_panel);
}

// All items against all users, each from the threshold that it has.
COARSE_TARGET static void coarse_scan(const nearline_top_k_job *job) {
    long inner = nearline_coarse_width(job->width), users = job->users, padded = (users + 15) & ~15l;
    float *bounds = job->query_bounds, *threshold = bounds + 3 * padded;
    int32_t *least = (int32_t *)(threshold + padded);
    memset(bounds, 0, (size_t)padded * 4 * sizeof(float));
    for (long u = 0; u < users; u++) {
        coarse_query(job->queries + u * job->width, job->width, job->query_bytes + u * inner, bounds + u, padded);
        threshold[u] = job->state[u].threshold;
    }
    for (long begin = 0; begin < job->items; begin += coarse_panel) {
        const int8_t *panel = job->coarse.items + begin * inner;
        for (long u = 0; u < users; u += 16)
            _mm512_storeu_si512(least + u, coarse_thresholds(threshold + u, bounds + u, padded,
                                                             job->coarse.bounds + begin / coarse_panel * 3));
        for (long u = 0; u < users; u += coarse_rows) {
            __m512i sums[coarse_rows][coarse_vectors];
            const uint8_t *row[coarse_rows];
#pragma unroll
            for (int i = 0; i < coarse_rows; i++) {
                row[i] = job->query_bytes + (u + i < users ? u + i : users - 1) * inner;
#pragma unroll
                for (int j = 0; j < coarse_vectors; j++)
                    sums[i][j] = _mm512_loadu_si512(job->coarse.sums + begin + j * 16);
            }
            for (long k = 0; k < inner; k += 4) {
                __m512i right[coarse_vectors];
#pragma unroll
                for (int j = 0; j < coarse_vectors; j++)
                    right[j] = _mm512_loadu_si512(panel + k * coarse_panel + j * 64);
#pragma unroll
                for (int i = 0; i < coarse_rows; i++) {
                    int32_t four;
                    memcpy(&four, row[i] + k, 4);
                    __m512i left = _mm512_set1_epi32(four);
#pragma unroll
                    for (int j = 0; j < coarse_vectors; j++) sums[i][j] = _mm512_dpbusd_epi32(sums[i][j], left, right[j]);
                }
            }
#pragma unroll
            for (int i = 0; i < coarse_rows; i++) {
                __m512i best = _mm512_max_epi32(
                    _mm512_max_epi32(sums[i][0], sums[i][1]), _mm512_max_epi32(sums[i][2], sums[i][3]));
                if (u + i >= users) break;
                if (!_mm512_cmpgt_epi32_mask(best, _mm512_set1_epi32(least[u + i]))) continue;
                __m512i survivors[coarse_vectors];
#pragma unroll
                for (int j = 0; j < coarse_vectors; j++) survivors[j] = sums[i][j];
                coarse_note(job, u + i, begin, survivors, least[u + i]);
                threshold[u + i] = job->state[u + i].threshold;
            }
        }
    }
}

int nearline_has_coarse(void) { return nearline_level_in_use == 4 && __builtin_cpu_supports("avx512vnni"); }

#else
static void coarse_scan(const nearline_top_k_job *job) { (void)job; }
void nearline_coarse_pack(const float *panels, long width, long items, const nearline_coarse *out) {
    (void)panels, (void)width, (void)items, (void)out;
}
long nearline_coarse_width(long width) { return width; }
int nearline_has_coarse(void) { return 0; }
#endif
