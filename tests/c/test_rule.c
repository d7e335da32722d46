/* The derivatives of the op table as graphs, against the same expressions as the compiler reads them. */
#include "graphs.h"

/* The values of all nodes; inputs are `x`. */
static double value_of(const mg_graph *g, int32_t node, const double *x)
{
    double *v = malloc((size_t)g->count * sizeof *v);

    for (int32_t i = 0; i <= node; i++) {
        const mg_expr *e = &g->nodes[i];
        const int32_t *args = mg_operands(g, i);
        v[i] = e->op == MG_P_INPUT   ? x[e->index]
               : e->op == MG_P_CONST ? mg_number(g, e)
                                     : mg_ieee(e->op, v[args[0]], e->n > 1 ? v[args[1]] : 0.0, mg_k(g, e));
    }
    const double value = v[node];
    free(v);
    return value;
}

/* The value of an expression of x, y, z and k; nan where it cannot be read. */
static double evaluated(const char *text, double x, double y, double z, double k)
{
    mg_graph g = new_graph(3, 0, 0);
    const int32_t node = mg_rule(&g, text, (int32_t[]){input(&g, 0), input(&g, 1), input(&g, 2)}, k);
    const double value = node == MG_NONE ? NAN : value_of(&g, node, (double[]){x, y, z});

    mg_graph_free(&g);
    return value;
}

static void compare(const char *text, double slope, double x, double y, double z, double k)
{
    if (*text)
        CHECK_NEAR(evaluated(text, x, y, z, k), slope, 1e-13 * fabs(slope));
}

TEST(every_derivative_of_the_table_is_read_as_the_compiler_reads_it)
{
    static const double ks[] = {-1.0, 0.0, 0.1, 1.0, 2.0, 3.0, 0.5};
    rng r = {7};

    for (int32_t op = 0; op < MG_OPS; op++)
        for (int32_t i = 0; i < 50; i++) {
            const mg_op_info *row = mg_op_row(op);
            const double x = i % 7 ? 2 * random_real(&r) : 0.0, y = i % 5 ? 2 * random_real(&r) : x;
            const double k = mg_is_nary(op) ? 3.0 : ks[i % LENGTH(ks)];
            const double z = mg_is_nary(op) ? random_real(&r) : mg_ieee(op, x, y, k);
            double slope[2] = {0.0, 0.0};
            check_note("%s of %.17g, %.17g, %g", row->name, x, y, k);
            mg_slopes(op, x, y, z, k, slope);
            compare(row->dx, slope[0], x, y, z, k);
            if (!mg_skips_x[op])
                compare(row->dy, slope[1], x, y, z, k);
        }
}

TEST(expressions_mean_what_they_mean_in_c)
{
    const double x = 3.0, y = -2.0, z = 0.25, k = 1.5;

    CHECK_REAL(evaluated("x - y - z", x, y, z, k), x - y - z);
    CHECK_REAL(evaluated("-x / y / z * k", x, y, z, k), -x / y / z * k);
    CHECK_REAL(evaluated(" x - -y * (z+0.125) ", x, y, z, k), x - -y * (z + 0.125));
    CHECK_REAL(evaluated("x < y ? 1 : x != x ? 2 : y<=-2 ? 3.75 : 4", x, y, z, k), 3.75);
    CHECK_REAL(evaluated("1 + 1 == 2 && 1 < 0 || x > y", x, y, z, k), 1.0);
    CHECK_REAL(evaluated("x >= 3 ? y == z : z", x, y, z, k), 0.0);
    CHECK_REAL(evaluated("pow(x, k + 0.5) + fabs(y)", x, y, z, k), 11.0);
    CHECK_REAL(evaluated("pow(x, y)", x, y, z, k), 1.0 / 9);
    CHECK_REAL(evaluated("M_2_SQRTPI * M_SQRT1_2", x, y, z, k), M_2_SQRTPI * M_SQRT1_2);
}

TEST(what_is_no_expression_is_refused)
{
    static const char *texts[] = {"",          "x +", "(x",  "x)",    "sinus(x)", "pow(x)",
                                  "exp(x, y)", "w",   "xy",  "x ? y", "x ? y : ", "pow(x, y, z)",
                                  "1e5",       "x y", "exp", "exp(x", "!x",       "pow(,x)"};

    for (int32_t i = 0; i < LENGTH(texts); i++) {
        check_note("%s", texts[i]);
        CHECK(isnan(evaluated(texts[i], 1.0, 1.0, 1.0, 1.0)));
    }
    mg_graph g = new_graph(1, 0, 0); /* y is not there */
    CHECK_INT(mg_rule(&g, "y", (int32_t[]){input(&g, 0), MG_NONE, MG_NONE}, 0.0), MG_NONE);
    mg_graph_free(&g);
}

TEST(of_a_choice_by_a_number_the_branch_is_left)
{
    mg_graph g = new_graph(1, 0, 0);
    const int32_t x = input(&g, 0);

    CHECK_INT(mg_rule(&g, "k == 1 ? x : 1 / x", (int32_t[]){x, MG_NONE, MG_NONE}, 1.0), x);
    CHECK_INT(count_of(&g, MG_WHEN) + count_of(&g, MG_UNLESS), 0);
    mg_graph_free(&g);
}

int main(void)
{
    RUN(every_derivative_of_the_table_is_read_as_the_compiler_reads_it);
    RUN(expressions_mean_what_they_mean_in_c);
    RUN(what_is_no_expression_is_refused);
    RUN(of_a_choice_by_a_number_the_branch_is_left);
    return 0;
}
