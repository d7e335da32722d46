/* The same outputs from fewer nodes, and where their gradients go. */
#include "graphs.h"

static mg_graph optimised(mg_graph *from)
{
    mg_graph to;

    CHECK_INT(mg_graph_optimise(from, &to), MG_OK);
    mg_graph_free(from);
    return to;
}

TEST(sums_of_products_become_dot_products)
{
    mg_graph g = new_graph(3, 4, 1);
    int32_t sum = parameter(&g, 3);

    for (int32_t i = 0; i < 3; i++)
        sum = two(&g, MG_ADD, sum, two(&g, MG_MUL, parameter(&g, i), input(&g, i)));
    g.outputs[0] = sum;
    mg_graph to = optimised(&g);
    const mg_expr *e = &to.nodes[to.outputs[0]];
    CHECK_INT(e->op, MG_P_LINEAR);
    CHECK_INT(e->n, 7);
    CHECK_INT(mg_operands(&to, to.outputs[0])[0], parameter(&to, 3));
    for (int32_t i = 0; i < 3; i++) {
        CHECK_INT(mg_operands(&to, to.outputs[0])[1 + 2 * i], parameter(&to, i));
        CHECK_INT(mg_operands(&to, to.outputs[0])[2 + 2 * i], input(&to, i));
    }
    CHECK_INT(to.parameter_count, 4);
    mg_graph_free(&to);
}

TEST(a_sum_that_is_read_twice_stays_a_node)
{
    mg_graph g = new_graph(4, 0, 2);
    const int32_t inner = two(&g, MG_ADD, two(&g, MG_ADD, input(&g, 0), input(&g, 1)), input(&g, 2));

    g.outputs[0] = two(&g, MG_ADD, inner, input(&g, 3));
    g.outputs[1] = one(&g, MG_TANH, inner);
    mg_graph to = optimised(&g);
    CHECK_INT(count_of(&to, MG_P_PRODUCTS), 1);
    CHECK_INT(to.nodes[to.outputs[0]].op, MG_ADD);
    mg_graph_free(&to);
}

TEST(what_no_output_needs_goes)
{
    mg_graph g = new_graph(2, 1, 1);

    (void)one(&g, MG_EXP, two(&g, MG_MUL, input(&g, 1), parameter(&g, 0)));
    g.outputs[0] = one(&g, MG_TANH, input(&g, 0));
    mg_graph to = optimised(&g);
    CHECK_INT(to.count, 2);
    CHECK_INT(to.input_count, 2);
    CHECK_INT(to.parameter_count, 1);
    mg_graph_free(&to);
}

TEST(a_branch_has_a_guard_and_what_both_read_has_none)
{
    mg_graph g = new_graph(2, 0, 1);
    const int32_t c = two(&g, MG_GREATER, input(&g, 0), number(&g, 0.0)), x = one(&g, MG_SINH, input(&g, 1));
    const int32_t root = one(&g, MG_SQRT, x), log = one(&g, MG_LOG, x);

    g.outputs[0] = two(&g, MG_ADD, two(&g, MG_WHEN, c, root), two(&g, MG_UNLESS, c, log));
    const int32_t count = g.count;
    CHECK_INT(mg_graph_guard(&g), MG_OK);
    CHECK_INT(g.guards, count);
    CHECK_INT(g.nodes[g.nodes[root].guard].op, MG_WHEN);
    CHECK_INT(g.nodes[g.nodes[log].guard].op, MG_UNLESS);
    CHECK_INT(g.nodes[x].guard, MG_NONE);
    CHECK_INT(g.nodes[c].guard, MG_NOWHERE);
    mg_graph_free(&g);
}

TEST(a_sum_of_nothing_is_the_number_0)
{
    mg_graph g = new_graph(1, 0, 1);
    const int32_t nothing = MG_NONE;

    g.outputs[0] = two(&g, MG_MUL, mg_graph_add(&g, MG_P_PRODUCTS, &nothing, 1, 0.0), input(&g, 0));
    mg_graph to = optimised(&g);
    const int32_t *args = mg_operands(&to, to.outputs[0]);
    const int32_t zero = to.nodes[args[0]].op == MG_P_CONST ? args[0] : args[1];
    CHECK_INT(to.nodes[to.outputs[0]].op, MG_MUL); /* x may be nan */
    CHECK_REAL(mg_number(&to, &to.nodes[zero]), 0.0);
    mg_graph_free(&to);
}

/* b + w x, in either order, is a neuron; w and y that vary, or two products, are plain sums. */
TEST(a_neuron_of_one_input_is_a_layer_and_other_short_sums_are_not)
{
    for (int32_t form = 0; form < 7; form++) {
        mg_graph g = new_graph(2, 3, 1);
        const int32_t w = parameter(&g, 0), b = parameter(&g, 1), x = input(&g, 0), y = input(&g, 1);
        const int32_t wx = two(&g, MG_MUL, w, x);
        const int32_t other[] = {b,
                                 b,
                                 y,
                                 two(&g, MG_MUL, b, y),
                                 two(&g, MG_MUL, b, parameter(&g, 2)),
                                 y,
                                 two(&g, MG_MUL, b, parameter(&g, 2))};
        g.outputs[0] =
            form == 1 || form > 4 ? two(&g, MG_ADD, other[form], wx) : two(&g, MG_ADD, wx, other[form]);
        mg_graph to = optimised(&g);
        check_note("form %d", form);
        CHECK_INT(to.nodes[to.outputs[0]].op, form < 2 ? MG_P_LINEAR : MG_ADD);
        mg_graph_free(&to);
    }
}

/* when(c, sqrt(e)) + when(c, when(d, log(e))): e is needed wherever c holds, whichever of its readers comes first. */
TEST(what_a_branch_and_one_within_it_read_has_the_guard_of_the_outer_one)
{
    for (int32_t first = 0; first < 2; first++) {
        mg_graph g = new_graph(3, 0, 1);
        const int32_t c = input(&g, 1), d = input(&g, 2), e = one(&g, MG_EXP, input(&g, 0));
        int32_t outer = MG_NONE, branch = MG_NONE, log = MG_NONE, nested = MG_NONE;
        for (int32_t i = 0; i < 2; i++)
            if (i == first) {
                outer = one(&g, MG_SQRT, e);
                branch = two(&g, MG_WHEN, c, outer);
            } else {
                log = one(&g, MG_LOG, e);
                nested = two(&g, MG_WHEN, c, two(&g, MG_WHEN, d, log));
            }
        g.outputs[0] = two(&g, MG_ADD, branch, nested);
        CHECK_INT(mg_graph_guard(&g), MG_OK);
        check_note("first %d", first);
        CHECK(g.nodes[outer].guard >= 0 && g.nodes[log].guard >= 0);
        CHECK_INT(g.nodes[e].guard, g.nodes[outer].guard);
        CHECK(g.nodes[log].guard != g.nodes[outer].guard);
        mg_graph_free(&g);
    }
}

TEST(a_graph_without_a_choice_has_no_guard)
{
    mg_graph g = new_graph(1, 0, 1);

    g.outputs[0] = one(&g, MG_SQRT, one(&g, MG_SINH, input(&g, 0)));
    const int32_t count = g.count;
    CHECK_INT(mg_graph_guard(&g), MG_OK);
    CHECK_INT(g.count, count);
    for (int32_t i = 0; i < count; i++)
        CHECK_INT(g.nodes[i].guard, MG_NONE);
    mg_graph_free(&g);
}

/* A sum of all sorts of terms, and branches within branches. */
TEST(without_memory_there_is_no_better_graph)
{
    for (int64_t at = 0, failed = 1; failed; at++) {
        mg_graph g = new_graph(3, 3, 1), to;
        const int32_t x = input(&g, 0), y = input(&g, 1), c = input(&g, 2);
        int32_t sum = two(&g, MG_MUL, x, y);
        for (int32_t i = 0; i < 3; i++)
            sum = two(&g, MG_ADD, sum, two(&g, MG_MUL, parameter(&g, i), i == 1 ? y : x));
        const int32_t root = one(&g, MG_SQRT, one(&g, MG_SINH, sum));
        const int32_t branch = two(&g, MG_WHEN, c, two(&g, MG_WHEN, x, root));
        g.outputs[0] = two(&g, MG_ADD, branch, two(&g, MG_UNLESS, y, one(&g, MG_LOG, root)));
        mg_test_allocations = 0;
        mg_test_fail_at = at;
        const int32_t status = mg_graph_optimise(&g, &to);
        const int32_t guarded = status == MG_OK ? mg_graph_guard(&to) : status;
        mg_test_fail_at = -1;
        CHECK(guarded == MG_OK || guarded == MG_ENOMEM);
        failed = guarded != MG_OK;
        mg_graph_free(&g);
        mg_graph_free(&to);
    }
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(sums_of_products_become_dot_products);
    RUN(a_sum_that_is_read_twice_stays_a_node);
    RUN(what_no_output_needs_goes);
    RUN(a_branch_has_a_guard_and_what_both_read_has_none);
    RUN(a_sum_of_nothing_is_the_number_0);
    RUN(a_neuron_of_one_input_is_a_layer_and_other_short_sums_are_not);
    RUN(what_a_branch_and_one_within_it_read_has_the_guard_of_the_outer_one);
    RUN(a_graph_without_a_choice_has_no_guard);
    RUN(without_memory_there_is_no_better_graph);
    return 0;
}
