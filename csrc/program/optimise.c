/* optimise.c - the same outputs from fewer nodes: trees of sums become dot products, what nobody needs goes.
 *
 *     ((b + w0*x0) + w1*x1) + ...   becomes   LINEAR[b, w0, x0, w1, x1, ...]     w uniform, x varying
 *     p*p + q*q + ...               becomes   PRODUCTS[-, p, p, q, q, ...]       any others
 *
 * Constants and common subexpressions are the work of mg_graph_add. Neurons that read the same inputs are put
 * side by side in schedule.c.
 */
#include "graph.h"

#include <stdlib.h>

#include "../memory.h"

typedef struct {
    int32_t x, y; /* y NONE: the term is x alone */
} term;

typedef struct {
    const mg_graph *from;
    mg_graph *to;
    int32_t *uses;   /* node -> how often it is read */
    int32_t *plan;   /* node -> NONE: not needed; COPY; or where its terms begin in `terms` */
    int32_t *length; /* node -> number of its terms */
    int32_t *map;    /* node -> node of `to` */
    term *terms;
    int64_t used, capacity;
    int32_t *todo; /* stack of nodes that are still to be split into terms */
    int32_t *args; /* of the node that is being made */
} optimiser;

enum { COPY = -2 };

static bool is_sum(const mg_expr *e)
{
    return e->op == MG_ADD || e->op == MG_P_PRODUCTS;
}

static bool push_term(optimiser *o, int32_t x, int32_t y)
{
    if (!mg_grow(&o->terms, &o->capacity, o->used + 1, sizeof *o->terms))
        return false;
    o->terms[o->used++] = (term){x, y};
    return true;
}

/* The terms of the sum at `root`, through all sums that nobody else reads, from left to right. */
static bool collect(optimiser *o, int32_t root)
{
    const mg_graph *g = o->from;
    int64_t top = 0;

    o->todo[top++] = root;
    while (top > 0) {
        const int32_t node = o->todo[--top];
        const mg_expr *e = &g->nodes[node];
        const int32_t *args = g->args + e->first;
        if (node != root && o->uses[node] != 1) {
            if (!push_term(o, node, MG_NONE))
                return false;
        } else if (e->op == MG_MUL && node != root) {
            if (!push_term(o, args[0], args[1]))
                return false;
        } else if (e->op == MG_ADD) {
            o->todo[top++] = args[1];
            o->todo[top++] = args[0];
        } else if (e->op == MG_P_PRODUCTS) {
            for (int32_t i = e->n - 2; i > 0; i -= 2) {
                if (args[i + 1] == MG_NONE)
                    o->todo[top++] = args[i];
                else if (!push_term(o, args[i], args[i + 1]))
                    return false;
            }
            if (args[0] != MG_NONE)
                o->todo[top++] = args[0];
        } else if (!push_term(o, node, MG_NONE)) {
            return false;
        }
    }
    return true;
}

static bool is_weighted(const mg_graph *g, term t)
{
    return t.y != MG_NONE && g->nodes[t.x].varying != g->nodes[t.y].varying;
}

/* Do so many terms deserve a node of their own? */
static bool worthwhile(const mg_graph *g, const term *terms, int64_t n, const mg_expr *e)
{
    if (n > 2 || e->op == MG_P_PRODUCTS)
        return true;
    /* A neuron of one input: bias + w*x. */
    return n == 2 && ((is_weighted(g, terms[0]) && !g->nodes[terms[1].x].varying && terms[1].y == MG_NONE) ||
                      (is_weighted(g, terms[1]) && !g->nodes[terms[0].x].varying && terms[0].y == MG_NONE));
}

/* From the outputs down: what is needed, and which sums are taken as a whole. */
static bool make_plan(optimiser *o)
{
    const mg_graph *g = o->from;

    for (int32_t i = 0; i < g->count; i++)
        o->plan[i] = MG_NONE;
    for (int32_t i = 0; i < g->output_count; i++)
        o->plan[g->outputs[i]] = COPY;
    for (int32_t i = g->count - 1; i >= 0; i--) {
        const mg_expr *e = &g->nodes[i];
        if (o->plan[i] == MG_NONE)
            continue;
        if (is_sum(e)) {
            const int64_t first = o->used;
            if (!collect(o, i))
                return false;
            if (worthwhile(g, o->terms + first, o->used - first, e)) {
                o->plan[i] = (int32_t)first;
                o->length[i] = (int32_t)(o->used - first);
                for (int64_t t = first; t < o->used; t++) {
                    o->plan[o->terms[t].x] = COPY;
                    if (o->terms[t].y != MG_NONE)
                        o->plan[o->terms[t].y] = COPY;
                }
                continue;
            }
            o->used = first;
        }
        for (int32_t j = 0; j < e->n; j++)
            if (g->args[e->first + j] != MG_NONE)
                o->plan[g->args[e->first + j]] = COPY;
    }
    return true;
}

static int by_input(const void *a, const void *b)
{
    const term *s = a, *t = b;
    return (s->y > t->y) - (s->y < t->y);
}

/* Puts the terms that `wanted` says into o->args after a bias. Returns the number of ints. */
static int32_t gather(optimiser *o, int32_t bias, const term *terms, int32_t n, int kind,
                      const uint8_t *kinds)
{
    const bool varying =
        bias != MG_NONE && o->to->nodes[bias].varying; /* then it is a term like the others */
    int32_t used = 0;

    o->args[used++] = varying ? MG_NONE : bias;
    if (varying) {
        o->args[used++] = bias;
        o->args[used++] = MG_NONE;
    }
    for (int32_t i = 0; i < n; i++)
        if (kinds[i] == kind) {
            o->args[used++] = terms[i].x;
            o->args[used++] = terms[i].y;
        }
    return used;
}

/* A sum of terms of the new graph. A single one without a factor is itself. */
static int32_t add_products(optimiser *o, int32_t bias, const term *terms, int32_t n, int kind,
                            const uint8_t *kinds)
{
    const int32_t used = gather(o, bias, terms, n, kind, kinds);
    const int32_t *args = o->args;

    bias = args[0];
    if (used == 1)
        return bias;
    if (used == 3 && bias == MG_NONE)
        return args[2] == MG_NONE ? args[1]
                                  : mg_graph_add(o->to, MG_MUL, (int32_t[]){args[1], args[2]}, 2, 0.0);
    if (used == 3 && args[2] == MG_NONE)
        return mg_graph_add(o->to, MG_ADD, (int32_t[]){bias, args[1]}, 2, 0.0);
    if (used == 5 && bias == MG_NONE && args[2] == MG_NONE && args[4] == MG_NONE)
        return mg_graph_add(o->to, MG_ADD, (int32_t[]){args[1], args[3]}, 2, 0.0);
    return mg_graph_add(o->to, MG_P_PRODUCTS, args, used, 0.0);
}

enum { UNIFORM, WEIGHTED, VARYING };

static int32_t add_sum(optimiser *o, term *terms, int32_t n)
{
    mg_graph *g = o->to;
    uint8_t *kinds = (uint8_t *)(o->args + 2 * n + 3);
    int32_t weighted = 0;

    for (int32_t i = 0; i < n; i++) {
        term t = {o->map[terms[i].x], terms[i].y == MG_NONE ? MG_NONE : o->map[terms[i].y]};
        if (is_weighted(g, t) && g->nodes[t.x].varying)
            t = (term){t.y, t.x};
        terms[i] = t;
        if (is_weighted(g, t))
            kinds[i] = WEIGHTED;
        else
            kinds[i] = g->nodes[t.x].varying ? VARYING : UNIFORM;
        weighted += kinds[i] == WEIGHTED;
    }
    int32_t others = 0;
    for (int32_t i = 0; i < n; i++)
        others += kinds[i] == VARYING;
    int32_t sum = add_products(o, MG_NONE, terms, n, UNIFORM, kinds);
    if (weighted == 1 && others > 0) { /* one product alone is no neuron: an ordinary term */
        for (int32_t i = 0; i < n; i++)
            if (kinds[i] == WEIGHTED)
                terms[i] =
                    (term){mg_graph_add(g, MG_MUL, (int32_t[]){terms[i].x, terms[i].y}, 2, 0.0), MG_NONE},
                kinds[i] = VARYING;
    } else if (weighted > 0) {
        /* Uniform terms and others keep their places; the weighted ones are sorted by input. */
        term *sorted = terms;
        int32_t end = 0;
        for (int32_t i = 0; i < n; i++)
            if (kinds[i] == WEIGHTED) {
                const term t = terms[i];
                terms[i] = terms[end], kinds[i] = kinds[end];
                terms[end] = t, kinds[end++] = WEIGHTED;
            }
        bool ordered = true;
        for (int32_t i = 1; i < end; i++)
            ordered &= sorted[i - 1].y <= sorted[i].y;
        if (!ordered)
            qsort(sorted, (size_t)end, sizeof *sorted, by_input);
        const int32_t used = gather(o, sum, terms, n, WEIGHTED, kinds);
        sum = mg_graph_add(g, MG_P_LINEAR, o->args, used, 0.0);
    }
    return others > 0 || sum == MG_NONE ? add_products(o, sum, terms, n, VARYING, kinds) : sum;
}

static int32_t copy(optimiser *o, const mg_expr *e)
{
    if (e->op == MG_P_INPUT || e->op == MG_P_PARAM)
        return mg_graph_leaf(o->to, e->op, e->index);
    if (e->op == MG_P_CONST)
        return mg_graph_constant(o->to, mg_number(o->from, e));
    for (int32_t j = 0; j < e->n; j++) {
        const int32_t arg = o->from->args[e->first + j];
        o->args[j] = arg == MG_NONE ? MG_NONE : o->map[arg];
    }
    return mg_graph_add(o->to, e->op, o->args, e->n, mg_takes_k(e->op) ? mg_number(o->from, e) : 0.0);
}

static void add_node(optimiser *o, int32_t i)
{
    if (o->plan[i] == COPY)
        o->map[i] = copy(o, &o->from->nodes[i]);
    else if (o->length[i] > 0)
        o->map[i] = add_sum(o, o->terms + o->plan[i], o->length[i]);
    else
        o->map[i] = mg_graph_constant(o->to, 0.0);
}

/* Memory for all of it but the terms. */
static bool prepare(optimiser *o)
{
    const size_t n = (size_t)o->from->count;
    const size_t args = 4 * ((size_t)o->from->args_used + n) + 64;

    o->uses = mg_allocate(NULL, n * sizeof *o->uses);
    o->plan = mg_allocate(NULL, n * sizeof *o->plan);
    o->length = mg_allocate(NULL, n * sizeof *o->length);
    o->map = mg_allocate(NULL, n * sizeof *o->map);
    o->todo = mg_allocate(NULL, (n + (size_t)o->from->args_used + 2) * sizeof *o->todo);
    o->args = mg_allocate(NULL, args * sizeof *o->args);
    return o->uses && o->plan && o->length && o->map && o->todo && o->args;
}

static void count_uses(optimiser *o)
{
    const mg_graph *g = o->from;

    memset(o->uses, 0, (size_t)g->count * sizeof *o->uses);
    for (int32_t i = 0; i < g->output_count; i++)
        o->uses[g->outputs[i]]++;
    for (int32_t i = g->count - 1; i >= 0; i--)
        for (int32_t j = 0; o->uses[i] && j < g->nodes[i].n; j++)
            if (g->args[g->nodes[i].first + j] != MG_NONE)
                o->uses[g->args[g->nodes[i].first + j]]++;
}

int32_t mg_graph_optimise(const mg_graph *from, mg_graph *to)
{
    optimiser o = {.from = from, .to = to};
    int32_t status = MG_ENOMEM;

    if (mg_graph_init(to, from->batched, from->input_count, from->output_count) == MG_OK && prepare(&o)) {
        to->parameter_count = from->parameter_count;
        count_uses(&o);
        if (make_plan(&o)) {
            for (int32_t i = 0; i < from->count; i++)
                if (o.plan[i] != MG_NONE && !to->failed)
                    add_node(&o, i);
            for (int32_t i = 0; i < from->output_count; i++)
                to->outputs[i] = o.map[from->outputs[i]];
            status = to->failed ? MG_ENOMEM : MG_OK;
        }
    }
    free(o.uses);
    free(o.plan);
    free(o.length);
    free(o.map);
    free(o.todo);
    free(o.args);
    free(o.terms);
    return status;
}
