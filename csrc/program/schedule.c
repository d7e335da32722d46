/* schedule.c - from a graph to code: places for the values, and instructions in an order that can be run. */
#include "code.h"

#include <stdlib.h>

#include "../memory.h"

enum { SCRATCH = 4 }; /* columns that any kernel may need: two operands, a gradient, a guard */

/* What is known of a node. NONE: nothing, or not yet. */
typedef struct {
    int32_t place;    /* in u or v */
    int32_t next;     /* of a LINEAR: the next one that reads the same inputs */
    int32_t last;     /* of the first of these: the last one */
    int32_t follower; /* the first op of one operand that reads it */
    int32_t counted;  /* of a guard: the place in u of the number of its lanes */
} facts;

typedef struct {
    mg_code *code;
    const mg_graph *g;
    facts *of;
    int32_t *table; /* hash of inputs -> the first LINEAR that reads them + 1 */
    int32_t table_size;
    int32_t ints;    /* used of code.ints */
    int32_t longest; /* list of inputs or results of a LINEAR */
    bool failed;     /* no memory */
} scheduler;

static bool is_leaf(const mg_expr *e)
{
    return e->op == MG_P_INPUT || e->op == MG_P_PARAM || e->op == MG_P_CONST;
}

static bool is_unary(const mg_expr *e)
{
    return e->op < MG_OPS && (mg_shape_of[e->op] == MG_ONE || mg_shape_of[e->op] == MG_ONE_K);
}

/* ---- neurons that read the same inputs ---- */

static const int32_t *inputs_of(const scheduler *s, int32_t node)
{
    return s->g->args + s->g->nodes[node].first + 2; /* each second one */
}

static bool same_inputs(const scheduler *s, int32_t a, int32_t b)
{
    if (s->g->nodes[a].n != s->g->nodes[b].n || s->g->nodes[a].guard != s->g->nodes[b].guard)
        return false;
    for (int32_t i = 0; i < s->g->nodes[a].n - 1; i += 2)
        if (inputs_of(s, a)[i] != inputs_of(s, b)[i])
            return false;
    return true;
}

static void find_layers(scheduler *s)
{
    for (int32_t i = 0; i < s->g->count; i++) {
        const mg_expr *e = &s->g->nodes[i];
        s->of[i] = (facts){MG_NONE, MG_NONE, i, MG_NONE, MG_NONE};
        if (is_unary(e) && s->of[s->g->args[e->first]].follower == MG_NONE)
            s->of[s->g->args[e->first]].follower = i;
        if (e->op != MG_P_LINEAR)
            continue;
        uint64_t at = (uint64_t)e->n;
        for (int32_t j = 0; j < e->n - 1; j += 2)
            at = mg_mix(at, (uint64_t)inputs_of(s, i)[j]);
        int32_t *slot;
        while (*(slot = &s->table[at & (uint64_t)(s->table_size - 1)]) && !same_inputs(s, *slot - 1, i))
            at++;
        if (*slot) {
            facts *first = &s->of[*slot - 1];
            s->of[first->last].next = i;
            first->last = i;
        } else {
            *slot = i + 1;
        }
    }
}

/* ---- instructions ---- */

static int32_t place_of(const scheduler *s, int32_t node)
{
    return node == MG_NONE ? MG_NONE : s->of[node].place;
}

/* The bits of a node that has a place. */
static uint8_t *active_bits(const scheduler *s, int32_t node)
{
    return (s->g->nodes[node].varying ? s->code->active_v : s->code->active_u) + s->of[node].place;
}

/* Gives `node` the place `z`, and marks the operands that need its gradient. */
static void place_and_mark_active(scheduler *s, int32_t node, int32_t z, mg_instruction *in)
{
    const mg_expr *e = &s->g->nodes[node];
    const int32_t *args = s->g->args + e->first;
    const bool list = e->op == MG_P_LINEAR || e->op == MG_P_PRODUCTS, nary = mg_is_nary(e->op);

    s->of[node].place = z;
    in->guard = e->guard < 0 ? MG_NONE : e->guard; /* a node still, see place_guard */
    for (int goal = 0; goal < 2 && node < s->g->guards && e->guard != MG_NOWHERE; goal++) {
        uint8_t active = 0;
        for (int32_t i = !list && mg_skips_x[e->op]; i < e->n; i++)
            if (args[i] != MG_NONE && *active_bits(s, args[i]) >> goal & 1)
                active |= nary ? MG_X : !list ? (i ? MG_Y : MG_X) : i == 0 ? MG_BIAS : i % 2 ? MG_Y : MG_X;
        if (e->op == MG_P_PRODUCTS && active & MG_Y)
            active |= MG_X;
        in->active[goal] |= active;
        *active_bits(s, node) |= (active != 0) << goal;
    }
}

/* The weights stand in u as the rows of a matrix. */
static bool find_matrix(mg_instruction *in, const int32_t *w)
{
    in->weights = w[0];
    in->row = in->count > 1 ? w[in->n] - w[0] : in->n;
    if (in->row < in->n)
        return false;
    for (int32_t j = 0; j < in->count; j++)
        for (int32_t i = 0; i < in->n; i++)
            if (w[j * in->n + i] != in->weights + j * in->row + i)
                return false;
    return true;
}

/* The whole layer that begins with `node`. */
static void add_layer(scheduler *s, int32_t node)
{
    mg_code *code = s->code;
    mg_instruction in = {.op = MG_P_LINEAR,
                         .x = MG_NONE,
                         .y = MG_NONE,
                         .z = code->v,
                         .n = (s->g->nodes[node].n - 1) / 2,
                         .list = s->ints};
    int32_t *x = code->ints + s->ints, *bias = x + in.n;

    for (int32_t m = node; m != MG_NONE; m = s->of[m].next)
        in.count++;
    int32_t *w = bias + in.count;
    s->ints += in.n + in.count + in.n * in.count;
    for (int32_t i = 0; i < in.n; i++)
        x[i] = s->of[inputs_of(s, node)[2 * i]].place;
    for (int32_t m = node, j = 0; m != MG_NONE; m = s->of[m].next, j++) {
        const int32_t *args = s->g->args + s->g->nodes[m].first;
        bias[j] = place_of(s, args[0]);
        for (int32_t i = 0; i < in.n; i++)
            w[j * in.n + i] = s->of[args[1 + 2 * i]].place;
        place_and_mark_active(s, m, code->v++, &in);
    }
    s->longest = in.n > s->longest ? in.n : s->longest;
    s->longest = in.count > s->longest ? in.count : s->longest;
    if (in.guard != MG_NONE && code->scratch < SCRATCH + in.n)
        code->scratch = SCRATCH + in.n;
    in.matrix = find_matrix(&in, w);
    if (!in.matrix) {
        in.weights = code->packed;
        in.row = in.n;
        for (int32_t i = 0; i < in.n * in.count; i++)
            code->unpacked[code->packed++] = w[i];
    }
    code->operations += 2.0 * in.n * in.count;
    code->varying[code->varying_count++] = in;

    /* An activation that all of them have goes over all of them at once. */
    const int32_t f = s->of[node].follower;
    if (in.count < 2 || f == MG_NONE)
        return;
    const mg_expr *e = &s->g->nodes[f];
    mg_instruction map = {
        .op = e->op, .k = mg_k(s->g, e), .x = in.z, .y = MG_NONE, .z = code->v, .count = in.count};
    for (int32_t m = node; m != MG_NONE; m = s->of[m].next) {
        const mg_expr *other = &s->g->nodes[s->of[m].follower == MG_NONE ? m : s->of[m].follower];
        const double k = mg_k(s->g, other);
        if (other->op != e->op || other->guard != e->guard || memcmp(&k, &map.k, sizeof k) != 0)
            return;
    }
    for (int32_t m = node; m != MG_NONE; m = s->of[m].next)
        place_and_mark_active(s, s->of[m].follower, code->v++, &map);
    code->operations += in.count;
    code->varying[code->varying_count++] = map;
}

/* The list of PRODUCTS or an OPN. */
static void add_list(scheduler *s, const mg_expr *e, mg_instruction *in)
{
    const bool nary = mg_is_nary(e->op);

    in->list = s->ints;
    in->n = nary ? e->n : (e->n - 1) / 2;
    in->k = nary ? e->n : 0.0;
    for (int32_t i = 0; i < e->n; i++) {
        const int32_t x = s->g->args[e->first + i], place = place_of(s, x);
        s->code->ints[s->ints++] = nary && e->varying && !s->g->nodes[x].varying ? ~place : place;
    }
}

static void add_instruction(scheduler *s, int32_t node)
{
    mg_code *code = s->code;
    const mg_expr *e = &s->g->nodes[node];
    const int32_t *args = s->g->args + e->first;
    mg_instruction in = {.op = e->op, .k = mg_k(s->g, e), .x = MG_NONE, .y = MG_NONE, .count = 1};

    if (e->op == MG_P_PRODUCTS || mg_is_nary(e->op)) {
        add_list(s, e, &in);
    } else {
        in.x = s->of[args[0]].place;
        in.x_uniform = !s->g->nodes[args[0]].varying;
        if (e->n > 1) {
            in.y = s->of[args[1]].place;
            in.y_uniform = !s->g->nodes[args[1]].varying;
        }
    }
    in.z = e->varying ? code->v++ : code->u++;
    place_and_mark_active(s, node, in.z, &in);
    if (e->varying) {
        code->operations += e->op == MG_P_PRODUCTS ? 2.0 * in.n : is_unary(e) ? 8.0 : in.n ? in.n : 1.0;
        code->varying[code->varying_count++] = in;
    } else {
        code->uniform[code->uniform_count++] = in;
    }
}

static void place_leaves(scheduler *s)
{
    mg_code *code = s->code;

    code->u = code->parameter_count;
    memset(code->active_u, 1 << MG_BACKWARD, (size_t)code->parameter_count);
    for (int32_t i = 0; i < code->input_count; i++) {
        mg_place *input = &code->inputs[i];
        input->varying = s->g->batched[i];
        input->index = input->varying ? code->v++ : code->u++;
        (input->varying ? code->active_v : code->active_u)[input->index] = 1 << MG_GRADIENT;
    }
    code->first_constant = code->u;
    for (int32_t i = 0; i < s->g->count; i++) {
        const mg_expr *e = &s->g->nodes[i];
        if (e->op == MG_P_PARAM) {
            s->of[i].place = e->index;
        } else if (e->op == MG_P_INPUT) {
            s->of[i].place = code->inputs[e->index].index;
        } else if (e->op == MG_P_CONST) {
            code->constants++;
            code->start[code->u] = mg_number(s->g, e);
            s->of[i].place = code->u++;
        }
    }
}

/* An array of the code. */
static void *array_of(scheduler *s, size_t n, size_t size)
{
    void *p = mg_allocate(NULL, n * size);

    s->code->bytes += (int64_t)(n * size);
    s->failed |= !p;
    return p;
}

/* The same, all 0. */
static void *zeros_of(scheduler *s, size_t n, size_t size)
{
    void *p = array_of(s, n, size);

    return p ? memset(p, 0, n * size) : NULL;
}

static void get_memory(scheduler *s)
{
    mg_code *code = s->code;
    const size_t n = (size_t)s->g->count, inputs = (size_t)s->g->input_count;
    const size_t outputs = (size_t)s->g->output_count, args = (size_t)s->g->args_used;
    const size_t places = 2 * n + (size_t)s->g->parameter_count + inputs;

    for (s->table_size = 64; s->table_size < 2 * s->g->count + 2;)
        s->table_size *= 2;
    s->of = array_of(s, n, sizeof *s->of);
    s->table = zeros_of(s, (size_t)s->table_size, sizeof *s->table);
    code->bytes = 0; /* those are not for long */
    code->uniform = array_of(s, n, sizeof *code->uniform);
    code->varying = array_of(s, 2 * n, sizeof *code->varying);
    code->ints = array_of(s, 4 * args + 3 * n + 1, sizeof *code->ints); /* and for lists of mg_code_reuse */
    code->unpacked = array_of(s, args, sizeof *code->unpacked);
    code->start = zeros_of(s, places, sizeof *code->start);
    code->active_u = zeros_of(s, places, 1);
    code->active_v = zeros_of(s, places, 1);
    code->inputs = array_of(s, inputs, sizeof *code->inputs);
    code->outputs = array_of(s, outputs, sizeof *code->outputs);
}

/* Turns the guard of an instruction from a node into a place. */
static void place_guard(scheduler *s, mg_instruction *in, bool uniform)
{
    mg_code *code = s->code;

    if (in->guard == MG_NONE)
        return;
    facts *guard = &s->of[in->guard];
    in->guard_uniform = !s->g->nodes[in->guard].varying;
    in->guard = guard->place;
    if (!uniform || in->guard_uniform)
        return;
    if (guard->counted == MG_NONE) {
        guard->counted = code->u++;
        code->varying[code->varying_count++] = (mg_instruction){.op = MG_P_ANY,
                                                                .x = guard->place,
                                                                .y = MG_NONE,
                                                                .z = guard->counted,
                                                                .guard = MG_NONE,
                                                                .active = {1, 1}};
    }
    in->guard = guard->counted;
}

static void schedule(scheduler *s)
{
    const mg_graph *g = s->g;
    mg_code *code = s->code;

    find_layers(s);
    place_leaves(s);
    for (int32_t i = 0; i < g->count; i++) { /* uniform values come first: any layer may read them */
        const mg_expr *e = &g->nodes[i];
        if (!e->varying && !is_leaf(e) && !e->dead)
            add_instruction(s, i);
    }
    for (int32_t i = 0; i < g->count; i++) {
        if (!g->nodes[i].varying || g->nodes[i].dead || s->of[i].place != MG_NONE)
            continue;
        if (g->nodes[i].op == MG_P_LINEAR)
            add_layer(s, i);
        else
            add_instruction(s, i);
        if (i < g->guards)
            code->values_count = code->varying_count;
    }
    for (int32_t i = 0; i < code->varying_count; i++)
        place_guard(s, &code->varying[i], false);
    for (int32_t i = 0; i < code->uniform_count; i++)
        place_guard(s, &code->uniform[i], true);
    code->counting = s->ints;
    for (int32_t i = 0; i < s->longest; i++)
        code->ints[s->ints++] = i;
    code->ints_used = s->ints;
    for (int32_t i = 0; i < code->output_count; i++)
        code->outputs[i] = (mg_place){s->of[g->outputs[i]].place, g->nodes[g->outputs[i]].varying};
}

int32_t mg_code_init(mg_code *code, const mg_graph *g)
{
    scheduler s = {.code = code, .g = g};

    *code = (mg_code){.parameter_count = g->parameter_count,
                      .input_count = g->input_count,
                      .output_count = g->output_count,
                      .scratch = SCRATCH};
    get_memory(&s);
    if (!s.failed)
        schedule(&s);
    free(s.of);
    free(s.table);
    return s.failed ? MG_ENOMEM : MG_OK;
}

void mg_code_free(mg_code *code)
{
    free(code->uniform);
    free(code->varying);
    free(code->ints);
    free(code->unpacked);
    free(code->start);
    free(code->active_u);
    free(code->active_v);
    free(code->inputs);
    free(code->outputs);
}
