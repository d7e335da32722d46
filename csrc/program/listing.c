/* listing.c - the code of a program as text. */
#include "code.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct {
    const mg_program *p;
    char *text;
    int64_t size, length;
} writer;

__attribute__((format(printf, 2, 3))) static void put(writer *w, const char *format, ...)
{
    char piece[200];
    va_list args;

    va_start(args, format);
    const int n = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    for (int i = 0; i < n && i < (int)sizeof piece - 1; i++, w->length++)
        if (w->length < w->size - 1)
            w->text[w->length] = piece[i];
}

static void put_place(writer *w, int32_t place, bool uniform)
{
    const mg_program *p = w->p;
    int32_t numbers = 0, columns = 0;

    for (int32_t i = 0; i < p->input_count; i++)
        *(p->inputs[i].varying ? &columns : &numbers) += 1;
    if (!uniform)
        put(w, place < columns ? "x%d" : "v%d", (int)place);
    else if (place < p->parameter_count)
        put(w, "p%d", (int)place);
    else if (place < p->parameter_count + numbers)
        put(w, "n%d", (int)(place - p->parameter_count));
    else if (p->code.start[place] != 0.0)
        put(w, "%.6g", p->code.start[place]);
    else
        put(w, "u%d", (int)place);
}

/* a, b, c; of many the first and the last */
static void put_places(writer *w, const int32_t *places, int32_t n, bool uniform)
{
    for (int32_t i = 0; i < n; i++) {
        if (n > 4 && i == 2) {
            put(w, " ..");
            i = n - 2;
            continue;
        }
        put(w, i ? ", " : "");
        put_place(w, places[i], uniform);
    }
}

static void put_results(writer *w, const mg_instruction *in, bool uniform)
{
    put(w, "  ");
    put_place(w, in->z, uniform);
    if (in->count > 1) {
        put(w, " .. ");
        put_place(w, in->z + in->count - 1, uniform);
    }
    put(w, " = ");
}

static void put_products(writer *w, const mg_instruction *in, bool uniform)
{
    const int32_t *bias = w->p->code.ints + in->list, *xy = bias + 1;

    if (*bias != MG_NONE) {
        put_place(w, *bias, true);
        put(w, in->n ? " + " : "");
    }
    for (int32_t i = 0; i < in->n; i++) {
        if (in->n > 6 && i == 3) {
            put(w, " + .. %d terms ..", (int)in->n);
            i = in->n - 2;
            continue;
        }
        put(w, i ? " + " : "");
        put_place(w, xy[2 * i], uniform);
        if (xy[2 * i + 1] != MG_NONE) {
            put(w, "*");
            put_place(w, xy[2 * i + 1], uniform);
        }
    }
}

static void put_op(writer *w, const mg_instruction *in)
{
    const char *label = mg_op_row(in->op)->label;
    char name[64];
    const bool infix = in->y != MG_NONE && !(label[0] >= 'a' && label[0] <= 'z');
    const char *hole = strstr(label, "{}");

    if (hole)
        snprintf(name, sizeof name, "%.*s%g", (int)(hole - label), label, in->k);
    else
        snprintf(name, sizeof name, "%s", label);
    if (!infix)
        put(w, hole ? "(" : "%s(", name);
    put_place(w, in->x, in->x_uniform);
    if (in->count > 1) {
        put(w, " .. ");
        put_place(w, in->x + in->count - 1, in->x_uniform);
    }
    if (in->y != MG_NONE) {
        put(w, infix ? " %s " : ", ", name);
        put_place(w, in->y, in->y_uniform);
    }
    if (!infix)
        put(w, hole ? ")%s" : ")", name);
}

static void put_instruction(writer *w, const mg_instruction *in, bool uniform)
{
    put_results(w, in, uniform);
    if (in->op == MG_P_LINEAR) {
        const int32_t *x = w->p->code.ints + in->list, *bias = x + in->n, *weights = bias + 2 * in->count;
        put(w, "%d x %d weights (", (int)in->count, (int)in->n);
        put_places(w, weights, in->count * in->n, true);
        put(w, in->affine ? ") * (" : "; packed) * (");
        put_places(w, x, in->n, false);
        put(w, ")");
        for (int32_t j = 0; j < in->count; j++)
            if (bias[j] != MG_NONE) {
                put(w, " + bias");
                break;
            }
    } else if (in->op == MG_P_PRODUCTS) {
        put_products(w, in, uniform);
    } else {
        put_op(w, in);
    }
    put(w, "\n");
}

int64_t mg_program_listing(const mg_program *p, char *text, int64_t size)
{
    writer w = {p, text, size, 0};

    if (p->code.uniform_count)
        put(&w, "once:\n");
    for (int32_t i = 0; i < p->code.uniform_count; i++) {
        mg_instruction in = p->code.uniform[i];
        in.x_uniform = in.y_uniform = true;
        put_instruction(&w, &in, true);
    }
    if (p->code.varying_count)
        put(&w, "for each sample:\n");
    for (int32_t i = 0; i < p->code.varying_count; i++)
        put_instruction(&w, &p->code.varying[i], false);
    put(&w, "return ");
    for (int32_t i = 0; i < p->output_count; i++) {
        put(&w, i ? ", " : "");
        put_place(&w, p->outputs[i].place, !p->outputs[i].varying);
    }
    put(&w, "\n");
    if (size > 0)
        text[w.length < size ? w.length : size - 1] = 0;
    return w.length;
}
