/* table.c - the rows of the op table as data. */
#include "table.h"

static const mg_op_info op_table[MG_OPS] = {
    [MG_LEAF] = {"LEAF", "", "1", "TOTAL", 0, 0, 0, NAN, "", "", ""},
    [MG_CONSTANT] = {"CONSTANT", "", "1", "TOTAL", 0, 0, 0, NAN, "", "", ""},
    [MG_CUSTOM] = {"CUSTOM", "", "1", "TOTAL", -1, 0, 0, NAN, "", "", ""},
    [MG_GIVEN] = {"GIVEN", "", "1", "TOTAL", -1, 0, 0, NAN, "", "", ""},
    [MG_SUM] = {"SUM", "sum", "1", "TOTAL", -1, 0, 0, NAN, "", "", ""},
    [MG_DOT] = {"DOT", "dot", "1", "TOTAL", -1, 0, 0, NAN, "", "", ""},
#define OP1(id, label, domain, value, dx)                                                                    \
    [MG_##id] = {#id, label, #domain, "TOTAL", 1, 0, 1, NAN, #value, #dx, ""},
#define OP1K(id, label, errors, k, value, dx)                                                                \
    [MG_##id] = {#id, label, "1", #errors, 1, 1, 1, k, #value, #dx, ""},
#define OP2(id, label, errors, value, dx, dy)                                                                \
    [MG_##id] = {#id, label, "1", #errors, 2, 0, 1, NAN, #value, #dx, #dy},
#define INSTEAD(id, label) [MG_##id] = {#id, label, "1", "TOTAL", 2, 0, 0, NAN, "x", "0", "1"},
#include "ops.def"
};

const mg_op_info *mg_op_row(int32_t op)
{
    return op >= 0 && op < MG_OPS ? &op_table[op] : NULL;
}

double mg_activation_slope(int32_t op, double z)
{
    const double x = NAN, k = NAN;
    (void)x, (void)z, (void)k;
    switch (op) {
#define OP1(id, label, domain, value, dx)                                                                    \
    case MG_##id:                                                                                            \
        return dx;
#include "ops.def"
    default:
        return 1.0;
    }
}

bool mg_is_activation(int32_t op)
{
    /* Their derivatives are expressions of z alone: a neuron does not keep its x. */
    return op == MG_NONE || op == MG_RELU || op == MG_TANH || op == MG_SIGMOID;
}
