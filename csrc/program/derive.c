/* derive.c - derivatives of a graph as a graph: the same nodes, with those of the derivatives behind them.
 *
 *     reverse, from an output down    x.slope += z.slope * dz/dx      slope: d output / d node
 *     forward, from the leaves up     z.slope += dz/dx * x.slope      slope: d node / d direction
 *
 *  1. dz/dx is the expression of the table as nodes, see rule.c. So what comes out can be derived again, and an op is
 *     one row for all orders. What value and derivatives have in common is one node: mg_graph_add finds it.
 *  2. A slope that is known to be 0 is no node, MG_NONE, and nothing is made of it. Nodes that depend on no wanted
 *     leaf are not visited. Of MG_SLOPES only what no path leads to is known to be 0: 0 times inf is nan, as in
 *     backward.
 *  3. Nothing goes through the branch that a CHOICE does not take. Forward the CHOICE itself chooses among slopes.
 *     In reverse a node below one gets its guard, see guard.c, and passes on when(guard, z.slope * dz/dx).
 *  4. A local derivative s that the user gave is a factor instead(s, -0.0), a number to the first order. In the
 *     derivative s stands in its place, and can be derived again. What is detached is instead(x, 0.0), and stays so.
 */
#include "derive.h"

#include <stdlib.h>

#include "../memory.h"

typedef struct {
    mg_graph *g;
    int32_t count;  /* nodes that are derived, the first ones */
    int32_t *slope; /* of each of them */
    int32_t *least; /* the number of the first wanted leaf that it depends on, `wanted`: of none */
    int32_t *leaf;  /* the wanted leaves, as nodes */
    int32_t *way;   /* the nodes between outputs and wanted leaves, from the highest down */
    int32_t length; /* of it */
    bool *on_way;
    int32_t wanted;
    int32_t *outputs; /* of g in the end */
    mg_entry *entries;
    int64_t used, outputs_capacity, entries_capacity;
    bool unreadable;
} deriver;

bool mg_is_zero(const mg_graph *g, int32_t node)
{
    double c;

    return node == MG_NONE || (!g->keeps_zeros && mg_is_number(g, node, &c) && c == 0.0);
}

int32_t mg_plus(mg_graph *g, int32_t a, int32_t b)
{
    if (mg_is_zero(g, a) || mg_is_zero(g, b))
        return mg_is_zero(g, a) ? b : a;
    return mg_graph_add(g, MG_ADD, (int32_t[]){a, b}, 2, 0.0);
}

int32_t mg_times(mg_graph *g, int32_t a, int32_t b)
{
    double c;

    if (mg_is_zero(g, a) || mg_is_zero(g, b))
        return MG_NONE;
    if (mg_is_number(g, b, &c) && c == -1.0)
        return mg_graph_add(g, MG_NEG, &a, 1, 0.0);
    return mg_graph_add(g, MG_MUL, (int32_t[]){a, b}, 2, 0.0);
}

/* The factor of a product, see 4. */
static int32_t factor(const mg_graph *g, int32_t node)
{
    double c;

    if (g->nodes[node].op != MG_INSTEAD || !mg_is_number(g, mg_operands(g, node)[1], &c) || !signbit(c))
        return node;
    return mg_operands(g, node)[0];
}

int32_t mg_local(mg_graph *g, int32_t z, int32_t j)
{
    const mg_expr e = g->nodes[z];
    const int32_t *args = mg_operands(g, z);

    if (e.op == MG_P_PRODUCTS) {
        const int32_t other = j == 0 ? MG_NONE : args[j % 2 ? j + 1 : j - 1];
        return other == MG_NONE ? mg_graph_constant(g, 1.0) : factor(g, other);
    }
    const bool nary = mg_is_nary(e.op);
    const int32_t variables[] = {args[nary ? j : 0], e.n == 2 && !nary ? args[1] : MG_NONE, z};
    const mg_op_info *row = mg_op_row(e.op);
    return mg_rule(g, j && !nary ? row->dy : row->dx, variables, nary ? e.n : mg_k(g, &e));
}

/* What node z and its operand j pass on of a slope that is not 0: from z down to it, or from it up to z. */
static int32_t passed(deriver *d, int32_t z, int32_t j, int32_t slope)
{
    mg_graph *g = d->g;
    const int op = g->nodes[z].op, skips = op < MG_OPS ? mg_skips_x[op] : 0;

    if (skips && j == 0)
        return MG_NONE;
    if (skips == MG_IS_CHOICE)
        return mg_graph_add(g, op, (int32_t[]){mg_operands(g, z)[0], slope}, 2, 0.0);
    if (skips)
        return slope;
    const int32_t local = mg_local(g, z, j);
    d->unreadable |= local == MG_NONE;
    return mg_times(g, slope, local);
}

static void add_to_way(deriver *d, int32_t node, int32_t last)
{
    if (node == MG_NONE || d->on_way[node] || d->least[node] > last)
        return;
    d->on_way[node] = true;
    d->way[d->length++] = node;
}

static int descending(const void *a, const void *b)
{
    return *(const int32_t *)b - *(const int32_t *)a;
}

/* Finds the way from the outputs down to the wanted leaves up to number `last`, so that a row of a Jacobian costs what
 * it reads and no more. */
static void find_way(deriver *d, const int32_t *outputs, int32_t n, int32_t last)
{
    const mg_graph *g = d->g;
    int32_t low = d->count, high = -1; /* a graph may have no node */

    for (int32_t i = 0; i < d->length; i++) {
        d->on_way[d->way[i]] = false;
        d->slope[d->way[i]] = MG_NONE;
    }
    d->length = 0;
    for (int32_t i = 0; i < n; i++)
        add_to_way(d, outputs[i], last);
    for (int32_t i = 0; i < d->length; i++) {
        const int32_t z = d->way[i];
        low = z < low ? z : low;
        high = z > high ? z : high;
        for (int32_t j = 0; j < g->nodes[z].n; j++)
            add_to_way(d, mg_operands(g, z)[j], last);
    }
    if (d->length < (high - low) / 16) {
        qsort(d->way, (size_t)d->length, sizeof *d->way, descending);
        return;
    }
    d->length = 0;
    for (int32_t z = high; z >= low; z--)
        if (d->on_way[z])
            d->way[d->length++] = z;
}

/* d output / d each node that leads to one of the wanted leaves up to number `last`. */
static void reverse(deriver *d, const int32_t *outputs, const int32_t *seeds, int32_t n, int32_t last)
{
    mg_graph *g = d->g;

    find_way(d, outputs, n, last);
    mg_graph_find_guards(g, d->way, d->length, d->on_way, outputs, n);
    for (int32_t i = 0; i < n; i++)
        if (d->on_way[outputs[i]])
            d->slope[outputs[i]] = mg_plus(g, d->slope[outputs[i]], seeds[i]);
    for (int32_t i = 0; i < d->length && !g->failed && !d->unreadable; i++) {
        const int32_t z = d->way[i], slope = d->slope[z], guard = g->nodes[z].guard;
        for (int32_t j = 0; j < g->nodes[z].n && !mg_is_zero(g, slope); j++) {
            const int32_t x = mg_operands(g, z)[j];
            if (x == MG_NONE || !d->on_way[x])
                continue;
            int32_t part = passed(d, z, j, slope);
            if (guard >= 0 && part != MG_NONE)
                part = mg_graph_add(g, MG_WHEN, (int32_t[]){guard, part}, 2, 0.0);
            d->slope[x] = mg_plus(g, d->slope[x], part);
        }
    }
}

/* d each node / d the direction in which the wanted leaves from `first` on change by `seeds`. */
static void forward(deriver *d, int32_t first, int32_t n, const int32_t *seeds)
{
    mg_graph *g = d->g;

    memset(d->slope, MG_NONE, (size_t)d->count * sizeof *d->slope);
    for (int32_t i = 0; i < n; i++)
        d->slope[d->leaf[first + i]] = seeds[i];
    for (int32_t z = 0; z < d->count && !g->failed && !d->unreadable; z++)
        for (int32_t j = 0; j < g->nodes[z].n; j++) {
            const int32_t x = mg_operands(g, z)[j];
            if (x != MG_NONE && d->slope[x] != MG_NONE)
                d->slope[z] = mg_plus(g, d->slope[z], passed(d, z, j, d->slope[x]));
        }
}

static void add_output(deriver *d, int32_t node)
{
    if (!mg_grow(&d->outputs, &d->outputs_capacity, d->used + 1, sizeof *d->outputs)) {
        d->g->failed = true;
        return;
    }
    d->outputs[d->used++] = node == MG_NONE ? mg_graph_constant(d->g, 0.0) : node;
}

/* d output `row` / d wanted leaf `column`, where it is not known to be 0. */
static void add_entry(deriver *d, int32_t row, int32_t column, int32_t node)
{
    if (mg_is_zero(d->g, node))
        return;
    if (!mg_grow(&d->entries, &d->entries_capacity, d->used + 1, sizeof *d->entries)) {
        d->g->failed = true;
        return;
    }
    d->entries[d->used] = (mg_entry){row, column};
    add_output(d, node);
}

/* Row by row, or column by column where there are fewer of them. */
static void add_jacobian(deriver *d, const mg_graph *from, const mg_entry *known)
{
    const int32_t one = mg_graph_constant(d->g, 1.0), rows = from->output_count;
    const bool by_rows = known || rows <= d->wanted;

    for (int32_t i = 0; i < (by_rows ? rows : d->wanted) && !d->g->failed && !d->unreadable; i++) {
        const int32_t last = known ? known[i].column : d->wanted - 1;
        if (by_rows)
            reverse(d, &from->outputs[i], &one, 1, last);
        else
            forward(d, i, 1, &one);
        for (int32_t j = d->length - 1; j >= 0; j--) {
            const int32_t x = d->way[j];
            if (d->g->nodes[x].n == 0)
                add_entry(d, known ? last : i, d->least[x], d->slope[x]);
        }
        for (int32_t j = 0; !by_rows && j < rows; j++)
            add_entry(d, j, i, d->slope[from->outputs[j]]);
    }
}

/* d the one output / d each wanted node. */
static void add_gradient(deriver *d, const mg_graph *from, bool with_value)
{
    const int32_t one = mg_graph_constant(d->g, 1.0);

    if (with_value)
        add_output(d, from->outputs[0]);
    reverse(d, from->outputs, &one, 1, d->wanted - 1);
    for (int32_t i = 0; i < d->wanted; i++)
        add_output(d, d->leaf[i] == MG_NONE ? MG_NONE : d->slope[d->leaf[i]]);
}

/* The inputs that hold the seeds stand behind those of `from`. */
static void add_seeded(deriver *d, const mg_graph *from, int32_t way, const int32_t *seeds)
{
    const int32_t rows = from->output_count;

    for (int32_t i = 0; way != MG_ALONG && i < rows; i++)
        add_output(d, from->outputs[i]);
    if (way == MG_REVERSE)
        reverse(d, from->outputs, seeds, rows, d->wanted - 1);
    else
        forward(d, 0, d->wanted, seeds);
    for (int32_t i = 0; i < (way == MG_REVERSE ? d->wanted : rows); i++)
        add_output(d, d->slope[way == MG_REVERSE ? d->leaf[i] : from->outputs[i]]);
}

/* The wanted leaves as nodes, and what depends on them. */
static void find_leaves(deriver *d, const int32_t *wanted, bool nodes)
{
    mg_graph *g = d->g;

    for (int32_t z = 0; z < d->count; z++)
        d->least[z] = d->wanted;
    for (int32_t i = 0; i < d->wanted; i++) { /* all leaves of the recorded graph are there */
        const int32_t number = wanted[i];
        d->leaf[i] = nodes        ? number
                     : number < 0 ? mg_graph_leaf(g, MG_P_PARAM, ~number)
                                  : mg_graph_leaf(g, MG_P_INPUT, number);
        if (d->leaf[i] != MG_NONE)
            d->least[d->leaf[i]] = i;
    }
    for (int32_t z = 0; z < d->count; z++)
        for (int32_t j = 0; j < g->nodes[z].n; j++) {
            const int32_t x = mg_operands(g, z)[j];
            if (x != MG_NONE && d->least[x] < d->least[z])
                d->least[z] = d->least[x];
        }
}

/* Those of `from`, then those of the seeds. */
static int32_t copy_with_seeds(mg_graph *to, const mg_graph *from, int32_t way, const int32_t *wanted,
                               int32_t seeds)
{
    const int32_t inputs = from->input_count;
    int8_t *batched = mg_allocate(NULL, (size_t)(inputs + seeds));
    bool any = false;

    if (!batched)
        return MG_ENOMEM;
    for (int32_t i = 0; i < inputs; i++)
        any |= batched[i] = from->batched[i];
    for (int32_t i = 0; i < seeds; i++)
        batched[inputs + i] = way == MG_REVERSE ? any : wanted[i] >= 0 && from->batched[wanted[i]];
    const int32_t status = mg_graph_copy(to, from, batched, inputs + seeds);
    free(batched);
    return status;
}

int32_t mg_graph_derive(const mg_graph *from, mg_graph *to, int32_t way, const int32_t *wanted, int32_t n,
                        const mg_entry *known, mg_entry **entries)
{
    const bool jacobian = way == MG_JACOBIAN || way == MG_SYMMETRIC, slopes = way >= MG_SLOPES;
    const int32_t seeds = jacobian || slopes ? 0 : way == MG_REVERSE ? from->output_count : n;
    deriver d = {.g = to, .count = from->count, .wanted = n};
    int32_t status = copy_with_seeds(to, from, way, wanted, seeds);

    int32_t *seed = mg_allocate(NULL, (size_t)seeds * sizeof *seed);
    d.slope = mg_allocate(NULL, (size_t)d.count * sizeof *d.slope);
    d.least = mg_allocate(NULL, (size_t)d.count * sizeof *d.least);
    d.leaf = mg_allocate(NULL, (size_t)n * sizeof *d.leaf);
    d.way = mg_allocate(NULL, (size_t)d.count * sizeof *d.way);
    d.on_way = mg_allocate(NULL, (size_t)d.count * sizeof *d.on_way);
    if (status == MG_OK && seed && d.slope && d.least && d.leaf && d.way && d.on_way) {
        memset(d.slope, MG_NONE, (size_t)d.count * sizeof *d.slope);
        memset(d.on_way, 0, (size_t)d.count * sizeof *d.on_way);
        find_leaves(&d, wanted, way == MG_BY_NODES);
        for (int32_t i = 0; i < seeds; i++)
            seed[i] = mg_graph_leaf(to, MG_P_INPUT, from->input_count + i);
        to->keeps_zeros = way == MG_SLOPES || way == MG_VALUE_AND_SLOPES;
        if (slopes)
            add_gradient(&d, from, way == MG_VALUE_AND_SLOPES);
        else if (jacobian)
            add_jacobian(&d, from, way == MG_SYMMETRIC ? known : NULL);
        else
            add_seeded(&d, from, way, seed);
        status = to->failed ? MG_ENOMEM : d.unreadable ? MG_EARGUMENT : MG_OK;
    } else {
        status = MG_ENOMEM;
    }
    free(seed);
    free(d.slope);
    free(d.least);
    free(d.leaf);
    free(d.way);
    free(d.on_way);
    to->outputs = d.outputs;
    to->output_count = (int32_t)d.used;
    *entries = d.entries;
    return status;
}
