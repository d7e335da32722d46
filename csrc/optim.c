/* optim.c - one step of an optimiser for all parameters. The formulas are PyTorch's. */
#include "arena.h"

/* g += weight_decay * p;  m = momentum * m + g;  g = nesterov ? g + momentum * m : m;
 * p -= lr * g */
int32_t mg_sgd(const int32_t *parameters, int32_t n, double *m, int64_t *steps, const double *options)
{
    const double lr = options[0], momentum = options[1], nesterov = options[2], weight_decay = options[3];

    mg_lock();
    TRY(mg_to_rows(parameters, n, NULL));
    const bool first = ++*steps == 1;
    for (int32_t i = 0; i < n; i++) {
        const int32_t row = mg.row_of[parameters[i]];
        double g = mg.grad[row];
        if (weight_decay != 0)
            g += weight_decay * mg.data[row];
        if (momentum != 0) {
            m[i] = first ? g : momentum * m[i] + g;
            g = nesterov != 0 ? g + momentum * m[i] : m[i];
        }
        mg.data[row] -= lr * g;
    }
    mg_unlock();
    return MG_OK;
}

/* m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g**2;
 * p -= lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)
 * weight decay: p -= lr * weight_decay * p if decoupled, else g += weight_decay * p */
static int32_t adam(const int32_t *parameters, int32_t n, double *state, int64_t *steps,
                    const double *options, int decoupled)
{
    const double lr = options[0], beta1 = options[1], beta2 = options[2], eps = options[3];
    const double weight_decay = options[4];
    double *restrict m = state, *restrict v = state + n;

    mg_lock();
    TRY(mg_to_rows(parameters, n, NULL));
    const double t = (double)++*steps;
    const double step = lr / (1 - pow(beta1, t)), root = sqrt(1 - pow(beta2, t));
    for (int32_t i = 0; i < n; i++) {
        const int32_t row = mg.row_of[parameters[i]];
        double g = mg.grad[row], p = mg.data[row];
        if (decoupled)
            p *= 1 - lr * weight_decay;
        else if (weight_decay != 0)
            g += weight_decay * p;
        m[i] += (1 - beta1) * (g - m[i]);
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        mg.data[row] = p - step * (m[i] / (sqrt(v[i]) / root + eps));
    }
    mg_unlock();
    return MG_OK;
}

int32_t mg_adam(const int32_t *parameters, int32_t n, double *state, int64_t *steps, const double *options)
{
    return adam(parameters, n, state, steps, options, 0);
}

int32_t mg_adamw(const int32_t *parameters, int32_t n, double *state, int64_t *steps, const double *options)
{
    return adam(parameters, n, state, steps, options, 1);
}

/* g += weight_decay * p;  v = alpha * v + (1 - alpha) * g**2;  g /= sqrt(v - mean**2) + eps if centered, the mean
 * one of g, else sqrt(v) + eps;  m = momentum * m + g;  p -= lr * m */
int32_t mg_rmsprop(const int32_t *parameters, int32_t n, double *state, int64_t *steps, const double *options)
{
    const double lr = options[0], alpha = options[1], eps = options[2], weight_decay = options[3];
    const double momentum = options[4], centered = options[5];
    double *restrict v = state, *restrict m = v + n, *restrict mean = m + n;

    mg_lock();
    TRY(mg_to_rows(parameters, n, NULL));
    ++*steps;
    for (int32_t i = 0; i < n; i++) {
        const int32_t row = mg.row_of[parameters[i]];
        double g = mg.grad[row];
        if (weight_decay != 0)
            g += weight_decay * mg.data[row];
        double square = v[i] = alpha * v[i] + (1 - alpha) * g * g;
        if (centered != 0) {
            mean[i] += (1 - alpha) * (g - mean[i]);
            square -= mean[i] * mean[i];
        }
        g /= sqrt(square) + eps;
        if (momentum != 0)
            g = m[i] = momentum * m[i] + g;
        mg.data[row] -= lr * g;
    }
    mg_unlock();
    return MG_OK;
}
