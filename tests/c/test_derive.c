/* Derivatives of graphs as graphs: their structure. Their values are compared in tests/test_program_derivatives.py. */
#include "graphs.h"

enum { TERMS = 5 };

static mg_graph derived(const mg_graph *f, int32_t way, int32_t n, const mg_entry *known, mg_entry **entries)
{
    static const int32_t wanted[] = {0, 1, 2, 3, 4, 5};
    mg_graph g;

    CHECK_INT(mg_graph_derive(f, &g, way, wanted, n, known, entries), MG_OK);
    return g;
}

/* sum of (x[i+1] - x[i] * x[i]) * (x[i+1] - x[i] * x[i]), whose Hessian has three diagonals. */
static mg_graph chain(void)
{
    mg_graph g = new_graph(TERMS + 1, 0, 1);
    int32_t x[TERMS + 1], sum = number(&g, 0.0);

    for (int32_t i = 0; i <= TERMS; i++)
        x[i] = input(&g, i);
    for (int32_t i = 0; i < TERMS; i++) {
        const int32_t d = two(&g, MG_SUB, x[i + 1], two(&g, MG_MUL, x[i], x[i]));
        sum = two(&g, MG_ADD, sum, two(&g, MG_MUL, d, d));
    }
    g.outputs[0] = sum;
    return g;
}

TEST(a_hessian_has_the_entries_that_are_not_known_to_be_0_and_half_of_them)
{
    mg_entry *first, *second;
    mg_graph f = chain();
    mg_graph gradient = derived(&f, MG_JACOBIAN, TERMS + 1, NULL, &first);
    mg_graph hessian = derived(&gradient, MG_SYMMETRIC, TERMS + 1, first, &second);

    CHECK_INT(gradient.output_count, TERMS + 1);
    CHECK_INT(hessian.output_count, 2 * TERMS + 1);
    for (int32_t i = 0; i < hessian.output_count; i++) {
        const int32_t row = second[i].row, column = second[i].column;
        CHECK(column == row || column == row - 1);
    }
    mg_graph_free(&f);
    mg_graph_free(&gradient);
    mg_graph_free(&hessian);
    free(first);
    free(second);
}

TEST(what_is_known_to_be_0_is_no_entry)
{
    mg_graph f = new_graph(4, 1, 2);
    mg_entry *entries;
    const int32_t p = parameter(&f, 0);

    for (int32_t i = 0; i < 4; i++)
        input(&f, i);
    /* f0 = p * x0 + (x1 < x0),  f1 = x2 without a gradient */
    f.outputs[0] =
        two(&f, MG_ADD, two(&f, MG_MUL, p, input(&f, 0)), two(&f, MG_LESS, input(&f, 1), input(&f, 0)));
    f.outputs[1] = two(&f, MG_INSTEAD, input(&f, 2), number(&f, 0.0));
    for (int32_t by_rows = 0; by_rows < 2; by_rows++) {
        mg_graph g = derived(&f, MG_JACOBIAN, by_rows ? 4 : 1, NULL, &entries);
        CHECK_INT(g.output_count, 1);
        CHECK_INT(entries[0].row, 0);
        CHECK_INT(entries[0].column, 0);
        CHECK_INT(g.outputs[0], p); /* nothing was computed */
        mg_graph_free(&g);
        free(entries);
    }
    mg_graph_free(&f);
}

TEST(value_and_derivatives_share_their_parts)
{
    mg_graph f = new_graph(1, 0, 1), g;
    mg_entry *entries;

    f.outputs[0] = one(&f, MG_EXP, one(&f, MG_SIN, input(&f, 0)));
    g = derived(&f, MG_REVERSE, 1, NULL, &entries);
    CHECK_INT(g.output_count, 2);
    CHECK_INT(g.outputs[0], f.outputs[0]);
    CHECK_INT(g.input_count, 2);
    CHECK_INT(count_of(&g, MG_EXP), 1);
    CHECK_INT(count_of(&g, MG_SIN), 1);
    CHECK_INT(count_of(&g, MG_COS), 1);
    mg_graph_free(&f);
    mg_graph_free(&g);
    free(entries);
}

/* where(x0 > 0, sqrt(x0), x1) over the arena. */
static mg_program *root_program(void)
{
    const int8_t batched[] = {1, 0};
    int32_t status, culprit;
    const int32_t marker = leaf(0.0), x[] = {leaf(NAN), leaf(NAN)};
    const int32_t c = made(mg_binary(MG_GREATER, x[0], leaf(0.0)));
    const int32_t a = made(mg_binary(MG_WHEN, c, made(mg_unary(MG_SQRT, x[0]))));
    const int32_t root = made(mg_binary(MG_ADD, a, made(mg_binary(MG_UNLESS, c, x[1]))));
    mg_program *p = mg_program_new(marker, x, batched, 2, &root, 1, &status, &culprit);

    CHECK_INT(status, MG_OK);
    return p;
}

TEST(without_memory_nothing_is_derived_and_nothing_is_lost)
{
    mg_program *f = root_program(), *g = NULL;
    const int32_t wanted[] = {0, 1};
    int32_t status;

    for (int32_t way = MG_JACOBIAN; way <= MG_REVERSE; way++) {
        mg_program *from = f;
        if (way == MG_SYMMETRIC)
            CHECK((from = mg_program_derive(f, MG_JACOBIAN, wanted, 2, &status)) != NULL);
        for (int32_t fail_at = 0; !g; fail_at++) {
            mg_test_allocations = 0;
            mg_test_fail_at = fail_at;
            g = mg_program_derive(from, way, wanted, 2, &status);
            mg_test_fail_at = -1;
            CHECK_INT(status, g ? MG_OK : MG_ENOMEM);
            CHECK(g || mg_test_allocations > fail_at);
            CHECK(g || fail_at < 1000);
        }
        mg_program_free(g);
        g = NULL;
        if (from != f)
            mg_program_free(from);
    }
    mg_program_free(f);
}

TEST(nodes_are_derived_as_they_are)
{
    const int32_t x = leaf(3.0), two = made(mg_leaf(2.0));
    const int32_t a = made(mg_binary(MG_MUL, x, x)), b = made(mg_binary(MG_MUL, x, x));
    const int32_t y = made(mg_binary(MG_MUL, made(mg_binary(MG_ADD, a, b)), two)), by[] = {a, b, x, two, y};
    const double slopes[] = {2.0, 2.0, 24.0, 18.0, 1.0};
    int32_t status, culprit;
    mg_derivatives *d = mg_derive(y, by, LENGTH(by), 1, &status, &culprit);

    CHECK_INT(status, MG_OK);
    for (int32_t i = 0; i < LENGTH(by); i++)
        CHECK_REAL(d->numbers[i], slopes[i]);
    CHECK_INT(d->code[0], two); /* no node is made of what is there */
    CHECK_INT(d->code[1], two);
    CHECK(d->code[2] < 0);
    mg_free_derivatives(d);
    CHECK_REAL(mg_grad(x), 0.0);
    CHECK(mg_derive(x + 1000, by, 1, 1, &status, &culprit) == NULL && status == MG_EHANDLE);
    CHECK(mg_derive(y, (const int32_t[]){x, x + 1000}, 2, 1, &status, &culprit) == NULL &&
          status == MG_EHANDLE);
}

TEST(a_node_that_only_python_can_derive_is_found_where_a_gradient_goes_through_it)
{
    const int32_t x = leaf(3.0), a = made(mg_unary(MG_EXP, x)), custom = made(mg_by_hand_over(a, -1, 5.0));
    const int32_t y = made(mg_binary(MG_MUL, custom, a));
    int32_t status, culprit = -1;

    CHECK(mg_derive(y, &x, 1, 1, &status, &culprit) == NULL);
    CHECK_INT(status, 1);
    CHECK_INT(culprit, custom);
    mg_derivatives *d = mg_derive(y, &custom, 1, 1, &status, &culprit);
    CHECK_INT(d->code[0], a);
    mg_free_derivatives(d);
    CHECK_INT(mg_set_python(a, 1), MG_OK);
    CHECK(mg_derive(a, &x, 1, 1, &status, &culprit) == NULL && status == 1 && culprit == a);
}

TEST(without_memory_no_node_is_derived)
{
    const int32_t x = leaf(3.0), w[] = {leaf(1.0), x}, v[] = {x, leaf(2.0)};
    const int32_t dot = made(mg_dot(w, v, 2, x, MG_GELU));
    const int32_t given = made(mg_by_hand(MG_NONE, v, 2, NULL, w, 7.0));
    const int32_t by[] = {x, dot}, y = made(mg_binary(MG_WHEN, x, made(mg_binary(MG_MUL, dot, given))));
    const mg_figures before = figures();
    int32_t status, culprit;

    for (int32_t order = 1; order <= 3; order++) {
        mg_derivatives *d = NULL;
        for (int32_t fail_at = 0; !d; fail_at++) {
            mg_test_allocations = 0;
            mg_test_fail_at = fail_at;
            d = mg_derive(y, by, order == 1 ? 2 : 1, order, &status, &culprit);
            mg_test_fail_at = -1;
            CHECK_INT(status, d ? MG_OK : MG_ENOMEM);
            CHECK(d || (mg_test_allocations > fail_at && fail_at < 1000));
            CHECK_INT(figures().live_nodes, before.live_nodes);
        }
        CHECK(order > 1 || d->numbers[1] == 7.0);
        mg_free_derivatives(d);
    }
}

int main(void)
{
    RUN(nodes_are_derived_as_they_are);
    RUN(a_node_that_only_python_can_derive_is_found_where_a_gradient_goes_through_it);
    RUN(without_memory_no_node_is_derived);
    RUN(a_hessian_has_the_entries_that_are_not_known_to_be_0_and_half_of_them);
    RUN(what_is_known_to_be_0_is_no_entry);
    RUN(value_and_derivatives_share_their_parts);
    RUN(without_memory_nothing_is_derived_and_nothing_is_lost);
    return 0;
}
