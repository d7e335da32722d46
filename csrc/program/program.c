/* program.c - a program as a whole: made, described, freed. */
#include "program.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void mg_program_free(mg_program *p)
{
    if (!p)
        return;
    mg_program_free_idle(p);
    mg_graph_free(&p->graph);
    free(p->code.uniform);
    free(p->code.varying);
    free(p->code.ints);
    free(p->code.start);
    for (int goal = 0; goal < 2; goal++) {
        free(p->code.active_u[goal]);
        free(p->code.active_v[goal]);
    }
    free(p->inputs);
    free(p->outputs);
    free(p->parameters);
    free(p->consecutive);
    free(p);
}

/* Which blocks of parameters have consecutive handles: such as were made together mostly stand in rows together. */
static int32_t find_blocks(mg_program *p)
{
    p->consecutive = mg_allocate(NULL, (size_t)p->parameter_count / MG_BLOCK + 1);
    if (!p->consecutive)
        return MG_ENOMEM;
    memset(p->consecutive, 1, (size_t)p->parameter_count / MG_BLOCK + 1);
    for (int32_t i = 1; i < p->parameter_count; i++)
        if (i % MG_BLOCK && p->parameters[i] != p->parameters[i - 1] + 1)
            p->consecutive[i / MG_BLOCK] = 0;
    return MG_OK;
}

/* The steps from the arena to code. */
static int32_t compile(mg_program *p, int32_t marker, const int32_t *inputs, const int8_t *batched,
                       const int32_t *outputs, int32_t *culprit)
{
    mg_graph recorded = {0};
    int32_t *nodes = mg_allocate(NULL, (size_t)p->output_count * sizeof *nodes);
    int32_t status = nodes ? MG_OK : MG_ENOMEM;

    if (status == MG_OK)
        status = mg_program_build(p, &recorded, marker, inputs, batched, outputs, nodes, culprit);
    if (status == MG_OK)
        status = mg_program_optimise(&recorded, &p->graph, nodes, p->output_count);
    mg_graph_free(&recorded);
    if (status == MG_OK)
        status = mg_program_schedule(p, nodes);
    if (status == MG_OK)
        status = find_blocks(p);
    free(nodes);
    return status;
}

mg_program *mg_program_new(int32_t marker, const int32_t *inputs, const int8_t *batched, int32_t n,
                           const int32_t *outputs, int32_t n_outputs, int32_t *status, int32_t *culprit)
{
    mg_program *p = mg_allocate(NULL, sizeof *p);

    *status = MG_ENOMEM;
    if (!p)
        return NULL;
    memset(p, 0, sizeof *p);
    p->input_count = n;
    p->output_count = n_outputs;
    p->inputs = mg_allocate(NULL, (size_t)n * sizeof *p->inputs);
    p->outputs = mg_allocate(NULL, (size_t)n_outputs * sizeof *p->outputs);
    if (p->inputs && p->outputs) {
        for (int32_t i = 0; i < n; i++)
            p->inputs[i] = (mg_place){MG_NONE, batched[i]};
        *status = compile(p, marker, inputs, batched, outputs, culprit);
    }
    if (*status != MG_OK) {
        mg_program_free(p);
        return NULL;
    }
    return p;
}

const int32_t *mg_program_parameters(const mg_program *p)
{
    return p->parameters;
}

void mg_program_describe(const mg_program *p, mg_program_figures *out)
{
    const mg_code *code = &p->code;
    const int64_t places = (int64_t)p->graph.count + p->parameter_count + p->input_count;

    out->recorded = p->recorded;
    out->nodes = 0;
    for (int32_t i = 0; i < p->graph.count; i++)
        out->nodes += 1;
    out->instructions = code->uniform_count + code->varying_count;
    out->inputs = p->input_count;
    out->parameters = p->parameter_count;
    out->outputs = p->output_count;
    out->work = code->work;
    out->bytes = (int64_t)sizeof *p + p->graph.capacity * (int64_t)sizeof *p->graph.nodes +
                 (int64_t)sizeof(int32_t) * (3 * (int64_t)p->graph.args_capacity + p->graph.table_size) +
                 2 * p->graph.count * (int64_t)sizeof *code->varying + places * (int64_t)(sizeof(double) + 4);
}

/* ---- listing ---- */

typedef struct {
    const mg_program *p;
    char *text;
    int64_t size, length;
} writer;

__attribute__((format(printf, 2, 3))) static void put(writer *w, const char *format, ...)
{
    char piece[200];
    va_list args;

    va_start(args, format);
    const int n = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    for (int i = 0; i < n && i < (int)sizeof piece - 1; i++, w->length++)
        if (w->length < w->size - 1)
            w->text[w->length] = piece[i];
}

static void put_place(writer *w, int32_t place, bool uniform)
{
    const mg_program *p = w->p;
    int32_t numbers = 0, columns = 0;

    for (int32_t i = 0; i < p->input_count; i++)
        *(p->inputs[i].varying ? &columns : &numbers) += 1;
    if (!uniform)
        put(w, place < columns ? "x%d" : "v%d", (int)place);
    else if (place < p->parameter_count)
        put(w, "p%d", (int)place);
    else if (place < p->parameter_count + numbers)
        put(w, "n%d", (int)(place - p->parameter_count));
    else if (p->code.start[place] != 0.0)
        put(w, "%.6g", p->code.start[place]);
    else
        put(w, "u%d", (int)place);
}

/* a, b, c; of many the first and the last */
static void put_places(writer *w, const int32_t *places, int32_t n, bool uniform)
{
    for (int32_t i = 0; i < n; i++) {
        if (n > 4 && i == 2) {
            put(w, " ..");
            i = n - 2;
            continue;
        }
        put(w, i ? ", " : "");
        put_place(w, places[i], uniform);
    }
}

static void put_results(writer *w, const mg_instruction *in, bool uniform)
{
    put(w, "  ");
    put_place(w, in->z, uniform);
    if (in->count > 1) {
        put(w, " .. ");
        put_place(w, in->z + in->count - 1, uniform);
    }
    put(w, " = ");
}

static void put_products(writer *w, const mg_instruction *in, bool uniform)
{
    const int32_t *bias = w->p->code.ints + in->list, *xy = bias + 1;

    if (*bias != MG_NONE) {
        put_place(w, *bias, true);
        put(w, in->n ? " + " : "");
    }
    for (int32_t i = 0; i < in->n; i++) {
        if (in->n > 6 && i == 3) {
            put(w, " + .. %d terms ..", (int)in->n);
            i = in->n - 2;
            continue;
        }
        put(w, i ? " + " : "");
        put_place(w, xy[2 * i], uniform);
        if (xy[2 * i + 1] != MG_NONE) {
            put(w, "*");
            put_place(w, xy[2 * i + 1], uniform);
        }
    }
}

static void put_op(writer *w, const mg_instruction *in)
{
    const char *label = mg_op_row(in->op)->label;
    char name[64];
    const bool infix = in->y != MG_NONE && !(label[0] >= 'a' && label[0] <= 'z');
    const char *hole = strstr(label, "{}");

    if (hole)
        snprintf(name, sizeof name, "%.*s%g", (int)(hole - label), label, in->k);
    else
        snprintf(name, sizeof name, "%s", label);
    if (!infix)
        put(w, hole ? "(" : "%s(", name);
    put_place(w, in->x, in->x_uniform);
    if (in->count > 1) {
        put(w, " .. ");
        put_place(w, in->x + in->count - 1, in->x_uniform);
    }
    if (in->y != MG_NONE) {
        put(w, infix ? " %s " : ", ", name);
        put_place(w, in->y, in->y_uniform);
    }
    if (!infix)
        put(w, hole ? ")%s" : ")", name);
}

static void put_instruction(writer *w, const mg_instruction *in, bool uniform)
{
    put_results(w, in, uniform);
    if (in->op == MG_P_LINEAR) {
        const int32_t *x = w->p->code.ints + in->list, *bias = x + in->n, *weights = bias + 2 * in->count;
        put(w, "%d x %d weights (", (int)in->count, (int)in->n);
        put_places(w, weights, in->count * in->n, true);
        put(w, in->affine ? ") * (" : "; packed) * (");
        put_places(w, x, in->n, false);
        put(w, ")");
        for (int32_t j = 0; j < in->count; j++)
            if (bias[j] != MG_NONE) {
                put(w, " + bias");
                break;
            }
    } else if (in->op == MG_P_PRODUCTS) {
        put_products(w, in, uniform);
    } else {
        put_op(w, in);
    }
    put(w, "\n");
}

int64_t mg_program_listing(const mg_program *p, char *text, int64_t size)
{
    writer w = {p, text, size, 0};

    if (p->code.uniform_count)
        put(&w, "once:\n");
    for (int32_t i = 0; i < p->code.uniform_count; i++) {
        mg_instruction in = p->code.uniform[i];
        in.x_uniform = in.y_uniform = true;
        put_instruction(&w, &in, true);
    }
    if (p->code.varying_count)
        put(&w, "for each sample:\n");
    for (int32_t i = 0; i < p->code.varying_count; i++)
        put_instruction(&w, &p->code.varying[i], false);
    put(&w, "return ");
    for (int32_t i = 0; i < p->output_count; i++) {
        put(&w, i ? ", " : "");
        put_place(&w, p->outputs[i].place, !p->outputs[i].varying);
    }
    put(&w, "\n");
    if (size > 0)
        text[w.length < size ? w.length : size - 1] = 0;
    return w.length;
}

/* ---- instruction sets ---- */

static const mg_kernels *_Atomic in_use; /* whoever comes first writes the same */

static bool can_run(const mg_kernels *kernels)
{
#ifdef MG_X86_KERNELS
    __builtin_cpu_init();
    if (kernels == &mg_kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("fma");
    if (kernels == &mg_kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return kernels == &mg_kernels_baseline;
}

static const mg_kernels *const all_kernels[] = {
#ifdef MG_X86_KERNELS
    &mg_kernels_avx512, &mg_kernels_avx2,
#endif
    &mg_kernels_baseline};

const mg_kernels *mg_kernels_in_use(void)
{
    for (size_t i = 0; !in_use; i++)
        if (can_run(all_kernels[i]))
            in_use = all_kernels[i];
    return in_use;
}

const char *mg_lanes(const char *name)
{
    for (size_t i = 0; name && i < sizeof all_kernels / sizeof *all_kernels; i++)
        if (strcmp(all_kernels[i]->name, name) == 0 && can_run(all_kernels[i]))
            in_use = all_kernels[i];
    return mg_kernels_in_use()->name;
}
