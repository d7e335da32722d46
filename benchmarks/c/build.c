/* build.c - how fast is the engine without Python?
 *
 * The loss of the moons notebook as 65,818 scalar nodes, one call of engine.h a node: built, swept and given
 * back. The same graph as workloads.py has with fused=False; weights and samples are random here, since
 * only the time matters.
 *
 *     gcc -O3 -ffp-contract=off -I../../csrc ../../csrc/{arena,autograd,layer,ops}.c build.c -o build -lm -lpthread
 *     seq 9 | ./build
 *
 * Each line on standard input is one round, as for worker.py.
 */
#define _POSIX_C_SOURCE 199309L
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES = 100, LAYERS = 3, WIDEST = 16, PARAMETERS = 337, NODES = 65818 };

static const int32_t widths[LAYERS + 1] = {2, 16, 16, 1};
static int32_t handles[NODES];
static int32_t nodes;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Uniform in [-1, 1). */
static double uniform(void)
{
    return 2.0 * rand() / (RAND_MAX + 1.0) - 1.0;
}

/* Remembers a handle, so that it can be freed. */
static int32_t keep(int32_t handle)
{
    if (handle < 0 || nodes == NODES) {
        fprintf(stderr, "build: status %d at node %d\n", handle, nodes);
        exit(1);
    }
    handles[nodes++] = handle;
    return handle;
}

/* x op c, or c op x: two nodes. */
static int32_t number(int32_t op, int32_t x, double c, int32_t left)
{
    int64_t both = mg_binary_number(op, x, c, left);
    if (both < 0)
        keep((int32_t)both);
    keep((int32_t)(both >> 32));
    return keep((int32_t)(both & 0x7fffffff));
}

static int32_t score(const int32_t *parameters, const double *sample)
{
    int32_t x[WIDEST], out[WIDEST];
    for (int32_t i = 0; i < widths[0]; i++)
        x[i] = keep(mg_leaf(sample[i]));
    for (int32_t layer = 0; layer < LAYERS; layer++) {
        int32_t inputs = widths[layer], outputs = widths[layer + 1];
        for (int32_t j = 0; j < outputs; j++) {
            const int32_t *w = parameters;
            int32_t act = w[inputs]; /* the bias */
            for (int32_t i = 0; i < inputs; i++) {
                act = keep(mg_binary(MG_ADD, act, keep(mg_binary(MG_MUL, w[i], x[i]))));
            }
            out[j] = layer == LAYERS - 1 ? act : keep(mg_unary(MG_RELU, act));
            parameters += inputs + 1;
        }
        for (int32_t j = 0; j < outputs; j++)
            x[j] = out[j];
    }
    return x[0];
}

static int32_t loss(double (*samples)[2])
{
    int32_t parameters[PARAMETERS], losses[SAMPLES];
    for (int32_t i = 0; i < PARAMETERS; i++)
        parameters[i] = keep(mg_leaf(uniform()));

    for (int32_t i = 0; i < SAMPLES; i++) {
        double y = i & 1 ? 1.0 : -1.0;
        int32_t margin = number(MG_MUL, score(parameters, samples[i]), -y, 1);
        losses[i] = keep(mg_unary(MG_RELU, number(MG_ADD, margin, 1.0, 1)));
    }
    int32_t data_loss = number(MG_ADD, losses[0], 0.0, 1); /* Python's sum() starts at 0 */
    for (int32_t i = 1; i < SAMPLES; i++)
        data_loss = keep(mg_binary(MG_ADD, data_loss, losses[i]));
    data_loss = number(MG_MUL, data_loss, 1.0 / SAMPLES, 0);

    int32_t reg_loss = -1;
    for (int32_t i = 0; i < PARAMETERS; i++) {
        int32_t square = keep(mg_binary(MG_MUL, parameters[i], parameters[i]));
        reg_loss = i ? keep(mg_binary(MG_ADD, reg_loss, square)) : number(MG_ADD, square, 0.0, 1);
    }
    return keep(mg_binary(MG_ADD, data_loss, number(MG_MUL, reg_loss, 1e-4, 1)));
}

int main(void)
{
    double samples[SAMPLES][2];
    for (int32_t i = 0; i < SAMPLES; i++)
        samples[i][0] = uniform(), samples[i][1] = uniform();
    if (mg_init() != MG_OK)
        return 1;

    for (char line[64]; fgets(line, sizeof line, stdin);) {
        nodes = 0;
        double start = now();
        int32_t total_loss = loss(samples);
        double built = now();
        mg_pause pause;
        if (mg_backward(total_loss, 1.0, &pause) != MG_OK)
            return 1;
        double swept = now();
        for (int32_t i = 0; i < nodes / 2; i++) { /* readers before what they read */
            int32_t handle = handles[i];
            handles[i] = handles[nodes - 1 - i];
            handles[nodes - 1 - i] = handle;
        }
        mg_free(handles, nodes);
        double dropped = now();

        if (nodes != NODES)
            return fprintf(stderr, "build: %d nodes\n", nodes), 1;
        printf("{\"seconds\": {\"build\": %.9g, \"backward\": %.9g, \"drop\": %.9g}, \"result\": []}\n",
               built - start, swept - built, dropped - swept);
        fflush(stdout);
    }
    return 0;
}
