#include <cblas.h>

// LAPACK is in the same library, but Debian's headers of it are in a package of their own. Column-major, as in Fortran.
void spotrf_(const char *triangle, const int *size, float *matrix, const int *stride, int *info);
void spotri_(const char *triangle, const int *size, float *matrix, const int *stride, int *info);
