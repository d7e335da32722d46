/* graph.h - a computation as plain data: it knows no Value and no arena. Private.
 *
 *     x0*p0 + 2     nodes    0 INPUT   index 0     number 0 of the arguments
 *                            1 PARAM   index 0     number 0 of the parameters
 *                            2 CONST   index 0     doubles[0] = 2
 *                            3 MUL     args 0, 1   operands stand before what reads them
 *                            4 ADD     args 2, 3
 *                   outputs  4
 *
 * A value is *varying* where it depends on the sample, *uniform* where it does not.
 */
#ifndef MG_GRAPH_H
#define MG_GRAPH_H

#include "../table.h"

/* Ops of programs alone, after those of the table. NONE stands for an operand that is not there. */
enum {
    MG_P_INPUT = MG_OPS, /* an argument: one scalar of it */
    MG_P_PARAM,          /* a parameter */
    MG_P_CONST,          /* a number */
    MG_P_LINEAR,         /* [bias, w, x, w, x, ...]: bias + sum w*x, w uniform and x varying */
    MG_P_PRODUCTS,       /* [bias, x, y, x, y, ...]: bias + sum x*y, y may be NONE: 1 */
    MG_P_ANY,            /* of instructions alone: z, uniform, counts the samples where x is not 0 */
    MG_P_OPS
};

_Static_assert(MG_P_OPS <= INT16_MAX, "an op fits into 16 bits");

enum { MG_NOWHERE = -2 }; /* a guard: no gradient reaches the node */

typedef struct {
    int32_t first; /* operands: args[first .. first + n - 1], nodes that stand before this one */
    int32_t n;
    int32_t index; /* INPUT, PARAM: its number; CONST and ops that take k: doubles[index]; else NONE */
    int32_t guard; /* a node that is not 0 where gradients reach this one; NONE: everywhere; MG_NOWHERE */
    int16_t op;
    bool varying;
    bool dead; /* nobody needs its value */
} mg_expr;

typedef struct {
    mg_expr *nodes;
    int32_t count;
    int64_t capacity;
    int32_t *args;
    int32_t args_used;
    int64_t args_capacity;
    double *doubles;
    int32_t doubles_used;
    int64_t doubles_capacity;
    int32_t *table; /* hash -> node + 1, open addressing; finds common subexpressions */
    int32_t table_size;
    int32_t guards; /* the nodes from here on compute guards */
    int32_t own; /* so many nodes, the first ones, are what somebody has: no other node becomes one of them */
    bool recording;   /* nodes are added to these, each as it is */
    bool keeps_zeros; /* derivatives that are 0 are factors like any others, see mg_is_zero */
    int8_t *batched;  /* input -> is it varying? */
    int32_t input_count;
    int32_t parameter_count;
    int32_t *outputs; /* nodes */
    int32_t output_count;
    bool failed; /* no memory; what was added since then is void */
} mg_graph;

/* Makes an empty graph, with room for the outputs. MG_OK, or MG_ENOMEM. Free it in both cases. */
int32_t mg_graph_init(mg_graph *g, const int8_t *batched, int32_t inputs, int32_t outputs);
void mg_graph_free(mg_graph *g);
/* Makes a graph of the same nodes, without outputs, for so many inputs. As mg_graph_init. */
int32_t mg_graph_copy(mg_graph *to, const mg_graph *from, const int8_t *batched, int32_t inputs);

/* These return an equal node that is there already, a simpler one, or a new one. After a failure they return 0. */

int32_t mg_graph_constant(mg_graph *g, double value);
/* An MG_P_INPUT or MG_P_PARAM. */
int32_t mg_graph_leaf(mg_graph *g, int op, int32_t number);
/* op(args; k); k counts where the op takes one. */
int32_t mg_graph_add(mg_graph *g, int op, const int32_t *args, int32_t n, double k);

static inline const int32_t *mg_operands(const mg_graph *g, int32_t node)
{
    return g->args + g->nodes[node].first;
}

/* The number of a CONST. */
static inline double mg_number(const mg_graph *g, const mg_expr *e)
{
    return g->doubles[e->index];
}

/* Is the node a CONST? Then *number is its number. */
static inline bool mg_is_number(const mg_graph *g, int32_t node, double *number)
{
    if (g->nodes[node].op != MG_P_CONST)
        return false;
    *number = mg_number(g, &g->nodes[node]);
    return true;
}

static inline bool mg_takes_k(int op)
{
    return op < MG_OPS && mg_shape_of[op] == MG_ONE_K;
}

/* The k of an op that takes one, else 0. */
static inline double mg_k(const mg_graph *g, const mg_expr *e)
{
    return mg_takes_k(e->op) ? mg_number(g, e) : 0.0;
}

/* A hash of h and x. */
static inline uint64_t mg_mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9E3779B97F4A7C15u;
    return h ^ (h >> 29);
}

#endif
