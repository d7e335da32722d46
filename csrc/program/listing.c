/* listing.c - the code of a program as text. */
#include <stdarg.h>
#include <stdio.h>

#include "run.h"

typedef struct {
    const mg_code *code;
    char *text;
    int64_t size, length;
} writer;

__attribute__((format(printf, 2, 3))) static void put(writer *w, const char *format, ...)
{
    const int64_t left = w->size > w->length ? w->size - w->length : 0;
    va_list args;

    va_start(args, format);
    w->length += vsnprintf(left ? w->text + w->length : NULL, (size_t)left, format, args);
    va_end(args);
}

static bool is_constant(const mg_code *code, int32_t place, bool uniform)
{
    return uniform && place >= code->first_constant && place < code->first_constant + code->constants;
}

static void put_place(writer *w, int32_t place, bool uniform)
{
    const mg_code *code = w->code;
    const int32_t columns = code->input_count - (code->first_constant - code->parameter_count);

    if (place == MG_NONE)
        put(w, "0");
    else if (!uniform)
        put(w, place < columns ? "x%d" : "v%d", (int)place);
    else if (place < code->parameter_count)
        put(w, "p%d", (int)place);
    else if (place < code->first_constant)
        put(w, "n%d", (int)(place - code->parameter_count));
    else if (is_constant(code, place, uniform))
        put(w, "%.6g", code->start[place]);
    else
        put(w, "u%d", (int)place);
}

/* The first of n places side by side, and the last one. */
static void put_range(writer *w, int32_t place, int32_t n, bool uniform)
{
    put_place(w, place, uniform);
    if (n > 1) {
        put(w, " .. ");
        put_place(w, place + n - 1, uniform);
    }
}

/* Does place `next` follow `place`, as the ones of a matrix do? Constants are all shown. */
static bool follows(const mg_code *code, int32_t place, int32_t next, bool uniform)
{
    return next == place + 1 && !is_constant(code, place, uniform) && !is_constant(code, next, uniform);
}

/* (a, b, c .. z): of three or more that follow one another the first and the last. `brief`: of more than three such
 * pieces those in the middle only where they are constants. */
static void put_places(writer *w, const int32_t *places, int32_t n, bool uniform, bool brief)
{
    bool skipped = false;

    put(w, "(");
    for (int32_t i = 0, last, piece = 0; i < n; i = last + 1, piece++) {
        for (last = i; last + 1 < n && follows(w->code, places[last], places[last + 1], uniform);)
            last++;
        if (last == i + 1)
            last = i;
        if (brief && piece >= 2 && last < n - 1 && !is_constant(w->code, places[i], uniform)) {
            skipped = true;
            continue;
        }
        put(w, i ? ", " : "");
        put(w, skipped ? ".., " : "");
        skipped = false;
        put_range(w, places[i], last - i + 1, uniform);
    }
    put(w, ")");
}

/* x*y + ... of pairs, else x, ...; of many terms the first three and the last, those with a constant, and how many
 * are left out at each gap. */
static void put_terms(writer *w, const int32_t *x, int32_t n, bool pairs, bool uniform)
{
    int32_t skipped = 0;

    for (int32_t i = 0; i < n; i++, x += 1 + pairs) {
        const int32_t place = x[0] < 0 ? ~x[0] : x[0], y = pairs ? x[1] : MG_NONE;
        const bool once = uniform || x[0] < 0;
        if (n > 6 && i >= 3 && i < n - 1 && !is_constant(w->code, place, once) &&
            !is_constant(w->code, y, uniform)) {
            skipped++;
            continue;
        }
        if (skipped)
            put(w, pairs ? " + .. %d more .." : ", .. %d more ..", (int)skipped);
        skipped = 0;
        put(w, "%s", i == 0 ? "" : pairs ? " + " : ", ");
        put_place(w, place, once);
        if (y != MG_NONE) {
            put(w, "*");
            put_place(w, y, uniform);
        }
    }
}

static void put_op(writer *w, const mg_instruction *in)
{
    const char *label = mg_op_row(in->op)->label;
    char name[64];
    const bool infix = in->y != MG_NONE && label[0] < 'A';
    const char *hole = strstr(label, "{}");

    if (hole)
        snprintf(name, sizeof name, "%.*s%g", (int)(hole - label), label, in->k);
    else
        snprintf(name, sizeof name, "%s", label);
    if (!infix)
        put(w, hole ? "(" : "%s(", name);
    put_range(w, in->x, in->count, in->x_uniform);
    if (in->y != MG_NONE) {
        put(w, infix ? " %s " : ", ", name);
        put_place(w, in->y, in->y_uniform);
    }
    if (!hole && mg_op_row(in->op)->takes_k)
        put(w, ", %g", in->k);
    if (!infix)
        put(w, hole ? ")%s" : ")", name);
}

static void put_layer(writer *w, const mg_instruction *in)
{
    const int32_t *x = w->code->ints + in->list, *bias = x + in->n, *weights = bias + in->count;
    bool biased = false;

    put(w, "%d x %d weights ", (int)in->count, (int)in->n);
    put_places(w, weights, in->count * in->n, true, true);
    put(w, in->matrix ? " * " : " packed * ");
    put_places(w, x, in->n, false, true);
    for (int32_t j = 0; j < in->count; j++)
        biased |= bias[j] != MG_NONE;
    if (biased) {
        put(w, " + ");
        put_places(w, bias, in->count, true, false);
    }
}

static void put_instruction(writer *w, const mg_instruction *in, bool uniform)
{
    const int32_t *list = w->code->ints + in->list;

    if (in->op == MG_P_ANY) {
        put(w, "  u%d = samples where v%d\n", (int)in->z, (int)in->x);
        return;
    }
    put(w, "  ");
    put_range(w, in->z, in->count, uniform);
    put(w, " = ");
    if (in->op == MG_P_LINEAR) {
        put_layer(w, in);
    } else if (in->op == MG_P_PRODUCTS) {
        if (*list != MG_NONE) {
            put_place(w, *list, true);
            put(w, " + ");
        }
        put_terms(w, list + 1, in->n, true, uniform);
    } else if (mg_is_nary(in->op)) {
        put(w, "%s(", mg_op_row(in->op)->label);
        put_terms(w, list, in->n, false, uniform);
        put(w, ")");
    } else {
        put_op(w, in);
    }
    if (in->guard != MG_NONE) {
        put(w, "   [gradients where ");
        put_place(w, in->guard, uniform || in->guard_uniform);
        put(w, "]");
    }
    put(w, "\n");
}

int64_t mg_program_listing(const mg_program *p, char *text, int64_t size)
{
    const mg_code *code = &p->code;
    writer w = {code, text, size, 0};

    if (code->uniform_count)
        put(&w, "once:\n");
    for (int32_t i = 0; i < code->uniform_count; i++) {
        mg_instruction in = code->uniform[i];
        in.x_uniform = in.y_uniform = true;
        put_instruction(&w, &in, true);
    }
    if (code->varying_count)
        put(&w, "for each sample:\n");
    for (int32_t i = 0; i < code->varying_count; i++) {
        if (i == code->values_count)
            put(&w, "for gradients:\n");
        put_instruction(&w, &code->varying[i], false);
    }
    put(&w, "return ");
    for (int32_t i = 0; i < code->output_count; i++) {
        put(&w, i ? ", " : "");
        put_place(&w, code->outputs[i].index, !code->outputs[i].varying);
    }
    put(&w, "\n");
    return w.length;
}
