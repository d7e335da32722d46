/* nodes.h - the unlocked constructors of nodes. Each reserves, looks up, evaluates, and commits last. */
#ifndef MG_NODES_H
#define MG_NODES_H

#include "arena.h"

/* z = op(x), op(x; k) or op(x, y) by the shape of the op; computed where it is not `given`. The handle of z, or a
 * status. */
static inline int32_t mg_make(int op, int32_t x, int32_t y, double k, const double *given)
{
    const enum mg_shape shape = mg_shape_of[op];
    double z = given ? *given : 0.0;
    int32_t status = mg_reserve(1, shape == MG_ONE_K ? MG_K_INTS : 0);
    const int32_t a = mg_row(x), b = shape == MG_TWO ? mg_row(y) : 0;

    if (status >= 0)
        status = a < 0 || b < 0 ? MG_EHANDLE : given ? MG_OK : mg_evaluate(op, mg.data[a], mg.data[b], k, &z);
    if (status < 0)
        return status;
    return mg_append(op, a, shape == MG_ONE_K ? mg_append_k(k) : b, z);
}

/* z = op(x, c), with `left` op(c, x), and a new constant c: its handle in `leaf`. */
static inline int32_t mg_make_with_number(int op, int32_t x, double c, bool left, int32_t *leaf)
{
    double z;
    int32_t status = mg_reserve(2, 0);
    const int32_t a = mg_row(x), b = (int32_t)mg.rows;

    if (status >= 0)
        status = a < 0  ? a
                 : left ? mg_evaluate(op, c, mg.data[a], 0.0, &z)
                        : mg_evaluate(op, mg.data[a], c, 0.0, &z);
    if (status < 0)
        return status;
    *leaf = mg_append(MG_CONSTANT, 0, 0, c);
    return left ? mg_append(op, b, a, z) : mg_append(op, a, b, z);
}

#endif
