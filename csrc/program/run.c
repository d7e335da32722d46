/* run.c - a program over n samples, in strips and chunks as code.h draws them. */
#include "run.h"

#include "build.h"
#include "pool.h"

enum {
    PIECE = 512,  /* gradients that are added up at a time: they stay in the first-level cache */
    SLICE_MS = 50 /* how long a call may last */
};

/* ---- numbers in, numbers out ---- */

/* n numbers of one type, from memory that need not be aligned, into a column. */
#define READ(code, type)                                                                                     \
    case code:                                                                                               \
        for (int64_t l = 0; l < n; l++) {                                                                    \
            type x;                                                                                          \
            memcpy(&x, from + l * stride, sizeof x);                                                         \
            to[l] = (double)x;                                                                               \
        }                                                                                                    \
        break;

static void read_column(double *restrict to, const char *restrict from, int64_t stride, int64_t n,
                        int64_t type)
{
    switch (type) {
        READ(MG_F64, double)
        READ(MG_F32, float)
        READ(MG_I64, int64_t)
        READ(MG_I32, int32_t)
        READ(MG_I16, int16_t)
        READ(MG_I8, int8_t)
        READ(MG_U64, uint64_t)
        READ(MG_U32, uint32_t)
        READ(MG_U16, uint16_t)
        READ(MG_U8, uint8_t)
    }
}

/* Reads the samples from `first` on into columns v, v + lanes, ... Lanes after the last sample repeat it. Column by
 * column: samples that lie side by side share a cache line, which is read once for all of them. */
static void read_batch(const mg_batch *batch, double *v, int64_t lanes, int64_t first, int64_t samples)
{
    for (int64_t j = 0; j < batch->columns; j++) {
        double *column = v + j * lanes;
        read_column(column,
                    (const char *)batch->data + first * batch->sample_stride + j * batch->column_stride,
                    batch->sample_stride, samples, batch->type);
        for (int64_t l = samples; l < lanes; l++)
            column[l] = column[samples - 1];
    }
}

/* Writes a chunk's values of outputs: that of sample `first` + l of output i to values[i*n + first + l]. */
static void write_values(const mg_code *code, const mg_chunk *c, int64_t first, int64_t n, int64_t outputs,
                         double *values)
{
    for (int64_t i = 0; i < outputs; i++) {
        const mg_place out = code->outputs[i];
        double *to = values + i * n + first;
        if (out.varying)
            memcpy(to, c->v + out.index * c->lanes, (size_t)c->samples * sizeof *to);
        else
            for (int64_t l = 0; l < c->samples; l++)
                to[l] = c->u[out.index];
    }
}

/* Writes what a chunk has for the batches, in their shapes, beside what other chunks write: values of the last outputs,
 * or gradients of the inputs. None is -0.0. */
static void write_batches(const mg_run *run, const mg_chunk *c, int64_t first)
{
    const mg_code *code = run->code;
    const bool values = run->goal == MG_VALUES;
    const mg_place *places = code->outputs + code->output_count - run->rows;

    for (int64_t i = 0, place = 0; i < run->batch_count && run->gradients[i]; i++) {
        const int64_t n = run->batches[i].columns;
        for (int64_t j = 0; j < n; j++, place++) {
            const mg_place at = values ? places[place] : (mg_place){(int32_t)place, true};
            const double *from = at.varying ? (values ? c->v : c->gv) + at.index * c->lanes : c->u + at.index;
            double *restrict to = run->gradients[i] + first * n + j;
            for (int64_t l = 0; l < c->samples; l++)
                to[l * n] = from[at.varying ? l : 0] + 0.0;
        }
    }
}

/* ---- one chunk ---- */

/* d reduced value / d output, in every lane; adds to the reduced value. */
static void seed(const mg_run *run, const mg_chunk *c, mg_strip *s, int64_t first)
{
    const mg_place out = run->code->outputs[0];
    const double *value = c->v + out.index * c->lanes;
    double *g = c->gv + out.index * c->lanes;

    if (!out.varying)
        return;
    for (int64_t l = 0; l < c->samples; l++) {
        const double weight = run->weights ? run->weights[first + l] : 1.0;
        s->value += weight * value[l];
        g[l] = run->scale * weight;
    }
}

static void run_chunk(mg_run *run, mg_chunk *c, mg_strip *s, int64_t chunk)
{
    const mg_code *code = run->code;
    const int64_t first = chunk * run->lanes;
    double *v = c->v;

    c->lanes = run->lanes;
    c->samples = run->n - first < run->lanes ? run->n - first : run->lanes;
    c->gu = s->gu;
    c->gpacked = s->gpacked;
    for (int32_t i = 0; i < run->batch_count; i++) {
        read_batch(&run->batches[i], v, c->lanes, first, c->samples);
        v += run->batches[i].columns * c->lanes;
    }
    run->kernels->forward(code, c);
    if (run->values && run->goal != MG_BACKWARD)
        write_values(code, c, first, run->n, code->output_count - run->rows, run->values);
    if (run->goal == MG_VALUES) {
        write_batches(run, c, first);
        return;
    }
    memset(c->gv, 0, (size_t)(code->v * c->lanes) * sizeof *c->gv);
    seed(run, c, s, first);
    run->kernels->backward(code, c, run->goal);
    write_batches(run, c, first);
}

static bool time_is_up(const mg_run *run)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - run->begin.tv_sec) * 1000 + (now.tv_nsec - run->begin.tv_nsec) / 1000000 >= SLICE_MS;
}

/* What each thread does: strip after strip, until there is none left or time is up. */
static void run_strips(void *argument)
{
    mg_run *run = argument;
    const mg_code *code = run->code;
    const int32_t thread = atomic_fetch_add(&run->next_thread, 1);
    mg_chunk c = {.u = run->u, .packed = run->packed, .v = run->columns + thread * run->column_size};

    c.scratch = c.v + code->v * run->lanes;
    c.gv = c.scratch + code->scratch * run->lanes;
    for (int32_t i; (i = atomic_fetch_add(&run->next_strip, 1)) < run->strip_count;) {
        mg_strip *s = &run->strips[i];
        if (!s->begun && run->goal != MG_VALUES)
            memset(s->gu, 0, (size_t)(code->u + code->packed) * sizeof *s->gu);
        s->begun = true;
        while (s->next < s->end) {
            if (atomic_load_explicit(&run->stop, memory_order_relaxed))
                return;
            run_chunk(run, &c, s, s->next++);
            if (run->chunks > 1 && time_is_up(run))
                atomic_store_explicit(&run->stop, 1, memory_order_relaxed);
        }
    }
}

/* ---- begin and end ---- */

/* Parameters, numbers, constants, and what is computed from them. */
static int32_t fill_uniform(mg_run *run, const double *numbers)
{
    const mg_program *p = run->program;
    const mg_code *code = run->code;
    double *u = run->u;

    memcpy(u, code->start, (size_t)(code->first_constant + code->constants) * sizeof *u);
    const int32_t status = mg_read_parameters(p->parameters, code->parameter_count, u);
    if (status < 0)
        return status;
    u += code->parameter_count;
    for (int32_t i = 0; i < code->input_count; i++)
        if (!code->inputs[i].varying)
            *u++ = *numbers++;
    mg_uniform_forward(code, run->u, run->packed);
    return MG_OK;
}

/* The gradients of all strips together, in their order, then through the uniform part. */
static void add_up(mg_run *run)
{
    const mg_code *code = run->code;
    const int64_t each = code->u + code->packed;
    const mg_place out = code->outputs[0];
    double value = 0.0;

    if (run->strip_count == 0)
        memset(run->gu, 0, (size_t)each * sizeof *run->gu);
    for (int64_t first = 0; first < each; first += PIECE) {
        const int64_t end = first + PIECE < each ? first + PIECE : each;
        for (int32_t i = 1; i < run->strip_count; i++) {
            const double *restrict from = run->strips[i].gu;
            double *restrict to = run->gu;
            for (int64_t j = first; j < end; j++)
                to[j] += from[j];
        }
    }
    for (int32_t i = 0; i < run->strip_count; i++)
        value += run->strips[i].value;
    if (!out.varying) {
        double weight = run->weights ? 0.0 : (double)run->n;
        for (int64_t i = 0; run->weights && i < run->n; i++)
            weight += run->weights[i];
        value = weight * run->u[out.index];
        run->gu[out.index] += run->scale * weight;
    }
    if (run->goal == MG_BACKWARD)
        *run->values = run->scale * value;
    mg_uniform_backward(code, run->u, run->gu, run->gpacked, run->goal);
}

static void finish(mg_run *run)
{
    const mg_program *p = run->program;
    const mg_code *code = run->code;

    if (run->goal != MG_VALUES)
        add_up(run);
    if (run->goal == MG_BACKWARD && run->number_gradients)
        memcpy(run->number_gradients, run->gu, (size_t)code->parameter_count * sizeof *run->gu);
    else if (run->goal == MG_BACKWARD)
        mg_add_gradients(p->parameters, code->parameter_count, run->gu);
    for (int32_t i = 0, number = 0; run->goal == MG_GRADIENT && i < code->input_count; i++)
        if (!code->inputs[i].varying)
            run->number_gradients[number++] = run->gu[code->inputs[i].index];
    if (run->batch_count == 0 && run->values && run->goal != MG_BACKWARD) /* the values themselves */
        for (int32_t i = 0; i < code->output_count; i++)
            run->values[i] = run->u[code->outputs[i].index];
}

/* One slice. MG_OK, or 1: there is more to do. */
static int32_t advance(mg_run *run)
{
    if (run->strip_count > 0) {
        atomic_store(&run->next_strip, 0);
        atomic_store(&run->next_thread, 0);
        atomic_store(&run->stop, 0);
        if (run->chunks > 1)
            clock_gettime(CLOCK_MONOTONIC, &run->begin);
        mg_pool_run(run_strips, run, run->threads - 1);
        for (int32_t i = 0; i < run->strip_count; i++)
            if (run->strips[i].next < run->strips[i].end)
                return 1;
    }
    finish(run);
    return MG_OK;
}

int32_t mg_program_run(mg_program *p, int32_t goal, int64_t n, const double *numbers, int32_t batch_count,
                       const mg_batch *batches, const double *weights, double scale, double *values,
                       double *number_gradients, double *const *gradients, mg_run **unfinished)
{
    int64_t columns = 0, rows = 0;

    *unfinished = NULL;
    if (goal < 0 || goal > MG_VALUES || batch_count < 0 || batch_count > MG_MOST_BATCHES || n < 0 ||
        (goal != MG_VALUES && p->code.output_count != 1))
        return MG_EARGUMENT;
    for (int32_t i = 0; i < batch_count; i++) {
        columns += batches[i].columns;
        rows += goal == MG_VALUES && gradients && gradients[i] ? batches[i].columns : 0;
    }
    for (int32_t i = 0; i < p->code.input_count; i++)
        columns -= p->code.inputs[i].varying;
    if (columns != 0 || rows > p->code.output_count)
        return MG_EARGUMENT;

    mg_run *run = mg_run_take(p);
    if (!run)
        return MG_ENOMEM;
    run->program = p;
    run->code = goal == MG_VALUES ? &p->values : &p->code;
    run->kernels = mg_kernels_in_use();
    run->goal = goal;
    run->n = batch_count ? n : 0;
    run->batch_count = batch_count;
    for (int32_t i = 0; i < batch_count; i++) {
        run->batches[i] = batches[i];
        run->gradients[i] = goal != MG_BACKWARD && gradients ? gradients[i] : NULL;
    }
    run->rows = rows;
    run->weights = weights;
    run->scale = scale;
    run->values = values;
    run->number_gradients = number_gradients;
    mg_plan_chunks(run);
    if (!batch_count)
        run->n = 1; /* uniform values count once */
    *unfinished = run;
    int32_t status = mg_run_reserve(run);
    if (status == MG_OK)
        status = fill_uniform(run, numbers);
    if (status == MG_OK)
        status = advance(run);
    if (status != 1)
        mg_program_give_up(unfinished);
    return status;
}

int32_t mg_program_run_once(mg_program *p, int32_t goal, const double *numbers, double *values,
                            double *number_gradients)
{
    mg_run *unfinished;

    return mg_program_run(p, goal, 1, numbers, 0, NULL, NULL, 1.0, values, number_gradients, NULL,
                          &unfinished);
}

int32_t mg_program_resume(mg_run **unfinished)
{
    const int32_t status = *unfinished ? advance(*unfinished) : MG_EARGUMENT;

    if (status != 1)
        mg_program_give_up(unfinished);
    return status;
}

void mg_program_give_up(mg_run **unfinished)
{
    if (*unfinished)
        mg_run_give_back(*unfinished);
    *unfinished = NULL;
}
