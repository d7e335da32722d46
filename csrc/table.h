/* table.h - what the op table says: shapes, values, errors. It knows no node. */
#ifndef MG_TABLE_H
#define MG_TABLE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "engine.h"

#ifndef M_SQRT1_2
#define M_SQRT1_2 0.70710678118654752440
#endif
#ifndef M_LN2
#define M_LN2 0.69314718055994530942
#endif
#ifndef M_2_SQRTPI
#define M_2_SQRTPI 1.12837916709551257390
#endif

#define MG_NONE (-1) /* no operand, no activation */

/* The operands of an op: none; x; x and k; x and y; a list; a list, and as many derivatives; inputs and weights. */
enum mg_shape { MG_NO_OPERAND, MG_ONE, MG_ONE_K, MG_TWO, MG_LIST, MG_PAIRED, MG_WEIGHTED };
static const uint8_t mg_shape_of[MG_OPS] = {
    [MG_LEAF] = MG_NO_OPERAND, [MG_CONSTANT] = MG_NO_OPERAND, [MG_CUSTOM] = MG_LIST,
    [MG_GIVEN] = MG_PAIRED,    [MG_DOT] = MG_WEIGHTED,
#define OP1(id, ...) [MG_##id] = MG_ONE,
#define OP1K(id, ...) [MG_##id] = MG_ONE_K,
#define OP2(id, ...) [MG_##id] = MG_TWO,
#define OPN(id, ...) [MG_##id] = MG_LIST,
#include "ops.def"
};

/* Is it an OPN of the op table? */
static inline bool mg_is_nary(int32_t op)
{
    return op >= 0 && op < MG_OPS && op != MG_CUSTOM && mg_shape_of[op] == MG_LIST;
}

/* Does it pass nothing to its first operand? */
enum { MG_IS_INSTEAD = 1, MG_IS_CHOICE };
static const uint8_t mg_skips_x[MG_OPS] = {
#define CHOICE(id, ...) [MG_##id] = MG_IS_CHOICE,
#define INSTEAD(id, ...) [MG_##id] = MG_IS_INSTEAD,
#include "ops.def"
};

/* What the derivative of an activation reads, see ops.def; 0: the op is no activation. */
enum { MG_READS_Z = 1, MG_READS_X };
static const uint8_t mg_activation_reads[MG_OPS] = {
#define ACTIVATION(id, label, reads, ...) [MG_##id] = MG_READS_##reads,
#define ACTIVATIONK ACTIVATION
#include "ops.def"
};

/* Can it stand inside an MG_DOT? MG_NONE can. */
static inline bool mg_is_activation(int32_t op)
{
    return op == MG_NONE || (op >= 0 && op < MG_OPS && mg_activation_reads[op]);
}

static inline double logistic(double x)
{
    const double e = exp(-fabs(x));
    return (x < 0 ? e : 1.0) / (1.0 + e);
}

/* Of two equal infinities too. */
static inline double logaddexp(double x, double y)
{
    return x == y ? x + M_LN2 : (x > y ? x : y) + log1p(exp(-fabs(x - y)));
}

/* ---- the errors column of the op table ---- */

#define errors_TOTAL(x, y, z) MG_OK
#define errors_QUOTIENT(x, y, z) ((y) == 0 ? MG_EZERODIV : MG_OK)
static inline int32_t errors_POWER(double x, double y, double z)
{
    if (isfinite(z) || !isfinite(x) || !isfinite(y))
        return MG_OK;
    return isnan(z) ? MG_EDOMAIN : x == 0 ? MG_EZERODIV : MG_EOVERFLOW;
}

/* z = op(x, y) or op(x; k) into `out`: MG_OK, or the error by Python's rules for floats. */
static inline int32_t mg_evaluate(int op, double x, double y, double k, double *out)
{
    double z;

    switch (op) {
#define OP1(id, label, domain, value, dx)                                                                    \
    case MG_##id:                                                                                            \
        z = value;                                                                                           \
        *out = z;                                                                                            \
        return !(domain) && !isnan(x) ? MG_EDOMAIN : isinf(z) && isfinite(x) ? MG_EOVERFLOW : MG_OK;
#define OP1K(id, label, errors, default_k, same, value, dx)                                                  \
    case MG_##id:                                                                                            \
        z = value;                                                                                           \
        *out = z;                                                                                            \
        return errors_##errors(x, k, z);
#define OP2(id, label, errors, neutral, value, dx, dy)                                                       \
    case MG_##id:                                                                                            \
        z = value;                                                                                           \
        *out = z;                                                                                            \
        return errors_##errors(x, y, z);
#include "ops.def"
    default:
        return MG_EARGUMENT;
    }
}

/* z = op(x, y; k) by IEEE rules for an op of the table; y, k where it takes them. */
static inline double mg_ieee(int op, double x, double y, double k)
{
    double z = NAN;
    (void)mg_evaluate(op, x, y, k, &z);
    return z;
}

/* z of an OPN over data[at[0]], ..., data[at[n-1]]. */
static inline double mg_fold(int op, const double *data, const int32_t *at, int32_t n)
{
    const double k = n;
    double y;
    (void)k;

    switch (op) {
#define OPN(id, label, start, step, value, dx)                                                               \
    case MG_##id:                                                                                            \
        y = start;                                                                                           \
        for (int32_t i = 0; i < n; i++) {                                                                    \
            const double x = data[at[i]];                                                                    \
            y = step;                                                                                        \
        }                                                                                                    \
        return value;
#include "ops.def"
    default:
        return NAN;
    }
}

/* The k that a neuron gives to its activation. */
static inline double mg_activation_k(int32_t op)
{
    return mg_shape_of[op] == MG_ONE_K ? mg_op_row(op)->k : 0.0;
}

#endif
