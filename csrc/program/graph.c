/* graph.c - expressions, each once. */
#include "code.h"

#include <stdlib.h>

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
    if (left && c[0] == algebra[op].left)
        return args[1];
    if (mg_shape_of[op] == MG_ONE_K ? k == algebra[op].right : right && c[1] == algebra[op].right)
        return args[0];
    if (left && mg_is_choice[op])
        return mg_ieee(op, c[0], 1.0, 0.0) != 0.0 ? args[1] : mg_graph_add(g, MG_P_CONST, NULL, 0, 0.0);
    if (left && (n == 1 || right))
        return mg_graph_add(g, MG_P_CONST, NULL, 0, mg_ieee(op, c[0], c[1], k));
    if (op == MG_POW && k == 2.0)
        return mg_graph_add(g, MG_MUL, (int32_t[]){args[0], args[0]}, 2, 0.0);
    return MG_NONE;
}

int32_t mg_graph_add(mg_graph *g, int op, const int32_t *args, int32_t n, double k)
{
    int32_t swapped[2];
    mg_expr e = {.op = (int16_t)op, .n = n, .k = k, .guard = MG_NONE};

    if (g->failed)
        return 0;
    if (op < MG_OPS && mg_shape_of[op] != MG_ONE_K)
        e.k = 0.0;
    const int32_t known = simpler(g, op, args, n, k);
    if (known != MG_NONE || g->failed)
        return g->failed ? 0 : known;
    if (n == 2 && op < MG_OPS && algebra[op].commutes && args[0] > args[1]) {
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
