/* Nodes made by hand: their derivatives, and nodes that become something else. */
#include "check.h"

TEST(given_derivatives_are_used_as_they_are)
{
    const int32_t a = leaf(2.0), b = leaf(3.0), x[] = {a, b, a};
    const double slopes[] = {10.0, 20.0, 0.5};
    const int32_t z = made(mg_by_hand(MG_NONE, x, 3, slopes, NULL, 7.0)), y = made(mg_unary(MG_NEG, z));
    double local[3];

    CHECK_INT(op_of(z), MG_GIVEN);
    CHECK_REAL(mg_data(z), 7.0);
    backward(y);
    CHECK_REAL(mg_grad(a), -10.5);
    CHECK_REAL(mg_grad(b), -20.0);
    CHECK_INT(mg_local_derivatives(z, NULL, 2), 3); /* no room: nothing is written */
    CHECK_INT(mg_local_derivatives(z, local, 3), 3);
    for (int32_t i = 0; i < 3; i++)
        CHECK_REAL(local[i], slopes[i]);
}

TEST(derivatives_given_as_nodes_are_read_when_backward_comes_and_get_nothing)
{
    const int32_t a = leaf(2.0), b = leaf(3.0), x[] = {a, b}, slopes[] = {b, a};
    const int32_t z = made(mg_by_hand(MG_NONE, x, 2, NULL, slopes, 6.0));

    CHECK_INT(mg_set_data(b, 5.0), MG_OK);
    backward(z);
    CHECK_REAL(mg_grad(a), 5.0);
    CHECK_REAL(mg_grad(b), 2.0);
}

TEST(local_derivatives_of_every_op_are_what_backward_adds)
{
    const int32_t a = leaf(0.5), b = leaf(0.25), c = leaf(0.75), w[] = {a, b}, x[] = {b, c};
    const double numbers[] = {0.5, 0.25};
    int32_t z[MG_OPS + 3], n = 0;

    for (int32_t op = 0; op < MG_OPS; op++)
        if (mg_op_row(op)->takes_k)
            z[n++] = made(mg_unary_k(op, a, 3.0));
        else if (mg_op_row(op)->arity == 1)
            z[n++] = made(mg_unary(op, a));
        else if (mg_op_row(op)->arity == 2)
            z[n++] = made(mg_binary(op, a, b));
    z[n++] = made(mg_nary(MG_SUM, w, 2));
    z[n++] = made(mg_by_hand(MG_NONE, w, 2, numbers, NULL, 0.0));
    for (int32_t i = 0; i < n; i++) {
        double local[2] = {0.0, 0.0};
        CHECK_INT(mg_set_grads(w, 2, 0.0, NULL), MG_OK);
        backward(z[i]);
        CHECK(mg_local_derivatives(z[i], local, 2) > 0);
        CHECK_REAL(mg_grad(a), local[0]);
        CHECK_REAL(mg_grad(b), local[1]);
    }
    const int32_t dot = made(mg_dot(w, x, 2, c, MG_TANH));
    const double slope = 1 - mg_data(dot) * mg_data(dot), expected[] = {0.5, 0.25, 0.25, 0.75, 1.0};
    double local[5];
    CHECK_INT(mg_local_derivatives(dot, local, 5), 5);
    for (int32_t i = 0; i < 5; i++)
        CHECK_REAL(local[i], slope * expected[i]);
}

TEST(a_node_becomes_another_and_keeps_its_handle_and_grad)
{
    const int32_t a = leaf(2.0), z = leaf(1.0), reader = made(mg_binary(MG_MUL, z, z)), young = leaf(5.0);
    const int32_t old_and_young[] = {a, young};

    CHECK_INT(mg_set_grad(z, 9.0), MG_OK);
    CHECK_INT(mg_is_read(z), 1);
    CHECK_INT(mg_is_read(young), 0);
    CHECK_INT(mg_by_hand(z, &young, 1, NULL, NULL, 4.0), MG_EORDER);
    CHECK_INT(mg_by_hand(a, &a, 1, NULL, NULL, 4.0), MG_EORDER);
    CHECK_INT(op_of(z), MG_LEAF);
    CHECK_REAL(mg_data(z), 1.0);
    CHECK_INT(mg_by_hand(z, &a, 1, (const double[]){3.0}, NULL, 4.0), z); /* in its place */
    CHECK_REAL(mg_data(z), 4.0);
    CHECK_REAL(mg_grad(z), 9.0);
    check_arena();
    backward(reader);
    CHECK_REAL(mg_grad(a), 3.0 * (9.0 + 8.0));
    drop(reader);
    CHECK_INT(mg_by_hand(z, old_and_young, 2, NULL, NULL, 4.0), z); /* on top */
    check_arena();
    CHECK_INT(mg_by_hand(z, NULL, 0, NULL, NULL, 1.0), z);
    CHECK_INT(op_of(z), MG_LEAF);
    check_arena();
}

/* What every node was made of, by place in this list. */
enum { NODES = 60, MOST_OPERANDS = 5 };
static struct {
    int32_t handle, n, x[2 * MOST_OPERANDS + 1];
} shadow[NODES];

static bool reads(int32_t i, int32_t handle)
{
    for (int32_t j = 0; j < shadow[i].n; j++)
        if (shadow[i].x[j] == handle)
            return true;
    return false;
}

static void check_shadow(int32_t count)
{
    int32_t rows[2 * MOST_OPERANDS + 1];

    check_arena();
    for (int32_t i = 0; i < count; i++) {
        CHECK_INT(operands_of(row_of(shadow[i].handle), rows, LENGTH(rows)), shadow[i].n);
        for (int32_t j = 0; j < shadow[i].n; j++)
            CHECK_INT(mg.handle[rows[j]], shadow[i].x[j]);
    }
}

/* A layer over random operands; its neurons share a list. */
static int32_t add_layer(rng *r, int32_t count)
{
    const int32_t neurons = 1 + random_below(r, 3), width = 1 + random_below(r, 3);
    int32_t x[3], w[9], biases[3], activations[3], out[3];

    for (int32_t i = 0; i < width; i++)
        x[i] = shadow[random_below(r, count)].handle;
    for (int32_t j = 0; j < neurons; j++) {
        biases[j] = shadow[random_below(r, count)].handle;
        activations[j] = MG_RELU;
        for (int32_t i = 0; i < width; i++)
            w[j * width + i] = shadow[random_below(r, count)].handle;
    }
    const mg_layer layer = {neurons, w, biases, activations, NULL};
    CHECK_INT(mg_layers(&layer, 1, x, width, out), MG_OK);
    for (int32_t j = 0; j < neurons; j++) {
        shadow[count].handle = out[j];
        shadow[count].n = 2 * width + 1;
        memcpy(shadow[count].x, x, (size_t)width * sizeof *x);
        memcpy(shadow[count].x + width, w + j * width, (size_t)width * sizeof *w);
        shadow[count++].x[2 * width] = biases[j];
    }
    return count;
}

TEST(nodes_become_others_in_any_order)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        rng r = {seed};
        int32_t count = 2;

        check_note("seed %" PRIu64, seed);
        for (int32_t i = 0; i < count; i++) {
            shadow[i].handle = leaf(1.0);
            shadow[i].n = 0;
        }
        while (count < NODES - 3) {
            int32_t x[2 * MOST_OPERANDS], n = random_below(&r, MOST_OPERANDS);
            const double slopes[MOST_OPERANDS] = {1.0, 2.0, 3.0, 4.0, 5.0};
            const int32_t kind = random_below(&r, 4), what = random_below(&r, 12);
            for (int32_t i = 0, at = 0; i < 2 * n; i++) {
                at = random_below(&r, 2) && i ? (at + 1) % count : random_below(&r, count); /* often a run */
                x[i] = shadow[at].handle;
            }
            const double *numbers = kind == 1 && n ? slopes : NULL;
            const int32_t *nodes = kind == 2 && n ? x + n : NULL;
            const int32_t all = nodes ? 2 * n : n;
            if (what < 4) {
                shadow[count].handle = made(mg_by_hand(MG_NONE, x, n, numbers, nodes, 1.0));
                shadow[count].n = all;
                memcpy(shadow[count++].x, x, (size_t)all * sizeof *x);
            } else if (what == 4) {
                const int32_t last = shadow[count - 1].handle;
                shadow[count].handle = made(mg_unary_k(MG_LEAKY_RELU, last, 2.0));
                shadow[count].n = 1;
                shadow[count++].x[0] = last;
            } else if (what == 5) {
                count = add_layer(&r, count);
            } else if (what == 6) {
                if (random_below(&r, 4) == 0)
                    squeeze_now();
            } else if (what == 7 && count > 3) { /* one that nobody reads dies */
                const int32_t i = random_below(&r, count);
                bool read = false;
                for (int32_t j = 0; j < count; j++)
                    read |= reads(j, shadow[i].handle);
                if (!read) {
                    drop(shadow[i].handle);
                    shadow[i] = shadow[--count];
                }
            } else {
                const int32_t i = random_below(&r, count), handle = shadow[i].handle;
                bool read = false, younger = false;
                for (int32_t j = 0; j < count; j++)
                    read |= reads(j, handle);
                for (int32_t j = 0; j < all; j++)
                    younger |= row_of(x[j]) >= row_of(handle);
                CHECK_INT(mg_is_read(handle), read);
                const int32_t status = mg_by_hand(handle, x, n, numbers, nodes, 1.0);
                if (status < 0) {
                    CHECK_INT(status, MG_EORDER);
                    CHECK(read || younger);
                } else {
                    CHECK(!(read && younger));
                    shadow[i].n = all;
                    memcpy(shadow[i].x, x, (size_t)all * sizeof *x);
                }
            }
            check_shadow(count);
        }
        squeeze_now();
        check_shadow(count);
        for (int32_t i = 0; i < count; i++)
            drop(shadow[i].handle);
        CHECK_INT(figures().live_nodes, 0);
    }
}

/* Its parts of the pool stand where the order of the rows does not want them, until a squeeze. */
TEST(the_pool_of_a_node_that_becomes_another_again_and_again_stays_small)
{
    const int32_t a = leaf(2.0), b = leaf(3.0), z = leaf(1.0), x[] = {b, a};
    const int32_t reader = made(mg_nary(MG_SUM, (int32_t[]){z, a, z}, 3));

    for (int32_t i = 0; i < 200000; i++) {
        const double slopes[] = {i, 2.0 * i};
        CHECK_INT(mg_by_hand(z, x, 2, slopes, NULL, i), z);
        drop(made(mg_nary(MG_SUM, x, 2)));
    }
    CHECK(figures().squeezes > 0 && figures().bytes_in_use < 1 << 20);
    check_arena();
    backward(reader);
    CHECK_REAL(mg_grad(z), 2.0);
    CHECK_REAL(mg_grad(b), 2.0 * 199999);
    CHECK_REAL(mg_grad(a), 4.0 * 199999 + 1.0);
}

TEST(a_squeeze_of_a_mixed_pool_without_memory_is_put_off)
{
    for (int64_t fail_at = 0; fail_at < 2; fail_at++) {
        const int32_t a = leaf(2.0), b = leaf(3.0), z = leaf(1.0), reader = made(mg_unary_k(MG_POW, z, 2.0));
        int32_t *rubbish = malloc(20000 * sizeof *rubbish);

        CHECK_INT(mg_by_hand(z, (int32_t[]){b, a}, 2, (double[]){5.0, 7.0}, NULL, 4.0), z);
        for (int32_t i = 0; i < 20000; i++)
            rubbish[i] = leaf(0.0);
        const int32_t lid = leaf(0.0);
        mg_free(rubbish, 20000);
        const int64_t squeezes = figures().squeezes;
        for (int32_t again = 0; again < 2; again++) { /* at first without memory */
            mg_test_allocations = 0;
            mg_test_fail_at = again ? -1 : fail_at;
            const int32_t y = leaf(0.0);
            mg_test_fail_at = -1;
            CHECK_INT(figures().squeezes, squeezes + again);
            check_arena();
            drop(y);
            mg_free(NULL, 0);
        }
        backward(reader);
        CHECK_REAL(mg_grad(b), 5.0 * 8.0);
        CHECK_REAL(mg_grad(a), 7.0 * 8.0);
        drop(lid);
        free(rubbish);
        drop_all();
    }
}

TEST(what_names_no_node_or_no_count_is_refused_and_changes_nothing)
{
    const int32_t a = leaf(1.0), z = made(mg_unary(MG_NEG, a)), dead = leaf(2.0);
    const int32_t bad[] = {a, dead}, good[] = {a, a};
    const double slopes[] = {3.0, 4.0};
    double local = 7.0;

    drop(dead);
    const uint64_t before = digest();
    CHECK_INT(mg_by_hand(MG_NONE, good, -1, slopes, NULL, 1.0), MG_EARGUMENT);
    CHECK_INT(mg_by_hand(dead, good, 2, slopes, NULL, 1.0), MG_EHANDLE);
    CHECK_INT(mg_by_hand(z, bad, 2, slopes, NULL, 1.0), MG_EHANDLE);
    CHECK_INT(mg_by_hand(MG_NONE, good, 2, NULL, bad, 1.0), MG_EHANDLE);
    CHECK_INT(mg_is_read(dead), MG_EHANDLE);
    CHECK_INT(mg_local_derivatives(dead, &local, 1), MG_EHANDLE);
    CHECK_INT(mg_local_derivatives(a, &local, 1), 0); /* a leaf has none */
    CHECK_REAL(local, 7.0);
    CHECK(digest() == before);
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(what_names_no_node_or_no_count_is_refused_and_changes_nothing);
    RUN(given_derivatives_are_used_as_they_are);
    RUN(derivatives_given_as_nodes_are_read_when_backward_comes_and_get_nothing);
    RUN(local_derivatives_of_every_op_are_what_backward_adds);
    RUN(a_node_becomes_another_and_keeps_its_handle_and_grad);
    RUN(nodes_become_others_in_any_order);
    RUN(the_pool_of_a_node_that_becomes_another_again_and_again_stays_small);
    RUN(a_squeeze_of_a_mixed_pool_without_memory_is_put_off);
    return 0;
}
