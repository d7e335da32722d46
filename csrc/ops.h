/* ops.h - the value of each op and the errors it raises, from the op table. */
#ifndef MG_OPS_H
#define MG_OPS_H

#include "arena.h"

/* ---- the errors column of the op table ---- */

static inline int32_t errors_TOTAL(double x, double y, double z)
{
    (void)x, (void)y, (void)z;
    return MG_OK;
}

static inline int32_t errors_QUOTIENT(double x, double y, double z)
{
    (void)x, (void)z;
    return y == 0 ? MG_EZERODIV : MG_OK;
}

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
#define OP1K(id, label, errors, default_k, value, dx)                                                        \
    case MG_##id:                                                                                            \
        z = value;                                                                                           \
        *out = z;                                                                                            \
        return errors_##errors(x, k, z);
#define OP2(id, label, errors, value, dx, dy)                                                                \
    case MG_##id:                                                                                            \
        z = value;                                                                                           \
        *out = z;                                                                                            \
        return errors_##errors(x, y, z);
#include "ops.def"
#undef OP1
#undef OP1K
#undef OP2
    default:
        return MG_EARGUMENT;
    }
}

/* Puts k into the pool, after mg_reserve(.., MG_K_INTS). Returns its place. */
static inline int32_t mg_append_k(double k)
{
    const int64_t at = mg.pool_used;

    memcpy(mg.pool + at, &k, sizeof k);
    mg.pool_used += MG_K_INTS;
    return (int32_t)at;
}

#endif
