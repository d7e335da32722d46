/* moons.c - the training step of the moons network, written by hand: MLP(2, [16, 16, 1]), hinge loss, L2 penalty, SGD.
 *
 * Weights are stored by input, so that the loops over neurons become vector code without reassociation. Reads
 * the number of steps, n samples "x0 x1 y" and the 337 parameters in micrograd's order, trains, and prints the
 * last loss, the seconds of the fastest of five runs of these steps from the same start, and all parameters. The
 * rate of step k is 1 - 0.9 k / steps, as in micrograd's notebook.
 *
 *     gcc -O3 -march=native moons.c -o moons
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IN = 2, H = 16, MOST = 100000 };

typedef struct {
    double w1[IN][H], b1[H], w2[H][H], b2[H], w3[H], b3;
} net;

static net start, p, g;
static double x[MOST][IN], y[MOST];

static double step(int n, double lr)
{
    double loss = 0, squares = 0;

    memset(&g, 0, sizeof g);
    for (int s = 0; s < n; s++) {
        double a[H], b[H], da[H], db[H], score = p.b3;
        for (int j = 0; j < H; j++)
            a[j] = p.b1[j] + p.w1[0][j] * x[s][0] + p.w1[1][j] * x[s][1];
        for (int j = 0; j < H; j++)
            a[j] = a[j] < 0 ? 0 : a[j];
        for (int j = 0; j < H; j++)
            b[j] = p.b2[j];
        for (int i = 0; i < H; i++)
            for (int j = 0; j < H; j++)
                b[j] += p.w2[i][j] * a[i];
        for (int j = 0; j < H; j++)
            b[j] = b[j] < 0 ? 0 : b[j];
        for (int j = 0; j < H; j++)
            score += p.w3[j] * b[j];

        const double margin = 1 - y[s] * score;
        if (margin <= 0)
            continue;
        loss += margin;
        const double d = -y[s] / n;
        g.b3 += d;
        for (int j = 0; j < H; j++)
            g.w3[j] += d * b[j];
        for (int j = 0; j < H; j++)
            db[j] = b[j] > 0 ? d * p.w3[j] : 0;
        for (int j = 0; j < H; j++)
            g.b2[j] += db[j];
        for (int i = 0; i < H; i++) {
            for (int j = 0; j < H; j++)
                g.w2[i][j] += db[j] * a[i];
            double sum = 0;
            for (int j = 0; j < H; j++)
                sum += p.w2[i][j] * db[j];
            da[i] = a[i] > 0 ? sum : 0;
        }
        for (int j = 0; j < H; j++) {
            g.b1[j] += da[j];
            g.w1[0][j] += da[j] * x[s][0];
            g.w1[1][j] += da[j] * x[s][1];
        }
    }
    double *q = (double *)&p, *dq = (double *)&g;
    for (size_t i = 0; i < sizeof p / sizeof *q; i++) {
        squares += q[i] * q[i];
        q[i] -= lr * (dq[i] + 2e-4 * q[i]);
    }
    return loss / n + 1e-4 * squares;
}

/* Calls f(place of each parameter) in micrograd's order: neuron after neuron, its weights, then its bias. */
static void each(net *net, void (*f)(double *))
{
    for (int j = 0; j < H; f(&net->b1[j++]))
        for (int i = 0; i < IN; i++)
            f(&net->w1[i][j]);
    for (int j = 0; j < H; f(&net->b2[j++]))
        for (int i = 0; i < H; i++)
            f(&net->w2[i][j]);
    for (int i = 0; i < H; i++)
        f(&net->w3[i]);
    f(&net->b3);
}

static void get(double *q)
{
    if (scanf("%lf", q) != 1)
        exit(1);
}

static void put(double *q)
{
    printf("%.17g\n", *q);
}

int main(void)
{
    int steps, n;
    double loss = 0, best = 1e9;

    if (scanf("%d %d", &steps, &n) != 2 || n > MOST)
        return 1;
    for (int s = 0; s < n; s++)
        get(&x[s][0]), get(&x[s][1]), get(&y[s]);
    each(&start, get);
    for (int run = 0; run < 5; run++) {
        struct timespec t0, t1;
        p = start;
        clock_gettime(CLOCK_MONOTONIC, &t0);
        for (int k = 0; k < steps; k++)
            loss = step(n, 1 - 0.9 * k / steps);
        clock_gettime(CLOCK_MONOTONIC, &t1);
        const double seconds = (double)(t1.tv_sec - t0.tv_sec) + 1e-9 * (double)(t1.tv_nsec - t0.tv_nsec);
        best = seconds < best ? seconds : best;
    }
    printf("%.17g %.9g\n", loss, best);
    each(&p, put);
    return 0;
}
