// The functions are compiled into whoever imports this, so that nothing has to be linked. xxhash.h gives them other names
// then, by macros that Swift does not see: hence two of our own.
#define XXH_INLINE_ALL
#include <xxhash.h>

static inline XXH64_hash_t hash_64_bits(const void *bytes, size_t count) { return XXH3_64bits(bytes, count); }
static inline XXH128_hash_t hash_128_bits(const void *bytes, size_t count) { return XXH3_128bits(bytes, count); }
