/* build.h - from nodes of the arena to a graph. Private. */
#ifndef MG_BUILD_H
#define MG_BUILD_H

#include "binding.h"
#include "graph.h"

/* Records what the handles `outputs` were computed from: in g, which mg_graph_init was called for, and the handles
 * of the parameters in b. `inputs` and `marker` are those of mg_program_new. *recorded counts the nodes.
 * MG_OK, a status, or 1: *culprit is Python's own. */
int32_t mg_graph_build(mg_graph *g, mg_binding *b, int32_t marker, const int32_t *inputs,
                       const int32_t *outputs, int32_t *recorded, int32_t *culprit);

#endif
