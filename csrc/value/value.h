/* value.h - the CPython type behind Value: the hot part of it, on the same arena and the same op table.
 *
 * A Value is 48 bytes and the header of Python's collector:
 *
 *     a, b       what it was computed from: x, y or k, tuples of operands (a leaf has neither)
 *     weakrefs   list of weak references
 *     handle     its node in the arena
 *     flags      see below
 *
 * Attributes are rare. Where there are some, `a` points to an `extra` that holds them and the first operand. The arena
 * knows the Value of each node: that is how a sweep that waits for a closure finds it.
 *
 * Calls into the engine stand between mg_lock and mg_unlock, where no Python API is called that can let the GIL go.
 *
 * The rooms of value/, from the bottom up, are those whose functions are declared here. Only they know Python.
 */
#ifndef MG_VALUE_H
#define MG_VALUE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Headers from 3.12 on return these without a reference of their own, since they live for ever there. The same binary
 * serves 3.10 and 3.11, where they do not. */
#undef Py_RETURN_NONE
#undef Py_RETURN_NOTIMPLEMENTED
#undef Py_RETURN_TRUE
#undef Py_RETURN_FALSE
#define Py_RETURN_NONE return Py_NewRef(Py_None)
#define Py_RETURN_NOTIMPLEMENTED return Py_NewRef(Py_NotImplemented)
#define Py_RETURN_TRUE return Py_NewRef(Py_True)
#define Py_RETURN_FALSE return Py_NewRef(Py_False)

#ifdef Py_GIL_DISABLED
#error "the native core of Value relies on the GIL: free-threaded Python takes the cffi core"
#endif

#define MG_NATIVE_CORE
#include "arena.h"

#ifndef _WIN32                      /* hides all but what is exported */
#pragma GCC visibility push(hidden) /* what is declared here is never looked up by name */
#endif

typedef struct {
    PyObject *a;       /* the first operand, or NULL */
    PyObject *dict;    /* attributes; may be NULL */
    PyObject *label;   /* what was assigned to _op; may be NULL */
    PyObject *closure; /* what was assigned to _backward; may be NULL */
} extra;

typedef struct {
    PyObject_HEAD PyObject *a; /* first operand or operands, or an `extra` (EXTRA), or NULL; owned */
    PyObject *b;               /* second operand or operands, or NULL; owned */
    PyObject *weakrefs;        /* head of the list of weak references */
    int32_t handle;            /* in the arena; -1: none yet */
    uint32_t flags;            /* of the enum below */
} value;

/* The inner layers of one call of an MLP, nodes that nobody has asked to see. Their Values are made when somebody does:
 * most never are, and a Value costs more than its node. */
typedef struct {
    PyObject_HEAD PyObject *inputs; /* of the first layer, a tuple; owned */
    PyObject *params; /* list of layers of neurons of tuples: the weights, then the bias; owned */
    PyObject *values; /* those of the last of these layers, a tuple, or NULL; owned */
    int32_t *handles; /* the nodes, layer after layer; NULL: the Values own them */
    int32_t n;
} hidden;

enum {
    EXTRA = 1,   /* a points to an `extra` */
    TRACKED = 2, /* by Python's collector */
    CYCLIC = 4,  /* may stand on a cycle */
    DYING = 8,   /* its deallocation has begun */
    PLACED = 16  /* and above: its place + 1, see mg_kept; 0: it has none */
};

_Static_assert(sizeof(value) <= 48, "with the collector's header a Value fills one cache line");

/* b of a leaf, or of a node made by hand, whose number came from numpy: errors above it are by numpy's rules. */
#define NUMPY Py_Ellipsis

enum { ON_STACK = 256 }; /* handles of operands that a function has room for */

/* The length of a list or a tuple; -1: it is neither, or too long. */
static inline Py_ssize_t short_length(PyObject *o)
{
    const Py_ssize_t n = PyTuple_CheckExact(o) || PyList_CheckExact(o) ? Py_SIZE(o) : -1;
    return n > ON_STACK ? -1 : n;
}

/* Where Python's objects keep what they hold. The ABI has a function for each item, and a node made by hand reads
 * six. So the module looks at objects that it knows when it starts: where one lies otherwise, the functions are
 * called. */
extern struct mg_layout {
    size_t tuple_items; /* bytes from the start of a tuple to its items; 0: unknown */
    bool lists;         /* the word behind the head of a list points to its items */
    bool floats;        /* the double of a float stands behind its head */
    bool classes;       /* the words of a type are those of MG_INIT_WORD, MG_NEW_WORD */
    bool numbers;       /* MG_NUMBER_WORD points to its operators */
} mg_layout;

/* False: an exception is set. */
bool mg_look_at_layout(void);

static inline PyObject *const *mg_list_items(PyObject *list)
{
    PyObject *const *items;

    memcpy(&items, (char *)list + sizeof(PyVarObject), sizeof items);
    return items;
}

/* The places of the items of a list or a tuple, NULL: unknown. */
static inline PyObject **mg_places_in(PyObject *items)
{
    if (PyTuple_CheckExact(items))
        return mg_layout.tuple_items ? (PyObject **)(void *)((char *)items + mg_layout.tuple_items) : NULL;
    return mg_layout.lists ? (PyObject **)(uintptr_t)mg_list_items(items) : NULL;
}

/* The double of an exact float. */
static inline double double_in(PyObject *o)
{
    double x;

    if (!mg_layout.floats)
        return PyFloat_AsDouble(o);
    memcpy(&x, (char *)o + sizeof(PyObject), sizeof x);
    return x;
}

static inline PyObject *item_of(PyObject *sequence, Py_ssize_t i)
{
    return PyTuple_CheckExact(sequence) ? PyTuple_GetItem(sequence, i) : PyList_GetItem(sequence, i);
}

/* The items of a list or a tuple, good until Python runs: in place, or n <= ON_STACK of them in `room`. */
static inline PyObject *const *items_of(PyObject *sequence, Py_ssize_t n, PyObject **room)
{
    PyObject *const *const places = mg_places_in(sequence);

    if (places)
        return places;
    for (Py_ssize_t i = 0; i < n; i++)
        room[i] = item_of(sequence, i);
    return room;
}

static inline value *as_value(PyObject *o)
{
    return (value *)o;
}

static inline extra *extra_of(value *v)
{
    return v->flags & EXTRA ? (extra *)(void *)v->a : NULL;
}

static inline PyObject *first_operand(value *v)
{
    return v->flags & EXTRA ? extra_of(v)->a : v->a;
}

/* ---- value.c: the types, numbers, errors ---- */

extern PyTypeObject *mg_value_class, *mg_hidden_class; /* they live as long as the process */

/* Functions of Python, for what is rare: errors, objects that are no plain numbers, the slow half of __init__. */
extern struct mg_python {
    PyObject *absent, *number, *to_float, *from_numpy, *failure, *no_number, *init, *late;
} mg_python;

static inline bool is_value(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    return type == mg_value_class || (type != &PyFloat_Type && PyType_IsSubtype(type, mg_value_class));
}

/* The argument as a Value; TypeError. */
value *mg_expect_value(PyObject *o);
/* Notes in a leaf that its number came from numpy. */
void mg_set_numpy(value *leaf, int numpy);
/* The slow halves of the functions below. */
int mg_from_numpy(PyObject *o);
int mg_number_of(PyObject *o, double *out);
int mg_to_double(PyObject *o, const char *what, double *out);

/* The double of a Python float, or what float() makes of it; PyFloat_AsDouble makes a float of an int first. */
static inline int float_of(PyObject *o, double *out)
{
    if (PyFloat_CheckExact(o)) {
        *out = double_in(o);
        return 1;
    }
    *out = PyLong_CheckExact(o) ? PyLong_AsDouble(o) : PyFloat_AsDouble(o);
    return *out == -1.0 && PyErr_Occurred() ? -1 : 1;
}

/* Did the number o come from numpy? 1, 0; -1: an exception is set. */
static inline int from_numpy(PyObject *o)
{
    return PyFloat_CheckExact(o) ? 0 : mg_from_numpy(o);
}

/* A Python number as a double: 1; 0: it is none; -1: an exception is set. */
static inline int number_of(PyObject *o, double *out)
{
    if (!PyFloat_CheckExact(o))
        return mg_number_of(o, out);
    *out = double_in(o);
    return 1;
}

/* The double that `o` stands for, or TypeError naming `what`. */
static inline int to_double(PyObject *o, const char *what, double *out)
{
    if (!PyFloat_CheckExact(o))
        return mg_to_double(o, what, out);
    *out = double_in(o);
    return 1;
}

/* Raises what a status stands for; x and y are what op was applied to. Returns NULL; or the Value that there is instead
 * of an error where a number came from numpy. */
PyObject *mg_fail(int32_t status, int op, PyObject *x, PyObject *y);
/* Answers for `other`, which is no number: NotImplemented, what numpy makes of an array, or TypeError. */
PyObject *mg_no_number(int op, PyObject *other, PyObject *x, const char *side);
PyObject *mg_py_add_scalar(PyObject *module, PyObject *type);

#ifdef __SANITIZE_ADDRESS__
enum { KEPT = 1 };
#else
enum { KEPT = 1 << 16 };
#endif

/* Places for Values. A new one takes the lowest that is free, with the memory of the dead Value that had it. So a graph
 * stands in memory in the order in which it was made. */
extern struct mg_kept {
    uint64_t taken[KEPT / 64 + 1], full_of[KEPT / 4096 + 1], full; /* bits: a place, 64 of them, 4096 */
    value *dead[KEPT];                                             /* NULL: none */
} mg_kept;

/* Lets a place be free. */
static inline void mg_leave(uint32_t place, value *dead)
{
    const uint64_t taken = mg_kept.taken[place / 64];

    mg_kept.dead[place] = dead;
    mg_kept.taken[place / 64] = taken & ~((uint64_t)1 << place % 64);
    if (~taken == 0) {
        mg_kept.full_of[place / 4096] &= ~((uint64_t)1 << place / 64 % 64);
        mg_kept.full &= ~((uint64_t)1 << place / 4096);
    }
}

/* A Value without a node, not tracked; MemoryError. */
static inline value *new_value(void)
{
    const uint32_t i = (uint32_t)__builtin_ctzll(~mg_kept.full),
                   j = 64 * i + (uint32_t)__builtin_ctzll(~mg_kept.full_of[i]),
                   place = 64 * j + (uint32_t)__builtin_ctzll(~mg_kept.taken[j]);
    const bool placed = place < KEPT;
    value *v = placed ? mg_kept.dead[place] : NULL;

    if (placed && !~(mg_kept.taken[j] |= (uint64_t)1 << place % 64) &&
        !~(mg_kept.full_of[i] |= (uint64_t)1 << j % 64))
        mg_kept.full |= (uint64_t)1 << i;
    if (v) {
        __builtin_prefetch(mg_kept.dead[(place + 8) % KEPT], 1); /* one of the next to be made */
        v->ob_base.ob_refcnt = 1;
        Py_INCREF(mg_value_class);
    } else if (!(v = PyObject_GC_New(value, mg_value_class))) {
        if (placed)
            mg_leave(place, NULL);
        return NULL;
    }
    v->a = v->b = v->weakrefs = NULL;
    v->handle = -1;
    v->flags = placed ? (place + 1) * PLACED : 0;
    return v;
}

/* Gives v a node, while the lock is held. */
static inline void take_node(value *v, int32_t handle)
{
    v->handle = handle;
    mg.owner[handle] = v;
}

/* ---- collector.c: what Python's collector is told ---- */

extern Py_ssize_t mg_cyclic_alive; /* so many Values are CYCLIC */

void mg_track(value *v);
/* v and its tuples of operands. */
void mg_set_cyclic(value *v);
/* v has got its operands: may they stand on a cycle? */
void mg_set_cyclic_reader(value *v);
/* v is or becomes CYCLIC, its readers are perhaps not. */
int mg_expect_old_readers(value *v);
/* An attribute of v is about to refer to anything. */
int mg_expect_cycles(value *v);
/* An attribute of v is about to refer to this object. */
int mg_expect_cycles_of(value *v, PyObject *attribute);
int mg_value_traverse(PyObject *self, visitproc visit, void *arg);
int mg_value_clear(PyObject *self);
PyObject *mg_py_before_collection(PyObject *module, PyObject *args);

/* Tells v, which was computed from nothing yet, what it was computed from. */
static inline void set_parts(value *v, PyObject *a, PyObject *b)
{
    Py_XINCREF(a);
    Py_XINCREF(b);
    *(v->flags & EXTRA ? &extra_of(v)->a : &v->a) = a;
    v->b = b;
    if (mg_cyclic_alive)
        mg_set_cyclic_reader(v);
}

/* Gives v its node too. */
static inline void become(value *v, int32_t handle, PyObject *a, PyObject *b)
{
    mg_lock();
    take_node(v, handle);
    mg_unlock();
    set_parts(v, a, b);
}

/* ---- dealloc.c: the end of Values ---- */

/* Of a Value, or of a hidden. */
void mg_dealloc(PyObject *self);

/* ---- attributes.c: data, grad, and whatever else a user assigns ---- */

extern PyGetSetDef mg_getset[];

extern PyObject *mg_name_by_hand;

bool mg_intern_names(void);
/* An attribute of the class of o into `found`: 1; 0: there is none; -1: an exception is set. */
int mg_class_attribute(PyObject *o, PyObject *name, PyObject **found);
/* The extra of v, made where there is none. */
extra *mg_need_extra(value *v);
/* Puts a reference to o, or NULL, where *place is. */
void mg_replace(PyObject **place, PyObject *o);
/* Lets the sweep pause at v for `closure`; NULL: no more. A Value without a node keeps it, for __init__ to drop. */
int mg_put_closure(value *v, PyObject *closure);
PyObject *mg_value_getattro(PyObject *self, PyObject *name);
int mg_value_setattro(PyObject *self, PyObject *name, PyObject *o);
PyObject *mg_py_peek(PyObject *module, PyObject *args);
PyObject *mg_py_put(PyObject *module, PyObject *args);
PyObject *mg_py_attributes(PyObject *module, PyObject *node);

/* ---- construct.c: Values that are made by their class, by hand, or over a node that exists ---- */

PyObject *mg_value_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);
int mg_value_init(PyObject *self, PyObject *args, PyObject *kwargs);
/* Value(...), as type.__call__ makes it, but without a tuple of the arguments while __new__ and __init__ are ours. */
PyObject *mg_value_call(PyObject *type, PyObject *const *args, size_t n_and_flag, PyObject *names);

/* From CPython 3.14 on a class is told its mg_value_call by a slot, whose number is part of the ABI. Before, by a word of
 * the class, which stands at one place in 3.10 to 3.13, counted from the start. Elsewhere type.__call__ works on. */
enum { MG_CALL_SLOT = 82, MG_CALL_WORD = 50, MG_INIT_WORD = 37, MG_NEW_WORD = 39 };
bool mg_has_call_slot(void);
/* Looks whether a class that was just made has its words there; if so, `set_call` sets the one of its call. */
void mg_look_at_class(PyTypeObject *cls, bool set_call);

/* Are __new__ and __init__ of the class still ours? */
static inline bool mg_makes_plainly(PyTypeObject *cls)
{
    void **const word = (void **)(void *)cls;

    return mg_layout.classes
               ? word[MG_INIT_WORD] == (void *)mg_value_init && word[MG_NEW_WORD] == (void *)mg_value_new
               : PyType_GetSlot(cls, Py_tp_init) == (void *)mg_value_init &&
                     PyType_GetSlot(cls, Py_tp_new) == (void *)mg_value_new;
}
PyObject *mg_py_new(PyObject *module, PyObject *nothing);
PyObject *mg_py_own(PyObject *module, PyObject *args);
PyObject *mg_py_leaves(PyObject *module, PyObject *args);
PyObject *mg_py_forget_made(PyObject *module, PyObject *node);

/* ---- slots.c: the type, with the ops of the table as operators and methods ---- */

PyObject *mg_make_type(void);
PyObject *mg_py_set_docs(PyObject *module, PyObject *docs);

/* ---- layers.c: nodes over many operands ---- */

PyObject *mg_make_hidden_type(void);
PyObject *mg_py_dot(PyObject *module, PyObject *args);
PyObject *mg_py_nary(PyObject *module, PyObject *args);
PyObject *mg_py_layers(PyObject *module, PyObject *args);
PyObject *mg_py_operands(PyObject *module, PyObject *o);

#ifndef _WIN32
#pragma GCC visibility pop
#endif

#endif
