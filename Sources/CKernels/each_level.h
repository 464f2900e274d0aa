// Includes BODY once a level. v0 is for any processor; its width suits SSE2 and NEON.
#if defined(__x86_64__)
#include <immintrin.h>
#define LEVEL v4
#define LANES 16
#define COLUMNS 4
#define FUSED 1
#define TARGET __attribute__((target("arch=x86-64-v4")))
#include "level.h"
#include BODY
#include "level_end.h"

#define LEVEL v3
#define LANES 8
#define COLUMNS 2
#define FUSED 1
#define TARGET __attribute__((target("arch=x86-64-v3")))
#include "level.h"
#include BODY
#include "level_end.h"
#endif

#define LEVEL v0
#define LANES 4
#define COLUMNS 2
#define FUSED 0
#define TARGET
#include "level.h"
#include BODY
#include "level_end.h"
#undef BODY
