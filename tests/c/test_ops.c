/* Every op of the table: derivatives, errors by Python's rules, and nodes given back as they were. */
#include "check.h"

/* ---- the table ---- */

TEST(the_table_ends_where_the_ops_end)
{
    CHECK(mg_op_row(-1) == NULL);
    CHECK(mg_op_row(MG_OPS) == NULL);
    CHECK(mg_op_row(INT32_MAX) == NULL);
    for (int32_t op = 0; op < MG_OPS; op++) {
        const mg_op_info *row = mg_op_row(op);
        check_note("op %d", op);
        CHECK(row && row->name && row->label && row->domain);
        CHECK(row->arity >= -1 && row->arity <= 2);
        for (int32_t other = 0; other < op; other++)
            CHECK(strcmp(row->name, mg_op_row(other)->name) != 0);
    }
}

/* ---- derivatives ---- */

/* A node of `op` over x and y, or over x and k; a handle or a status. */
static int32_t apply(int32_t op, int32_t x, int32_t y, double k)
{
    const mg_op_info *row = mg_op_row(op);

    return row->takes_k ? mg_unary_k(op, x, k) : row->arity == 1 ? mg_unary(op, x) : mg_binary(op, x, y);
}

/* The value of op, nan where it is an error. */
static double value(int32_t op, double x, double y, double k)
{
    const int32_t a = leaf(x), b = leaf(y), z = apply(op, a, b, k);
    const int32_t all[] = {z, b, a};
    const double result = z < 0 ? NAN : mg_data(z);

    mg_free(all + (z < 0), 3 - (z < 0));
    return result;
}

/* (f(x + h) - f(x - h)) / 2h, extrapolated to h = 0 from two steps; i: which operand. */
static double difference(int32_t op, double x, double y, double k, int32_t i)
{
    double slope[2];

    for (int32_t step = 0; step < 2; step++) {
        const double h = 1e-3 / (1 << step), dx = i ? 0.0 : h, dy = i ? h : 0.0;
        slope[step] = (value(op, x + dx, y + dy, k) - value(op, x - dx, y - dy, k)) / (2 * h);
    }
    return (4 * slope[1] - slope[0]) / 3;
}

static bool is_op(int32_t op)
{
    return op > MG_DOT && !mg_is_nary(op); /* those before it have no row in ops.def */
}

TEST(the_derivatives_of_every_op_are_those_of_central_differences)
{
    static const double points[] = {-2.3, -1.2, -0.7, -0.31, 0.23, 0.6, 0.8, 1.4, 2.7};
    static const double exponents[] = {-2.0, 0.0, 0.5, 1.0, 2.0, 3.0};

    for (int32_t op = 0; op < MG_OPS; op++) {
        if (!is_op(op) || !mg_op_row(op)->method)
            continue;
        const mg_op_info *row = mg_op_row(op);
        int32_t compared = 0;
        for (int32_t i = 0; i < LENGTH(points); i++)
            for (int32_t j = 0; j < (row->arity == 2 ? LENGTH(points)
                                     : row->takes_k  ? LENGTH(exponents)
                                                     : 1);
                 j++) {
                const double x = points[i], y = points[j], k = exponents[j % LENGTH(exponents)];
                const int32_t a = leaf(x), b = leaf(y), z = apply(op, a, b, k);
                check_note("%s of %g, %g, k = %g", row->name, x, y, k);
                if (z >= 0) {
                    const double dx = difference(op, x, y, k, 0), dy = difference(op, x, y, k, 1);
                    backward(z);
                    /* a difference is nan where it leaves the domain, or where a kink is between */
                    if (!isnan(dx) && !(x == y && op >= MG_MINIMUM && op <= MG_NOT_EQUAL)) {
                        CHECK_NEAR(mg_grad(a), dx, 1e-8 * (1 + fabs(dx)));
                        compared++;
                    }
                    if (row->arity == 2 && !isnan(dy) && x != y)
                        CHECK_NEAR(mg_grad(b), dy, 1e-8 * (1 + fabs(dy)));
                    drop(z);
                }
                drop(b);
                drop(a);
            }
        CHECK(compared >= 4); /* that many points are in the domain */
    }
}

/* z of the n-ary op over the numbers x. */
static double nary_value(int32_t op, const double *x, int32_t n)
{
    int32_t a[9];

    CHECK_INT(mg_leaves(x, n, a, false), MG_OK);
    const int32_t z = made(mg_nary(op, a, n));
    const double result = mg_data(z);
    drop(z);
    mg_free(a, n);
    return result;
}

TEST(the_derivatives_of_every_nary_op_are_those_of_central_differences)
{
    static const double points[] = {0.5, -1.25, 3.0, 2.0, -0.75, 1.5, 0.25, 4.0, -2.5};
    int32_t found = 0;

    for (int32_t op = 0; op < MG_OPS; op++)
        for (int32_t n = 1; mg_is_nary(op) && n <= LENGTH(points); n++) {
            int32_t a[LENGTH(points)];
            double x[LENGTH(points)], local[LENGTH(points)], row[1];
            CHECK_INT(mg_leaves(points, n, a, false), MG_OK);
            const int32_t z = made(mg_nary(op, a, n));
            backward(z);
            CHECK_INT(mg_local_derivatives(z, local, n), n);
            memcpy(x, points, sizeof x);
            for (int32_t i = 0; i < n; i++) {
                double side[4];
                for (int32_t step = 0; step < 4; step++) {
                    x[i] = points[i] + (step % 2 ? -1e-3 : 1e-3) / (1 + step / 2);
                    side[step] = nary_value(op, x, n);
                }
                x[i] = points[i];
                const double coarse = (side[0] - side[1]) / 2e-3, fine = (side[2] - side[3]) / 1e-3;
                check_note("%s, operand %d of %d", mg_op_row(op)->name, i, n);
                CHECK_NEAR(mg_grad(a[i]), (4 * fine - coarse) / 3, 1e-8);
                mg_slopes(op, x[i], 0.0, mg_data(z), n, row);
                CHECK_REAL(row[0], mg_grad(a[i]));
                CHECK_REAL(local[i], mg_grad(a[i]));
            }
            /* a twice: its gradient is the derivative of z(a, a), twice that of either operand */
            const int32_t twice = made(mg_nary(op, (int32_t[]){a[0], a[0]}, 2));
            CHECK_INT(mg_set_grads(a, n, 0.0, NULL), MG_OK);
            backward(twice);
            const double both[] = {points[0] + 1e-3, points[0] + 1e-3},
                         low[] = {points[0] - 1e-3, points[0] - 1e-3};
            CHECK_NEAR(mg_grad(a[0]), (nary_value(op, both, 2) - nary_value(op, low, 2)) / 2e-3, 1e-6);
            drop(twice);
            drop(z);
            mg_free(a, n);
            found++;
        }
    CHECK(found >= 2 * LENGTH(points)); /* SUM and MEAN at least */
}

/* The table without nodes: programs read it so, and rows that are no method of Value too. */
TEST(the_slopes_of_the_table_are_those_of_its_values)
{
    static const double points[] = {-0.8, -0.45, -0.2, 0.15, 0.55, 0.9};

    for (int32_t op = 0; op < MG_OPS; op++) {
        double slope[2] = {7.0, 7.0}, z;
        const double k = mg_op_row(op)->takes_k ? 2.5 : NAN;
        if (!is_op(op) && !mg_is_nary(op)) {
            mg_slopes(op, 1.0, 1.0, 1.0, 1.0, slope);
            CHECK_REAL(slope[0], 0.0);
            CHECK_REAL(slope[1], 7.0); /* untouched */
            CHECK_INT(mg_evaluate(op, 1.0, 1.0, 1.0, &z), MG_EARGUMENT);
        }
        if (!mg_is_nary(op))
            CHECK(isnan(mg_fold(op, NULL, NULL, 0)));
        for (int32_t i = 0; is_op(op) && i < LENGTH(points) * LENGTH(points); i++) {
            const double x = points[i / LENGTH(points)], y = points[i % LENGTH(points)], h = 1e-4;
            double side[4];
            bool defined = x != y; /* where MINIMUM and the comparisons have their kink */
            for (int32_t s = 0; s < 4; s++) {
                const double of = s % 2 ? -h : h;
                defined &= mg_evaluate(op, x + (s < 2 ? of : 0), y + (s < 2 ? 0 : of), k, &side[s]) == MG_OK;
                defined &= !isnan(side[s]);
            }
            if (!defined)
                continue;
            check_note("%s of %g, %g", mg_op_row(op)->name, x, y);
            CHECK_INT(mg_evaluate(op, x, y, k, &z), MG_OK);
            mg_slopes(op, x, y, z, k, slope);
            if (!mg_skips_x[op])
                CHECK_NEAR(slope[0], (side[0] - side[1]) / (2 * h), 1e-5 * (1 + fabs(slope[0])));
            if (mg_op_row(op)->arity == 2 && op != MG_INSTEAD)
                CHECK_NEAR(slope[1], (side[2] - side[3]) / (2 * h), 1e-5 * (1 + fabs(slope[1])));
        }
    }
}

TEST(derivatives_at_kinks_and_ends_are_the_agreed_ones)
{
    static const struct {
        int32_t op;
        double x, y, dx, dy;
    } cases[] = {
        {MG_RELU, 0.0, 0, 0.0, 0},        {MG_ABS, 0.0, 0, 0.0, 0},         {MG_MINIMUM, 1.0, 1.0, 0.5, 0.5},
        {MG_MAXIMUM, 1.0, 1.0, 0.5, 0.5}, {MG_MINIMUM, 1.0, 2.0, 1.0, 0.0}, {MG_MAXIMUM, 1.0, 2.0, 0.0, 1.0},
        {MG_SIGMOID, 1000.0, 0, 0.0, 0},  {MG_SIGMOID, -1000.0, 0, 0.0, 0}, {MG_TANH, 1000.0, 0, 0.0, 0},
        {MG_SOFTPLUS, 1000.0, 0, 1.0, 0}, {MG_SOFTPLUS, -1000., 0, 0.0, 0}, {MG_SILU, 1000.0, 0, 1.0, 0},
        {MG_SILU, -1000.0, 0, 0.0, 0},    {MG_GELU, 1000.0, 0, 1.0, 0},     {MG_GELU, -1000.0, 0, 0.0, 0},
        {MG_POWER, 0.0, 2.0, 0.0, 0.0},   {MG_POWER, 0.0, 0.0, 0.0, 0.0},   {MG_POWER, 2.0, 0.0, 0.0, M_LN2},
    };

    for (int32_t i = 0; i < LENGTH(cases); i++) {
        const int32_t a = leaf(cases[i].x), b = leaf(cases[i].y), z = made(apply(cases[i].op, a, b, 0.0));
        check_note("%s of %g", mg_op_row(cases[i].op)->name, cases[i].x);
        backward(z);
        CHECK_NEAR(mg_grad(a), cases[i].dx, 1e-15);
        if (mg_op_row(cases[i].op)->arity == 2)
            CHECK_NEAR(mg_grad(b), cases[i].dy, 1e-15);
    }
}

TEST(an_op_with_a_value_of_x_can_give_its_gradient_to_y_alone)
{
    static const double values[] = {2.0, NAN, INFINITY};

    for (int32_t i = 0; i < LENGTH(values); i++) {
        const int32_t root = leaf(0.0), x = made(mg_unary(MG_SQRT, root)), b = leaf(3.0);
        const int32_t y = made(mg_binary(MG_MUL, b, b)), z = made(mg_binary(MG_INSTEAD, x, y));
        double local[2];
        CHECK_INT(mg_set_data(x, values[i]), MG_OK);
        const int32_t z2 = made(mg_binary(MG_INSTEAD, x, y));
        CHECK_REAL(mg_data(z), 0.0);
        CHECK_REAL(mg_data(z2), values[i]);
        backward(z2);
        CHECK_REAL(mg_grad(b), 6.0);
        CHECK_REAL(mg_grad(x), 0.0);
        CHECK_REAL(mg_grad(root), 0.0); /* not 0 times the infinite slope of sqrt */
        CHECK_INT(mg_local_derivatives(z2, local, 2), 2);
        CHECK_REAL(local[0], 0.0);
        CHECK_REAL(local[1], 1.0);
    }
}

TEST(an_activation_that_reads_z_alone_has_its_slope_without_x)
{
    int32_t found = 0;

    for (int32_t op = 0; op < MG_OPS; op++)
        for (double x = -3.0; mg_op_row(op)->activation && x <= 3.0; x += 0.25) {
            const double k = mg_op_row(op)->k, z = mg_value(op, x, 0.0, k);
            const bool reads_x = mg_activation_reads[op] == MG_READS_X;
            double slope[2], expected[2];
            mg_slopes(op, reads_x ? x : NAN, 0.0, z, k, slope);
            mg_slopes(op, x, 0.0, z, k, expected);
            check_note("%s of %g", mg_op_row(op)->name, x);
            CHECK_REAL(slope[0], expected[0]);
            found++;
        }
    CHECK(found > 3 * 24);
}

TEST(functions_are_stable_at_both_ends)
{
    CHECK_REAL(value(MG_SIGMOID, 1000.0, 0, 0), 1.0);
    CHECK_REAL(value(MG_SIGMOID, -1000.0, 0, 0), 0.0);
    CHECK_REAL(value(MG_TANH, -1000.0, 0, 0), -1.0);
    CHECK_REAL(value(MG_SOFTPLUS, 1000.0, 0, 0), 1000.0);
    CHECK_REAL(value(MG_SOFTPLUS, -1000.0, 0, 0), 0.0);
    CHECK_REAL(value(MG_SILU, 1000.0, 0, 0), 1000.0);
    CHECK_REAL(value(MG_SILU, -1000.0, 0, 0), 0.0);
    CHECK_REAL(value(MG_GELU, 1000.0, 0, 0), 1000.0);
    CHECK_REAL(value(MG_GELU, -1000.0, 0, 0), 0.0);
    CHECK_REAL(value(MG_EXPM1, 1e-20, 0, 0), 1e-20);
    CHECK_REAL(value(MG_LOG1P, 1e-20, 0, 0), 1e-20);
}

TEST(nan_passes_through_every_op)
{
    for (int32_t op = 0; op < MG_OPS; op++)
        if (is_op(op)) {
            const int32_t a = leaf(NAN), b = leaf(2.0), z = made(apply(op, a, b, 2.0));
            check_note("%s", mg_op_row(op)->name);
            if (op == MG_MINIMUM || op == MG_MAXIMUM || mg_op_row(op)->arity == 1)
                CHECK(isnan(mg_data(z)));
        }
}

/* ---- errors ---- */

/* `op` of these operands gives `status`, in every form there is, and leaves nothing behind. */
static void gives(int32_t status, int32_t op, double x, double y)
{
    const int32_t a = leaf(x), b = leaf(y);
    const mg_figures before = figures();
    const int64_t pool = mg.pool_used;
    const uint64_t alive = digest();

    check_note("%s of %g, %g", mg_op_row(op)->name, x, y);
    if (mg_op_row(op)->arity == 2) {
        CHECK_INT(mg_binary(op, a, b), status);
        CHECK_INT(mg_binary_number(op, a, y, 0), status);
        CHECK_INT(mg_binary_number(op, b, x, 1), status);
    } else {
        CHECK_INT(mg_op_row(op)->takes_k ? mg_unary_k(op, a, y) : mg_unary(op, a), status);
    }
    const mg_figures after = figures();
    CHECK_INT(after.rows, before.rows);
    CHECK_INT(after.live_nodes, before.live_nodes);
    CHECK_INT(mg.pool_used, pool);
    CHECK(digest() == alive);
    drop(b);
    drop(a);
}

TEST(errors_are_those_of_pythons_floats)
{
    gives(MG_EZERODIV, MG_TRUEDIV, 1.0, 0.0);
    gives(MG_EZERODIV, MG_TRUEDIV, 0.0, -0.0);
    gives(MG_EZERODIV, MG_TRUEDIV, NAN, 0.0);
    for (int32_t form = 0; form < 2; form++) {
        const int32_t op = form ? MG_POW : MG_POWER;
        gives(MG_EZERODIV, op, 0.0, -1.0);
        gives(MG_EZERODIV, op, -0.0, -0.5);
        gives(MG_EDOMAIN, op, -2.0, 0.5);
        gives(MG_EOVERFLOW, op, 10.0, 400.0);
        gives(MG_EOVERFLOW, op, -10.0, 401.0);
        gives(MG_EOVERFLOW, op, 1e-300, -2.0);
    }
    gives(MG_EDOMAIN, MG_LOG, 0.0, 0);
    gives(MG_EDOMAIN, MG_LOG, -1.0, 0);
    gives(MG_EDOMAIN, MG_LOG, -INFINITY, 0);
    gives(MG_EDOMAIN, MG_LOG1P, -1.0, 0);
    gives(MG_EDOMAIN, MG_SQRT, -1e-300, 0);
    gives(MG_EDOMAIN, MG_ASIN, 1.0000001, 0);
    gives(MG_EDOMAIN, MG_ACOS, -1.5, 0);
    gives(MG_EDOMAIN, MG_SIN, INFINITY, 0);
    gives(MG_EDOMAIN, MG_COS, -INFINITY, 0);
    gives(MG_EDOMAIN, MG_TAN, INFINITY, 0);
    gives(MG_EOVERFLOW, MG_EXP, 710.0, 0);
    gives(MG_EOVERFLOW, MG_EXPM1, 710.0, 0);
    gives(MG_EOVERFLOW, MG_SINH, -711.0, 0);
    gives(MG_EOVERFLOW, MG_COSH, 711.0, 0);
}

/* math.exp(math.inf) and its like: limits, by C99's annex F. */
TEST(an_infinite_operand_has_the_limit_of_the_function_and_overflows_nothing)
{
    static const struct {
        int32_t op;
        double of_less, of_more; /* f(-inf) and f(inf); nan: outside of the domain */
    } limits[] = {
        {MG_NEG, INFINITY, -INFINITY},
        {MG_ABS, INFINITY, INFINITY},
        {MG_EXP, 0.0, INFINITY},
        {MG_EXPM1, -1.0, INFINITY},
        {MG_LOG, NAN, INFINITY},
        {MG_LOG1P, NAN, INFINITY},
        {MG_SQRT, NAN, INFINITY},
        {MG_SIN, NAN, NAN},
        {MG_COS, NAN, NAN},
        {MG_TAN, NAN, NAN},
        {MG_ASIN, NAN, NAN},
        {MG_ACOS, NAN, NAN},
        {MG_ATAN, -M_PI / 2, M_PI / 2},
        {MG_SINH, -INFINITY, INFINITY},
        {MG_COSH, INFINITY, INFINITY},
        {MG_TANH, -1.0, 1.0},
        {MG_ERF, -1.0, 1.0},
        {MG_SIGMOID, 0.0, 1.0},
        {MG_RELU, 0.0, INFINITY},
        {MG_SOFTPLUS, 0.0, INFINITY},
    };

    for (int32_t i = 0; i < 2 * LENGTH(limits); i++) {
        const int32_t op = limits[i / 2].op;
        const double x = i % 2 ? INFINITY : -INFINITY,
                     limit = i % 2 ? limits[i / 2].of_more : limits[i / 2].of_less;
        double z;
        check_note("%s of %g", mg_op_row(op)->name, x);
        CHECK_INT(mg_evaluate(op, x, 0.0, 0.0, &z), isnan(limit) ? MG_EDOMAIN : MG_OK);
        if (!isnan(limit))
            CHECK_REAL(z, limit);
    }
}

TEST(what_python_allows_is_no_error)
{
    CHECK_REAL(value(MG_ADD, 1e308, 1e308, 0), INFINITY);
    CHECK_REAL(value(MG_SUB, -1e308, 1e308, 0), -INFINITY);
    CHECK_REAL(value(MG_MUL, 1e308, 10.0, 0), INFINITY);
    CHECK_REAL(value(MG_TRUEDIV, 1e308, 1e-10, 0), INFINITY);
    CHECK_REAL(value(MG_TRUEDIV, 1.0, INFINITY, 0), 0.0);
    CHECK_REAL(value(MG_POWER, INFINITY, 2.0, 0), INFINITY);
    CHECK_REAL(value(MG_POWER, 0.0, -INFINITY, 0), INFINITY);
    CHECK_REAL(value(MG_POWER, 2.0, INFINITY, 0), INFINITY);
    CHECK_REAL(value(MG_POWER, -2.0, 3.0, 0), -8.0);
    CHECK_REAL(value(MG_POWER, 0.0, 0.0, 0), 1.0);
    CHECK_REAL(value(MG_EXP, INFINITY, 0, 0), INFINITY);
    CHECK_REAL(value(MG_EXP, -1000.0, 0, 0), 0.0);
    CHECK_REAL(value(MG_LOG, INFINITY, 0, 0), INFINITY);
    CHECK_REAL(value(MG_SQRT, 0.0, 0, 0), 0.0);
    CHECK(!isnan(value(MG_ASIN, 1.0, 0, 0)));
    CHECK(!isnan(value(MG_ACOS, -1.0, 0, 0)));
}

TEST(an_op_that_the_function_does_not_take_is_refused)
{
    const int32_t a = leaf(1.0), pair[] = {a, a};

    for (int32_t op = -2; op < MG_OPS + 2; op++) {
        const mg_op_info *row = mg_op_row(op);
        const int32_t arity = row && is_op(op) ? row->arity : 0, k = arity && row->takes_k;
        check_note("op %d", op);
        CHECK((mg_unary(op, a) >= 0) == (arity == 1 && !k));
        CHECK((mg_unary_k(op, a, 2.0) >= 0) == (arity == 1 && k));
        CHECK((mg_binary(op, a, a) >= 0) == (arity == 2));
        CHECK((mg_binary_number(op, a, 2.0, 0) >= 0) == (arity == 2));
        CHECK((mg_nary(op, pair, 2) >= 0) == mg_is_nary(op));
        CHECK((mg_dot(pair, pair, 2, a, op) >= 0) == (op == -1 || (row && row->activation)));
    }
    CHECK_INT(mg_unary(MG_ADD, a), MG_EARGUMENT);
    CHECK_INT(mg_dot(pair, pair, 2, a, MG_EXP), MG_EARGUMENT);
}

/* ---- nodes with a number, sums ---- */

TEST(an_op_with_a_number_makes_a_constant_for_it)
{
    const int32_t x = leaf(6.0);

    for (int32_t left = 0; left < 2; left++) {
        const int64_t pair = mg_binary_number(MG_TRUEDIV, x, 3.0, left);
        CHECK(pair >= 0);
        const int32_t c = (int32_t)(pair >> 32), z = (int32_t)(pair & 0xFFFFFFFF);
        CHECK_INT(op_of(c), MG_CONSTANT);
        CHECK_REAL(mg_data(c), 3.0);
        CHECK_REAL(mg_data(z), left ? 0.5 : 2.0);
        CHECK_INT(mg_set_grad(x, 0.0), MG_OK);
        backward(z);
        CHECK_NEAR(mg_grad(x), left ? -3.0 / 36.0 : 1.0 / 3.0, 1e-16);
        CHECK_NEAR(mg_grad(c), left ? 1.0 / 6.0 : -6.0 / 9.0, 1e-15);
    }
}

TEST(a_sum_is_added_from_left_to_right)
{
    const int32_t big = leaf(1e16), one = leaf(1.0), minus = leaf(-1e16);
    const int32_t forward[] = {big, one, one, minus}, otherwise[] = {one, one, big, minus};

    CHECK_REAL(mg_data(made(mg_nary(MG_SUM, forward, 4))), 1e16 + 1.0 + 1.0 - 1e16);
    CHECK_REAL(mg_data(made(mg_nary(MG_SUM, otherwise, 4))), 1.0 + 1.0 + 1e16 - 1e16);
    CHECK_REAL(mg_data(made(mg_nary(MG_SUM, NULL, 0))), 0.0);
    backward(made(mg_nary(MG_SUM, NULL, 0)));
}

/* ---- restore ---- */

/* The node and its operands, copied by mg_describe and mg_restore, are as they were. */
static void comes_back(int32_t z, const int32_t *operands, int32_t n)
{
    mg_node was, is;
    int32_t rows[2][16];

    CHECK_INT(mg_set_grad(z, 0.125), MG_OK);
    CHECK_INT(mg_describe(z, &was), MG_OK);
    const int32_t copy = made(mg_restore(was.op, operands, n, was.k, was.activation, was.data, was.grad));
    CHECK_INT(mg_describe(copy, &is), MG_OK);
    check_note("op %d", was.op);
    CHECK_INT(is.op, was.op);
    CHECK_INT(is.activation, was.activation);
    CHECK_REAL(is.k, was.k);
    CHECK_REAL(is.data, was.data);
    CHECK_REAL(is.grad, 0.125);
    CHECK_INT(operands_of(row_of(copy), rows[1], 16), operands_of(row_of(z), rows[0], 16));
    for (int32_t i = 0; i < n; i++)
        CHECK_INT(rows[1][i], rows[0][i]);
    check_arena();

    double gradient[16];
    CHECK_INT(mg_set_grads(operands, n, 0.0, NULL), MG_OK);
    backward(z);
    for (int32_t i = 0; i < n; i++)
        gradient[i] = mg_grad(operands[i]);
    CHECK_INT(mg_set_grads(operands, n, 0.0, NULL), MG_OK);
    backward(copy);
    for (int32_t i = 0; i < n; i++)
        CHECK_REAL(mg_grad(operands[i]), gradient[i]);
}

TEST(a_node_of_every_shape_comes_back_as_it_was)
{
    const int32_t a = leaf(0.5), b = leaf(0.25), c = leaf(0.75);
    const double data[] = {1.0, 2.0, 3.0, 4.0};
    int32_t run[4];

    CHECK_INT(mg_leaves(data, 4, run, false), MG_OK);
    comes_back(a, NULL, 0);
    for (int32_t op = 0; op < MG_OPS; op++)
        if (is_op(op)) {
            const int32_t operands[] = {b, a};
            comes_back(made(apply(op, b, a, 3.0)), operands, mg_op_row(op)->arity);
        }
    const int32_t list[] = {c, a, c}, xw[] = {a, c, b, a, c}, runs[] = {run[0], run[1], run[2], run[3], a};
    for (int32_t n = 0; n <= 3; n++) {
        comes_back(made(mg_nary(MG_SUM, list, n)), list, n);
        comes_back(made(mg_restore(MG_CUSTOM, list, n, NAN, MG_NONE, 9.0, 0.0)), list, n);
    }
    comes_back(made(mg_nary(MG_SUM, run, 4)), run, 4);
    comes_back(made(mg_dot(xw + 2, xw, 2, c, MG_SIGMOID)), xw, 5);
    comes_back(made(mg_dot(xw + 2, xw, 2, MG_NONE, MG_NONE)), xw, 4);
    comes_back(made(mg_dot(runs + 2, runs, 2, a, MG_RELU)), runs, 5);
    comes_back(made(mg_dot(xw, runs, 2, MG_NONE, MG_TANH)), (int32_t[]){run[0], run[1], a, c}, 4);
    comes_back(made(mg_dot(NULL, NULL, 0, c, MG_TANH)), &c, 1);
    comes_back(made(mg_dot(NULL, NULL, 0, MG_NONE, MG_TANH)), NULL, 0);
}

TEST(a_node_that_can_not_have_been_is_not_restored)
{
    const int32_t a = leaf(1.0), many[] = {a, a, a};
    const int64_t pool = mg.pool_used;

    for (int32_t op = -2; op < MG_OPS + 2; op++)
        for (int32_t n = 0; n <= 3; n++) {
            const mg_op_info *row = mg_op_row(op);
            const int32_t status = mg_restore(op, many, n, 1.0, MG_NONE, 0.0, 0.0);
            check_note("op %d, n = %d", op, n);
            CHECK((status >= 0) == (row && op != MG_GIVEN && (row->arity == n || row->arity < 0)));
            if (status >= 0)
                drop(status);
            else
                CHECK_INT(status, MG_EARGUMENT);
            CHECK_INT(figures().rows, 1);
            CHECK_INT(mg.pool_used, pool);
        }
    CHECK_INT(mg_restore(MG_DOT, many, 3, NAN, MG_EXP, 0.0, 0.0), MG_EARGUMENT);
    CHECK_INT(mg_restore(MG_DOT, many, 3, NAN, MG_OPS, 0.0, 0.0), MG_EARGUMENT);
    CHECK_INT(mg_restore(MG_DOT, many, 3, NAN, -2, 0.0, 0.0), MG_EARGUMENT);
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(the_table_ends_where_the_ops_end);
    RUN(the_derivatives_of_every_op_are_those_of_central_differences);
    RUN(the_derivatives_of_every_nary_op_are_those_of_central_differences);
    RUN(the_slopes_of_the_table_are_those_of_its_values);
    RUN(derivatives_at_kinks_and_ends_are_the_agreed_ones);
    RUN(an_op_with_a_value_of_x_can_give_its_gradient_to_y_alone);
    RUN(an_activation_that_reads_z_alone_has_its_slope_without_x);
    RUN(functions_are_stable_at_both_ends);
    RUN(nan_passes_through_every_op);
    RUN(errors_are_those_of_pythons_floats);
    RUN(an_infinite_operand_has_the_limit_of_the_function_and_overflows_nothing);
    RUN(what_python_allows_is_no_error);
    RUN(an_op_that_the_function_does_not_take_is_refused);
    RUN(an_op_with_a_number_makes_a_constant_for_it);
    RUN(a_sum_is_added_from_left_to_right);
    RUN(a_node_of_every_shape_comes_back_as_it_was);
    RUN(a_node_that_can_not_have_been_is_not_restored);
    return 0;
}
