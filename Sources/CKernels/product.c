// Products of a tall matrix with a small one that is packed once: towers, projections, output layers.
//
// The right operand is cut into panels of as many columns as fit the registers, so that a panel's rows lie one after the
// other; an inner loop then reads COLUMNS vectors and ROWS numbers for ROWS * COLUMNS multiplications of vectors. What
// follows a product (SiLU, adding to what is there) is done while the tile is still in registers.
#include <stdint.h>
#include "kernels.h"
#include "levels.h"

#define BODY "product_body.h"
#include "each_level.h"

long nearline_panel(void) { return NEARLINE_CHOOSE(16, 64, 8); }

void nearline_pack(const float *b, long b_inner, long b_column, long inner, long columns, float *packed) {
    NEARLINE_CHOOSE(pack_v3(b, b_inner, b_column, inner, columns, packed),
                    pack_v4(b, b_inner, b_column, inner, columns, packed),
                    pack_v0(b, b_inner, b_column, inner, columns, packed));
}

void nearline_product(const float *a, long a_row, const float *packed, const float *bias, float *c, float *kept, long c_row,
                      long rows, long inner, long columns, int after) {
    NEARLINE_CHOOSE(product_v3(a, a_row, packed, bias, c, kept, c_row, rows, inner, columns, after),
                    product_v4(a, a_row, packed, bias, c, kept, c_row, rows, inner, columns, after),
                    product_v0(a, a_row, packed, bias, c, kept, c_row, rows, inner, columns, after));
}

void nearline_outer(const float *a, long a_row, const float *b, long b_row, float *c, long c_row, long rows, long height,
                    long columns) {
    NEARLINE_CHOOSE(outer_v3(a, a_row, b, b_row, c, c_row, rows, height, columns),
                    outer_v4(a, a_row, b, b_row, c, c_row, rows, height, columns),
                    outer_v0(a, a_row, b, b_row, c, c_row, rows, height, columns));
}
