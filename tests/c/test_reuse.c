/* Code for values alone: the same values, in fewer columns. */
#include "graphs.h"

enum { LANES = 16, MOST = 200 };

/* One of the nodes so far, the last ones more often. */
static int32_t some(const mg_graph *g, rng *r)
{
    return random_below(r, 2) ? random_below(r, g->count)
                              : g->count - 1 - random_below(r, g->count < 5 ? g->count : 5);
}

static int32_t some_varying(const mg_graph *g, rng *r)
{
    int32_t node;

    while (!g->nodes[node = some(g, r)].varying)
        ;
    return node;
}

/* A random node over those of g: an op of one, two or many operands, a sum of products, neurons of the same inputs
 * with an activation each. */
static void add_some(mg_graph *g, rng *r)
{
    static const int ones[] = {MG_TANH, MG_RELU, MG_NEG, MG_SIN},
                     twos[] = {MG_ADD, MG_SUB, MG_MUL, MG_MAXIMUM};
    int32_t args[13] = {random_below(r, 2) ? MG_NONE : parameter(g, random_below(r, 3))};
    const int32_t kind = random_below(r, 6), n = 1 + random_below(r, 4);

    if (kind == 0) {
        one(g, ones[random_below(r, LENGTH(ones))], some_varying(g, r));
    } else if (kind < 3) {
        two(g, twos[random_below(r, LENGTH(twos))], some(g, r), some_varying(g, r));
    } else if (kind == 3) {
        for (int32_t i = 0; i < n; i++)
            args[1 + i] = i == 0 ? some_varying(g, r) : some(g, r);
        mg_graph_add(g, MG_LOGSUMEXP, args + 1, n, 0.0);
    } else if (kind == 4) {
        for (int32_t i = 0; i < n; i++) {
            args[1 + 2 * i] = some_varying(g, r);
            args[2 + 2 * i] = random_below(r, 2) ? MG_NONE : some_varying(g, r);
        }
        mg_graph_add(g, MG_P_PRODUCTS, args, 1 + 2 * n, 0.0);
    } else {
        const int f = random_below(r, 2) ? MG_TANH : MG_NEG;
        int32_t neurons[3];
        for (int32_t i = 0; i < n; i++)
            args[2 + 2 * i] = some_varying(g, r);
        for (int32_t j = 0; j < 3; j++) {
            for (int32_t i = 0; i < n; i++)
                args[1 + 2 * i] = parameter(g, (i + 5 * j) % 7);
            neurons[j] = mg_graph_add(g, MG_P_LINEAR, args, 1 + 2 * n, 0.0);
        }
        for (int32_t j = 0; j < 3; j++)
            one(g, f, neurons[j]);
    }
}

/* The values of the outputs, in all lanes. */
static void run(const mg_code *code, const double *x, double *values)
{
    static double u[8 * MOST], packed[100 * MOST], v[8 * MOST * LANES], scratch[8 * LANES];
    mg_chunk c = {.u = u, .packed = packed, .v = v, .scratch = scratch, .lanes = LANES, .samples = LANES};

    CHECK(code->u <= LENGTH(u) && code->packed <= LENGTH(packed) && code->v * LANES <= LENGTH(v));
    memcpy(u, code->start, (size_t)code->u * sizeof *u);
    for (int32_t i = 0; i < code->parameter_count; i++)
        u[i] = 0.3 * i - 1.0;
    mg_uniform_forward(code, u, packed);
    memcpy(v, x, (size_t)(code->input_count * LANES) * sizeof *v);
    mg_kernels_in_use()->forward(code, &c);
    for (int32_t i = 0; i < code->output_count; i++)
        for (int32_t l = 0; l < LANES; l++)
            values[i * LANES + l] =
                code->outputs[i].varying ? v[code->outputs[i].index * LANES + l] : u[code->outputs[i].index];
}

static void free_both(mg_code *code, mg_code *values)
{
    free(values->varying);
    free(values->outputs);
    mg_code_free(code);
}

TEST(random_graphs_have_the_same_values_in_fewer_columns)
{
    static const char *names[] = {"baseline", "avx2", "avx512"};

    for (uint64_t seed = 0; seed < 3000; seed++) {
        rng r = {seed};
        mg_graph g = new_graph(3, 12, 3);
        mg_code code, values;
        double x[3 * LANES], full[3 * LANES], few[3 * LANES];

        check_note("seed %d, lanes %s", (int)seed, mg_lanes(names[seed % 3]));
        for (int32_t i = 0; i < 3; i++)
            input(&g, i);
        for (int32_t i = 0; i < 12; i++)
            parameter(&g, i);
        number(&g, 0.5);
        for (int32_t n = 1 + random_below(&r, 20); n > 0; n--)
            add_some(&g, &r);
        for (int32_t i = 0; i < 3; i++)
            g.outputs[i] = i ? some(&g, &r) : g.count - 1;
        for (int32_t i = 0; i < LENGTH(x); i++)
            x[i] = 2.0 * random_real(&r);
        CHECK_INT(mg_graph_guard(&g), MG_OK);
        CHECK_INT(mg_code_init(&code, &g), MG_OK);
        mg_graph_free(&g);
        CHECK_INT(mg_code_reuse(&code, &values), MG_OK);
        CHECK(values.v <= code.v);
        run(&code, x, full);
        run(&values, x, few);
        CHECK(memcmp(full, few, sizeof full) == 0);
        free_both(&code, &values);
    }
    mg_lanes("avx512");
}

TEST(a_chain_needs_two_columns_beside_its_input)
{
    mg_graph g = new_graph(1, 0, 1);
    int32_t z = input(&g, 0);
    mg_code code, values;

    for (int32_t i = 0; i < 50; i++)
        z = one(&g, i % 2 ? MG_SIN : MG_TANH, z);
    g.outputs[0] = two(&g, MG_MUL, z, input(&g, 0));
    CHECK_INT(mg_graph_guard(&g), MG_OK);
    CHECK_INT(mg_code_init(&code, &g), MG_OK);
    mg_graph_free(&g);
    CHECK_INT(mg_code_reuse(&code, &values), MG_OK);
    CHECK_INT(code.v, 52);
    CHECK_INT(values.v, 3);
    free_both(&code, &values);
}

int main(void)
{
    RUN(random_graphs_have_the_same_values_in_fewer_columns);
    RUN(a_chain_needs_two_columns_beside_its_input);
    return 0;
}
