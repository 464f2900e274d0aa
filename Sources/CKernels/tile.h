// The inner loop of every product with a packed matrix; see product.c.

// A tile of ROWS x (vectors * LANES): every element is one chain of sums over `inner` in rising order, so that it is the
// same wherever the tile begins. `last` is the last row that there is: rows beyond it are computed from it and not stored.
INLINE_AT void AT(tile)(const float *a, long a_row, long a_inner, const float *b, long b_inner, long inner, long last,
                        int vectors, const float *bias, vf sums[ROWS][COLUMNS]) {
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < vectors; j++) sums[i][j] = bias ? AT(load)(bias + j * LANES) : (vf)0.0f;
    const float *row[ROWS];
#pragma unroll
    for (int i = 0; i < ROWS; i++) row[i] = a + (i < last ? i : last) * a_row;
    for (long k = 0; k < inner; k++, b += b_inner) {
        vf right[COLUMNS];
#pragma unroll
        for (int j = 0; j < vectors; j++) right[j] = AT(load)(b + j * LANES);
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            vf left = (vf)row[i][k * a_inner];
#pragma unroll
            for (int j = 0; j < vectors; j++) sums[i][j] = AT(fma)(left, right[j], sums[i][j]);
        }
    }
}
