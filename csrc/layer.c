/* layer.c - fused neurons: b + w[0]*x[0] + ... + w[n-1]*x[n-1] and its activation in one node.
 *
 * The products are added one by one from left to right, as Python's sum() does it, so the value is that of the
 * scalar graph bit for bit. What makes it fast is to run several neurons side by side, each in its own order.
 */
#include "arena.h"

/* The activation of x. */
static double activate(int32_t activation, double x)
{
    return activation == MG_NONE ? x : mg_ieee(activation, x, 0.0, mg_activation_k(activation));
}

/* Products of four neurons with consecutive weights at a time: four sums that do not wait for each other. */
static void dot_four(const double *restrict w0, const double *restrict w1, const double *restrict w2,
                     const double *restrict w3, const double *restrict x, int32_t n, double sum[4])
{
    double s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];

    for (int32_t i = 0; i < n; i++) {
        s0 += w0[i] * x[i];
        s1 += w1[i] * x[i];
        s2 += w2[i] * x[i];
        s3 += w3[i] * x[i];
    }
    sum[0] = s0, sum[1] = s1, sum[2] = s2, sum[3] = s3;
}

/* start + sum w*x over the list of weights, x[i] the value of input i. */
static double dot(double start, const int32_t *weights, const double *x)
{
    for (int32_t i = 0; i < weights[0]; i++)
        start += mg.data[mg_item(weights, i)] * x[i];
    return start;
}

/* Values of the inputs side by side: the data column itself where their rows are consecutive. */
static const double *input_values(int64_t list)
{
    static double *gathered; /* kept from call to call, under the lock */
    static int64_t capacity;
    const int32_t *inputs = mg.pool + list;

    if (inputs[1] >= 0)
        return mg.data + inputs[1];
    if (!mg_grow(&gathered, &capacity, inputs[0], sizeof *gathered))
        return NULL;
    for (int32_t i = 0; i < inputs[0]; i++)
        gathered[i] = mg.data[inputs[MG_LIST_HEAD + i]];
    return gathered;
}

/* Appends the record of one neuron; `consecutive` as in mg_layer, may be NULL. Its place, or a status. */
static int32_t append_neuron(const int32_t *weights, int32_t n, int32_t bias, int32_t activation,
                             int8_t *consecutive)
{
    const int64_t at = mg.pool_used;
    const int32_t bias_row = bias == MG_NONE ? MG_NONE : mg_row(bias);

    if (bias_row == MG_EHANDLE)
        return MG_EHANDLE;
    mg.pool[at] = activation;
    mg.pool[at + 1] = bias_row;
    mg.pool_used += MG_DOT_HEAD;
    const int32_t first =
        n > 0 && consecutive && *consecutive && mg.moves == 0 ? mg_row(weights[0]) : MG_EHANDLE;
    if (first >= 0 && mg_row(weights[n - 1]) == first + n - 1) {
        mg.pool[mg.pool_used] = n;
        mg.pool[mg.pool_used + 1] = first;
        mg.pool_used += MG_LIST_HEAD;
    } else {
        const int32_t list = mg_append_list(weights, n);
        if (list < 0)
            return list;
        if (consecutive)
            *consecutive = n > 0 && mg.pool[list + 1] >= 0;
    }
    return (int32_t)at;
}

/* The neurons of one layer that read the list of inputs. Their records become their handles. MG_ENOMEM. */
static int32_t append_neurons(int32_t inputs, int32_t neurons, int32_t *out)
{
    const double *x = input_values(inputs), *const data = mg.data;
    const int32_t *const pool = mg.pool;
    double sum[4];

    if (!x)
        return MG_ENOMEM;
    for (int32_t j = 0; j < neurons;) {
        const int32_t *record[4];
        int32_t ready = 0; /* of neurons from this one on with weights in consecutive rows: up to four */
        for (int32_t i = 0; i < 4 && j + i < neurons; i++) {
            record[i] = pool + out[j + i];
            sum[i] = record[i][1] == MG_NONE ? 0.0 : data[record[i][1]];
            ready += ready == i && record[i][3] >= 0;
        }
        if (ready == 4)
            dot_four(data + record[0][3], data + record[1][3], data + record[2][3], data + record[3][3], x,
                     pool[inputs], sum);
        else
            sum[0] = dot(sum[0], pool + out[j] + MG_DOT_HEAD, x);
        for (int32_t i = 0; i < (ready == 4 ? 4 : 1); i++, j++)
            out[j] = mg_append(MG_DOT, out[j], inputs, activate(pool[out[j]], sum[i]));
    }
    return MG_OK;
}

int32_t mg_layers(const mg_layer *layers, int32_t n, const int32_t *x, int32_t inputs, int32_t *out)
{
    int64_t rows = 0, ints = 0;
    int32_t status = MG_OK, width = inputs;

    if (n < 0 || inputs < 0)
        return MG_EARGUMENT;
    for (int32_t l = 0; l < n; width = layers[l++].neurons) {
        if (layers[l].neurons < 0)
            return MG_EARGUMENT;
        rows += layers[l].neurons;
        ints += MG_LIST_HEAD + (int64_t)width;
        for (int32_t j = 0; j < layers[l].neurons; j++) {
            ints += MG_DOT_HEAD + MG_LIST_HEAD + (int64_t)width;
            if (!mg_is_activation(layers[l].activations[j]))
                return MG_EARGUMENT;
        }
    }

    mg_lock();
    TRY(mg_reserve(rows, ints));
    const int64_t rows_before = mg.rows, pool_before = mg.pool_used;
    int32_t *const all = out;
    width = inputs;
    for (int32_t l = 0; l < n && status >= 0; width = layers[l++].neurons) {
        const int32_t *weights = layers[l].weights;
        if (layers[l].neurons == 0) /* no neuron would own the list of inputs */
            continue;
        const int32_t list = status = mg_append_list(x, width);
        for (int32_t j = 0; j < layers[l].neurons && status >= 0; j++, weights += width)
            out[j] = status = append_neuron(weights, width, layers[l].biases[j], layers[l].activations[j],
                                            layers[l].consecutive ? layers[l].consecutive + j : NULL);
        if (status >= 0)
            status = append_neurons(list, layers[l].neurons, out);
        x = out;
        out += layers[l].neurons;
    }
    if (status < 0) {
        mg_discard(rows_before, pool_before);
        for (int64_t i = 0; i < rows; i++)
            all[i] = MG_NONE;
    }
    mg_unlock();
    return status < 0 ? status : MG_OK;
}

int32_t mg_dot(const int32_t *w, const int32_t *x, int32_t n, int32_t bias, int32_t activation)
{
    const mg_layer one = {1, w, &bias, &activation, NULL};
    int32_t handle;
    const int32_t status = mg_layers(&one, 1, x, n, &handle);

    return status < 0 ? status : handle;
}
