/* operands.h - a walk over the operands of a row. */
#ifndef MG_OPERANDS_H
#define MG_OPERANDS_H

#include "arena.h"

/* What is done with n consecutive operands of a row. */
typedef void mg_on_operands(void *context, int32_t first, int32_t n);

static inline void mg_each_in_list(const int32_t *list, int32_t n, void *context, mg_on_operands *then)
{
    if (list[1] >= 0)
        then(context, list[1], n);
    else
        for (int32_t i = 0; i < n; i++)
            then(context, list[MG_LIST_HEAD + i], 1);
}

/* Those of a row that get gradients from it. */
static inline void mg_each_operand(int64_t row, void *context, mg_on_operands *then)
{
    switch (mg_shape_of[mg.op[row] & ~MG_PYTHON]) {
    case MG_NO_OPERAND:
        break;
    case MG_TWO:
        then(context, mg.b[row], 1); /* fall through */
    case MG_ONE:
    case MG_ONE_K:
        then(context, mg.a[row], 1);
        break;
    case MG_LIST:
    case MG_PAIRED:
        mg_each_in_list(mg.pool + mg.a[row], mg.pool[mg.a[row]], context, then);
        break;
    case MG_WEIGHTED: {
        const int32_t *record = mg.pool + mg.a[row], *weights = record + MG_DOT_HEAD;
        if (record[1] != MG_NONE)
            then(context, record[1], 1);
        mg_each_in_list(weights, weights[0], context, then);
        mg_each_in_list(mg.pool + mg.b[row], weights[0], context, then);
        break;
    }
    }
}

#endif
