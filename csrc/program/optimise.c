/* optimise.c - the same outputs from fewer nodes: trees of sums become dot products, what nobody needs goes.
 *
 *     ((b + w0*x0) + w1*x1) + ...   becomes   LINEAR[b, w0, x0, w1, x1, ...]     w uniform, x varying
 *     p*p + q*q + ...               becomes   PRODUCTS[-, p, p, q, q, ...]       any others
 *
 * Constants and common subexpressions are the work of mg_graph_add. Neurons with the same inputs are joined later.
 */
#include "code.h"

#include <stdlib.h>

#include "../memory.h"

typedef struct {
    int32_t x, y; /* y NONE: the term is x alone */
} term;

/* What is known of a node of `from`. */
typedef struct {
    int32_t uses;   /* how often it is read */
    int32_t plan;   /* NONE: not needed; COPY; or where its terms begin in `terms` */
    int32_t length; /* number of its terms */
    int32_t map;    /* node of `to` */
} facts;

typedef struct {
    const mg_graph *from;
    mg_graph *to;
    facts *of;
    term *terms;
    int64_t used, capacity;
    term *todo;    /* stack of what is still to be split */
    int32_t *args; /* of the node that is being made */
} optimiser;

enum { COPY = -2 };

/* The terms of the sum at `root`, through all sums that nobody else reads, from left to right. */
static bool collect(optimiser *o, int32_t root)
{
    const mg_graph *g = o->from;
    int64_t top = 0;

    o->todo[top++] = (term){root, MG_NONE};
    while (top > 0) {
        const term t = o->todo[--top];
        const mg_expr *e = &g->nodes[t.x];
        const int32_t *args = g->args + e->first;
        const bool whole = t.y != MG_NONE || (t.x != root && o->of[t.x].uses != 1);
        if (!whole && e->op == MG_MUL) {
            o->todo[top++] = (term){args[0], args[1]};
        } else if (!whole && e->op == MG_ADD) {
            o->todo[top++] = (term){args[1], MG_NONE};
            o->todo[top++] = (term){args[0], MG_NONE};
        } else if (!whole && e->op == MG_P_PRODUCTS) {
            for (int32_t i = e->n - 2; i > 0; i -= 2)
                o->todo[top++] = (term){args[i], args[i + 1]};
            if (args[0] != MG_NONE)
                o->todo[top++] = (term){args[0], MG_NONE};
        } else {
            if (!mg_grow(&o->terms, &o->capacity, o->used + 1, sizeof *o->terms))
                return false;
            o->terms[o->used++] = t;
        }
    }
    return true;
}

static bool is_weighted(const mg_graph *g, term t)
{
    return t.y != MG_NONE && g->nodes[t.x].varying != g->nodes[t.y].varying;
}

/* Do the terms from `first` on deserve a node of their own in the place of e? */
static bool worthwhile(const optimiser *o, int64_t first, const mg_expr *e)
{
    const mg_graph *g = o->from;

    if (o->used - first > 2 || e->op == MG_P_PRODUCTS)
        return true;
    for (int64_t i = first; i < o->used; i++) { /* a neuron of one input: bias + w*x */
        const term other = o->terms[i == first ? first + 1 : first];
        if (is_weighted(g, o->terms[i]) && !g->nodes[other.x].varying && other.y == MG_NONE)
            return true;
    }
    return false;
}

static void need(optimiser *o, int32_t node)
{
    if (node != MG_NONE)
        o->of[node].plan = COPY;
}

/* From the outputs down: what is needed, and which sums are taken as a whole. */
static bool make_plan(optimiser *o)
{
    const mg_graph *g = o->from;

    for (int32_t i = 0; i < g->output_count; i++)
        need(o, g->outputs[i]);
    for (int32_t i = g->count - 1; i >= 0; i--) {
        const mg_expr *e = &g->nodes[i];
        const int64_t first = o->used;
        if (o->of[i].plan == MG_NONE)
            continue;
        if ((e->op == MG_ADD || e->op == MG_P_PRODUCTS) && !collect(o, i))
            return false;
        if (worthwhile(o, first, e)) {
            o->of[i].plan = (int32_t)first;
            o->of[i].length = (int32_t)(o->used - first);
            for (int64_t t = first; t < o->used; t++) {
                need(o, o->terms[t].x);
                need(o, o->terms[t].y);
            }
        } else {
            o->used = first;
            for (int32_t j = 0; j < e->n; j++)
                need(o, g->args[e->first + j]);
        }
    }
    return true;
}

/* What a term of the new graph becomes a part of. */
enum { UNIFORM, WEIGHTED, VARYING };

static int role_of(const mg_graph *g, term t)
{
    return is_weighted(g, t) ? WEIGHTED : g->nodes[t.x].varying ? VARYING : UNIFORM;
}

/* Puts the terms of one role into o->args after a bias. Returns the number of ints. */
static int32_t gather(optimiser *o, int32_t bias, const term *terms, int32_t n, int role)
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
        if (role_of(o->to, terms[i]) == role) {
            o->args[used++] = terms[i].x;
            o->args[used++] = terms[i].y;
        }
    return used;
}

/* A sum of terms of the new graph. A single one without a factor is itself. */
static int32_t add_products(optimiser *o, int32_t bias, const term *terms, int32_t n, int role)
{
    const int32_t used = gather(o, bias, terms, n, role);
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

/* Pairs of a weight and an input by input. */
static int by_input(const void *a, const void *b)
{
    const int32_t *s = a, *t = b;
    return s[1] != t[1] ? (s[1] > t[1]) - (s[1] < t[1]) : (s[0] > t[0]) - (s[0] < t[0]);
}

static int32_t add_sum(optimiser *o, term *terms, int32_t n)
{
    mg_graph *g = o->to;
    int32_t count[3] = {0};

    for (int32_t i = 0; i < n; i++) {
        term t = {o->of[terms[i].x].map, terms[i].y == MG_NONE ? MG_NONE : o->of[terms[i].y].map};
        if (is_weighted(g, t) && g->nodes[t.x].varying)
            t = (term){t.y, t.x};
        terms[i] = t;
        count[role_of(g, t)]++;
    }
    int32_t sum = add_products(o, MG_NONE, terms, n, UNIFORM);
    if (count[WEIGHTED] == 1 && count[VARYING] > 0) { /* one product alone is no neuron: an ordinary term */
        for (int32_t i = 0; i < n; i++)
            if (role_of(g, terms[i]) == WEIGHTED)
                terms[i] =
                    (term){mg_graph_add(g, MG_MUL, (int32_t[]){terms[i].x, terms[i].y}, 2, 0.0), MG_NONE};
    } else if (count[WEIGHTED] > 0) {
        const int32_t used = gather(o, sum, terms, n, WEIGHTED);
        qsort(o->args + 1, (size_t)used / 2, 2 * sizeof *o->args, by_input);
        sum = mg_graph_add(g, MG_P_LINEAR, o->args, used, 0.0);
    }
    if (count[VARYING] > 0)
        sum = add_products(o, sum, terms, n, VARYING);
    return sum == MG_NONE ? mg_graph_constant(g, 0.0) : sum;
}

static int32_t copy(optimiser *o, const mg_expr *e)
{
    if (e->op == MG_P_INPUT || e->op == MG_P_PARAM)
        return mg_graph_leaf(o->to, e->op, e->index);
    if (e->op == MG_P_CONST)
        return mg_graph_constant(o->to, mg_number(o->from, e));
    for (int32_t j = 0; j < e->n; j++)
        o->args[j] = o->of[o->from->args[e->first + j]].map;
    return mg_graph_add(o->to, e->op, o->args, e->n, mg_k(o->from, e));
}

/* Memory for all of it but the terms. */
static bool prepare(optimiser *o)
{
    const size_t n = (size_t)o->from->count, args = (size_t)o->from->args_used;

    o->of = mg_allocate(NULL, n * sizeof *o->of);
    o->todo = mg_allocate(NULL, (args + 1) * sizeof *o->todo);
    o->args = mg_allocate(NULL, (2 * args + 3) * sizeof *o->args);
    return o->of && o->todo && o->args;
}

static void count_uses(optimiser *o)
{
    const mg_graph *g = o->from;

    for (int32_t i = 0; i < g->count; i++)
        o->of[i] = (facts){.plan = MG_NONE};
    for (int32_t i = 0; i < g->output_count; i++)
        o->of[g->outputs[i]].uses++;
    for (int32_t i = g->count - 1; i >= 0; i--)
        for (int32_t j = 0; o->of[i].uses && j < g->nodes[i].n; j++)
            if (g->args[g->nodes[i].first + j] != MG_NONE)
                o->of[g->args[g->nodes[i].first + j]].uses++;
}

int32_t mg_graph_optimise(const mg_graph *from, mg_graph *to)
{
    optimiser o = {.from = from, .to = to};
    int32_t status = MG_ENOMEM;

    if (mg_graph_init(to, from->batched, from->input_count, from->output_count) == MG_OK && prepare(&o)) {
        to->parameter_count = from->parameter_count;
        count_uses(&o);
        if (make_plan(&o)) {
            for (int32_t i = 0; i < from->count && !to->failed; i++)
                if (o.of[i].plan == COPY)
                    o.of[i].map = copy(&o, &from->nodes[i]);
                else if (o.of[i].plan != MG_NONE)
                    o.of[i].map = add_sum(&o, o.terms + o.of[i].plan, o.of[i].length);
            for (int32_t i = 0; i < from->output_count; i++)
                to->outputs[i] = o.of[from->outputs[i]].map;
            status = to->failed ? MG_ENOMEM : MG_OK;
        }
    }
    free(o.of);
    free(o.todo);
    free(o.args);
    free(o.terms);
    return status;
}
