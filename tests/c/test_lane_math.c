/* The functions of programs against the C library's in long double. */
#include <float.h>

#include "check.h"
#include "program/lane_math.h"

enum { POINTS = 200000 };

typedef struct {
    const char *name;
    double (*lane)(double);
    long double (*exact)(long double);
    double low, high; /* where points lie close together */
    double most;      /* units of the last place */
} function;

#define LANE_FUNCTION(name)                                                                                  \
    static double call_##name(double x)                                                                      \
    {                                                                                                        \
        return lane_##name(x);                                                                               \
    }
LANE_FUNCTION(exp)
LANE_FUNCTION(expm1)
LANE_FUNCTION(log)
LANE_FUNCTION(log1p)
LANE_FUNCTION(tanh)
LANE_FUNCTION(logistic)

static long double exact_logistic(long double x)
{
    return 1.0L / (1.0L + expl(-x));
}

static const function functions[] = {
    {"exp", call_exp, expl, -745.0, 709.0, 1},  {"expm1", call_expm1, expm1l, -40.0, 709.0, 2},
    {"log", call_log, logl, 0.0, 4.0, 1},       {"log1p", call_log1p, log1pl, -1.0, 4.0, 2},
    {"tanh", call_tanh, tanhl, -20.0, 20.0, 3}, {"logistic", call_logistic, exact_logistic, -700.0, 40.0, 3},
};

/* Between z and the exact value, in units of the last place of a double there. */
static double units(double z, long double exact)
{
    if (z == (double)exact || (isnan(z) && isnan(exact)))
        return 0.0;
    const int exponent = ilogbl(exact) < -1022 ? -1022 : ilogbl(exact);
    return (double)(fabsl((long double)z - exact) / ldexpl(1.0L, exponent - 52));
}

static void compare(const function *f, double x)
{
    const double off = units(f->lane(x), f->exact(x));

    check_note("%s(%.17g) is %.17g, %g units off", f->name, x, f->lane(x), off);
    CHECK(off <= f->most + (LDBL_MANT_DIG > DBL_MANT_DIG ? 0 : 2)); /* the library's own are off there too */
}

/* Any double but nan: all signs and exponents alike. */
static double random_double(rng *r)
{
    return from_bits(
        (int64_t)((uint64_t)random_bits(r) << 33 ^ (uint64_t)random_bits(r) << 11 ^ random_bits(r)));
}

TEST(results_are_a_few_units_of_the_last_place_off)
{
    rng r = {1};

    for (int32_t i = 0; i < LENGTH(functions); i++)
        for (int32_t j = 0; j < POINTS; j++) {
            const function *f = &functions[i];
            compare(f, f->low + (f->high - f->low) * (0.5 + 0.5 * random_real(&r)));
            compare(f, random_real(&r) * ldexp(1.0, -random_below(&r, 60)));
            compare(f, random_double(&r));
        }
}

TEST(ends_of_the_range_are_those_of_the_library)
{
    static const double ends[] = {0.0,      -0.0,    0x1p-1074, -0x1p-1074, 0x1p-1022, 0x1.fffffffffffffp1023,
                                  INFINITY, NAN,     1.0,       -1.0,       709.78,    709.79,
                                  -745.13,  -745.14, -0x1p60,   -INFINITY,  0x1p-54,   -0x1p-54,
                                  40.0,     -40.0,   20.0,      -20.0};

    for (int32_t i = 0; i < LENGTH(functions); i++)
        for (int32_t j = 0; j < LENGTH(ends); j++) {
            const double z = functions[i].lane(ends[j]), exact = (double)functions[i].exact(ends[j]);
            compare(&functions[i], ends[j]);
            check_note("%s(%.17g) is %.17g", functions[i].name, ends[j], z);
            CHECK(isnan(z) == isnan(exact) && isinf(z) == isinf(exact) && (z == 0.0) == (exact == 0.0));
            CHECK(isnan(z) || !signbit(z) == !signbit(exact));
        }
}

/* Where a function changes its formula, or its result leaves the normal numbers; and all that a step of two halves
 * of the exponent can see. */
TEST(neighbours_of_every_threshold_are_as_exact_as_all_others)
{
    static const double thresholds[] = {
        0x1p-54, 40.0,   20.0,    19.061547, 709.782712893384, 708.396418532264, 745.133219101941,
        1.0,     0x1p52, 0x1p-26, M_SQRT1_2, M_SQRT2,          0x1p-1022,        0x1.fffffffffffffp1023,
    };

    for (int32_t i = 0; i < LENGTH(functions); i++) {
        for (int32_t j = 0; j < LENGTH(thresholds); j++)
            for (int64_t step = -500; step <= 500; step++) {
                const double x = from_bits(bits_of(thresholds[j]) + step);
                compare(&functions[i], x);
                compare(&functions[i], -x);
            }
        for (int64_t n = -2200; n <= 2200; n++)
            for (int64_t step = -2; step <= 2; step++) {
                compare(&functions[i], from_bits(bits_of(n * 0.5 * M_LN2) + step));
                compare(&functions[i],
                        from_bits((int64_t)((uint64_t)(n + 2200) << 51)) * (1 + step * 0x1p-52));
            }
    }
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(results_are_a_few_units_of_the_last_place_off);
    RUN(ends_of_the_range_are_those_of_the_library);
    RUN(neighbours_of_every_threshold_are_as_exact_as_all_others);
    return 0;
}
