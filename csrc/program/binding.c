/* binding.c - from the arena to a program's parameters, and their gradients back. */
#include "binding.h"

#include <stdlib.h>

#include "../arena.h"

enum { GROUP = 64 }; /* parameters that are looked up together */

static int32_t group_size(const mg_binding *b, int32_t first)
{
    return b->count - first < GROUP ? b->count - first : GROUP;
}

/* Nodes that were made together have consecutive handles, and mostly stand in consecutive rows. */
int32_t mg_binding_init(mg_binding *b)
{
    const size_t groups = (size_t)b->count / GROUP + 1;

    b->consecutive = mg_allocate(NULL, groups);
    if (!b->consecutive)
        return MG_ENOMEM;
    memset(b->consecutive, 1, groups);
    for (int32_t i = 1; i < b->count; i++)
        if (i % GROUP && b->handles[i] != b->handles[i - 1] + 1)
            b->consecutive[i / GROUP] = 0;
    return MG_OK;
}

void mg_binding_free(mg_binding *b)
{
    free(b->handles);
    free(b->consecutive);
}

/* The row of parameter `first` where the whole group stands in consecutive rows, else NONE. */
static int32_t group_row(const mg_binding *b, int32_t first)
{
    const int32_t handle = b->handles[first], row = mg_row(handle), n = group_size(b, first);
    int32_t differ = 0;

    if (row < 0 || !b->consecutive[first / GROUP] || handle + n > mg.handles)
        return MG_NONE;
    for (int32_t j = 0; j < n; j++)
        differ |= mg.row_of[handle + j] - row - j;
    return differ ? MG_NONE : row;
}

int32_t mg_binding_read(const mg_binding *b, double *u)
{
    mg_lock();
    for (int32_t i = 0; i < b->count; i += GROUP) {
        const int32_t n = group_size(b, i), first = group_row(b, i);
        if (first != MG_NONE) {
            memcpy(u + i, mg.data + first, (size_t)n * sizeof *u);
            continue;
        }
        for (int32_t j = i; j < i + n; j++) {
            const int32_t row = mg_row(b->handles[j]);
            TRY(row);
            u[j] = mg.data[row];
        }
    }
    mg_unlock();
    return MG_OK;
}

void mg_binding_add(const mg_binding *b, const double *gu)
{
    mg_lock();
    for (int32_t i = 0; i < b->count; i += GROUP) {
        const int32_t n = group_size(b, i), first = group_row(b, i);
        for (int32_t j = 0; first != MG_NONE && j < n; j++)
            mg.grad[first + j] += gu[i + j];
        for (int32_t j = i; first == MG_NONE && j < i + n; j++) {
            const int32_t row = mg_row(b->handles[j]);
            if (row >= 0)
                mg.grad[row] += gu[j];
        }
    }
    mg_unlock();
}
