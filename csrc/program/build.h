/* build.h - what a program reads of the arena, and adds to it. Private. */
#ifndef MG_BUILD_H
#define MG_BUILD_H

#include "graph.h"

/* Records what the handles `outputs` were computed from in g, which mg_graph_init was called for. *handles becomes
 * an array of the handles of the parameters, which the caller frees in any case. `inputs` and `marker` are those of
 * mg_program_new. *recorded counts the nodes. MG_OK, a status, or 1: *culprit is Python's own. */
int32_t mg_graph_build(mg_graph *g, int32_t **handles, int32_t marker, const int32_t *inputs,
                       const int32_t *outputs, int32_t *recorded, int32_t *culprit);
/* Records the way from a node down to n others in g, which mg_graph_init was called for with one output: each node as it
 * is, what does not lead to them as a leaf; `deep`: local derivatives that are Values too. `wanted` become their nodes,
 * MG_NONE: not reached. *handles and *data become arrays of each node's handle, MG_NONE: it has none, and of its number;
 * the caller frees them in any case. MG_OK, a status, or 1: the derivative of *culprit is not known. */
int32_t mg_graph_build_down(mg_graph *g, int32_t **handles, double **data, int32_t from, const int32_t *to,
                            int32_t n, bool deep, int32_t *wanted, int32_t *culprit);
/* Copies the data of the parameters to u. MG_OK, or MG_EHANDLE: one of them is not alive. */
int32_t mg_read_parameters(const int32_t *handles, int32_t count, double *u);
/* Adds gu to their gradients. A parameter that is not alive any more is left out. */
void mg_add_gradients(const int32_t *handles, int32_t count, const double *gu);

#endif
