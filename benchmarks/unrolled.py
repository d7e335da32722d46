"""A function of 400 random ops, over Values in Python and unrolled in C, forward and backward."""

import random

INPUTS = 8

# Each op and how often it comes. Results stay small, so that nothing overflows after 400 of them.
WEIGHTS = {
    "add": 20,
    "sub": 15,
    "mul": 25,
    "div": 5,
    "max": 5,
    "tanh": 8,
    "relu": 8,
    "exp": 6,
    "sigmoid": 6,
    "sin": 2,
}


def random_ops(n=400, seed=0):
    """Return n steps (op, a, b): operands are inputs or earlier results, recent ones by preference."""
    rng = random.Random(seed)
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    steps = []
    for i in range(n):
        top = INPUTS + i
        a, b = (max(0, top - 1 - int(rng.expovariate(1 / 30))) for _ in range(2))
        steps.append((rng.choices(names, weights)[0], a, b))
    return steps


def python_function(steps):
    """Return the function over a list of Values."""

    def f(x):
        v = list(x)
        for op, i, j in steps:
            a, b = v[i], v[j]
            if op == "add":
                z = (a + b) * 0.5
            elif op == "sub":
                z = (a - b) * 0.5
            elif op == "mul":
                z = a * b
            elif op == "div":
                z = a / (1.0 + b * b)
            elif op == "max":
                z = a.maximum(b)
            elif op == "exp":
                z = (a * -0.5).exp()
            else:
                z = getattr(a, op)()
            v.append(z)
        total = v[INPUTS]
        for z in v[INPUTS + 1 :]:
            total = total + z
        return total

    return f


FORWARD = {
    "add": "(v{a} + v{b}) * 0.5",
    "sub": "(v{a} - v{b}) * 0.5",
    "mul": "v{a} * v{b}",
    "div": "v{a} / (1.0 + v{b} * v{b})",
    "max": "v{a} > v{b} ? v{a} : v{b}",
    "tanh": "tanh(v{a})",
    "relu": "v{a} < 0 ? 0 : v{a}",
    "exp": "exp(v{a} * -0.5)",
    "sigmoid": "1.0 / (1.0 + exp(-v{a}))",
    "sin": "sin(v{a})",
}
BACKWARD = {
    "add": "g{a} += 0.5 * g{z}; g{b} += 0.5 * g{z};",
    "sub": "g{a} += 0.5 * g{z}; g{b} -= 0.5 * g{z};",
    "mul": "g{a} += g{z} * v{b}; g{b} += g{z} * v{a};",
    "div": "{{ const double q = g{z} / (1.0 + v{b} * v{b}); g{a} += q; g{b} -= q * v{z} * 2 * v{b}; }}",
    "max": "{{ const double s = (v{a} > v{b}) + 0.5 * (v{a} == v{b}); g{a} += g{z} * s; g{b} += g{z} * (1 - s); }}",
    "tanh": "g{a} += g{z} * (1.0 - v{z} * v{z});",
    "relu": "g{a} += g{z} * (v{z} > 0);",
    "exp": "g{a} += g{z} * -0.5 * v{z};",
    "sigmoid": "g{a} += g{z} * v{z} * (1.0 - v{z});",
    "sin": "g{a} += g{z} * cos(v{a});",
}


def c_source(steps):
    """Return a C program: reads n and n samples as doubles, prints the seconds of the fastest of five runs."""
    n = len(steps)
    lines = [
        "#include <math.h>",
        "#include <stdio.h>",
        "#include <stdlib.h>",
        "#include <time.h>",
        "static double one(const double *x, double *gx)",
        "{",
    ]
    lines += [f"    const double v{i} = x[{i}];" for i in range(INPUTS)]
    for i, (op, a, b) in enumerate(steps):
        lines.append(f"    const double v{INPUTS + i} = {FORWARD[op].format(a=a, b=b)};")
    lines += [f"    double g{i} = {0 if i < INPUTS else 1};" for i in range(INPUTS + n)]
    for i in reversed(range(n)):
        op, a, b = steps[i]
        lines.append("    " + BACKWARD[op].format(a=a, b=b, z=INPUTS + i))
    lines += [f"    gx[{i}] = g{i};" for i in range(INPUTS)]
    total = " + ".join(f"v{INPUTS + i}" for i in range(n))
    lines += [f"    return {total};", "}", MAIN.replace("INPUTS", str(INPUTS))]
    return "\n".join(lines)


MAIN = """
int main(void)
{
    long n;
    double best = 1e9;
    if (fread(&n, sizeof n, 1, stdin) != 1)
        return 1;
    double *x = malloc(n * INPUTS * sizeof *x), *gx = malloc(n * INPUTS * sizeof *x), *f = malloc(n * sizeof *f);
    if (fread(x, INPUTS * sizeof *x, n, stdin) != (size_t)n)
        return 1;
    for (int run = 0; run < 5; run++) {
        struct timespec t0, t1;
        clock_gettime(CLOCK_MONOTONIC, &t0);
        for (long i = 0; i < n; i++)
            f[i] = one(x + i * INPUTS, gx + i * INPUTS);
        clock_gettime(CLOCK_MONOTONIC, &t1);
        const double s = (t1.tv_sec - t0.tv_sec) + 1e-9 * (t1.tv_nsec - t0.tv_nsec);
        best = s < best ? s : best;
    }
    printf("%.9g %.17g %.17g\\n", best, f[n - 1], gx[(n - 1) * INPUTS]);
    return 0;
}
"""
