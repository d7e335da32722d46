/* run.c - a program over n samples.
 *
 *     samples   0 ............................................................ n
 *     strips    |             |              |              |                |    each one's gradients are added
 *     chunks    |    |    |   |    |    |    |    |    |    |    |    |     |    from left to right, then those
 *     lanes     ||||||||||||||||||||||                                            of the strips
 *
 * Which sample falls into which lane, chunk and strip depends on the program and on n, never on the number of
 * threads: a thread takes whole strips, one after the other, so results are the same bit for bit.
 */
#include "run.h"

#include "pool.h"
#include "uniform.h"

enum {
    PIECE = 512,  /* gradients that are added up at a time: they stay in the first-level cache */
    SLICE_MS = 50 /* how long a call may last */
};

/* ---- one chunk ---- */

/* d reduced value / d output, in every lane; adds to the reduced value. */
static void seed(const mg_run *run, const mg_chunk *c, mg_strip *s, int64_t first)
{
    const mg_place out = run->program->code.outputs[0];
    const double *value = c->v + out.index * c->lanes, *weights = run->weights ? run->weights + first : NULL;
    double *g = c->gv + out.index * c->lanes;

    if (!out.varying)
        return;
    for (int64_t l = 0; l < c->samples; l++) {
        const double weight = weights ? weights[l] : 1.0;
        s->value += weight * value[l];
        g[l] = run->scale * weight;
    }
}

static void run_chunk(mg_run *run, mg_chunk *c, mg_strip *s, int64_t chunk)
{
    const mg_code *code = &run->program->code;
    const int64_t first = chunk * run->lanes;
    double *v = c->v;

    c->lanes = run->lanes;
    c->samples = run->n - first < run->lanes ? run->n - first : run->lanes;
    c->gu = s->gu;
    c->gpacked = s->gpacked;
    for (int32_t i = 0; i < run->batch_count; i++) {
        mg_read_batch(&run->batches[i], v, c->lanes, first, c->samples);
        v += run->batches[i].columns * c->lanes;
    }
    run->kernels->forward(code, c, run->goal == MG_VALUES);
    if (run->values && run->goal != MG_BACKWARD)
        mg_write_values(code, c, first, run->n, run->values);
    if (run->goal == MG_VALUES)
        return;
    memset(c->gv, 0, (size_t)(code->v * c->lanes) * sizeof *c->gv);
    seed(run, c, s, first);
    run->kernels->backward(code, c, run->goal);
    const double *gv = c->gv;
    for (int32_t i = 0; i < run->batch_count && run->goal == MG_GRADIENT; i++) {
        mg_write_gradients(c, gv, run->batches[i].columns, first, run->gradients[i]);
        gv += run->batches[i].columns * c->lanes;
    }
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
    const mg_code *code = &run->program->code;
    const int32_t thread = atomic_fetch_add(&run->next_thread, 1);
    mg_chunk c = {.u = run->u, .packed = run->packed, .v = run->columns[thread]};

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
    const mg_code *code = &p->code;
    double *u = run->u;

    memcpy(u, code->start, (size_t)code->u * sizeof *u);
    const int32_t status = mg_binding_read(&p->binding, u);
    if (status < 0)
        return status;
    u += code->parameter_count;
    for (int32_t i = 0; i < code->input_count; i++)
        if (!code->inputs[i].varying)
            *u++ = *numbers++;
    mg_uniform_forward(code, run->u);
    mg_pack_weights(code, run->u, run->packed);
    return MG_OK;
}

/* The gradients of all strips together, in their order, then through the uniform part. */
static void add_up(mg_run *run)
{
    const mg_code *code = &run->program->code;
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
    mg_unpack_gradients(code, run->gpacked, run->gu);
    if (!out.varying) {
        double weight = run->weights ? 0.0 : (double)run->n;
        for (int64_t i = 0; run->weights && i < run->n; i++)
            weight += run->weights[i];
        value = weight * run->u[out.index];
        run->gu[out.index] += run->scale * weight;
    }
    if (run->goal == MG_BACKWARD)
        *run->values = run->scale * value;
    mg_uniform_backward(code, run->u, run->gu, run->goal);
}

static int32_t finish(mg_run *run)
{
    const mg_code *code = &run->program->code;

    if (run->goal != MG_BACKWARD && run->values &&
        run->batch_count == 0) /* no samples: the values themselves */
        for (int32_t i = 0; i < code->output_count; i++)
            run->values[i] = run->u[code->outputs[i].index];
    if (run->goal == MG_VALUES)
        return MG_OK;
    add_up(run);
    if (run->goal == MG_GRADIENT) {
        for (int32_t i = 0, number = 0; i < code->input_count; i++)
            if (!code->inputs[i].varying)
                run->number_gradients[number++] = run->gu[code->inputs[i].index];
        return MG_OK;
    }
    mg_binding_add(&run->program->binding, run->gu);
    return MG_OK;
}

/* One slice. MG_OK, a status, or 1: there is more to do. */
static int32_t advance(mg_run *run)
{
    if (run->strip_count > 0) {
        int32_t others = mg_plan_helpers(run);
        atomic_store(&run->next_strip, 0);
        atomic_store(&run->next_thread, 0);
        atomic_store(&run->stop, 0);
        if (mg_run_reserve(run, others + 1) < 0) /* there is memory for one thread at least */
            others = run->threads - 1;
        if (run->chunks > 1)
            clock_gettime(CLOCK_MONOTONIC, &run->begin);
        mg_pool_run(run_strips, run, others);
        for (int32_t i = 0; i < run->strip_count; i++)
            if (run->strips[i].next < run->strips[i].end)
                return 1;
    }
    return finish(run);
}

int32_t mg_program_run(mg_program *p, int32_t goal, int64_t n, const double *numbers, int32_t arguments,
                       const void *const *data, const int64_t *layout, const double *weights, double scale,
                       double *values, double *number_gradients, double *const *gradients,
                       mg_run **unfinished)
{
    int64_t columns = 0;

    *unfinished = NULL;
    if (goal < 0 || goal > MG_VALUES || arguments < 0 || arguments > MG_MOST_ARGUMENTS || n < 0 ||
        (goal != MG_VALUES && p->code.output_count != 1))
        return MG_EARGUMENT;
    for (int32_t i = 0; i < arguments; i++)
        columns += layout[4 * i];
    for (int32_t i = 0; i < p->code.input_count; i++)
        columns -= p->code.inputs[i].varying;
    if (columns != 0)
        return MG_EARGUMENT;

    mg_run *run = mg_run_take(p);
    if (!run)
        return MG_ENOMEM;
    run->program = p;
    run->kernels = mg_kernels_in_use();
    run->goal = goal;
    run->n = arguments ? n : 0;
    run->batch_count = arguments;
    for (int32_t i = 0; i < arguments; i++) {
        run->batches[i] =
            (mg_batch){data[i], layout[4 * i], layout[4 * i + 1], layout[4 * i + 2], layout[4 * i + 3]};
        run->gradients[i] = goal == MG_GRADIENT ? gradients[i] : NULL;
    }
    run->weights = weights;
    run->scale = scale;
    run->values = values;
    run->number_gradients = number_gradients;
    mg_plan_chunks(run);
    if (!arguments)
        run->n = 1; /* uniform values count once */
    int32_t status = mg_run_reserve(run, 1);
    if (status == MG_OK)
        status = fill_uniform(run, numbers);
    if (status == MG_OK)
        status = advance(run);
    if (status == 1)
        *unfinished = run;
    else
        mg_run_give_back(run);
    return status;
}

int32_t mg_program_run_once(mg_program *p, int32_t goal, const double *numbers, double *values,
                            double *number_gradients)
{
    mg_run *unfinished;

    return mg_program_run(p, goal, 1, numbers, 0, NULL, NULL, NULL, 1.0, values, number_gradients, NULL,
                          &unfinished);
}

int32_t mg_program_resume(mg_run **unfinished)
{
    mg_run *run = *unfinished;
    const int32_t status = run ? advance(run) : MG_EARGUMENT;

    if (run && status != 1) {
        *unfinished = NULL;
        mg_run_give_back(run);
    }
    return status;
}

void mg_program_give_up(mg_run **unfinished)
{
    if (*unfinished)
        mg_run_give_back(*unfinished);
    *unfinished = NULL;
}
