/* build.c - from the nodes of the arena below some outputs to a graph of their own. */
#include "program.h"

#include <stdlib.h>

/* ---- the graph, each expression once ---- */

void mg_graph_free(mg_graph *g)
{
    free(g->nodes);
    free(g->args);
    free(g->table);
    memset(g, 0, sizeof *g);
}

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9E3779B97F4A7C15u;
    return h ^ (h >> 29);
}

static uint64_t hash(const mg_expr *e, const int32_t *args)
{
    uint64_t k, h = (uint64_t)e->op;

    memcpy(&k, &e->k, sizeof k);
    h = mix(h, k);
    for (int32_t i = 0; i < e->n; i++)
        h = mix(h, (uint64_t)(uint32_t)args[i]);
    return h;
}

static bool same(const mg_graph *g, const mg_expr *e, const int32_t *args, const mg_expr *other)
{
    if (e->op != other->op || e->n != other->n || memcmp(&e->k, &other->k, sizeof e->k) != 0)
        return false;
    for (int32_t i = 0; i < e->n; i++)
        if (args[i] != g->args[other->first + i])
            return false;
    return true;
}

static bool grow_table(mg_graph *g)
{
    const int32_t size = g->table_size ? 2 * g->table_size : 256;
    int32_t *table = mg_allocate(NULL, (size_t)size * sizeof *table);

    if (!table)
        return false;
    memset(table, 0, (size_t)size * sizeof *table);
    for (int32_t i = 0; i < g->count; i++) {
        uint64_t at = hash(&g->nodes[i], g->args + g->nodes[i].first);
        while (table[at & (uint64_t)(size - 1)])
            at++;
        table[at & (uint64_t)(size - 1)] = i + 1;
    }
    free(g->table);
    g->table = table;
    g->table_size = size;
    return true;
}

/* Room for one more node with n operands. */
static bool reserve(mg_graph *g, int32_t n)
{
    if (g->count == g->capacity) {
        const int32_t capacity = g->capacity ? 2 * g->capacity : 128;
        mg_expr *nodes = capacity > 0 ? mg_allocate(g->nodes, (size_t)capacity * sizeof *nodes) : NULL;
        if (!nodes)
            return false;
        g->nodes = nodes;
        g->capacity = capacity;
    }
    if (g->args_used > INT32_MAX / 4 - n)
        return false;
    if (g->args_used + n > g->args_capacity) {
        const int32_t capacity = 2 * g->args_capacity + n + 256;
        int32_t *args = mg_allocate(g->args, (size_t)capacity * sizeof *args);
        if (!args)
            return false;
        g->args = args;
        g->args_capacity = capacity;
    }
    return 2 * g->count < g->table_size || grow_table(g);
}

/* Both operands in one order where the op does not care. */
static bool commutes(int op)
{
    return op == MG_ADD || op == MG_MUL;
}

static bool is_constant(const mg_graph *g, int32_t node, double *value)
{
    *value = g->nodes[node].k;
    return g->nodes[node].op == MG_P_CONST;
}

/* What op(args; k) is known to be without computing it: a node there is already, NONE where nothing is known. */
static int32_t simpler(mg_graph *g, int op, const int32_t *args, int32_t n, double k)
{
    double c[2] = {NAN, NAN};

    if (op >= MG_OPS)
        return MG_NONE;
    const bool left = is_constant(g, args[0], &c[0]), right = n > 1 && is_constant(g, args[1], &c[1]);
    if ((op == MG_MUL && left && c[0] == 1.0) || (op == MG_ADD && left && c[0] == 0.0))
        return args[1];
    if ((right && c[1] == 1.0 && (op == MG_MUL || op == MG_TRUEDIV)) ||
        (right && c[1] == 0.0 && (op == MG_ADD || op == MG_SUB)))
        return args[0];
    if (op == MG_POW && k == 1.0)
        return args[0];
    if (left && (n == 1 || right))
        return mg_graph_add(g, MG_P_CONST, NULL, 0, mg_ieee(op, c[0], c[1], k));
    if (op == MG_POW && k == 2.0)
        return mg_graph_add(g, MG_MUL, (int32_t[]){args[0], args[0]}, 2, 0.0);
    return MG_NONE;
}

int32_t mg_graph_add(mg_graph *g, int op, const int32_t *args, int32_t n, double k)
{
    int32_t swapped[2];
    mg_expr e = {.op = (int16_t)op, .n = n, .k = k};

    if (g->failed)
        return 0;
    if (op < MG_OPS && mg_shape_of[op] != MG_ONE_K)
        e.k = 0.0;
    const int32_t known = simpler(g, op, args, n, k);
    if (known != MG_NONE || g->failed)
        return g->failed ? 0 : known;
    if (n == 2 && commutes(op) && args[0] > args[1]) {
        swapped[0] = args[1], swapped[1] = args[0];
        args = swapped;
    }
    if (!reserve(g, n)) {
        g->failed = true;
        return 0;
    }
    uint64_t at = hash(&e, args);
    for (int32_t found; (found = g->table[at & (uint64_t)(g->table_size - 1)]); at++)
        if (same(g, &e, args, &g->nodes[found - 1]))
            return found - 1;
    e.first = g->args_used;
    for (int32_t i = 0; i < n; i++) {
        g->args[g->args_used++] = args[i];
        e.varying |= args[i] != MG_NONE && g->nodes[args[i]].varying;
    }
    g->nodes[g->count] = e;
    g->table[at & (uint64_t)(g->table_size - 1)] = g->count + 1;
    return g->count++;
}

/* ---- from the arena ---- */

typedef struct {
    int32_t *node; /* row -> 1: reached; then its node + 1 */
    int64_t rows;
    int32_t *scratch; /* as many ints as the longest list of operands needs */
    int64_t longest;
} rows;

static void reach_list(rows *r, const int32_t *list, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        r->node[list[1] >= 0 ? list[1] + i : list[MG_LIST_HEAD + i]] = 1;
    if (n > r->longest)
        r->longest = n;
}

static void reach_operands(rows *r, int64_t row)
{
    const int32_t a = mg.a[row], b = mg.b[row];

    switch (mg_shape_of[mg.op[row]]) {
    case MG_NO_OPERAND:
        break;
    case MG_TWO:
        r->node[b] = 1; /* fall through */
    case MG_ONE:
    case MG_ONE_K:
        r->node[a] = 1;
        break;
    case MG_LIST:
        reach_list(r, mg.pool + a, mg.pool[a]);
        break;
    case MG_WEIGHTED: {
        const int32_t *record = mg.pool + a, *weights = record + MG_DOT_HEAD;
        if (record[1] != MG_NONE)
            r->node[record[1]] = 1;
        reach_list(r, weights, weights[0]);
        reach_list(r, mg.pool + b, weights[0]);
        break;
    }
    }
}

static int32_t item(const rows *r, const int32_t *list, int32_t i)
{
    return r->node[list[1] >= 0 ? list[1] + i : list[MG_LIST_HEAD + i]] - 1;
}

/* bias + sum of products, or sum alone, as one node. */
static int32_t add_list(mg_graph *g, const rows *r, int64_t row)
{
    const bool dot = mg.op[row] == MG_DOT;
    const int32_t *record = mg.pool + mg.a[row], *first = dot ? record + MG_DOT_HEAD : record;
    const int32_t n = first[0];
    int32_t *args = r->scratch;

    args[0] = dot && record[1] != MG_NONE ? r->node[record[1]] - 1 : MG_NONE;
    for (int32_t i = 0; i < n; i++) {
        args[1 + 2 * i] = item(r, first, i);
        args[2 + 2 * i] = dot ? item(r, mg.pool + mg.b[row], i) : MG_NONE;
    }
    const int32_t sum = mg_graph_add(g, MG_P_PRODUCTS, args, 1 + 2 * n, 0.0);
    return dot && record[0] != MG_NONE ? mg_graph_add(g, record[0], &sum, 1, 0.0) : sum;
}

static int32_t add_row(mg_program *p, mg_graph *g, const rows *r, int64_t row, int64_t marker)
{
    const int op = mg.op[row];
    int32_t args[2] = {0, 0};

    switch (mg_shape_of[op]) {
    case MG_NO_OPERAND:
        if (row > marker) /* made while the function ran */
            return mg_graph_add(g, MG_P_CONST, NULL, 0, mg.data[row]);
        p->parameters[p->parameter_count] = mg.handle[row];
        return mg_graph_add(g, MG_P_PARAM, NULL, 0, (double)p->parameter_count++);
    case MG_LIST:
    case MG_WEIGHTED:
        return add_list(g, r, row);
    case MG_TWO:
        args[1] = r->node[mg.b[row]] - 1; /* fall through */
    case MG_ONE:
    case MG_ONE_K:
        args[0] = r->node[mg.a[row]] - 1;
        break;
    }
    return mg_graph_add(g, op, args, 1 + (mg_shape_of[op] == MG_TWO),
                        mg_shape_of[op] == MG_ONE_K ? mg_row_k(row) : 0.0);
}

/* Marks all rows below the outputs; counts them and the leaves among them. 1: one of them is Python's own. */
static int32_t reach(rows *r, int64_t *leaves, int32_t *recorded, int32_t *culprit)
{
    for (int64_t row = r->rows - 1; row >= 0; row--) {
        if (!r->node[row])
            continue;
        if (mg.op[row] & MG_PYTHON || mg.op[row] == MG_CUSTOM) {
            *culprit = mg.handle[row];
            return 1;
        }
        *leaves += mg.op[row] == MG_LEAF;
        ++*recorded;
        reach_operands(r, row);
    }
    return MG_OK;
}

/* The rows of the outputs are in `nodes`. */
static int32_t build(mg_program *p, mg_graph *g, rows *r, int64_t marker, const int32_t *inputs,
                     const int8_t *batched, int32_t *nodes, int32_t *culprit)
{
    int64_t leaves = 0;

    for (int32_t i = 0; i < p->output_count; i++)
        r->node[nodes[i]] = 1;
    const int32_t status = reach(r, &leaves, &p->recorded, culprit);
    if (status != MG_OK)
        return status;
    r->scratch = mg_allocate(NULL, (size_t)(2 * r->longest + 1) * sizeof *r->scratch);
    p->parameters = mg_allocate(NULL, (size_t)leaves * sizeof *p->parameters);
    if (!r->scratch || !p->parameters)
        return MG_ENOMEM;
    for (int32_t i = 0; i < p->input_count; i++) {
        const int32_t node = mg_graph_add(g, MG_P_INPUT, NULL, 0, i);
        const int32_t row = mg_row(inputs[i]);
        if (g->failed || row < 0)
            return g->failed ? MG_ENOMEM : MG_EHANDLE;
        g->nodes[node].varying = batched[i];
        if (row < r->rows && r->node[row])
            r->node[row] = -(node + 1);
    }
    for (int64_t row = 0; row < r->rows; row++)
        if (r->node[row])
            r->node[row] = r->node[row] < 0 ? -r->node[row] : add_row(p, g, r, row, marker) + 1;
    for (int32_t i = 0; i < p->output_count; i++)
        nodes[i] = r->node[nodes[i]] - 1;
    return g->failed ? MG_ENOMEM : MG_OK;
}

int32_t mg_program_build(mg_program *p, mg_graph *g, int32_t marker, const int32_t *inputs,
                         const int8_t *batched, const int32_t *outputs, int32_t *nodes, int32_t *culprit)
{
    rows r = {0};

    mg_lock();
    const int32_t marker_row = mg_row(marker);
    TRY(marker_row);
    TRY(mg_to_rows(outputs, p->output_count, nodes));
    for (int32_t i = 0; i < p->output_count; i++)
        r.rows = nodes[i] >= r.rows ? nodes[i] + 1 : r.rows;
    r.node = mg_allocate(NULL, (size_t)r.rows * sizeof *r.node);
    TRY(r.node ? MG_OK : MG_ENOMEM);
    memset(r.node, 0, (size_t)r.rows * sizeof *r.node);
    const int32_t status = build(p, g, &r, marker_row, inputs, batched, nodes, culprit);
    mg_unlock();
    free(r.node);
    free(r.scratch);
    return status;
}
