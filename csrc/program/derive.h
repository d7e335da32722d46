/* derive.h - what both ways to derivatives of a graph share. Private. MG_NONE stands for what is known to be 0. */
#ifndef MG_DERIVE_H
#define MG_DERIVE_H

#include "code.h"

bool mg_is_zero(const mg_graph *g, int32_t node);
int32_t mg_plus(mg_graph *g, int32_t a, int32_t b);
int32_t mg_times(mg_graph *g, int32_t a, int32_t b);
/* dz/dx for operand j of node z; MG_NONE: the table's expression cannot be read. */
int32_t mg_local(mg_graph *g, int32_t z, int32_t j);

#endif
