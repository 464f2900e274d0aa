// The vectors of one level of x86-64 and the few operations on them. Included by each kernel's source once a level, with
// LEVEL (a name), LANES (floats of a vector), COLUMNS (vectors of a tile's row) and TARGET set before; see levels.h.
// ROWS x COLUMNS accumulators leave room for a row of the right operand and one broadcast of the left.
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define AT(name) JOIN(name, LEVEL)
#define INLINE_AT static inline __attribute__((always_inline)) TARGET
#define ROWS 6
#define PANEL (COLUMNS * LANES)

#define vf AT(vf)
#define vi AT(vi)
typedef float vf __attribute__((ext_vector_type(LANES)));
typedef int32_t vi __attribute__((ext_vector_type(LANES)));
typedef _Bool AT(vb) __attribute__((ext_vector_type(LANES)));
typedef float AT(vfu) __attribute__((ext_vector_type(LANES), aligned(4)));

INLINE_AT vf AT(load)(const float *p) { return *(const AT(vfu) *)p; }
INLINE_AT void AT(store)(float *p, vf x) { *(AT(vfu) *)p = x; }

// The first n lanes only; the others are zero, or stay as they were.
INLINE_AT vf AT(load_some)(const float *p, long n) {
    if (n >= LANES) return AT(load)(p);
    float all[LANES] = {0};
    for (long i = 0; i < n; i++) all[i] = p[i];
    return AT(load)(all);
}

INLINE_AT void AT(store_some)(float *p, vf x, long n) {
    if (n >= LANES) {
        AT(store)(p, x);
        return;
    }
    float all[LANES];
    AT(store)(all, x);
    for (long i = 0; i < n; i++) p[i] = all[i];
}

// a * b + c, in one rounding where the level has it.
INLINE_AT vf AT(fma)(vf a, vf b, vf c) {
#if FUSED
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}

INLINE_AT vf AT(bits)(vi x) {
    union {
        vi i;
        vf f;
    } u = {.i = x};
    return u.f;
}

// 0 .. LANES - 1
INLINE_AT vi AT(lane)(void) {
    vi x;
    for (int i = 0; i < LANES; i++) x[i] = i;
    return x;
}

// x in the lanes of which the place is before `end`, else zero.
INLINE_AT vf AT(before)(vf x, long place, long end) {
    vi seen = AT(lane)() + (int32_t)place < (vi)(int32_t)end;
    union {
        vf f;
        vi i;
    } u = {.f = x};
    return AT(bits)(u.i & seen);
}

// The sum of all lanes, halves first.
INLINE_AT float AT(total)(vf x) {
    float all[LANES];
    AT(store)(all, x);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) all[i] += all[i + half];
    return all[0];
}

// A bit for each lane in which a is above b.
INLINE_AT uint32_t AT(above)(vf a, vf b) {
    AT(vb) lanes = __builtin_convertvector(a > b, AT(vb));
    uint32_t bits = 0;
    __builtin_memcpy(&bits, &lanes, (LANES + 7) / 8);
    return bits & ((1u << LANES) - 1);
}

// e^x as 2^n times a polynomial of the rest: relative error below 4e-7 within +-87.3, clamped beyond.
INLINE_AT vf AT(exp)(vf x) {
#if LANES == 16
    x = (vf)_mm512_range_ps((__m512)x, _mm512_set1_ps(87.3f), 2);  // the lesser absolute value, with the sign of x
#else
    x = x > (vf)-87.3f ? x : (vf)-87.3f;
    x = x < (vf)87.3f ? x : (vf)87.3f;
#endif
    // 1.5 * 2^23: rounds to the nearest integer, which then stands in the low bits.
    vf shifted = AT(fma)(x, (vf)1.44269504f, (vf)12582912.0f);
    vf n = shifted - 12582912.0f;
    vf r = AT(fma)(n, (vf)-0.69314718056f, x);
    // Minimax over half a step of n either way.
    vf p = 8.31252e-3f;
    p = AT(fma)(p, r, (vf)4.189016e-2f);
    p = AT(fma)(p, r, (vf)1.6667115e-1f);
    p = AT(fma)(p, r, (vf)4.9999231e-1f);
    p = AT(fma)(p, r, (vf)1.0f);
    p = AT(fma)(p, r, (vf)1.0f);
#if LANES == 16
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    // p is within [0.7, 1.5], so that n can be added to its exponent.
    union {
        vf f;
        vi i;
    } steps = {.f = shifted}, power = {.f = p};
    return AT(bits)(power.i + (steps.i << 23));
#endif
}

// x * sigmoid(x)
INLINE_AT vf AT(silu)(vf x) { return x / (1.0f + AT(exp)(-x)); }

// From x to silu(x) and silu'(x).
INLINE_AT void AT(silu_and_slope)(vf x, vf *value, vf *slope) {
    vf share = 1.0f / (1.0f + AT(exp)(-x));
    *value = x * share;
    *slope = AT(fma)(*value, 1.0f - share, share);
}
