/* Where gradients go below a choice: programs against eager code, which does not visit a branch that was not taken. */
#include "check.h"

enum { COLUMNS = 4, PARAMETERS = 4, SAMPLES = 24 };

static int32_t one(int op, int32_t x)
{
    return made(mg_unary(op, x));
}

static int32_t two(int op, int32_t x, int32_t y)
{
    return made(mg_binary(op, x, y));
}

static int32_t is_positive(int32_t x)
{
    return two(MG_GREATER, x, leaf(0.0));
}

/* 1 where e is 1 or 0, where the derivatives of these are infinite. */
static int32_t root(int32_t e)
{
    return one(MG_SQRT, e);
}

static int32_t arcsine(int32_t e)
{
    return one(MG_ASIN, e);
}

/* ---- functions of x[0], x[1] in 0 .. 1, of x[2], x[3] that are -1 or 1, and of parameters ---- */

typedef int32_t function(const int32_t *x, const int32_t *p);

/* Two neurons and their activation; 0 * inf is nan. */
static int32_t layer(const int32_t *x, const int32_t *p)
{
    const int32_t h = made(mg_dot(p, x, 2, p[2], MG_TANH)), i = made(mg_dot(p + 1, x, 2, p[3], MG_TANH));
    return two(MG_WHEN, is_positive(x[2]), two(MG_MUL, h, i));
}

/* The same with an activation that is read outside of the branch too. */
static int32_t layer_that_is_read_outside(const int32_t *x, const int32_t *p)
{
    const int32_t h = made(mg_dot(p, x, 2, p[2], MG_NONE)), i = made(mg_dot(p + 1, x, 2, MG_NONE, MG_NONE));
    const int32_t both = two(MG_ADD, one(MG_TANH, h), two(MG_WHEN, is_positive(x[2]), one(MG_TANH, i)));
    return two(MG_MUL, both, x[1]);
}

/* Neurons of the same inputs that are read everywhere, and their activations in one branch or another. */
static int32_t activations_in_branches(const int32_t *x, const int32_t *p)
{
    const int32_t h = made(mg_dot(p, x, 2, p[2], MG_NONE)), i = made(mg_dot(p + 1, x, 2, p[3], MG_NONE));
    const int32_t a = two(MG_WHEN, is_positive(x[2]), one(MG_TANH, h));
    const int32_t b = two(MG_UNLESS, is_positive(x[2]), one(MG_TANH, i));
    return two(MG_ADD, two(MG_MUL, a, p[0]), two(MG_ADD, b, two(MG_MUL, h, i)));
}

/* The second one reads fewer inputs than the first. */
static int32_t two_layers(const int32_t *x, const int32_t *p)
{
    const int32_t h[] = {made(mg_dot(p, x, 3, p[3], MG_TANH)), made(mg_dot(p + 1, x, 3, p[0], MG_TANH))};
    return two(MG_WHEN, is_positive(x[3]), made(mg_dot(p, h, 2, p[2], MG_RELU)));
}

static int32_t product_with_infinity(const int32_t *x, const int32_t *p)
{
    const int32_t product = two(MG_MUL, one(MG_TANH, x[0]), leaf(INFINITY));
    return two(MG_ADD, two(MG_WHEN, is_positive(x[2]), product), p[0]);
}

static int32_t product_with_a_number(const int32_t *x, const int32_t *p)
{
    const int32_t product = two(MG_MUL, root(x[0]), leaf(4.0));
    return two(MG_WHEN, is_positive(x[2]), two(MG_ADD, product, p[0]));
}

static int32_t plain_sum(const int32_t *x, const int32_t *p)
{
    const int32_t all[] = {x[0], root(x[1]), p[0], x[3]};
    return two(MG_UNLESS, is_positive(x[2]), made(mg_nary(MG_SUM, all, 4)));
}

static int32_t sum_of_squares(const int32_t *x, const int32_t *p)
{
    const int32_t r = root(x[0]), s = two(MG_MUL, x[1], leaf(INFINITY));
    const int32_t all[] = {two(MG_MUL, r, r), two(MG_MUL, r, s), two(MG_MUL, s, x[3]), p[1]};
    return two(MG_WHEN, is_positive(x[2]), made(mg_nary(MG_SUM, all, 4)));
}

static int32_t mean(const int32_t *x, const int32_t *p)
{
    const int32_t all[] = {root(x[0]), arcsine(x[1]), root(p[0])};
    return two(MG_WHEN, is_positive(x[2]), made(mg_nary(MG_MEAN, all, 3)));
}

/* e is read in two branches that have nothing to do with each other, then in a third one. */
static int32_t read_in_three_branches(const int32_t *x, const int32_t *p)
{
    const int32_t e = two(MG_MUL, root(x[0]), root(p[0]));
    const int32_t f = root(e); /* read in two of them */
    const int32_t g = arcsine(e);
    const int32_t a = two(MG_WHEN, is_positive(x[2]), f), b = two(MG_WHEN, is_positive(x[3]), f);
    const int32_t c = two(MG_UNLESS, is_positive(two(MG_ADD, x[2], x[3])), g);
    return two(MG_ADD, two(MG_ADD, a, b), c);
}

/* The same, and the third one is the first that backward meets. */
static int32_t read_in_three_branches_by_turns(const int32_t *x, const int32_t *p)
{
    const int32_t e = two(MG_MUL, root(x[0]), root(p[0])), g = arcsine(e), f = root(e);
    const int32_t c = two(MG_WHEN, is_positive(two(MG_SUB, x[2], x[3])), g);
    const int32_t a = two(MG_WHEN, is_positive(x[2]), f), b = two(MG_WHEN, is_positive(x[3]), f);
    return two(MG_ADD, c, two(MG_ADD, a, b));
}

/* A branch and one of another condition that is taken where that does not hold. */
static int32_t read_when_and_unless(const int32_t *x, const int32_t *p)
{
    const int32_t e = root(x[0]);
    const int32_t a = two(MG_WHEN, is_positive(x[2]), root(e));
    return two(MG_ADD, a, two(MG_UNLESS, is_positive(x[3]), two(MG_MUL, arcsine(e), p[0])));
}

/* where() within a branch: what both of its sides read is read wherever the branch is. */
static int32_t where_within_a_branch(const int32_t *x, const int32_t *p)
{
    const int32_t e = root(x[0]), c = is_positive(x[2]), d = is_positive(x[3]);
    const int32_t where =
        two(MG_ADD, two(MG_WHEN, c, root(e)), two(MG_UNLESS, c, two(MG_MUL, arcsine(e), p[0])));
    return two(MG_WHEN, d, where);
}

/* The same as the branch of when(), whose guard is that of the branch around it. */
static int32_t branch_within_a_branch(const int32_t *x, const int32_t *p)
{
    const int32_t e = two(MG_MUL, root(x[0]), p[1]), c = is_positive(x[2]), d = is_positive(x[3]);
    const int32_t inner = two(MG_WHEN, c, root(two(MG_MUL, e, e)));
    return two(MG_WHEN, d, two(MG_ADD, inner, root(two(MG_MUL, e, e))));
}

/* A condition that is the same for all samples. */
static int32_t uniform_condition(const int32_t *x, const int32_t *p)
{
    const int32_t branch = two(MG_MUL, root(x[0]), root(p[0]));
    return two(MG_ADD, two(MG_WHEN, is_positive(p[1]), branch), two(MG_UNLESS, is_positive(p[1]), x[1]));
}

static int32_t uniform_branch(const int32_t *x, const int32_t *p)
{
    const int32_t all[] = {two(MG_MUL, root(p[0]), root(p[1])), two(MG_MUL, p[2], p[2]), root(p[3])};
    const int32_t sum = made(mg_nary(MG_SUM, all, 3)), average = made(mg_nary(MG_MEAN, all, 3));
    return two(MG_WHEN, is_positive(two(MG_ADD, x[2], x[3])), two(MG_MUL, two(MG_MUL, sum, average), x[0]));
}

/* The value of one function and the gradient of another. */
static int32_t instead(const int32_t *x, const int32_t *p)
{
    const int32_t r = root(x[0]);
    return two(MG_INSTEAD, root(two(MG_MUL, r, p[0])), two(MG_MUL, two(MG_WHEN, is_positive(x[2]), r), x[1]));
}

static const struct {
    const char *name;
    function *f;
} functions[] = {
#define ROW(f) {#f, f}
    ROW(layer),
    ROW(layer_that_is_read_outside),
    ROW(activations_in_branches),
    ROW(two_layers),
    ROW(product_with_infinity),
    ROW(product_with_a_number),
    ROW(plain_sum),
    ROW(sum_of_squares),
    ROW(mean),
    ROW(read_in_three_branches),
    ROW(read_in_three_branches_by_turns),
    ROW(read_when_and_unless),
    ROW(where_within_a_branch),
    ROW(branch_within_a_branch),
    ROW(uniform_condition),
    ROW(uniform_branch),
    ROW(instead),
};

/* ---- both of them ---- */

static void sample(int32_t s, double *x)
{
    static const double first[] = {0.0, 0.25, 1.0};

    x[0] = first[s % 3];
    x[1] = s / 3 % 2;
    x[2] = s / 6 % 2 ? 1.0 : -1.0;
    x[3] = s / 12 ? 1.0 : -1.0;
}

/* Gradients of n samples and of the parameters, each sample a graph of its own. */
static void eager(function *f, int32_t n, const double *parameters, double *of_x, double *of_p)
{
    memset(of_p, 0, PARAMETERS * sizeof *of_p);
    for (int32_t s = 0; s < n; s++) {
        double data[COLUMNS];
        int32_t x[COLUMNS], p[PARAMETERS];
        sample(s, data);
        CHECK_INT(mg_leaves(parameters, PARAMETERS, p, false), MG_OK);
        CHECK_INT(mg_leaves(data, COLUMNS, x, false), MG_OK);
        backward(f(x, p));
        for (int32_t i = 0; i < COLUMNS; i++)
            of_x[s * COLUMNS + i] = mg_grad(x[i]);
        for (int32_t i = 0; i < PARAMETERS; i++)
            of_p[i] += mg_grad(p[i]);
    }
}

static void program(function *f, int32_t n, const double *parameters, double *of_x, double *of_p)
{
    static const int8_t batched[COLUMNS] = {1, 1, 1, 1};
    static double data[SAMPLES][COLUMNS];
    const mg_batch batch = {data, COLUMNS, sizeof *data, sizeof **data, MG_F64};
    double *gradients[] = {of_x}, value;
    int32_t x[COLUMNS], p[PARAMETERS], status, culprit;
    mg_run *unfinished;

    for (int32_t s = 0; s < n; s++)
        sample(s, data[s]);
    CHECK_INT(mg_leaves(parameters, PARAMETERS, p, false), MG_OK);
    const int32_t marker = leaf(0.0);
    CHECK_INT(mg_leaves(data[0], COLUMNS, x, false), MG_OK);
    const int32_t output = f(x, p);
    mg_program *made_of_it = mg_program_new(marker, x, batched, COLUMNS, &output, 1, &status, &culprit);
    CHECK_INT(status, MG_OK);
    for (int32_t goal = MG_BACKWARD; goal <= MG_GRADIENT; goal++)
        CHECK_INT(finished(mg_program_run(made_of_it, goal, n, NULL, 1, &batch, NULL, 1.0,
                                          goal == MG_BACKWARD ? &value : NULL, NULL, gradients, &unfinished),
                           &unfinished),
                  MG_OK);
    for (int32_t i = 0; i < PARAMETERS; i++)
        of_p[i] = mg_grad(p[i]);
    mg_program_free(made_of_it);
}

static void check_close(double x, double y)
{
    CHECK_NEAR(x, y, isfinite(y) ? 1e-12 * (1.0 + fabs(y)) : 0.0);
}

TEST(gradients_below_a_choice_are_those_of_eager_code)
{
    static const char *lanes[] = {"baseline", "avx2", "avx512"};
    static const double parameters[][PARAMETERS] = {
        {0.25, 0.5, -0.5, 1.0}, {0.0, 0.0, 0.0, 0.0}, {1.0, -1.0, 0.0, 0.25}, {0.25, INFINITY, -0.5, 1.0}};
    double x[2][SAMPLES * COLUMNS], p[2][PARAMETERS];

    for (int32_t i = 0; i < 3 * LENGTH(functions); i++)
        for (int32_t j = 0; j < LENGTH(parameters); j++)
            for (int32_t n = SAMPLES; n > 0; n -= 6) {
                function *f = functions[i / 3].f;
                if (f == uniform_branch && parameters[j][1] < 0.0) /* no root */
                    continue;
                check_note("%s, parameters %d, %d samples, lanes %s", functions[i / 3].name, j, n,
                           mg_lanes(lanes[i % 3]));
                eager(f, n, parameters[j], x[0], p[0]);
                program(f, n, parameters[j], x[1], p[1]);
                for (int32_t k = 0; k < n * COLUMNS; k++)
                    check_close(x[1][k], x[0][k]);
                for (int32_t k = 0; k < PARAMETERS; k++)
                    if (!isnan(
                            p[0][k])) /* else 0 * inf in one sample: a program multiplies their sum, once */
                        check_close(p[1][k], p[0][k]);
                drop_all();
            }
    mg_lanes("avx512");
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(gradients_below_a_choice_are_those_of_eager_code);
    return 0;
}
