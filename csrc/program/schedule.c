/* schedule.c - from a graph to code: places for the values, and instructions in an order that can be run. */
#include "code.h"

#include <stdlib.h>

#include "../memory.h"

typedef struct {
    mg_code *code;
    const mg_graph *g;
    int32_t *place;    /* node -> its place in u or v; NONE: not yet */
    int32_t *next;     /* LINEAR node -> the next one that reads the same inputs, NONE */
    int32_t *leader;   /* LINEAR node -> the first of them */
    int32_t *follower; /* node -> the first op of one operand that reads it, NONE */
    int32_t *table;    /* hash of inputs -> leader + 1 */
    int32_t table_size;
    int32_t ints;    /* used of code.ints */
    int32_t longest; /* list of inputs of a layer with a guard */
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
    int32_t *last = s->place; /* leader -> the last of its layer; places are not needed yet */

    for (int32_t i = 0; i < s->g->count; i++) {
        const mg_expr *e = &s->g->nodes[i];
        s->next[i] = s->leader[i] = s->follower[i] = MG_NONE;
        if (is_unary(e) && s->follower[s->g->args[e->first]] == MG_NONE)
            s->follower[s->g->args[e->first]] = i;
        if (e->op != MG_P_LINEAR)
            continue;
        uint64_t at = (uint64_t)e->n;
        for (int32_t j = 0; j < e->n - 1; j += 2)
            at = (at ^ (uint64_t)inputs_of(s, i)[j]) * 0x9E3779B97F4A7C15u, at ^= at >> 29;
        int32_t *slot;
        while (*(slot = &s->table[at & (uint64_t)(s->table_size - 1)]) && !same_inputs(s, *slot - 1, i))
            at++;
        if (*slot) {
            s->leader[i] = *slot - 1;
            s->next[last[*slot - 1]] = i;
        } else {
            s->leader[i] = i;
            *slot = i + 1;
        }
        last[s->leader[i]] = i;
    }
    for (int32_t i = 0; i < s->g->count; i++)
        s->place[i] = MG_NONE;
}

/* ---- instructions ---- */

static int32_t place_of(const scheduler *s, int32_t node)
{
    return node == MG_NONE ? MG_NONE : s->place[node];
}

/* Does the value of `node` depend on what is wanted? */
static bool is_active(const scheduler *s, int goal, int32_t node)
{
    const mg_code *code = s->code;

    if (node == MG_NONE)
        return false;
    return s->g->nodes[node].varying ? code->active_v[goal][s->place[node]]
                                     : code->active_u[goal][s->place[node]];
}

static void set_active(scheduler *s, int goal, int32_t node, bool active)
{
    mg_code *code = s->code;

    if (s->g->nodes[node].varying)
        code->active_v[goal][s->place[node]] = active;
    else
        code->active_u[goal][s->place[node]] = active;
}

/* Gives `node` the place `z`, and marks the operands that need its gradient. */
static void place_and_mark_active(scheduler *s, int32_t node, int32_t z, mg_instruction *in)
{
    const mg_expr *e = &s->g->nodes[node];
    const int32_t *args = s->g->args + e->first;
    const bool list = e->op == MG_P_LINEAR || e->op == MG_P_PRODUCTS, nary = mg_is_nary(e->op);

    s->place[node] = z;
    in->guard = e->guard < 0 ? MG_NONE : e->guard; /* a node still, see place_guards */
    for (int goal = 0; goal < 2 && node < s->g->guards && e->guard != MG_NOWHERE; goal++) {
        uint8_t active = 0;
        for (int32_t i = !list && mg_skips_x[e->op]; i < e->n; i++)
            if (is_active(s, goal, args[i]))
                active |= nary ? MG_X : !list ? (i ? MG_Y : MG_X) : i == 0 ? MG_BIAS : i % 2 ? MG_Y : MG_X;
        if (e->op == MG_P_PRODUCTS && active & MG_Y)
            active |= MG_X;
        in->active[goal] |= active;
        set_active(s, goal, node, active != 0);
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

static bool same_k(const mg_graph *g, const mg_expr *a, const mg_expr *b)
{
    return !mg_takes_k(a->op) ||
           memcmp(&g->doubles[a->index], &g->doubles[b->index], sizeof *g->doubles) == 0;
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

    for (int32_t m = node; m != MG_NONE; m = s->next[m])
        in.count++;
    int32_t *z = bias + in.count, *w = z + in.count;
    s->ints += in.n + 2 * in.count + in.n * in.count;
    for (int32_t i = 0; i < in.n; i++)
        x[i] = s->place[inputs_of(s, node)[2 * i]];
    for (int32_t m = node, j = 0; m != MG_NONE; m = s->next[m], j++) {
        const int32_t *args = s->g->args + s->g->nodes[m].first;
        bias[j] = place_of(s, args[0]);
        for (int32_t i = 0; i < in.n; i++)
            w[j * in.n + i] = s->place[args[1 + 2 * i]];
        z[j] = code->v++;
        place_and_mark_active(s, m, z[j], &in);
    }
    if (in.guard != MG_NONE && in.n > s->longest)
        s->longest = in.n;
    in.matrix = find_matrix(&in, w);
    if (!in.matrix) {
        in.weights = code->packed;
        in.row = in.n;
        code->packed += in.n * in.count;
    }
    code->operations += 2.0 * in.n * in.count;
    code->varying[code->varying_count++] = in;

    /* An activation that all of them have goes over all of them at once. */
    const int32_t f = s->follower[node];
    if (in.count < 2 || f == MG_NONE)
        return;
    const mg_expr *e = &s->g->nodes[f];
    for (int32_t m = node; m != MG_NONE; m = s->next[m]) {
        const mg_expr *other = s->follower[m] == MG_NONE ? NULL : &s->g->nodes[s->follower[m]];
        if (!other || other->op != e->op || other->guard != e->guard || !same_k(s->g, other, e))
            return;
    }
    mg_instruction map = {.op = e->op,
                          .k = mg_takes_k(e->op) ? mg_number(s->g, e) : 0.0,
                          .x = in.z,
                          .y = MG_NONE,
                          .z = code->v,
                          .count = in.count};
    for (int32_t m = node; m != MG_NONE; m = s->next[m])
        place_and_mark_active(s, s->follower[m], code->v++, &map);
    code->operations += in.count;
    code->varying[code->varying_count++] = map;
}

/* bias, then x, y, x, y, ... */
static void add_products(scheduler *s, int32_t node, mg_instruction *in)
{
    const mg_expr *e = &s->g->nodes[node];

    in->list = s->ints;
    in->n = (e->n - 1) / 2;
    for (int32_t i = 0; i < e->n; i++)
        s->code->ints[s->ints++] = place_of(s, s->g->args[e->first + i]);
}

static void add_operands(scheduler *s, int32_t node, mg_instruction *in)
{
    const mg_expr *e = &s->g->nodes[node];

    in->list = s->ints;
    in->n = e->n;
    in->k = e->n;
    for (int32_t i = 0; i < e->n; i++) {
        const int32_t x = s->g->args[e->first + i];
        s->code->ints[s->ints++] = e->varying && !s->g->nodes[x].varying ? ~s->place[x] : s->place[x];
    }
}

static void add_instruction(scheduler *s, int32_t node)
{
    mg_code *code = s->code;
    const mg_expr *e = &s->g->nodes[node];
    const int32_t *args = s->g->args + e->first;
    mg_instruction in = {.op = e->op,
                         .k = mg_takes_k(e->op) ? mg_number(s->g, e) : 0.0,
                         .x = MG_NONE,
                         .y = MG_NONE,
                         .count = 1};

    if (e->op == MG_P_PRODUCTS) {
        add_products(s, node, &in);
    } else if (mg_is_nary(e->op)) {
        add_operands(s, node, &in);
    } else {
        in.x = s->place[args[0]];
        in.x_uniform = !s->g->nodes[args[0]].varying;
        if (e->n > 1) {
            in.y = s->place[args[1]];
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
    memset(code->active_u[MG_BACKWARD], 1, (size_t)code->parameter_count);
    for (int32_t i = 0; i < code->input_count; i++) {
        mg_place *input = &code->inputs[i];
        input->varying = s->g->batched[i];
        input->index = input->varying ? code->v++ : code->u++;
        (input->varying ? code->active_v : code->active_u)[MG_GRADIENT][input->index] = 1;
    }
    for (int32_t i = 0; i < s->g->count; i++) {
        const mg_expr *e = &s->g->nodes[i];
        if (e->op == MG_P_PARAM) {
            s->place[i] = e->index;
        } else if (e->op == MG_P_INPUT) {
            s->place[i] = code->inputs[e->index].index;
        } else if (e->op == MG_P_CONST) {
            code->constants++;
            code->start[code->u] = mg_number(s->g, e);
            s->place[i] = code->u++;
        }
    }
}

/* An array of the code. */
static void *array_of(mg_code *code, size_t n, size_t size)
{
    code->bytes += (int64_t)(n * size);
    return mg_allocate(NULL, n * size);
}

/* The same, all 0. */
static void *zeros_of(mg_code *code, size_t n, size_t size)
{
    void *p = array_of(code, n, size);

    return p ? memset(p, 0, n * size) : NULL;
}

static bool get_memory(scheduler *s)
{
    mg_code *code = s->code;
    const size_t n = (size_t)s->g->count, inputs = (size_t)s->g->input_count;
    const size_t outputs = (size_t)s->g->output_count;
    const size_t places = 2 * n + (size_t)s->g->parameter_count + inputs;
    const size_t ints = 3 * (size_t)s->g->args_used + 2 * n + 1;
    bool all = true;

    while (s->table_size < 2 * s->g->count + 2)
        s->table_size = s->table_size ? 2 * s->table_size : 64;
    s->place = mg_allocate(NULL, n * sizeof *s->place);
    s->next = mg_allocate(NULL, n * sizeof *s->next);
    s->leader = mg_allocate(NULL, n * sizeof *s->leader);
    s->follower = mg_allocate(NULL, n * sizeof *s->follower);
    s->table = mg_allocate(NULL, (size_t)s->table_size * sizeof *s->table);
    code->uniform = array_of(code, n, sizeof *code->uniform);
    code->varying = array_of(code, 2 * n, sizeof *code->varying);
    code->ints = array_of(code, ints, sizeof *code->ints);
    code->start = zeros_of(code, places, sizeof *code->start);
    code->inputs = array_of(code, inputs, sizeof *code->inputs);
    code->outputs = array_of(code, outputs, sizeof *code->outputs);
    for (int goal = 0; goal < 2; goal++) {
        code->active_u[goal] = zeros_of(code, places, 1);
        code->active_v[goal] = zeros_of(code, places, 1);
        all = all && code->active_u[goal] && code->active_v[goal];
    }
    if (s->table)
        memset(s->table, 0, (size_t)s->table_size * sizeof *s->table);
    return all && s->place && s->next && s->leader && s->follower && s->table && code->uniform &&
           code->varying && code->ints && code->start && code->inputs && code->outputs;
}

/* Turns the guards of instructions from nodes into places. */
static void place_guards(scheduler *s)
{
    mg_code *code = s->code;
    int32_t *counted = s->next; /* node -> where its lanes are counted; not in use any more */

    for (int32_t i = 0; i < s->g->count; i++)
        counted[i] = MG_NONE;
    for (int32_t i = 0; i < code->varying_count; i++) {
        mg_instruction *in = &code->varying[i];
        if (in->guard == MG_NONE)
            continue;
        in->guard_uniform = !s->g->nodes[in->guard].varying;
        in->guard = s->place[in->guard];
    }
    for (int32_t i = 0; i < code->uniform_count; i++) {
        mg_instruction *in = &code->uniform[i];
        const int32_t node = in->guard;
        if (node == MG_NONE)
            continue;
        in->guard_uniform = !s->g->nodes[node].varying;
        if (!in->guard_uniform && counted[node] == MG_NONE) {
            counted[node] = code->u++;
            code->varying[code->varying_count++] = (mg_instruction){.op = MG_P_ANY,
                                                                    .x = s->place[node],
                                                                    .y = MG_NONE,
                                                                    .z = counted[node],
                                                                    .guard = MG_NONE,
                                                                    .active = {1, 1}};
        }
        in->guard = in->guard_uniform ? s->place[node] : counted[node];
    }
    code->counting = s->ints;
    for (int32_t i = 0; i < s->longest; i++)
        code->ints[s->ints++] = i;
    code->scratch = 4 + s->longest;
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
        if (i == g->guards)
            code->values_count = code->varying_count;
        if (!g->nodes[i].varying || g->nodes[i].dead || s->place[i] != MG_NONE)
            continue;
        if (g->nodes[i].op == MG_P_LINEAR)
            add_layer(s, i);
        else
            add_instruction(s, i);
    }
    if (g->guards == g->count)
        code->values_count = code->varying_count;
    place_guards(s);
    for (int32_t i = 0; i < code->output_count; i++)
        code->outputs[i] = (mg_place){s->place[g->outputs[i]], g->nodes[g->outputs[i]].varying};
}

int32_t mg_code_init(mg_code *code, const mg_graph *g)
{
    scheduler s = {.code = code, .g = g};

    *code = (mg_code){.parameter_count = g->parameter_count,
                      .input_count = g->input_count,
                      .output_count = g->output_count};
    const bool memory = get_memory(&s);
    if (memory)
        schedule(&s);
    free(s.place);
    free(s.next);
    free(s.leader);
    free(s.follower);
    free(s.table);
    return memory ? MG_OK : MG_ENOMEM;
}

void mg_code_free(mg_code *code)
{
    free(code->uniform);
    free(code->varying);
    free(code->ints);
    free(code->start);
    free(code->inputs);
    free(code->outputs);
    for (int goal = 0; goal < 2; goal++) {
        free(code->active_u[goal]);
        free(code->active_v[goal]);
    }
}
