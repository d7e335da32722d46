/* columns.h - numbers of the caller to columns of lanes, and back. Private. */
#ifndef MG_COLUMNS_H
#define MG_COLUMNS_H

#include "code.h"

/* An argument that has a sample in every row. */
typedef struct {
    const char *data;
    int64_t columns, sample_stride, column_stride; /* in bytes */
    int64_t type;
} mg_batch;

/* Reads the samples from `first` on into columns v, v + lanes, ... Lanes after the last sample repeat it. */
void mg_read_batch(const mg_batch *batch, double *v, int64_t lanes, int64_t first, int64_t samples);
/* Writes a chunk's values of all outputs: that of sample `first` + l of output i to values[i*n + first + l]. */
void mg_write_values(const mg_code *code, const mg_chunk *c, int64_t first, int64_t n, double *values);
/* Writes a chunk's gradients of one argument, whose columns begin at `gv`, beside those of other chunks. */
void mg_write_gradients(const mg_chunk *c, const double *gv, int64_t columns, int64_t first, double *to);

#endif
