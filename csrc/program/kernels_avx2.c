/* kernels_avx2.c - for x86-64 with AVX2 and FMA. */
#include "code.h"

#ifdef MG_X86_KERNELS
#include <immintrin.h>
#include <stdlib.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define WIDTH 4
#define FUSED __builtin_fma
#define KERNELS mg_kernels_avx2
#define ISA "avx2"
#define FMA(x, y, z) ((vec)_mm256_fmadd_pd((__m256d)(x), (__m256d)(y), (__m256d)(z)))
/* p[i] += sum of vector i */
#define SUM4(p, v0, v1, v2, v3)                                                                              \
    do {                                                                                                     \
        const __m256d a_ = _mm256_hadd_pd((__m256d)(v0), (__m256d)(v1));                                     \
        const __m256d b_ = _mm256_hadd_pd((__m256d)(v2), (__m256d)(v3));                                     \
        const __m256d low_ = _mm256_blend_pd(a_, b_, 12), high_ = _mm256_permute2f128_pd(a_, b_, 0x21);      \
        _mm256_storeu_pd(p, _mm256_add_pd(_mm256_loadu_pd(p), _mm256_add_pd(low_, high_)));                  \
    } while (0)
#include "kernels.inc"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
