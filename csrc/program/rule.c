/* rule.c - the derivatives of the op table as graphs: the text of ops.def is read and its nodes are made on the way.
 *
 *     choice     = level 0 [? choice : choice]       c ? a : b  is  when(c, a) + unless(c, b)
 *     level n    = level n+1 {operator level n+1}    the operators of one level, from left to right
 *     last level = - last | number | name | name(choice, ...) | (choice)
 *
 * A name is x, y, z, k, a constant of math.h, or a function: an op of that label. What is a number is computed on the
 * way, and of a choice by a number nothing but the branch taken is left.
 */
#include "code.h"

#include <ctype.h>

typedef struct {
    mg_graph *g;
    const char *at; /* what is left of the text */
    const int32_t *variables;
    double k;
    bool unreadable;
} reader;

static const struct {
    const char *text;
    int level, op;
} operators[] = {
    /* a text stands before those that it begins with */
    {"||", 0, MG_MAXIMUM},
    {"&&", 1, MG_MUL},
    {"==", 2, MG_EQUAL},
    {"!=", 2, MG_NOT_EQUAL},
    {"<=", 3, MG_LESS_EQUAL},
    {"<", 3, MG_LESS},
    {">=", 3, MG_GREATER_EQUAL},
    {">", 3, MG_GREATER},
    {"+", 4, MG_ADD},
    {"-", 4, MG_SUB},
    {"*", 5, MG_MUL},
    {"/", 5, MG_TRUEDIV},
};
enum { OPERATORS = sizeof operators / sizeof *operators, LAST_LEVEL = 6 };

/* C's names of ops that have another label here. */
static const struct {
    const char *name;
    int op;
} functions[] = {{"pow", MG_POWER}, {"fabs", MG_ABS}, {"logistic", MG_SIGMOID}};

static const struct {
    const char *name;
    double value;
} constants[] = {{"M_2_SQRTPI", M_2_SQRTPI}, {"M_SQRT1_2", M_SQRT1_2}};

static int32_t read_choice(reader *r);

static int32_t unreadable(reader *r)
{
    r->unreadable = true;
    r->at = "";
    return 0;
}

/* Is this the next thing to read? Then it is read. */
static bool next_is(reader *r, const char *text)
{
    while (*r->at == ' ')
        r->at++;
    if (strncmp(r->at, text, strlen(text)) != 0)
        return false;
    r->at += strlen(text);
    return true;
}

/* Digits with a point: no function of the system, whose point may be a comma. */
static int32_t read_number(reader *r)
{
    double digits = 0.0, scale = 1.0;
    bool point = false;

    for (; isdigit((unsigned char)*r->at) || (*r->at == '.' && !point); r->at++) {
        if (*r->at == '.') {
            point = true;
            continue;
        }
        digits = 10 * digits + (*r->at - '0');
        scale *= point ? 10 : 1;
    }
    return mg_graph_constant(r->g, digits / scale);
}

static bool is_name(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

/* The op that C's function of this name is. */
static int32_t function_of(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (is_name(functions[i].name, text, length))
            return functions[i].op;
    for (int32_t op = 0; op < MG_OPS; op++)
        if ((mg_shape_of[op] == MG_ONE || mg_shape_of[op] == MG_TWO) &&
            is_name(mg_op_row(op)->label, text, length))
            return op;
    return MG_NONE;
}

static int32_t read_call(reader *r, int32_t op)
{
    int32_t args[2] = {0}, n = 0;
    double k = NAN;

    do
        args[n++] = read_choice(r);
    while (n < 2 && next_is(r, ","));
    if (r->unreadable || !next_is(r, ")") || n != mg_op_row(op)->arity)
        return unreadable(r);
    if (op == MG_POWER && mg_is_number(r->g, args[1], &k))
        return mg_graph_add(r->g, MG_POW, args, 1, k);
    return mg_graph_add(r->g, op, args, n, 0.0);
}

static int32_t read_name(reader *r)
{
    const char *name = r->at;

    while (isalnum((unsigned char)*r->at) || *r->at == '_')
        r->at++;
    const size_t length = (size_t)(r->at - name);
    if (length == 1 && *name == 'k')
        return mg_graph_constant(r->g, r->k);
    if (length == 1 && *name >= 'x' && *name <= 'z' && r->variables[*name - 'x'] != MG_NONE)
        return r->variables[*name - 'x'];
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (is_name(constants[i].name, name, length))
            return mg_graph_constant(r->g, constants[i].value);
    const int32_t op = length && next_is(r, "(") ? function_of(name, length) : MG_NONE;
    return op == MG_NONE ? unreadable(r) : read_call(r, op);
}

static int32_t read_last(reader *r)
{
    if (next_is(r, "-")) {
        const int32_t x = read_last(r);
        return mg_graph_add(r->g, MG_NEG, &x, 1, 0.0);
    }
    if (next_is(r, "(")) {
        const int32_t inner = read_choice(r);
        return next_is(r, ")") ? inner : unreadable(r);
    }
    return isdigit((unsigned char)*r->at) ? read_number(r) : read_name(r);
}

static int32_t read_level(reader *r, int level)
{
    if (level == LAST_LEVEL)
        return read_last(r);
    int32_t left = read_level(r, level + 1);
    for (size_t i = 0; i < OPERATORS; i++)
        if (operators[i].level == level && next_is(r, operators[i].text)) {
            const int32_t right = read_level(r, level + 1);
            left = mg_graph_add(r->g, operators[i].op, (int32_t[]){left, right}, 2, 0.0);
            i = (size_t)-1; /* all operators of the level again */
        }
    return left;
}

/* One branch of a choice, -0.0 where it is not taken. The sign of a 0 that it is itself does not matter. */
static int32_t branch(mg_graph *g, int op, int32_t c, int32_t x)
{
    double number;

    if (mg_is_number(g, x, &number) && number == 0.0)
        return mg_graph_constant(g, -0.0);
    return mg_graph_add(g, op, (int32_t[]){c, x}, 2, 0.0);
}

/* c ? a : b */
static int32_t choose(mg_graph *g, int32_t c, int32_t a, int32_t b)
{
    double number;

    if (mg_is_number(g, c, &number))
        return number != 0.0 ? a : b;
    const int32_t yes = branch(g, MG_WHEN, c, a), no = branch(g, MG_UNLESS, c, b);
    return mg_graph_add(g, MG_ADD, (int32_t[]){yes, no}, 2, 0.0);
}

static int32_t read_choice(reader *r)
{
    const int32_t condition = read_level(r, 0);

    if (!next_is(r, "?"))
        return condition;
    const int32_t a = read_choice(r);
    if (!next_is(r, ":"))
        return unreadable(r);
    const int32_t b = read_choice(r);
    return choose(r->g, condition, a, b);
}

int32_t mg_rule(mg_graph *g, const char *text, const int32_t variables[3], double k)
{
    reader r = {.g = g, .at = text, .variables = variables, .k = k};
    const int32_t node = read_choice(&r);

    next_is(&r, ""); /* spaces */
    return r.unreadable || *r.at ? MG_NONE : node;
}
