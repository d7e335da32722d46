/* Nodes of a graph, each once. */
#include "graphs.h"

TEST(equal_nodes_are_one_node)
{
    mg_graph g = new_graph(2, 1, 1);
    const int32_t x = input(&g, 0), y = input(&g, 1), p = parameter(&g, 0);

    CHECK_INT(input(&g, 0), x);
    CHECK(x != y && x != p);
    CHECK_INT(two(&g, MG_MUL, x, p), two(&g, MG_MUL, p, x));
    CHECK(two(&g, MG_SUB, x, p) != two(&g, MG_SUB, p, x));
    CHECK_INT(number(&g, 2.5), number(&g, 2.5));
    CHECK(number(&g, 0.0) != number(&g, -0.0));
    CHECK_INT(number(&g, NAN), number(&g, NAN));
    CHECK_INT(mg_graph_add(&g, MG_POW, &x, 1, 3.0), mg_graph_add(&g, MG_POW, &x, 1, 3.0));
    CHECK(mg_graph_add(&g, MG_POW, &x, 1, 3.0) != mg_graph_add(&g, MG_POW, &x, 1, 4.0));
    const int32_t power = mg_graph_add(&g, MG_POW, &x, 1, 4.0);
    CHECK_REAL(mg_number(&g, &g.nodes[power]), 4.0);
    mg_graph_free(&g);
}

TEST(what_depends_on_a_batch_is_varying)
{
    const int8_t batched[] = {1, 0};
    mg_graph g;

    CHECK_INT(mg_graph_init(&g, batched, 2, 1), MG_OK);
    const int32_t x = input(&g, 0), n = input(&g, 1), p = parameter(&g, 0);
    CHECK(g.nodes[x].varying && !g.nodes[n].varying && !g.nodes[p].varying);
    const int32_t varying = two(&g, MG_ADD, x, n), uniform = two(&g, MG_ADD, n, p);
    CHECK(g.nodes[varying].varying && !g.nodes[uniform].varying);
    mg_graph_free(&g);
}

TEST(constants_are_folded_and_neutral_numbers_go)
{
    mg_graph g = new_graph(1, 0, 1);
    const int32_t x = input(&g, 0);

    CHECK_INT(two(&g, MG_MUL, number(&g, 2.0), number(&g, 3.0)), number(&g, 6.0));
    CHECK_INT(one(&g, MG_NEG, number(&g, 2.0)), number(&g, -2.0));
    CHECK_INT(two(&g, MG_SUB, number(&g, 2.0), x), two(&g, MG_SUB, number(&g, 2.0), x)); /* no number */
    CHECK_INT(two(&g, MG_TRUEDIV, number(&g, 1.0), number(&g, 0.0)), number(&g, INFINITY));
    CHECK_INT(two(&g, MG_MUL, x, number(&g, 1.0)), x);
    CHECK_INT(two(&g, MG_ADD, number(&g, -0.0), x), x);
    CHECK_INT(two(&g, MG_SUB, x, number(&g, 0.0)), x);
    CHECK(two(&g, MG_ADD, number(&g, 0.0), x) != x); /* of x = -0.0 they are 0.0 */
    CHECK(two(&g, MG_SUB, x, number(&g, -0.0)) != x);
    CHECK_INT(two(&g, MG_TRUEDIV, x, number(&g, 1.0)), x);
    CHECK_INT(mg_graph_add(&g, MG_POW, &x, 1, 1.0), x);
    CHECK_INT(two(&g, MG_WHEN, number(&g, 1.0), x), x);
    CHECK_INT(two(&g, MG_UNLESS, number(&g, 1.0), x), number(&g, -0.0));
    mg_graph_free(&g);
}

TEST(multiples_of_multiples_are_one_node_where_that_rounds_as_before)
{
    mg_graph g = new_graph(1, 0, 1);
    const int32_t x = input(&g, 0), minus = one(&g, MG_NEG, x), twice = two(&g, MG_ADD, x, x);
    const int32_t thrice = two(&g, MG_MUL, x, number(&g, 3.0));

    CHECK_INT(one(&g, MG_NEG, minus), x);
    CHECK_INT(one(&g, MG_NEG, thrice), two(&g, MG_MUL, number(&g, -3.0), x));
    CHECK_INT(one(&g, MG_NEG, twice), two(&g, MG_MUL, x, number(&g, -2.0)));
    CHECK_INT(two(&g, MG_ADD, thrice, thrice), two(&g, MG_MUL, x, number(&g, 6.0)));
    CHECK_INT(two(&g, MG_MUL, number(&g, 4.0), thrice), two(&g, MG_MUL, x, number(&g, 12.0)));
    CHECK_INT(two(&g, MG_MUL, twice, number(&g, 0.1)), two(&g, MG_MUL, x, number(&g, 0.2)));
    CHECK_INT(two(&g, MG_MUL, minus, number(&g, 0.1)), two(&g, MG_MUL, x, number(&g, -0.1)));
    CHECK_INT(two(&g, MG_MUL, two(&g, MG_MUL, x, number(&g, 0.5)), number(&g, 2.0)), x);
    const int32_t inexact = two(&g, MG_MUL, thrice, number(&g, 0.1));
    CHECK(inexact != two(&g, MG_MUL, x, number(&g, 0.1 * 3.0)));                     /* rounds twice */
    CHECK_INT(mg_operands(&g, two(&g, MG_MUL, thrice, number(&g, 0.5)))[0], thrice); /* 0.5 may lose digits */
    const int32_t large = two(&g, MG_MUL, x, number(&g, 0x1p1023));
    CHECK_INT(g.nodes[two(&g, MG_ADD, large, large)].op, MG_ADD); /* no infinite factor */
    mg_graph_free(&g);
}

TEST(a_graph_of_many_nodes_finds_them_all_again)
{
    enum { MANY = 5000 };
    static int32_t nodes[MANY];
    mg_graph g = new_graph(1, MANY, 1);
    const int32_t x = input(&g, 0);

    for (int32_t i = 0; i < MANY; i++)
        nodes[i] = two(&g, MG_MUL, parameter(&g, i), x);
    for (int32_t i = 0; i < MANY; i++)
        CHECK_INT(two(&g, MG_MUL, x, parameter(&g, i)), nodes[i]);
    CHECK_INT(g.count, 2 * MANY + 1);
    mg_graph_free(&g);
}

TEST(without_memory_a_graph_says_that_it_failed)
{
    for (int64_t at = 0, failed = 1; failed; at++) {
        mg_graph g;
        mg_test_allocations = 0;
        mg_test_fail_at = at;
        failed = mg_graph_init(&g, (int8_t[]){1}, 1, 1) != MG_OK;
        for (int32_t i = 0; i < 1000 && !failed; i++)
            (void)two(&g, MG_MUL, input(&g, 0), number(&g, i + 0.5));
        mg_test_fail_at = -1;
        failed |= g.failed;
        CHECK(failed || g.count == 2001);
        mg_graph_free(&g);
        CHECK(at < 100);
    }
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(equal_nodes_are_one_node);
    RUN(what_depends_on_a_batch_is_varying);
    RUN(constants_are_folded_and_neutral_numbers_go);
    RUN(multiples_of_multiples_are_one_node_where_that_rounds_as_before);
    RUN(a_graph_of_many_nodes_finds_them_all_again);
    RUN(without_memory_a_graph_says_that_it_failed);
    return 0;
}
