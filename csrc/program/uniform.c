/* uniform.c - values that do not depend on the sample: plain doubles, with the engine's own arithmetic. */
#include "code.h"

void mg_uniform_forward(const mg_code *code, double *u, double *packed)
{
    for (int32_t i = 0; i < code->uniform_count; i++) {
        const mg_instruction *in = &code->uniform[i];
        if (mg_is_nary(in->op)) {
            u[in->z] = mg_fold(in->op, u, code->ints + in->list, in->n);
            continue;
        }
        if (in->op != MG_P_PRODUCTS) {
            u[in->z] = mg_ieee(in->op, u[in->x], in->y == MG_NONE ? 0.0 : u[in->y], in->k);
            continue;
        }
        const int32_t *bias = code->ints + in->list, *xy = bias + 1;
        double sum = *bias == MG_NONE ? -0.0 : u[*bias];
        for (int32_t j = 0; j < in->n; j++)
            sum += xy[2 * j + 1] == MG_NONE ? u[xy[2 * j]] : u[xy[2 * j]] * u[xy[2 * j + 1]];
        u[in->z] = sum;
    }
    for (int32_t j = 0; j < code->packed; j++)
        packed[j] = u[code->unpacked[j]];
}

static void products_backward(const mg_code *code, const mg_instruction *in, const double *u, double *gu)
{
    const int32_t *bias = code->ints + in->list, *xy = bias + 1;
    const double g = gu[in->z];

    if (*bias != MG_NONE)
        gu[*bias] += g;
    for (int32_t j = 0; j < in->n; j++) {
        const int32_t x = xy[2 * j], y = xy[2 * j + 1];
        gu[x] += y == MG_NONE ? g : g * u[y];
        if (y != MG_NONE)
            gu[y] += g * u[x];
    }
}

static void nary_backward(const mg_code *code, const mg_instruction *in, const double *u, double *gu)
{
    const int32_t *x = code->ints + in->list;
    const double g = gu[in->z];
    double slope;

    for (int32_t i = 0; i < in->n; i++) {
        mg_slopes(in->op, u[x[i]], 0.0, u[in->z], in->k, &slope);
        gu[x[i]] += g * slope;
    }
}

/* x.grad += z.grad * dz/dx */
static void op_backward(const mg_instruction *in, const double *u, double *gu)
{
    const double g = gu[in->z];
    double slope[2];

    mg_slopes(in->op, u[in->x], in->y == MG_NONE ? 0.0 : u[in->y], u[in->z], in->k, slope);
    if (mg_skips_x[in->op]) {
        gu[in->y] += slope[1] != 0.0 ? g : 0.0;
        return;
    }
    gu[in->x] += g * slope[0];
    if (in->y != MG_NONE)
        gu[in->y] += g * slope[1];
}

void mg_uniform_backward(const mg_code *code, const double *u, double *gu, const double *gpacked,
                         int32_t goal)
{
    for (int32_t j = 0; j < code->packed; j++)
        gu[code->unpacked[j]] += gpacked[j];
    for (int32_t i = code->uniform_count - 1; i >= 0; i--) {
        const mg_instruction *in = &code->uniform[i];
        if (!in->active[goal] || (in->guard != MG_NONE && (in->guard_uniform ? u : gu)[in->guard] == 0.0))
            continue;
        if (in->op == MG_P_PRODUCTS)
            products_backward(code, in, u, gu);
        else if (mg_is_nary(in->op))
            nary_backward(code, in, u, gu);
        else
            op_backward(in, u, gu);
    }
}
