/* lane_math.h - exp, log, tanh and their kin without branches or tables, so that loops of them become vector code.
 *
 * After this the op table's names mean these. They are within 3 units of the last place of the exact value, and are
 * libm's at 0, at infinities and for NaN. What is not here (sin, pow, erf, ...) is libm's, lane by lane.
 */
#ifndef MG_LANE_MATH_H
#define MG_LANE_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANE static inline __attribute__((always_inline))
#ifndef FUSED /* x*y + z, rounded once where one instruction does that */
#define FUSED(x, y, z) ((x) * (y) + (z))
#endif

#define LN2_HIGH 0x1.62e42fee00000p-1 /* 32 bits: n * LN2_HIGH is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33
#define LOG2_E 0x1.71547652b82fep0
#define ROUNDER 0x1.8p52 /* x + ROUNDER - ROUNDER is x rounded, and the sum's low bits are that integer */

LANE int64_t bits_of(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

LANE double from_bits(int64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The integer n of t = ROUNDER + n. */
LANE uint64_t low_bits(double t)
{
    return (uint64_t)bits_of(t) - (uint64_t)bits_of(ROUNDER);
}

/* 2**n for -1022 <= n <= 1023 */
LANE double power_of_two(uint64_t n)
{
    return from_bits((int64_t)((n + 1023) << 52));
}

/* (e**r - 1) for abs(r) <= ln(2)/2: r + r**2/2! + ... + r**13/13! */
LANE double expm1_series(double r)
{
    double p = 1.0 / 6227020800;

    p = FUSED(p, r, 1.0 / 479001600);
    p = FUSED(p, r, 1.0 / 39916800);
    p = FUSED(p, r, 1.0 / 3628800);
    p = FUSED(p, r, 1.0 / 362880);
    p = FUSED(p, r, 1.0 / 40320);
    p = FUSED(p, r, 1.0 / 5040);
    p = FUSED(p, r, 1.0 / 720);
    p = FUSED(p, r, 1.0 / 120);
    p = FUSED(p, r, 1.0 / 24);
    p = FUSED(p, r, 1.0 / 6);
    p = FUSED(p, r, 0.5);
    return FUSED(p * r, r, r);
}

/* e**x = 2**n * e**r, x = n ln(2) + r */
LANE double lane_exp(double x)
{
    const double low = x < -746.0 ? -746.0 : x, c = low > 710.0 ? 710.0 : low;
    const double t = c * LOG2_E + ROUNDER, n = t - ROUNDER;
    const double p = 1.0 + expm1_series(FUSED(n, -LN2_LOW, FUSED(n, -LN2_HIGH, c)));
    const uint64_t i = low_bits(t); /* for nan any value will do; unsigned arithmetic cannot overflow */
    /* In two steps: results at both ends of the range pass 2**1024 or 2**-1022 on the way. */
    const uint64_t half = ((i + 4096) >> 1) - 2048;

    return p * power_of_two(half) * power_of_two(i - half);
}

/* e**x - 1 for abs(x) <= 40 */
LANE double expm1_to_40(double x)
{
    const double t = x * LOG2_E + ROUNDER, n = t - ROUNDER;
    const double s = power_of_two(low_bits(t));

    return FUSED(s, expm1_series(FUSED(n, -LN2_LOW, FUSED(n, -LN2_HIGH, x))), s - 1.0);
}

LANE double lane_expm1(double x)
{
    const double low = x < -40.0 ? -40.0 : x, c = low > 40.0 ? 40.0 : low;

    return x > 40.0 ? lane_exp(x) : copysign(expm1_to_40(c), x); /* of -0 too */
}

/* log x = n ln(2) + log(1 + f), the series in s = f / (2 + f) and its coefficients are fdlibm's e_log.c */
LANE double lane_log(double x)
{
    const double scaled = x < 0x1p-1022 ? x * 0x1p54 : x;
    const uint64_t above =
        (uint64_t)bits_of(scaled) - (uint64_t)bits_of(0x1.6a09e667f3bcdp-1); /* 0 at sqrt(1/2) */
    const int64_t e = (int64_t)((above + ((uint64_t)1 << 63)) >> 52) - 2048;
    const double m = from_bits((int64_t)((uint64_t)bits_of(scaled) - ((uint64_t)e << 52)));
    const double n = from_bits(bits_of(ROUNDER) + e) - ROUNDER - (x < 0x1p-1022 ? 54.0 : 0.0);
    const double f = m - 1.0, s = f / (2.0 + f), z = s * s, w = z * z, half = 0.5 * f * f;
    const double odd =
        w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    const double even =
        z * (6.666666666666735130e-01 +
             w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    const double log = n * LN2_HIGH - ((half - (s * (half + odd + even) + n * LN2_LOW)) - f);

    return x > 0.0 ? (x <= 0x1.fffffffffffffp1023 ? log : x) : (x == 0.0 ? -INFINITY : NAN);
}

/* log(1 + x), the rounding of 1 + x made good to first order */
LANE double lane_log1p(double x)
{
    const double u = 1.0 + x, lost = x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x);
    const double log = lane_log(u) + lost / u;

    return x <= 0x1p-54 && x >= -0x1p-54 ? x : x <= 0x1.fffffffffffffp1023 && x > -1.0 ? log : lane_log(u);
}

/* (e**2x - 1) / (e**2x + 1) */
LANE double lane_tanh(double x)
{
    const double a = fabs(x), t = expm1_to_40(a > 20.0 ? 40.0 : 2.0 * a);
    const double z = t / (t + 2.0);

    return copysign(x != x ? x : z, x);
}

LANE double lane_logistic(double x)
{
    const double e = lane_exp(-fabs(x));
    return (x < 0 ? e : 1.0) / (1.0 + e);
}

LANE double lane_logaddexp(double x, double y)
{
    return x == y ? x + (LN2_HIGH + LN2_LOW) : (x > y ? x : y) + lane_log1p(lane_exp(-fabs(x - y)));
}

#define exp(x) lane_exp(x)
#define expm1(x) lane_expm1(x)
#define log(x) lane_log(x)
#define log1p(x) lane_log1p(x)
#define tanh(x) lane_tanh(x)
#define logistic(x) lane_logistic(x)
#define logaddexp(x, y) lane_logaddexp(x, y)

#endif
