/* Fused neurons against the same neurons as scalar graphs. */
#include "check.h"

enum { WIDTH = 40, NEURONS = 9, LAYERS = 3 };

/* Layers as they are handed to mg_layers, and the arrays that they point into. */
typedef struct {
    mg_layer layers[LAYERS];
    int32_t count;
    int32_t biases[LAYERS][NEURONS], activations[LAYERS][NEURONS];
    int32_t weights[LAYERS][NEURONS * WIDTH];
    int8_t consecutive[LAYERS][NEURONS];
    int32_t x[WIDTH], inputs;
    int32_t out[LAYERS * NEURONS], outs;
} net;

/* n leaves: in consecutive rows, or with other rows between them. */
static void some_leaves(rng *r, int32_t n, bool consecutive, int32_t *out)
{
    for (int32_t i = 0; i < n; i++) {
        out[i] = leaf(random_real(r));
        if (!consecutive && random_below(r, 2))
            leaf(0.0);
    }
}

static void add_layer(net *m, int32_t neurons)
{
    const int32_t l = m->count++;

    m->layers[l] = (mg_layer){neurons, m->weights[l], m->biases[l], m->activations[l], m->consecutive[l]};
    m->outs += neurons;
}

/* The scalar form of a neuron: sum((w*x for ..), bias), then the activation. */
static int32_t scalar_neuron(const int32_t *w, const int32_t *x, int32_t n, int32_t bias, int32_t activation)
{
    int32_t z = bias == MG_NONE ? leaf(0.0) : bias;

    for (int32_t i = 0; i < n; i++)
        z = made(mg_binary(MG_ADD, z, made(mg_binary(MG_MUL, w[i], x[i]))));
    return activation == MG_NONE ? z : made(mg_unary(activation, z));
}

/* Gradients of all leaves after backward from `root`. */
static void leaf_gradients(int32_t root, int64_t rows, double *gradient)
{
    for (int64_t row = 0; row < mg.rows; row++)
        mg.grad[row] = 0.0;
    backward(root);
    memcpy(gradient, mg.grad, (size_t)rows * sizeof *gradient);
}

/* The fused net gives the very values of the scalar one, and its gradients. */
static void compare_with_scalar_form(net *m)
{
    const int64_t leaves = mg.rows;
    int32_t scalar[LAYERS * NEURONS], *next = scalar;
    const int32_t *x = m->x;
    double *gradient[2] = {malloc((size_t)leaves * sizeof(double)), malloc((size_t)leaves * sizeof(double))};

    CHECK_INT(mg_layers(m->layers, m->count, m->x, m->inputs, m->out), MG_OK);
    check_arena();
    CHECK_INT(mg.rows, leaves + m->outs);
    for (int32_t l = 0, width = m->inputs; l < m->count; width = m->layers[l++].neurons) {
        const int32_t *w = m->weights[l], *above = next;
        for (int32_t j = 0; j < m->layers[l].neurons; j++, w += width)
            *next++ = scalar_neuron(w, x, width, m->biases[l][j], m->activations[l][j]);
        x = above;
    }
    for (int32_t i = 0; i < m->outs; i++)
        CHECK_REAL(mg_data(m->out[i]), mg_data(scalar[i]));

    const int32_t last = m->layers[m->count - 1].neurons;
    leaf_gradients(made(mg_nary(MG_SUM, m->out + m->outs - last, last)), leaves, gradient[0]);
    leaf_gradients(made(mg_nary(MG_SUM, scalar + m->outs - last, last)), leaves, gradient[1]);
    double most = 0.0;
    for (int64_t row = 0; row < leaves; row++)
        most = fmax(most, fabs(gradient[1][row]));
    for (int64_t row = 0; row < leaves; row++)
        CHECK_NEAR(gradient[0][row], gradient[1][row], 1e-12 * most);
    free(gradient[0]);
    free(gradient[1]);
}

static const int32_t activations[] = {MG_NONE, MG_RELU, MG_TANH, MG_SIGMOID};

/* A layer for each way that weights and inputs may stand, with any number of inputs and neurons. */
TEST(values_are_those_of_the_scalar_form_and_gradients_agree)
{
    for (int32_t ways = 0; ways < 8; ways++)
        for (int32_t inputs = 0; inputs < WIDTH; inputs += inputs < 6 ? 1 : 11)
            for (int32_t neurons = 1; neurons <= NEURONS; neurons++) {
                rng r = {(uint64_t)(ways * 10000 + inputs * 100 + neurons)};
                net m = {.inputs = inputs};
                check_note("ways %d, inputs %d, neurons %d", ways, inputs, neurons);
                some_leaves(&r, inputs, ways & 1, m.x);
                add_layer(&m, neurons);
                int32_t *w = m.weights[0];
                for (int32_t j = 0; j < neurons; j++, w += inputs) {
                    m.activations[0][j] = activations[j % 4];
                    some_leaves(&r, inputs, ways & 2, w);
                    m.biases[0][j] = ways & 4 ? leaf(random_real(&r)) : MG_NONE;
                }
                compare_with_scalar_form(&m);
                for (int32_t j = 0; j < neurons && inputs > 0 && ways & 2; j++)
                    CHECK_INT(m.consecutive[0][j], 1);
                drop_all();
            }
}

/* Any layers at all: parameters shared, inputs that are weights, inputs repeated. */
TEST(random_nets_agree_with_the_scalar_form)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        rng r = {seed};
        net m = {.inputs = random_below(&r, WIDTH)};
        int32_t pool[200], width = m.inputs;

        check_note("seed %" PRIu64, seed);
        some_leaves(&r, 200, seed % 2, pool);
        for (int32_t i = 0; i < m.inputs; i++) {
            if (seed % 3)
                m.x[i] = pool[(seed * 7 + (uint64_t)i) % 200];
            else
                m.x[i] = pool[random_below(&r, 200)];
        }
        for (int32_t l = 0; l < 1 + (int32_t)(seed % LAYERS); l++) {
            add_layer(&m, 1 + random_below(&r, NEURONS));
            int32_t *w = m.weights[l];
            for (int32_t j = 0; j < m.layers[l].neurons; j++, w += width) {
                const int32_t from = random_below(&r, 200 - WIDTH);
                const bool run = random_below(&r, 2);
                m.activations[l][j] = activations[random_below(&r, 4)];
                m.biases[l][j] = random_below(&r, 3) ? pool[random_below(&r, 200)] : MG_NONE;
                for (int32_t i = 0; i < width; i++)
                    w[i] = run ? pool[from + i] : pool[random_below(&r, 200)];
            }
            width = m.layers[l].neurons;
        }
        compare_with_scalar_form(&m);
        drop_all();
    }
}

TEST(a_layer_of_which_the_consecutive_weights_are_known_gives_the_same_again)
{
    rng r = {7};
    net m = {.inputs = 5};
    const int32_t gap = leaf(0.0);
    double first[8];

    some_leaves(&r, 5, false, m.x);
    add_layer(&m, 8);
    for (int32_t j = 0; j < 8; j++) {
        m.activations[0][j] = MG_TANH;
        some_leaves(&r, 5, j != 3, m.weights[0] + 5 * j);
        leaf(0.0);
        m.biases[0][j] = leaf(random_real(&r));
    }
    for (int32_t round = 0; round < 4; round++) {
        CHECK_INT(mg_layers(m.layers, 1, m.x, 5, m.out), MG_OK);
        for (int32_t j = 0; j < 8; j++) {
            if (round)
                CHECK_REAL(mg_data(m.out[j]), first[j]);
            first[j] = mg_data(m.out[j]);
        }
        check_arena();
        if (round == 0)
            drop(gap);
        squeeze_now(); /* moves the weights */
    }
    m.layers[0].consecutive = NULL;
    CHECK_INT(mg_layers(m.layers, 1, m.x, 5, m.out), MG_OK);
    for (int32_t j = 0; j < 8; j++)
        CHECK_REAL(mg_data(m.out[j]), first[j]);
}

TEST(a_weight_that_moves_to_the_top_ends_its_run)
{
    rng r = {5};
    net m = {.inputs = 4};
    double sum = 0.0;

    some_leaves(&r, 4, true, m.x);
    add_layer(&m, 1);
    m.activations[0][0] = MG_NONE;
    some_leaves(&r, 4, true, m.weights[0]);
    m.biases[0][0] = MG_NONE;
    const int32_t young = leaf(1.0);
    CHECK_INT(mg_by_hand(m.weights[0][2], &young, 1, NULL, NULL, 8.0), m.weights[0][2]);
    m.consecutive[0][0] = 1; /* as it was noted before: the first and the last still stand where they stood */
    CHECK_INT(mg_layers(m.layers, 1, m.x, 4, m.out), MG_OK);
    for (int32_t i = 0; i < 4; i++)
        sum += mg_data(m.weights[0][i]) * mg_data(m.x[i]);
    CHECK_REAL(mg_data(m.out[0]), sum);
    CHECK_INT(m.consecutive[0][0], 0);
}

TEST(weights_that_died_are_refused_though_they_were_a_run)
{
    for (int32_t which = 0; which < 3; which += 2) {
        rng r = {3};
        net m = {.inputs = 3};
        some_leaves(&r, 3, true, m.x);
        add_layer(&m, 1);
        m.activations[0][0] = MG_NONE;
        some_leaves(&r, 3, true, m.weights[0]);
        m.biases[0][0] = leaf(0.0);
        CHECK_INT(mg_layers(m.layers, 1, m.x, 3, m.out), MG_OK);
        CHECK_INT(m.consecutive[0][0], 1);
        drop(m.weights[0][which]);
        const int64_t rows = mg.rows, pool = mg.pool_used;
        CHECK_INT(mg_layers(m.layers, 1, m.x, 3, m.out), MG_EHANDLE);
        CHECK_INT(mg.rows, rows);
        CHECK_INT(mg.pool_used, pool);
        check_arena();
        drop_all();
    }
}

TEST(neurons_of_a_layer_share_the_list_of_their_inputs)
{
    rng r = {1};
    net m = {.inputs = 30};

    some_leaves(&r, 30, false, m.x);
    add_layer(&m, 5);
    for (int32_t j = 0; j < 5; j++) {
        m.activations[0][j] = MG_NONE;
        some_leaves(&r, 30, true, m.weights[0] + 30 * j);
        m.biases[0][j] = MG_NONE;
    }
    const int64_t pool = mg.pool_used;
    CHECK_INT(mg_layers(m.layers, 1, m.x, 30, m.out), MG_OK);
    CHECK_INT(mg.pool_used - pool, MG_LIST_HEAD + 30 + 5 * (MG_DOT_HEAD + MG_LIST_HEAD));
    for (int32_t j = 1; j < 5; j++)
        CHECK_INT(mg.b[row_of(m.out[j])], mg.b[row_of(m.out[0])]);
}

TEST(nothing_is_made_of_layers_with_an_error_in_them)
{
    const int32_t a = leaf(1.0), dead = 1000;
    const int32_t none = MG_NONE, bad = MG_EXP, ws[] = {a, a, a}, broken[] = {a, dead, a}, pair[] = {a, dead};
    const int32_t actives[] = {MG_NONE, MG_NONE}, good[] = {a, a};
    const mg_layer fine = {1, ws, &a, &none, NULL};
    const struct {
        mg_layer second;
        int32_t status;
    } cases[] = {
        {{1, &dead, &a, &none, NULL}, MG_EHANDLE},    {{1, ws, &dead, &none, NULL}, MG_EHANDLE},
        {{2, pair, good, actives, NULL}, MG_EHANDLE}, {{2, good, pair, actives, NULL}, MG_EHANDLE},
        {{-1, ws, &a, &none, NULL}, MG_EARGUMENT},    {{1, ws, &a, &bad, NULL}, MG_EARGUMENT},
    };
    int32_t out[8];

    for (int32_t i = 0; i < LENGTH(cases); i++) {
        const mg_layer layers[] = {fine, cases[i].second};
        const mg_figures before = figures();
        const int64_t pool = mg.pool_used;
        const uint64_t alive = digest();
        check_note("case %d", i);
        for (int32_t j = 0; j < LENGTH(out); j++)
            out[j] = MG_NONE;
        CHECK_INT(mg_layers(layers, 2, ws, 2, out), cases[i].status);
        for (int32_t j = 0; j < LENGTH(out); j++)
            CHECK_INT(out[j], MG_NONE); /* whoever frees them frees nothing */
        CHECK_INT(figures().rows, before.rows);
        CHECK_INT(figures().live_nodes, before.live_nodes);
        CHECK_INT(mg.pool_used, pool);
        CHECK(digest() == alive);
        check_arena();
    }
    const mg_layer wide = {1, ws, &a, &none, NULL};
    CHECK_INT(mg_layers(&wide, 1, broken, 3, out), MG_EHANDLE);
    CHECK_INT(mg_layers(&wide, 1, ws, 3, out), MG_OK);
    CHECK_REAL(mg_data(out[0]), 4.0);
}

TEST(no_layers_and_layers_without_neurons_make_nothing)
{
    const int32_t a = leaf(1.0), none = MG_NONE;
    const mg_layer empty = {0, NULL, NULL, NULL, NULL};
    const mg_layer two[] = {empty, {1, NULL, &a, &none, NULL}};
    int32_t out[2];

    CHECK_INT(mg_layers(NULL, 0, &a, 1, out), MG_OK);
    CHECK_INT(mg_layers(&empty, 1, &a, 1, out), MG_OK);
    CHECK_INT(figures().rows, 1);
    CHECK_INT(mg.pool_used, 0);                      /* a list of inputs would have no owner */
    CHECK_INT(mg_layers(two, 2, &a, 1, out), MG_OK); /* a neuron without inputs is its bias */
    CHECK_REAL(mg_data(out[0]), 1.0);
    backward(out[0]);
    CHECK_REAL(mg_grad(a), 1.0);
}

TEST(a_dot_of_nothing_is_its_bias)
{
    const int32_t b = leaf(0.5);

    CHECK_REAL(mg_data(made(mg_dot(NULL, NULL, 0, MG_NONE, MG_NONE))), 0.0);
    CHECK_REAL(mg_data(made(mg_dot(NULL, NULL, 0, MG_NONE, MG_SIGMOID))), 0.5);
    const int32_t z = made(mg_dot(NULL, NULL, 0, b, MG_TANH));
    CHECK_REAL(mg_data(z), tanh(0.5));
    backward(z);
    CHECK_NEAR(mg_grad(b), 1 - tanh(0.5) * tanh(0.5), 1e-16);
}

TEST(a_dot_without_a_bias_has_the_gradients_of_its_scalar_form)
{
    static const double numbers[] = {0.5, -1.25, 0.75, 2.0};

    for (int32_t op = MG_NONE; op < MG_OPS; op++) {
        if (!mg_is_activation(op))
            continue;
        int32_t v[4];
        double local[4], want[4];
        CHECK_INT(mg_leaves(numbers, 4, v, false), MG_OK);
        const int32_t dot = made(mg_dot(v, v + 2, 2, MG_NONE, op));
        int32_t z =
            made(mg_binary(MG_ADD, made(mg_binary(MG_MUL, v[0], v[2])), made(mg_binary(MG_MUL, v[1], v[3]))));
        if (op != MG_NONE)
            z = made(mg_op_row(op)->takes_k ? mg_unary_k(op, z, mg_op_row(op)->k) : mg_unary(op, z));
        check_note("activation %d", op);
        CHECK_NEAR(mg_data(dot), mg_data(z), 1e-15);
        backward(z);
        for (int32_t i = 0; i < 4; i++)
            want[i] = mg_grad(v[i]);
        CHECK_INT(mg_set_grads(v, 4, 0.0, NULL), MG_OK);
        backward(dot);
        CHECK_INT(mg_local_derivatives(dot, local, 4), 4);
        for (int32_t i = 0; i < 4; i++) {
            CHECK_NEAR(mg_grad(v[i]), want[i], 1e-14);
            CHECK_REAL(local[i], mg_grad(v[(i + 2) % 4])); /* of the inputs, then of the weights */
        }
    }
}

TEST(a_bias_may_be_a_weight_and_an_input_too)
{
    const int32_t a = leaf(3.0), aa[] = {a, a}, z = made(mg_dot(aa, aa, 2, a, MG_NONE));

    CHECK_REAL(mg_data(z), 21.0); /* a + 2a^2 */
    backward(z);
    CHECK_REAL(mg_grad(a), 13.0);
}

TEST(weights_that_are_inputs_in_overlapping_rows_get_both_gradients)
{
    const double data[] = {1.0, 2.0, 3.0, 4.0, 5.0};
    int32_t x[5];

    CHECK_INT(mg_leaves(data, 5, x, false), MG_OK);
    backward(made(mg_dot(x, x + 1, 4, x[4], MG_NONE))); /* sum x[i] x[i+1] + x[4] */
    const double gradient[] = {2.0, 4.0, 6.0, 8.0, 5.0};
    for (int32_t i = 0; i < 5; i++)
        CHECK_REAL(mg_grad(x[i]), gradient[i]);
}

TEST(lists_are_the_same_while_they_hold_the_same_items)
{
    uintptr_t held[] = {7, 8, 9}, first[] = {7}, last[] = {8, 9, 1}, items[] = {0, 0, 3, (uintptr_t)held, 3},
              a[] = {0, 0, 1, (uintptr_t)first, 1}, none[] = {0, 0, 0, 0, 0},
              b[] = {0, 0, 2, (uintptr_t)last, 3};
    const uintptr_t lists[] = {(uintptr_t)items, (uintptr_t)a, 1, (uintptr_t)none, 0, (uintptr_t)b, 2, 0};

    CHECK_INT(mg_same_items(lists), true);
    last[1] = 1;
    CHECK_INT(mg_same_items(lists), false);
    last[1] = 9;
    b[2] = 3; /* appended */
    CHECK_INT(mg_same_items(lists), false);
    b[2] = 1;
    CHECK_INT(mg_same_items(lists), false);
    b[2] = 2;
    CHECK_INT(mg_same_items(lists), true);
    none[2] = 1;
    none[3] = (uintptr_t)last;
    CHECK_INT(mg_same_items(lists), false);
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(values_are_those_of_the_scalar_form_and_gradients_agree);
    RUN(random_nets_agree_with_the_scalar_form);
    RUN(a_layer_of_which_the_consecutive_weights_are_known_gives_the_same_again);
    RUN(a_weight_that_moves_to_the_top_ends_its_run);
    RUN(weights_that_died_are_refused_though_they_were_a_run);
    RUN(neurons_of_a_layer_share_the_list_of_their_inputs);
    RUN(nothing_is_made_of_layers_with_an_error_in_them);
    RUN(no_layers_and_layers_without_neurons_make_nothing);
    RUN(a_dot_of_nothing_is_its_bias);
    RUN(a_dot_without_a_bias_has_the_gradients_of_its_scalar_form);
    RUN(a_bias_may_be_a_weight_and_an_input_too);
    RUN(weights_that_are_inputs_in_overlapping_rows_get_both_gradients);
    RUN(lists_are_the_same_while_they_hold_the_same_items);
    return 0;
}
