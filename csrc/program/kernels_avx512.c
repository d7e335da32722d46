/* kernels_avx512.c - for x86-64 with AVX-512. */
#include "code.h"

#ifdef MG_X86_KERNELS
#include <immintrin.h>
#include <stdlib.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))),         \
                             apply_to = function)
#elif __GNUC__ > 10
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,prefer-vector-width=512")
#else /* which know that word on the command line alone */
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
#endif

#define WIDTH 8
#define FUSED __builtin_fma
#define KERNELS mg_kernels_avx512
#define ISA "avx512"
#define FMA(x, y, z) ((vec)_mm512_fmadd_pd((__m512d)(x), (__m512d)(y), (__m512d)(z)))
/* a register's upper half added to its lower one */
#define HALVES(v) _mm256_add_pd(_mm512_castpd512_pd256((__m512d)(v)), _mm512_extractf64x4_pd((__m512d)(v), 1))
/* p[i] += sum of vector i */
#define SUM4(p, v0, v1, v2, v3)                                                                              \
    do {                                                                                                     \
        const __m512d a_ = _mm512_add_pd(_mm512_unpacklo_pd((__m512d)(v0), (__m512d)(v1)),                   \
                                         _mm512_unpackhi_pd((__m512d)(v0), (__m512d)(v1)));                  \
        const __m512d b_ = _mm512_add_pd(_mm512_unpacklo_pd((__m512d)(v2), (__m512d)(v3)),                   \
                                         _mm512_unpackhi_pd((__m512d)(v2), (__m512d)(v3)));                  \
        const __m256d c_ = HALVES(a_), d_ = HALVES(b_);                                                      \
        const __m256d low_ = _mm256_blend_pd(c_, d_, 12), high_ = _mm256_permute2f128_pd(c_, d_, 0x21);      \
        _mm256_storeu_pd(p, _mm256_add_pd(_mm256_loadu_pd(p), _mm256_add_pd(low_, high_)));                  \
    } while (0)
#include "kernels.inc"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
