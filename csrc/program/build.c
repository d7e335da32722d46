/* build.c - from the nodes of the arena below some outputs to a graph of their own; and from the arena to the
 * program's parameters, and their gradients back. */
#include "build.h"

#include <stdlib.h>

#include "../arena.h"

typedef struct {
    int32_t *node; /* row -> 1: reached; then its node + 1 */
    int64_t rows;
    int32_t *scratch; /* as many ints as the operands of the node with the most of them need */
    int64_t operands; /* of the row that is looked at */
    int64_t longest;  /* the most operands of a row */
} rows;

static void reach_run(void *context, int32_t first, int32_t n)
{
    rows *r = context;

    for (int32_t i = 0; i < n; i++)
        r->node[first + i] = 1;
    r->operands += n;
}

static int32_t item(const rows *r, const int32_t *list, int32_t i)
{
    return r->node[mg_item(list, i)] - 1;
}

/* bias + sum of products, or sum alone, as one node. Both begin with 0.0, and are never -0.0, where there is no bias. */
static int32_t add_products(mg_graph *g, const rows *r, int64_t row)
{
    const bool dot = mg.op[row] == MG_DOT;
    const int32_t *record = mg.pool + mg.a[row], *first = dot ? record + MG_DOT_HEAD : record;
    const int32_t n = first[0];
    int32_t *args = r->scratch;

    args[0] = dot && record[1] != MG_NONE ? r->node[record[1]] - 1
              : g->recording              ? MG_NONE
                                          : mg_graph_constant(g, 0.0);
    for (int32_t i = 0; i < n; i++) {
        args[1 + 2 * i] = item(r, first, i);
        args[2 + 2 * i] = dot ? item(r, mg.pool + mg.b[row], i) : MG_NONE;
    }
    const int32_t sum = mg_graph_add(g, MG_P_PRODUCTS, args, 1 + 2 * n, 0.0);
    return dot && record[0] != MG_NONE ? mg_graph_add(g, record[0], &sum, 1, mg_activation_k(record[0]))
                                       : sum;
}

static int32_t add_list(mg_graph *g, const rows *r, int64_t row)
{
    const int32_t *list = mg.pool + mg.a[row];

    for (int32_t i = 0; i < list[0]; i++)
        r->scratch[i] = item(r, list, i);
    return mg_graph_add(g, mg.op[row], r->scratch, list[0], 0.0);
}

static int32_t add_row(mg_graph *g, int32_t *handles, const rows *r, int64_t row, int64_t marker)
{
    const int op = mg.op[row];

    if (mg_shape_of[op] == MG_NO_OPERAND) {
        if (row > marker) /* made while the function ran */
            return mg_graph_constant(g, mg.data[row]);
        handles[g->parameter_count] = mg.handle[row];
        return mg_graph_leaf(g, MG_P_PARAM, g->parameter_count++);
    }
    if (op == MG_SUM || op == MG_DOT)
        return add_products(g, r, row);
    if (mg_is_nary(op))
        return add_list(g, r, row);
    const bool two = mg_shape_of[op] == MG_TWO;
    const int32_t args[] = {r->node[mg.a[row]] - 1, two ? r->node[mg.b[row]] - 1 : MG_NONE};
    return mg_graph_add(g, op, args, 1 + two, mg_takes_k(op) ? mg_row_k(row) : 0.0);
}

/* Marks all rows below the outputs; counts them and the leaves among them. 1: one of them is Python's own. */
static int32_t reach(rows *r, int64_t *leaves, int32_t *recorded, int32_t *culprit)
{
    for (int64_t row = r->rows - 1; row >= 0; row--) {
        if (!r->node[row])
            continue;
        if (mg.op[row] & MG_PYTHON || mg.op[row] == MG_CUSTOM || mg.op[row] == MG_GIVEN) {
            *culprit = mg.handle[row];
            return 1;
        }
        *leaves += mg_shape_of[mg.op[row]] == MG_NO_OPERAND;
        ++*recorded;
        r->operands = 0;
        mg_each_operand(row, r, reach_run);
        r->longest = r->operands > r->longest ? r->operands : r->longest;
    }
    return MG_OK;
}

/* The outputs are rows at first, and nodes of g at the end. */
static int32_t build(mg_graph *g, int32_t **handles, rows *r, int64_t marker, const int32_t *inputs,
                     int32_t *recorded, int32_t *culprit)
{
    int64_t leaves = 0;

    for (int32_t i = 0; i < g->output_count; i++)
        r->node[g->outputs[i]] = 1;
    const int32_t status = reach(r, &leaves, recorded, culprit);
    if (status != MG_OK)
        return status;
    r->scratch = mg_allocate(NULL, (size_t)(2 * r->longest + 1) * sizeof *r->scratch);
    *handles = mg_allocate(NULL, (size_t)leaves * sizeof **handles);
    if (!r->scratch || !*handles)
        return MG_ENOMEM;
    for (int32_t i = 0; i < g->input_count; i++) {
        const int32_t node = mg_graph_leaf(g, MG_P_INPUT, i), row = mg_row(inputs[i]);
        if (g->failed || row < 0)
            return g->failed ? MG_ENOMEM : MG_EHANDLE;
        if (row < r->rows && r->node[row])
            r->node[row] = -(node + 1);
    }
    for (int64_t row = 0; row < r->rows; row++)
        if (r->node[row])
            r->node[row] = r->node[row] < 0 ? -r->node[row] : add_row(g, *handles, r, row, marker) + 1;
    for (int32_t i = 0; i < g->output_count; i++)
        g->outputs[i] = r->node[g->outputs[i]] - 1;
    return g->failed ? MG_ENOMEM : MG_OK;
}

int32_t mg_graph_build(mg_graph *g, int32_t **handles, int32_t marker, const int32_t *inputs,
                       const int32_t *outputs, int32_t *recorded, int32_t *culprit)
{
    rows r = {0};

    mg_lock();
    const int32_t marker_row = mg_row(marker);
    TRY(marker_row);
    TRY(mg_to_rows(outputs, g->output_count, g->outputs));
    for (int32_t i = 0; i < g->output_count; i++)
        r.rows = g->outputs[i] >= r.rows ? g->outputs[i] + 1 : r.rows;
    r.node = mg_allocate(NULL, (size_t)r.rows * sizeof *r.node);
    TRY(r.node ? MG_OK : MG_ENOMEM);
    memset(r.node, 0, (size_t)r.rows * sizeof *r.node);
    const int32_t status = build(g, handles, &r, marker_row, inputs, recorded, culprit);
    mg_unlock();
    free(r.node);
    free(r.scratch);
    return status;
}

/* ---- the way from a node down to some others ---- */

typedef struct {
    rows r;
    mg_graph *g;
    uint8_t *leads; /* row -> a gradient goes from it to a wanted one */
    uint8_t any;
    bool deep; /* local derivatives that are Values are derived too */
} way_down;

/* Operands that get a gradient from a row, or if it is `deep` from a derivative of it, see 4. in derive.c. */
static void each_below(int64_t row, bool deep, void *context, mg_on_operands *then)
{
    const int op = mg.op[row] & ~MG_PYTHON;

    if (mg_skips_x[op] &&
        !(deep && op == MG_INSTEAD && mg.data[mg.b[row]] == 0.0 && signbit(mg.data[mg.b[row]])))
        then(context, mg.b[row], 1);
    else
        mg_each_operand(row, context, then);
    if (deep && op == MG_GIVEN && mg.b[row] >= 0)
        mg_each_in_list(mg.pool + mg.b[row], mg.pool[mg.b[row]], context, then);
}

static void lead_run(void *context, int32_t first, int32_t n)
{
    way_down *w = context;

    for (int32_t i = 0; i < n; i++)
        w->any |= w->leads[first + i];
}

/* What no gradient goes through is a leaf. */
static void add_leaf(way_down *w, int64_t row)
{
    mg_graph *g = w->g;
    const bool number = mg.op[row] == MG_CONSTANT && !w->leads[row];

    w->r.node[row] = 1 + (number ? mg_graph_constant(g, mg.data[row])
                                 : mg_graph_leaf(g, MG_P_PARAM, g->parameter_count++));
}

static void add_leaves(void *context, int32_t first, int32_t n)
{
    way_down *w = context;

    for (int32_t i = first; i < first + n; i++)
        if (w->r.node[i] <= 0)
            add_leaf(w, i);
    w->r.operands += n;
}

/* The value that a node made by hand has, instead of the sum of its operands times the local derivatives. */
static int32_t add_given(way_down *w, int64_t row)
{
    const int32_t *list = mg.pool + mg.a[row], *slopes = mg.b[row] < 0 ? NULL : mg.pool + mg.b[row];
    const int32_t detached = mg_graph_constant(w->g, -0.0), value = mg_graph_constant(w->g, mg.data[row]);
    int32_t *args = w->r.scratch;

    for (int32_t i = 0; i < list[0]; i++) {
        const int32_t slope = slopes ? item(&w->r, slopes, i) : mg_graph_constant(w->g, mg_row_slope(row, i));
        args[1 + 2 * i] = mg_graph_add(w->g, MG_INSTEAD, (int32_t[]){slope, detached}, 2, 0.0);
        args[2 + 2 * i] = item(&w->r, list, i);
    }
    args[0] = MG_NONE;
    const int32_t sum = mg_graph_add(w->g, MG_P_PRODUCTS, args, 1 + 2 * list[0], 0.0);
    return mg_graph_add(w->g, MG_INSTEAD, (int32_t[]){value, sum}, 2, 0.0);
}

/* A row that was reached, after all below it. MG_OK, MG_ENOMEM, or 1: its derivative is not known. */
static int32_t add_reached(way_down *w, int64_t row)
{
    const int op = mg.op[row] & ~MG_PYTHON;
    rows *r = &w->r;

    w->any = 0;
    each_below(row, w->deep, w, lead_run);
    w->leads[row] |= w->any;
    if (!w->any && op != MG_INSTEAD) {
        add_leaf(w, row);
        return MG_OK;
    }
    if (mg.op[row] & MG_PYTHON || op == MG_CUSTOM)
        return 1;
    r->operands = 0;
    mg_each_operand(row, w, add_leaves);
    if (op == MG_GIVEN && mg.b[row] >= 0)
        mg_each_in_list(mg.pool + mg.b[row], mg.pool[mg.b[row]], w, add_leaves);
    if (r->operands > r->longest) {
        r->longest = 2 * r->operands;
        if (!mg_resize(&r->scratch, 2 * r->longest + 1, sizeof *r->scratch))
            return MG_ENOMEM;
    }
    r->node[row] = 1 + (op == MG_GIVEN ? add_given(w, row) : add_row(w->g, NULL, r, row, 0));
    return MG_OK;
}

/* Who has each node, and what its number is. */
static int32_t add_owners(const way_down *w, int32_t **handles, double **data)
{
    *handles = mg_allocate(NULL, (size_t)w->g->count * sizeof **handles);
    *data = mg_allocate(NULL, (size_t)w->g->count * sizeof **data);
    if (!*handles || !*data || w->g->failed)
        return MG_ENOMEM;
    memset(*handles, MG_NONE, (size_t)w->g->count * sizeof **handles);
    for (int64_t row = 0; row < w->r.rows; row++)
        if (w->r.node[row] > 0) {
            (*handles)[w->r.node[row] - 1] = mg.handle[row];
            (*data)[w->r.node[row] - 1] = mg.data[row];
        }
    return MG_OK;
}

static void reach_below(void *context, int32_t first, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        ((int32_t *)context)[first + i] = MG_NONE;
}

/* Those of `wanted` that are not reached become MG_NONE. */
static int32_t build_down(way_down *w, int32_t *wanted, int32_t n, int32_t *culprit)
{
    rows *r = &w->r;
    int64_t lowest = r->rows - 1;
    int32_t status = MG_OK;

    for (int32_t i = 0; i < n; i++)
        if (wanted[i] < r->rows) {
            w->leads[wanted[i]] = 1;
            lowest = wanted[i] < lowest ? wanted[i] : lowest;
        }
    r->node[r->rows - 1] = MG_NONE;
    for (int64_t row = r->rows - 1; row >= lowest; row--)
        if (r->node[row])
            each_below(row, w->deep, r->node, reach_below);
    for (int64_t row = lowest; row < r->rows && status == MG_OK && !w->g->failed; row++)
        if (r->node[row] && (status = add_reached(w, row)) == 1)
            *culprit = mg.handle[row];
    for (int32_t i = 0; i < n; i++)
        wanted[i] = wanted[i] < r->rows && r->node[wanted[i]] > 0 ? r->node[wanted[i]] - 1 : MG_NONE;
    w->g->outputs[0] = r->node[r->rows - 1] - 1;
    return status;
}

int32_t mg_graph_build_down(mg_graph *g, int32_t **handles, double **data, int32_t from, const int32_t *to,
                            int32_t n, bool deep, int32_t *wanted, int32_t *culprit)
{
    way_down w = {.g = g, .deep = deep};

    mg_lock();
    const int32_t top = mg_row(from);
    TRY(top);
    TRY(mg_to_rows(to, n, wanted));
    w.r.rows = top + 1;
    w.r.node = mg_allocate(NULL, (size_t)w.r.rows * sizeof *w.r.node);
    w.leads = mg_allocate(NULL, (size_t)w.r.rows);
    int32_t status = MG_ENOMEM;
    if (w.r.node && w.leads) {
        memset(w.r.node, 0, (size_t)w.r.rows * sizeof *w.r.node);
        memset(w.leads, 0, (size_t)w.r.rows);
        g->recording = true;
        status = build_down(&w, wanted, n, culprit);
        g->recording = false;
        status = status == MG_OK ? add_owners(&w, handles, data) : status;
    }
    mg_unlock();
    free(w.r.node);
    free(w.r.scratch);
    free(w.leads);
    return status;
}

/* ---- parameters ---- */

enum { GROUP = 64 }; /* parameters that are looked up together */

/* The row of the first of n handles where they are consecutive numbers and stand in consecutive rows, as nodes that
 * were made together mostly do; else NONE. */
static int32_t group_row(const int32_t *handles, int32_t n)
{
    const int32_t handle = handles[0], row = mg_row(handle);
    int32_t differ = 0;

    if (row < 0 || handle + n > mg.handles)
        return MG_NONE;
    const int32_t *const row_of = mg.row_of + handle;
    for (int32_t j = 0; j < n; j++)
        differ |= (handles[j] - handle - j) | (row_of[j] - row - j);
    return differ ? MG_NONE : row;
}

int32_t mg_read_parameters(const int32_t *handles, int32_t count, double *u)
{
    mg_lock();
    for (int32_t i = 0; i < count; i += GROUP) {
        const int32_t n = count - i < GROUP ? count - i : GROUP, first = group_row(handles + i, n);
        if (first != MG_NONE)
            memcpy(u + i, mg.data + first, (size_t)n * sizeof *u);
        for (int32_t j = i; first == MG_NONE && j < i + n; j++) {
            const int32_t row = mg_row(handles[j]);
            TRY(row);
            u[j] = mg.data[row];
        }
    }
    mg_unlock();
    return MG_OK;
}

void mg_add_gradients(const int32_t *handles, int32_t count, const double *gu)
{
    mg_lock();
    for (int32_t i = 0; i < count; i += GROUP) {
        const int32_t n = count - i < GROUP ? count - i : GROUP, first = group_row(handles + i, n);
        for (int32_t j = 0; first != MG_NONE && j < n; j++)
            mg.grad[first + j] += gu[i + j];
        for (int32_t j = i; first == MG_NONE && j < i + n; j++) {
            const int32_t row = mg_row(handles[j]);
            if (row >= 0)
                mg.grad[row] += gu[j];
        }
    }
    mg_unlock();
}
