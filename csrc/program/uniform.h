/* uniform.h - the part of a program that is computed once a run. Private. */
#ifndef MG_UNIFORM_H
#define MG_UNIFORM_H

#include "code.h"

/* From parameters, numbers and constants to all of u. */
void mg_uniform_forward(const mg_code *code, double *u);
/* Passes gradients from computed uniform values on to what they were computed from. */
void mg_uniform_backward(const mg_code *code, const double *u, double *gu, int32_t goal);
/* Weights that do not stand in u as a matrix, made one; and the way back of their gradients. */
void mg_pack_weights(const mg_code *code, const double *u, double *packed);
void mg_unpack_gradients(const mg_code *code, const double *packed, double *gu);

#endif
