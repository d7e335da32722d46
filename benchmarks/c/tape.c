/* tape.c - how fast can a machine sweep a graph? A tape with nothing to it.
 *
 * The wide graph of workloads.py, n/2 products of 64 + 64 shared leaves under a balanced tree of additions,
 * in five plain arrays. Backward is one descending pass and a switch: no marks, no handles, no lock, because
 * every row is known to be reached. An engine has to find out what is reached, and pays for it.
 *
 *     gcc -O3 -ffp-contract=off tape.c -o tape
 *     seq 9 | ./tape 1000000
 *
 * Each line on standard input is one round, as for worker.py; the answer says seconds, the gradients of the
 * first two leaves, and ns a node.
 */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LEAF, ADD, MUL };
enum { LEAVES = 128 };

static uint8_t *op;
static int32_t *x, *y; /* operands: rows below */
static double *data, *grad;
static int32_t rows;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *allocate(size_t n, size_t size)
{
    void *memory = malloc(n * size);
    if (!memory) {
        perror("tape");
        exit(1);
    }
    return memory;
}

static int32_t append(uint8_t o, int32_t a, int32_t b, double value)
{
    op[rows] = o;
    x[rows] = a;
    y[rows] = b;
    data[rows] = value;
    return rows++;
}

/* The rows of `level` are added in pairs, level upon level, until one is left. */
static void build(int32_t *level, int32_t n)
{
    rows = 0;
    for (int32_t i = 0; i < LEAVES; i++)
        append(LEAF, 0, 0, 0.5 + i / 128.0);
    for (int32_t i = 0; i < n; i++) {
        int32_t a = i & 63, b = 64 + (i >> 6 & 63);
        level[i] = append(MUL, a, b, data[a] * data[b]);
    }
    while (n > 1) {
        int32_t pairs = n / 2;
        for (int32_t i = 0; i < pairs; i++) {
            int32_t a = level[2 * i], b = level[2 * i + 1];
            level[i] = append(ADD, a, b, data[a] + data[b]);
        }
        if (n & 1)
            level[pairs] = level[n - 1];
        n -= pairs;
    }
}

static void backward(void)
{
    grad[rows - 1] = 1.0;
    for (int32_t i = rows - 1; i >= 0; i--) {
        double g = grad[i];
        switch (op[i]) {
        case ADD: /* dz/dx = dz/dy = 1 */
            grad[x[i]] += g;
            grad[y[i]] += g;
            break;
        case MUL: /* dz/dx = y, dz/dy = x */
            grad[x[i]] += data[y[i]] * g;
            grad[y[i]] += data[x[i]] * g;
            break;
        default:
            break;
        }
    }
}

int main(int argc, char **argv)
{
    int32_t n = argc == 2 ? (int32_t)strtol(argv[1], NULL, 10) : 0;
    if (n < 4) {
        fprintf(stderr, "usage: seq ROUNDS | %s NODES\n", argv[0]);
        return 2;
    }
    size_t capacity = (size_t)n + LEAVES;
    op = allocate(capacity, sizeof *op);
    x = allocate(capacity, sizeof *x);
    y = allocate(capacity, sizeof *y);
    data = allocate(capacity, sizeof *data);
    grad = allocate(capacity, sizeof *grad);
    int32_t *level = allocate((size_t)n / 2, sizeof *level);

    for (char line[64]; fgets(line, sizeof line, stdin);) {
        build(level, n / 2);
        memset(grad, 0, capacity * sizeof *grad);
        double start = now();
        backward();
        double seconds = now() - start;
        printf("{\"seconds\": {\"backward\": %.9g}, \"result\": [%.17g, %.17g], \"ns_per_node\": %.3g}\n",
               seconds, grad[0], grad[1], 1e9 * seconds / rows);
        fflush(stdout);
    }
    return 0;
}
