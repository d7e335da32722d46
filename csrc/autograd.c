/* autograd.c - backward: the local derivatives of a node, and the sweep over all nodes below a root.
 *
 * The chain rule, for every node z from the root down and each of its operands x:
 *
 *     x.grad += z.grad * dz/dx
 *
 * Row order is a topological order, so the sweep takes the highest marked row, adds its contributions, marks
 * its operands, and never comes back to it. Marks are bytes: one a row, one for every 64 rows and one for every
 * 4096 above them, so that what was not reached is skipped. A leaf has no operands and needs no mark.
 */
#include "arena.h"

#include <stdlib.h>

#ifndef _WIN32
#include <pthread.h>
#endif

enum {
    BLOCK_BITS = 6,  /* 64 rows under one byte of the middle level of marks */
    SUPER_BITS = 12, /* 4096 under one of the upper */
    BLOCKS = 1 << (SUPER_BITS - BLOCK_BITS)
};

#ifdef _WIN32
typedef int thread_id;
#define this_thread() 0
#define same_thread(a, b) true
#else
typedef pthread_t thread_id;
#define this_thread() pthread_self()
#define same_thread(a, b) pthread_equal(a, b)
#endif

typedef struct {
    uint8_t *mark;    /* row -> to be visited; all 0 while the sweep is not open */
    uint8_t *block;   /* row >> BLOCK_BITS -> may hold marks */
    uint8_t *super;   /* row >> SUPER_BITS -> may hold marks */
    int64_t capacity; /* rows that there are marks for */
    int64_t bytes;    /* of all marks */
    int64_t row;      /* no row above it is marked; while paused: its closure is running */
    bool open;        /* paused: between mg_backward and the end */
    thread_id owner;  /* who called mg_backward */
} sweep;

static inline int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static sweep **sweeps; /* sweep number i + 1 stands at i; kept for the next one that needs marks */
static int32_t sweep_count;

/* ---- local derivatives ---- */

/* dz/dx of an op of one operand. */
static inline double derivative(int op, double x, double z)
{
    (void)x, (void)z;
    switch (op) {
#define OP1(id, label, domain, value, dx)                                                                    \
    case MG_##id:                                                                                            \
        return dx;
#define OP1K(...)
#define OP2(...)
#include "ops.def"
#undef OP1
#undef OP1K
#undef OP2
    default:
        return 1.0;
    }
}

bool mg_is_activation(int32_t op)
{
    /* Their derivatives are expressions of z alone: a neuron does not keep its x. */
    return op == MG_NONE || op == MG_RELU || op == MG_TANH || op == MG_SIGMOID;
}

/* ---- operands ---- */

/* What is done with n consecutive operands of a row. */
typedef void on_operands(sweep *s, int32_t first, int32_t n);

static inline void each_in_list(const int32_t *list, int32_t n, sweep *s, on_operands *then)
{
    if (list[1] >= 0)
        then(s, list[1], n);
    else
        for (int32_t i = 0; i < n; i++)
            then(s, list[MG_LIST_HEAD + i], 1);
}

static inline void each_operand(int64_t row, sweep *s, on_operands *then)
{
    switch (mg_shape_of[mg.op[row] & ~MG_PYTHON]) {
    case MG_NO_OPERAND:
        break;
    case MG_TWO:
        then(s, mg.b[row], 1); /* fall through */
    case MG_ONE:
    case MG_ONE_K:
        then(s, mg.a[row], 1);
        break;
    case MG_LIST:
        each_in_list(mg.pool + mg.a[row], mg.pool[mg.a[row]], s, then);
        break;
    case MG_WEIGHTED: {
        const int32_t *record = mg.pool + mg.a[row], *weights = record + MG_DOT_HEAD;
        if (record[1] != MG_NONE)
            then(s, record[1], 1);
        each_in_list(weights, weights[0], s, then);
        each_in_list(mg.pool + mg.b[row], weights[0], s, then);
        break;
    }
    }
}

static inline void mark(sweep *s, int32_t row)
{
    if (s && mg.op[row] != MG_LEAF) {
        s->mark[row] = 1;
        s->block[row >> BLOCK_BITS] = 1;
        s->super[row >> SUPER_BITS] = 1;
    }
}

static inline void mark_run(sweep *s, int32_t first, int32_t n)
{
    uint8_t any = 0;

    for (int32_t i = 0; i < n; i++) /* inputs and parameters: most runs are of leaves alone */
        any |= mg.op[first + i];
    for (int32_t i = 0; any && i < n; i++)
        mark(s, first + i);
}

static inline void zero_run(sweep *s, int32_t first, int32_t n)
{
    memset(mg.grad + first, 0, (size_t)n * sizeof *mg.grad); /* all bits 0 is 0.0 */
    mark_run(s, first, n);
}

/* ---- one node ---- */

static void backward_sum(int64_t row)
{
    const int32_t *list = mg.pool + mg.a[row];
    const double g = mg.grad[row];

    for (int32_t i = 0; i < list[0]; i++)
        mg.grad[list[1] >= 0 ? list[1] + i : list[MG_LIST_HEAD + i]] += g;
}

/* z = f(b + sum w*x):  p = z.grad * f',  b.grad += p,  w.grad += p * x,  x.grad += p * w */
static void backward_dot(int64_t row)
{
    const int32_t *record = mg.pool + mg.a[row], *weights = record + MG_DOT_HEAD,
                  *inputs = mg.pool + mg.b[row];
    const int32_t n = weights[0], w0 = weights[1], x0 = inputs[1];
    const double p = mg.grad[row] * (record[0] == MG_NONE ? 1.0 : derivative(record[0], NAN, mg.data[row]));
    const double *restrict data = mg.data;
    double *restrict grad = mg.grad;

    if (record[1] != MG_NONE)
        grad[record[1]] += p;
    if (w0 >= 0 && x0 >= 0) { /* consecutive rows on both sides */
        for (int32_t i = 0; i < n; i++)
            grad[w0 + i] += p * data[x0 + i];
        for (int32_t i = 0; i < n; i++)
            grad[x0 + i] += p * data[w0 + i];
        return;
    }
    for (int32_t i = 0; i < n; i++) {
        const int32_t w = w0 >= 0 ? w0 + i : weights[MG_LIST_HEAD + i];
        const int32_t x = x0 >= 0 ? x0 + i : inputs[MG_LIST_HEAD + i];
        grad[w] += p * data[x];
        grad[x] += p * data[w];
    }
}

/* x.grad += z.grad * dz/dx for each operand x of the row, which is marked on the way. s may be NULL. */
static inline void backward_row(int64_t row, sweep *s)
{
    const int op = mg.op[row] & ~MG_PYTHON;
    const int32_t a = mg.a[row], b = mg.b[row];
    double *const grad = mg.grad;
    const double g = grad[row], z = mg.data[row];
    (void)z;

    switch (op) {
#define OP1(id, label, domain, value, dx)                                                                    \
    case MG_##id: {                                                                                          \
        const double x = mg.data[a];                                                                         \
        (void)x;                                                                                             \
        grad[a] += g * (dx);                                                                                 \
        mark(s, a);                                                                                          \
        break;                                                                                               \
    }
#define OP1K(id, label, errors, default_k, value, dx)                                                        \
    case MG_##id: {                                                                                          \
        const double x = mg.data[a], k = mg_row_k(row);                                                      \
        grad[a] += g * (dx);                                                                                 \
        mark(s, a);                                                                                          \
        break;                                                                                               \
    }
#define OP2(id, label, errors, value, dx, dy)                                                                \
    case MG_##id: {                                                                                          \
        const double x = mg.data[a], y = mg.data[b];                                                         \
        (void)x, (void)y;                                                                                    \
        grad[a] += g * (dx);                                                                                 \
        grad[b] += g * (dy);                                                                                 \
        mark(s, a);                                                                                          \
        mark(s, b);                                                                                          \
        break;                                                                                               \
    }
#include "ops.def"
#undef OP1
#undef OP1K
#undef OP2
    case MG_DOT:
        backward_dot(row);
        if (s)
            each_operand(row, s, mark_run);
        break;
    case MG_SUM:
        backward_sum(row);
        if (s)
            each_operand(row, s, mark_run);
        break;
    default: /* a leaf; or made by hand: what it gives is its closure's affair */
        if (s)
            each_operand(row, s, mark_run);
        break;
    }
}

int32_t mg_backward_node(int32_t handle)
{
    mg_lock();
    const int32_t row = mg_row(handle);
    TRY(row);
    backward_row(row, NULL);
    mg_unlock();
    return MG_OK;
}

/* ---- the sweep ---- */

typedef enum { BACKWARD, ZERO, CLEAR } visit;

/* Visits one marked row. True: its closure has to run, its operands are marked already. A row that died during
 * the sweep has no closure any more. */
static inline bool visit_row(int64_t row, sweep *s, const visit what)
{
    if (what == ZERO) {
        each_operand(row, s, zero_run);
    } else if (what == BACKWARD && mg.op[row] & MG_PYTHON) {
        each_operand(row, s, mark_run);
        return mg.handle[row] != MG_DEAD;
    } else if (what == BACKWARD) {
        backward_row(row, s);
    }
    return false;
}

/* Visits all marked rows from s->row down. True: paused at s->row. */
static inline bool run(sweep *s, const visit what)
{
    for (int64_t super = s->row >> SUPER_BITS; super >= 0; super--) {
        if (!s->super[super])
            continue;
        const int64_t first_block = super << (SUPER_BITS - BLOCK_BITS);
        for (int64_t block = min(s->row >> BLOCK_BITS, first_block + BLOCKS - 1); block >= first_block;
             block--) {
            if (!s->block[block])
                continue;
            for (int64_t eight = ((block + 1) << BLOCK_BITS) - 8; eight >= block << BLOCK_BITS; eight -= 8) {
                uint64_t marks;
                memcpy(&marks, s->mark + eight, sizeof marks);
                if (!marks)
                    continue;
                for (int64_t row = eight + 7; row >= eight; row--) {
                    if (!s->mark[row])
                        continue;
                    s->mark[row] = 0;
                    if (visit_row(row, s, what)) {
                        s->row = row;
                        return true;
                    }
                }
            }
            s->block[block] = 0;
        }
        s->super[super] = 0;
    }
    return false;
}

/* Room for marks of the rows 0 .. row. They are all 0 before and after. */
static int32_t reserve_marks(sweep *s, int64_t row)
{
    if (row < s->capacity)
        return MG_OK;

    const int64_t supers = (row + row / 2 + (1 << SUPER_BITS)) >> SUPER_BITS;
    const int64_t capacity = supers << SUPER_BITS, bytes = capacity + (capacity >> BLOCK_BITS) + supers;
    uint8_t *marks = mg_allocate(NULL, (size_t)bytes);
    if (!marks)
        return MG_ENOMEM;
    memset(marks, 0, (size_t)bytes);
    free(s->mark);
    mg.marks_bytes += bytes - s->bytes;
    s->bytes = bytes;
    s->mark = marks;
    s->block = marks + capacity;
    s->super = s->block + (capacity >> BLOCK_BITS);
    s->capacity = capacity;
    return MG_OK;
}

void mg_trim_marks(void)
{
    for (int32_t i = 0; i < sweep_count; i++)
        if (sweeps[i]->capacity > 2 * mg.capacity) {
            mg.marks_bytes -= sweeps[i]->bytes;
            free(sweeps[i]->mark);
            memset(sweeps[i], 0, sizeof *sweeps[i]);
        }
}

/* The number of a sweep that is not open, with marks for the rows 0 .. row; or MG_ENOMEM. */
static int32_t idle_sweep(int64_t row)
{
    int32_t i = 0;

    while (i < sweep_count && sweeps[i]->open)
        i++;
    if (i == sweep_count) {
        sweep **grown = mg_allocate(sweeps, (size_t)(sweep_count + 1) * sizeof *sweeps);
        if (!grown)
            return MG_ENOMEM;
        sweeps = grown;
        sweeps[i] = mg_allocate(NULL, sizeof **sweeps);
        if (!sweeps[i])
            return MG_ENOMEM;
        memset(sweeps[i], 0, sizeof **sweeps);
        sweep_count++;
    }
    return reserve_marks(sweeps[i], row) < 0 ? MG_ENOMEM : i;
}

/* Marks the root of a sweep, a leaf too. */
static void start(sweep *s, int64_t root)
{
    s->mark[root] = s->block[root >> BLOCK_BITS] = s->super[root >> SUPER_BITS] = 1;
    s->row = root;
}

/* Sweeps on until the end or to the next pause. */
static int32_t go_on(int32_t i, mg_pause *pause)
{
    const bool paused = run(sweeps[i], BACKWARD);

    if (paused != sweeps[i]->open) {
        sweeps[i]->open = paused;
        mg.open_sweeps += paused ? 1 : -1;
    }
    pause->sweep = paused ? i + 1 : 0;
    pause->node = paused ? mg.handle[sweeps[i]->row] : MG_NONE;
    return paused;
}

int32_t mg_backward(int32_t root, double seed, mg_pause *pause)
{
    int32_t result;

    pause->sweep = 0;
    mg_lock();
    const int32_t row = mg_row(root);
    TRY(row);
    const int32_t i = idle_sweep(row);
    TRY(i);
    mg.grad[row] = seed;
    sweeps[i]->owner = this_thread();
    start(sweeps[i], row);
    result = go_on(i, pause);
    mg_unlock();
    return result;
}

/* The open sweep of a pause, NULL. */
static sweep *paused_sweep(const mg_pause *pause)
{
    const int32_t number = pause->sweep;

    return number > 0 && number <= sweep_count && sweeps[number - 1]->open ? sweeps[number - 1] : NULL;
}

int32_t mg_sweep_resume(mg_pause *pause)
{
    mg_lock();
    TRY(paused_sweep(pause) ? MG_OK : MG_EARGUMENT);
    const int32_t result = go_on(pause->sweep - 1, pause);
    mg_unlock();
    return result;
}

static void close_sweep(sweep *s)
{
    run(s, CLEAR);
    s->open = false;
    mg.open_sweeps--;
}

void mg_sweep_close(mg_pause *pause)
{
    mg_lock();
    if (paused_sweep(pause))
        close_sweep(paused_sweep(pause));
    pause->sweep = 0;
    mg_unlock();
}

#ifdef MG_TEST_ALLOC
bool mg_test_no_marks(void)
{
    for (int32_t i = 0; i < sweep_count; i++)
        for (int64_t byte = 0; byte < sweeps[i]->bytes && !sweeps[i]->open; byte++)
            if (sweeps[i]->mark[byte]) /* all levels: they are one piece of memory */
                return false;
    return true;
}
#endif

void mg_forget_foreign_sweeps(void)
{
    for (int32_t i = 0; i < sweep_count; i++)
        if (sweeps[i]->open && !same_thread(sweeps[i]->owner, this_thread()))
            close_sweep(sweeps[i]);
}

int32_t mg_zero_grad(int32_t root)
{
    mg_lock();
    const int32_t row = mg_row(root);
    TRY(row);
    const int32_t i = idle_sweep(row);
    TRY(i);
    mg.grad[row] = 0.0;
    start(sweeps[i], row);
    run(sweeps[i], ZERO);
    mg_unlock();
    return MG_OK;
}
