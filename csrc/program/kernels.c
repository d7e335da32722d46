/* kernels.c - the kernels for any processor, vectors of two: SSE2 on x86-64 and NEON on Arm; and which instruction set
 * runs. */
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

static const mg_kernels *_Atomic in_use; /* threads that choose at the same time choose the same */

static bool can_run(const mg_kernels *kernels)
{
#ifdef MG_X86_KERNELS
    __builtin_cpu_init();
    if (kernels == &mg_kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("fma");
    if (kernels == &mg_kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return kernels == &mg_kernels_baseline;
}

static const mg_kernels *const all_kernels[] = {
#ifdef MG_X86_KERNELS
    &mg_kernels_avx512, &mg_kernels_avx2,
#endif
    &mg_kernels_baseline};

const mg_kernels *mg_kernels_in_use(void)
{
    for (size_t i = 0; !in_use; i++)
        if (can_run(all_kernels[i]))
            in_use = all_kernels[i];
    return in_use;
}

const char *mg_lanes(const char *name)
{
    for (size_t i = 0; name && i < sizeof all_kernels / sizeof *all_kernels; i++)
        if (strcmp(all_kernels[i]->name, name) == 0 && can_run(all_kernels[i]))
            in_use = all_kernels[i];
    return mg_kernels_in_use()->name;
}
