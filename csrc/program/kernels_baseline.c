/* kernels_baseline.c - for any processor: vectors of two, SSE2 on x86-64 and NEON on Arm. */
#define WIDTH 2
#define KERNELS mg_kernels_baseline
#if defined(__aarch64__)
#include <arm_neon.h>
#define ISA "neon"
#define FMA(x, y, z) ((vec)vfmaq_f64((float64x2_t)(z), (float64x2_t)(x), (float64x2_t)(y)))
#else
#define ISA "baseline"
#define FMA(x, y, z) ((x) * (y) + (z))
#endif
#include "kernels.inc"
