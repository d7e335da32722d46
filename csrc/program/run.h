/* run.h - a program, and a run of it. Private. */
#ifndef MG_RUN_H
#define MG_RUN_H

#include <stdatomic.h>

#include "../posix.h"
#include "code.h"

struct mg_program {
    mg_code code;
    mg_code values;      /* the same for values alone, in fewer columns */
    mg_graph graph;      /* as it was recorded or derived; the code is made of a better one */
    mg_entry *entries;   /* of a Jacobian: where its outputs stand */
    int32_t *parameters; /* their handles */
    int32_t recorded;    /* nodes of the arena that were read */
    int32_t nodes;       /* of the better graph */
    mg_run *idle;        /* memory of runs that are over, for the next ones */
};

enum {
    MG_LINE = 8, /* doubles of a line of the cache: no vector of columns stands in two */
    MG_MOST_STRIPS = 32,
    MG_RUN_OPERATIONS = 400000 /* that are worth handing to a thread */
};

typedef struct {
    double *gu, *gpacked; /* what its samples add to the gradients of uniform values */
    double value;         /* sum of weight * value */
    int64_t next, end;    /* chunks left to do */
    bool begun;
} mg_strip;

/* All that has to be remembered between two slices of time, and the memory, kept for the next run. */
struct mg_run {
    struct mg_run *next_idle;
    mg_program *program;
    const mg_code *code; /* of the program, that this goal asks for */
    const mg_kernels *kernels;

    int32_t goal; /* an mg_goal */
    int64_t n, lanes, chunks;
    mg_batch batches[MG_MOST_BATCHES];
    int32_t batch_count;
    const double *weights; /* of samples, NULL: all 1 */
    double scale;          /* of the reduced value */
    double *values;
    double *gradients[MG_MOST_BATCHES]; /* of the batches */
    int64_t rows;                       /* outputs that are written to these */
    double *number_gradients;

    double *u, *packed, *gu, *gpacked;
    mg_strip strips[MG_MOST_STRIPS];
    int32_t strip_count;
    double *columns;     /* of each thread: v, scratch, gv */
    int64_t column_size; /* doubles of each thread */
    int32_t threads;     /* that there are columns for */
    double *memory;      /* from its first whole line on: u, packed, the gradients of all strips, columns */
    int64_t memory_size; /* doubles */

    atomic_int next_strip, next_thread, stop;
    struct timespec begin; /* of this slice of time */
};

/* Divides the samples into strips and chunks. */
void mg_plan_chunks(mg_run *run);
/* Memory for all threads that are worth it, or for one. MG_OK, or MG_ENOMEM. */
int32_t mg_run_reserve(mg_run *run);

/* An idle run, or a new one; NULL: no memory. */
mg_run *mg_run_take(mg_program *p);
void mg_run_give_back(mg_run *run);
/* Frees all idle ones. */
void mg_run_free_idle(mg_program *p);

#endif
