/* binding.h - which nodes of the arena the parameters of a program are. Private. */
#ifndef MG_BINDING_H
#define MG_BINDING_H

#include <stdint.h>

typedef struct {
    int32_t *handles;     /* of parameter 0, 1, ... */
    uint8_t *consecutive; /* of each group of parameters: are its handles consecutive numbers? */
    int32_t count;
} mg_binding;

/* To be called when all handles are there. MG_OK, or MG_ENOMEM. */
int32_t mg_binding_init(mg_binding *b);
void mg_binding_free(mg_binding *b);
/* Copies the data of all parameters to u[0 .. count - 1]. MG_OK, or MG_EHANDLE: one of them is not alive. */
int32_t mg_binding_read(const mg_binding *b, double *u);
/* Adds gu[0 .. count - 1] to their gradients. A parameter that is not alive any more is left out. */
void mg_binding_add(const mg_binding *b, const double *gu);

#endif
