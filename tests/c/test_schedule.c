/* From a graph to code: which instructions there are, and where values stand. And the part that runs once. */
#include "graphs.h"

/* The code of a graph; the graph is freed. */
static mg_code code_of(mg_graph *g)
{
    mg_code code;

    CHECK_INT(mg_graph_guard(g), MG_OK);
    CHECK_INT(mg_code_init(&code, g), MG_OK);
    mg_graph_free(g);
    return code;
}

/* bias + w x, the weights of output j at p[j*stride], p[j*stride + 1]. */
static int32_t neuron(mg_graph *g, int32_t j, int32_t stride)
{
    const int32_t w = j * stride;
    const int32_t args[] = {MG_NONE, parameter(g, w), input(g, 0), parameter(g, w + 1), input(g, 1)};

    return mg_graph_add(g, MG_P_LINEAR, args, LENGTH(args), 0.0);
}

TEST(neurons_of_one_input_are_one_instruction)
{
    mg_graph g = new_graph(2, 6, 1);
    const int32_t z[] = {one(&g, MG_TANH, neuron(&g, 0, 3)), one(&g, MG_TANH, neuron(&g, 1, 3))};

    g.outputs[0] = two(&g, MG_MUL, z[0], z[1]);
    mg_code code = code_of(&g);
    CHECK_INT(code.varying_count, 3); /* the layer, its tanh, the product */
    const mg_instruction *layer = &code.varying[0], *tanh = &code.varying[1];
    CHECK_INT(layer->op, MG_P_LINEAR);
    CHECK_INT(layer->count, 2);
    CHECK_INT(layer->n, 2);
    CHECK(layer->matrix);
    CHECK_INT(layer->weights, 0);
    CHECK_INT(layer->row, 3);
    CHECK_INT(code.packed, 0);
    CHECK_INT(tanh->op, MG_TANH);
    CHECK_INT(tanh->count, 2);
    CHECK_INT(tanh->x, layer->z);
    CHECK_INT(layer->active[MG_BACKWARD], MG_Y); /* the weights */
    CHECK_INT(layer->active[MG_GRADIENT], MG_X);
    mg_code_free(&code);
}

/* Of two neurons with the same inputs: f of both of them, g of the second one alone. */
static int32_t instructions_of(int f, double f_k, int g_op, double g_k)
{
    mg_graph g = new_graph(2, 6, 1);
    const int32_t a = neuron(&g, 0, 3), b = neuron(&g, 1, 3);

    const int32_t fa = mg_graph_add(&g, f, &a, 1, f_k);
    g.outputs[0] = two(&g, MG_MUL, fa, g_op == MG_NONE ? b : mg_graph_add(&g, g_op, &b, 1, g_k));
    mg_code code = code_of(&g);
    const int32_t count = code.varying_count;
    mg_code_free(&code);
    return count;
}

TEST(an_activation_that_all_neurons_have_is_one_instruction)
{
    CHECK_INT(instructions_of(MG_TANH, 0.0, MG_TANH, 0.0), 3); /* the layer, tanh, the product */
    CHECK_INT(instructions_of(MG_POW, 3.0, MG_POW, 3.0), 3);
    CHECK_INT(instructions_of(MG_POW, 3.0, MG_POW, 4.0), 4);
    CHECK_INT(instructions_of(MG_LEAKY_RELU, 0.0, MG_LEAKY_RELU, -0.0), 4);
    CHECK_INT(instructions_of(MG_TANH, 0.0, MG_RELU, 0.0), 4);
    CHECK_INT(instructions_of(MG_TANH, 0.0, MG_NONE, 0.0), 3); /* the layer, tanh of the first, the product */
}

/* Layers of many different inputs are told apart, those of the same ones found, whatever they hash to. */
TEST(neurons_of_other_inputs_are_other_instructions)
{
    enum { N = 16 };
    mg_graph g = new_graph(N, 1, 1);
    int32_t sum[2 * N * N + 1] = {MG_NONE}, n = 1;

    for (int32_t i = 0; i < N; i++)
        for (int32_t j = 0; j < N; j++) {
            const int32_t p = parameter(&g, 0);
            sum[n++] =
                mg_graph_add(&g, MG_P_LINEAR, (int32_t[]){p, p, input(&g, i), p, input(&g, j)}, 5, 0.0);
            sum[n++] = MG_NONE;
        }
    g.outputs[0] = mg_graph_add(&g, MG_P_PRODUCTS, sum, n, 0.0);
    mg_code code = code_of(&g);
    CHECK_INT(code.varying_count, N * N + 1);
    mg_code_free(&code);
}

TEST(weights_that_are_no_matrix_are_packed)
{
    mg_graph g = new_graph(2, 4, 1);
    const int32_t args[] = {MG_NONE, parameter(&g, 3), input(&g, 0), parameter(&g, 1), input(&g, 1)};
    const double p[] = {10, 11, 12, 13}, packed_gradient[] = {5, 7};
    double u[8], gu[8] = {0}, packed[2];

    g.outputs[0] = mg_graph_add(&g, MG_P_LINEAR, args, LENGTH(args), 0.0);
    mg_code code = code_of(&g);
    CHECK(!code.varying[0].matrix);
    CHECK_INT(code.packed, 2);
    CHECK(code.u <= LENGTH(u));
    memcpy(u, p, sizeof p);
    mg_uniform_forward(&code, u, packed);
    CHECK_REAL(packed[0], 13);
    CHECK_REAL(packed[1], 11);
    mg_uniform_backward(&code, u, gu, packed_gradient, MG_BACKWARD);
    CHECK_REAL(gu[3], 5);
    CHECK_REAL(gu[1], 7);
    CHECK_REAL(gu[0], 0);
    mg_code_free(&code);
}

TEST(uniform_values_and_their_gradients_are_computed_once)
{
    mg_graph g = new_graph(1, 2, 1);
    const int32_t p = parameter(&g, 0), q = parameter(&g, 1);
    const int32_t args[] = {number(&g, 3.0), p, q, q, MG_NONE};
    const int32_t sum = mg_graph_add(&g, MG_P_PRODUCTS, args, LENGTH(args), 0.0); /* 3 + pq + q */
    double u[16], gu[16] = {0};

    g.outputs[0] = two(&g, MG_MUL, one(&g, MG_EXP, sum), input(&g, 0));
    mg_code code = code_of(&g);
    CHECK_INT(code.uniform_count, 2);
    CHECK_INT(code.varying_count, 1);
    CHECK(code.u <= LENGTH(u));
    memcpy(u, code.start, (size_t)code.u * sizeof *u);
    u[0] = 2.0, u[1] = 0.5;
    mg_uniform_forward(&code, u, NULL);
    const int32_t z = code.varying[0].x_uniform ? code.varying[0].x : code.varying[0].y;
    CHECK_REAL(u[z], exp(4.5));
    gu[z] = 1.0;
    mg_uniform_backward(&code, u, gu, NULL, MG_BACKWARD);
    CHECK_REAL(gu[0], 0.5 * exp(4.5));
    CHECK_REAL(gu[1], 3.0 * exp(4.5));
    mg_code_free(&code);
}

TEST(every_kernel_computes_a_graph_without_an_arena)
{
    static const char *names[] = {"baseline", "avx2", "avx512"};

    for (int32_t i = 0; i < LENGTH(names); i++) {
        mg_graph g = new_graph(1, 1, 1);
        g.outputs[0] = two(&g, MG_MUL, one(&g, MG_RELU, input(&g, 0)), parameter(&g, 0));
        mg_code code = code_of(&g);
        double u[8] = {3.0}, gu[8] = {0}, v[64] = {-1, 2, 4, -8, 1, 1, 1, 1}, gv[64] = {0}, scratch[64];
        mg_chunk c = {.u = u, .gu = gu, .v = v, .gv = gv, .scratch = scratch, .lanes = 8, .samples = 5};
        CHECK(code.u <= 8 && 8 * code.v <= 64 && 8 * code.scratch <= 64);
        check_note("%s", mg_lanes(names[i]));
        mg_kernels_in_use()->forward(&code, &c);
        double *z = v + 8 * code.outputs[0].index, *gz = gv + 8 * code.outputs[0].index;
        for (int32_t l = 0; l < 5; l++) {
            CHECK_REAL(z[l], v[l] > 0 ? 3 * v[l] : 0.0);
            gz[l] = 1.0;
        }
        mg_kernels_in_use()->backward(&code, &c, MG_BACKWARD);
        CHECK_REAL(gu[0], 7.0);
        mg_code_free(&code);
    }
    mg_lanes("avx512");
}

static const double points[] = {NAN,    -INFINITY, INFINITY, -1e308, 1e308, -1000.0, 1000.0, -746.0,
                                711.0,  -41.0,     41.0,     -20.5,  20.5,  -2.5,    2.5,    -1.0,
                                1.0,    -0.3,      0.3,      -1e-9,  1e-9,  -1e-20,  1e-20,  -1e-310,
                                1e-310, -5e-324,   5e-324,   -0.0,   0.0,   -0.999,  0.999,  0.5};

static void check_close(double x, double y)
{
    CHECK_NEAR(x, y, isfinite(y) ? 1e-15 + 1e-11 * fabs(y) : 0.0);
}

/* The op over all points x, with one y: values and derivatives by IEEE's rules. */
static void compare_op(int32_t op, double y)
{
    enum { N = LENGTH(points) };
    const mg_op_info *row = mg_op_row(op);
    const double k = row->takes_k ? 3.0 : 0.0;
    double v[4 * N], gv[4 * N] = {0}, u[8] = {0}, gu[8] = {0}, scratch[4 * N];
    mg_graph g = new_graph(2, 0, 1);
    const int32_t operands[] = {input(&g, 0), input(&g, 1)};

    g.outputs[0] = mg_graph_add(&g, op, operands, row->arity, k);
    mg_code code = code_of(&g);
    CHECK(code.v <= 4 && code.u <= 8 && code.scratch <= 4);
    memcpy(v, points, sizeof points);
    for (int32_t l = 0; l < N; l++)
        v[N + l] = y;
    mg_chunk c = {.u = u, .gu = gu, .v = v, .gv = gv, .scratch = scratch, .lanes = N, .samples = N};
    mg_kernels_in_use()->forward(&code, &c);
    for (int32_t l = 0, z = code.outputs[0].index * N; l < N; l++)
        gv[z + l] = 1.0;
    mg_kernels_in_use()->backward(&code, &c, MG_GRADIENT);
    for (int32_t l = 0; l < N; l++) {
        double slopes[2] = {0.0, 0.0};
        const double x = points[l], z = mg_ieee(op, x, y, k);
        mg_slopes(op, x, y, z, k, slopes);
        check_note("%s of %g and %g: %g, %g and %g, lanes %s", row->name, x, y,
                   v[code.outputs[0].index * N + l], gv[l], gv[N + l], mg_lanes(NULL));
        check_close(v[code.outputs[0].index * N + l], z);
        check_close(gv[l], slopes[0]);
        if (row->arity == 2)
            check_close(gv[N + l], slopes[1]);
    }
    mg_code_free(&code);
}

TEST(every_op_in_lanes_is_that_of_the_engine_at_the_ends_of_its_range)
{
    static const char *names[] = {"baseline", "avx2", "avx512"};

    for (int32_t i = 0; i < LENGTH(names); i++) {
        mg_lanes(names[i]);
        for (int32_t op = MG_ADD; op < MG_OPS; op++)
            for (int32_t j = 0; !mg_is_nary(op) && j < (mg_op_row(op)->arity == 2 ? LENGTH(points) : 1); j++)
                compare_op(op, points[j]);
    }
    mg_lanes("avx512");
}

TEST(without_memory_there_is_no_code)
{
    for (int64_t at = 0, failed = 1; failed; at++) {
        mg_graph g = new_graph(2, 6, 1);
        mg_code code;
        g.outputs[0] = neuron(&g, 0, 3);
        CHECK_INT(mg_graph_guard(&g), MG_OK);
        mg_test_allocations = 0;
        mg_test_fail_at = at;
        const int32_t status = mg_code_init(&code, &g);
        mg_test_fail_at = -1;
        failed = status == MG_ENOMEM;
        CHECK(failed || status == MG_OK);
        mg_code_free(&code);
        mg_graph_free(&g);
    }
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(neurons_of_one_input_are_one_instruction);
    RUN(an_activation_that_all_neurons_have_is_one_instruction);
    RUN(neurons_of_other_inputs_are_other_instructions);
    RUN(weights_that_are_no_matrix_are_packed);
    RUN(uniform_values_and_their_gradients_are_computed_once);
    RUN(every_kernel_computes_a_graph_without_an_arena);
    RUN(every_op_in_lanes_is_that_of_the_engine_at_the_ends_of_its_range);
    RUN(without_memory_there_is_no_code);
    return 0;
}
