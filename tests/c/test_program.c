/* Programs against the nodes that they were recorded from. */
#include "check.h"

enum { INPUTS = 3, PARAMETERS = 5, STEPS = 30, SAMPLES = 77, WIDTH = 6, MOST = 2000 };

/* A random function: leaves, then ops over what is there already. */
typedef struct {
    int32_t op[STEPS], a[STEPS], b[STEPS], steps;
    double parameter[PARAMETERS], x[MOST][INPUTS];
} function;

static const int32_t ops[] = {
    MG_ADD, MG_SUB, MG_MUL, MG_MAXIMUM, MG_LESS, MG_WHEN, MG_TANH, MG_SIN, MG_SIGMOID, MG_RELU, MG_NEG,
#define OPN(id, ...) MG_##id,
#include "ops.def"
};

static void random_function(rng *r, function *f)
{
    f->steps = 1 + random_below(r, STEPS - 1);
    for (int32_t i = 0; i < f->steps; i++) {
        f->op[i] = ops[random_below(r, LENGTH(ops))];
        f->a[i] = random_below(r, INPUTS + PARAMETERS + i);
        f->b[i] = random_below(r, INPUTS + PARAMETERS + i);
    }
    for (int32_t i = 0; i < PARAMETERS; i++)
        f->parameter[i] = random_real(r);
    for (int32_t s = 0; s < MOST; s++)
        for (int32_t i = 0; i < INPUTS; i++)
            f->x[s][i] = 2 * random_real(r);
}

/* The graph of f over leaves: INPUTS, then PARAMETERS. Its root: the sum of the last few results, squashed. */
static int32_t build(const function *f, const int32_t *leaves)
{
    int32_t v[INPUTS + PARAMETERS + STEPS];

    memcpy(v, leaves, (INPUTS + PARAMETERS) * sizeof *v);
    for (int32_t i = 0; i < f->steps; i++) {
        const int32_t x = v[f->a[i]], y = v[f->b[i]], both[] = {x, y, x};
        if (mg_is_nary(f->op[i]))
            v[INPUTS + PARAMETERS + i] = made(mg_unary(MG_TANH, made(mg_nary(f->op[i], both, 3))));
        else if (mg_op_row(f->op[i])->arity == 2)
            v[INPUTS + PARAMETERS + i] = made(mg_binary(f->op[i], x, y));
        else
            v[INPUTS + PARAMETERS + i] = made(mg_unary(f->op[i], x));
    }
    const int32_t all = made(mg_nary(MG_SUM, v, INPUTS + PARAMETERS + f->steps));
    return made(mg_binary(MG_MUL, all, v[INPUTS + PARAMETERS + f->steps - 1]));
}

/* A program, its parameters and what it was recorded from. */
typedef struct {
    mg_program *p;
    int32_t leaves[INPUTS + PARAMETERS];
    int32_t marker;
} recorded;

static recorded record(const function *f)
{
    const int8_t batched[INPUTS] = {1, 1, 0};
    const double zeros[INPUTS] = {NAN, NAN, NAN};
    recorded r;
    int32_t status, culprit;

    CHECK_INT(mg_leaves(f->parameter, PARAMETERS, r.leaves + INPUTS, false), MG_OK);
    r.marker = leaf(0.0);
    CHECK_INT(mg_leaves(zeros, INPUTS, r.leaves, false), MG_OK);
    const int32_t root = build(f, r.leaves);
    r.p = mg_program_new(r.marker, r.leaves, batched, INPUTS, &root, 1, &status, &culprit);
    CHECK_INT(status, MG_OK);
    return r;
}

static int32_t run(const recorded *r, const function *f, int32_t what, int64_t n, double number,
                   double *values, double *number_gradient, double *gradient)
{
    const mg_batch batch = {f->x, 2, sizeof f->x[0], sizeof(double), MG_F64};
    double *gradients[] = {gradient};
    mg_run *unfinished;
    const int32_t status = mg_program_run(r->p, what, n, &number, 1, &batch, NULL, 1.0, values,
                                          number_gradient, gradients, &unfinished);

    return finished(status, &unfinished);
}

/* Each sample as a graph of its own. */
static void eager(const function *f, int64_t n, double number, double *values, double *gradient,
                  double *total)
{
    memset(total, 0, (PARAMETERS + 1) * sizeof *total);
    for (int64_t s = 0; s < n; s++) {
        int32_t leaves[INPUTS + PARAMETERS];
        const double x[] = {f->x[s][0], f->x[s][1], number};
        CHECK_INT(mg_leaves(x, INPUTS, leaves, false), MG_OK);
        CHECK_INT(mg_leaves(f->parameter, PARAMETERS, leaves + INPUTS, false), MG_OK);
        const int32_t root = build(f, leaves);
        backward(root);
        values[s] = mg_data(root);
        gradient[2 * s] = mg_grad(leaves[0]);
        gradient[2 * s + 1] = mg_grad(leaves[1]);
        total[PARAMETERS] += mg_grad(leaves[2]);
        for (int32_t i = 0; i < PARAMETERS; i++)
            total[i] += mg_grad(leaves[INPUTS + i]);
    }
}

static void compare(const function *f, int64_t n)
{
    static double values[MOST], want[MOST], gradient[2 * MOST], want_gradient[2 * MOST];
    const recorded r = record(f);
    double total[PARAMETERS + 1], sum, number, size = 1.0;

    eager(f, n, 0.25, want, want_gradient, total);
    CHECK_INT(run(&r, f, MG_VALUES, n, 0.25, values, NULL, NULL), MG_OK);
    CHECK_INT(run(&r, f, MG_BACKWARD, n, 0.25, &sum, NULL, NULL), MG_OK);
    CHECK_INT(run(&r, f, MG_GRADIENT, n, 0.25, NULL, &number, gradient), MG_OK);
    for (int64_t s = 0; s < n; s++) {
        size =
            fmax(size, fmax(fabs(want[s]), fmax(fabs(want_gradient[2 * s]), fabs(want_gradient[2 * s + 1]))));
        CHECK_NEAR(values[s], want[s], 1e-12 * size);
        sum -= want[s];
    }
    CHECK_NEAR(sum, 0.0, 1e-12 * size * (double)n);
    for (int64_t i = 0; i < 2 * n; i++)
        CHECK_NEAR(gradient[i], want_gradient[i], 1e-12 * size);
    CHECK_NEAR(number, total[PARAMETERS], 1e-12 * size * (double)n);
    for (int32_t i = 0; i < PARAMETERS; i++)
        CHECK_NEAR(mg_grad(r.leaves[INPUTS + i]), total[i], 1e-12 * size * (double)n);
    mg_program_free(r.p);
}

TEST(random_functions_give_what_their_nodes_give)
{
    static const char *lanes[] = {"baseline", "avx2", "avx512"};
    static function f;

    for (uint64_t seed = 0; seed < 60; seed++) {
        rng r = {seed};
        check_note("seed %" PRIu64 ", lanes %s", seed, mg_lanes(lanes[seed % 3]));
        random_function(&r, &f);
        compare(&f, 1 + random_below(&r, SAMPLES));
        drop_all();
    }
    mg_lanes("avx512");
}

TEST(results_are_the_same_for_any_number_of_threads)
{
    static function f;
    static double gradient[4][2 * MOST];
    double sum[4], number[4], of_parameter[4][PARAMETERS];
    rng random = {5};

    do
        random_function(&random, &f);
    while (f.steps < STEPS / 2);
    const recorded r = record(&f);
    for (int32_t t = 0; t < 4; t++) {
        CHECK_INT(mg_set_threads(t + 1), MG_OK);
        CHECK_INT(mg_set_grads(r.leaves + INPUTS, PARAMETERS, 0.0, NULL), MG_OK);
        for (int32_t again = 0; again < 20; again++)
            CHECK_INT(run(&r, &f, MG_BACKWARD, MOST, 0.5, &sum[t], NULL, NULL), MG_OK);
        CHECK_INT(run(&r, &f, MG_GRADIENT, MOST, 0.5, NULL, &number[t], gradient[t]), MG_OK);
        for (int32_t i = 0; i < PARAMETERS; i++)
            of_parameter[t][i] = mg_grad(r.leaves[INPUTS + i]);
        CHECK_REAL(sum[t], sum[0]);
        CHECK_REAL(number[t], number[0]);
        CHECK(memcmp(gradient[t], gradient[0], sizeof *gradient) == 0);
        CHECK(memcmp(of_parameter[t], of_parameter[0], sizeof *of_parameter) == 0);
    }
    CHECK_INT(mg_set_threads(0), MG_EARGUMENT);
    CHECK_INT(mg_set_threads(1), MG_OK);
    mg_program_free(r.p);
}

/* bias + w x for WIDTH neurons as scalar nodes, then the sum of their squares. */
static int32_t scalar_layer(const int32_t *w, const int32_t *x)
{
    int32_t out[WIDTH];

    for (int32_t j = 0; j < WIDTH; j++) {
        int32_t z = w[j * (INPUTS + 1) + INPUTS];
        for (int32_t i = 0; i < INPUTS; i++)
            z = made(mg_binary(MG_ADD, z, made(mg_binary(MG_MUL, w[j * (INPUTS + 1) + i], x[i]))));
        z = made(mg_unary(MG_TANH, z));
        out[j] = made(mg_unary_k(MG_POW, z, 2.0));
    }
    return made(mg_nary(MG_SUM, out, WIDTH));
}

TEST(neurons_of_the_same_inputs_become_one_instruction)
{
    const int8_t batched[] = {1, 1, 1};
    double data[WIDTH * (INPUTS + 1)] = {0.5};
    int32_t w[WIDTH * (INPUTS + 1)], x[INPUTS], status, culprit;
    char text[1000];
    mg_program_figures f;

    CHECK_INT(mg_leaves(data, LENGTH(w), w, false), MG_OK);
    const int32_t marker = leaf(0.0);
    CHECK_INT(mg_leaves(data, INPUTS, x, false), MG_OK);
    const int32_t root = scalar_layer(w, x);
    mg_program *p = mg_program_new(marker, x, batched, INPUTS, &root, 1, &status, &culprit);
    CHECK_INT(status, MG_OK);
    mg_program_describe(p, &f);
    CHECK_INT(f.parameters, LENGTH(w));
    for (int32_t i = 0; i < f.parameters; i++)
        CHECK_INT(mg_program_parameters(p)[i], w[i]);
    CHECK_INT(f.instructions, 3); /* the layer, its tanh, the sum of squares */
    CHECK(f.nodes < f.recorded);
    const int64_t length = mg_program_listing(p, text, sizeof text);
    CHECK_INT(length, strlen(text));
    CHECK(strstr(text, "6 x 3 weights") && strstr(text, "tanh("));
    CHECK_INT(mg_program_listing(p, text, 5), length);
    CHECK_INT(strlen(text), 4);
    mg_program_free(p);
}

/* w0*x + w1*y + w2*x + w3*y + w4*x + b as a program. */
static mg_program *twice_each(int32_t *leaves)
{
    const double data[] = {1, 2, 4, 8, 16, 0.5}, nan[] = {NAN, NAN};
    const int8_t batched[] = {1, 1};
    int32_t x[2], status, culprit;

    CHECK_INT(mg_leaves(data, 6, leaves, false), MG_OK);
    const int32_t marker = leaf(0.0);
    CHECK_INT(mg_leaves(nan, 2, x, false), MG_OK);
    const int32_t root =
        made(mg_dot(leaves, (int32_t[]){x[0], x[1], x[0], x[1], x[0]}, 5, leaves[5], MG_NONE));
    mg_program *p = mg_program_new(marker, x, batched, 2, &root, 1, &status, &culprit);
    CHECK_INT(status, MG_OK);
    return p;
}

TEST(an_input_that_comes_twice_gets_the_gradients_of_both)
{
    const double x[] = {3, 5, -1, 2};
    const mg_batch batch = {x, 2, 2 * sizeof *x, sizeof *x, MG_F64};
    double gradient[4], values[2], *gradients[] = {gradient}, number;
    int32_t leaves[6];
    mg_run *unfinished;

    mg_program *p = twice_each(leaves);
    CHECK_INT(finished(mg_program_run(p, MG_GRADIENT, 2, NULL, 1, &batch, NULL, 1.0, values, &number,
                                      gradients, &unfinished),
                       &unfinished),
              MG_OK);
    for (int32_t s = 0; s < 2; s++) {
        CHECK_REAL(values[s], 0.5 + 21 * x[2 * s] + 10 * x[2 * s + 1]);
        CHECK_REAL(gradient[2 * s], 21);
        CHECK_REAL(gradient[2 * s + 1], 10);
    }
    mg_program_free(p);
}

TEST(lanes_without_a_sample_add_nothing_to_gradients)
{
    static const char *lanes[] = {"baseline", "avx2", "avx512"};
    const double x[] = {INFINITY, INFINITY};
    const mg_batch batch = {x, 2, 0, sizeof *x, MG_F64}; /* so many samples as asked for */
    double value;
    int32_t leaves[6];
    mg_run *unfinished;

    mg_program *p = twice_each(leaves);
    for (int64_t n = 1; n < 20; n++) {
        mg_lanes(lanes[n % 3]);
        CHECK_INT(mg_set_grads(leaves, 6, 0.0, NULL), MG_OK);
        CHECK_INT(finished(mg_program_run(p, MG_BACKWARD, n, NULL, 1, &batch, NULL, 1.0, &value, NULL, NULL,
                                          &unfinished),
                           &unfinished),
                  MG_OK);
        for (int32_t i = 0; i < 5; i++)
            CHECK_REAL(mg_grad(leaves[i]), INFINITY);
        CHECK_REAL(mg_grad(leaves[5]), (double)n);
    }
    mg_lanes("avx512");
    mg_program_free(p);
}

/* x > 0 ? sqrt(p) * sqrt(x) : x */
static int32_t root_or_itself(int32_t x, int32_t p, int32_t zero)
{
    const int32_t condition = made(mg_binary(MG_GREATER, x, zero));
    const int32_t root = made(mg_binary(MG_MUL, made(mg_unary(MG_SQRT, p)), made(mg_unary(MG_SQRT, x))));
    return made(mg_binary(MG_ADD, made(mg_binary(MG_WHEN, condition, root)),
                          made(mg_binary(MG_UNLESS, condition, x))));
}

TEST(nothing_goes_through_the_branch_that_is_not_taken)
{
    const int8_t batched[] = {1};
    const double samples[] = {0, 0, 0, 4}; /* sqrt'(0) is infinite */
    const mg_batch batch = {samples, 1, sizeof *samples, 0, MG_F64};
    double gradient[4], value, number, *gradients[] = {gradient};
    int32_t status, culprit;
    mg_run *unfinished;
    char text[1000];

    const int32_t p = leaf(0.0), marker = leaf(0.0), zero = leaf(0.0), x = leaf(0.0);
    const int32_t root = root_or_itself(x, p, zero);
    backward(root);
    CHECK_REAL(mg_grad(x), 1.0);
    CHECK_REAL(mg_grad(p), 0.0);
    mg_program *program = mg_program_new(marker, &x, batched, 1, &root, 1, &status, &culprit);
    CHECK_INT(status, MG_OK);
    CHECK(mg_program_listing(program, text, sizeof text) > 0 && strstr(text, "gradients where"));
    for (int64_t n = 3; n <= 4; n++) {
        CHECK_INT(finished(mg_program_run(program, MG_GRADIENT, n, NULL, 1, &batch, NULL, 1.0, NULL, &number,
                                          gradients, &unfinished),
                           &unfinished),
                  MG_OK);
        for (int32_t s = 0; s < n; s++)
            CHECK_REAL(gradient[s], s < 3 ? 1.0 : 0.0); /* of the last sqrt(p) / (2 sqrt(x)) */
        CHECK_INT(finished(mg_program_run(program, MG_BACKWARD, n, NULL, 1, &batch, NULL, 1.0, &value, NULL,
                                          NULL, &unfinished),
                           &unfinished),
                  MG_OK);
        CHECK_REAL(mg_grad(p), n < 4 ? 0.0 : INFINITY); /* one sample takes the branch: IEEE's rules */
    }
    mg_program_free(program);
}

TEST(a_listing_shows_the_ends_of_long_lists_and_all_constants)
{
    enum { N = 8 };
    const int8_t batched[] = {1, 0};
    double data[N] = {0};
    int32_t p[N], list[N + 2], pairs[N], status, culprit;
    char text[1000];

    CHECK_INT(mg_leaves(data, N, p, false), MG_OK);
    const int32_t marker = leaf(0.0), inputs[] = {leaf(NAN), leaf(NAN)}, x = inputs[0], c = leaf(2.5);
    for (int32_t i = 0; i < N; i++)
        pairs[i] = made(mg_binary(MG_MUL, p[i], i == 4 ? c : p[(i + 1) % N]));
    list[0] = x, list[5] = c;
    for (int32_t i = 0; i < N; i++)
        list[i + (i < 4 ? 1 : 2)] = p[i];
    const int32_t is_less = made(mg_binary(MG_LESS, p[0], p[1])), cube = made(mg_unary_k(MG_POW, x, 3.0));
    const int32_t outputs[] = {
        made(mg_nary(MG_MEAN, list, N + 2)),
        made(mg_nary(MG_MEAN, p, N)),
        made(mg_nary(MG_SUM, pairs, N)),
        made(mg_binary(MG_MINIMUM, cube, p[2])),
        made(mg_binary(MG_WHEN, is_less, made(mg_unary(MG_SQRT, x)))),
        made(mg_dot((int32_t[]){inputs[1], c}, (int32_t[]){x, cube}, 2, MG_NONE, MG_NONE)),
    };
    static const char *lines[] = {
        "mean(x0, p0, p1, .. 2 more .., 2.5, .. 3 more .., p7)\n",
        "mean(p0, p1, p2, .. 4 more .., p7)\n",
        "0 + p0*p1 + p1*p2 + .. 2 more .. + p4*2.5 + .. 2 more .. + p0*p7\n",
        "(x0)**3\n",
        "minimum(v",
        "sqrt(x0)   [gradients where u",
        "1 x 2 weights (n0, 2.5) * (x0, v",
    };
    mg_program *program =
        mg_program_new(marker, inputs, batched, 2, outputs, LENGTH(outputs), &status, &culprit);
    CHECK_INT(status, MG_OK);
    const int64_t length = mg_program_listing(program, text, sizeof text);
    CHECK_INT(length, strlen(text));
    for (int32_t i = 0; i < LENGTH(lines); i++) {
        check_note("no line: %s", lines[i]);
        CHECK(strstr(text, lines[i]));
    }
    mg_program_free(program);
}

TEST(common_subexpressions_and_constants_are_computed_once)
{
    const int8_t batched[] = {1};
    const double zero = NAN;
    int32_t x, status, culprit;
    mg_program_figures f;

    const int32_t marker = leaf(0.0);
    CHECK_INT(mg_leaves(&zero, 1, &x, false), MG_OK);
    const int32_t c = made(mg_binary(MG_MUL, leaf(2.0), leaf(3.0)));
    const int32_t a = made(mg_binary(MG_MUL, x, c)), b = made(mg_binary(MG_MUL, leaf(6.0), x));
    const int32_t root = made(mg_binary(MG_SUB, made(mg_unary(MG_TANH, a)), made(mg_unary(MG_TANH, b))));
    mg_program *p = mg_program_new(marker, &x, batched, 1, &root, 1, &status, &culprit);
    CHECK_INT(status, MG_OK);
    mg_program_describe(p, &f);
    CHECK_INT(f.parameters, 0);
    CHECK_INT(f.instructions, 3); /* 6 * x, tanh, - */
    mg_program_free(p);
}

TEST(nodes_with_a_closure_are_refused)
{
    const int8_t batched[] = {0};
    int32_t status, culprit;

    const int32_t p = leaf(1.0), marker = leaf(0.0), x = leaf(NAN);
    const int32_t twice = made(mg_restore(MG_CUSTOM, &p, 1, 0.0, MG_NONE, 2.0, 0.0));
    const int32_t product = made(mg_binary(MG_MUL, x, twice)), tanh = made(mg_unary(MG_TANH, x));
    CHECK(!mg_program_new(marker, &x, batched, 1, &product, 1, &status, &culprit));
    CHECK_INT(status, 1);
    CHECK_INT(culprit, twice);
    CHECK_INT(mg_set_python(tanh, 1), MG_OK);
    CHECK(!mg_program_new(marker, &x, batched, 1, &tanh, 1, &status, &culprit));
    CHECK_INT(status, 1);
    CHECK_INT(culprit, tanh);
    const int32_t given = made(mg_by_hand(-1, &x, 1, (double[]){2.0}, NULL, 1.0));
    CHECK(!mg_program_new(marker, &x, batched, 1, &given, 1, &status, &culprit));
    CHECK_INT(status, 1);
    CHECK_INT(culprit, given);
}

TEST(handles_that_name_no_node_are_refused)
{
    const int8_t batched[] = {0};
    int32_t status, culprit;

    const int32_t marker = leaf(0.0), x = leaf(NAN), nobody = 12345;
    CHECK(!mg_program_new(marker, &x, batched, 1, &nobody, 1, &status, &culprit));
    CHECK_INT(status, MG_EHANDLE);
    CHECK(!mg_program_new(marker, &nobody, batched, 1, &x, 1, &status, &culprit));
    CHECK_INT(status, MG_EHANDLE);
    CHECK(!mg_program_new(nobody, &x, batched, 1, &x, 1, &status, &culprit));
    CHECK_INT(status, MG_EHANDLE);
}

/* (p1, x0, p0, p0) of x0 and x1: x1 stands above all outputs, and the first output not below the last. */
TEST(outputs_may_be_leaves_in_any_order)
{
    const int8_t batched[] = {0, 0};
    const double numbers[] = {3.0, 4.0};
    double values[4];
    int32_t status, culprit;

    const int32_t p0 = leaf(0.5), p1 = leaf(0.25), marker = leaf(0.0), x[] = {leaf(NAN), leaf(NAN)};
    const int32_t outputs[] = {p1, x[0], p0, p0};
    mg_program *p = mg_program_new(marker, x, batched, 2, outputs, 4, &status, &culprit);
    CHECK_INT(status, MG_OK);
    CHECK_INT(mg_program_run_once(p, MG_VALUES, numbers, values, NULL), MG_OK);
    CHECK_REAL(values[0], 0.25);
    CHECK_REAL(values[1], 3.0);
    CHECK_REAL(values[2], 0.5);
    CHECK_REAL(values[3], 0.5);
    mg_program_free(p);
}

enum { MIXED = 70 };

/* x * (1*p[0] + 2*p[1] + ...) of parameters whose handles are not in the order of their rows. */
static mg_program *of_mixed_handles(int32_t *p)
{
    const int8_t batched[] = {1};
    int32_t terms[MIXED], early[4 * MIXED], status, culprit;

    for (int32_t i = 0; i < LENGTH(early); i++)
        early[i] = leaf(0.0);
    const int32_t lid = leaf(0.0);
    p[0] = leaf(1.0); /* the highest handle of all, also of what comes now */
    mg_free(early, LENGTH(early));
    for (int32_t i = 1; i < MIXED; i++)
        p[i] = leaf(i + 1.0);
    CHECK(p[0] > p[1] && p[1] != p[2] - 1);
    const int32_t marker = leaf(0.0), x = leaf(NAN);
    for (int32_t i = 0; i < MIXED; i++)
        terms[i] = made(mg_binary(MG_MUL, p[i], leaf(i + 1.0)));
    const int32_t root = made(mg_binary(MG_MUL, made(mg_nary(MG_SUM, terms, MIXED)), x));
    mg_program *program = mg_program_new(marker, &x, batched, 1, &root, 1, &status, &culprit);
    CHECK_INT(status, MG_OK);
    CHECK_INT(mg.handles, p[0] + 1);
    for (int64_t row = mg.rows - 1; row > row_of(marker); row--)
        if (mg.handle[row] != MG_DEAD)
            drop(mg.handle[row]);
    drop(lid);
    return program;
}

/* Begins runs of ever more samples x = 1 until one takes longer than a slice of time. Returns their number. */
static int64_t begin_long_run(mg_program *p, double *value, mg_run **unfinished)
{
    static const double one = 1.0;
    const mg_batch batch = {&one, 1, 0, 0, MG_F64};

    for (int64_t n = 1 << 16;; n *= 4) {
        const int32_t status =
            mg_program_run(p, MG_BACKWARD, n, NULL, 1, &batch, NULL, 1.0, value, NULL, NULL, unfinished);
        CHECK(status == 1 || status == MG_OK);
        CHECK((status == 1) == (*unfinished != NULL));
        if (status == 1)
            return n;
    }
}

TEST(a_parameter_that_dies_during_a_run_is_left_out)
{
    int32_t p[MIXED];
    double value, sum = 0.0;
    mg_run *unfinished;

    mg_program *program = of_mixed_handles(p);
    const int64_t n = begin_long_run(program, &value, &unfinished);
    CHECK_INT(mg_set_grads(p, MIXED, 0.0, NULL), MG_OK);
    drop(p[3]);
    int32_t status = 1;
    while (status == 1)
        status = mg_program_resume(&unfinished);
    CHECK_INT(status, MG_OK);
    CHECK(!unfinished);
    for (int32_t i = 0; i < MIXED; i++) {
        sum += (i + 1.0) * (i + 1.0);
        if (i != 3)
            CHECK_REAL(mg_grad(p[i]), (i + 1.0) * (double)n);
    }
    CHECK_REAL(value, sum * (double)n);
    mg_program_free(program);
}

TEST(a_run_that_is_given_up_touches_no_gradient)
{
    int32_t p[MIXED];
    double value;
    mg_run *unfinished;

    mg_program *program = of_mixed_handles(p);
    (void)begin_long_run(program, &value, &unfinished);
    CHECK_INT(mg_set_grads(p, MIXED, 0.5, NULL), MG_OK);
    mg_program_give_up(&unfinished);
    CHECK(!unfinished);
    for (int32_t i = 0; i < MIXED; i++)
        CHECK_REAL(mg_grad(p[i]), 0.5);
    mg_program_free(program);
}

/* sin(... sin(x) ...): columns so many that a chunk has the fewest lanes there may be. */
TEST(a_program_of_very_many_values_gives_what_its_nodes_give)
{
    enum { DEEP = 3000, N = 100 };
    static double x[N], gradient[N];
    const int8_t batched[] = {1};
    const mg_batch batch = {x, 1, sizeof *x, 0, MG_F64};
    double *gradients[] = {gradient};
    int32_t status, culprit;
    mg_run *unfinished;

    const int32_t marker = leaf(0.0), input = leaf(0.5);
    int32_t root = input;
    for (int32_t i = 0; i < DEEP; i++)
        root = made(mg_unary(MG_SIN, root));
    backward(root);
    for (int32_t s = 0; s < N; s++)
        x[s] = s % 2 ? 0.5 : -0.5;
    mg_program *p = mg_program_new(marker, &input, batched, 1, &root, 1, &status, &culprit);
    CHECK_INT(status, MG_OK);
    status =
        mg_program_run(p, MG_GRADIENT, N, NULL, 1, &batch, NULL, 1.0, NULL, NULL, gradients, &unfinished);
    CHECK_INT(finished(status, &unfinished), MG_OK);
    for (int32_t s = 0; s < N; s++)
        CHECK_NEAR(gradient[s], mg_grad(input), 1e-12 * fabs(mg_grad(input)));
    mg_program_free(p);
}

TEST(no_samples_give_no_gradient)
{
    static function f;
    rng random = {1};
    double sum = NAN, number = NAN;

    random_function(&random, &f);
    const recorded r = record(&f);
    CHECK_INT(run(&r, &f, MG_BACKWARD, 0, 0.5, &sum, NULL, NULL), MG_OK);
    CHECK_REAL(sum, 0.0);
    CHECK_INT(run(&r, &f, MG_GRADIENT, 0, 0.5, NULL, &number, NULL), MG_OK);
    CHECK_REAL(number, 0.0);
    for (int32_t i = 0; i < PARAMETERS; i++)
        CHECK_REAL(mg_grad(r.leaves[INPUTS + i]), 0.0);
    CHECK_INT(run(&r, &f, 7, -1, 0.5, &sum, NULL, NULL), MG_EARGUMENT);
    mg_program_free(r.p);
}

TEST(a_run_with_arguments_out_of_range_is_refused)
{
    static function f;
    rng random = {1};
    double x = 0.0, value = 7.0;
    mg_batch batches[MG_MOST_BATCHES + 1] = {{&x, 2, 0, 0, MG_F64}};
    mg_run *unfinished;
    const struct {
        int32_t goal, batch_count;
        int64_t n, columns;
        int32_t status;
    } cases[] = {{MG_VALUES, 1, 1, 2, MG_OK},
                 {-1, 1, 1, 2, MG_EARGUMENT},
                 {MG_VALUES + 1, 1, 1, 2, MG_EARGUMENT},
                 {MG_VALUES, -1, 1, 2, MG_EARGUMENT},
                 {MG_VALUES, 1, -1, 2, MG_EARGUMENT},
                 {MG_VALUES, 1, 1, 1, MG_EARGUMENT},
                 {MG_VALUES, 1, 1, 3, MG_EARGUMENT},
                 {MG_VALUES, MG_MOST_BATCHES + 1, 1, 2, MG_EARGUMENT}};

    random_function(&random, &f);
    const recorded r = record(&f);
    for (int32_t i = 0; i < LENGTH(cases); i++) {
        check_note("case %d", i);
        value = 7.0;
        batches[0].columns = cases[i].columns;
        unfinished = (mg_run *)&x;
        CHECK_INT(finished(mg_program_run(r.p, cases[i].goal, cases[i].n, &x, cases[i].batch_count, batches,
                                          NULL, 1.0, &value, NULL, NULL, &unfinished),
                           &unfinished),
                  cases[i].status);
        CHECK(!unfinished);
        CHECK((value == 7.0) == (cases[i].status != MG_OK));
    }
    CHECK_INT(mg_program_resume(&unfinished), MG_EARGUMENT); /* there is none */
    mg_program_give_up(&unfinished);
    CHECK(!unfinished);
    mg_program_free(r.p);
    mg_program_free(NULL);
}

TEST(the_last_outputs_have_the_shape_of_the_batches)
{
    enum { N = 300 };
    static double x[N][2], y[N], slopes[N][2], slope[N], values[3 * N];
    const int8_t batched[] = {1, 1, 1};
    const int32_t marker = leaf(0.0), inputs[] = {leaf(NAN), leaf(NAN), leaf(NAN)}, wanted[] = {0, 1, 2};
    const mg_batch batches[] = {{x, 2, sizeof *x, sizeof **x, MG_F64}, {y, 1, sizeof *y, 0, MG_F64}};
    double *both[] = {*slopes, slope}, *first[] = {*slopes, NULL};
    int32_t status, culprit;
    mg_run *unfinished;

    for (int32_t i = 0; i < N; i++)
        x[i][0] = i + 0.5, x[i][1] = -1.0 - i, y[i] = 2.0 * i;
    const int32_t product = made(mg_binary(MG_MUL, inputs[0], inputs[1]));
    const int32_t out = made(mg_binary(MG_MUL, product, inputs[2]));
    mg_program *f = mg_program_new(marker, inputs, batched, 3, &out, 1, &status, &culprit);
    for (int32_t n = 2; n <= 3; n++) { /* by x alone, and by y too; the values before them */
        mg_program *p = mg_program_derive(f, MG_VALUE_AND_SLOPES, wanted, n, &status);
        CHECK_INT(status, MG_OK);
        CHECK_INT(finished(mg_program_run(p, MG_VALUES, N, NULL, 2, batches, NULL, 1.0, values, NULL,
                                          n == 3 ? both : first, &unfinished),
                           &unfinished),
                  MG_OK);
        for (int32_t i = 0; i < N; i++) {
            CHECK_REAL(values[i], x[i][0] * x[i][1] * y[i]);
            CHECK_REAL(slopes[i][0], x[i][1] * y[i]);
            CHECK_REAL(slopes[i][1], x[i][0] * y[i]);
            CHECK_REAL(slope[i], n == 3 ? x[i][0] * x[i][1] : 0.0);
            slopes[i][0] = slopes[i][1] = NAN;
        }
        mg_program_free(p);
    }
    CHECK_INT(mg_program_run(f, MG_VALUES, N, NULL, 2, batches, NULL, 1.0, values, NULL, both, &unfinished),
              MG_EARGUMENT); /* it has one output, and both arguments have three columns */
    mg_program_free(f);
}

TEST(a_program_of_two_results_has_no_gradient)
{
    const int8_t batched[] = {0};
    double number = 3.0, values[2], gradient = 7.0;
    int32_t status, culprit;

    const int32_t marker = leaf(0.0), x = leaf(NAN);
    const int32_t outputs[] = {made(mg_unary(MG_NEG, x)), made(mg_unary(MG_EXP, x))};
    mg_program *p = mg_program_new(marker, &x, batched, 1, outputs, 2, &status, &culprit);
    CHECK_INT(status, MG_OK);
    CHECK_INT(mg_program_run_once(p, MG_VALUES, &number, values, NULL), MG_OK);
    CHECK_REAL(values[0], -3.0);
    CHECK_NEAR(values[1], exp(3.0), 1e-14 * exp(3.0));
    CHECK_INT(mg_program_run_once(p, MG_GRADIENT, &number, values, &gradient), MG_EARGUMENT);
    CHECK_INT(mg_program_run_once(p, MG_BACKWARD, &number, values, NULL), MG_EARGUMENT);
    CHECK_REAL(gradient, 7.0);
    mg_program_free(p);
}

/* x * (p0 + p1 + ...): so many parameters that their gradients are kept for two parts of the samples at the most. */
TEST(a_program_of_very_many_parameters_gives_each_its_gradient)
{
    enum { MANY = 300000, N = 700 };
    static int32_t p[MANY];
    static double data[MANY], x[N];
    const int8_t batched[] = {1};
    const mg_batch batch = {x, 1, sizeof *x, 0, MG_F64};
    int32_t status, culprit;
    double sum = 0.0, value;
    mg_run *unfinished;

    for (int32_t i = 0; i < N; i++)
        sum += x[i] = i % 8 - 2;
    data[0] = 0.5, data[MANY - 1] = 1.0;
    CHECK_INT(mg_leaves(data, MANY, p, false), MG_OK);
    const int32_t marker = leaf(0.0), input = leaf(NAN);
    const int32_t all = made(mg_nary(MG_SUM, p, MANY)), root = made(mg_binary(MG_MUL, all, input));
    mg_program *program = mg_program_new(marker, &input, batched, 1, &root, 1, &status, &culprit);
    CHECK_INT(status, MG_OK);
    CHECK_INT(finished(mg_program_run(program, MG_BACKWARD, N, NULL, 1, &batch, NULL, 1.0, &value, NULL, NULL,
                                      &unfinished),
                       &unfinished),
              MG_OK);
    CHECK_REAL(value, 1.5 * sum);
    for (int32_t i = 0; i < MANY; i++)
        CHECK_REAL(mg_grad(p[i]), sum);
    mg_program_free(program);
    drop(root); /* a list longer than check_arena reads */
    drop(all);
}

TEST(any_number_of_samples_is_divided_without_a_rest)
{
    static function f;
    rng random = {11};

    random_function(&random, &f);
    for (int64_t n = 1; n <= MOST; n = n < 40 ? n + 1 : n * 5 / 4) {
        check_note("%" PRId64 " samples", n);
        compare(&f, n);
        drop_all();
    }
}

TEST(without_memory_nothing_changes)
{
    static function f;
    const int8_t batched[INPUTS] = {1, 1, 0};
    rng random = {3};
    double sum;
    int32_t failures = 0, status = MG_ENOMEM, culprit;

    random_function(&random, &f);
    recorded r = record(&f);
    const int32_t root = build(&f, r.leaves);
    mg_program_free(r.p);
    const uint64_t before = digest();
    for (int64_t at = 0; status == MG_ENOMEM; at++, failures++) {
        mg_test_allocations = 0;
        mg_test_fail_at = at;
        r.p = mg_program_new(r.marker, r.leaves, batched, INPUTS, &root, 1, &status, &culprit);
        mg_test_fail_at = -1;
        CHECK(!r.p == (status == MG_ENOMEM));
        CHECK(digest() == before);
    }
    CHECK_INT(status, MG_OK);
    CHECK(failures > 10);
    status = MG_ENOMEM;
    for (int64_t at = 0; status == MG_ENOMEM; at++, failures++) {
        mg_program_free(r.p);
        CHECK((r.p = mg_program_new(r.marker, r.leaves, batched, INPUTS, &root, 1, &status, &culprit)));
        mg_test_allocations = 0;
        mg_test_fail_at = at;
        status = run(&r, &f, MG_BACKWARD, SAMPLES, 0.5, &sum, NULL, NULL);
        mg_test_fail_at = -1;
        CHECK(status == MG_OK || digest() == before);
    }
    CHECK_INT(status, MG_OK);
    CHECK(digest() != before);
    mg_program_free(r.p);
}

TEST(without_memory_for_all_threads_fewer_run)
{
    static function f;
    rng random = {5};
    double sum, again;
    int32_t fewer = 0;

    recorded r = {0};
    mg_program_figures figures = {0};
    while (figures.operations < 100) { /* that are worth a thread */
        mg_program_free(r.p);
        random_function(&random, &f);
        r = record(&f);
        mg_program_describe(r.p, &figures);
    }
    CHECK_INT(run(&r, &f, MG_BACKWARD, MOST, 0.5, &sum, NULL, NULL), MG_OK);
    CHECK_INT(mg_set_threads(4), MG_OK);
    for (int64_t at = 0;; at++) {
        drop_all();
        mg_program_free(r.p); /* and the memory of its runs */
        r = record(&f);
        mg_test_allocations = 0;
        mg_test_fail_at = at;
        const int32_t status = run(&r, &f, MG_BACKWARD, MOST, 0.5, &again, NULL, NULL);
        const bool failed = mg_test_allocations > at;
        mg_test_fail_at = -1;
        CHECK(status == MG_OK || (status == MG_ENOMEM && failed));
        fewer += status == MG_OK && failed;
        if (status == MG_OK)
            CHECK_REAL(again, sum);
        if (status == MG_OK && !failed)
            break;
    }
    CHECK(fewer > 0);
    CHECK_INT(mg_set_threads(1), MG_OK);
    mg_program_free(r.p);
}

TEST(parameters_that_died_are_an_error)
{
    static function f;
    rng random = {1};
    double sum;

    do
        random_function(&random, &f);
    while (f.a[0] != INPUTS); /* reads the first parameter */
    const recorded r = record(&f);
    const int32_t handle = mg_program_parameters(r.p)[0];
    /* Its readers die first, as they do in Python. */
    for (int64_t row = mg.rows - 1; row > row_of(r.marker); row--)
        if (mg.handle[row] != MG_DEAD)
            drop(mg.handle[row]);
    drop(handle);
    CHECK_INT(run(&r, &f, MG_BACKWARD, SAMPLES, 0.5, &sum, NULL, NULL), MG_EHANDLE);
    mg_program_free(r.p);
}

typedef struct {
    const function *f;
    recorded r;
    double sum;
} sums_again;

static int32_t gives_the_same_sum(void *argument)
{
    const sums_again *a = argument;
    double again;

    CHECK_INT(run(&a->r, a->f, MG_BACKWARD, MOST, 0.5, &again, NULL, NULL), MG_OK);
    CHECK_REAL(again, a->sum);
    return 42;
}

TEST(a_child_of_fork_runs_programs)
{
    static function f;
    rng random = {8};

    random_function(&random, &f);
    sums_again a = {.f = &f, .r = record(&f)};
    CHECK_INT(mg_set_threads(3), MG_OK);
    CHECK_INT(run(&a.r, &f, MG_BACKWARD, MOST, 0.5, &a.sum, NULL, NULL), MG_OK);
    CHECK_INT(in_child(gives_the_same_sum, &a), 42);
    CHECK_INT(gives_the_same_sum(&a), 42);
    CHECK_INT(mg_set_threads(1), MG_OK);
    mg_program_free(a.r.p);
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(random_functions_give_what_their_nodes_give);
    RUN(results_are_the_same_for_any_number_of_threads);
    RUN(neurons_of_the_same_inputs_become_one_instruction);
    RUN(an_input_that_comes_twice_gets_the_gradients_of_both);
    RUN(lanes_without_a_sample_add_nothing_to_gradients);
    RUN(nothing_goes_through_the_branch_that_is_not_taken);
    RUN(a_listing_shows_the_ends_of_long_lists_and_all_constants);
    RUN(common_subexpressions_and_constants_are_computed_once);
    RUN(nodes_with_a_closure_are_refused);
    RUN(handles_that_name_no_node_are_refused);
    RUN(outputs_may_be_leaves_in_any_order);
    RUN(a_parameter_that_dies_during_a_run_is_left_out);
    RUN(a_run_that_is_given_up_touches_no_gradient);
    RUN(a_program_of_very_many_values_gives_what_its_nodes_give);
    RUN(no_samples_give_no_gradient);
    RUN(a_run_with_arguments_out_of_range_is_refused);
    RUN(the_last_outputs_have_the_shape_of_the_batches);
    RUN(a_program_of_two_results_has_no_gradient);
    RUN(a_program_of_very_many_parameters_gives_each_its_gradient);
    RUN(any_number_of_samples_is_divided_without_a_rest);
    RUN(without_memory_nothing_changes);
    RUN(without_memory_for_all_threads_fewer_run);
    RUN(parameters_that_died_are_an_error);
    RUN_FORK(a_child_of_fork_runs_programs);
    return 0;
}
