/* ops.c - forward: the nodes that ops make. */
#include "arena.h"

static bool has_shape(int32_t op, enum mg_shape shape)
{
    return op >= 0 && op < MG_OPS && mg_shape_of[op] == shape;
}

static int32_t make(enum mg_shape shape, int32_t op, int32_t x, int32_t y, double k, const double *given)
{
    if (!has_shape(op, shape))
        return MG_EARGUMENT;
    mg_lock();
    const int32_t handle = mg_make(op, x, y, k, given);
    mg_unlock();
    return handle;
}

int32_t mg_leaves(const double *data, int32_t n, int32_t *out, int32_t constant)
{
    if (n < 0)
        return MG_EARGUMENT;
    mg_lock();
    TRY(mg_reserve(n, 0));
    for (int32_t i = 0; i < n; i++)
        out[i] = mg_append(constant ? MG_CONSTANT : MG_LEAF, 0, 0, data[i]);
    mg_unlock();
    return MG_OK;
}

int32_t mg_leaf(double data)
{
    int32_t handle;
    const int32_t status = mg_leaves(&data, 1, &handle, false);

    return status < 0 ? status : handle;
}

int32_t mg_unary(int32_t op, int32_t x)
{
    return make(MG_ONE, op, x, 0, 0.0, NULL);
}

int32_t mg_unary_k(int32_t op, int32_t x, double k)
{
    return make(MG_ONE_K, op, x, 0, k, NULL);
}

int32_t mg_binary(int32_t op, int32_t x, int32_t y)
{
    return make(MG_TWO, op, x, y, 0.0, NULL);
}

int64_t mg_binary_number(int32_t op, int32_t x, double c, int32_t left)
{
    int32_t leaf = 0;

    if (!has_shape(op, MG_TWO))
        return MG_EARGUMENT;
    mg_lock();
    const int32_t handle = mg_make_with_number(op, x, c, left, &leaf);
    mg_unlock();
    return handle < 0 ? handle : (int64_t)leaf << 32 | handle;
}

int32_t mg_nary(int32_t op, const int32_t *x, int32_t n)
{
    if (!mg_is_nary(op) || n < 0)
        return MG_EARGUMENT;
    mg_lock();
    TRY(mg_reserve(1, MG_LIST_HEAD + (int64_t)n));
    const int32_t list = mg_append_list(x, n);
    TRY(list);
    const int32_t handle = mg_append(op, list, 0, mg_fold(op, mg.data, mg.pool + list + MG_LIST_HEAD, n));
    mg_unlock();
    return handle;
}

double mg_value(int32_t op, double x, double y, double k)
{
    return mg_is_nary(op) ? mg_fold(op, NULL, NULL, 0) : mg_ieee(op, x, y, k);
}

int32_t mg_restore(int32_t op, const int32_t *operands, int32_t n, double k, int32_t activation, double data,
                   double grad)
{
    int32_t z = MG_EARGUMENT;

    if (op < 0 || op >= MG_OPS || n < 0)
        return MG_EARGUMENT;
    const enum mg_shape shape = mg_shape_of[op];
    if (op == MG_DOT)
        z = mg_dot(operands + n / 2, operands, n / 2, n % 2 ? operands[n - 1] : MG_NONE, activation);
    else if (op == MG_CUSTOM) /* MG_GIVEN by mg_by_hand alone */
        z = mg_by_hand(MG_NONE, operands, n, NULL, NULL, data);
    else if (shape == MG_LIST)
        z = mg_nary(op, operands, n);
    else if (n == 0 && shape == MG_NO_OPERAND)
        z = mg_leaf(data);
    else if (n == 1 && (shape == MG_ONE || shape == MG_ONE_K))
        z = make(shape, op, operands[0], 0, k, &data);
    else if (n == 2)
        z = make(MG_TWO, op, operands[0], operands[1], k, &data);
    if (z < 0)
        return z;
    mg_lock();
    mg.data[mg.row_of[z]] = data;
    mg.grad[mg.row_of[z]] = grad;
    if (op == MG_CONSTANT)
        mg.op[mg.row_of[z]] = MG_CONSTANT;
    mg_unlock();
    return z;
}
