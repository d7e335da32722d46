/* code.h - a graph as instructions that run over many samples, and the steps to them. Private.
 *
 *     arena --build--> graph --optimise, guard--> graph --schedule--> code --run, kernels--> numbers
 *                      graph --derive--> graph of derivatives, as one that was built
 *
 * Uniform values are computed once a run, as plain doubles (`u`). A varying value is a column of lanes, one for each
 * sample of a chunk (`v`):
 *
 *     u   [parameters | numbers given | constants | computed]
 *     v   [columns given | computed], each `lanes` doubles long
 *
 * The *place* of a value is its index in u or v. Gradients stand beside in the same places (`gu`, `gv`).
 */
#ifndef MG_CODE_H
#define MG_CODE_H

#include "graph.h"

/* One instruction, with u or v for each operand as its flag says:
 *
 *     an op      v[z .. z+count-1] = op(v[x .. x+count-1]; k)               count results of one operand
 *                v[z] = op(v[x], v[y])
 *     LINEAR     v[zs[j]] = u[bias[j]] + sum over i < n of w[j*row + i] * v[xs[i]],   j < count
 *                ints[list ..] = xs[n], bias[count], ws[count*n], and zs[j] = z + j
 *                w = &u[weights] where `matrix`: then u[ws[j*n + i]] is w[j*row + i]; else w = &packed[weights]
 *     PRODUCTS   v[z] = u[bias] + sum over i < n of v[xs[i]] * v[ys[i]]     without ys[i]: v[xs[i]]
 *                ints[list ..] = bias, xs[0], ys[0], xs[1], ys[1], ...      in uniform code all of u
 *     an OPN     v[z] = op(v[xs[0]], ..., v[xs[n-1]]); k = n                u[~xs[i]] where xs[i] is negative
 *                ints[list ..] = xs[n]                                      in uniform code all of u, as they are
 *     ANY        gu[z] += lanes where v[x] is not 0                         backward alone
 */
typedef struct {
    double k;       /* of ops that take one, and of an OPN */
    int16_t op;     /* an mg_op or MG_P_LINEAR, MG_P_PRODUCTS, MG_P_ANY */
    bool x_uniform; /* in varying code: x stands in u, not in v */
    bool y_uniform;
    bool guard_uniform;
    bool matrix; /* LINEAR: the weights stand in u as the rows of a matrix */
    /* For MG_BACKWARD, MG_GRADIENT: operands that lead to what is wanted, MG_X | MG_Y | MG_BIAS. */
    uint8_t active[2];
    int32_t z;
    int32_t x, y;  /* NONE: not there */
    int32_t guard; /* where gradients reach z, NONE: everywhere. In uniform code a count that is 0 or not */
    int32_t count;
    int32_t n;
    int32_t list;
    int32_t weights, row;
} mg_instruction;

enum { MG_X = 1, MG_Y = 2, MG_BIAS = 4 };

typedef struct {
    int32_t index;
    bool varying; /* in v, else in u */
} mg_place;

typedef struct {
    mg_instruction *uniform; /* computed once a run */
    int32_t uniform_count;
    mg_instruction *varying; /* computed for every chunk */
    int32_t varying_count;
    int32_t values_count; /* so many of them compute values; the rest says where gradients go */
    int32_t *ints;
    int32_t ints_used;
    int32_t counting;  /* in ints: 0, 1, 2, ..., as long as the longest list of a LINEAR */
    int32_t scratch;   /* columns that kernels write to as they like */
    uint8_t *active_u; /* place -> bit `goal`: it leads to what is wanted, see mg_is_active */
    uint8_t *active_v;
    double *start; /* u at the start of a run: the constants, in their places */
    int32_t first_constant, constants;
    int32_t u, v;            /* places */
    int32_t packed;          /* doubles of packed weights */
    int32_t *unpacked;       /* their places in u */
    int32_t parameter_count; /* parameter i stands in u[i] */
    mg_place *inputs;
    int32_t input_count;
    mg_place *outputs;
    int32_t output_count;
    int64_t bytes;     /* of all of this */
    double operations; /* about so many floating-point operations for a sample, forward */
} mg_code;

/* The same outputs in a better graph, which mg_graph_init is called for. */
int32_t mg_graph_optimise(const mg_graph *from, mg_graph *to);
/* Sets the guards of g's nodes, and adds the nodes that compute them. */
int32_t mg_graph_guard(mg_graph *g);
/* The same for gradients of n outputs alone, in so many nodes, from the highest down: those that are `wanted`; NULL: the
 * first `count` of all. */
void mg_graph_find_guards(mg_graph *g, const int32_t *nodes, int32_t count, const bool *wanted,
                          const int32_t *outputs, int32_t n);
/* Reads an expression of ops.def as nodes of g; `variables` are the nodes of x, y and z, MG_NONE: not there. Returns
 * its node, or MG_NONE: this is no expression that rule.c can read. */
int32_t mg_rule(mg_graph *g, const char *text, const int32_t variables[3], double k);
/* Where each output of a graph of derivatives stands: d output `row` / d wanted leaf `column`; of MG_SYMMETRIC the row
 * is a wanted leaf too. */
typedef struct {
    int32_t row, column;
} mg_entry;

/* A way beside those of engine.h: d the one output / d each of n nodes, which `wanted` are; MG_NONE: none. */
enum { MG_BY_NODES = MG_VALUE_AND_SLOPES + 1 };

/* Makes `to`, which mg_graph_init is not called for: a graph of the derivatives of `from` by n leaves, inputs by number
 * and parameters as ~number; `way` is an mg_way of engine.h, or MG_BY_NODES. Of MG_JACOBIAN and MG_SYMMETRIC
 * *entries become those of the outputs, which the caller frees in any case; for MG_SYMMETRIC `known` are those of
 * from's outputs. MG_OK, MG_ENOMEM, or MG_EARGUMENT: the derivative of an op cannot be read. */
int32_t mg_graph_derive(const mg_graph *from, mg_graph *to, int32_t way, const int32_t *wanted, int32_t n,
                        const mg_entry *known, mg_entry **entries);
/* As mg_graph_derive: a graph of the derivatives of the one output by node `by`, of order - 1 and of `order`; NONE: it
 * does not depend on it. */
int32_t mg_graph_series(const mg_graph *from, mg_graph *to, int32_t by, int32_t order);
/* Makes the code of a graph. MG_OK, or MG_ENOMEM. Free it in both cases. */
int32_t mg_code_init(mg_code *code, const mg_graph *g);
void mg_code_free(mg_code *code);
/* Makes code of the same values alone, in fewer columns, whose arrays but `varying` and `outputs` are those of `from`.
 * MG_OK, or MG_ENOMEM; free these two in both cases. */
int32_t mg_code_reuse(const mg_code *from, mg_code *to);

/* Does the value at a place lead to what is wanted, for MG_BACKWARD or MG_GRADIENT? */
static inline bool mg_is_active(const mg_code *code, int32_t goal, int32_t place, bool varying)
{
    return (varying ? code->active_v : code->active_u)[place] >> goal & 1;
}

/* ---- what is computed once a run ---- */

/* From parameters, numbers and constants to all of u, and the weights that do not stand in u as a matrix. */
void mg_uniform_forward(const mg_code *code, double *u, double *packed);
/* Passes gradients from these weights and from computed uniform values on to what they were computed from. */
void mg_uniform_backward(const mg_code *code, const double *u, double *gu, const double *gpacked,
                         int32_t goal);

/* ---- lanes ----
 *
 *     samples   0 ............................................................ n
 *     strips    |             |              |              |                |    each one's gradients are added
 *     chunks    |    |    |   |    |    |    |    |    |    |    |    |     |    from left to right, then those
 *     lanes     ||||||||||||||||||||||                                            of the strips
 *
 * Which sample falls into which lane, chunk and strip depends on the program and on n, never on the number of
 * threads: a thread takes whole strips, one after the other, so results are the same bit for bit.
 */

/* What a thread works on while it is at a chunk. */
typedef struct {
    const double *u;
    const double *packed; /* weights that do not stand in u as a matrix */
    double *gu;           /* what the samples of this strip add to the gradients of uniform values */
    double *gpacked;
    double *v, *gv;  /* columns */
    double *scratch; /* columns, mg_code.scratch */
    int64_t lanes;   /* length of a column, a multiple of 8 */
    int64_t samples; /* lanes in use; those after it repeat the last one */
} mg_chunk;

typedef struct {
    const char *name;
    void (*forward)(const mg_code *code, mg_chunk *c);
    void (*backward)(const mg_code *code, mg_chunk *c, int32_t goal);
} mg_kernels;

#if defined(__x86_64__) && !defined(_MSC_VER)
#define MG_X86_KERNELS
extern const mg_kernels mg_kernels_avx2, mg_kernels_avx512;
#endif

const mg_kernels *mg_kernels_in_use(void);

#endif
