/* guard.c - where gradients of a graph come from: nothing goes through the branch that a CHOICE does not take.
 *
 *     z = when(c, y):  y.grad += z.grad  in the lanes where c holds, elsewhere nothing
 *
 * Nothing is more than a gradient of 0: below y, 0 times an infinite derivative is nan, and that nan would reach
 * whatever y was computed from. Eager code does not visit what is below a y that was not chosen. A program visits
 * every node, for all lanes at once, so a node below a choice gets a *guard*: a column that is 1 in the lanes where
 * a gradient arrives at the node, and else 0.
 *
 *  1. The outputs are reached in all lanes. A node is reached where one of its readers is reached and passes on what
 *     it gets: a CHOICE where it chose, any other op always. A CHOICE and an INSTEAD pass nothing to x.
 *  2. So the guard of a node is the OR over its readers of: the reader's guard, or of a CHOICE op(c, reader's guard).
 *     These are ordinary nodes of the graph, of the table's own ops, and stand behind all others.
 *  3. A node with one reader that is reached in all lanes needs no guard. One that both sides of a where() read, and
 *     nobody else, is reached wherever the where() is.
 *     The x of a CHOICE or an INSTEAD, and what nobody else reads below it, is reached nowhere: it has no backward.
 *  4. In the lanes where the guard is 0 the gradient of a node is 0, and stays 0: what its backward makes there is
 *     dropped, so that 0 * inf goes nowhere. In the others all rules are IEEE's.
 *  5. The gradient of a uniform value is a sum over lanes. With a guard that varies it passes nothing on where no
 *     lane of any sample was reached: MG_P_ANY counts them.
 *
 * A program without one of these has no guard, and all of this costs it nothing.
 */
#include "code.h"

enum { UNREACHED = MG_NOWHERE, ALWAYS = MG_NONE };

static bool chooses(const mg_graph *g, int32_t node)
{
    return g->nodes[node].op < MG_OPS && mg_skips_x[g->nodes[node].op] == MG_IS_CHOICE;
}

static bool skips_x(const mg_graph *g, int32_t node)
{
    return g->nodes[node].op < MG_OPS && mg_skips_x[g->nodes[node].op];
}

/* A node of the graph as a guard. */
static int32_t guard_of(const mg_graph *g, int32_t node)
{
    return g->nodes[node].op == MG_P_CONST ? ALWAYS : node;
}

/* What a reader with this guard passes on to the operand that it chooses. It is no number, since no CHOICE of a graph
 * has a number as its condition: mg_graph_add finds a simpler node. */
static int32_t chosen(mg_graph *g, int32_t reader, int32_t guard)
{
    const int op = g->nodes[reader].op, condition = mg_operands(g, reader)[0];
    const int32_t node = guard == ALWAYS ? mg_graph_constant(g, 1.0) : guard;

    return mg_graph_add(g, op, (int32_t[]){condition, node}, 2, 0.0);
}

/* Does p hold wherever q does? q is p with choices on top. */
static bool holds_within(const mg_graph *g, int32_t p, int32_t q)
{
    while (q != p && q != ALWAYS && chooses(g, q))
        q = guard_of(g, mg_operands(g, q)[1]);
    return q == p;
}

static int32_t either(mg_graph *g, int32_t p, int32_t q)
{
    if (p == UNREACHED)
        return q;
    if (p == ALWAYS || q == ALWAYS)
        return ALWAYS;
    if (holds_within(g, p, q))
        return p;
    if (holds_within(g, q, p))
        return q;
    if (chooses(g, p) && chooses(g, q) && g->nodes[p].op != g->nodes[q].op && /* when and unless */
        memcmp(mg_operands(g, p), mg_operands(g, q), 2 * sizeof(int32_t)) == 0)
        return guard_of(g, mg_operands(g, p)[1]);
    return mg_graph_add(g, MG_MAXIMUM, (int32_t[]){p < q ? p : q, p < q ? q : p}, 2, 0.0);
}

/* Is the derivative a number that is never nan nor infinite? */
static bool is_plain(const char *derivative)
{
    return strcmp(derivative, "1") == 0 || strcmp(derivative, "-1") == 0 || strcmp(derivative, "0") == 0 ||
           !*derivative;
}

/* Can the backward of a node make anything but 0 of a gradient of 0? */
static bool can_make_nan(const mg_graph *g, int32_t node)
{
    const mg_expr *e = &g->nodes[node];

    if (e->op == MG_P_LINEAR)
        return true;
    if (e->op == MG_P_PRODUCTS) {
        for (int32_t i = 2; i < e->n; i += 2)
            if (mg_operands(g, node)[i] != MG_NONE)
                return true;
        return false;
    }
    if (e->op >= MG_OPS || mg_skips_x[e->op])
        return false;
    for (int i = 0; i < 2 && e->op == MG_MUL; i++) { /* by a constant, which takes no gradient itself */
        const mg_expr *factor = &g->nodes[mg_operands(g, node)[i]];
        if (factor->op == MG_P_CONST && isfinite(mg_number(g, factor)))
            return false;
    }
    return !is_plain(mg_op_row(e->op)->dx) || !is_plain(mg_op_row(e->op)->dy);
}

/* Of the nodes behind `count`, those that no guard is computed from are dead. */
static void find_dead(mg_graph *g, int32_t count)
{
    for (int32_t i = count; i < g->count; i++)
        g->nodes[i].dead = true;
    for (int32_t i = 0; i < count; i++)
        if (g->nodes[i].guard >= count)
            g->nodes[g->nodes[i].guard].dead = false;
    for (int32_t i = g->count - 1; i >= count; i--)
        for (int32_t j = 0; !g->nodes[i].dead && j < g->nodes[i].n; j++)
            g->nodes[mg_operands(g, i)[j]].dead = false;
}

void mg_graph_find_guards(mg_graph *g, const int32_t *nodes, int32_t count, const bool *wanted,
                          const int32_t *outputs, int32_t n)
{
    bool any = false;

    for (int32_t at = 0; at < count; at++) {
        const int32_t i = nodes ? nodes[at] : at;
        g->nodes[i].guard = UNREACHED;
        any |= skips_x(g, i);
    }
    for (int32_t i = 0; i < n; i++)
        g->nodes[outputs[i]].guard = ALWAYS;
    for (int32_t at = 0; at < count && any && !g->failed; at++) {
        const int32_t i = nodes ? nodes[at] : count - 1 - at, guard = g->nodes[i].guard;
        for (int32_t j = skips_x(g, i); j < g->nodes[i].n && guard != UNREACHED; j++) {
            const int32_t operand = mg_operands(g, i)[j];
            if (operand == MG_NONE || (nodes && !wanted[operand]))
                continue;
            const int32_t passed = chooses(g, i) ? chosen(g, i, guard) : guard;
            const int32_t both = either(g, g->nodes[operand].guard, passed);
            g->nodes[operand].guard = both;
        }
    }
    for (int32_t at = 0; at < count; at++) {
        mg_expr *e = &g->nodes[nodes ? nodes[at] : at];
        if (!any || (e->guard != UNREACHED && !can_make_nan(g, (int32_t)(e - g->nodes))))
            e->guard = ALWAYS;
    }
}

int32_t mg_graph_guard(mg_graph *g)
{
    g->guards = g->count;
    mg_graph_find_guards(g, NULL, g->count, NULL, g->outputs, g->output_count);
    find_dead(g, g->guards);
    return g->failed ? MG_ENOMEM : MG_OK;
}
