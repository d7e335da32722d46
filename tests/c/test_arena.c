/* Nodes and their memory: append, free, squeeze, grow, shrink, and what happens when there is no memory. */
#include "check.h"

/* ---- handles ---- */

TEST(a_new_leaf_has_its_data_and_no_gradient)
{
    const int32_t a = leaf(2.5);

    CHECK_REAL(mg_data(a), 2.5);
    CHECK_REAL(mg_grad(a), 0.0);
    CHECK_INT(op_of(a), MG_LEAF);
    CHECK_INT(figures().live_nodes, 1);
}

TEST(data_and_gradient_are_what_was_written)
{
    const int32_t a = leaf(1.0), b = leaf(2.0), both[] = {a, b};

    CHECK_INT(mg_set_data(a, -3.0), MG_OK);
    CHECK_INT(mg_set_grad(a, 7.0), MG_OK);
    CHECK_REAL(mg_data(a), -3.0);
    CHECK_REAL(mg_grad(a), 7.0);
    CHECK_INT(mg_set_grads(both, 2, 0.5, NULL), MG_OK);
    CHECK_REAL(mg_grad(a), 0.5);
    CHECK_REAL(mg_grad(b), 0.5);
}

TEST(leaves_stand_in_consecutive_rows)
{
    const double data[] = {1.0, 2.0, 3.0};
    int32_t out[3], rows[3];

    drop(leaf(0.0)); /* there is a free handle */
    CHECK_INT(mg_leaves(data, 3, out, false), MG_OK);
    CHECK_INT(mg_rows(out, 3, rows), MG_OK);
    for (int32_t i = 0; i < 3; i++) {
        CHECK_INT(rows[i], rows[0] + i);
        CHECK_REAL(mg_data(out[i]), data[i]);
    }
}

TEST(gradients_are_set_in_rows_that_were_consecutive_once)
{
    const double data[] = {1.0, 2.0, 3.0};
    int32_t v[3];
    int8_t consecutive = 0;

    CHECK_INT(mg_leaves(data, 3, v, false), MG_OK);
    for (int32_t k = 1; k < 4; k++) {
        CHECK_INT(mg_set_grads(v, 3, k, &consecutive), MG_OK);
        CHECK_INT(consecutive, 1);
        for (int32_t i = 0; i < 3; i++)
            CHECK_REAL(mg_grad(v[i]), k);
    }
    for (int32_t i = 1; i < 3; i++) { /* two rows move, each above that of another node */
        const int32_t other = leaf(9.0);
        CHECK_INT(mg_by_hand(v[i], &other, 1, NULL, NULL, 0.0), v[i]);
        CHECK_INT(mg_set_grads(v, 3, 4.0 + i, &consecutive), MG_OK);
        CHECK_INT(consecutive, 0);
        for (int32_t j = 0; j < 3; j++)
            CHECK_REAL(mg_grad(v[j]), 4.0 + i);
        CHECK_REAL(mg_grad(other), 0.0);
        consecutive = 1; /* what was noted before the move */
    }
}

TEST(a_handle_is_given_out_again_after_it_was_freed)
{
    const int32_t a = leaf(1.0), b = leaf(2.0);

    drop(a);
    CHECK_INT(leaf(3.0), a);
    CHECK_REAL(mg_data(a), 3.0);
    CHECK_REAL(mg_data(b), 2.0);
    CHECK(row_of(a) > row_of(b));
}

TEST(a_handle_that_names_no_node_is_refused_everywhere)
{
    const int32_t a = leaf(1.0), dead = leaf(2.0);
    const int32_t strangers[] = {dead, -1, MG_EHANDLE, INT32_MIN, INT32_MAX, 1000};
    mg_pause pause;
    mg_node node;
    int32_t row, out;

    drop(dead);
    for (int32_t i = 0; i < LENGTH(strangers); i++) {
        const int32_t s = strangers[i], pair[] = {a, s};
        const int32_t none = MG_NONE;
        const mg_layer layer = {1, &s, &a, &none, NULL};

        CHECK(isnan(mg_data(s)) && isnan(mg_grad(s)));
        CHECK_INT(mg_set_data(s, 1.0), MG_EHANDLE);
        CHECK_INT(mg_set_grad(s, 1.0), MG_EHANDLE);
        CHECK_INT(mg_set_grads(pair, 2, 5.0, NULL), MG_EHANDLE);
        CHECK_REAL(mg_grad(a), 0.0);
        CHECK_INT(mg_set_python(s, 1), MG_EHANDLE);
        CHECK_INT(mg_describe(s, &node), MG_EHANDLE);
        CHECK_INT(mg_rows(&s, 1, &row), MG_EHANDLE);
        CHECK_INT(mg_unary(MG_NEG, s), MG_EHANDLE);
        CHECK_INT(mg_unary_k(MG_POW, s, 2.0), MG_EHANDLE);
        CHECK_INT(mg_binary(MG_ADD, a, s), MG_EHANDLE);
        CHECK_INT(mg_binary(MG_ADD, s, a), MG_EHANDLE);
        CHECK_INT(mg_binary_number(MG_ADD, s, 1.0, 0), MG_EHANDLE);
        CHECK_INT(mg_nary(MG_SUM, pair, 2), MG_EHANDLE);
        CHECK_INT(mg_dot(&s, &a, 1, a, MG_NONE), MG_EHANDLE);
        CHECK_INT(mg_dot(&a, &s, 1, a, MG_NONE), MG_EHANDLE);
        CHECK_INT(mg_layers(&layer, 1, &a, 1, &out), MG_EHANDLE);
        if (s != MG_NONE)
            CHECK_INT(mg_dot(&a, &a, 1, s, MG_NONE), MG_EHANDLE);
        CHECK_INT(mg_restore(MG_ADD, pair, 2, NAN, MG_NONE, 0.0, 0.0), MG_EHANDLE);
        CHECK_INT(mg_backward(s, 1.0, &pause), MG_EHANDLE);
        CHECK_INT(mg_backward_node(s), MG_EHANDLE);
        CHECK_INT(mg_zero_grad(s), MG_EHANDLE);
        mg_free(&s, 1);
        CHECK_INT(figures().live_nodes, 1);
        CHECK_INT(figures().rows, 1);
        CHECK_INT(mg.pool_used, 0);
        check_arena();
    }
}

TEST(a_negative_count_is_refused)
{
    const int32_t a = leaf(1.0);
    const double data = 1.0;
    int32_t out;
    const mg_layer none = {0, NULL, NULL, NULL, NULL}, negative = {-1, NULL, NULL, NULL, NULL};

    CHECK_INT(mg_leaves(&data, -1, &out, false), MG_EARGUMENT);
    CHECK_INT(mg_nary(MG_SUM, &a, -1), MG_EARGUMENT);
    CHECK_INT(mg_nary(MG_SUM, &a, INT32_MIN), MG_EARGUMENT);
    CHECK_INT(mg_dot(&a, &a, -1, a, MG_NONE), MG_EARGUMENT);
    CHECK_INT(mg_layers(&none, 1, &a, -1, &out), MG_EARGUMENT);
    CHECK_INT(mg_layers(&negative, 1, &a, 1, &out), MG_EARGUMENT);
    CHECK_INT(mg_layers(&none, -1, &a, 1, &out), MG_EARGUMENT);
    CHECK_INT(mg_restore(MG_SUM, &a, -1, NAN, MG_NONE, 0.0, 0.0), MG_EARGUMENT);
    CHECK_INT(mg_rows(&a, -1, &out), MG_EARGUMENT);
    mg_free(&a, -1);
    CHECK_INT(figures().rows, 1);
}

TEST(more_nodes_than_a_handle_can_name_are_refused)
{
    const int32_t a = leaf(1.0);
    int32_t out;

    CHECK_INT(mg_leaves(NULL, INT32_MAX, &out, false), MG_ENOMEM); /* 1 + 2**31 - 1 */
    CHECK_INT(mg_nary(MG_SUM, NULL, INT32_MAX), MG_ENOMEM);
    CHECK_INT(mg_restore(MG_CUSTOM, NULL, INT32_MAX, NAN, MG_NONE, 0.0, 0.0), MG_ENOMEM);
    CHECK_INT(mg_dot(&a, &a, INT32_MAX, a, MG_NONE), MG_ENOMEM);
    CHECK_INT(figures().rows, 1);
}

TEST(as_many_as_a_handle_can_name_are_asked_for)
{
    const int32_t crossed[] = {leaf(1.0), leaf(2.0), leaf(3.0), leaf(4.0)};
    const int64_t rows = INT32_MAX - 4;

    drop(made(mg_nary(MG_SUM, (int32_t[]){crossed[2], crossed[1]}, 2)));
    const int32_t sum = made(mg_nary(MG_SUM, (int32_t[]){crossed[2], crossed[0]}, 2));
    const int64_t ints = INT32_MAX - mg.pool_used;
    for (int32_t more = 0; more < 2; more++)
        for (int32_t pool = 0; pool < 2; pool++) {
            mg_test_allocations = mg_test_fail_at = 0;
            CHECK_INT(mg_make_room(pool ? 0 : rows - 1 + more, pool ? ints + more : 0), MG_ENOMEM);
            mg_test_fail_at = -1;
            CHECK_INT(mg_test_allocations, !more); /* one more is refused without a look for memory */
            check_arena();
        }
    backward(sum);
    CHECK_REAL(mg_grad(crossed[2]), 1.0);
}

TEST(a_pool_that_can_not_grow_is_used_up_to_its_end)
{
    const int32_t x[] = {leaf(1.0), leaf(2.0)}, crossed[] = {x[1], x[0]};
    int32_t n = 0;

    drop(made(mg_nary(MG_SUM, crossed, 2)));
    const int64_t capacity = mg.pool_capacity;
    mg_test_allocations = mg_test_fail_at = 0;
    while (mg_nary(MG_SUM, crossed, 2) >= 0)
        n++;
    mg_test_fail_at = -1;
    CHECK(mg_test_allocations > 0 && mg.pool_capacity == capacity);
    CHECK_INT(n, capacity / (MG_LIST_HEAD + 2)); /* rows there are enough */
    CHECK(mg.rows < mg.capacity);
    drop(made(mg.handle[mg.rows - 1]));
    while (mg.rows < mg.capacity)
        leaf(0.0);
    mg_test_allocations = 0;
    mg_test_fail_at = 7; /* the columns and the map of handles grow, and the pool, nearly full, does not */
    leaf(0.0);
    mg_test_fail_at = -1;
    CHECK_INT(mg_test_allocations, 8);
    CHECK(mg.rows < mg.capacity && mg.pool_capacity == capacity);
}

TEST(rows_grow_alone_where_the_pool_has_room)
{
    static int32_t many[600];
    const int32_t x[] = {leaf(1.0), leaf(2.0)};

    drop(made(mg_nary(MG_SUM, (int32_t[]){x[1], x[0]}, 2)));
    const int64_t capacity = mg.capacity, pool = mg.pool_capacity;
    while (mg.rows < mg.capacity)
        leaf(0.0);
    for (int32_t i = 0; i < LENGTH(many); i++)
        many[i] = x[i % 2];
    CHECK_REAL(mg_data(made(mg_nary(MG_SUM, many, LENGTH(many)))), 900.0); /* more than half of the pool */
    CHECK(mg.capacity > capacity);
    CHECK_INT(mg.pool_capacity, pool);
}

TEST(the_map_of_handles_starts_again_when_no_node_is_alive)
{
    int32_t h[3] = {leaf(1.0), leaf(2.0), leaf(3.0)};

    mg_free(h, 3);
    CHECK_INT(mg.handles, 0);
    CHECK_INT(leaf(1.0), 0);
    CHECK(isnan(mg_data(h[2])));
}

/* ---- free ---- */

TEST(dead_rows_are_taken_off_the_top)
{
    const int32_t a = leaf(1.0), b = leaf(2.0), c = leaf(3.0);

    drop(b);
    CHECK_INT(figures().rows, 3); /* c stands on it */
    drop(c);
    CHECK_INT(figures().rows, 1);
    CHECK_REAL(mg_data(a), 1.0);
}

TEST(a_row_taken_off_the_top_gives_its_part_of_the_pool_back)
{
    const int32_t a = leaf(1.0), b = leaf(2.0), ba[] = {b, a};
    int64_t used[6];
    int32_t h[5];

    used[0] = mg.pool_used;
    h[0] = made(mg_unary_k(MG_POW, a, 2.0));
    used[1] = mg.pool_used;
    h[1] = made(mg_nary(MG_SUM, ba, 2));
    used[2] = mg.pool_used;
    h[2] = made(mg_dot(ba, ba, 2, a, MG_TANH));
    used[3] = mg.pool_used;
    h[3] = made(mg_restore(MG_CUSTOM, ba, 2, NAN, MG_NONE, 0.0, 0.0));
    used[4] = mg.pool_used;
    h[4] = made(mg_binary(MG_MUL, a, b));
    for (int32_t i = 4; i >= 0; i--) {
        drop(h[i]);
        CHECK_INT(mg.pool_used, used[i]);
    }
}

/* out = three neurons that read the inputs x0, x1 (not neighbours); all parameters of a neuron are `w[j]`. */
static void three_neurons(const int32_t x[2], const int32_t w[3], int32_t out[3])
{
    const int32_t weights[] = {w[0], w[0], w[1], w[1], w[2], w[2]};
    const int32_t activations[] = {MG_NONE, MG_NONE, MG_NONE};
    const mg_layer layer = {3, weights, w, activations, NULL};

    CHECK_INT(mg_layers(&layer, 1, x, 2, out), MG_OK);
}

TEST(the_list_that_neurons_share_stays_until_the_last_of_them_is_gone)
{
    const int32_t x[] = {leaf(2.0), leaf(1.0)}, w[] = {leaf(10.0), leaf(20.0), leaf(30.0)};
    const int32_t crossed[] = {x[1], x[0]};
    const int64_t used = mg.pool_used;
    int32_t out[3];

    three_neurons(crossed, w, out);
    drop(out[2]);
    drop(out[1]);
    const int32_t k = made(mg_unary_k(MG_POW, x[0], 3.0)); /* would overwrite a list given up too early */
    backward(out[0]);
    CHECK_REAL(mg_grad(x[0]), 10.0);
    CHECK_REAL(mg_grad(x[1]), 10.0);
    drop(k);
    drop(out[0]);
    CHECK_INT(mg.pool_used, used);
}

/* A neuron in the middle of a layer that lost a weight is a leaf after a squeeze; the others still share. */
TEST(the_shared_list_survives_a_neighbour_that_became_a_leaf)
{
    const int32_t x[] = {leaf(2.0), leaf(1.0)}, w[] = {leaf(10.0), leaf(20.0), leaf(30.0)};
    const int32_t crossed[] = {x[1], x[0]};
    int32_t out[3];

    three_neurons(crossed, w, out);
    drop(w[1]);
    squeeze_now();
    CHECK_INT(op_of(out[1]), MG_LEAF);
    CHECK_INT(op_of(out[2]), MG_DOT);
    drop(out[2]);
    const int32_t k[] = {made(mg_unary_k(MG_POW, x[0], 3.0)), made(mg_unary_k(MG_POW, x[0], 3.0))};
    backward(out[0]);
    CHECK_REAL(mg_grad(x[0]), 10.0);
    CHECK_REAL(mg_grad(x[1]), 10.0);
    CHECK_REAL(mg_grad(w[0]), 2.0 + 1.0 + 1.0);
    mg_free(k, 2);
}

/* ---- squeeze ---- */

TEST(squeeze_keeps_the_order_of_rows)
{
    int32_t h[100];

    for (int32_t i = 0; i < 100; i++)
        h[i] = leaf(i);
    for (int32_t i = 0; i < 100; i += 3)
        drop(h[i]);
    squeeze_now();
    CHECK_INT(figures().rows, 66);
    for (int32_t i = 0, row = 0; i < 100; i++)
        if (i % 3) {
            CHECK_INT(row_of(h[i]), row++);
            CHECK_REAL(mg_data(h[i]), i);
        }
}

/* A node of every shape over operands that a squeeze moves; the same gradients before and after. */
TEST(squeeze_renames_the_operands_of_every_shape)
{
    int32_t x[4], gap[4], out[12], all;
    double before[4];

    for (int32_t i = 0; i < 4; i++) {
        gap[i] = leaf(0.0);
        x[i] = leaf(0.5 + i);
    }
    const int32_t other_gap = made(mg_nary(MG_SUM, gap, 4)); /* a hole in the pool too */
    const double numbers[] = {3.0, 4.0, 5.0, 6.0};
    int32_t run[4];
    CHECK_INT(mg_leaves(numbers, 4, run, false), MG_OK);
    out[0] = made(mg_unary(MG_TANH, x[0]));
    out[1] = made(mg_unary_k(MG_POW, x[1], 3.0));
    out[2] = made(mg_binary(MG_MUL, x[2], x[3]));
    out[3] = made(mg_nary(MG_SUM, x, 4));
    out[4] = made(mg_nary(MG_SUM, run, 4));
    out[5] = made(mg_dot(x, run, 4, x[0], MG_TANH));
    out[6] = made(mg_dot(run, run, 4, MG_NONE, MG_NONE));
    out[7] = made(mg_restore(MG_CUSTOM, x, 4, NAN, MG_NONE, 1.0, 0.0));
    out[8] = made(mg_nary(MG_SUM, NULL, 0));
    out[9] = made(mg_by_hand(MG_NONE, x, 4, numbers, NULL, 1.0));
    out[10] = made(mg_by_hand(MG_NONE, run, 4, NULL, x, 1.0));
    out[11] = made(mg_by_hand(MG_NONE, x, 4, NULL, run, 1.0));
    all = made(mg_nary(MG_SUM, out, 12));
    backward(all);
    for (int32_t i = 0; i < 4; i++)
        before[i] = mg_grad(x[i]);

    mg_free(gap, 4);
    drop(other_gap);
    const uint64_t alive = digest();
    squeeze_now();
    CHECK(digest() == alive);
    check_arena();
    CHECK_INT(figures().rows, 4 + 4 + 12 + 1);
    CHECK_INT(mg_zero_grad(all), MG_OK);
    backward(all);
    for (int32_t i = 0; i < 4; i++)
        CHECK_REAL(mg_grad(x[i]), before[i]);
}

TEST(squeeze_slides_the_pool_together)
{
    const int32_t a = leaf(2.0), b = leaf(3.0), ba[] = {b, a};
    const int32_t first = made(mg_nary(MG_SUM, ba, 2)), second = made(mg_unary_k(MG_POW, a, 5.0));
    const int32_t third = made(mg_dot(ba, ba, 2, a, MG_NONE)), last = made(mg_unary_k(MG_POW, b, 2.0));
    const int64_t used = mg.pool_used;

    drop(first);
    drop(third);
    squeeze_now();
    CHECK_INT(mg.pool_used, 2 * MG_K_INTS);
    CHECK(mg.pool_used < used);
    mg_node node;
    CHECK_INT(mg_describe(second, &node), MG_OK);
    CHECK_REAL(node.k, 5.0);
    CHECK_INT(mg_describe(last, &node), MG_OK);
    CHECK_REAL(node.k, 2.0);
}

TEST(squeeze_keeps_one_list_for_the_neurons_that_share_it)
{
    for (int32_t dead = 0; dead < 3; dead++) { /* the first, in the middle, the last */
        const int32_t gap = leaf(0.0);
        const int32_t x[] = {leaf(2.0), leaf(1.0)}, w[] = {leaf(10.0), leaf(20.0), leaf(30.0)};
        const int32_t crossed[] = {x[1], x[0]};
        const int64_t used = mg.pool_used;
        int32_t out[3];

        three_neurons(crossed, w, out);
        drop(out[dead]);
        drop(gap);
        squeeze_now();
        CHECK_INT(mg.pool_used, used + (MG_LIST_HEAD + 2) + 2 * (MG_DOT_HEAD + MG_LIST_HEAD + 2));
        for (int32_t j = 0; j < 3; j++)
            if (j != dead) {
                CHECK_INT(mg_zero_grad(out[j]), MG_OK);
                backward(out[j]);
                CHECK_REAL(mg_grad(x[0]), mg_data(w[j]));
                CHECK_REAL(mg_grad(w[j]), 4.0);
            }
        drop_all();
    }
}

TEST(squeeze_leaves_a_run_of_operands_a_run)
{
    const int32_t gap = leaf(0.0);
    const double data[] = {1.0, 2.0, 3.0};
    int32_t x[3];

    CHECK_INT(mg_leaves(data, 3, x, false), MG_OK);
    const int32_t z = made(mg_nary(MG_SUM, x, 3));
    drop(gap);
    squeeze_now();
    const int32_t *list = mg.pool + mg.a[row_of(z)];
    CHECK_INT(list[0], 3);
    CHECK_INT(list[1], row_of(x[0]));
    CHECK_INT(mg_list_ints(mg.a[row_of(z)]), MG_LIST_HEAD);
}

TEST(a_live_reader_of_a_dead_operand_becomes_a_leaf)
{
    const double data[] = {1.0, 2.0, 3.0, 4.0};
    int32_t run[4], out[12];
    const int32_t x = leaf(7.0), gone = leaf(8.0), mixed[] = {gone, x}, same[] = {x, x};

    CHECK_INT(mg_leaves(data, 4, run, false), MG_OK);
    out[0] = made(mg_unary(MG_NEG, gone));
    out[1] = made(mg_unary_k(MG_POW, gone, 2.0));
    out[2] = made(mg_binary(MG_ADD, gone, x));
    out[3] = made(mg_binary(MG_ADD, x, gone));
    out[4] = made(mg_nary(MG_SUM, mixed, 2));
    out[5] = made(mg_nary(MG_SUM, run, 4)); /* loses one in the middle */
    out[6] = made(mg_dot(mixed, same, 2, x, MG_NONE));
    out[7] = made(mg_dot(same, mixed, 2, x, MG_NONE));
    out[8] = made(mg_dot(same, same, 2, gone, MG_NONE));
    out[9] = made(mg_restore(MG_CUSTOM, mixed, 2, NAN, MG_NONE, 1.0, 0.0));
    CHECK_INT(mg_set_python(out[9], 1), MG_OK);
    out[10] = made(mg_by_hand(MG_NONE, same, 2, NULL, mixed, 1.0)); /* one of its derivatives is gone */
    out[11] = made(mg_by_hand(MG_NONE, mixed, 2, NULL, same, 1.0));
    const int32_t healthy = made(mg_dot(same, same, 2, x, MG_NONE));
    drop(gone);
    drop(run[2]);
    squeeze_now();
    for (int32_t i = 0; i < LENGTH(out); i++) {
        CHECK_INT(op_of(out[i]), MG_LEAF);
        if (i != 9)
            backward(out[i]);
        CHECK_REAL(mg_grad(x), 0.0);
    }
    mg_pause pause; /* the closure of the one made by hand still has its turn */
    CHECK_INT(mg_backward(out[9], 1.0, &pause), 1);
    CHECK_INT(pause.node, out[9]);
    CHECK_INT(mg_sweep_resume(&pause), MG_OK);
    CHECK_INT(op_of(healthy), MG_DOT);
    backward(healthy);
    CHECK_REAL(mg_grad(x), 7.0 * 4 + 1);
}

TEST(readers_may_die_after_what_they_read)
{
    int32_t h[4];

    for (int32_t round = 0; round < 3; round++) {
        h[0] = leaf(1.0);
        h[1] = made(mg_nary(MG_SUM, h, 1));
        h[2] = made(mg_dot(h, h + 1, 1, h[0], MG_RELU));
        h[3] = made(mg_unary_k(MG_POW, h[2], 2.0));
        for (int32_t i = 0; i < 4; i++) {
            drop(h[(i + round) % 4]);
            if (i == round)
                squeeze_now();
            check_arena();
        }
        CHECK_INT(figures().rows, 0);
        CHECK_INT(mg.pool_used, 0);
    }
}

TEST(nothing_is_squeezed_while_a_sweep_is_open)
{
    const int32_t n = 40000, x = leaf(1.0);
    const int32_t z = made(mg_unary(MG_NEG, x));
    int32_t *h = malloc((size_t)n * sizeof *h);
    mg_pause pause;

    CHECK_INT(mg_set_python(z, 1), MG_OK);
    const int32_t gap = leaf(0.0), y = made(mg_unary(MG_NEG, z)), row = row_of(y);
    CHECK_INT(mg_backward(y, 1.0, &pause), 1);
    drop(gap);
    for (int32_t i = 0; i < n; i++)
        h[i] = leaf(i);
    mg_free(h, n);
    leaf(0.0);
    CHECK_INT(row_of(y), row);
    CHECK_INT(figures().squeezes, 0);
    CHECK_INT(figures().rows, n + 5);
    mg_sweep_close(&pause);
    leaf(0.0);
    mg_free(NULL, 0);
    leaf(0.0);
    CHECK_INT(figures().squeezes, 1);
    CHECK_INT(row_of(y), row - 1);
    free(h);
}

/* ---- memory ---- */

static int32_t *many_leaves(int32_t n)
{
    int32_t *h = malloc((size_t)n * sizeof *h);
    double *data = calloc((size_t)n, sizeof *data);

    CHECK_INT(mg_leaves(data, n, h, false), MG_OK);
    free(data);
    return h;
}

TEST(memory_comes_back_when_all_is_freed)
{
    const int32_t n = 1 << 20;
    int32_t *h = many_leaves(n);

    CHECK(figures().capacity >= n);
    backward(h[n - 1]);
    const int64_t large = figures().bytes_in_use;
    mg_free(h, n);
    CHECK(figures().capacity <= 1 << 16);
    CHECK(figures().bytes_in_use < large / 10);
    free(h);
    leaf(1.0);
}

TEST(memory_comes_back_when_a_squeeze_leaves_little)
{
    const int32_t n = 1 << 20;
    int32_t *h = many_leaves(n);

    mg_free(h, n - 1); /* the last one keeps its place on top */
    drop(leaf(0.0));
    CHECK_INT(figures().rows, 1);
    CHECK(figures().capacity <= 1 << 16);
    CHECK_REAL(mg_data(h[n - 1]), 0.0);
    free(h);
}

TEST(what_is_left_is_squeezed_at_the_next_node_after_memory_came_back)
{
    const int32_t n = 1 << 20;
    int32_t *h = many_leaves(n), *dead = malloc((size_t)n * sizeof *dead);
    int32_t count = 0;

    for (int32_t i = 0; i < n; i++)
        if ((i >= 10 && i < 90000) || i >= 100000) /* off the top, and under 10000 that live */
            dead[count++] = h[i];
    mg_free(dead, count);
    CHECK_INT(figures().rows, 100000);
    CHECK(figures().capacity < n / 4);
    leaf(0.0);
    CHECK_INT(figures().squeezes, 1);
    CHECK_INT(figures().rows, 10011);
    free(dead);
    free(h);
}

TEST(the_memory_of_the_pool_comes_back)
{
    const int32_t n = 1 << 20, x = leaf(1.0);
    int32_t *xs = malloc((size_t)n * sizeof *xs);

    for (int32_t i = 0; i < n; i++)
        xs[i] = x;
    const int32_t z = made(mg_nary(MG_SUM, xs, n));
    free(xs);
    CHECK_REAL(mg_data(z), n);
    CHECK(mg.pool_capacity >= n);
    drop(z);
    CHECK(mg.pool_capacity <= 1 << 16);
}

TEST(a_long_loop_that_drops_what_it_builds_stays_in_place)
{
    const int32_t x[] = {leaf(1.0), leaf(2.0)}, crossed[] = {x[1], x[0]};
    mg_figures first = {0};

    for (int32_t i = 0; i < 100000; i++) {
        const int32_t z = made(mg_dot(x, crossed, 2, x[0], MG_TANH)), k = made(mg_unary_k(MG_POW, z, 2.0));
        const int32_t both[] = {z, k}; /* the reader last, so that the first stays dead for a moment */
        mg_free(both, 2);
        if (i == 0)
            first = figures();
    }
    CHECK_INT(figures().bytes_in_use, first.bytes_in_use);
    CHECK_INT(figures().squeezes, 0);
}

TEST(lists_under_a_node_that_lives_are_squeezed_out_of_the_pool)
{
    const int32_t x = leaf(1.0);
    int32_t xs[1000], kept[3000];

    for (int32_t i = 0; i < 1000; i++)
        xs[i] = x;
    for (int32_t i = 0; i < 3000; i++) { /* each list lies under a live row when it dies */
        const int32_t z = made(mg_nary(MG_SUM, xs, 1000));
        kept[i] = leaf(0.0);
        drop(z);
    }
    CHECK(mg.pool_capacity < 1 << 19); /* 3 million ints went through it */
    mg_free(kept, 3000);
}

TEST(owners_of_handles_are_known_from_the_moment_that_the_native_core_asks)
{
    const int32_t n = 1 << 18, old = leaf(1.0);
    int me;

    mg_test_allocations = mg_test_fail_at = 0;
    CHECK(mg_engine_of() == NULL);
    mg_test_fail_at = -1;
    CHECK(mg.owner == NULL && mg_engine_of() != NULL);
    CHECK(mg.owner[old] == NULL);
    mg.owner[old] = &me;
    int32_t *h = many_leaves(n);
    for (int32_t i = 0; i < n; i++) {
        CHECK(mg.owner[h[i]] == NULL);
        mg.owner[h[i]] = &me;
    }
    CHECK(mg.owner[old] == &me);
    CHECK(figures().bytes_in_use > mg.capacity * 33 + n * (int64_t)sizeof *mg.owner);
    drop(h[0]);
    h[0] = leaf(2.0); /* the same handle, of somebody else */
    CHECK(mg.owner[h[0]] == NULL);
    mg_free(h, n);
    drop(old);
    CHECK(mg.handle_capacity <= 1 << 16);
    free(h);
    free(mg.owner);
    mg.owner = NULL;
}

/* ---- no memory ---- */

/* Makes the arena full to the brim, so that whatever comes next has to allocate. */
static void fill_up(void)
{
#define FIT(column, n) mg.column = realloc(mg.column, (size_t)((n) ? (n) : 1) * sizeof *mg.column)
    FIT(op, mg.rows), FIT(a, mg.rows), FIT(b, mg.rows), FIT(data, mg.rows), FIT(grad, mg.rows),
        FIT(handle, mg.rows);
    FIT(row_of, mg.handles), FIT(pool, mg.pool_used);
#undef FIT
    mg.capacity = mg.limit = mg.rows;
    mg.handle_capacity = mg.handles;
    mg.pool_capacity = mg.pool_used;
}

/* Calls `action` with allocation 0, then 1, ... and all after it failing, until none fails. Each time the arena must
 * be as it was. Returns how often it failed. */
static int32_t fail_each(int64_t (*action)(void))
{
    for (int32_t failures = 0;; failures++) {
        CHECK(failures < 100);
        fill_up();
        const uint64_t before = digest();
        const int64_t live = mg.live, pool_used = mg.pool_used;
        mg_test_allocations = 0;
        mg_test_fail_at = failures;
        const int64_t result = action();
        const bool failed = mg_test_allocations > mg_test_fail_at;
        mg_test_fail_at = -1;
        check_arena();
        if (result >= 0) {
            CHECK(!failed || result == MG_OK); /* memory that was wanted, not needed */
            if (!failed)
                return failures;
            continue;
        }
        CHECK(failed);
        CHECK_INT(result, MG_ENOMEM);
        CHECK_INT(mg.live, live);
        CHECK_INT(mg.pool_used, pool_used);
        CHECK(digest() == before);
    }
}

static int32_t operand[4], made_last;

static int64_t keep(int64_t handle)
{
    made_last = handle < 0 ? -1 : (int32_t)handle;
    return handle;
}

static int64_t make_leaf(void)
{
    return keep(mg_leaf(4.0));
}

static int64_t make_leaves(void)
{
    static const double data[] = {1.0, 2.0, 3.0};
    static int32_t out[3];
    const int32_t status = mg_leaves(data, 3, out, false);

    keep(status < 0 ? status : out[2]);
    return status;
}

static int64_t make_unary(void)
{
    return keep(mg_unary(MG_EXP, operand[0]));
}

static int64_t make_unary_k(void)
{
    return keep(mg_unary_k(MG_POW, operand[0], 2.0));
}

static int64_t make_binary(void)
{
    return keep(mg_binary(MG_SUB, operand[0], operand[1]));
}

static int64_t make_with_number(void)
{
    const int64_t pair = mg_binary_number(MG_SUB, operand[0], 2.0, 1);

    keep(pair < 0 ? pair : (pair & INT32_MAX));
    return pair < 0 ? pair : MG_OK;
}

static int64_t make_sum(void)
{
    return keep(mg_nary(MG_SUM, operand, 4));
}

static int64_t make_dot(void)
{
    return keep(mg_dot(operand, operand, 4, operand[2], MG_TANH));
}

static int64_t make_layers(void)
{
    enum { INPUTS = 3000 }; /* more than any layer of this program has had: their values need memory */
    static int32_t x[INPUTS], out[3], weights[2 * INPUTS], biases[2];
    static const int32_t activations[] = {MG_RELU, MG_NONE};

    for (int32_t i = 0; i < INPUTS; i++)
        x[i] = weights[i] = weights[INPUTS + i] = operand[i % 4];
    biases[0] = biases[1] = operand[0];
    const int32_t one_activation = MG_TANH;
    const mg_layer layers[] = {{2, weights, biases, activations, NULL},
                               {1, operand, operand, &one_activation, NULL}};
    const int32_t status = mg_layers(layers, 2, x, INPUTS, out);

    keep(status < 0 ? status : out[2]);
    return status;
}

static int64_t restore(void)
{
    return keep(mg_restore(MG_DOT, operand, 4, NAN, MG_TANH, 0.25, 0.5));
}

TEST(a_node_for_which_there_is_no_memory_leaves_the_arena_as_it_was)
{
    int64_t (*const actions[])(void) = {make_leaf,        make_leaves, make_unary, make_unary_k, make_binary,
                                        make_with_number, make_sum,    make_dot,   make_layers,  restore};

    for (int32_t i = 0; i < LENGTH(actions); i++) {
        fresh_arena();
        for (int32_t j = 0; j < 4; j++) {
            operand[j] = leaf(0.5 * (j + 1));
            leaf(0.0); /* the operands are no run */
        }
        CHECK(fail_each(actions[i]) >= 6); /* that many columns, at least */
        CHECK(made_last >= 0 && !isnan(mg_data(made_last)));
        backward(made_last);
        for (int32_t j = 0; j < 20; j++)
            CHECK(actions[i]() >= 0);
        drop_all();
    }
}

TEST(the_first_node_of_all_may_find_no_memory)
{
    fail_each(make_leaf);
    CHECK_REAL(mg_data(made_last), 4.0);
}

TEST(a_squeeze_without_memory_is_put_off)
{
    for (int64_t fail_at = 0, allocations = 1; fail_at <= allocations; fail_at++) {
        fresh_arena();
        int32_t *all = many_leaves(200000);
        const int32_t x = leaf(3.0), crossed[] = {x, all[199999]}, z = made(mg_nary(MG_SUM, crossed, 2));

        mg_free(all, 199999);
        mg_test_allocations = 0;
        mg_test_fail_at = fail_at;
        const int32_t y = mg_unary(MG_NEG, z);
        allocations = mg_test_allocations;
        mg_test_fail_at = -1;
        check_arena();
        CHECK_REAL(mg_data(y), -3.0);        /* there was room, so nothing had to be allocated */
        for (int32_t i = 0; i < 100000; i++) /* beyond what was given back */
            leaf(1.0);
        backward(y);
        CHECK_REAL(mg_grad(x), -1.0);
        check_arena();
        free(all);
    }
}

TEST(memory_that_can_not_be_given_back_stays_in_use)
{
    for (int64_t fail_at = 0; fail_at < 12; fail_at++) {
        fresh_arena();
        int32_t *all = many_leaves(200000);

        mg_test_allocations = 0;
        mg_test_fail_at = fail_at;
        mg_free(all + 1, 199999);
        drop(all[0]);
        mg_test_fail_at = -1;
        check_arena();
        free(all);
        all = many_leaves(150000);
        backward(all[149999]);
        mg_free(all, 150000);
        free(all);
    }
}

static int64_t sweep_of_operand(void)
{
    mg_pause pause;
    return mg_backward(made_last, 1.0, &pause);
}

static int64_t zero_of_operand(void)
{
    return mg_zero_grad(made_last);
}

TEST(a_list_gives_its_nodes_back_and_without_memory_there_is_none)
{
    fresh_arena();
    const int32_t outside = leaf(1.0);
    mg_test_allocations = 0;
    mg_test_fail_at = 0;
    CHECK(!mg_new_list(3));
    mg_test_fail_at = -1;

    mg_list *list = mg_new_list(3);
    CHECK_INT(list->n, 3);
    CHECK_INT(list->handles[0], MG_NONE);
    CHECK_INT(list->handles[2], MG_NONE);
    list->handles[1] = leaf(2.0);
    CHECK_INT(mg.live, 2);
    mg_free_list(list); /* the sanitizer sees its memory */
    CHECK_INT(mg.live, 1);
    CHECK_REAL(mg_data(outside), 1.0);
    check_arena();
}

TEST(a_sweep_without_memory_writes_no_gradient)
{
    /* Higher than any sweep of this program before, so that marks have to be allocated. */
    int32_t *low = many_leaves(3000000);
    made_last = made(mg_unary(MG_NEG, low[0]));

    for (int32_t i = 0; i < 2; i++) {
        CHECK_INT(mg_set_grad(made_last, 0.25), MG_OK);
        mg_test_allocations = 0;
        mg_test_fail_at = 0;
        CHECK_INT(i ? sweep_of_operand() : zero_of_operand(), MG_ENOMEM);
        mg_test_fail_at = -1;
        CHECK_REAL(mg_grad(made_last), 0.25);
        CHECK_REAL(mg_grad(low[0]), 0.0);
    }
    CHECK_INT(sweep_of_operand(), MG_OK);
    CHECK_REAL(mg_grad(low[0]), -1.0);
    CHECK_INT(zero_of_operand(), MG_OK);
    CHECK_REAL(mg_grad(low[0]), 0.0);
    mg_free(low, 3000000);
    free(low);
}

TEST(a_nested_sweep_without_memory_leaves_the_outer_one_alone)
{
    const int32_t x = leaf(2.0), y = made(mg_unary(MG_NEG, x));
    mg_pause pauses[32], extra;
    int32_t refused = 0;

    CHECK_INT(mg_set_python(y, 1), MG_OK);
    for (int32_t depth = 0; depth < 32; depth++) {
        for (int32_t fail_at = 0; fail_at < 4; fail_at++) {
            mg_test_allocations = 0;
            mg_test_fail_at = fail_at;
            const int32_t status = mg_backward(y, 1.0, &extra);
            mg_test_fail_at = -1;
            if (status == 1) {
                mg_sweep_close(&extra);
                break;
            }
            CHECK_INT(status, MG_ENOMEM);
            CHECK_INT(figures().open_sweeps, depth);
            refused++;
        }
        CHECK_INT(mg_backward(y, 1.0, &pauses[depth]), 1);
    }
    CHECK(refused > 32);
    for (int32_t depth = 31; depth >= 0; depth--)
        CHECK_INT(mg_sweep_resume(&pauses[depth]), MG_OK);
}

/* ---- random programs against a plain model ---- */

enum { MOST = 400, OPERANDS = 12 };

/* A node of the model. Its data are small whole numbers, so sums are exact in any order. */
typedef struct {
    int32_t handle, op, n, activation, readers;
    int32_t x[2 * OPERANDS + 1]; /* nodes of the model; of an MG_DOT x, w, bias */
    double k, data, grad;
    bool alive, reached;
} model_node;

static model_node model[MOST];
static int32_t model_size;

static int32_t random_alive(rng *r)
{
    for (;;) {
        const int32_t i = random_below(r, model_size);
        if (model[i].alive)
            return i;
    }
}

static double model_value(const model_node *z)
{
    const double x = z->n > 0 ? model[z->x[0]].data : 0.0, y = z->n > 1 ? model[z->x[1]].data : 0.0;
    double sum = 0.0;

    switch (z->op) {
    case MG_NEG:
        return -x;
    case MG_RELU:
        return x > 0 ? x : 0;
    case MG_LEAKY_RELU:
        return x < 0 ? z->k * x : x;
    case MG_ADD:
        return x + y;
    case MG_SUB:
        return x - y;
    case MG_MUL:
        return x * y;
    case MG_SUM:
        for (int32_t i = 0; i < z->n; i++)
            sum += model[z->x[i]].data;
        return sum;
    case MG_DOT:
        for (int32_t i = 0; i < z->n / 2; i++)
            sum += model[z->x[i]].data * model[z->x[z->n / 2 + i]].data;
        if (z->n % 2)
            sum += model[z->x[z->n - 1]].data;
        return z->activation == MG_RELU && sum < 0 ? 0 : sum;
    default:
        return z->data;
    }
}

static void model_backward_node(const model_node *z)
{
    const double g = z->grad;
    const double f = z->activation == MG_RELU ? z->data > 0 : 1.0;
    const int32_t half_n = z->n / 2;
    const double x = z->n > 0 ? model[z->x[0]].data : 0.0, y = z->n > 1 ? model[z->x[1]].data : 0.0;

#define GIVE(i, amount) model[z->x[i]].grad += (amount)
    switch (z->op) {
    case MG_NEG:
        GIVE(0, -g);
        break;
    case MG_RELU:
        GIVE(0, g * (z->data > 0));
        break;
    case MG_LEAKY_RELU:
        GIVE(0, g * (x > 0 ? 1 : z->k));
        break;
    case MG_ADD:
    case MG_SUB:
        GIVE(0, g);
        GIVE(1, z->op == MG_ADD ? g : -g);
        break;
    case MG_MUL:
        GIVE(0, g * y);
        GIVE(1, g * x);
        break;
    case MG_SUM:
        for (int32_t i = 0; i < z->n; i++)
            GIVE(i, g);
        break;
    case MG_DOT:
        if (z->n % 2)
            GIVE(z->n - 1, g * f);
        for (int32_t i = 0; i < half_n; i++) {
            GIVE(i, g * f * model[z->x[half_n + i]].data);
            GIVE(half_n + i, g * f * model[z->x[i]].data);
        }
        break;
    default:
        break;
    }
#undef GIVE
}

/* Reach from a root, as the sweep has it. */
static void model_sweep(int32_t root, bool zero)
{
    for (int32_t i = 0; i < model_size; i++)
        model[i].reached = i == root;
    for (int32_t i = root; i >= 0; i--) {
        if (!model[i].reached)
            continue;
        if (zero)
            model[i].grad = 0.0;
        else
            model_backward_node(&model[i]);
        for (int32_t j = 0; j < model[i].n; j++)
            model[model[i].x[j]].reached = true;
    }
}

static model_node *model_append(int32_t handle, int32_t op, int32_t n, const int32_t *x)
{
    model_node *z = &model[model_size++];

    *z = (model_node){
        .handle = made(handle), .op = op, .n = n, .activation = MG_NONE, .k = NAN, .alive = true};
    for (int32_t i = 0; i < n; i++) {
        z->x[i] = x[i];
        model[x[i]].readers++;
    }
    return z;
}

/* A number that stays small, so that products of products remain exact. */
static void settle(model_node *z)
{
    if (z->op != MG_CUSTOM)
        z->data = model_value(z);
    CHECK_REAL(mg_data(z->handle), z->data);
    if (fabs(z->data) > 4.0) {
        z->data = z->data > 0 ? 2.0 : -2.0;
        CHECK_INT(mg_set_data(z->handle, z->data), MG_OK);
    }
}

static void random_layer(rng *r)
{
    int32_t x[OPERANDS], inputs[OPERANDS], weights[4 * OPERANDS], w[4 * OPERANDS], biases[4], b[4];
    int32_t activations[4], out[4];
    const int32_t width = random_below(r, OPERANDS), neurons = 1 + random_below(r, 4);
    int32_t used = 0;

    for (int32_t i = 0; i < width; i++)
        inputs[i] = model[x[i] = random_alive(r)].handle;
    for (int32_t j = 0; j < neurons; j++) {
        activations[j] = random_below(r, 2) ? MG_RELU : MG_NONE;
        b[j] = random_below(r, 4) ? random_alive(r) : MG_NONE;
        biases[j] = b[j] == MG_NONE ? MG_NONE : model[b[j]].handle;
        for (int32_t i = 0; i < width; i++, used++)
            weights[used] = model[w[used] = random_alive(r)].handle;
    }
    const mg_layer layer = {neurons, weights, biases, activations, NULL};
    CHECK_INT(mg_layers(&layer, 1, inputs, width, out), MG_OK);
    used = 0;
    for (int32_t j = 0; j < neurons; j++, used += width) {
        int32_t operands[2 * OPERANDS + 1], n = 0;
        for (int32_t i = 0; i < width; i++)
            operands[n++] = x[i];
        for (int32_t i = 0; i < width; i++)
            operands[n++] = w[used + i];
        if (b[j] != MG_NONE)
            operands[n++] = b[j];
        model_node *z = model_append(out[j], MG_DOT, n, operands);
        z->activation = activations[j];
        settle(z);
    }
}

static void random_node(rng *r)
{
    const int32_t x[] = {random_alive(r), random_alive(r)};
    static const int32_t unary[] = {MG_NEG, MG_RELU}, binary[] = {MG_ADD, MG_SUB, MG_MUL};
    int32_t many[OPERANDS], handles[OPERANDS], op;
    const int32_t n = random_below(r, OPERANDS);
    model_node *z;

    for (int32_t i = 0; i < n; i++)
        handles[i] = model[many[i] = random_below(r, 2) && i && model[(many[i - 1] + 1) % model_size].alive
                                         ? (many[i - 1] + 1) % model_size /* often a run */
                                         : random_alive(r)]
                         .handle;
    switch (random_below(r, 7)) {
    case 0:
        z = model_append(leaf(0.0), MG_LEAF, 0, NULL);
        z->data = random_below(r, 5) - 2;
        CHECK_INT(mg_set_data(z->handle, z->data), MG_OK);
        return;
    case 1:
        op = unary[random_below(r, 2)];
        z = model_append(mg_unary(op, model[x[0]].handle), op, 1, x);
        break;
    case 2:
        z = model_append(mg_unary_k(MG_LEAKY_RELU, model[x[0]].handle, 2.0), MG_LEAKY_RELU, 1, x);
        z->k = 2.0;
        break;
    case 3:
        op = binary[random_below(r, 3)];
        z = model_append(mg_binary(op, model[x[0]].handle, model[x[1]].handle), op, 2, x);
        break;
    case 4:
        z = model_append(mg_nary(MG_SUM, handles, n), MG_SUM, n, many);
        break;
    case 5:
        op = n > 0 ? MG_CUSTOM : MG_LEAF; /* by hand over nothing */
        z = model_append(mg_restore(MG_CUSTOM, handles, n, NAN, MG_NONE, 1.0, 0.0), op, n, many);
        z->data = 1.0;
        break;
    default:
        random_layer(r);
        return;
    }
    settle(z);
}

/* Frees a node that nobody reads. */
static void random_free(rng *r)
{
    const int32_t i = random_alive(r);
    model_node *z = &model[i];

    if (z->readers > 0 || i == 0)
        return;
    drop(z->handle);
    z->alive = false;
    for (int32_t j = 0; j < z->n; j++)
        model[z->x[j]].readers--;
}

static void compare(void)
{
    double most = 1.0;

    check_arena();
    for (int32_t i = 0; i < model_size; i++)
        if (model[i].alive)
            most = fmax(most, fabs(model[i].grad));
    for (int32_t i = 0, row = -1; i < model_size; i++) {
        if (!model[i].alive)
            continue;
        CHECK_REAL(mg_data(model[i].handle), model[i].data);
        CHECK_NEAR(mg_grad(model[i].handle), model[i].grad, most < 1e15 ? 0.0 : most * 1e-9);
        CHECK_INT(op_of(model[i].handle), model[i].op);
        CHECK(row_of(model[i].handle) > row);
        row = row_of(model[i].handle);
    }
}

TEST(random_programs_do_what_a_plain_model_does)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        rng r = {seed};

        check_note("seed %" PRIu64, seed);
        model_size = 0;
        model_append(leaf(1.0), MG_LEAF, 0, NULL)->data = 1.0;
        const uint32_t bits = random_bits(&r); /* every program has its own mixture */
        while (model_size < MOST - 8) {
            const int32_t what = random_below(&r, 100), root = random_alive(&r);
            if (what < 45 + (int32_t)(bits % 30)) {
                random_node(&r);
            } else if (what < 90) {
                random_free(&r);
            } else if (what < 93) {
                model[root].grad = 1.0;
                backward(model[root].handle);
                model_sweep(root, false);
            } else if (what < 97) {
                CHECK_INT(mg_zero_grad(model[root].handle), MG_OK);
                model_sweep(root, true);
            } else if (what < 98) {
                squeeze_now();
            }
            if (random_below(&r, 16) == 0)
                compare();
        }
        compare();
        for (int32_t i = model_size - 1; i >= 0; i--)
            if (model[i].alive)
                drop(model[i].handle);
        CHECK_INT(figures().rows, 0);
        CHECK_INT(mg.pool_used, 0);
    }
}

/* Every live node reads what it was made of; or it is a leaf, since one of those died before a squeeze. */
static void check_operands(void)
{
    int32_t rows[2 * OPERANDS + 1];

    check_arena();
    for (int32_t i = 0; i < model_size; i++) {
        const model_node *z = &model[i];
        if (!z->alive)
            continue;
        CHECK_REAL(mg_data(z->handle), z->data);
        if (op_of(z->handle) != z->op) {
            bool lost = false;
            for (int32_t j = 0; j < z->n; j++)
                lost |= !model[z->x[j]].alive;
            CHECK_INT(op_of(z->handle), MG_LEAF);
            CHECK(lost);
            continue;
        }
        CHECK_INT(operands_of(row_of(z->handle), rows, LENGTH(rows)), z->n);
        for (int32_t j = 0; j < z->n; j++)
            CHECK_INT(mg.handle[rows[j]], model[z->x[j]].alive ? model[z->x[j]].handle : MG_DEAD);
    }
}

TEST(nodes_may_die_in_any_order)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        rng r = {seed};

        check_note("seed %" PRIu64, seed);
        model_size = 0;
        model_append(leaf(1.0), MG_LEAF, 0, NULL)->data = 1.0;
        const int32_t deaths = 20 + random_below(&r, 27); /* of 100 */
        while (model_size < MOST - 8) {
            const int32_t what = random_below(&r, 100);
            int32_t i = random_alive(&r);
            if (what < 50) {
                random_node(&r);
            } else if (what < 50 + deaths && i > 0) {
                while (what % 2 && mg.handle[mg.rows - 1] != model[i].handle) /* the one on top */
                    i = i + 1 < model_size && model[i + 1].alive ? i + 1 : random_alive(&r);
                drop(model[i].handle);
                model[i].alive = false;
            } else if (what == 98) {
                backward(model[i].handle);
            } else if (what == 99 || what == 50 + deaths) {
                squeeze_now();
            }
            if (random_below(&r, 16) == 0)
                check_operands();
        }
        check_operands();
        for (int32_t i = model_size - 1; i >= 0; i--)
            if (model[i].alive)
                drop(model[i].handle);
        CHECK_INT(figures().rows, 0);
        CHECK_INT(mg.pool_used, 0);
    }
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(a_node_for_which_there_is_no_memory_leaves_the_arena_as_it_was); /* first: see make_layers */
    RUN(the_first_node_of_all_may_find_no_memory);
    RUN(a_squeeze_without_memory_is_put_off);
    RUN(memory_that_can_not_be_given_back_stays_in_use);
    RUN(a_nested_sweep_without_memory_leaves_the_outer_one_alone);
    RUN(a_list_gives_its_nodes_back_and_without_memory_there_is_none);
    RUN(a_sweep_without_memory_writes_no_gradient);
    RUN(a_new_leaf_has_its_data_and_no_gradient);
    RUN(data_and_gradient_are_what_was_written);
    RUN(leaves_stand_in_consecutive_rows);
    RUN(gradients_are_set_in_rows_that_were_consecutive_once);
    RUN(a_handle_is_given_out_again_after_it_was_freed);
    RUN(a_handle_that_names_no_node_is_refused_everywhere);
    RUN(a_negative_count_is_refused);
    RUN(more_nodes_than_a_handle_can_name_are_refused);
    RUN(as_many_as_a_handle_can_name_are_asked_for);
    RUN(a_pool_that_can_not_grow_is_used_up_to_its_end);
    RUN(rows_grow_alone_where_the_pool_has_room);
    RUN(the_map_of_handles_starts_again_when_no_node_is_alive);
    RUN(dead_rows_are_taken_off_the_top);
    RUN(a_row_taken_off_the_top_gives_its_part_of_the_pool_back);
    RUN(the_list_that_neurons_share_stays_until_the_last_of_them_is_gone);
    RUN(the_shared_list_survives_a_neighbour_that_became_a_leaf);
    RUN(squeeze_keeps_the_order_of_rows);
    RUN(squeeze_renames_the_operands_of_every_shape);
    RUN(squeeze_slides_the_pool_together);
    RUN(squeeze_keeps_one_list_for_the_neurons_that_share_it);
    RUN(squeeze_leaves_a_run_of_operands_a_run);
    RUN(a_live_reader_of_a_dead_operand_becomes_a_leaf);
    RUN(readers_may_die_after_what_they_read);
    RUN(nothing_is_squeezed_while_a_sweep_is_open);
    RUN(memory_comes_back_when_all_is_freed);
    RUN(memory_comes_back_when_a_squeeze_leaves_little);
    RUN(what_is_left_is_squeezed_at_the_next_node_after_memory_came_back);
    RUN(the_memory_of_the_pool_comes_back);
    RUN(a_long_loop_that_drops_what_it_builds_stays_in_place);
    RUN(lists_under_a_node_that_lives_are_squeezed_out_of_the_pool);
    RUN(owners_of_handles_are_known_from_the_moment_that_the_native_core_asks);
    RUN(random_programs_do_what_a_plain_model_does);
    RUN(nodes_may_die_in_any_order);
    return 0;
}
