/* Backward: the sweep, its marks, Python closures in the middle of it. */
#include "check.h"

/* ---- the chain rule ---- */

TEST(the_example_at_the_head_of_the_header_works)
{
    const int32_t a = leaf(2.0), b = leaf(-3.0);
    const int32_t ab = made(mg_binary(MG_MUL, a, b)), c = made(mg_binary(MG_ADD, ab, b));
    const int32_t all[] = {c, ab, b, a};
    mg_pause pause;

    CHECK_INT(mg_backward(c, 1.0, &pause), MG_OK);
    CHECK_INT(pause.sweep, 0);
    CHECK_REAL(mg_grad(b), 3.0);
    CHECK_REAL(mg_grad(a), -3.0);
    mg_free(all, 4);
    CHECK_INT(figures().live_nodes, 0);
}

TEST(a_leaf_alone_gets_the_seed)
{
    const int32_t a = leaf(2.0);
    mg_pause pause;

    CHECK_INT(mg_backward(a, 2.5, &pause), MG_OK);
    CHECK_REAL(mg_grad(a), 2.5);
    CHECK_INT(mg_backward(a, 1.5, &pause), MG_OK);
    CHECK_REAL(mg_grad(a), 1.5); /* set, not added */
}

TEST(an_operand_read_twice_gets_both_contributions)
{
    const int32_t a = leaf(3.0), pair[] = {a, a, a};
    const int32_t z[] = {made(mg_binary(MG_MUL, a, a)), made(mg_binary(MG_SUB, a, a)),
                         made(mg_nary(MG_SUM, pair, 3)), made(mg_dot(pair, pair, 3, a, MG_NONE))};
    const double gradient[] = {6.0, 0.0, 3.0, 19.0};

    for (int32_t i = 0; i < LENGTH(z); i++) {
        CHECK_INT(mg_zero_grad(z[i]), MG_OK);
        backward(z[i]);
        CHECK_REAL(mg_grad(a), gradient[i]);
    }
}

TEST(paths_of_a_diamond_add_up)
{
    const int32_t a = leaf(3.0), left = made(mg_unary(MG_NEG, a)), right = made(mg_binary(MG_MUL, a, a));
    const int32_t z = made(mg_binary(MG_MUL, left, right)); /* -a^3 */

    backward(z);
    CHECK_REAL(mg_grad(a), -27.0);
    CHECK_REAL(mg_grad(left), 9.0);
    CHECK_REAL(mg_grad(right), -3.0);
}

/* b = a*a, c = b+b, twice: c.grad = 1 again, b.grad = 2 + 2, and what flows on is all of b.grad. */
TEST(a_second_backward_adds_to_interior_nodes_too)
{
    const int32_t a = leaf(3.0), b = made(mg_binary(MG_MUL, a, a)), c = made(mg_binary(MG_ADD, b, b));

    backward(c);
    CHECK_REAL(mg_grad(b), 2.0);
    CHECK_REAL(mg_grad(a), 12.0);
    backward(c);
    CHECK_REAL(mg_grad(c), 1.0);
    CHECK_REAL(mg_grad(b), 4.0);
    CHECK_REAL(mg_grad(a), 12.0 + 24.0);
}

TEST(derivatives_are_those_of_the_current_data)
{
    const int32_t a = leaf(3.0), b = leaf(5.0), z = made(mg_binary(MG_MUL, a, b));
    const int32_t t = made(mg_unary(MG_TANH, a)), k = made(mg_unary_k(MG_POW, a, 2.0));

    CHECK_INT(mg_set_data(a, 7.0), MG_OK);
    CHECK_REAL(mg_data(z), 15.0); /* is not computed again */
    backward(z);
    CHECK_REAL(mg_grad(b), 7.0);
    CHECK_INT(mg_set_grad(a, 0.0), MG_OK);
    backward(k);
    CHECK_REAL(mg_grad(a), 14.0);
    CHECK_INT(mg_set_data(t, 0.5), MG_OK);
    CHECK_INT(mg_set_grad(a, 0.0), MG_OK);
    backward(t);
    CHECK_REAL(mg_grad(a), 0.75);
}

TEST(nothing_outside_of_the_graph_below_the_root_is_touched)
{
    const int32_t a = leaf(1.0), b = made(mg_unary(MG_NEG, a)), other = made(mg_unary(MG_NEG, leaf(2.0)));
    const int32_t root = made(mg_unary(MG_NEG, b)), above = made(mg_binary(MG_ADD, root, other));

    CHECK_INT(mg_set_grad(other, 5.0), MG_OK);
    CHECK_INT(mg_set_grad(above, 5.0), MG_OK);
    backward(root);
    CHECK_REAL(mg_grad(other), 5.0);
    CHECK_REAL(mg_grad(above), 5.0);
    CHECK_INT(mg_zero_grad(root), MG_OK);
    CHECK_REAL(mg_grad(other), 5.0);
    CHECK_REAL(mg_grad(above), 5.0);
    CHECK_REAL(mg_grad(b), 0.0);
    CHECK_REAL(mg_grad(root), 0.0);
}

/* x[i+1] = -x[i] */
static int32_t chain(int32_t x, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        x = made(mg_unary(MG_NEG, x));
    return x;
}

TEST(the_depth_of_a_graph_is_no_limit)
{
    const int32_t n = 5000000, x = leaf(1.0), z = chain(x, n);
    int32_t *all = malloc((size_t)(n + 1) * sizeof *all);

    backward(z);
    CHECK_REAL(mg_grad(x), 1.0);
    CHECK_INT(mg_zero_grad(z), MG_OK);
    CHECK_REAL(mg_grad(x), 0.0);
    for (int32_t i = 0; i <= n; i++)
        all[i] = mg.handle[n - i];
    mg_free(all, n + 1);
    free(all);
    CHECK_INT(figures().rows, 0);
    CHECK(figures().bytes_in_use < 1 << 22);
}

TEST(a_wide_graph_is_swept_whole)
{
    enum { N = 100000 };
    static int32_t products[N];
    const int32_t a = leaf(2.0), b = leaf(3.0);

    for (int32_t i = 0; i < N; i++)
        products[i] = made(mg_binary(MG_MUL, a, b));
    const int32_t z = made(mg_nary(MG_SUM, products, N));
    backward(z);
    CHECK_REAL(mg_grad(a), 3.0 * N);
    CHECK_REAL(mg_grad(b), 2.0 * N);
    for (int32_t i = 0; i < N; i++)
        CHECK_REAL(mg_grad(products[i]), 1.0);
}

/* Blocks of 64 rows, and 4096 above them: nodes just at and just beside their ends, far apart. */
TEST(nodes_at_the_borders_of_blocks_are_found)
{
    static const int32_t places[] = {0,    1,    7,    8,    63,   64,   65,    127,   128,   4095,
                                     4096, 4097, 4159, 4160, 8191, 8192, 12287, 12288, 20479, 40000};
    int32_t z = -1, first = -1;

    for (int32_t i = 0; i < LENGTH(places); i++) {
        while (mg.rows < places[i])
            leaf(0.0);
        z = i ? made(mg_unary(MG_NEG, z)) : (first = leaf(1.0));
        backward(z);
        CHECK_REAL(mg_grad(first), i % 2 ? -1.0 : 1.0);
        CHECK(mg_test_no_marks());
        CHECK_INT(mg_zero_grad(z), MG_OK);
        CHECK_REAL(mg_grad(first), 0.0);
        CHECK(mg_test_no_marks());
    }
}

TEST(backward_of_one_node_reaches_its_operands_and_no_further)
{
    const int32_t a = leaf(2.0), b = made(mg_binary(MG_MUL, a, a)), ab[] = {a, b};
    const int32_t z[] = {
        made(mg_binary(MG_MUL, b, a)),       made(mg_unary(MG_NEG, b)),
        made(mg_unary_k(MG_POW, b, 2.0)),    made(mg_nary(MG_SUM, ab, 2)),
        made(mg_dot(ab, ab, 2, b, MG_NONE)), made(mg_restore(MG_CUSTOM, ab, 2, NAN, MG_NONE, 1.0, 0.0))};
    const double db[] = {2.0, -1.0, 8.0, 1.0, 9.0, 0.0}, da[] = {4.0, 0.0, 0.0, 1.0, 4.0, 0.0};

    for (int32_t i = 0; i < LENGTH(z); i++) {
        CHECK_INT(mg_set_grad(a, 0.0), MG_OK);
        CHECK_INT(mg_set_grad(b, 0.0), MG_OK);
        CHECK_INT(mg_set_grad(z[i], 10.0), MG_OK);
        CHECK_INT(mg_backward_node(z[i]), MG_OK);
        CHECK_REAL(mg_grad(a), 10.0 * da[i]);
        CHECK_REAL(mg_grad(b), 10.0 * db[i]);
        CHECK_REAL(mg_grad(z[i]), 10.0);
    }
    CHECK_INT(mg_backward_node(a), MG_OK); /* a leaf gives nothing */
}

TEST(zero_grad_reaches_all_below_through_every_shape)
{
    const int32_t x = leaf(1.0), y = leaf(2.0), yx[] = {y, x};
    int32_t z = x, all[16], n = 0;

    all[n++] = x;
    all[n++] = y;
    all[n++] = z = made(mg_unary(MG_NEG, z));
    all[n++] = z = made(mg_unary_k(MG_POW, z, 2.0));
    all[n++] = z = made(mg_binary(MG_MUL, y, z));
    const int32_t zx[] = {z, x};
    all[n++] = z = made(mg_nary(MG_SUM, zx, 2));
    const int32_t zy[] = {z, y};
    all[n++] = z = made(mg_dot(yx, zy, 2, x, MG_TANH));
    const int32_t zz[] = {x, z};
    all[n++] = z = made(mg_restore(MG_CUSTOM, zz, 2, NAN, MG_NONE, 1.0, 0.0));
    CHECK_INT(mg_set_python(z, 1), MG_OK);
    all[n++] = z = made(mg_unary(MG_EXP, z));
    CHECK_INT(mg_set_grads(all, n, 3.0, NULL), MG_OK);
    CHECK_INT(mg_zero_grad(z), MG_OK); /* waits for no closure */
    for (int32_t i = 0; i < n; i++)
        CHECK_REAL(mg_grad(all[i]), 0.0);
}

/* ---- Python closures ---- */

static int32_t python(int32_t handle)
{
    CHECK_INT(mg_set_python(handle, 1), MG_OK);
    return handle;
}

static int32_t custom(int32_t x, double data)
{
    return python(made(mg_restore(MG_CUSTOM, &x, 1, NAN, MG_NONE, data, 0.0)));
}

TEST(a_root_made_by_hand_pauses_the_sweep_with_its_seed_set)
{
    const int32_t x = leaf(1.0), z = custom(x, 5.0);
    mg_pause pause;

    CHECK_INT(mg_backward(z, 2.0, &pause), 1);
    CHECK_INT(pause.node, z);
    CHECK(pause.sweep >= 1);
    CHECK_REAL(mg_grad(z), 2.0);
    CHECK_INT(figures().open_sweeps, 1);
    CHECK_INT(mg_sweep_resume(&pause), MG_OK);
    CHECK_INT(pause.sweep, 0);
    CHECK_INT(figures().open_sweeps, 0);
    CHECK_REAL(mg_grad(x), 0.0); /* giving it something was the closure's affair */
}

TEST(a_leaf_with_a_closure_pauses_the_sweep)
{
    const int32_t x = python(leaf(1.0)), z = made(mg_unary(MG_NEG, x)); /* row 0 */
    mg_pause pause;

    CHECK_INT(row_of(x), 0);
    CHECK_INT(mg_backward(z, 1.0, &pause), 1);
    CHECK_INT(pause.node, x);
    CHECK_REAL(mg_grad(x), -1.0);
    CHECK_INT(mg_sweep_resume(&pause), MG_OK);
    CHECK_INT(mg_set_python(x, 0), MG_OK);
    backward(z);
}

TEST(a_leaf_with_a_closure_inside_a_run_pauses_the_sweep)
{
    const double data[] = {1.0, 2.0, 3.0};
    int32_t x[3];
    mg_pause pause;

    CHECK_INT(mg_leaves(data, 3, x, false), MG_OK);
    python(x[1]);
    const int32_t z = made(mg_nary(MG_SUM, x, 3));
    CHECK_INT(mg_backward(z, 1.0, &pause), 1);
    CHECK_INT(pause.node, x[1]);
    CHECK_INT(mg_sweep_resume(&pause), MG_OK);
}

TEST(a_leaf_that_gets_operands_in_a_pause_passes_its_gradient_on)
{
    const int32_t a = leaf(1.0), c = leaf(5.0), x[] = {made(mg_unary(MG_NEG, a)), leaf(2.0)};
    const int32_t low = made(mg_nary(MG_SUM, x, 2)), high = python(made(mg_nary(MG_SUM, x, 2)));
    const int32_t z = made(mg_binary(MG_ADD, low, high));
    const double slope = 7.0;
    mg_pause pause;

    CHECK_INT(row_of(x[1]), row_of(x[0]) + 1); /* marked together, by `high` and again by `low` */
    CHECK_INT(mg_backward(z, 1.0, &pause), 1);
    CHECK_INT(pause.node, high);
    CHECK_INT(mg_by_hand(x[1], &c, 1, &slope, NULL, 2.0), x[1]);
    CHECK_INT(mg_sweep_resume(&pause), MG_OK);
    CHECK_REAL(mg_grad(a), -1.0);
    CHECK_REAL(mg_grad(c), 7.0);
}

TEST(closures_have_their_turn_from_the_top_down_each_once)
{
    for (int32_t gap = 0; gap < 5000; gap = gap * 7 + 1) { /* all in one block, or far apart */
        const int32_t x = leaf(3.0);
        int32_t z[6], native[6];
        mg_pause pause;

        for (int32_t i = 0; i < 6; i++) {
            z[i] = custom(i ? native[i - 1] : x, 1.0);
            for (int32_t j = 0; j < gap; j++)
                leaf(0.0);
            native[i] = made(mg_binary(MG_ADD, z[i], z[i]));
        }
        int32_t status = mg_backward(native[5], 1.0, &pause);
        for (int32_t i = 5; i >= 0; i--) {
            const int32_t below = i ? native[i - 1] : x;
            CHECK_INT(status, 1);
            CHECK_INT(pause.node, z[i]);
            CHECK_INT(mg_set_grad(below, mg_grad(below) + 10.0 * mg_grad(z[i])), MG_OK);
            status = mg_sweep_resume(&pause);
        }
        CHECK_INT(status, MG_OK);
        CHECK_REAL(mg_grad(x), 64e6); /* (2 * 10) ** 6 */
        CHECK(mg_test_no_marks());
    }
}

TEST(the_engine_applies_no_derivative_where_a_closure_stands)
{
    const int32_t x = leaf(3.0), y = python(made(mg_binary(MG_MUL, x, x))), z = made(mg_unary(MG_NEG, y));
    mg_pause pause;

    CHECK_INT(mg_backward(z, 1.0, &pause), 1);
    CHECK_REAL(mg_grad(x), 0.0);
    CHECK_INT(mg_backward_node(y), MG_OK); /* the closure may call the engine's own */
    CHECK_REAL(mg_grad(x), -6.0);
    CHECK_INT(mg_sweep_resume(&pause), MG_OK);
    CHECK_REAL(mg_grad(x), -6.0);
}

TEST(a_closed_sweep_leaves_no_marks_and_goes_no_further)
{
    const int32_t x = leaf(1.0), low = chain(x, 10000), z = custom(low, 1.0), top = made(mg_unary(MG_NEG, z));
    mg_pause pause, copy;

    CHECK_INT(mg_backward(top, 1.0, &pause), 1);
    copy = pause;
    mg_sweep_close(&pause);
    CHECK_INT(pause.sweep, 0);
    CHECK_INT(figures().open_sweeps, 0);
    CHECK(mg_test_no_marks());
    CHECK_REAL(mg_grad(low), 0.0);
    mg_sweep_close(&pause); /* nothing */
    mg_sweep_close(&copy);
    CHECK_INT(figures().open_sweeps, 0);
    CHECK_INT(mg_sweep_resume(&pause), MG_EARGUMENT);
    CHECK_INT(mg_sweep_resume(&copy), MG_EARGUMENT);
    backward(low);
    CHECK_REAL(mg_grad(x), 1.0);
}

TEST(a_pause_that_never_was_is_refused)
{
    const int32_t numbers[] = {0, -1, 1, 1000, INT32_MAX, INT32_MIN};

    for (int32_t i = 0; i < LENGTH(numbers); i++) {
        mg_pause pause = {.sweep = numbers[i]};
        CHECK_INT(mg_sweep_resume(&pause), MG_EARGUMENT);
        pause.sweep = numbers[i];
        mg_sweep_close(&pause);
        CHECK_INT(figures().open_sweeps, 0);
    }
}

TEST(sweeps_nest_in_any_order_of_ends)
{
    const int32_t x = leaf(2.0), y = custom(x, 1.0), z = made(mg_unary(MG_NEG, y)),
                  f = made(mg_unary(MG_EXP, x));
    mg_pause pauses[5];

    for (int32_t round = 0; round < 5; round++) {
        for (int32_t i = 0; i < 5; i++) {
            CHECK_INT(mg_backward(z, 1.0, &pauses[i]), 1);
            CHECK_INT(figures().open_sweeps, i + 1);
            for (int32_t j = 0; j < i; j++)
                CHECK(pauses[i].sweep != pauses[j].sweep);
        }
        backward(f); /* one without a pause in between */
        CHECK_INT(mg_zero_grad(z), MG_OK);
        for (int32_t i = 0; i < 5; i++) {
            mg_pause *pause = &pauses[(i * 2 + round) % 5];
            if (i % 2)
                mg_sweep_close(pause);
            else
                CHECK_INT(mg_sweep_resume(pause), MG_OK);
            CHECK_INT(figures().open_sweeps, 4 - i);
        }
        CHECK(mg_test_no_marks());
    }
}

TEST(a_nested_sweep_over_the_same_graph_does_not_disturb_the_outer_one)
{
    const int32_t x = leaf(2.0), y = made(mg_binary(MG_MUL, x, x)), z = custom(y, 1.0),
                  top = made(mg_unary(MG_NEG, z));
    mg_pause outer;

    CHECK_INT(mg_backward(top, 1.0, &outer), 1);
    backward(y); /* y.grad = 1, x.grad = 4 */
    CHECK_REAL(mg_grad(x), 4.0);
    CHECK_INT(mg_sweep_resume(&outer), MG_OK);
    CHECK_REAL(mg_grad(x), 8.0);
}

TEST(a_paused_sweep_stands_while_the_arena_grows_and_nodes_die)
{
    enum { N = 50000 };
    static int32_t extra[N];
    const int32_t gap = leaf(0.0), x = leaf(2.0), y = made(mg_binary(MG_MUL, x, x)), z = custom(y, 1.0);
    const int32_t top = made(mg_unary(MG_NEG, z));
    mg_pause pause;

    CHECK_INT(mg_backward(top, 1.0, &pause), 1);
    drop(gap);
    for (int32_t i = 0; i < N; i++)
        extra[i] = made(mg_unary_k(MG_POW, x, 2.0));
    backward(extra[N - 1]); /* higher marks than the outer sweep has */
    CHECK_REAL(mg_grad(x), 4.0);
    mg_free(extra, N);
    drop(top);
    CHECK_INT(mg_set_grad(y, 1.0), MG_OK);
    CHECK_INT(mg_sweep_resume(&pause), MG_OK);
    CHECK_REAL(mg_grad(x), 8.0);
    drop(z);
    CHECK_INT(figures().rows, 3);
}

TEST(a_node_that_dies_before_its_turn_has_no_closure_any_more)
{
    const int32_t x = leaf(2.0), y = made(mg_unary(MG_NEG, x)), low = custom(y, 1.0), high = custom(low, 1.0);
    mg_pause pause;

    CHECK_INT(mg_backward(high, 1.0, &pause), 1);
    CHECK_INT(pause.node, high);
    CHECK_INT(mg_set_grad(y, 5.0), MG_OK);
    drop(low);
    CHECK_INT(mg_sweep_resume(&pause), MG_OK); /* does not wait for nobody */
    CHECK_REAL(mg_grad(x), -5.0);              /* and yet goes on below it */
}

/* ---- closures handed out by the dozen ---- */

/* What a closure of `custom` does here: the order in which they run shows in the gradients. */
static void run_closure(int32_t node, int32_t below, int32_t turn)
{
    CHECK_INT(mg_set_grad(below, mg_grad(below) + mg_grad(node) + turn), MG_OK);
}

TEST(closures_are_handed_out_together_in_the_order_in_which_a_sweep_waits_for_them)
{
    enum { N = 400 };
    int32_t h[N], below[N];
    double expected[N];

    for (uint64_t seed = 1; seed <= 60; seed++) {
        rng r = {seed};
        check_note("seed %" PRIu64, seed);
        const int32_t by_hand = random_below(&r, 9); /* of 8 nodes */
        int32_t x = h[0] = leaf(1.0), turn = 0;
        for (int32_t i = 1; i < N; i++) {
            const int32_t at = random_below(&r, i);
            x = random_below(&r, 8) < by_hand ? custom(h[at], 1.0) : made(mg_binary(MG_ADD, h[at], x));
            h[i] = x;
            below[i] = h[at];
        }
        x = made(mg_nary(MG_SUM, h, N));
        mg_pause pause;
        for (int32_t status = mg_backward(x, 1.0, &pause); status; status = mg_sweep_resume(&pause)) {
            CHECK_INT(status, 1);
            for (int32_t i = 0; i < N; i++)
                if (h[i] == pause.node)
                    run_closure(h[i], below[i], turn++);
        }
        for (int32_t i = 0; i < N; i++)
            expected[i] = mg_grad(h[i]);
        CHECK_INT(mg_set_grads(h, N, 0.0, NULL), MG_OK);
        const int32_t turns = turn;
        turn = 0;
        for (int32_t n = mg_backward(x, 1.0, &pause); n && (n = mg_sweep_closures(&pause));) {
            CHECK(n >= 1 && n <= MG_CLOSURES);
            CHECK_INT(pause.nodes[0], pause.node);
            for (int32_t j = 0; j < n; j++)
                for (int32_t i = 0; i < N; i++)
                    if (h[i] == pause.nodes[j])
                        run_closure(h[i], below[i], turn++);
        }
        CHECK_INT(turn, turns);
        for (int32_t i = 0; i < N; i++)
            CHECK_REAL(mg_grad(h[i]), expected[i]);
        CHECK_INT(figures().open_sweeps, 0);
        CHECK(mg_test_no_marks());
        CHECK_INT(mg_sweep_closures(&pause), MG_EARGUMENT);
        drop_all();
    }
}

TEST(a_sweep_that_is_closed_between_closures_leaves_no_marks)
{
    int32_t x[100];
    const int32_t a = leaf(1.0);
    mg_pause pause;

    for (int32_t i = 0; i < 100; i++)
        x[i] = custom(a, 1.0);
    drop(x[97]);
    x[97] = custom(a, 2.0);
    CHECK_INT(mg_backward(made(mg_nary(MG_SUM, x, 100)), 1.0, &pause), 1);
    CHECK(mg_sweep_closures(&pause) > 1);
    mg_sweep_close(&pause);
    CHECK_INT(figures().open_sweeps, 0);
    CHECK(mg_test_no_marks());
}

TEST(closures_that_were_handed_out_and_did_not_run_are_visited_again)
{
    enum { N = 200 };
    int32_t x[N];
    const int32_t a = leaf(2.0), b = made(mg_unary(MG_TANH, a));
    int32_t turn = 0;
    mg_pause pause;

    for (int32_t i = 0; i < N; i++)
        x[i] = custom(a, 1.0);
    CHECK_INT(mg_set_python(b, 1), MG_OK); /* no sweep waits */
    CHECK_INT(mg_set_python(b, 0), MG_OK);
    const int32_t root = made(mg_nary(MG_SUM, x, N));
    for (int32_t n = mg_backward(root, 1.0, &pause); n && (n = mg_sweep_closures(&pause));) {
        CHECK_INT(pause.nodes[0], x[N - 1 - turn]);
        if (turn == 30)
            CHECK_INT(mg_by_hand(pause.nodes[1], &b, 1, NULL, NULL, 1.0), pause.nodes[1]);
        if (turn == 40) {
            CHECK_INT(mg_set_python(b, 1), 1);
            CHECK_INT(mg_set_python(b, 1), MG_OK); /* it was one before */
        }
        pause.left = n - 1; /* the first alone has run */
        if (++turn == N)
            break;
    }
    CHECK_INT(mg_sweep_closures(&pause), 1); /* b: one of its readers has it since turn 30 */
    CHECK_INT(pause.nodes[0], b);
    CHECK_INT(mg_sweep_closures(&pause), 0);
    CHECK_INT(figures().open_sweeps, 0);
    CHECK(mg_test_no_marks());
}

/* ---- random graphs against a sweep over all rows ---- */

TEST(random_graphs_get_the_gradients_of_a_sweep_without_marks)
{
    enum { N = 3000 };
    static int32_t h[N], x[N], y[N], op[N];
    static double gradient[N];
    static bool reached[N];
    static const int32_t ops[] = {MG_ADD, MG_SUB, MG_MUL};

    for (uint64_t seed = 1; seed <= 30; seed++) {
        rng r = {seed};
        check_note("seed %" PRIu64, seed);
        const int32_t reach = 1 + random_below(&r, N); /* how far back operands are looked for */
        for (int32_t i = 0; i < N; i++) {
            const int32_t from = i > reach ? i - reach : 0;
            const bool is_leaf = i == 0 || random_below(&r, 4) == 0;
            op[i] = is_leaf ? MG_LEAF : ops[random_below(&r, 3)];
            x[i] = is_leaf ? 0 : from + random_below(&r, i - from);
            y[i] = is_leaf ? 0 : from + random_below(&r, i - from);
            h[i] = is_leaf ? leaf(random_real(&r)) : made(mg_binary(op[i], h[x[i]], h[y[i]]));
            gradient[i] = 0.0;
        }
        for (int32_t i = 0; i < 5; i++) {
            const int32_t root = random_below(&r, N);
            CHECK_INT(mg_set_grads(h, N, 0.0, NULL), MG_OK);
            memset(gradient, 0, sizeof gradient);
            backward(h[root]);
            CHECK(mg_test_no_marks());
            memset(reached, 0, sizeof reached);
            gradient[root] = 1.0;
            reached[root] = true;
            for (int32_t j = root; j >= 0; j--) {
                const double g = gradient[j];
                if (op[j] == MG_LEAF || !reached[j])
                    continue;
                reached[x[j]] = reached[y[j]] = true;
                gradient[x[j]] += op[j] == MG_MUL ? g * mg_data(h[y[j]]) : g;
                gradient[y[j]] += op[j] == MG_MUL ? g * mg_data(h[x[j]]) : op[j] == MG_SUB ? -g : g;
            }
            for (int32_t j = 0; j < N; j++)
                CHECK_REAL(mg_grad(h[j]), gradient[j]);
        }
        drop_all();
    }
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(the_example_at_the_head_of_the_header_works);
    RUN(a_leaf_alone_gets_the_seed);
    RUN(an_operand_read_twice_gets_both_contributions);
    RUN(paths_of_a_diamond_add_up);
    RUN(a_second_backward_adds_to_interior_nodes_too);
    RUN(derivatives_are_those_of_the_current_data);
    RUN(nothing_outside_of_the_graph_below_the_root_is_touched);
    RUN(the_depth_of_a_graph_is_no_limit);
    RUN(a_wide_graph_is_swept_whole);
    RUN(nodes_at_the_borders_of_blocks_are_found);
    RUN(backward_of_one_node_reaches_its_operands_and_no_further);
    RUN(zero_grad_reaches_all_below_through_every_shape);
    RUN(a_root_made_by_hand_pauses_the_sweep_with_its_seed_set);
    RUN(a_leaf_with_a_closure_pauses_the_sweep);
    RUN(a_leaf_with_a_closure_inside_a_run_pauses_the_sweep);
    RUN(a_leaf_that_gets_operands_in_a_pause_passes_its_gradient_on);
    RUN(closures_have_their_turn_from_the_top_down_each_once);
    RUN(the_engine_applies_no_derivative_where_a_closure_stands);
    RUN(a_closed_sweep_leaves_no_marks_and_goes_no_further);
    RUN(a_pause_that_never_was_is_refused);
    RUN(sweeps_nest_in_any_order_of_ends);
    RUN(a_nested_sweep_over_the_same_graph_does_not_disturb_the_outer_one);
    RUN(a_paused_sweep_stands_while_the_arena_grows_and_nodes_die);
    RUN(a_node_that_dies_before_its_turn_has_no_closure_any_more);
    RUN(closures_are_handed_out_together_in_the_order_in_which_a_sweep_waits_for_them);
    RUN(a_sweep_that_is_closed_between_closures_leaves_no_marks);
    RUN(closures_that_were_handed_out_and_did_not_run_are_visited_again);
    RUN(random_graphs_get_the_gradients_of_a_sweep_without_marks);
    return 0;
}
