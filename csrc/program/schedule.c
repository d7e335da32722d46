/* schedule.c - from a graph to code: places for the values, and instructions in an order that can be run. */
#include "code.h"

#include <stdlib.h>

typedef struct {
    mg_program *p;
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
    int32_t *last = s->place; /* leader -> the last of its layer; the places are not in use yet */

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
    const mg_code *code = &s->p->code;

    if (node == MG_NONE)
        return false;
    return s->g->nodes[node].varying ? code->active_v[goal][s->place[node]]
                                     : code->active_u[goal][s->place[node]];
}

static void set_active(scheduler *s, int goal, int32_t node, bool active)
{
    mg_code *code = &s->p->code;

    if (s->g->nodes[node].varying)
        code->active_v[goal][s->place[node]] = active;
    else
        code->active_u[goal][s->place[node]] = active;
}

/* Gives `node` the place `z`, and says whose gradients pass through it. */
static void settle(scheduler *s, int32_t node, int32_t z, mg_instruction *in)
{
    const mg_expr *e = &s->g->nodes[node];
    const int32_t *args = s->g->args + e->first;
    const bool list = e->op == MG_P_LINEAR || e->op == MG_P_PRODUCTS;

    s->place[node] = z;
    in->guard = e->guard < 0 ? MG_NONE : e->guard; /* a node still, see place_guards */
    for (int goal = 0; goal < 2 && node < s->g->guards && e->guard != MG_NOWHERE; goal++) {
        uint8_t active = 0;
        for (int32_t i = !list && mg_skips_x[e->op]; i < e->n; i++)
            if (is_active(s, goal, args[i]))
                active |= !list ? (i ? MG_Y : MG_X) : i == 0 ? MG_BIAS : i % 2 ? MG_Y : MG_X;
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

/* The whole layer that begins with `node`: x[n], bias[count], z[count], w[count*n]. */
static void add_layer(scheduler *s, int32_t node)
{
    mg_code *code = &s->p->code;
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
        settle(s, m, z[j], &in);
    }
    if (in.guard != MG_NONE && in.n > s->longest)
        s->longest = in.n;
    in.affine = find_matrix(&in, w);
    if (!in.affine) {
        in.weights = code->packed;
        in.row = in.n;
        code->packed += in.n * in.count;
    }
    code->work += 2.0 * in.n * in.count;
    code->varying[code->varying_count++] = in;

    /* An activation that all of them have goes over all of them at once. */
    const int32_t f = s->follower[node];
    if (in.count < 2 || f == MG_NONE)
        return;
    const mg_expr *e = &s->g->nodes[f];
    for (int32_t m = node; m != MG_NONE; m = s->next[m]) {
        const mg_expr *other = s->follower[m] == MG_NONE ? NULL : &s->g->nodes[s->follower[m]];
        if (!other || other->op != e->op || other->guard != e->guard ||
            memcmp(&other->k, &e->k, sizeof e->k) != 0)
            return;
    }
    mg_instruction map = {.op = e->op, .k = e->k, .x = in.z, .y = MG_NONE, .z = code->v, .count = in.count};
    for (int32_t m = node; m != MG_NONE; m = s->next[m])
        settle(s, s->follower[m], code->v++, &map);
    code->work += in.count;
    code->varying[code->varying_count++] = map;
}

/* bias, then x, y, x, y, ... */
static void add_products(scheduler *s, int32_t node, mg_instruction *in)
{
    const mg_expr *e = &s->g->nodes[node];

    in->list = s->ints;
    in->n = (e->n - 1) / 2;
    for (int32_t i = 0; i < e->n; i++)
        s->p->code.ints[s->ints++] = place_of(s, s->g->args[e->first + i]);
}

static void add_instruction(scheduler *s, int32_t node)
{
    mg_code *code = &s->p->code;
    const mg_expr *e = &s->g->nodes[node];
    const int32_t *args = s->g->args + e->first;
    mg_instruction in = {.op = e->op, .k = e->k, .x = MG_NONE, .y = MG_NONE, .count = 1};

    if (e->op == MG_P_PRODUCTS) {
        add_products(s, node, &in);
    } else {
        in.x = s->place[args[0]];
        in.x_uniform = !s->g->nodes[args[0]].varying;
        if (e->n > 1) {
            in.y = s->place[args[1]];
            in.y_uniform = !s->g->nodes[args[1]].varying;
        }
    }
    in.z = e->varying ? code->v++ : code->u++;
    settle(s, node, in.z, &in);
    if (e->varying) {
        code->work += e->op == MG_P_PRODUCTS ? 2.0 * in.n : is_unary(e) ? 8.0 : 1.0;
        code->varying[code->varying_count++] = in;
    } else {
        code->uniform[code->uniform_count++] = in;
    }
}

static void place_leaves(scheduler *s)
{
    mg_program *p = s->p;
    mg_code *code = &p->code;

    code->u = p->parameter_count;
    for (int32_t i = 0; i < p->input_count; i++) {
        p->inputs[i].place = p->inputs[i].varying ? code->v++ : code->u++;
        if (p->inputs[i].varying)
            code->active_v[MG_OF_INPUTS][p->inputs[i].place] = 1;
        else
            code->active_u[MG_OF_INPUTS][p->inputs[i].place] = 1;
    }
    for (int32_t i = 0; i < p->parameter_count; i++)
        code->active_u[MG_OF_PARAMETERS][i] = 1;
    for (int32_t i = 0; i < s->g->count; i++) {
        const mg_expr *e = &s->g->nodes[i];
        if (e->op == MG_P_PARAM) {
            s->place[i] = (int32_t)e->k;
        } else if (e->op == MG_P_INPUT) {
            s->place[i] = p->inputs[(int32_t)e->k].place;
        } else if (e->op == MG_P_CONST) {
            code->constants++;
            code->start[code->u] = e->k;
            s->place[i] = code->u++;
        }
    }
}

static bool get_memory(scheduler *s)
{
    mg_code *code = &s->p->code;
    const size_t n = (size_t)s->g->count;
    const size_t places = 2 * n + (size_t)s->p->parameter_count + (size_t)s->p->input_count;
    const size_t ints = 3 * (size_t)s->g->args_used + 2 * n + 1;

    while (s->table_size < 2 * s->g->count + 2)
        s->table_size = s->table_size ? 2 * s->table_size : 64;
    s->place = mg_allocate(NULL, n * sizeof *s->place);
    s->next = mg_allocate(NULL, n * sizeof *s->next);
    s->leader = mg_allocate(NULL, n * sizeof *s->leader);
    s->follower = mg_allocate(NULL, n * sizeof *s->follower);
    s->table = mg_allocate(NULL, (size_t)s->table_size * sizeof *s->table);
    code->uniform = mg_allocate(NULL, n * sizeof *code->uniform);
    code->varying = mg_allocate(NULL, 2 * n * sizeof *code->varying);
    code->ints = mg_allocate(NULL, ints * sizeof *code->ints);
    code->start = mg_allocate(NULL, places * sizeof *code->start);
    bool all = s->place && s->next && s->leader && s->follower && s->table && code->uniform &&
               code->varying && code->ints && code->start;
    for (int goal = 0; goal < 2; goal++) {
        code->active_u[goal] = mg_allocate(NULL, places);
        code->active_v[goal] = mg_allocate(NULL, places);
        all = all && code->active_u[goal] && code->active_v[goal];
        if (all) {
            memset(code->active_u[goal], 0, places);
            memset(code->active_v[goal], 0, places);
        }
    }
    if (all) {
        memset(s->table, 0, (size_t)s->table_size * sizeof *s->table);
        memset(code->start, 0, places * sizeof *code->start);
    }
    return all;
}

/* Turns the guards of instructions from nodes into places. */
static void place_guards(scheduler *s)
{
    mg_code *code = &s->p->code;
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

int32_t mg_program_schedule(mg_program *p, const int32_t *outputs)
{
    scheduler s = {.p = p, .g = &p->graph};
    const bool memory = get_memory(&s);

    if (memory) {
        find_layers(&s);
        place_leaves(&s);
        for (int32_t i = 0; i < s.g->count; i++) { /* uniform values come first: any layer may read them */
            const mg_expr *e = &s.g->nodes[i];
            if (!e->varying && !is_leaf(e) && !e->dead)
                add_instruction(&s, i);
        }
        for (int32_t i = 0; i < s.g->count; i++) {
            if (i == s.g->guards)
                p->code.values_count = p->code.varying_count;
            if (!s.g->nodes[i].varying || s.g->nodes[i].dead || s.place[i] != MG_NONE)
                continue;
            if (s.g->nodes[i].op == MG_P_LINEAR)
                add_layer(&s, i);
            else
                add_instruction(&s, i);
        }
        if (s.g->guards == s.g->count)
            p->code.values_count = p->code.varying_count;
        place_guards(&s);
        for (int32_t i = 0; i < p->output_count; i++) {
            p->outputs[i].place = s.place[outputs[i]];
            p->outputs[i].varying = s.g->nodes[outputs[i]].varying;
        }
    }
    free(s.place);
    free(s.next);
    free(s.leader);
    free(s.follower);
    free(s.table);
    return memory ? MG_OK : MG_ENOMEM;
}
