/* series.c - all derivatives of one node by another one up to an order: what nested grads of one argument find.
 *
 *     z = f(x, y):  z(k) = sum over i < k of C(k-1, i) * (x(i+1) * dz/dx(k-1-i) + y(i+1) * dz/dy(k-1-i))
 *
 *  1. This is the chain rule z' = x' dz/dx + y' dz/dy, derived k - 1 times by Leibniz's rule. dz/dx is the table's
 *     expression as nodes, see rule.c, and its order k-1 is found by the same rule. So tanh's 1 - z*z may refer to z
 *     itself, and sin's and cos's derivatives to each other: of a local derivative a lower order is needed.
 *  2. Every order of every node is one node. A derivative derived again and again has these many times, as sums of
 *     products of products: tanh(x*x) takes 120 operations to order 6, and here 43.
 *  3. Products of the same two nodes are one term: of x*x twice that of x(i) * x(k-i). Factors are whole numbers, so
 *     polynomials with whole coefficients have exact derivatives.
 *  4. The rules of derive.c hold: what is known to be 0 is no node, a CHOICE chooses among slopes, an INSTEAD hides x.
 */
#include "derive.h"

#include <stdlib.h>

#include "../memory.h"

enum { UNKNOWN = -2 };

typedef struct {
    double factor;
    int32_t x, y; /* NONE: 1 */
} term;

typedef struct {
    mg_graph *g;
    int32_t by;    /* the node that is derived by */
    int32_t order; /* the highest */
    int32_t *of;   /* order k of node z: of[z*order + k-1] */
    int64_t nodes; /* so many have a place there */
    int64_t capacity;
    struct {
        int32_t z, k;
    } *todo; /* a stack of what is still to be found */
    int64_t top, todo_capacity;
    term *terms; /* of one operand, or of the two of one product */
    int32_t used;
    bool unreadable;
} series;

/* Order k of z, if it is known. */
static int32_t found(const series *s, int32_t z, int32_t k)
{
    if (k == 0 || z == MG_NONE)
        return z;
    if (z != s->by && s->g->nodes[z].n == 0)
        return MG_NONE;
    return z < s->nodes ? s->of[z * (int64_t)s->order + k - 1] : UNKNOWN;
}

/* Is order k of z known? Otherwise it is found next. */
static bool is_known(series *s, int32_t z, int32_t k)
{
    if (found(s, z, k) != UNKNOWN)
        return true;
    if (!mg_grow(&s->todo, &s->todo_capacity, s->top + 1, sizeof *s->todo)) {
        s->g->failed = true;
        return false;
    }
    s->todo[s->top].z = z;
    s->todo[s->top++].k = k;
    return false;
}

static void set(series *s, int32_t z, int32_t k, int32_t node)
{
    if (!mg_grow(&s->of, &s->capacity, (z + 1) * (int64_t)s->order, sizeof *s->of)) {
        s->g->failed = true;
        return;
    }
    for (; s->nodes <= z; s->nodes++)
        for (int32_t i = 0; i < s->order; i++)
            s->of[s->nodes * s->order + i] = UNKNOWN;
    s->of[z * (int64_t)s->order + k - 1] = node;
}

static void add_term(series *s, double factor, int32_t x, int32_t y)
{
    double c;

    if (mg_is_zero(s->g, x) || mg_is_zero(s->g, y))
        return;
    for (int32_t *side = &x; side; side = side == &x ? &y : NULL)
        if (mg_is_number(s->g, *side, &c)) {
            factor *= c;
            *side = MG_NONE;
        }
    for (int32_t i = 0; i < s->used; i++) {
        term *t = &s->terms[i];
        if ((t->x == x && t->y == y) || (t->x == y && t->y == x)) {
            t->factor += factor;
            return;
        }
    }
    s->terms[s->used++] = (term){factor, x, y};
}

/* The sum of the terms, those of one factor together. */
static int32_t sum_of_terms(series *s)
{
    mg_graph *g = s->g;
    int32_t sum = MG_NONE;

    for (int32_t i = 0, same; i < s->used; i += same) {
        const double factor = s->terms[i].factor;
        int32_t part = MG_NONE;
        same = 0;
        for (int32_t j = i; j < s->used; j++) {
            const term t = s->terms[j];
            if (j != i && t.factor != factor)
                continue;
            s->terms[j] = s->terms[i + same]; /* the others move on */
            same++;
            const int32_t x = t.x == MG_NONE ? mg_graph_constant(g, 1.0) : t.x;
            part = mg_plus(g, part, t.y == MG_NONE ? x : mg_times(g, x, t.y));
        }
        sum = mg_plus(g, sum, mg_times(g, part, mg_graph_constant(g, factor)));
    }
    s->used = 0;
    return sum;
}

/* Order k of node z, whose lower orders are known; UNKNOWN: something else is found first. */
static int32_t derivative(series *s, int32_t z, int32_t k)
{
    mg_graph *g = s->g;
    const mg_expr e = g->nodes[z];
    const int skips = e.op < MG_OPS ? mg_skips_x[e.op] : 0;
    const int32_t last = k > 1 ? found(s, z, k - 1) : z;
    int32_t sum = MG_NONE;

    if (last == MG_NONE || g->nodes[last].op == MG_P_CONST)
        return MG_NONE;
    for (int32_t j = skips ? 1 : 0; j < e.n; j++) {
        const int32_t x = mg_operands(g, z)[j];
        if (!is_known(s, x, k))
            return UNKNOWN;
        if (skips)
            return skips == MG_IS_INSTEAD || mg_is_zero(g, found(s, x, k))
                       ? found(s, x, k)
                       : mg_graph_add(g, e.op, (int32_t[]){mg_operands(g, z)[0], found(s, x, k)}, 2, 0.0);
    }
    s->used = 0;
    for (int32_t j = 0; j < e.n && !g->failed; j++) {
        const int32_t x = mg_operands(g, z)[j];
        if (!mg_is_zero(g, found(s, x, 1))) {
            const int32_t local = mg_local(g, z, j);
            if (local == MG_NONE) {
                s->unreadable = true;
                return MG_NONE;
            }
            if (!is_known(s, local, k - 1))
                return UNKNOWN;
            double choose = 1.0; /* C(k-1, i) */
            for (int32_t i = 0; i < k; i++) {
                add_term(s, choose, found(s, x, i + 1), found(s, local, k - 1 - i));
                choose = choose * (k - 1 - i) / (i + 1);
            }
        }
        if (j == e.n - 1 || mg_is_nary(e.op) || (e.op == MG_P_PRODUCTS && j % 2 == 0))
            sum = mg_plus(g, sum, sum_of_terms(s));
    }
    return sum;
}

static void find(series *s, int32_t y)
{
    is_known(s, y, s->order);
    while (s->top > 0 && !s->g->failed && !s->unreadable) {
        const int32_t z = s->todo[s->top - 1].z, k = s->todo[s->top - 1].k;
        if (k > 1 && !is_known(s, z, k - 1))
            continue;
        const int32_t node = derivative(s, z, k);
        if (node == UNKNOWN)
            continue;
        set(s, z, k, node);
        s->top--;
    }
}

int32_t mg_graph_series(const mg_graph *from, mg_graph *to, int32_t by, int32_t order)
{
    series s = {.g = to, .by = by, .order = order};
    int32_t status = mg_graph_copy(to, from, from->batched, from->input_count);

    s.terms = mg_allocate(NULL, 2 * (size_t)order * sizeof *s.terms);
    to->outputs = mg_allocate(NULL, 2 * sizeof *to->outputs);
    if (status == MG_OK && s.terms && to->outputs) {
        for (int32_t k = 1; by != MG_NONE && k <= order; k++)
            set(&s, by, k, k == 1 ? mg_graph_constant(to, 1.0) : MG_NONE);
        if (by != MG_NONE)
            find(&s, from->outputs[0]);
        for (int32_t i = 0; i < 2 && !to->failed && !s.unreadable; i++) {
            const int32_t node = by == MG_NONE ? MG_NONE : found(&s, from->outputs[0], order - 1 + i);
            to->outputs[i] = node == MG_NONE ? mg_graph_constant(to, 0.0) : node;
        }
        to->output_count = 2;
        status = to->failed ? MG_ENOMEM : s.unreadable ? MG_EARGUMENT : MG_OK;
    } else {
        status = MG_ENOMEM;
    }
    free(s.of);
    free(s.todo);
    free(s.terms);
    return status;
}
