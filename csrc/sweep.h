/* sweep.h - the marks of sweeps, and which are open. */
#ifndef MG_SWEEP_H
#define MG_SWEEP_H

#include "memory.h"

enum {
    MG_BLOCK_BITS = 6,  /* 64 rows under one byte of the middle level of marks */
    MG_SUPER_BITS = 12, /* 4096 under one of the upper */
    MG_BLOCKS = 1 << (MG_SUPER_BITS - MG_BLOCK_BITS)
};

typedef struct {
    uint8_t *mark;     /* row -> to be visited; all 0 while the sweep is not open */
    uint8_t *block;    /* row >> MG_BLOCK_BITS -> may hold marks */
    uint8_t *super;    /* row >> MG_SUPER_BITS -> may hold marks */
    int64_t capacity;  /* rows that there are marks for */
    int64_t bytes;     /* of all marks, one piece of memory */
    int64_t row;       /* the highest row that may be marked; while paused: the one whose closure runs */
    int32_t first, n;  /* the rows that were marked together last; n: so many, 0: none since the last pause */
    uint64_t handed;   /* what mg_sweep_closures handed out: a bit for each row of the block of `row` */
    bool open;         /* paused: between mg_backward and the end */
    const char *owner; /* the thread that took it last, see mg_idle_sweep */
} mg_sweep;

extern mg_sweep *mg_sweeps; /* sweep number i + 1 stands at i; kept for the next one that needs marks */
extern int32_t mg_sweep_count;
extern int32_t mg_open_sweeps; /* while one is open rows keep their places */

/* The number of a sweep that is not open, with marks for the rows 0 .. row; or MG_ENOMEM. This thread owns it. */
int32_t mg_idle_sweep(int64_t row);
/* Whether an open sweep may still come to a row, or has just handed it out. */
bool mg_passed_by(int64_t row);
/* Gives up a sweep that is open. */
void mg_close_sweep(mg_sweep *s);
/* What a child of fork() starts with: no sweep of the parent's other threads. */
void mg_forget_foreign_sweeps(void);
/* Gives back the marks of far more rows than there is memory for. No sweep is open. */
void mg_trim_sweeps(int64_t capacity);
#ifdef MG_TEST_ALLOC
bool mg_test_no_marks(void); /* all marks of sweeps that are not open are 0 */
#endif

#endif
