/* code.h - a recorded graph, from the nodes of the arena to code that runs over many samples. Private.
 *
 *     arena --build.c--> graph --optimise.c, guard.c--> graph --schedule.c--> code --run.c, kernels.inc--> numbers
 *
 * A value is *varying* where it depends on the sample, *uniform* where it does not. Uniform values are computed
 * once a run, as plain doubles (`u`). A varying value is a column of lanes, one for each sample of a chunk (`v`):
 *
 *     u   [parameters | numbers given | constants | computed]
 *     v   [columns given | computed], each `lanes` doubles long
 *
 * Gradients lie beside them in the same places (`gu`, `gv`).
 */
#ifndef MG_CODE_H
#define MG_CODE_H

#include "../arena.h"

/* Ops of programs alone, after those of the table. NONE stands for an operand that is not there. */
enum {
    MG_P_INPUT = MG_OPS, /* argument number k */
    MG_P_PARAM,          /* parameter number k */
    MG_P_CONST,          /* k */
    MG_P_LINEAR,         /* [bias, w, x, w, x, ...]: bias + sum w*x, w uniform and x varying */
    MG_P_PRODUCTS,       /* [bias, x, y, x, y, ...]: bias + sum x*y, y may be NONE: 1 */
    MG_P_ANY,            /* of code alone. Backward: z, uniform, counts the lanes where x is not 0 */
    MG_P_OPS
};

_Static_assert(MG_P_OPS <= INT16_MAX, "an op fits into 16 bits");

enum { MG_NOWHERE = -2 }; /* a guard */

/* ---- graph ---- */

typedef struct {
    double k;      /* number, index, see above; 0 where it means nothing */
    int32_t first; /* operands: args[first .. first + n - 1], nodes that stand before this one */
    int32_t n;
    int16_t op;
    bool varying;
    bool dead;     /* it and its place are not needed */
    int32_t guard; /* a node that is not 0 where gradients reach this one; NONE: everywhere; MG_NOWHERE */
} mg_expr;

typedef struct {
    mg_expr *nodes;
    int32_t count, capacity;
    int32_t *args;
    int32_t args_used, args_capacity;
    int32_t *table; /* hash -> node + 1, open addressing; finds common subexpressions */
    int32_t table_size;
    int32_t guards; /* the nodes from here on say where gradients go, see guard.c */
    bool failed;    /* no memory; what was added since then is void */
} mg_graph;

void mg_graph_free(mg_graph *g);

/* The node op(args; k): an equal one that is there already, a folded constant, or a new one. */
int32_t mg_graph_add(mg_graph *g, int op, const int32_t *args, int32_t n, double k);

/* z = op(x, y; k) by IEEE rules for an op of the table; y, k where it takes them. */
static inline double mg_ieee(int op, double x, double y, double k)
{
    double z = NAN;
    (void)mg_evaluate(op, x, y, k, &z);
    return z;
}

/* ---- code ---- */

typedef struct {
    double k;       /* of ops that take one */
    int16_t op;     /* an mg_op or MG_P_LINEAR, MG_P_PRODUCTS, MG_P_ANY */
    bool x_uniform; /* where x and y are found: u or v */
    bool y_uniform;
    bool guard_uniform;
    bool affine;       /* LINEAR: weight of output j, input i is u[weights + j*row + i] */
    uint8_t active[2]; /* for each mg_goal: which operands lead to what is wanted, MG_X | MG_Y | MG_BIAS */
    int32_t z;         /* where the result goes; of several outputs the first */
    int32_t x, y;      /* operands, NONE */
    int32_t guard; /* where gradients reach z, NONE: everywhere. In uniform code a count that is 0 or not */
    int32_t count; /* so many results side by side, from x side by side; LINEAR: outputs */
    int32_t n;     /* LINEAR: inputs; PRODUCTS: pairs */
    int32_t list;  /* in ints. LINEAR: x[n], bias[count], w[count*n]; PRODUCTS: bias, then x, y, x, y ... */
    int32_t weights, row; /* LINEAR: see affine; else place of the packed weights, and n */
} mg_instruction;

enum { MG_X = 1, MG_Y = 2, MG_BIAS = 4 };

/* Whose gradients are wanted. */
typedef enum { MG_OF_PARAMETERS, MG_OF_INPUTS } mg_goal;

typedef struct {
    mg_instruction *uniform; /* computed once a run */
    int32_t uniform_count;
    mg_instruction *varying; /* computed for every chunk */
    int32_t varying_count;
    int32_t values_count; /* so many of them compute values; the rest says where gradients go */
    int32_t *ints;
    int32_t counting; /* in ints: 0, 1, 2, ..., as long as the longest list of a LINEAR with a guard */
    int32_t scratch;  /* columns that kernels write to as they like */
    uint8_t *active_v[2], *active_u[2]; /* mg_goal -> place -> leads to what is wanted */
    double *start;                      /* u at the start of a run: the constants, in their places */
    int32_t constants;                  /* so many, behind the numbers given */
    int32_t u, v;                       /* places */
    int32_t packed;                     /* doubles of packed weights */
    double work;                        /* about so many floating-point operations for a sample, forward */
} mg_code;

typedef struct {
    int32_t place; /* in u or v */
    int8_t varying;
} mg_place;

enum { MG_BLOCK = 64 };

struct mg_program {
    mg_code code;
    mg_graph graph;   /* for the listing */
    mg_place *inputs; /* argument number -> place */
    int32_t input_count;
    mg_place *outputs;
    int32_t output_count;
    int32_t *parameters;  /* handles; parameter i stands in u[i] */
    uint8_t *consecutive; /* MG_BLOCK parameters at a time: their handles are */
    int32_t parameter_count;
    int32_t recorded; /* nodes of the arena that were read */
    mg_work *idle;    /* memory of runs that are over, for the next */
};

/* Fills g, the parameters and the outputs (as nodes of g). MG_OK, a status, or 1: a node is Python's own. */
int32_t mg_program_build(mg_program *p, mg_graph *g, int32_t marker, const int32_t *inputs,
                         const int8_t *batched, const int32_t *outputs, int32_t *nodes, int32_t *culprit);
/* The same outputs in a better graph. */
int32_t mg_program_optimise(const mg_graph *from, mg_graph *to, int32_t *outputs, int32_t n);
/* Adds the guards of g's nodes, see guard.c. */
int32_t mg_program_guard(mg_graph *g, const int32_t *outputs, int32_t n);
/* Code of p->graph; turns output nodes into places. */
int32_t mg_program_schedule(mg_program *p, const int32_t *outputs);

/* ---- lanes ---- */

/* What a thread works on while it is at a chunk. */
typedef struct {
    const double *u;
    const double *packed; /* weights that are not affine */
    double *gu;           /* of this strip: what its samples add to the gradients of uniform values */
    double *gpacked;
    double *v, *gv;  /* columns */
    double *scratch; /* columns, mg_code.scratch */
    int64_t lanes;   /* length of a column, a multiple of 8 */
    int64_t samples; /* lanes in use; those after it repeat the last one */
} mg_chunk;

typedef struct {
    const char *name;
    void (*forward)(const mg_code *code, mg_chunk *c, bool values_alone);
    void (*backward)(const mg_code *code, mg_chunk *c, mg_goal goal);
} mg_kernels;

extern const mg_kernels mg_kernels_baseline;
#if defined(__x86_64__) && !defined(_MSC_VER)
#define MG_X86_KERNELS
extern const mg_kernels mg_kernels_avx2, mg_kernels_avx512;
#endif

const mg_kernels *mg_kernels_in_use(void);

/* Frees the memory that runs have left for the next. */
void mg_program_free_idle(mg_program *p);

/* ---- threads ---- */

/* Calls work(argument) on this thread and on up to `helpers` others, and returns when all of them are through. */
void mg_pool_run(void (*work)(void *), void *argument, int32_t helpers);
int32_t mg_pool_threads(void);
/* Guards whatever programs share; held for moments. */
void mg_programs_lock(void);
void mg_programs_unlock(void);

#endif
