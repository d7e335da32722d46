/* program.c - a program as a whole: made, described, freed. */
#include <stdlib.h>

#include "../memory.h"
#include "build.h"
#include "run.h"

/* From the arena to code. Fills a graph and a better one of it. */
static int32_t compile(mg_program *p, mg_graph *recorded, mg_graph *g, int32_t marker, const int32_t *inputs,
                       const int32_t *outputs, int32_t *culprit)
{
    int32_t status = mg_graph_build(recorded, &p->parameters, marker, inputs, outputs, &p->recorded, culprit);

    if (status == MG_OK)
        status = mg_graph_optimise(recorded, g);
    if (status == MG_OK)
        status = mg_graph_guard(g);
    if (status == MG_OK)
        status = mg_code_init(&p->code, g);
    for (int32_t i = 0; i < g->count; i++)
        p->nodes += !g->nodes[i].dead;
    return status;
}

mg_program *mg_program_new(int32_t marker, const int32_t *inputs, const int8_t *batched, int32_t n,
                           const int32_t *outputs, int32_t n_outputs, int32_t *status, int32_t *culprit)
{
    mg_program *p = mg_allocate(NULL, sizeof *p);
    mg_graph recorded = {0}, better = {0};

    *status = MG_ENOMEM;
    if (!p)
        return NULL;
    memset(p, 0, sizeof *p);
    if (mg_graph_init(&recorded, batched, n, n_outputs) == MG_OK)
        *status = compile(p, &recorded, &better, marker, inputs, outputs, culprit);
    mg_graph_free(&recorded);
    mg_graph_free(&better);
    if (*status != MG_OK) {
        mg_program_free(p);
        return NULL;
    }
    return p;
}

void mg_program_free(mg_program *p)
{
    if (!p)
        return;
    mg_run_free_idle(p);
    mg_code_free(&p->code);
    free(p->parameters);
    free(p);
}

const int32_t *mg_program_parameters(const mg_program *p)
{
    return p->parameters;
}

void mg_program_describe(const mg_program *p, mg_program_figures *out)
{
    const mg_code *code = &p->code;

    *out = (mg_program_figures){
        .recorded = p->recorded,
        .nodes = p->nodes,
        .instructions = code->uniform_count + code->varying_count,
        .inputs = code->input_count,
        .parameters = code->parameter_count,
        .outputs = code->output_count,
        .bytes = (int64_t)sizeof *p + code->bytes + code->parameter_count * (int64_t)sizeof *p->parameters,
        .operations = code->operations,
    };
}
