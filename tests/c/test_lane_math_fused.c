/* The same as test_lane_math.c, as processors with fused multiply-add compute it. */
#define FUSED fma
#include "test_lane_math.c"
