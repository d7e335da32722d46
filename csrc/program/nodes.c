/* nodes.c - derivatives of a node of the arena as nodes that Python is to make: it owns all nodes. */
#include <stdlib.h>

#include "../memory.h"
#include "build.h"
#include "code.h"

typedef struct {
    mg_graph g;       /* of the derivatives */
    int32_t recorded; /* nodes that were recorded, the first ones */
    int32_t *handles; /* of them; MG_NONE: it is not in the arena */
    double *data;     /* of all */
    int32_t *number;  /* among those to be made; MG_NONE: nobody needs it */
} derivatives;

static bool is_there(const derivatives *d, int32_t node)
{
    return node < d->recorded && d->handles[node] != MG_NONE;
}

/* bias + sum x*y */
static double sum_of_products(const derivatives *d, int32_t node)
{
    const int32_t *args = mg_operands(&d->g, node);
    double sum = args[0] == MG_NONE ? 0.0 : d->data[args[0]];

    for (int32_t i = 1; i < d->g.nodes[node].n; i += 2)
        sum += d->data[args[i]] * (args[i + 1] == MG_NONE ? 1.0 : d->data[args[i + 1]]);
    return sum;
}

static void compute(const derivatives *d)
{
    for (int32_t i = 0; i < d->g.count; i++) {
        const mg_expr *e = &d->g.nodes[i];
        const int32_t *args = mg_operands(&d->g, i);
        if (is_there(d, i))
            continue;
        if (e->op >= MG_OPS)
            d->data[i] = e->op == MG_P_CONST ? mg_number(&d->g, e) : sum_of_products(d, i);
        else
            d->data[i] = mg_ieee(e->op, d->data[args[0]], e->n > 1 ? d->data[args[1]] : 0.0, mg_k(&d->g, e));
    }
}

static void need(const derivatives *d, int32_t node)
{
    if (node != MG_NONE && !is_there(d, node))
        d->number[node] = 0;
}

/* Numbers of the nodes to be made; *ints are those of `code`. Returns how many they are. */
static int32_t count_needed(const derivatives *d, int32_t *ints)
{
    int32_t count = 0;

    memset(d->number, MG_NONE, (size_t)d->g.count * sizeof *d->number);
    for (int32_t i = 0; i < d->g.output_count; i++)
        need(d, d->g.outputs[i]);
    for (int32_t i = d->g.count - 1; i >= 0; i--)
        for (int32_t j = 0; d->number[i] == 0 && j < d->g.nodes[i].n; j++)
            need(d, mg_operands(&d->g, i)[j]);
    *ints = d->g.output_count;
    for (int32_t i = 0; i < d->g.count; i++)
        if (d->number[i] == 0) {
            d->number[i] = count++;
            *ints += 2 + d->g.nodes[i].n;
        }
    return count;
}

static int32_t operand(const derivatives *d, int32_t node)
{
    return node == MG_NONE ? INT32_MIN : is_there(d, node) ? d->handles[node] : ~d->number[node];
}

static mg_derivatives *write(const derivatives *d)
{
    int32_t ints;
    const int32_t wanted = d->g.output_count, count = count_needed(d, &ints);
    const size_t doubles = (size_t)wanted + 2 * (size_t)count;
    mg_derivatives *out =
        mg_allocate(NULL, sizeof *out + doubles * sizeof(double) + (size_t)ints * sizeof(int32_t));

    if (!out)
        return NULL;
    double *numbers = (double *)(out + 1);
    int32_t *code = (int32_t *)(numbers + doubles);
    *out = (mg_derivatives){count, ints, code, numbers};
    for (int32_t i = 0; i < wanted; i++) {
        *numbers++ = d->data[d->g.outputs[i]];
        *code++ = operand(d, d->g.outputs[i]);
    }
    for (int32_t i = 0; i < d->g.count; i++) {
        const mg_expr *e = &d->g.nodes[i];
        if (d->number[i] < 0)
            continue;
        *numbers++ = mg_k(&d->g, e);
        *numbers++ = d->data[i];
        *code++ = e->op == MG_P_CONST ? MG_CONSTANT : e->op == MG_P_PRODUCTS ? MG_DOT : e->op;
        *code++ = e->n;
        for (int32_t j = 0; j < e->n; j++)
            *code++ = operand(d, mg_operands(&d->g, i)[j]);
    }
    return out;
}

mg_derivatives *mg_derive(int32_t y, const int32_t *by, int32_t n, int32_t order, int32_t *status,
                          int32_t *culprit)
{
    mg_graph recorded = {0};
    derivatives d = {0};
    mg_entry *entries = NULL;
    mg_derivatives *out = NULL;
    int32_t *wanted = mg_allocate(NULL, (size_t)n * sizeof *wanted);

    *status = wanted ? mg_graph_init(&recorded, (const int8_t[]){0}, 0, 1) : MG_ENOMEM;
    if (*status == MG_OK)
        *status = mg_graph_build_down(&recorded, &d.handles, &d.data, y, by, n, order > 1, wanted, culprit);
    if (*status == MG_OK && order > 1)
        *status = mg_graph_series(&recorded, &d.g, wanted[0], order);
    else if (*status == MG_OK)
        *status = mg_graph_derive(&recorded, &d.g, MG_BY_NODES, wanted, n, NULL, &entries);
    if (*status == MG_OK) {
        d.recorded = recorded.count;
        d.number = mg_allocate(NULL, (size_t)d.g.count * sizeof *d.number);
        if (d.number && mg_resize(&d.data, d.g.count, sizeof *d.data)) {
            compute(&d);
            out = write(&d);
        }
        *status = out ? MG_OK : MG_ENOMEM;
    }
    mg_graph_free(&recorded);
    mg_graph_free(&d.g);
    free(d.handles);
    free(d.data);
    free(d.number);
    free(wanted);
    free(entries);
    return out;
}

void mg_free_derivatives(mg_derivatives *found)
{
    free(found);
}
