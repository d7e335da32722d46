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
#include "code.h"
#include "uniform.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    CHUNK_BYTES = 1 << 19, /* columns of a chunk, to stay in the second-level cache */
    LEAST_LANES = 16,
    MOST_LANES = 256,
    MOST_STRIPS = 32,
    STRIP_BYTES = 4 << 20, /* gradients of all strips together, as long as there are two */
    CHUNK_WORK = 400000,   /* operations that are worth handing to a thread */
    BLOCK = 512,           /* gradients that are added up at a time */
    SLICE_MS = 50          /* how long a call may last */
};

/* Where the samples of an argument stand. */
typedef struct {
    const char *data;
    int64_t columns, sample_stride, column_stride; /* in bytes */
    int64_t type;
} argument;

typedef struct {
    double *gu, *gpacked; /* what its samples add to the gradients of uniform values */
    double value;         /* sum of weight * value */
    int64_t next, end;    /* chunks left to do */
    bool begun;
} strip;

/* A run: all that has to be remembered between two slices, and its memory, kept for the next run. */
struct mg_work {
    struct mg_work *next_idle;
    mg_program *program;
    const mg_kernels *kernels;

    int32_t what;
    mg_goal goal;
    int64_t n, lanes, chunks;
    argument arguments[MG_MOST_ARGUMENTS];
    int32_t argument_count;
    const double *weights; /* of samples, NULL: all 1 */
    double scale;          /* of the reduced value */
    double *values;
    double *gradients[MG_MOST_ARGUMENTS]; /* of arguments */
    double *number_gradients;

    double *u, *packed, *gu, *gpacked;
    strip strips[MOST_STRIPS];
    int32_t strip_count;
    double *memory;       /* u, packed and the gradients of all strips */
    int64_t memory_size;  /* doubles */
    double **columns;     /* of each thread: v, gv, scratch */
    int64_t columns_size; /* doubles of each */
    int32_t threads;      /* there are columns for */

    atomic_int next_strip, next_thread, stop;
    struct timespec begin; /* of this slice */
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

/* Samples of rows of many columns: a cache line of them at a time. */
static void read_argument(const argument *a, double *v, int64_t lanes, int64_t first, int64_t samples)
{
    for (int64_t j = 0; j < a->columns; j++) {
        double *column = v + j * lanes;
        read_column(column, a->data + first * a->sample_stride + j * a->column_stride, a->sample_stride,
                    samples, a->type);
        for (int64_t l = samples; l < lanes; l++)
            column[l] = column[samples - 1];
    }
}

static void write_values(const mg_work *w, const mg_chunk *c, int64_t first)
{
    const mg_program *p = w->program;

    for (int32_t i = 0; i < p->output_count; i++) {
        double *to = w->values + i * w->n + first;
        if (p->outputs[i].varying)
            memcpy(to, c->v + p->outputs[i].place * c->lanes, (size_t)c->samples * sizeof *to);
        else
            for (int64_t l = 0; l < c->samples; l++)
                to[l] = c->u[p->outputs[i].place];
    }
}

static void write_gradients(const mg_work *w, const mg_chunk *c, int64_t first)
{
    const double *gv = c->gv;

    for (int32_t i = 0; i < w->argument_count; i++) {
        const int64_t columns = w->arguments[i].columns;
        double *to = w->gradients[i] + first * columns;
        for (int64_t j = 0; j < columns; j++, gv += c->lanes)
            for (int64_t l = 0; l < c->samples; l++)
                to[l * columns + j] = gv[l];
    }
}

/* ---- one chunk ---- */

/* d reduced value / d output, in every lane; adds to the reduced value. */
static void seed(const mg_work *w, const mg_chunk *c, strip *s, int64_t first)
{
    const mg_place out = w->program->outputs[0];
    const double *value = c->v + out.place * c->lanes, *weights = w->weights ? w->weights + first : NULL;
    double *g = c->gv + out.place * c->lanes;

    if (!out.varying)
        return;
    for (int64_t l = 0; l < c->samples; l++) {
        const double weight = weights ? weights[l] : 1.0;
        s->value += weight * value[l];
        g[l] = w->scale * weight;
    }
}

static void run_chunk(mg_work *w, mg_chunk *c, strip *s, int64_t chunk)
{
    const mg_code *code = &w->program->code;
    const int64_t first = chunk * w->lanes;
    double *v = c->v;

    c->lanes = w->lanes;
    c->samples = w->n - first < w->lanes ? w->n - first : w->lanes;
    c->gu = s->gu;
    c->gpacked = s->gpacked;
    for (int32_t i = 0; i < w->argument_count; i++) {
        read_argument(&w->arguments[i], v, c->lanes, first, c->samples);
        v += w->arguments[i].columns * c->lanes;
    }
    w->kernels->forward(code, c, w->what == MG_VALUES);
    if (w->values && w->what != MG_BACKWARD)
        write_values(w, c, first);
    if (w->what == MG_VALUES)
        return;
    memset(c->gv, 0, (size_t)(code->v * c->lanes) * sizeof *c->gv);
    seed(w, c, s, first);
    w->kernels->backward(code, c, w->goal);
    if (w->what == MG_GRADIENT)
        write_gradients(w, c, first);
}

static bool time_is_up(const mg_work *w)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - w->begin.tv_sec) * 1000 + (now.tv_nsec - w->begin.tv_nsec) / 1000000 >= SLICE_MS;
}

/* What each thread does: strip after strip, until there is none left or time is up. */
static void work(void *run)
{
    mg_work *w = run;
    const mg_code *code = &w->program->code;
    const int32_t thread = atomic_fetch_add(&w->next_thread, 1);
    mg_chunk c = {.u = w->u, .packed = w->packed, .v = w->columns[thread]};

    c.scratch = c.v + code->v * w->lanes;
    c.gv = c.scratch + code->scratch * w->lanes;
    for (int32_t i; (i = atomic_fetch_add(&w->next_strip, 1)) < w->strip_count;) {
        strip *s = &w->strips[i];
        if (!s->begun && w->what != MG_VALUES)
            memset(s->gu, 0, (size_t)(code->u + code->packed) * sizeof *s->gu);
        s->begun = true;
        while (s->next < s->end) {
            if (atomic_load_explicit(&w->stop, memory_order_relaxed))
                return;
            run_chunk(w, &c, s, s->next++);
            if (w->chunks > 1 && time_is_up(w))
                atomic_store_explicit(&w->stop, 1, memory_order_relaxed);
        }
    }
}

/* ---- the plan of a run ---- */

static int64_t round_up(int64_t x)
{
    return (x + 7) / 8 * 8;
}

static void divide(mg_work *w)
{
    const mg_code *code = &w->program->code;
    const bool backward = w->what != MG_VALUES;
    const int64_t column = 8 * (backward ? 2 : 1) * (int64_t)(code->v + code->scratch);
    int64_t lanes = CHUNK_BYTES / column / 8 * 8;
    int64_t worth = round_up((int64_t)(CHUNK_WORK / (code->work * (backward ? 3 : 1) + 1)));

    lanes = lanes < LEAST_LANES ? LEAST_LANES : lanes > MOST_LANES ? MOST_LANES : lanes;
    worth = worth < 4 * LEAST_LANES ? 4 * LEAST_LANES : worth;
    if (worth < w->n / 4)
        worth = round_up(w->n / 4);
    if (lanes > worth)
        lanes = worth;
    w->chunks = (w->n + lanes - 1) / lanes;
    if (w->chunks == 3) /* two threads share four */
        w->chunks = 4;
    w->lanes = w->chunks ? round_up((w->n + w->chunks - 1) / w->chunks) : 8;
    w->chunks = (w->n + w->lanes - 1) / w->lanes;

    const int64_t bytes = 8 * (int64_t)(code->u + code->packed) + 1;
    int64_t strips = backward ? STRIP_BYTES / bytes : MOST_STRIPS;
    strips = strips < 2 ? 2 : strips > MOST_STRIPS ? MOST_STRIPS : strips;
    w->strip_count = (int32_t)(strips < w->chunks ? strips : w->chunks);
    for (int32_t i = 0; i < w->strip_count; i++) {
        w->strips[i] =
            (strip){.next = w->chunks * i / w->strip_count, .end = w->chunks * (i + 1) / w->strip_count};
    }
}

/* Threads that are worth calling. */
static int32_t helpers(const mg_work *w)
{
    const double work = (double)w->n * w->program->code.work * (w->what == MG_VALUES ? 1 : 3);
    const int32_t threads = work < CHUNK_WORK ? 1 : mg_pool_threads();

    return (threads < w->strip_count ? threads : w->strip_count > 0 ? w->strip_count : 1) - 1;
}

static int32_t get_memory(mg_work *w, int32_t threads)
{
    const mg_code *code = &w->program->code;
    const bool backward = w->what != MG_VALUES;
    const int64_t each = code->u + code->packed, strips = w->strip_count ? w->strip_count : 1;
    const int64_t size = each * (backward ? strips + 1 : 1) + 1;
    const int64_t columns = w->lanes * (code->v * (backward ? 2 : 1) + code->scratch);

    if (size > w->memory_size) {
        double *memory = mg_allocate(w->memory, (size_t)size * sizeof *memory);
        if (!memory)
            return MG_ENOMEM;
        w->memory = memory;
        w->memory_size = size;
    }
    w->u = w->memory;
    w->packed = w->u + code->u;
    w->gu = w->u + each;
    w->gpacked = w->gu + code->u;
    for (int32_t i = 0; i < w->strip_count && backward; i++) {
        w->strips[i].gu = w->gu + i * each; /* the first one's become those of all */
        w->strips[i].gpacked = w->strips[i].gu + code->u;
    }
    if (columns > w->columns_size) {
        for (int32_t i = 0; i < w->threads; i++)
            free(w->columns[i]);
        w->threads = 0;
        w->columns_size = columns;
    }
    if (threads > w->threads) {
        double **list = mg_allocate(w->columns, (size_t)threads * sizeof *list);
        if (!list)
            return MG_ENOMEM;
        w->columns = list;
        for (; w->threads < threads; w->threads++)
            if (!(list[w->threads] = mg_allocate(NULL, (size_t)w->columns_size * sizeof **list)))
                return MG_ENOMEM;
    }
    return MG_OK;
}

/* ---- begin and end ---- */

static void free_work(mg_work *w)
{
    for (int32_t i = 0; i < w->threads; i++)
        free(w->columns[i]);
    free(w->columns);
    free(w->memory);
    free(w);
}

void mg_program_free_idle(mg_program *p)
{
    while (p->idle) {
        mg_work *w = p->idle;
        p->idle = w->next_idle;
        free_work(w);
    }
}

static mg_work *take_work(mg_program *p)
{
    mg_programs_lock();
    mg_work *w = p->idle;
    if (w)
        p->idle = w->next_idle;
    mg_programs_unlock();
    if (!w) {
        w = mg_allocate(NULL, sizeof *w);
        if (w)
            memset(w, 0, sizeof *w);
    }
    return w;
}

static void give_back(mg_work *w)
{
    mg_program *p = w->program;

    mg_programs_lock();
    w->next_idle = p->idle;
    p->idle = w;
    mg_programs_unlock();
}

/* The rows of the parameters of block `b`: the first one's where they are known to be consecutive, else NONE. */
static int32_t block_row(const mg_program *p, int32_t b)
{
    const int32_t *handles = p->parameters + b * MG_BLOCK, first = handles[0], row = mg_row(first);
    const int32_t n =
        p->parameter_count - b * MG_BLOCK < MG_BLOCK ? p->parameter_count - b * MG_BLOCK : MG_BLOCK;
    int32_t differ = 0;

    if (row < 0 || !p->consecutive[b] || first + n > mg.handles)
        return MG_NONE;
    for (int32_t j = 0; j < n; j++)
        differ |= mg.row_of[first + j] - row - j;
    return differ ? MG_NONE : row;
}

/* Copies the data of all parameters to u. */
static int32_t read_parameters(const mg_program *p, double *u)
{
    for (int32_t i = 0; i < p->parameter_count; i += MG_BLOCK) {
        const int32_t n = p->parameter_count - i < MG_BLOCK ? p->parameter_count - i : MG_BLOCK;
        const int32_t first = block_row(p, i / MG_BLOCK);
        if (first != MG_NONE) {
            memcpy(u + i, mg.data + first, (size_t)n * sizeof *u);
            continue;
        }
        for (int32_t j = i; j < i + n; j++) {
            const int32_t row = mg_row(p->parameters[j]);
            if (row < 0)
                return row;
            u[j] = mg.data[row];
        }
    }
    return MG_OK;
}

/* Adds gu to the gradients of all parameters. One that died meanwhile has nobody to look at its gradient. */
static void add_to_parameters(const mg_program *p, const double *gu)
{
    for (int32_t i = 0; i < p->parameter_count; i += MG_BLOCK) {
        const int32_t n = p->parameter_count - i < MG_BLOCK ? p->parameter_count - i : MG_BLOCK;
        const int32_t first = block_row(p, i / MG_BLOCK);
        for (int32_t j = 0; first != MG_NONE && j < n; j++)
            mg.grad[first + j] += gu[i + j];
        for (int32_t j = i; first == MG_NONE && j < i + n; j++) {
            const int32_t row = mg_row(p->parameters[j]);
            if (row >= 0)
                mg.grad[row] += gu[j];
        }
    }
}

/* Parameters, numbers, constants, and what is computed from them. */
static int32_t fill_uniform(mg_work *w, const double *numbers)
{
    const mg_program *p = w->program;
    const mg_code *code = &p->code;
    double *u = w->u;

    memcpy(u, code->start, (size_t)code->u * sizeof *u);
    mg_lock();
    TRY(read_parameters(p, u));
    mg_unlock();
    u += p->parameter_count;
    for (int32_t i = 0; i < p->input_count; i++)
        if (!p->inputs[i].varying)
            *u++ = *numbers++;
    mg_uniform_forward(code, w->u);
    mg_pack_weights(code, w->u, w->packed);
    return MG_OK;
}

/* The gradients of all strips together, in their order, then through the uniform part. */
static void add_up(mg_work *w)
{
    const mg_program *p = w->program;
    const mg_code *code = &p->code;
    const int64_t each = code->u + code->packed;
    const mg_place out = p->outputs[0];
    double value = 0.0;

    if (w->strip_count == 0)
        memset(w->gu, 0, (size_t)each * sizeof *w->gu);
    for (int64_t first = 0; first < each; first += BLOCK) { /* the sums stay in the first-level cache */
        const int64_t end = first + BLOCK < each ? first + BLOCK : each;
        for (int32_t i = 1; i < w->strip_count; i++) {
            const double *restrict from = w->strips[i].gu;
            double *restrict to = w->gu;
            for (int64_t j = first; j < end; j++)
                to[j] += from[j];
        }
    }
    for (int32_t i = 0; i < w->strip_count; i++)
        value += w->strips[i].value;
    mg_unpack_gradients(code, w->gpacked, w->gu);
    if (!out.varying) {
        double weight = w->weights ? 0.0 : (double)w->n;
        for (int64_t i = 0; w->weights && i < w->n; i++)
            weight += w->weights[i];
        value = weight * w->u[out.place];
        w->gu[out.place] += w->scale * weight;
    }
    if (w->what == MG_BACKWARD)
        *w->values = w->scale * value;
    mg_uniform_backward(code, w->u, w->gu, w->goal);
}

static int32_t finish(mg_work *w)
{
    const mg_program *p = w->program;

    if (w->what != MG_BACKWARD && w->values && w->argument_count == 0) /* no samples: the values themselves */
        for (int32_t i = 0; i < p->output_count; i++)
            w->values[i] = w->u[p->outputs[i].place];
    if (w->what == MG_VALUES)
        return MG_OK;
    add_up(w);
    if (w->what == MG_GRADIENT) {
        for (int32_t i = 0, number = 0; i < p->input_count; i++)
            if (!p->inputs[i].varying)
                w->number_gradients[number++] = w->gu[p->inputs[i].place];
        return MG_OK;
    }
    mg_lock();
    add_to_parameters(p, w->gu);
    mg_unlock();
    return MG_OK;
}

/* One slice. MG_OK, a status, or 1: there is more to do. */
static int32_t advance(mg_work *w)
{
    if (w->strip_count > 0) {
        int32_t others = helpers(w);
        atomic_store(&w->next_strip, 0);
        atomic_store(&w->next_thread, 0);
        atomic_store(&w->stop, 0);
        if (get_memory(w, others + 1) < 0) /* there is for one thread at least */
            others = w->threads - 1;
        if (w->chunks > 1)
            clock_gettime(CLOCK_MONOTONIC, &w->begin);
        mg_pool_run(work, w, others);
        for (int32_t i = 0; i < w->strip_count; i++)
            if (w->strips[i].next < w->strips[i].end)
                return 1;
    }
    return finish(w);
}

int32_t mg_program_run(mg_program *p, int32_t what, int64_t n, const double *numbers, int32_t arguments,
                       const void *const *data, const int64_t *layout, const double *weights, double scale,
                       double *values, double *number_gradients, double *const *gradients,
                       mg_work **unfinished)
{
    int64_t columns = 0;

    *unfinished = NULL;
    if (arguments < 0 || arguments > MG_MOST_ARGUMENTS || n < 0 ||
        (what != MG_VALUES && p->output_count != 1))
        return MG_EARGUMENT;
    for (int32_t i = 0; i < arguments; i++)
        columns += layout[4 * i];
    for (int32_t i = 0; i < p->input_count; i++)
        columns -= p->inputs[i].varying;
    if (columns != 0)
        return MG_EARGUMENT;

    mg_work *w = take_work(p);
    if (!w)
        return MG_ENOMEM;
    w->program = p;
    w->kernels = mg_kernels_in_use();
    w->what = what;
    w->goal = what == MG_GRADIENT ? MG_OF_INPUTS : MG_OF_PARAMETERS;
    w->n = arguments ? n : 0;
    w->argument_count = arguments;
    for (int32_t i = 0; i < arguments; i++) {
        w->arguments[i] =
            (argument){data[i], layout[4 * i], layout[4 * i + 1], layout[4 * i + 2], layout[4 * i + 3]};
        w->gradients[i] = what == MG_GRADIENT ? gradients[i] : NULL;
    }
    w->weights = weights;
    w->scale = scale;
    w->values = values;
    w->number_gradients = number_gradients;
    divide(w);
    if (!arguments)
        w->n = 1; /* uniform values count once */
    int32_t status = get_memory(w, 1);
    if (status == MG_OK)
        status = fill_uniform(w, numbers);
    if (status == MG_OK)
        status = advance(w);
    if (status == 1)
        *unfinished = w;
    else
        give_back(w);
    return status;
}

int32_t mg_program_run_once(mg_program *p, int32_t what, const double *numbers, double *values,
                            double *number_gradients)
{
    mg_work *unfinished;

    return mg_program_run(p, what, 1, numbers, 0, NULL, NULL, NULL, 1.0, values, number_gradients, NULL,
                          &unfinished);
}

int32_t mg_program_resume(mg_work **unfinished)
{
    mg_work *w = *unfinished;
    const int32_t status = w ? advance(w) : MG_EARGUMENT;

    if (w && status != 1) {
        *unfinished = NULL;
        give_back(w);
    }
    return status;
}

void mg_program_give_up(mg_work **unfinished)
{
    if (*unfinished)
        give_back(*unfinished);
    *unfinished = NULL;
}
