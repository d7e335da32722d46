/* graph.c - nodes, each once. */
#include "graph.h"

#include <stdlib.h>

#include "../memory.h"

int32_t mg_graph_init(mg_graph *g, const int8_t *batched, int32_t inputs, int32_t outputs)
{
    *g = (mg_graph){.input_count = inputs, .output_count = outputs};
    g->batched = mg_allocate(NULL, (size_t)inputs);
    g->outputs = mg_allocate(NULL, (size_t)outputs * sizeof *g->outputs);
    if (!g->batched || !g->outputs)
        return MG_ENOMEM;
    memcpy(g->batched, batched, (size_t)inputs);
    return MG_OK;
}

static void *duplicate(const void *from, size_t bytes)
{
    void *p = mg_allocate(NULL, bytes);

    return p && bytes ? memcpy(p, from, bytes) : p;
}

int32_t mg_graph_copy(mg_graph *to, const mg_graph *from, const int8_t *batched, int32_t inputs)
{
    *to = *from;
    to->nodes = duplicate(from->nodes, (size_t)from->count * sizeof *to->nodes);
    to->args = duplicate(from->args, (size_t)from->args_used * sizeof *to->args);
    to->doubles = duplicate(from->doubles, (size_t)from->doubles_used * sizeof *to->doubles);
    to->table = duplicate(from->table, (size_t)from->table_size * sizeof *to->table);
    to->batched = duplicate(batched, (size_t)inputs);
    to->outputs = NULL;
    to->capacity = to->count;
    to->args_capacity = to->args_used;
    to->doubles_capacity = to->doubles_used;
    to->input_count = inputs;
    to->output_count = 0;
    return to->nodes && to->args && to->doubles && to->table && to->batched ? MG_OK : MG_ENOMEM;
}

void mg_graph_free(mg_graph *g)
{
    free(g->nodes);
    free(g->args);
    free(g->doubles);
    free(g->table);
    free(g->batched);
    free(g->outputs);
    memset(g, 0, sizeof *g);
}

/* ---- nodes by their content ---- */

static bool has_number(int op)
{
    return op == MG_P_CONST || mg_takes_k(op);
}

/* What two nodes of one op and the same operands differ in: the bits of a double, an index, or nothing. */
static uint64_t payload(const mg_graph *g, const mg_expr *e)
{
    uint64_t bits;

    if (!has_number(e->op))
        return (uint64_t)e->index;
    memcpy(&bits, &g->doubles[e->index], sizeof bits);
    return bits;
}

static uint64_t hash(const mg_expr *e, const int32_t *args, uint64_t bits)
{
    uint64_t h = mg_mix((uint64_t)e->op, bits);

    for (int32_t i = 0; i < e->n; i++)
        h = mg_mix(h, (uint64_t)(uint32_t)args[i]);
    return h;
}

static bool same(const mg_graph *g, int32_t node, const mg_expr *e, const int32_t *args, uint64_t bits)
{
    const mg_expr *other = &g->nodes[node];
    const int32_t *others = mg_operands(g, node);
    bool equal = e->op == other->op && e->n == other->n && bits == payload(g, other);

    for (int32_t i = 0; equal && i < e->n; i++)
        equal = args[i] == others[i];
    return equal;
}

static bool grow_table(mg_graph *g)
{
    const int32_t size = g->table_size ? 2 * g->table_size : 256;
    int32_t *table = mg_allocate(NULL, (size_t)size * sizeof *table);

    if (!table)
        return false;
    memset(table, 0, (size_t)size * sizeof *table);
    for (int32_t i = g->own; i < g->count; i++) {
        uint64_t at = hash(&g->nodes[i], mg_operands(g, i), payload(g, &g->nodes[i]));
        while (table[at & (uint64_t)(size - 1)])
            at++;
        table[at & (uint64_t)(size - 1)] = i + 1;
    }
    free(g->table);
    g->table = table;
    g->table_size = size;
    return true;
}

/* Room for one more node with n operands. Several ints for each of them can be counted in 32 bits. */
static bool reserve(mg_graph *g, int32_t n)
{
    const int32_t most = INT32_MAX / 8;

    return g->count < most && g->args_used < most - n &&
           mg_grow(&g->nodes, &g->capacity, g->count + 1, sizeof *g->nodes) &&
           mg_grow(&g->args, &g->args_capacity, g->args_used + n + 1, sizeof *g->args) &&
           mg_grow(&g->doubles, &g->doubles_capacity, g->doubles_used + 1, sizeof *g->doubles) &&
           (2 * g->count < g->table_size || grow_table(g));
}

/* The node e(args), e without operands yet. `bits` are its payload. */
static int32_t find_or_add(mg_graph *g, mg_expr e, const int32_t *args, uint64_t bits)
{
    if (g->failed || !reserve(g, e.n)) {
        g->failed = true;
        return 0;
    }
    uint64_t at = hash(&e, args, bits);
    for (int32_t found; !g->recording && (found = g->table[at & (uint64_t)(g->table_size - 1)]); at++)
        if (same(g, found - 1, &e, args, bits))
            return found - 1;
    e.first = g->args_used;
    e.guard = MG_NONE;
    for (int32_t i = 0; i < e.n; i++) {
        g->args[g->args_used++] = args[i];
        e.varying |= args[i] != MG_NONE && g->nodes[args[i]].varying;
    }
    if (has_number(e.op)) {
        e.index = g->doubles_used++;
        memcpy(&g->doubles[e.index], &bits, sizeof bits);
    }
    g->nodes[g->count] = e;
    if (g->recording)
        g->own++;
    else
        g->table[at & (uint64_t)(g->table_size - 1)] = g->count + 1;
    return g->count++;
}

int32_t mg_graph_leaf(mg_graph *g, int op, int32_t number)
{
    const bool varying = op == MG_P_INPUT && g->batched[number];
    const mg_expr e = {.op = (int16_t)op, .index = number, .varying = varying};

    return find_or_add(g, e, NULL, (uint64_t)number);
}

static int32_t add(mg_graph *g, int op, const int32_t *args, int32_t n, double k)
{
    uint64_t bits = (uint64_t)MG_NONE;

    if (has_number(op))
        memcpy(&bits, &k, sizeof bits);
    return find_or_add(g, (mg_expr){.op = (int16_t)op, .n = n, .index = MG_NONE}, args, bits);
}

int32_t mg_graph_constant(mg_graph *g, double value)
{
    return add(g, MG_P_CONST, NULL, 0, value);
}

/* ---- simpler nodes ---- */

/* The column `neutral` of ops.def, and `same` in the place of `right`. */
static const struct {
    bool commutes;
    double left, right; /* left op y is y, x op right is x; NAN: no such number */
} algebra[MG_OPS] = {
#define ALGEBRA_NONE {false, NAN, NAN}
#define ALGEBRA_RIGHT(e) {false, NAN, e}
#define ALGEBRA_EITHER(e) {true, e, e}
#define OP1(id, ...) [MG_##id] = ALGEBRA_NONE,
#define OP1K(id, label, errors, k, same, ...) [MG_##id] = ALGEBRA_RIGHT(same),
#define OP2(id, label, errors, neutral, ...) [MG_##id] = ALGEBRA_##neutral,
#include "../ops.def"
};

/* Is the node c*x, -x or x+x? Then *x is x. */
static bool is_multiple(const mg_graph *g, int32_t node, double *c, int32_t *x)
{
    const int32_t *args = mg_operands(g, node);
    const int op = g->nodes[node].op;

    *c = op == MG_NEG ? -1.0 : 2.0;
    *x = op == MG_NEG || (op == MG_ADD && args[0] == args[1]) ? args[0] : MG_NONE;
    for (int32_t i = 0; op == MG_MUL && i < 2 && *x == MG_NONE; i++)
        if (mg_is_number(g, args[i], c))
            *x = args[1 - i];
    return *x != MG_NONE;
}

/* 1, 2, 4, ... or the negative of one: a product with it is exact. */
static bool is_exact(double c)
{
    int exponent;

    return fabs(frexp(c, &exponent)) == 0.5 && exponent > 0;
}

/* a*(c*x) as (a*c)*x, where that rounds as before; likewise -(c*x) and c*x + c*x, of which derivatives are full. Else
 * NONE. `numbers` are those of the operands of a product, NAN: it is none. */
static int32_t multiple(mg_graph *g, int op, const int32_t *args, const double numbers[2])
{
    double a = op == MG_NEG ? -1.0 : 2.0, c;
    int32_t x;

    if (op == MG_MUL)
        a = isnan(numbers[0]) ? numbers[1] : numbers[0];
    else if (op != MG_NEG && (op != MG_ADD || args[0] != args[1]))
        return MG_NONE;
    if (!isfinite(a) || !is_multiple(g, args[op == MG_MUL && isnan(numbers[1])], &c, &x) ||
        !isfinite(a * c) || !(is_exact(a) || is_exact(c)))
        return MG_NONE;
    if (a * c == 1.0)
        return x;
    if (a * c == -1.0)
        return mg_graph_add(g, MG_NEG, &x, 1, 0.0);
    return mg_graph_add(g, MG_MUL, (int32_t[]){x, mg_graph_constant(g, a * c)}, 2, 0.0);
}

/* Is it that number, not 0.0 for -0.0? x + -0.0 is x, and -0.0 + 0.0 is not. */
static bool is_exactly(double c, double number)
{
    return c == number && !signbit(c) == !signbit(number);
}

/* What op(args; k) is known to be without computing it: a node there is already, NONE where nothing is known. */
static int32_t simpler(mg_graph *g, int op, const int32_t *args, int32_t n, double k)
{
    double c[2] = {NAN, NAN};

    if (op >= MG_OPS || mg_is_nary(op) || g->recording)
        return MG_NONE;
    const bool left = mg_is_number(g, args[0], &c[0]), right = n > 1 && mg_is_number(g, args[1], &c[1]);
    if (left && (n == 1 || right))
        return mg_graph_constant(g, mg_ieee(op, c[0], c[1], k));
    if (left && is_exactly(c[0], algebra[op].left))
        return args[1];
    if (mg_shape_of[op] == MG_ONE_K ? k == algebra[op].right : right && is_exactly(c[1], algebra[op].right))
        return args[0];
    if (op == MG_INSTEAD && args[0] == args[1])
        return args[0];
    if (right && mg_skips_x[op] == MG_IS_CHOICE && is_exactly(c[1], -0.0))
        return args[1];
    if (left && mg_skips_x[op] == MG_IS_CHOICE)
        return mg_ieee(op, c[0], 1.0, 0.0) != 0.0 ? args[1] : mg_graph_constant(g, -0.0);
    if (op == MG_POW && k == 2.0)
        return mg_graph_add(g, MG_MUL, (int32_t[]){args[0], args[0]}, 2, 0.0);
    return multiple(g, op, args, c);
}

int32_t mg_graph_add(mg_graph *g, int op, const int32_t *args, int32_t n, double k)
{
    if (g->failed)
        return 0;
    const int32_t known = simpler(g, op, args, n, k);
    if (known != MG_NONE)
        return known;
    if (n == 2 && algebra[op].commutes && args[0] > args[1]) /* two operands: an op of the table */
        return add(g, op, (int32_t[]){args[1], args[0]}, n, k);
    return add(g, op, args, n, k);
}
