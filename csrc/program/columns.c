/* columns.c - numbers in, numbers out. */
#include "columns.h"

/* n numbers of one type, from memory that need not be aligned, into a column. */
#define READ(code, type)                                                                                     \
    case code:                                                                                               \
        for (int64_t l = 0; l < n; l++) {                                                                    \
            type x;                                                                                          \
            memcpy(&x, from + l * stride, sizeof x);                                                         \
            to[l] = (double)x;                                                                               \
        }                                                                                                    \
        break;

static void read_column(double *restrict to, const char *restrict from, int64_t stride, int64_t n,
                        int64_t type)
{
    switch (type) {
        READ(MG_F64, double)
        READ(MG_F32, float)
        READ(MG_I64, int64_t)
        READ(MG_I32, int32_t)
        READ(MG_I16, int16_t)
        READ(MG_I8, int8_t)
        READ(MG_U64, uint64_t)
        READ(MG_U32, uint32_t)
        READ(MG_U16, uint16_t)
        READ(MG_U8, uint8_t)
    }
}

/* Column by column: samples that lie side by side share a cache line, which is read once for all of them. */
void mg_read_batch(const mg_batch *batch, double *v, int64_t lanes, int64_t first, int64_t samples)
{
    for (int64_t j = 0; j < batch->columns; j++) {
        double *column = v + j * lanes;
        read_column(column, batch->data + first * batch->sample_stride + j * batch->column_stride,
                    batch->sample_stride, samples, batch->type);
        for (int64_t l = samples; l < lanes; l++)
            column[l] = column[samples - 1];
    }
}

void mg_write_values(const mg_code *code, const mg_chunk *c, int64_t first, int64_t n, double *values)
{
    for (int32_t i = 0; i < code->output_count; i++) {
        const mg_place out = code->outputs[i];
        double *to = values + i * n + first;
        if (out.varying)
            memcpy(to, c->v + out.index * c->lanes, (size_t)c->samples * sizeof *to);
        else
            for (int64_t l = 0; l < c->samples; l++)
                to[l] = c->u[out.index];
    }
}

void mg_write_gradients(const mg_chunk *c, const double *gv, int64_t columns, int64_t first, double *to)
{
    to += first * columns;
    for (int64_t j = 0; j < columns; j++, gv += c->lanes)
        for (int64_t l = 0; l < c->samples; l++)
            to[l * columns + j] = gv[l];
}
