/* engine.h - every C function that Python calls.
 *
 * A graph of scalars lives in one arena. A node is named by its *handle*, a small integer that stays valid
 * until mg_free. Build b + a*b, run backward, read the gradients:
 *
 *     int32_t a = mg_leaf(2.0), b = mg_leaf(-3.0);
 *     int32_t ab = mg_binary(MG_MUL, a, b);
 *     int32_t c = mg_binary(MG_ADD, ab, b);
 *     mg_pause pause;
 *     mg_backward(c, 1.0, &pause);
 *     double gradient = mg_grad(b);             // dc/db = a + 1 = 3
 *     int32_t all[] = {c, ab, b, a};
 *     mg_free(all, 4);                          // readers before what they read
 *
 * A handle >= 0 is a node, a negative number is an mg_status. The caller owns every handle that it is given
 * and frees it once. All functions may be called from any thread.
 *
 * build_ffi.py reads this file: what C alone needs stands between the two cffi marks.
 */
#ifndef MG_ENGINE_H
#define MG_ENGINE_H

/* cffi: skip */
#include <stdint.h>
/* cffi: resume */

enum mg_status {
    MG_OK = 0,
    MG_ENOMEM = -1,    /* no memory, or 2**31 nodes */
    MG_EHANDLE = -2,   /* the handle names no live node */
    MG_EARGUMENT = -3, /* no such op, or the wrong number of operands */
    MG_EZERODIV = -4,  /* division by zero, 0 ** negative */
    MG_EDOMAIN = -5,   /* outside of the function's domain */
    MG_EOVERFLOW = -6, /* finite operands, infinite result */
    MG_EORDER = -7     /* an operand would not stand below what reads it */
};

/* cffi: skip */
enum mg_op {
    MG_LEAF,     /* data set from outside */
    MG_CONSTANT, /* a leaf too: a number that was an operand */
    MG_CUSTOM,   /* made by hand: operands, and a Python closure or none */
    MG_GIVEN,    /* made by hand: operands, and dz/dx of each */
    MG_DOT,      /* f(b + w[0]*x[0] + ... + w[n-1]*x[n-1]), f an op of one operand or none: a neuron */
#define OP1(id, ...) MG_##id,
#define OP2 OP1
#define OPN OP1
#include "ops.def"
    MG_OPS
};
/* cffi: resume */

/* A row of the op table. */
typedef struct {
    const char *name;   /* "TANH" */
    const char *label;  /* "tanh": what `_op` shows */
    const char *domain; /* "x > 0": where it is defined, as a condition on x; "1": everywhere */
    const char *errors; /* "QUOTIENT": what its results raise beside that, see ops.def */
    int32_t arity;      /* 0, 1, 2; -1: any number */
    int32_t takes_k;    /* 1: a plain number k is an argument too */
    int32_t method;     /* 1: a method of Value makes it, and its derivatives are those of its value */
    int32_t activation; /* 1: it can be the activation of a neuron, an MG_DOT */
    double k;           /* its default; nan: none */
    /* The row's C expressions as text: y at first, of an op of any number of operands, ... */
    const char *start;
    const char *step;  /* ... y after each of them; "": no such op ... */
    const char *value; /* ... z of x, y and k ... */
    const char *dx;    /* ... dz/dx ... */
    const char *dy;    /* ... and dz/dy, for explanations; "": nothing is passed there */
} mg_op_info;

/* Row `op` of the table, NULL past its end. Static: nobody frees it. */
const mg_op_info *mg_op_row(int32_t op);

/* Prepare the engine; once in a process, before anything else. */
int32_t mg_init(void);

/* For the native core of Value, a compiled module of its own: what it needs of this one. Static. NULL: no memory. */
const void *mg_engine_of(void);

/* ---- nodes ---- */

/* A new leaf. MG_ENOMEM. */
int32_t mg_leaf(double data);
/* n new leaves in consecutive rows, their handles in `out`; `constant`: numbers that are operands. MG_ENOMEM: none was
 * made. */
int32_t mg_leaves(const double *data, int32_t n, int32_t *out, int32_t constant);
/* z = op(x). The op's own errors, by Python's rules for floats: no node is made then. */
int32_t mg_unary(int32_t op, int32_t x);
/* z = op(x; k). */
int32_t mg_unary_k(int32_t op, int32_t x, double k);
/* z = op(x, y). */
int32_t mg_binary(int32_t op, int32_t x, int32_t y);
/* z = op(x, c), with `left` op(c, x), and a new leaf c in one call: handle of c << 32 | handle of z. */
int64_t mg_binary_number(int32_t op, int32_t x, double c, int32_t left);
/* z = op(x[0], ..., x[n-1]), from left to right. */
int32_t mg_nary(int32_t op, const int32_t *x, int32_t n);
/* z = activation(bias + w[0]*x[0] + ...) from left to right; bias and activation may be -1: none. */
int32_t mg_dot(const int32_t *w, const int32_t *x, int32_t n, int32_t bias, int32_t activation);
/* The number z of an op with one or two operands, or of an n-ary one with none, by IEEE's rules, which know no error;
 * no node is made. */
double mg_value(int32_t op, double x, double y, double k);
/* dz/dx and dz/dy of an op of the table into `out`; dz/dx alone of one operand, and of an OPN: k its operands. */
void mg_slopes(int32_t op, double x, double y, double z, double k, double *out);
/* A node as it was, nothing is computed. Operands of MG_DOT: x, then w, then the bias where there is one. */
int32_t mg_restore(int32_t op, const int32_t *operands, int32_t n, double k, int32_t activation, double data,
                   double grad);
/* A node made by hand over n operands. Its local derivatives are `slopes`, or the current data of `nodes`, n of
 * them; without either it is an MG_CUSTOM. With `handle` that node becomes it, and keeps its grad; without operands
 * it becomes a leaf. MG_EORDER: it is read already, and an operand is younger than it; nothing was done then. */
int32_t mg_by_hand(int32_t handle, const int32_t *x, int32_t n, const double *slopes, const int32_t *nodes,
                   double data);
/* A new MG_CUSTOM over x and y; y may be -1: none. */
int32_t mg_by_hand_over(int32_t x, int32_t y, double data);
/* Does a live node read this one? 1, 0, or MG_EHANDLE. */
int32_t mg_is_read(int32_t handle);
/* Gives n nodes back. A node that is no longer alive is passed over. */
void mg_free(const int32_t *handles, int32_t n);
/* Nodes with one owner. */
typedef struct {
    int32_t n;
    int32_t handles[]; /* -1: none */
} mg_list;
/* A list with room for n handles, and without any. NULL: no memory. */
mg_list *mg_new_list(int32_t n);
/* Gives all of them back, and the memory of the list. */
void mg_free_list(mg_list *list);

/* ---- reading and writing ---- */

/* nan too where the handle names no live node. */
double mg_data(int32_t handle);
double mg_grad(int32_t handle);
int32_t mg_set_data(int32_t handle, double data);
int32_t mg_set_grad(int32_t handle, double grad);
/* The same gradient for n nodes. `consecutive` as in mg_layer, of all of them; may be NULL. MG_EHANDLE: none was
 * written. */
int32_t mg_set_grads(const int32_t *handles, int32_t n, double grad, int8_t *consecutive);

/* All that a node holds but which operands it has. */
typedef struct {
    int32_t op;         /* an mg_op */
    int32_t activation; /* op code, of an MG_DOT; -1: none */
    double k;           /* of an op that takes one; nan: none */
    double data;
    double grad;
    int32_t operands; /* how many; of an MG_DOT: weights, inputs and bias */
} mg_node;

int32_t mg_describe(int32_t handle, mg_node *out);
/* The mg_op of a node, or MG_EHANDLE. */
int32_t mg_op_of(int32_t handle);
/* Rows of n nodes: ascending rows are a topological order. */
int32_t mg_rows(const int32_t *handles, int32_t n, int32_t *rows);

/* ---- backward ---- */

enum { MG_CLOSURES = 64 }; /* handed out at once: a block of rows */

/* Where a sweep stands that waits for a Python closure. */
typedef struct {
    int32_t sweep;              /* its number, 1 or more; 0: no sweep is open */
    int32_t node;               /* handle of the node whose closure has to run */
    int32_t n;                  /* of mg_sweep_closures alone: */
    int32_t nodes[MG_CLOSURES]; /* what it handed out */
    int32_t left;               /* how many of these, the last ones, did not run: it visits them again */
} mg_pause;

/* Sets root.grad = seed and adds to every node below it. MG_OK: done; 1: it waits at `pause`, to be resumed or
 * closed; or a status, nothing was done then. */
int32_t mg_backward(int32_t root, double seed, mg_pause *pause);
/* Goes on after the closure has run. The same results as mg_backward. */
int32_t mg_sweep_resume(mg_pause *pause);
/* The same for whoever pays for each call, and for the first closures too. How many there are to run: that of
 * pause->node, and with more than one those of pause->nodes, up to the next node of the engine's own. 0: done; or
 * a status. */
int32_t mg_sweep_closures(mg_pause *pause);
/* Gives up a sweep that waits; nothing where none does. */
void mg_sweep_close(mg_pause *pause);
/* Marks a node as one whose backward is a Python closure (1), or as one of the engine's own (0). 1: it was none, and
 * a sweep that waits may come to it. */
int32_t mg_set_python(int32_t handle, int32_t on);
/* dz/dx for each operand of a node: x, or x and y, or those of a list; of MG_DOT x, then w, then the bias. Returns how
 * many there are; nothing is written if they are more than n, the room in `out`. */
int32_t mg_local_derivatives(int32_t handle, double *out, int32_t n);
/* Adds the contributions of one node to its operands. */
int32_t mg_backward_node(int32_t handle);
/* Sets the gradient of root and of all below it to 0. */
int32_t mg_zero_grad(int32_t root);

/* ---- layers ---- */

/* Of lists of Python, by their addresses: do they hold the objects that they held? `lists` begins with a list of all
 * these objects in turn; then come each list and its length, and 0. The caller has the GIL, and knows that word 2 of a
 * list is its length, and word 3 the address of its items. */
int32_t mg_same_items(const uintptr_t *lists);

/* The parameters of a layer by handle, neuron after neuron; each has as many weights as the layer has inputs. Owned by
 * the caller, who keeps them alive. */
typedef struct {
    int32_t neurons;
    const int32_t *weights;     /* neurons * inputs */
    const int32_t *biases;      /* one a neuron, -1: none */
    const int32_t *activations; /* op code of each neuron's activation, -1: none */
    int8_t *consecutive;        /* 0 at first; the engine notes 1 where the weights stand in consecutive rows,
                                   which no squeeze changes while all of them live */
} mg_layer;

/* n layers, each reading the one before; the first reads x. Handles of all neurons, layer after layer, in
 * `out`. The values are those of the scalar form, bit for bit. On an error no node is made, and `out` has -1 or is
 * untouched. */
int32_t mg_layers(const mg_layer *layers, int32_t n, const int32_t *x, int32_t inputs, int32_t *out);

/* ---- programs ---- */

/* A recorded graph that runs over many samples. Several threads may run one at the same time. */
typedef struct mg_program mg_program;
/* A run between two slices of its time. */
typedef struct mg_run mg_run;

enum { MG_MOST_BATCHES = 128 }; /* of one call */

/* What a run is for. */
enum mg_goal {
    MG_BACKWARD = 0, /* the weighted sum of the one output; adds to the gradients of the parameters */
    MG_GRADIENT = 1, /* gradients of the one output with respect to the arguments */
    MG_VALUES = 2    /* the values of all outputs; the last ones as rows, see mg_program_run */
};

/* Types of the numbers of a batch. */
enum mg_type { MG_F64, MG_F32, MG_I64, MG_I32, MG_I16, MG_I8, MG_U64, MG_U32, MG_U16, MG_U8 };

/* Records all that `outputs` were computed from: leaves that are no inputs and stand below the node `marker` are
 * parameters, those above it constants. NULL: *status tells; 1: `*culprit` has a Python closure as backward. The
 * caller frees it, and keeps the parameters alive until then. */
mg_program *mg_program_new(int32_t marker, const int32_t *inputs, const int8_t *batched, int32_t n,
                           const int32_t *outputs, int32_t n_outputs, int32_t *status, int32_t *culprit);
void mg_program_free(mg_program *p);

/* What a program of derivatives returns. f is the program that it is made of, u its inputs and parameters that are
 * wanted, s the seeds: inputs that stand behind those of f. */
enum mg_way {
    MG_JACOBIAN = 0, /* d f[row] / d u[column], those that are not known to be 0 */
    /* Of f that is the MG_JACOBIAN of one output by the same u: column <= that of f[row] alone. */
    MG_SYMMETRIC = 1,
    MG_FORWARD = 2, /* f, then sum over i of d f / d u[i] * s[i] */
    MG_ALONG = 3,   /* these sums alone */
    MG_REVERSE = 4, /* f, then sum over i of s[i] * d f[i] / d u */
    MG_SLOPES = 5,  /* d f / d u of the one f, as backward finds them: nan where that gets 0 times inf */
    MG_VALUE_AND_SLOPES = 6 /* f, then these */
};

/* The program of derivatives by n wanted inputs, by number, and parameters, as ~number. It has f's parameters, and is
 * freed as f is. NULL: *status tells; MG_EARGUMENT: the table has a derivative that cannot be read. */
mg_program *mg_program_derive(const mg_program *f, int32_t way, const int32_t *wanted, int32_t n,
                              int32_t *status);
/* Of MG_JACOBIAN and MG_SYMMETRIC: row and column of each output. */
void mg_program_entries(const mg_program *p, int32_t *rows, int32_t *columns);

/* Derivatives of a node, and the nodes that they are, which are not made yet. An operand is a handle, ~i for node i of
 * these, or INT32_MIN: none. */
typedef struct {
    int32_t nodes;
    int32_t ints;          /* of `code` */
    const int32_t *code;   /* the derivatives as operands; of each node: op, number of operands, operands */
    const double *numbers; /* the derivatives as numbers; of each node: k, value */
} mg_derivatives;

/* d y / d each of n nodes, by the current data; where `order` is 2 or more, of the first node alone, those of order - 1
 * and of `order`. Operands of an MG_DOT: the bias, then w and x in turn. NULL: *status tells; 1: the derivative of
 * `*culprit` is not known, as a Python closure is its backward, or nothing. */
mg_derivatives *mg_derive(int32_t y, const int32_t *by, int32_t n, int32_t order, int32_t *status,
                          int32_t *culprit);
void mg_free_derivatives(mg_derivatives *found);

/* An argument that has a sample in every row. Strides are in bytes, the type is an mg_type. */
typedef struct {
    const void *data;
    int64_t columns, sample_stride, column_stride, type;
} mg_batch;

/* Runs it over n samples. `numbers` are the inputs that are not batched. Outputs: n values each; one reduced value
 * scale * sum weights*value (weights NULL: 1), whose gradients go to `number_gradients`, one for each parameter, where
 * that is not NULL; or gradients by number and by batch, NULL: none of this batch and those behind it. With MG_VALUES
 * `gradients` get the last outputs, one for each column of their batches; NULL: all outputs are values.
 * MG_OK; 1: time is up, resume or give up `*unfinished`; a status: no gradient was touched. */
int32_t mg_program_run(mg_program *p, int32_t goal, int64_t n, const double *numbers, int32_t batch_count,
                       const mg_batch *batches, const double *weights, double scale, double *values,
                       double *number_gradients, double *const *gradients, mg_run **unfinished);
/* The same without a batch: one value for each output, the value itself, or a gradient for each number. */
int32_t mg_program_run_once(mg_program *p, int32_t goal, const double *numbers, double *values,
                            double *number_gradients);
/* Goes on; results as mg_program_run. `*unfinished` becomes NULL when it is through. */
int32_t mg_program_resume(mg_run **unfinished);
void mg_program_give_up(mg_run **unfinished);

typedef struct {
    int32_t recorded;     /* nodes that the function made or read */
    int32_t nodes;        /* nodes that are left of them */
    int32_t instructions; /* what they are computed by */
    int32_t inputs;
    int32_t parameters;
    int32_t outputs;
    int64_t bytes;     /* memory of the program, without that of its runs */
    double operations; /* about so many floating-point operations for a sample, forward */
} mg_program_figures;

void mg_program_describe(const mg_program *p, mg_program_figures *out);
/* The handles of its parameters, as many as the figures say. Owned by the program. */
const int32_t *mg_program_parameters(const mg_program *p);
/* Writes up to `size` bytes of its code for people to read, ended by 0. Returns the length of all of it. */
int64_t mg_program_listing(const mg_program *p, char *text, int64_t size);
/* Threads to use from now on, the caller's included. MG_EARGUMENT. */
int32_t mg_set_threads(int32_t n);
/* What the lanes are compiled for: "avx512", "avx2", "neon", "baseline"; chooses another where `name` is one that
 * this machine has. Static. */
const char *mg_lanes(const char *name);

/* ---- optimisers ---- */

/* One step for n parameters. state: columns of n doubles, zeros at first. steps: those taken so far; this one is added
 * here, so an exception cannot come between. options: those of the class in optim.py, in their order. */
int32_t mg_sgd(const int32_t *parameters, int32_t n, double *state, int64_t *steps, const double *options);
int32_t mg_adam(const int32_t *parameters, int32_t n, double *state, int64_t *steps, const double *options);
int32_t mg_adamw(const int32_t *parameters, int32_t n, double *state, int64_t *steps, const double *options);
int32_t mg_rmsprop(const int32_t *parameters, int32_t n, double *state, int64_t *steps,
                   const double *options);

/* ---- figures ---- */

typedef struct {
    int64_t live_nodes;   /* nodes with a handle */
    int64_t rows;         /* rows in use, the dead ones too */
    int64_t capacity;     /* rows there is memory for */
    int64_t bytes_in_use; /* memory of all columns, lists and marks */
    int64_t squeezes;     /* times that dead rows were squeezed out */
    int64_t open_sweeps;
} mg_figures;

void mg_stats(mg_figures *out);

#endif
