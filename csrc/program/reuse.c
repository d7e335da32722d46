/* reuse.c - code for values alone: a column is used again once nobody reads what stands in it. A few columns may be
 * long, and stay in the first-level cache; an instruction over long columns costs less for each lane. */
#include "code.h"

#include <stdlib.h>

#include "../memory.h"

/* What is known of a place in v. */
typedef struct {
    int32_t last;   /* the last instruction that reads or writes it */
    int32_t column; /* where it stands now */
} facts;

typedef struct {
    const mg_code *from;
    mg_code *to;
    facts *of;
    int32_t *idle; /* columns to be used again, a stack */
    int32_t idle_count;
    int32_t ints; /* used of to->ints */
} reuser;

static bool has_list(const mg_instruction *in)
{
    return in->op == MG_P_LINEAR || in->op == MG_P_PRODUCTS || mg_is_nary(in->op);
}

/* So many operands there may be. */
static int32_t operand_count(const mg_instruction *in)
{
    return !has_list(in) ? in->count + 1 : in->op == MG_P_PRODUCTS ? 2 * in->n : in->n;
}

/* The place of operand i in v; negative: it has none. */
static int32_t operand(const mg_code *code, const mg_instruction *in, int32_t i)
{
    if (has_list(in))
        return code->ints[in->list + (in->op == MG_P_PRODUCTS) + i];
    return i == in->count ? (in->y_uniform ? MG_NONE : in->y) : in->x_uniform ? MG_NONE : in->x + i;
}

static void find_last(reuser *r)
{
    const mg_code *code = r->from;

    for (int32_t i = 0; i < code->values_count; i++) {
        const mg_instruction *in = &code->varying[i];
        for (int32_t j = 0; j < in->count; j++)
            r->of[in->z + j].last = i;
        for (int32_t j = 0; j < operand_count(in); j++)
            if (operand(code, in, j) >= 0)
                r->of[operand(code, in, j)].last = i;
    }
    for (int32_t i = 0; i < code->output_count; i++)
        if (code->outputs[i].varying)
            r->of[code->outputs[i].index].last = code->values_count;
}

/* Operands in their columns; of a list a copy. What stands before and behind them are places in u. */
static void move_operands(reuser *r, mg_instruction *in)
{
    const mg_instruction old = *in;

    if (has_list(in)) {
        const int32_t before = in->op == MG_P_PRODUCTS, n = operand_count(in);
        const int32_t all = before + n + (in->op == MG_P_LINEAR ? in->count : 0);
        int32_t *list = r->to->ints + r->ints;
        memcpy(list, r->from->ints + in->list, (size_t)all * sizeof *list);
        for (int32_t j = before; j < before + n; j++)
            list[j] = list[j] < 0 ? list[j] : r->of[list[j]].column;
        in->list = r->ints;
        r->ints += all;
        return;
    }
    if (operand(r->from, &old, 0) >= 0)
        in->x = r->of[old.x].column; /* several stand side by side: they are the results of one instruction */
    if (operand(r->from, &old, old.count) >= 0)
        in->y = r->of[old.y].column;
}

/* Columns for the results: none of the operands', which kernels read until the end. */
static void move_results(reuser *r, mg_instruction *in)
{
    const bool again = in->count == 1 && r->idle_count > 0;
    const int32_t z = again ? r->idle[--r->idle_count] : r->to->v;

    for (int32_t j = 0; j < in->count; j++)
        r->of[in->z + j].column = z + j;
    in->z = z;
    r->to->v += again ? 0 : in->count;
}

static void release(reuser *r, int32_t place, int32_t i)
{
    if (place < 0 || r->of[place].last != i)
        return;
    r->of[place].last = MG_NONE; /* it may be an operand twice */
    r->idle[r->idle_count++] = r->of[place].column;
}

static void move_all(reuser *r)
{
    const mg_code *from = r->from;

    find_last(r);
    for (int32_t i = 0; i < from->input_count; i++)
        if (from->inputs[i].varying)
            r->of[from->inputs[i].index].column = r->to->v++;
    for (int32_t i = 0; i < from->values_count; i++) {
        const mg_instruction *in = &from->varying[i];
        r->to->varying[i] = *in;
        move_operands(r, &r->to->varying[i]);
        move_results(r, &r->to->varying[i]);
        for (int32_t j = 0; j < operand_count(in); j++)
            release(r, operand(from, in, j), i);
        for (int32_t j = 0; j < in->count; j++)
            release(r, in->z + j, i);
    }
    for (int32_t i = 0; i < from->output_count; i++) {
        r->to->outputs[i] = from->outputs[i];
        if (from->outputs[i].varying)
            r->to->outputs[i].index = r->of[from->outputs[i].index].column;
    }
}

int32_t mg_code_reuse(const mg_code *from, mg_code *to)
{
    const size_t places = (size_t)from->v, n = (size_t)from->values_count;
    reuser r = {from, to, mg_allocate(NULL, places * sizeof *r.of),
                mg_allocate(NULL, places * sizeof *r.idle), .ints = from->ints_used};

    *to = *from; /* what is not made anew belongs to `from` */
    to->varying_count = from->values_count;
    to->varying = mg_allocate(NULL, n * sizeof *to->varying);
    to->outputs = mg_allocate(NULL, (size_t)from->output_count * sizeof *to->outputs);
    to->v = 0;
    to->bytes = (int64_t)(n * sizeof *to->varying) + to->output_count * (int64_t)sizeof *to->outputs;
    const bool enough = r.of && r.idle && to->varying && to->outputs;
    if (enough)
        move_all(&r);
    free(r.of);
    free(r.idle);
    return enough ? MG_OK : MG_ENOMEM;
}
