import COpenBLAS

/// `a ← a⁻¹` in place, for a symmetric positive definite `a` `[size, size]`, by its Cholesky factor (LAPACK `potrf`,
/// `potri`); false where it is not positive definite, and `a` is then anything.
///
/// One thread, so that the same input gives the same bytes.
package func invertSymmetric(_ a: Floats, size: Int) -> Bool {
    guard size > 0 else { return true }
    _ = BLAS.isReady
    var n = Int32(size), info: Int32 = 0
    // LAPACK counts columns first, so its lower triangle is our upper one.
    spotrf_("L", &n, a, &n, &info)
    guard info == 0 else { return false }
    spotri_("L", &n, a, &n, &info)
    guard info == 0 else { return false }
    mirrorUpperTriangle(a, size: size)
    return true
}

/// In tiles that stay in the cache, as one of the two sides is read across rows.
private func mirrorUpperTriangle(_ a: Floats, size n: Int) {
    let tile = 64
    for top in stride(from: 0, to: n, by: tile) {
        for left in stride(from: top, to: n, by: tile) {
            for i in top..<min(top + tile, n) {
                for j in max(left, i + 1)..<max(max(left, i + 1), min(left + tile, n)) { a[j * n + i] = a[i * n + j] }
            }
        }
    }
}
