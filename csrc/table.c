/* table.c - the rows of the op table as data. */
#include "table.h"

static const mg_op_info op_table[MG_OPS] = {
    [MG_LEAF] = {"LEAF", "", "1", "TOTAL", 0, 0, 0, 0, NAN, "", "", "", "", ""},
    [MG_CONSTANT] = {"CONSTANT", "", "1", "TOTAL", 0, 0, 0, 0, NAN, "", "", "", "", ""},
    [MG_CUSTOM] = {"CUSTOM", "", "1", "TOTAL", -1, 0, 0, 0, NAN, "", "", "", "", ""},
    [MG_GIVEN] = {"GIVEN", "", "1", "TOTAL", -1, 0, 0, 0, NAN, "", "", "", "", ""},
    [MG_DOT] = {"DOT", "dot", "1", "TOTAL", -1, 0, 0, 0, NAN, "", "", "", "", ""},
#define OP1(id, label, domain, value, dx)                                                                    \
    [MG_##id] = {#id, label, #domain, "TOTAL", 1, 0, 1, 0, NAN, "", "", #value, #dx, ""},
#define OP1K(id, label, errors, k, same, value, dx)                                                          \
    [MG_##id] = {#id, label, "1", #errors, 1, 1, 1, 0, k, "", "", #value, #dx, ""},
#define OP2(id, label, errors, neutral, value, dx, dy)                                                       \
    [MG_##id] = {#id, label, "1", #errors, 2, 0, 1, 0, NAN, "", "", #value, #dx, #dy},
#define OPN(id, label, start, step, value, dx)                                                               \
    [MG_##id] = {#id, label, "1", "TOTAL", -1, 0, 0, 0, NAN, #start, #step, #value, #dx, ""},
#define ACTIVATION(id, label, reads, value, dx)                                                              \
    [MG_##id] = {#id, label, "1", "TOTAL", 1, 0, 1, 1, NAN, "", "", #value, #dx, ""},
#define ACTIVATIONK(id, label, reads, k, same, value, dx)                                                    \
    [MG_##id] = {#id, label, "1", "TOTAL", 1, 1, 1, 1, k, "", "", #value, #dx, ""},
#define CHOICE(id, label, value, chosen)                                                                     \
    [MG_##id] = {#id, label, "1", "TOTAL", 2, 0, 1, 0, NAN, "", "", #value, "", #chosen},
#define INSTEAD(id, label) [MG_##id] = {#id, label, "1", "TOTAL", 2, 0, 0, 0, NAN, "", "", "x", "", "1"},
#include "ops.def"
};

const mg_op_info *mg_op_row(int32_t op)
{
    return op >= 0 && op < MG_OPS ? &op_table[op] : NULL;
}

void mg_slopes(int32_t op, double x, double y, double z, double k, double *out)
{
    (void)x, (void)y, (void)z, (void)k;
    switch (op) {
#define OP1(id, label, domain, value, dx)                                                                    \
    case MG_##id:                                                                                            \
        out[0] = dx;                                                                                         \
        break;
#define OP2(id, label, errors, neutral, value, dx, dy)                                                       \
    case MG_##id:                                                                                            \
        out[0] = dx;                                                                                         \
        out[1] = dy;                                                                                         \
        break;
#define OPN(id, label, start, step, value, dx) OP1(id, label, 1, value, dx)
#include "ops.def"
    default:
        out[0] = 0.0;
        break;
    }
}
