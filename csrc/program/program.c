/* program.c - a program as a whole: made, described, freed. */
#include "code.h"

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
        status = mg_program_guard(&p->graph, nodes, p->output_count);
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
        out->nodes += !p->graph.nodes[i].dead;
    out->instructions = code->uniform_count + code->varying_count;
    out->inputs = p->input_count;
    out->parameters = p->parameter_count;
    out->outputs = p->output_count;
    out->work = code->work;
    out->bytes = (int64_t)sizeof *p + p->graph.capacity * (int64_t)sizeof *p->graph.nodes +
                 (int64_t)sizeof(int32_t) * (3 * (int64_t)p->graph.args_capacity + p->graph.table_size) +
                 2 * p->graph.count * (int64_t)sizeof *code->varying + places * (int64_t)(sizeof(double) + 4);
}
