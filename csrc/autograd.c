/* autograd.c - backward: the local derivatives of a node, and the sweep over all nodes below a root.
 *
 * The chain rule, for every node z from the root down and each of its operands x:
 *
 *     x.grad += z.grad * dz/dx
 *
 * A CHOICE passes z.grad on to y where it chose y, and does not even mark y elsewhere: what is below y alone is not
 * visited then, so that no infinite derivative there makes nan of a gradient of 0.
 *
 * Row order is a topological order, so the sweep takes the highest marked row, adds its contributions, marks
 * its operands, and never comes back to it. Marks are bytes: one a row, one for every 64 rows and one for every
 * 4096 above them, so that what was not reached is skipped. A leaf has no operands and needs no mark.
 */
#include "arena.h"
#include "sweep.h"

/* ---- what is done with operands ---- */

static inline void mark(mg_sweep *s, int32_t row)
{
    if (s && mg.op[row] > MG_CONSTANT) {
        s->mark[row] = 1;
        s->block[row >> MG_BLOCK_BITS] = 1;
        s->super[row >> MG_SUPER_BITS] = 1;
    }
}

static inline void mark_operands(void *sweep, int32_t first, int32_t n)
{
    mg_sweep *s = sweep;
    const uint8_t *const op = mg.op + first;
    uint8_t any = 0;

    for (int32_t i = 0; i < n; i++) /* inputs and parameters: most are leaves alone */
        any |= op[i];
    if (any <= MG_CONSTANT || (s->first == first && s->n == n))
        return;
    s->first = first; /* the other neurons of a layer read the same inputs */
    s->n = n;
    for (int32_t i = 0; i < n; i++)
        mark(s, first + i);
}

static inline void zero_operands(void *sweep, int32_t first, int32_t n)
{
    memset(mg.grad + first, 0, (size_t)n * sizeof *mg.grad); /* all bits 0 is 0.0 */
    mark_operands(sweep, first, n);
}

/* ---- one node ---- */

static void backward_given(int64_t row)
{
    const int32_t *list = mg.pool + mg.a[row];
    const double g = mg.grad[row];

    for (int32_t i = 0; i < list[0]; i++)
        mg.grad[mg_item(list, i)] += g * mg_row_slope(row, i);
}

/* b + sum w*x of a neuron, from the current data. */
static double weighted_sum(const int32_t *record, const int32_t *inputs)
{
    const int32_t *weights = record + MG_DOT_HEAD;
    double x = record[1] == MG_NONE ? 0.0 : mg.data[record[1]];

    for (int32_t i = 0; i < weights[0]; i++)
        x += mg.data[mg_item(weights, i)] * mg.data[mg_item(inputs, i)];
    return x;
}

/* f' of a neuron. A neuron keeps no x: where f' is an expression of x, x is computed again. */
static double neuron_slope(int64_t row)
{
    const int32_t *record = mg.pool + mg.a[row], op = record[0];
    double slope = 1.0;

    if (op != MG_NONE)
        mg_slopes(op, mg_activation_reads[op] == MG_READS_X ? weighted_sum(record, mg.pool + mg.b[row]) : NAN,
                  0.0, mg.data[row], mg_activation_k(op), &slope);
    return slope;
}

/* y += p * x, for n numbers: a loop that becomes vector code. */
static inline void add_scaled(double *restrict y, double p, const double *restrict x, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        y[i] += p * x[i];
}

/* z = f(b + sum w*x):  p = z.grad * f',  b.grad += p,  w.grad += p * x,  x.grad += p * w
 *
 * Inside of the sweep's switch its loops would take up to 1.1 times as long. */
__attribute__((noinline)) static void backward_dot(int64_t row)
{
    const int32_t *record = mg.pool + mg.a[row], *weights = record + MG_DOT_HEAD,
                  *inputs = mg.pool + mg.b[row];
    const int32_t n = weights[0], w0 = weights[1], x0 = inputs[1];
    const double p = mg.grad[row] * neuron_slope(row);
    const double *restrict data = mg.data;
    double *restrict grad = mg.grad;

    if (record[1] != MG_NONE)
        grad[record[1]] += p;
    if (w0 >= 0 && x0 >= 0) { /* consecutive rows on both sides */
        add_scaled(grad + w0, p, data + x0, n);
        add_scaled(grad + x0, p, data + w0, n);
        return;
    }
    for (int32_t i = 0; i < n; i++) {
        const int32_t w = mg_item(weights, i), x = mg_item(inputs, i);
        grad[w] += p * data[x];
        grad[x] += p * data[w];
    }
}

/* x.grad += z.grad * dz/dx for each operand x of the row, which is marked on the way. s may be NULL. */
static inline void backward_row(int64_t row, mg_sweep *s)
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
#define OP1K(id, label, errors, default_k, same, value, dx)                                                  \
    case MG_##id: {                                                                                          \
        const double x = mg.data[a], k = mg_row_k(row);                                                      \
        (void)x, (void)k;                                                                                    \
        grad[a] += g * (dx);                                                                                 \
        mark(s, a);                                                                                          \
        break;                                                                                               \
    }
#define OP2(id, label, errors, neutral, value, dx, dy)                                                       \
    case MG_##id: {                                                                                          \
        const double x = mg.data[a], y = mg.data[b];                                                         \
        (void)x, (void)y;                                                                                    \
        grad[a] += g * (dx);                                                                                 \
        grad[b] += g * (dy);                                                                                 \
        mark(s, a);                                                                                          \
        mark(s, b);                                                                                          \
        break;                                                                                               \
    }
#define CHOICE(id, label, value, chosen)                                                                     \
    case MG_##id: {                                                                                          \
        const double x = mg.data[a];                                                                         \
        (void)x;                                                                                             \
        if (chosen) {                                                                                        \
            grad[b] += g;                                                                                    \
            mark(s, b);                                                                                      \
        }                                                                                                    \
        break;                                                                                               \
    }
#define OPN(id, label, start, step, value, dx)                                                               \
    case MG_##id: {                                                                                          \
        const int32_t *list = mg.pool + a;                                                                   \
        const double k = list[0];                                                                            \
        (void)k;                                                                                             \
        for (int32_t i = 0; i < list[0]; i++) {                                                              \
            const int32_t at = mg_item(list, i);                                                             \
            const double x = mg.data[at];                                                                    \
            (void)x;                                                                                         \
            grad[at] += g * (dx);                                                                            \
        }                                                                                                    \
        if (s)                                                                                               \
            mg_each_in_list(list, list[0], s, mark_operands);                                                \
        break;                                                                                               \
    }
#include "ops.def"
    default: /* a leaf; or a node made by hand, whose closure adds the gradients */
        if (op == MG_DOT)
            backward_dot(row);
        else if (op == MG_GIVEN)
            backward_given(row);
        if (s)
            mg_each_operand(row, s, mark_operands);
        break;
    }
}

int32_t mg_backward_node(int32_t handle)
{
    AT(handle, backward_row(row, NULL));
}

static void local_derivatives(int64_t row, double *out)
{
    const int op = mg.op[row] & ~MG_PYTHON;
    const enum mg_shape shape = mg_shape_of[op];
    const int32_t a = mg.a[row], b = mg.b[row];

    switch (shape) {
    case MG_NO_OPERAND:
        break;
    case MG_ONE:
    case MG_ONE_K:
    case MG_TWO:
        mg_slopes(op, mg.data[a], shape == MG_TWO ? mg.data[b] : 0.0, mg.data[row],
                  shape == MG_ONE_K ? mg_row_k(row) : 0.0, out);
        break;
    case MG_WEIGHTED: {
        const int32_t *record = mg.pool + a, *w = record + MG_DOT_HEAD, *x = mg.pool + b, n = w[0];
        const double p = neuron_slope(row);
        for (int32_t i = 0; i < n; i++) {
            out[i] = p * mg.data[mg_item(w, i)];
            out[n + i] = p * mg.data[mg_item(x, i)];
        }
        if (record[1] != MG_NONE)
            out[2 * n] = p;
        break;
    }
    case MG_LIST:
        for (int32_t i = 0; i < mg.pool[a]; i++)
            mg_slopes(op, mg.data[mg_item(mg.pool + a, i)], 0.0, mg.data[row], mg.pool[a], out + i);
        break;
    case MG_PAIRED:
        for (int32_t i = 0; i < mg.pool[a]; i++)
            out[i] = mg_row_slope(row, i);
        break;
    }
}

static void count_operands(void *count, int32_t first, int32_t n)
{
    (void)first;
    *(int32_t *)count += n;
}

int32_t mg_local_derivatives(int32_t handle, double *out, int32_t n)
{
    int32_t count = 0;

    mg_lock();
    const int32_t row = mg_row(handle);
    TRY(row);
    mg_each_operand(row, &count, count_operands);
    if (count <= n)
        local_derivatives(row, out);
    mg_unlock();
    return count;
}

/* ---- the sweep ---- */

typedef enum { BACKWARD, ZERO } visit;

/* Visits one marked row. True: its closure has to run, its operands are marked already. A row that died during
 * the sweep has no closure any more. */
static inline bool visit_row(int64_t row, mg_sweep *s, const visit what)
{
    if (what == ZERO) {
        mg_each_operand(row, s, zero_operands);
    } else if (mg.op[row] & MG_PYTHON) {
        mg_each_operand(row, s, mark_operands);
        return mg.handle[row] != MG_DEAD;
    } else {
        backward_row(row, s);
    }
    return false;
}

/* Visits all marked rows from s->row down. True: paused at s->row. */
static inline bool visit_marked(mg_sweep *s, const visit what)
{
    s->n = 0; /* Python code has run since: a leaf may have got operands */
    for (int64_t super = s->row >> MG_SUPER_BITS; super >= 0; super--) {
        if (!s->super[super])
            continue;
        const int64_t first_block = super << (MG_SUPER_BITS - MG_BLOCK_BITS);
        const int64_t last_block = first_block + MG_BLOCKS - 1, highest = s->row >> MG_BLOCK_BITS;
        for (int64_t block = highest < last_block ? highest : last_block; block >= first_block; block--) {
            if (!s->block[block])
                continue;
            for (int64_t eight = ((block + 1) << MG_BLOCK_BITS) - 8; eight >= block << MG_BLOCK_BITS;
                 eight -= 8) {
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

/* Marks the root of a sweep, a leaf too. */
static void start(mg_sweep *s, int64_t root)
{
    s->mark[root] = s->block[root >> MG_BLOCK_BITS] = s->super[root >> MG_SUPER_BITS] = 1;
    s->row = root;
}

/* Sweeps on until the end or to the next pause. */
static int32_t go_on(int32_t i, mg_pause *pause)
{
    mg_sweep *s = &mg_sweeps[i];
    const bool paused = visit_marked(s, BACKWARD);

    mg_open_sweeps += paused - s->open;
    s->open = paused;
    pause->sweep = paused ? i + 1 : 0;
    pause->node = paused ? mg.handle[s->row] : MG_NONE;
    return paused;
}

int32_t mg_backward(int32_t root, double seed, mg_pause *pause)
{
    pause->sweep = pause->n = pause->left = 0;
    mg_lock();
    const int32_t row = mg_row(root);
    TRY(row);
    const int32_t i = mg_idle_sweep(row);
    TRY(i);
    mg.grad[row] = seed;
    start(&mg_sweeps[i], row);
    const int32_t result = go_on(i, pause);
    mg_unlock();
    return result;
}

/* The open sweep of a pause, NULL. */
static mg_sweep *paused_sweep(const mg_pause *pause)
{
    const int64_t i = (int64_t)pause->sweep - 1;

    return i >= 0 && i < mg_sweep_count && mg_sweeps[i].open ? &mg_sweeps[i] : NULL;
}

int32_t mg_sweep_resume(mg_pause *pause)
{
    mg_lock();
    TRY(paused_sweep(pause) ? MG_OK : MG_EARGUMENT);
    const int32_t result = go_on(pause->sweep - 1, pause);
    mg_unlock();
    return result;
}

int32_t mg_sweep_closures(mg_pause *pause)
{
    mg_lock();
    mg_sweep *s = paused_sweep(pause);
    TRY(s ? MG_OK : MG_EARGUMENT);
    for (; pause->left > 0 && s->handed; pause->left--) { /* they stand lowest */
        s->mark[(s->row & -MG_CLOSURES) + __builtin_ctzll(s->handed)] = 1;
        s->handed &= s->handed - 1;
    }
    const bool paused = pause->n == 0 || go_on(pause->sweep - 1, pause);
    pause->n = pause->left = 0;
    if (paused) {
        pause->nodes[pause->n++] = pause->node;
        s->handed = 1ull << (s->row & (MG_CLOSURES - 1));
        for (int64_t row = s->row; row & (MG_CLOSURES - 1);) {
            if (!s->mark[--row])
                continue;
            if (!(mg.op[row] & MG_PYTHON))
                break;
            s->mark[row] = 0;
            s->row = row;
            if (visit_row(row, s, BACKWARD)) {
                pause->nodes[pause->n++] = mg.handle[row];
                s->handed |= 1ull << (row & (MG_CLOSURES - 1));
            }
        }
    }
    const int32_t n = pause->n;
    mg_unlock();
    return n;
}

void mg_sweep_close(mg_pause *pause)
{
    mg_lock();
    if (paused_sweep(pause))
        mg_close_sweep(paused_sweep(pause));
    pause->sweep = 0;
    mg_unlock();
}

int32_t mg_zero_grad(int32_t root)
{
    mg_lock();
    const int32_t row = mg_row(root);
    TRY(row);
    const int32_t i = mg_idle_sweep(row);
    TRY(i);
    mg.grad[row] = 0.0;
    start(&mg_sweeps[i], row);
    visit_marked(&mg_sweeps[i], ZERO);
    mg_unlock();
    return MG_OK;
}
