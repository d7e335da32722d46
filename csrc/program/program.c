/* program.c - a program as a whole: made, described, freed. */
#include <stdlib.h>

#include "../memory.h"
#include "build.h"
#include "run.h"

/* From p's graph to code, by way of a better graph. */
static int32_t compile(mg_program *p)
{
    mg_graph g = {0};
    int32_t status = mg_graph_optimise(&p->graph, &g);

    if (status == MG_OK)
        status = mg_graph_guard(&g);
    if (status == MG_OK)
        status = mg_code_init(&p->code, &g);
    if (status == MG_OK)
        status = mg_code_reuse(&p->code, &p->values);
    for (int32_t i = 0; i < g.count; i++)
        p->nodes += !g.nodes[i].dead;
    mg_graph_free(&g);
    return status;
}

static mg_program *allocate(void)
{
    mg_program *p = mg_allocate(NULL, sizeof *p);

    return p ? memset(p, 0, sizeof *p) : NULL;
}

/* p as a whole, whose graph is there if the status is MG_OK; or NULL, then it is freed. */
static mg_program *finished(mg_program *p, int32_t *status)
{
    if (*status == MG_OK)
        *status = compile(p);
    if (*status == MG_OK)
        return p;
    mg_program_free(p);
    return NULL;
}

mg_program *mg_program_new(int32_t marker, const int32_t *inputs, const int8_t *batched, int32_t n,
                           const int32_t *outputs, int32_t n_outputs, int32_t *status, int32_t *culprit)
{
    mg_program *p = allocate();

    *status = p ? mg_graph_init(&p->graph, batched, n, n_outputs) : MG_ENOMEM;
    if (*status == MG_OK)
        *status = mg_graph_build(&p->graph, &p->parameters, marker, inputs, outputs, &p->recorded, culprit);
    return finished(p, status);
}

mg_program *mg_program_derive(const mg_program *f, int32_t way, const int32_t *wanted, int32_t n,
                              int32_t *status)
{
    const size_t bytes = (size_t)f->graph.parameter_count * sizeof *f->parameters;
    mg_program *p = allocate();

    *status = MG_ENOMEM;
    if (p && (p->parameters = mg_allocate(NULL, bytes))) {
        memcpy(p->parameters, f->parameters, bytes);
        p->recorded = f->recorded;
        *status = mg_graph_derive(&f->graph, &p->graph, way, wanted, n, f->entries, &p->entries);
    }
    return finished(p, status);
}

void mg_program_entries(const mg_program *p, int32_t *rows, int32_t *columns)
{
    for (int32_t i = 0; i < p->graph.output_count; i++) {
        rows[i] = p->entries[i].row;
        columns[i] = p->entries[i].column;
    }
}

void mg_program_free(mg_program *p)
{
    if (!p)
        return;
    mg_run_free_idle(p);
    mg_code_free(&p->code);
    free(p->values.varying);
    free(p->values.outputs);
    mg_graph_free(&p->graph);
    free(p->entries);
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
    const mg_graph *g = &p->graph;
    const int64_t graph =
        g->capacity * (int64_t)sizeof *g->nodes + g->args_capacity * (int64_t)sizeof *g->args +
        g->doubles_capacity * (int64_t)sizeof *g->doubles + g->table_size * (int64_t)sizeof *g->table;

    *out = (mg_program_figures){
        .recorded = p->recorded,
        .nodes = p->nodes,
        .instructions = code->uniform_count + code->varying_count,
        .inputs = code->input_count,
        .parameters = code->parameter_count,
        .outputs = code->output_count,
        .bytes = (int64_t)sizeof *p + graph + code->bytes + p->values.bytes +
                 code->parameter_count * (int64_t)sizeof *p->parameters,
        .operations = code->operations,
    };
}
