/* The same as test_lane_math.c, as processors with fused multiply-add compute it. */
#if defined __MINGW32__ && !defined __clang__ /* its fma rounds twice, the first time to a long double */
#pragma GCC target("fma")
#define FUSED __builtin_fma
#else
#define FUSED fma
#endif
#include "test_lane_math.c"
