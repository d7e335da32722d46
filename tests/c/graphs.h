/* graphs.h - graphs of programs that know no arena. */
#ifndef GRAPHS_H
#define GRAPHS_H

#include "check.h"
#include "program/code.h"

/* An empty graph whose inputs are all batched, and its parameters. */
static inline mg_graph new_graph(int32_t inputs, int32_t parameters, int32_t outputs)
{
    int8_t batched[16];
    mg_graph g;

    CHECK(inputs <= LENGTH(batched));
    memset(batched, 1, sizeof batched);
    CHECK_INT(mg_graph_init(&g, batched, inputs, outputs), MG_OK);
    g.parameter_count = parameters;
    return g;
}

static inline int32_t input(mg_graph *g, int32_t i)
{
    return mg_graph_leaf(g, MG_P_INPUT, i);
}

static inline int32_t parameter(mg_graph *g, int32_t i)
{
    return mg_graph_leaf(g, MG_P_PARAM, i);
}

static inline int32_t number(mg_graph *g, double x)
{
    return mg_graph_constant(g, x);
}

static inline int32_t one(mg_graph *g, int op, int32_t x)
{
    return mg_graph_add(g, op, &x, 1, 0.0);
}

static inline int32_t two(mg_graph *g, int op, int32_t x, int32_t y)
{
    return mg_graph_add(g, op, (int32_t[]){x, y}, 2, 0.0);
}

static inline int32_t count_of(const mg_graph *g, int op)
{
    int32_t n = 0;

    for (int32_t i = 0; i < g->count; i++)
        n += g->nodes[i].op == op;
    return n;
}

#endif
