/* value_type.c - the CPython type behind Value: the hot part of it, on the same arena and the same op table.
 *
 * A Value is 48 bytes and the header of Python's collector:
 *
 *     a, b       what it was computed from, as in _core/cffi_core.py (a leaf has neither)
 *     weakrefs   list of weak references
 *     handle     its node in the arena
 *     flags      see below
 *
 * Attributes are rare. Where there are some, `a` points to an `extra` that holds them and the first operand. So are
 * closures, which are found by the handle of their node while a sweep waits for them.
 *
 * The collector. Ordinary Values are not tracked, and a collection does not look at them. Why no cycle is missed, and
 * nothing is freed too early:
 *
 *  1. An operand is older than whatever reads it, and neither changes. So a graph of Values has no cycles of its own.
 *     A cycle needs an attribute (a closure is one) that leads back from an operand to a Value that reads it:
 *         v -> attribute -> ... -> reader -> ... -> v
 *     The collector finds it if it sees every object on the way: v, and all Values from the reader down to v.
 *  2. v is tracked from its first attribute on (TRACKED), or from birth if it is of a subclass. It is CYCLIC from the
 *     first attribute on that can refer to anything. It is CYCLIC from birth if it is of a subclass, or is made by hand
 *     and waits for its closure.
 *  3. The aim is: whoever reads a CYCLIC Value is CYCLIC too, and tracked. Then by 1 every cycle is found.
 *  4. A reader that is younger than the CYCLIC state of its operand is CYCLIC from birth, see `become`.
 *  5. A reader may be older only where v had a node, with others above it, when it became CYCLIC. Then `late` is set.
 *  6. While `late` is set, a full collection begins with `track_readers`. It looks at all Values in the order of their
 *     rows, from the lowest up, and makes each one CYCLIC that reads a CYCLIC Value. Operands stand below their readers,
 *     so one pass makes 3 true for all Values that own a row.
 *  7. Nodes that a `hidden` owns need no visit: it is always tracked, and by `leads_to_cyclic` its readers are CYCLIC
 *     as soon as anybody is. The Values that are made of it later are looked at again when they take over the nodes, see
 *     `values_of`. Any other plain Value without a node reads nothing.
 *  8. So after a pass 3 holds, and by 4 it holds until the next old Value becomes CYCLIC. `late` is cleared: one pass is
 *     paid for such attributes, and other collections cost nothing more. The pass touches Values only.
 *  9. It finds them in `values`, which lists the memory of every Value that `new_value` has asked for. What waits there
 *     for the next Value, or whose deallocation has begun, is DYING or without references and is skipped: nobody reads
 *     it. Values that are made of a subclass are not listed: they are CYCLIC from birth.
 * 10. A tuple of operands is tracked as soon as its reader is CYCLIC, see `set_cyclic` and `become`. So the pass may skip
 *     the CYCLIC ones.
 * 11. The pass calls nothing that runs Python code or lets the GIL go. So all that it looks at stays as it is, but
 *     for the rows: it reads them under the lock.
 * 12. traverse visits each reference that a Value owns, once. So whatever is reached from outside is seen to be, and
 *     nothing is freed too early. clear drops the attributes only, since every cycle leads through one.
 *
 * Calls into the engine stand between mg_lock and mg_unlock, where no Python API is called that can let the GIL go.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#ifdef Py_GIL_DISABLED
#error "the native core of Value relies on the GIL: free-threaded Python takes the cffi core"
#endif

#define MG_NATIVE_CORE
#include "nodes.h"

typedef struct value value;

typedef struct {
    PyObject *a;       /* the first operand, or NULL */
    PyObject *dict;    /* attributes; may be NULL */
    PyObject *label;   /* what was assigned to _op; may be NULL */
    PyObject *closure; /* what was assigned to _backward; may be NULL */
    value *next;       /* in the table of closures, under the same hash */
    bool listed;       /* in that table */
} extra;

struct value {
    PyObject_HEAD PyObject *a; /* first operand or operands, or an `extra` (EXTRA), or NULL; owned */
    PyObject *b;               /* second operand or operands, or NULL; owned */
    PyObject *weakrefs;        /* head of the list of weak references */
    int32_t handle;            /* in the arena; -1: none yet */
    uint32_t flags;            /* of the enum below, and above PLACE_BITS its place in `values` */
};

enum {
    EXTRA = 1,   /* a points to an `extra` */
    TRACKED = 2, /* by Python's collector */
    CYCLIC = 4,  /* may stand on a cycle */
    DYING = 8,   /* its deallocation has begun, or is over */
    PLACE_BITS = 4
};

_Static_assert(sizeof(value) <= 48, "with the collector's header a Value fills one cache line");

static PyTypeObject *value_class, *hidden_class; /* the types; they live as long as the process */
static PyObject *name_data, *name_grad, *name_backward, *name_op;
static PyObject *py_absent, *py_number, *py_to_float, *py_from_numpy, *py_failure, *py_no_number, *py_init,
    *py_late;
static Py_ssize_t cyclic_alive;
static bool late; /* has a Value become CYCLIC below readers that may not be? */

/* b of a leaf, or of a node made by hand, whose number came from numpy, see _core/ieee.py. */
#define NUMPY Py_Ellipsis

/* numpy's scalars that have been met: float() is all that they need. */
enum { SCALARS = 16 };
static PyTypeObject *scalars[SCALARS];

static inline value *as_value(PyObject *o)
{
    return (value *)o;
}

static inline bool is_value(PyObject *o)
{
    return Py_TYPE(o) == value_class || PyType_IsSubtype(Py_TYPE(o), value_class);
}

/* ---- memory ---- */

#ifdef __SANITIZE_ADDRESS__
enum { KEPT = 1 };
#else
enum { KEPT = 4096 }; /* dead Values whose memory waits for the next ones */
#endif
static value *kept[KEPT];
static int kept_count;

/* The memory of all Values but those of subclasses. A free place holds 2 * the next one + 1; place 0 is nobody's. */
static struct {
    value **at;
    uint32_t places, used; /* in `at`, the first `places` of which have been in use */
    uint32_t capacity, free;
} values = {.places = 1};

enum { FIRST_VALUES = 1024, MOST_VALUES = 1 << (32 - PLACE_BITS) };

static void set_place(value *v, uint32_t place)
{
    values.at[place] = v;
    v->flags = (v->flags & ((1u << PLACE_BITS) - 1)) | place << PLACE_BITS;
}

static value *at_place(uint32_t place)
{
    return (uintptr_t)values.at[place] & 1 ? NULL : values.at[place];
}

/* Memory for so many places, the used ones together. */
static bool resize_values(uint32_t capacity)
{
    if (values.free) {
        uint32_t places = 1;
        for (uint32_t place = 1; place < values.places; place++)
            if (at_place(place))
                set_place(at_place(place), places++);
        values.places = places;
        values.free = 0;
    }
    value **at = PyMem_Realloc(values.at, capacity * sizeof *at);
    if (at) {
        values.at = at;
        values.capacity = capacity;
    }
    return at != NULL;
}

/* Gives v a place. False: no memory. */
static bool list_value(value *v)
{
    uint32_t place = values.free;

    if (place) {
        values.free = (uint32_t)((uintptr_t)values.at[place] >> 1);
    } else {
        if (values.places >= values.capacity &&
            (values.capacity >= MOST_VALUES ||
             !resize_values(values.capacity ? 2 * values.capacity : FIRST_VALUES)))
            return false;
        place = values.places++;
    }
    values.used++;
    set_place(v, place);
    return true;
}

static void unlist_value(value *v)
{
    const uint32_t place = v->flags >> PLACE_BITS;

    if (!place)
        return;
    values.at[place] = (value *)((uintptr_t)values.free << 1 | 1);
    values.free = place;
    values.used--;
    if (values.capacity > FIRST_VALUES && values.used < values.capacity / 8)
        (void)resize_values(values.capacity / 4);
}

#ifdef __GNUC__
#define COLD __attribute__((noinline, cold))
#else
#define COLD
#endif

/* Memory for one more Value; MemoryError. */
COLD static value *fresh_value(void)
{
    value *v = PyObject_GC_New(value, value_class);

    if (!v)
        return NULL;
    v->flags = 0;
    if (!list_value(v)) {
        PyObject_GC_Del(v);
        return (value *)PyErr_NoMemory();
    }
    return v;
}

/* A Value without a node, not tracked. */
static inline value *new_value(void)
{
    value *v;

    if (kept_count) {
        v = kept[--kept_count];
        (void)PyObject_Init((PyObject *)v, value_class);
        v->flags &= ~(uint32_t)DYING;
    } else {
        v = fresh_value();
        if (!v)
            return NULL;
    }
    v->a = v->b = v->weakrefs = NULL;
    v->handle = -1;
    return v;
}

static void track(value *v)
{
    if (!(v->flags & TRACKED)) {
        v->flags |= TRACKED;
        if (!PyObject_GC_IsTracked((PyObject *)v)) /* in the __del__ of a class that was assigned it is */
            PyObject_GC_Track(v);
    }
}

static void track_tuple(PyObject *part)
{
    if (part && PyTuple_CheckExact(part) && !PyObject_GC_IsTracked(part))
        PyObject_GC_Track(part);
}

static inline PyObject *first_operand(value *v);

/* v and its tuples of operands, see new_tuple. */
static void set_cyclic(value *v)
{
    track(v);
    track_tuple(first_operand(v));
    track_tuple(v->b);
    if (!(v->flags & CYCLIC)) {
        v->flags |= CYCLIC;
        cyclic_alive++;
    }
}

/* Does `part`, an operand or a tuple of them, lead to a CYCLIC Value? */
static bool leads_to_cyclic(PyObject *part)
{
    if (!part)
        return false;
    if (PyTuple_CheckExact(part)) {
        for (Py_ssize_t i = 0; i < PyTuple_Size(part); i++)
            if (leads_to_cyclic(PyTuple_GetItem(part, i)))
                return true;
        return false;
    }
    if (is_value(part))
        return as_value(part)->flags & CYCLIC;
    return !PyFloat_Check(part) && !PyLong_Check(part) && part != NUMPY; /* inner layers can hold anything */
}

/* v has got its operands: may they stand on a cycle? */
static void set_cyclic_reader(value *v)
{
    if (v->flags & CYCLIC || leads_to_cyclic(first_operand(v)) || leads_to_cyclic(v->b))
        set_cyclic(v);
}

/* Gives v, which was computed from nothing yet, its node and what it was computed from. */
static inline void become(value *v, int32_t handle, PyObject *a, PyObject *b)
{
    v->handle = handle;
    Py_XINCREF(a);
    Py_XINCREF(b);
    *(v->flags & EXTRA ? &((extra *)(void *)v->a)->a : &v->a) = a;
    v->b = b;
    if (cyclic_alive)
        set_cyclic_reader(v);
}

/* Makes all readers of CYCLIC Values CYCLIC, see 6 at the head of this file. No memory: the next collection does. */
static void track_readers(void)
{
    mg_lock();
    const int64_t rows = mg.rows;
    mg_unlock();
    value **owners = PyMem_Calloc((size_t)rows + 1, sizeof *owners);
    mg_lock();
    for (uint32_t place = 1; owners && place < values.places; place++) {
        value *v = at_place(place);
        const int32_t row = v && Py_REFCNT(v) > 0 && !(v->flags & (DYING | CYCLIC)) ? mg_row(v->handle) : -1;
        if (row >= 0 && row < rows) /* what another thread moves up right now is looked at by `become` */
            owners[row] = v;
    }
    mg_unlock();
    for (int64_t row = 0; owners && row < rows; row++)
        if (owners[row])
            set_cyclic_reader(owners[row]);
    late = late && !owners;
    PyMem_Free(owners);
}

static inline extra *extra_of(value *v)
{
    return v->flags & EXTRA ? (extra *)(void *)v->a : NULL;
}

static inline PyObject *first_operand(value *v)
{
    return v->flags & EXTRA ? extra_of(v)->a : v->a;
}

static int value_traverse(PyObject *self, visitproc visit, void *arg)
{
    value *v = as_value(self);

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(first_operand(v));
    Py_VISIT(v->b);
    if (extra_of(v)) {
        Py_VISIT(extra_of(v)->dict);
        Py_VISIT(extra_of(v)->label);
        Py_VISIT(extra_of(v)->closure);
    }
    return 0;
}

static int value_clear(PyObject *self)
{
    extra *x = extra_of(as_value(self));

    if (x) {
        Py_CLEAR(x->dict);
        Py_CLEAR(x->label);
        Py_CLEAR(x->closure);
    }
    return 0;
}

/* ---- closures by the handle of their node ---- */

/* Each place begins a list of Values whose handles have the same last bits. It grows and shrinks with what it holds. */
static struct {
    value **lists;
    size_t places; /* a power of 2, or 0 */
    size_t values;
} closures;

enum { FIRST_PLACES = 64 };

static value **closures_of(int32_t handle)
{
    return &closures.lists[(size_t)handle & (closures.places - 1)];
}

/* The Value at a handle that has a closure, NULL. Borrowed. */
static value *with_closure(int32_t handle)
{
    value *v = closures.places ? *closures_of(handle) : NULL;

    while (v && v->handle != handle)
        v = extra_of(v)->next;
    return v;
}

/* No memory: the lists stay as they are, and only get longer. */
static void resize_closures(size_t places)
{
    value **old = closures.lists;
    const size_t old_places = closures.places;
    value **lists = PyMem_Calloc(places, sizeof(value *));

    if (!lists)
        return;
    closures.lists = lists;
    closures.places = places;
    for (size_t i = 0; i < old_places; i++)
        for (value *v = old[i], *next; v; v = next) {
            next = extra_of(v)->next;
            value **list = closures_of(v->handle);
            extra_of(v)->next = *list;
            *list = v;
        }
    PyMem_Free(old);
}

/* Lists v, which has a handle and an extra. -1: MemoryError. */
static int list_closure(value *v)
{
    extra *x = extra_of(v);

    if (x->listed)
        return 0;
    if (closures.values >= closures.places)
        resize_closures(closures.places ? 2 * closures.places : FIRST_PLACES);
    if (!closures.places) {
        PyErr_NoMemory();
        return -1;
    }
    value **list = closures_of(v->handle);
    x->next = *list;
    *list = v;
    x->listed = true;
    closures.values++;
    return 0;
}

static void unlist_closure(value *v)
{
    extra *x = extra_of(v);

    if (!x || !x->listed)
        return;
    value **at = closures_of(v->handle);
    while (*at != v)
        at = &extra_of(*at)->next;
    *at = x->next;
    x->listed = false;
    closures.values--;
    if (closures.places > FIRST_PLACES && closures.values < closures.places / 8)
        resize_closures(closures.places / 4);
}

/* Deallocation of a chain does not recurse: a Value that dies while a loop drops the operands of another one waits
 * in a list for that loop.
 *
 *  1. `looping` is true only while the loop of value_dealloc runs code that is all ours: it frees handles and memory,
 *     and drops plain parts. None of it runs Python code, and none of it lets another thread run.
 *  2. So a Value that dies while `looping` is true dies in the loop's own hands, and the loop will see the list.
 *  3. Everything else that a death can run (attributes, callbacks of weak references, a __del__ of a subclass, the
 *     end of a class) runs inside run_free, where `looping` is false: what dies there has a loop of its own, in
 *     whatever thread.
 *  4. By 1 no loop is in the middle of its work when such code returns. So run_free goes on with `looping` as its
 *     caller, who is still there, had set it.
 *  5. A Value in the list has lost its attributes and weak references, and nobody can find it. The link to the next
 *     one is stored in its reference count, which is unused. Any loop may take it from there.
 */
static value *dying;
static bool looping;

#define run_free(code)                                                                                       \
    do {                                                                                                     \
        const bool in_loop = looping;                                                                        \
        looping = false;                                                                                     \
        code;                                                                                                \
        looping = in_loop;                                                                                   \
    } while (0)

enum { BATCH = 256 };

static void free_handles(int32_t *handles, int32_t *n)
{
    if (*n)
        mg_shared->free(handles, *n);
    *n = 0;
}

/* Does `part` die without running code that is not ours? */
static inline bool is_plain_part(PyObject *part)
{
    if (Py_TYPE(part) == value_class || Py_TYPE(part) == hidden_class || Py_REFCNT(part) > 1 ||
        PyFloat_CheckExact(part) || PyLong_CheckExact(part))
        return true;
    if (!PyTuple_CheckExact(part))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_Size(part); i++)
        if (Py_TYPE(PyTuple_GetItem(part, i)) != value_class)
            return false;
    return true;
}

/* Drops a part in the loop, which has collected n handles. */
static inline void drop_part(PyObject *part, int32_t *handles, int32_t *n)
{
    if (!part)
        return;
    if (is_plain_part(part)) {
        Py_DECREF(part);
    } else {
        free_handles(handles, n);
        run_free(Py_DECREF(part));
    }
}

static void drop_attributes(value *v)
{
    extra *x = extra_of(v);

    unlist_closure(v);
    if (v->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)v);
    if (v->flags & CYCLIC)
        cyclic_alive--;
    if (x) {
        PyObject *dict = x->dict, *label = x->label, *closure = x->closure;
        v->a = x->a;
        v->flags &= ~(uint32_t)EXTRA;
        PyMem_Free(x);
        Py_XDECREF(dict);
        Py_XDECREF(label);
        Py_XDECREF(closure);
    }
}

static void release_memory(value *v)
{
    PyTypeObject *type = Py_TYPE(v);

    if (type == value_class && !(v->flags & TRACKED) && kept_count < KEPT) {
        kept[kept_count++] = v;
        return;
    }
    unlist_value(v);
    if (type == value_class) {
        PyObject_GC_Del(v);
    } else {
        freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
        release(v);
    }
}

static void value_dealloc(PyObject *self)
{
    value *v = as_value(self);
    PyTypeObject *type = Py_TYPE(self);
    int32_t handles[BATCH], n = 0;

    v->flags |= DYING;
    if (v->flags & TRACKED || type != value_class)
        PyObject_GC_UnTrack(self);
    if (v->weakrefs || v->flags & (EXTRA | CYCLIC))
        run_free(drop_attributes(v));
    if (looping) {
        v->ob_base.ob_refcnt = (Py_ssize_t)dying;
        dying = v;
        return;
    }
    looping = true;
    for (;;) {
        PyObject *a = v->a, *b = v->b;
        if (v->handle >= 0)
            handles[n++] = v->handle;
        if (n == BATCH)
            free_handles(handles, &n);
        release_memory(v);
        drop_part(a, handles, &n);
        drop_part(b, handles, &n);
        if (!dying)
            break;
        v = dying;
        dying = (value *)v->ob_base.ob_refcnt;
        v->ob_base.ob_refcnt = 0;
        Py_DECREF(value_class);
    }
    looping = false;
    free_handles(handles, &n);
    Py_DECREF(type); /* of a subclass: the class may end here, and its attributes with it */
}

/* ---- numbers and errors ---- */

/* Is o of a class that float() is enough for? */
static inline bool is_plain(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);

    if (type == &PyFloat_Type || type == &PyLong_Type || type == &PyBool_Type)
        return true;
    for (int i = 0; i < SCALARS && scalars[i]; i++)
        if (scalars[i] == type)
            return true;
    return false;
}

/* Did the number o come from numpy? 1, 0; -1: an exception is set. */
static int from_numpy(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);

    if (type == &PyFloat_Type || type == &PyLong_Type || type == &PyBool_Type)
        return 0;
    if (is_plain(o))
        return 1;
    PyObject *answer = PyObject_CallFunctionObjArgs(py_from_numpy, o, NULL);
    const int truth = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return truth;
}

/* Notes in a leaf that its number came from numpy. */
static void set_numpy(value *leaf, int numpy)
{
    if (numpy && !leaf->b)
        leaf->b = Py_NewRef(NUMPY);
}

/* The double of a Python float, or what float() makes of it. */
static int float_of(PyObject *o, double *out)
{
    *out = PyFloat_AsDouble(o);
    return *out == -1.0 && PyErr_Occurred() ? -1 : 1;
}

/* A Python number as a double: 1; 0: it is none; -1: an exception is set. */
static int number_of(PyObject *o, double *out)
{
    if (is_plain(o))
        return float_of(o, out);

    PyObject *number = PyObject_CallFunctionObjArgs(py_number, o, NULL);
    if (!number)
        return -1;
    const int status = number == Py_None ? 0 : float_of(number, out);
    Py_DECREF(number);
    return status;
}

/* The double that `o` stands for, or TypeError naming `what`. */
static int to_double(PyObject *o, const char *what, double *out)
{
    if (is_plain(o))
        return float_of(o, out);

    PyObject *number = PyObject_CallFunction(py_to_float, "Os", o, what);
    if (!number)
        return -1;
    const int status = float_of(number, out);
    Py_DECREF(number);
    return status;
}

/* Raises what a status stands for; x and y are what op was applied to. Returns NULL; or the node that it stands for
 * where a number came from numpy. */
static PyObject *fail(int32_t status, int op, PyObject *x, PyObject *y)
{
    PyObject *code = PyLong_FromLong(status), *number = PyLong_FromLong(op), *error = NULL;

    if (code && number)
        error = PyObject_CallFunctionObjArgs(py_failure, code, number, x, y, NULL);
    Py_XDECREF(code);
    Py_XDECREF(number);
    if (!error || is_value(error))
        return error;
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
    return NULL;
}

/* ---- ops ---- */

/* op(x), op(x, y) or op(x; k) with k in y. */
static inline PyObject *apply(int op, PyObject *x, PyObject *y, double k)
{
    value *out = new_value();

    if (!out)
        return NULL;
    mg_lock();
    const int32_t handle =
        mg_make(op, as_value(x)->handle, mg_shape_of[op] == MG_TWO ? as_value(y)->handle : 0, k);
    mg_unlock();
    if (handle < 0) {
        Py_DECREF(out);
        return fail(handle, op, x, y);
    }
    become(out, handle, x, y);
    return (PyObject *)out;
}

static inline PyObject *unary(int op, PyObject *x)
{
    return apply(op, x, NULL, 0.0);
}

static inline PyObject *binary_values(int op, PyObject *x, PyObject *y)
{
    return apply(op, x, y, 0.0);
}

/* What _core/numbers.py says of `other`, which is no number. */
static PyObject *no_number(int op, PyObject *other, PyObject *x, const char *side)
{
    return PyObject_CallFunction(py_no_number, "iOOs", op, other, x, side);
}

static inline PyObject *unary_k(int op, PyObject *x, PyObject *number, const char *side)
{
    double k;
    const int is_number = number_of(number, &k);

    if (is_number <= 0)
        return is_number < 0 ? NULL : no_number(op, number, x, side);
    const int numpy = from_numpy(number);
    if (numpy < 0)
        return NULL;
    /* k as the user wrote it, where that is a plain number or a float of numpy's: the label shows it. An object of a
     * user's class could refer to the node, a cycle that the collector does not see. */
    const bool plain =
        !(PyType_GetFlags(Py_TYPE(number)) & Py_TPFLAGS_HAVE_GC) &&
        (PyLong_Check(number) || PyFloat_CheckExact(number) || (numpy && PyFloat_Check(number)));
    PyObject *shown = plain ? Py_NewRef(number) : PyFloat_FromDouble(k);
    PyObject *out = shown ? apply(op, x, shown, k) : NULL;
    Py_XDECREF(shown);
    return out;
}

/* op(x, c), or op(c, x) with `left`; c becomes a leaf. */
static PyObject *binary_number(int op, PyObject *x, PyObject *number, bool left)
{
    double c;
    const int is_number = number_of(number, &c), numpy = is_number > 0 ? from_numpy(number) : 0;

    if (is_number < 0 || numpy < 0)
        return NULL;
    if (!is_number)
        return no_number(op, number, x, left ? "left" : "right");
    value *out = new_value(), *leaf = out ? new_value() : NULL;
    if (!leaf) {
        Py_XDECREF(out);
        return NULL;
    }
    mg_lock();
    const int32_t handle = mg_make_with_number(op, as_value(x)->handle, c, left, &leaf->handle);
    mg_unlock();
    PyObject *a = left ? (PyObject *)leaf : x, *b = left ? x : (PyObject *)leaf;
    if (handle < 0) {
        Py_DECREF(out);
        out = (value *)(left ? fail(handle, op, number, x) : fail(handle, op, x, number));
    } else {
        set_numpy(leaf, numpy);
        become(out, handle, a, b);
    }
    Py_DECREF(leaf);
    return (PyObject *)out;
}

/* Is y a Value without a node, whose class records what is computed from it? See _tracing.py. */
static bool is_traced(PyObject *y)
{
    return is_value(y) && as_value(y)->handle < 0 &&
           PyObject_HasAttrString((PyObject *)Py_TYPE(y), "_reflected");
}

static inline PyObject *binary(int op, PyObject *x, PyObject *y)
{
    if (Py_TYPE(x) == value_class && Py_TYPE(y) == value_class)
        return binary_values(op, x, y);
    if (!is_value(x))
        return binary_number(op, y, x, true);
    if (is_traced(y))
        return PyObject_CallMethod(y, "_reflected", "iO", op, x);
    return is_value(y) ? binary_values(op, x, y) : binary_number(op, x, y, false);
}

/* A binary op as a method: there is nobody to hand an unknown operand on to. */
static PyObject *binary_method(int op, PyObject *x, PyObject *y)
{
    PyObject *out = binary(op, x, y);

    if (out != Py_NotImplemented)
        return out;
    Py_DECREF(out);
    return no_number(op, y, x, "");
}

/* x.op(k), with the default of the table where k is not given. */
static PyObject *k_method(int op, const char *name, double default_k, PyObject *x, PyObject *args,
                          PyObject *kwargs)
{
    static char *keywords[] = {"k", NULL};
    PyObject *k = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", keywords, &k))
        return NULL;
    if (!k && isnan(default_k)) {
        PyErr_Format(PyExc_TypeError, "Value.%s() missing 1 required positional argument: 'k'", name);
        return NULL;
    }
    PyObject *number = k ? Py_NewRef(k) : PyFloat_FromDouble(default_k),
             *out = number ? unary_k(op, x, number, "") : NULL;
    Py_XDECREF(number);
    return out;
}

#define OP1(id, ...)                                                                                         \
    static PyObject *slot_##id(PyObject *x)                                                                  \
    {                                                                                                        \
        return unary(MG_##id, x);                                                                            \
    }                                                                                                        \
    static PyObject *method_##id(PyObject *x, PyObject *nothing)                                             \
    {                                                                                                        \
        (void)nothing;                                                                                       \
        return unary(MG_##id, x);                                                                            \
    }
#define OP1K(id, label, errors, k, ...)                                                                      \
    static char name_##id[] = #id;                                                                           \
    static PyObject *method_##id(PyObject *x, PyObject *args, PyObject *kwargs)                              \
    {                                                                                                        \
        return k_method(MG_##id, name_##id, k, x, args, kwargs);                                             \
    }
#define OP2(id, ...)                                                                                         \
    static PyObject *slot_##id(PyObject *x, PyObject *y)                                                     \
    {                                                                                                        \
        return binary(MG_##id, x, y);                                                                        \
    }                                                                                                        \
    static PyObject *method_##id(PyObject *x, PyObject *y)                                                   \
    {                                                                                                        \
        return binary_method(MG_##id, x, y);                                                                 \
    }
#define INSTEAD(...)
#include "ops.def"

/* x ** y: a plain number as exponent is no node. */
static PyObject *value_power(PyObject *x, PyObject *y, PyObject *modulus)
{
    if (modulus != Py_None)
        Py_RETURN_NOTIMPLEMENTED;
    if (!is_value(x))
        return binary_number(MG_POWER, y, x, true);
    if (is_traced(y))
        return PyObject_CallMethod(y, "_reflected", "iO", MG_POWER, x);
    return is_value(y) ? binary_values(MG_POWER, x, y) : unary_k(MG_POW, x, y, "right");
}

/* ---- data and grad ---- */

static inline PyObject *read_column(value *v, bool grad)
{
    mg_lock();
    const int32_t row = mg_row(v->handle);
    const double number = row < 0 ? 0.0 : grad ? mg.grad[row] : mg.data[row];
    mg_unlock();
    return row < 0 ? fail(row, 0, NULL, NULL) : PyFloat_FromDouble(number);
}

static int write_column(value *v, PyObject *o, bool grad)
{
    double number;

    if (!o) {
        PyErr_SetString(PyExc_AttributeError,
                        grad ? "grad of a Value cannot be deleted: assign 0.0 to clear it"
                             : "data of a Value cannot be deleted");
        return -1;
    }
    if (to_double(o, grad ? "grad" : "data", &number) < 0)
        return -1;
    mg_lock();
    const int32_t row = mg_row(v->handle);
    if (row >= 0)
        *(grad ? &mg.grad[row] : &mg.data[row]) = number;
    mg_unlock();
    if (row < 0)
        fail(row, 0, NULL, NULL);
    return row < 0 ? -1 : 0;
}

static PyObject *get_column(PyObject *self, void *grad)
{
    return read_column(as_value(self), grad != NULL);
}

static int set_column(PyObject *self, PyObject *o, void *grad)
{
    return write_column(as_value(self), o, grad != NULL);
}

/* ---- attributes ---- */

/* The extra of v, made where there is none. */
static extra *need_extra(value *v)
{
    extra *x = extra_of(v);

    if (!x) {
        x = PyMem_Calloc(1, sizeof *x);
        if (!x) {
            PyErr_NoMemory();
            return NULL;
        }
        x->a = v->a;
        v->a = (PyObject *)(void *)x;
        v->flags |= EXTRA;
    }
    return x;
}

/* The attributes of v, made where there are none. Borrowed. */
static PyObject *attributes(value *v)
{
    extra *x = need_extra(v);

    if (x && !x->dict)
        x->dict = PyDict_New();
    return x ? x->dict : NULL;
}

/* v is or becomes CYCLIC, its readers are perhaps not. */
static int expect_old_readers(value *v)
{
    mg_lock();
    const bool on_top = v->handle >= 0 && mg.rows > 0 && mg.handle[mg.rows - 1] == v->handle;
    mg_unlock();
    if (v->handle < 0 || on_top) /* nothing is younger: nobody reads it */
        return 0;
    PyObject *done = PyObject_CallFunctionObjArgs(py_late, NULL);
    Py_XDECREF(done);
    late = true; /* after the call, which may run a collection */
    return done ? 0 : -1;
}

/* An attribute is about to refer to anything: see the head of this file. */
static int expect_cycles(value *v)
{
    if (v->flags & CYCLIC)
        return 0;
    if (expect_old_readers(v) < 0)
        return -1;
    set_cyclic(v);
    return 0;
}

static int expect_cycles_of(value *v, PyObject *attribute)
{
    return PyType_GetFlags(Py_TYPE(attribute)) & Py_TPFLAGS_HAVE_GC ? expect_cycles(v) : 0;
}

static inline bool is_name(PyObject *name, PyObject *other)
{
    return name == other || PyUnicode_Compare(name, other) == 0;
}

/* Puts a reference to o, or NULL, where *place is. */
static void replace(PyObject **place, PyObject *o)
{
    PyObject *old = *place;

    Py_XINCREF(o);
    *place = o;
    Py_XDECREF(old);
}

static int put_label(value *v, PyObject *label)
{
    extra *x = need_extra(v);

    if (!x || expect_cycles_of(v, label) < 0)
        return -1;
    replace(&x->label, label);
    return 0;
}

/* Lets the sweep pause at v for `closure`; NULL: no more. A Value without a node keeps it, for __init__ to drop. */
static int put_closure(value *v, PyObject *closure)
{
    extra *x = closure ? need_extra(v) : extra_of(v);

    if (!x)
        return closure ? -1 : 0;
    if (closure && (expect_cycles_of(v, closure) < 0 || (v->handle >= 0 && list_closure(v) < 0)))
        return -1;
    if (!closure)
        unlist_closure(v);
    mg_lock();
    const int32_t row = mg_row(v->handle);
    if (row >= 0)
        mg.op[row] = (uint8_t)((mg.op[row] & ~MG_PYTHON) | (closure ? MG_PYTHON : 0));
    mg_unlock();
    replace(&x->closure, closure);
    return 0;
}

static int put(value *v, PyObject *name, PyObject *o)
{
    if (is_name(name, name_op))
        return put_label(v, o);
    if (is_name(name, name_backward))
        return put_closure(v, o);

    PyObject *dict = attributes(v);

    if (!dict)
        return -1;
    track(v);
    return expect_cycles_of(v, o) < 0 ? -1 : PyDict_SetItem(dict, name, o);
}

/* Has the class of v a descriptor with a setter under this name? */
static int is_data_descriptor(value *v, PyObject *name)
{
    PyObject *descriptor = PyObject_GetAttr((PyObject *)Py_TYPE(v), name);

    if (!descriptor) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    const int has = PyType_GetSlot(Py_TYPE(descriptor), Py_tp_descr_set) != NULL;
    Py_DECREF(descriptor);
    return has;
}

/* An attribute was not found: names the remedy where the name is no private one. Returns NULL. */
static PyObject *absent(PyObject *self, PyObject *name)
{
    PyObject *type, *error, *traceback, *ours = NULL;

    if (!PyErr_ExceptionMatches(PyExc_AttributeError) || !PyUnicode_Check(name) ||
        PyUnicode_GetLength(name) == 0 || PyUnicode_ReadChar(name, 0) == '_' || !py_absent)
        return NULL;
    PyErr_Fetch(&type, &error, &traceback);
    ours = PyObject_CallFunctionObjArgs(py_absent, self, name, NULL);
    if (!ours || ours == Py_None) {
        Py_XDECREF(ours);
        PyErr_Clear();
        PyErr_Restore(type, error, traceback);
        return NULL;
    }
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    PyErr_SetObject(PyExc_AttributeError, ours);
    Py_DECREF(ours);
    return NULL;
}

static PyObject *value_getattro(PyObject *self, PyObject *name)
{
    value *v = as_value(self);

    if (Py_TYPE(self) == value_class) {
        if (name == name_data)
            return read_column(v, false);
        if (name == name_grad)
            return read_column(v, true);
    }
    extra *x = extra_of(v);
    if (x && x->dict) {
        PyObject *found = PyDict_GetItemWithError(x->dict, name);
        if (!found && PyErr_Occurred())
            return NULL;
        if (found) {
            const int overruled = Py_TYPE(self) != value_class ? is_data_descriptor(v, name) : 0;
            if (overruled <= 0)
                return overruled < 0 ? NULL : Py_NewRef(found);
        }
    }
    PyObject *found = PyObject_GenericGetAttr(self, name);
    return found ? found : absent(self, name);
}

static int value_setattro(PyObject *self, PyObject *name, PyObject *o)
{
    value *v = as_value(self);
    extra *x = extra_of(v);

    if (Py_TYPE(self) == value_class) {
        if (name == name_data)
            return write_column(v, o, false);
        if (name == name_grad)
            return write_column(v, o, true);
        if (name == name_backward && o && PyCallable_Check(o))
            return put_closure(v, o);
        if (x && x->dict && o) {
            const int there = PyDict_Contains(x->dict, name);
            if (there)
                return there < 0 ? -1 : put(v, name, o);
        }
    }
    const int descriptor = is_data_descriptor(v, name);
    if (descriptor < 0)
        return -1;
    if (descriptor)
        return PyObject_GenericSetAttr(self, name, o);
    if (Py_TYPE(self) !=
        value_class) { /* a subclass without __slots__ keeps attributes in a __dict__ of its own */
        if (PyObject_GenericSetAttr(self, name, o) == 0)
            return 0;
        if (!PyErr_ExceptionMatches(PyExc_AttributeError) || (!o && !x))
            return -1;
        PyErr_Clear();
    }
    if (o)
        return put(v, name, o);
    if (x && x->dict && PyDict_DelItem(x->dict, name) == 0)
        return 0;
    if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        PyErr_Format(PyExc_AttributeError, "this Value has no attribute %R", name);
    }
    return -1;
}

static PyObject *get_dict(PyObject *self, void *nothing)
{
    value *v = as_value(self);
    PyObject *dict = attributes(v);

    (void)nothing;
    if (!dict)
        return NULL;
    Py_INCREF(dict);
    if (expect_cycles(v) < 0) { /* whoever holds it can put anything in */
        Py_DECREF(dict);
        return NULL;
    }
    return dict;
}

/* ---- construction ---- */

static PyObject *value_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args, (void)kwargs;
    if (type == value_class)
        return (PyObject *)new_value();

    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    value *v = as_value(allocate(type, 0)); /* zeroed, and tracked already */
    if (v) {
        v->handle = -1;
        v->flags = TRACKED;
        set_cyclic(v);
    }
    return (PyObject *)v;
}

/* What __init__ of micrograd sets anew. */
static int forget_made(value *v)
{
    extra *x = extra_of(v);

    if (x)
        Py_CLEAR(x->label);
    return x ? put_closure(v, NULL) : 0;
}

/* v, which has no node yet, becomes a leaf. */
static int become_leaf(value *v, int op, double data)
{
    if (forget_made(v) < 0)
        return -1;
    mg_lock();
    const int32_t status = mg_reserve(1, 0);
    if (status >= 0)
        v->handle = mg_append(op, 0, 0, data);
    mg_unlock();
    if (status < 0) {
        fail(status, MG_LEAF, NULL, NULL);
        return -1;
    }
    return 0;
}

/* A copy of a list or tuple that is tracked with its node only. */
static PyObject *untracked_tuple(PyObject *items)
{
    const bool list = PyList_CheckExact(items);
    const Py_ssize_t n = list ? PyList_Size(items) : PyTuple_Size(items);
    PyObject *out = PyTuple_New(n);

    for (Py_ssize_t i = 0; out && i < n; i++)
        PyTuple_SetItem(out, i, Py_NewRef(list ? PyList_GetItem(items, i) : PyTuple_GetItem(items, i)));
    if (out)
        PyObject_GC_UnTrack(out);
    return out;
}

enum { BY_HAND = 64 }; /* operands of a node that is made here */

static inline Py_ssize_t short_sequence(PyObject *o)
{
    const Py_ssize_t n = PyTuple_CheckExact(o) ? PyTuple_Size(o) : PyList_CheckExact(o) ? PyList_Size(o) : -1;
    return n > BY_HAND ? -1 : n;
}

static inline PyObject *item_of(PyObject *sequence, Py_ssize_t i)
{
    return PyTuple_CheckExact(sequence) ? PyTuple_GetItem(sequence, i) : PyList_GetItem(sequence, i);
}

/* Value(data, children), with a label or local derivatives as the third. 1: done; 0: engine.py has to look closer. */
static int make_by_hand(value *v, PyObject *data, PyObject *children, PyObject *third)
{
    const bool label = third && PyUnicode_CheckExact(third);
    int32_t x[BY_HAND];
    double number, slopes[BY_HAND];

    if (is_value(data) || (third && !label && short_sequence(third) < 0))
        return 0;
    const int numpy = to_double(data, "data", &number) < 0 ? -1 : from_numpy(data);
    if (numpy < 0)
        return -1;
    /* From here on no Python runs: what is looked at stays as it is. */
    const Py_ssize_t n = short_sequence(children);
    if (n < 1 || (third && !label && short_sequence(third) != n))
        return 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *child = item_of(children, i);
        if ((Py_TYPE(child) != value_class && Py_TYPE(child) != Py_TYPE(v)) || as_value(child)->handle < 0)
            return 0;
        x[i] = as_value(child)->handle;
    }
    for (Py_ssize_t i = 0; third && !label && i < n; i++) {
        PyObject *slope = item_of(third, i);
        if (!PyFloat_CheckExact(slope) && !PyLong_CheckExact(slope))
            return 0;
        if (float_of(slope, &slopes[i]) < 0)
            return -1;
    }
    PyObject *a = n > 2 || numpy ? untracked_tuple(children) : Py_NewRef(item_of(children, 0));
    PyObject *b = numpy ? Py_NewRef(NUMPY) : n == 2 ? Py_NewRef(item_of(children, 1)) : NULL;
    const bool labelled = label && PyUnicode_GetLength(third) > 0;
    int done = a && (!labelled || need_extra(v)) && forget_made(v) == 0 ? 1 : -1;
    if (done > 0) {
        const int32_t handle =
            mg_shared->by_hand(MG_NONE, x, (int32_t)n, third && !label ? slopes : NULL, NULL, number);
        if (handle < 0) {
            fail(handle, MG_CUSTOM, NULL, NULL);
            done = -1;
        } else {
            become(v, handle, a, b);
            if (labelled)
                replace(&extra_of(v)->label, third);
            if (label || !third)
                set_cyclic(v);
        }
    }
    Py_XDECREF(a);
    Py_XDECREF(b);
    return done;
}

static int value_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const Py_ssize_t n = PyTuple_Size(args);
    value *v = as_value(self);

    if (v->handle < 0 && n >= 1 && n <= 3 && (!kwargs || PyDict_Size(kwargs) == 0)) {
        PyObject *data = PyTuple_GetItem(args, 0);
        double number;
        if (n == 1 && !is_value(data)) {
            const int numpy = to_double(data, "data", &number) < 0 ? -1 : from_numpy(data);
            if (numpy < 0 || become_leaf(v, MG_LEAF, number) < 0)
                return -1;
            set_numpy(v, numpy);
            return 0;
        }
        const int done = n == 1 ? 0
                                : make_by_hand(v, data, PyTuple_GetItem(args, 1),
                                               n == 3 ? PyTuple_GetItem(args, 2) : NULL);
        if (done)
            return done < 0 ? -1 : 0;
    }
    PyObject *all = PyTuple_New(n + 1), *done;
    if (!all)
        return -1;
    PyTuple_SetItem(all, 0, Py_NewRef(self));
    for (Py_ssize_t i = 0; i < n; i++)
        PyTuple_SetItem(all, i + 1, Py_NewRef(PyTuple_GetItem(args, i)));
    done = PyObject_Call(py_init, all, kwargs);
    Py_DECREF(all);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* ---- the type ---- */

/* Operators of Python's numbers by the id that an op of the table has to have for it. */
static const struct {
    const char *id;
    int slot;
} operators[] = {
    {"ADD", Py_nb_add},
    {"SUB", Py_nb_subtract},
    {"MUL", Py_nb_multiply},
    {"TRUEDIV", Py_nb_true_divide},
    {"FLOORDIV", Py_nb_floor_divide},
    {"MOD", Py_nb_remainder},
    {"NEG", Py_nb_negative},
    {"ABS", Py_nb_absolute},
};

/* What the table says of each op; `name` is made lower case when the type is. */
static struct {
    char name[32];
    void *slot;
    PyCFunction method;
    int method_flags;
    char doc[512]; /* from _core/docs.py, when the core is complete */
} op_methods[] = {
#define OP1(id, label, ...) {#id, (void *)slot_##id, method_##id, METH_NOARGS, ""},
#define OP1K(id, label, ...)                                                                                 \
    {#id, NULL, (PyCFunction)(void (*)(void))method_##id, METH_VARARGS | METH_KEYWORDS, ""},
#define OP2(id, label, ...) {#id, (void *)slot_##id, method_##id, METH_O, ""},
#define INSTEAD(...)
#include "ops.def"
};

enum { ROWS = sizeof op_methods / sizeof *op_methods, OPERATORS = sizeof operators / sizeof *operators };

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(value, weakrefs), READONLY, NULL},
    {"_h", T_INT, offsetof(value, handle), READONLY, "Handle of the node."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"data", get_column, set_column,
     "The value of this node, a float; may be assigned. What was computed from it stays as it is.", NULL},
    {"grad", get_column, set_column,
     "The derivative of the root with respect to this node, summed over backward() calls; may be assigned.",
     (void *)1},
    {"__dict__", get_dict, NULL, "Attributes.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static void lower(char *name)
{
    for (; *name; name++)
        if (*name >= 'A' && *name <= 'Z')
            *name = (char)(*name - 'A' + 'a');
}

/* numpy asks the class of the right operand for __array_ufunc__ before it looks at __array_priority__. Where there
 * is none Python writes a sentence about it, which costs twice what the product does. This says no without a word. */
static PyObject *no_ufunc(PyObject *self, PyObject *instance, PyObject *owner)
{
    (void)self, (void)instance, (void)owner;
    PyErr_SetNone(PyExc_AttributeError);
    return NULL;
}

/* Lets numpy's scalars and arrays step aside for our operators. */
static int greet_numpy(void)
{
    PyType_Slot slots[] = {{Py_tp_descr_get, (void *)no_ufunc}, {0, NULL}};
    PyType_Spec spec = {"micrograd_c._core._native.Absent", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, slots};
    PyObject *type = PyType_FromSpec(&spec), *none = NULL, *priority = PyFloat_FromDouble(1000.0);
    int status = -1;

    if (type)
        none = PyObject_CallFunctionObjArgs(type, NULL);
    if (none && priority)
        status = PyObject_SetAttrString((PyObject *)value_class, "__array_ufunc__", none) < 0 ||
                         PyObject_SetAttrString((PyObject *)value_class, "__array_priority__", priority) < 0
                     ? -1
                     : 0;
    Py_XDECREF(type);
    Py_XDECREF(none);
    Py_XDECREF(priority);
    return status;
}

static PyObject *make_type(void)
{
    static PyMethodDef methods[ROWS + 1];
    PyType_Slot slots[ROWS + 16];
    int methods_n = 0, n = 0;

    for (int i = 0; i < (int)ROWS; i++) {
        int slot = 0;
        for (int j = 0; j < (int)OPERATORS; j++)
            if (strcmp(op_methods[i].name, operators[j].id) == 0)
                slot = operators[j].slot;
        lower(op_methods[i].name);
        if (slot)
            slots[n++] = (PyType_Slot){slot, op_methods[i].slot};
        else
            methods[methods_n++] = (PyMethodDef){op_methods[i].name, op_methods[i].method,
                                                 op_methods[i].method_flags, op_methods[i].doc};
    }
#define OP1K(id, ...) lower(name_##id);
#include "ops.def"
    slots[n++] = (PyType_Slot){
        Py_tp_doc,
        "Value(data, _children=(), _op='', name='', label='', *, children=(), local_grads=None)\n--\n\n"};
    slots[n++] = (PyType_Slot){Py_tp_methods, methods};
    slots[n++] = (PyType_Slot){Py_tp_members, members};
    slots[n++] = (PyType_Slot){Py_tp_getset, getset};
    slots[n++] = (PyType_Slot){Py_tp_new, (void *)value_new};
    slots[n++] = (PyType_Slot){Py_tp_init, (void *)value_init};
    slots[n++] = (PyType_Slot){Py_tp_dealloc, (void *)value_dealloc};
    slots[n++] = (PyType_Slot){Py_tp_traverse, (void *)value_traverse};
    slots[n++] = (PyType_Slot){Py_tp_clear, (void *)value_clear};
    slots[n++] = (PyType_Slot){Py_tp_getattro, (void *)value_getattro};
    slots[n++] = (PyType_Slot){Py_tp_setattro, (void *)value_setattro};
    slots[n++] = (PyType_Slot){Py_nb_power, (void *)value_power};
    slots[n] = (PyType_Slot){0, NULL};
    PyType_Spec spec = {"micrograd_c.engine.Value", sizeof(value), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
    return PyType_FromSpec(&spec);
}

/* ---- the functions of a core, see _core/cffi_core.py ---- */

/* The argument as a Value; TypeError. */
static value *expect_value(PyObject *o)
{
    if (is_value(o))
        return as_value(o);
    PyErr_Format(PyExc_TypeError, "a Value is needed here, not %R", Py_TYPE(o));
    return NULL;
}

static PyObject *py_handle_of(PyObject *module, PyObject *o)
{
    (void)module;
    if (!expect_value(o))
        return NULL;
    return as_value(o)->handle < 0 ? fail(MG_EHANDLE, 0, o, NULL) : PyLong_FromLong(as_value(o)->handle);
}

static PyObject *py_handles(PyObject *module, PyObject *nodes)
{
    PyObject *iterator = PyObject_GetIter(nodes), *out = PyList_New(0), *node = NULL;

    (void)module;
    while (iterator && out && (node = PyIter_Next(iterator))) {
        PyObject *handle = py_handle_of(NULL, node);
        Py_DECREF(node);
        if (!handle || PyList_Append(out, handle) < 0)
            Py_CLEAR(out);
        Py_XDECREF(handle);
    }
    if (PyErr_Occurred())
        Py_CLEAR(out);
    Py_XDECREF(iterator);
    return out;
}

static PyObject *py_parts(PyObject *module, PyObject *o)
{
    PyObject *a, *b;

    (void)module;
    if (!expect_value(o))
        return NULL;
    a = first_operand(as_value(o)), b = as_value(o)->b;
    return PyTuple_Pack(2, a ? a : Py_None, b ? b : Py_None);
}

static PyObject *none_to_null(PyObject *o)
{
    return o == Py_None ? NULL : o;
}

static PyObject *py_new(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    return (PyObject *)new_value();
}

/* Lets a Value own the node at a handle; one that it owns already has become another. */
static PyObject *own_made(value *v, int32_t handle, PyObject *a, PyObject *b)
{
    const bool again = v->handle >= 0;
    PyObject *old_a = first_operand(v), *old_b = v->b;

    become(v, handle, none_to_null(a), none_to_null(b));
    const bool seen = !again || !(v->flags & CYCLIC) || expect_old_readers(v) == 0;
    Py_XDECREF(old_a);
    Py_XDECREF(old_b);
    return seen ? Py_NewRef((PyObject *)v) : NULL;
}

/* Drops the label and the closure of a node. */
static PyObject *py_forget_made(PyObject *module, PyObject *node)
{
    (void)module;
    return expect_value(node) && forget_made(as_value(node)) == 0 ? Py_NewRef(Py_None) : NULL;
}

/* The Value with a closure at a handle, or None. */
static PyObject *py_closure_at(PyObject *module, PyObject *handle)
{
    const long number = PyLong_AsLong(handle);
    value *v = number < 0 ? NULL : with_closure((int32_t)number);

    (void)module;
    return PyErr_Occurred() ? NULL : Py_NewRef(v ? (PyObject *)v : Py_None);
}

/* Runs a sweep from a node down, and its closures on the way. */
static PyObject *py_sweep(PyObject *module, PyObject *args)
{
    PyObject *node, *done = Py_None;
    double seed;
    mg_pause pause;

    (void)module;
    if (!PyArg_ParseTuple(args, "Od", &node, &seed) || !expect_value(node))
        return NULL;
    const int32_t root = as_value(node)->handle;
    PyThreadState *others = *mg_shared->single_threaded ? NULL : PyEval_SaveThread();
    int32_t status = mg_shared->backward(root, seed, &pause);
    if (others)
        PyEval_RestoreThread(others);
    while (status > 0) {
        value *v = with_closure(pause.node);
        PyObject *closure = v ? extra_of(v)->closure : NULL;
        if (closure) {
            Py_INCREF(closure);
            done = PyObject_CallNoArgs(closure);
            Py_DECREF(closure);
            if (!done)
                break;
            Py_DECREF(done);
        }
        status = mg_shared->resume(&pause);
    }
    if (pause.sweep)
        mg_shared->close(&pause);
    if (!done)
        return NULL;
    return status < 0 ? fail(status, MG_CUSTOM, NULL, NULL) : Py_NewRef(Py_None);
}

/* own(node, a, b, function, *arguments): the node that the function returns the handle of. Both are C: nothing can come
 * between them. */
static PyObject *py_own(PyObject *module, PyObject *args)
{
    const Py_ssize_t n = PyTuple_Size(args);
    PyObject *node = n < 4 ? NULL : PyTuple_GetItem(args, 0);

    (void)module;
    if (!node || !is_value(node)) {
        PyErr_SetString(PyExc_TypeError, "own(node, a, b, function, *arguments): node must be a Value");
        return NULL;
    }
    PyObject *arguments = PyTuple_GetSlice(args, 4, n);
    PyObject *handle = arguments ? PyObject_CallObject(PyTuple_GetItem(args, 3), arguments) : NULL;
    const long number = handle ? PyLong_AsLong(handle) : -1;
    Py_XDECREF(arguments);
    Py_XDECREF(handle);
    if (!handle || (number == -1 && PyErr_Occurred()))
        return NULL;
    if (number < 0)
        return fail((int32_t)number, 0, NULL, NULL);
    return own_made(as_value(node), (int32_t)number, PyTuple_GetItem(args, 1), PyTuple_GetItem(args, 2));
}

static PyObject *py_leaves(PyObject *module, PyObject *args)
{
    PyObject *numbers, *given;
    int constant = 0;

    (void)module;
    if (!PyArg_ParseTuple(args, "OO|p", &numbers, &given, &constant))
        return NULL;
    const Py_ssize_t n = PySequence_Size(numbers);
    PyObject *out = n < 0 ? NULL : PyList_New(0);

    for (Py_ssize_t i = 0; out && i < n; i++) {
        PyObject *number = PySequence_GetItem(numbers, i), *origin = PySequence_GetItem(given, i);
        double data;
        const int numpy = number && origin && float_of(number, &data) > 0 ? from_numpy(origin) : -1;
        value *node = numpy < 0 ? NULL : new_value();
        if (!node || become_leaf(node, constant ? MG_CONSTANT : MG_LEAF, data) < 0 ||
            PyList_Append(out, (PyObject *)node) < 0)
            Py_CLEAR(out);
        else
            set_numpy(node, numpy);
        Py_XDECREF(node);
        Py_XDECREF(origin);
        Py_XDECREF(number);
    }
    return out;
}

/* A tuple of operands that belongs to one node alone. It is not tracked, as its node is not, and is tracked with
 * it. NULL without an exception: an item is no plain Value; `handles` gets theirs. `last` is one more, or None. */
static PyObject *new_tuple(PyObject *items, PyObject *last, int32_t *handles)
{
    const bool list = PyList_CheckExact(items);
    const Py_ssize_t n = list ? PyList_Size(items) : PyTuple_Size(items), all = n + (last != Py_None);
    PyObject *out = PyTuple_New(all);

    for (Py_ssize_t i = 0; out && i < all; i++) {
        PyObject *item = i == n ? last : list ? PyList_GetItem(items, i) : PyTuple_GetItem(items, i);
        if (Py_TYPE(item) != value_class) {
            Py_DECREF(out);
            return NULL;
        }
        handles[i] = as_value(item)->handle;
        PyTuple_SetItem(out, i, Py_NewRef(item));
    }
    if (out && all > 0) /* the empty one is everybody's */
        PyObject_GC_UnTrack(out);
    return out;
}

enum { ON_STACK = 256 }; /* operands of a dot or a sum that is made here */

/* Are these a list or a tuple of the right length for it? */
static Py_ssize_t short_length(PyObject *items)
{
    const Py_ssize_t n = PyList_CheckExact(items)    ? PyList_Size(items)
                         : PyTuple_CheckExact(items) ? PyTuple_Size(items)
                                                     : ON_STACK;
    return n < ON_STACK ? n : -1;
}

/* The node at `handle` over tuples a and b, which are taken over; or the error that it stands for. */
static PyObject *new_node(int32_t handle, int op, PyObject *a, PyObject *b)
{
    value *out = handle < 0 ? NULL : new_value();

    if (out)
        become(out, handle, a, b);
    else if (handle >= 0)
        mg_shared->free(&handle, 1);
    Py_XDECREF(a);
    Py_XDECREF(b);
    return handle < 0 ? fail(handle, op, NULL, NULL) : (PyObject *)out;
}

/* dot(ws, xs, bias) of plain Values in lists or tuples; None: engine.dot has to look closer. */
static PyObject *py_dot(PyObject *module, PyObject *args)
{
    PyObject *ws, *xs, *bias;
    int32_t w[ON_STACK + 1], x[ON_STACK];

    (void)module;
    if (!PyArg_ParseTuple(args, "OOO", &ws, &xs, &bias))
        return NULL;
    const Py_ssize_t n = short_length(ws);
    PyObject *a = n >= 0 && short_length(xs) == n ? new_tuple(xs, Py_None, x) : NULL;
    PyObject *b = a ? new_tuple(ws, bias, w) : NULL;
    if (b && bias != Py_None && w[n] < 0) { /* that would be no bias at all */
        Py_DECREF(a);
        Py_DECREF(b);
        return fail(MG_EHANDLE, MG_DOT, NULL, NULL);
    }
    if (!b) {
        Py_XDECREF(a);
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    return new_node(mg_shared->dot(w, x, (int32_t)n, bias == Py_None ? MG_NONE : w[n], MG_NONE), MG_DOT, a,
                    b);
}

/* sum(values) likewise. */
static PyObject *py_sum(PyObject *module, PyObject *items)
{
    int32_t x[ON_STACK];
    const Py_ssize_t n = short_length(items);
    PyObject *a = n > 0 ? new_tuple(items, Py_None, x) : NULL;

    (void)module;
    if (!a)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    return new_node(mg_shared->sum(x, (int32_t)n), MG_SUM, a, NULL);
}

/* ---- layers ---- */

/* The inner layers of one call of an MLP, nodes that nobody has asked to see. Their Values are made when somebody does:
 * most never are, and a Value costs more than its node. */
typedef struct {
    PyObject_HEAD PyObject *inputs; /* of the first layer, a tuple; owned */
    PyObject *params; /* list of layers of neurons of tuples: the weights, then the bias; owned */
    PyObject *values; /* those of the last of these layers, a tuple, or NULL; owned */
    int32_t *handles; /* the nodes, layer after layer; NULL: the Values own them */
    int32_t n;
} hidden;

static int hidden_traverse(PyObject *self, visitproc visit, void *arg)
{
    hidden *h = (hidden *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(h->inputs);
    Py_VISIT(h->params);
    Py_VISIT(h->values);
    return 0;
}

static void hidden_dealloc(PyObject *self)
{
    hidden *h = (hidden *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (h->handles)
        mg_shared->free(h->handles, h->n);
    PyMem_Free(h->handles);
    Py_XDECREF(h->values);
    Py_XDECREF(h->inputs);
    Py_XDECREF(h->params);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

/* The Values that it refers to. */
static PyObject *hidden_owned(PyObject *self, PyObject *nothing)
{
    hidden *h = (hidden *)self;
    PyObject *out = PySequence_List(h->inputs);

    (void)nothing;
    for (Py_ssize_t l = 0; out && l < PyList_Size(h->params); l++) {
        PyObject *layer = PyList_GetItem(h->params, l);
        for (Py_ssize_t i = 0; out && i < PyList_Size(layer); i++) {
            PyObject *longer = PySequence_InPlaceConcat(out, PyList_GetItem(layer, i));
            Py_DECREF(out);
            out = longer;
        }
    }
    return out;
}

static PyObject *make_hidden_type(void)
{
    static PyMethodDef methods[] = {
        {"owned", hidden_owned, METH_NOARGS, "Return the Values that this object refers to."},
        {NULL, NULL, 0, NULL},
    };
    PyType_Slot slots[] = {{Py_tp_dealloc, (void *)hidden_dealloc},
                           {Py_tp_traverse, (void *)hidden_traverse},
                           {Py_tp_methods, methods},
                           {0, NULL}};
    PyType_Spec spec = {"micrograd_c._core._native.Hidden", sizeof(hidden), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
    return PyType_FromSpec(&spec);
}

/* With room for n handles, and without any. */
static hidden *new_hidden(int32_t n, PyObject *inputs, PyObject *params)
{
    int32_t *handles = PyMem_Malloc((size_t)n * sizeof *handles);
    hidden *h = handles ? PyObject_GC_New(hidden, hidden_class) : NULL;

    if (!handles)
        PyErr_NoMemory();
    if (!h) {
        PyMem_Free(handles);
        return NULL;
    }
    h->inputs = Py_NewRef(inputs);
    h->params = Py_NewRef(params);
    h->values = NULL;
    h->handles = handles;
    h->n = 0;
    PyObject_GC_Track((PyObject *)h);
    return h;
}

/* A tuple of Values of one inner layer that reads `inputs`, without nodes; they are added to `all`. */
static PyObject *unborn_layer(PyObject *params, PyObject *inputs, PyObject *all)
{
    const Py_ssize_t n = PyList_Size(params);
    PyObject *layer = n < 0 ? NULL : PyTuple_New(n);

    for (Py_ssize_t i = 0; layer && i < n; i++) {
        value *v = new_value();
        if (v)
            become(v, -1, inputs, PyList_GetItem(params, i));
        if (!v || PyList_Append(all, (PyObject *)v) < 0)
            Py_CLEAR(layer);
        else
            PyTuple_SetItem(layer, i, Py_NewRef((PyObject *)v));
        Py_XDECREF(v);
    }
    return layer;
}

/* The Values of the last of these layers; the same ones each time. Borrowed.
 * They are made without nodes first, and then take over all nodes in one go: nobody owns a node twice, or never. */
static PyObject *values_of(hidden *h)
{
    PyObject *all = h->values ? NULL : PyList_New(0), *layer = all ? Py_NewRef(h->inputs) : NULL;

    for (Py_ssize_t l = 0; layer && l < PyList_Size(h->params); l++) {
        PyObject *next = unborn_layer(PyList_GetItem(h->params, l), layer, all);
        Py_DECREF(layer);
        layer = next;
    }
    if (layer && !h->values) { /* else a collection has run somebody's code, which came here first */
        for (int32_t i = 0; i < h->n; i++) {
            value *v = as_value(PyList_GetItem(all, i));
            v->handle = h->handles[i];
            set_cyclic_reader(v);
        }
        h->values = Py_NewRef(layer);
        PyMem_Free(h->handles);
        h->handles = NULL;
    }
    Py_XDECREF(layer);
    Py_XDECREF(all);
    return h->values;
}

/* layers(address of mg_layer[], how many, outputs, those of inner layers, params of inner layers, params of the last,
 * inputs): the outputs of the last layer; None where an input is no plain Value. */
static PyObject *py_layers(PyObject *module, PyObject *args)
{
    unsigned long long address;
    int n, outputs, inner;
    PyObject *inputs, *inner_params, *params, *read = NULL, *result = NULL;
    int32_t stack[ON_STACK], *x = stack;

    (void)module;
    if (!PyArg_ParseTuple(args, "KiiiOO!O!", &address, &n, &outputs, &inner, &inner_params, &PyList_Type,
                          &params, &PyTuple_Type, &inputs))
        return NULL;
    const Py_ssize_t width = PyTuple_Size(inputs);
    for (Py_ssize_t i = 0; i < width; i++)
        if (Py_TYPE(PyTuple_GetItem(inputs, i)) != value_class)
            Py_RETURN_NONE;
    if (width + outputs > ON_STACK && !(x = PyMem_Malloc((size_t)(width + outputs) * sizeof *x)))
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < width; i++)
        x[i] = as_value(PyTuple_GetItem(inputs, i))->handle;

    hidden *h = inner ? new_hidden(inner, inputs, inner_params) : NULL;
    read = inner ? (PyObject *)h : Py_NewRef(inputs);
    int32_t *out = x + width, unowned = 0; /* so many nodes, at the end of out, belong to nobody yet */
    const int32_t status =
        read ? mg_shared->layers((const mg_layer *)(uintptr_t)address, n, x, (int32_t)width, out) : MG_OK;
    if (status < 0) {
        fail(status, MG_DOT, NULL, NULL);
    } else if (read) {
        if (h) {
            memcpy(h->handles, out, (size_t)inner * sizeof *out);
            h->n = inner;
        }
        unowned = outputs - inner;
        result = PyList_New(unowned);
        for (int i = 0; result && unowned > 0; i++) {
            value *node = new_value();
            if (!node) {
                Py_CLEAR(result);
                break;
            }
            become(node, out[outputs - unowned--], read, PyList_GetItem(params, i));
            PyList_SetItem(result, i, (PyObject *)node);
        }
    }
    if (unowned > 0) /* no memory on the way */
        mg_shared->free(out + outputs - unowned, unowned);
    Py_XDECREF(read);
    if (x != stack)
        PyMem_Free(x);
    return result;
}

static PyObject *py_operands(PyObject *module, PyObject *o)
{
    (void)module;
    if (!expect_value(o))
        return NULL;
    PyObject *a = first_operand(as_value(o)), *b = as_value(o)->b;
    if (a && Py_TYPE(a) == hidden_class && !(a = values_of((hidden *)a)))
        return NULL;
    return PyTuple_Pack(2, a ? a : Py_None, b ? b : Py_None);
}

static PyObject *py_peek(PyObject *module, PyObject *args)
{
    PyObject *node, *name, *found = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &node, &name) || !expect_value(node))
        return NULL;
    extra *x = extra_of(as_value(node));
    if (x && is_name(name, name_op))
        found = x->label;
    else if (x && is_name(name, name_backward))
        found = x->closure;
    else if (x && x->dict)
        found = PyDict_GetItemWithError(x->dict, name);
    return !found && PyErr_Occurred() ? NULL : Py_NewRef(found ? found : Py_None);
}

static PyObject *py_put(PyObject *module, PyObject *args)
{
    PyObject *node, *name, *o;

    (void)module;
    if (!PyArg_ParseTuple(args, "OUO", &node, &name, &o) || !expect_value(node) ||
        put(as_value(node), name, o) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *py_attributes(PyObject *module, PyObject *node)
{
    (void)module;
    if (!expect_value(node))
        return NULL;
    PyObject *dict = Py_TYPE(node) != value_class ? PyObject_GetAttrString(node, "__dict__") : PyDict_New();
    PyObject *copy = dict ? PyDict_Copy(dict) : NULL;
    extra *x = extra_of(as_value(node));
    Py_XDECREF(dict);
    if (copy && x &&
        ((x->dict && PyDict_Update(copy, x->dict) < 0) ||
         (x->label && PyDict_SetItem(copy, name_op, x->label) < 0) ||
         (x->closure && PyDict_SetItem(copy, name_backward, x->closure) < 0)))
        Py_CLEAR(copy);
    return copy;
}

/* set_docs(docstrings of all ops, in the order of the table) */
static PyObject *py_set_docs(PyObject *module, PyObject *docs)
{
    PyObject *all = PySequence_Tuple(docs);

    (void)module;
    for (int i = 0; all && i < (int)ROWS && i < PyTuple_Size(all); i++) {
        const char *doc = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(all, i), NULL);
        if (doc)
            PyOS_snprintf(op_methods[i].doc, sizeof op_methods[i].doc, "%s", doc);
        else
            Py_CLEAR(all);
    }
    Py_XDECREF(all);
    return all ? Py_NewRef(Py_None) : NULL;
}

/* The hook in gc.callbacks. */
static PyObject *py_before_collection(PyObject *module, PyObject *args)
{
    const char *phase;
    PyObject *info;

    (void)module;
    if (!PyArg_ParseTuple(args, "sO!", &phase, &PyDict_Type, &info))
        return NULL;
    PyObject *generation = PyDict_GetItemString(info, "generation");
    if (late && strcmp(phase, "start") == 0 && generation && PyLong_AsLong(generation) >= 2)
        track_readers();
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *py_add_scalar(PyObject *module, PyObject *type)
{
    (void)module;
    for (int i = 0; PyType_Check(type) && i < SCALARS; i++)
        if (!scalars[i]) {
            scalars[i] = (PyTypeObject *)Py_NewRef(type);
            break;
        }
    Py_RETURN_NONE;
}

static PyObject *py_attach(PyObject *module, PyObject *args)
{
    unsigned long long address;

    (void)module;
    if (!PyArg_ParseTuple(args, "KOOOOOOOO", &address, &py_absent, &py_number, &py_to_float, &py_from_numpy,
                          &py_failure, &py_no_number, &py_init, &py_late))
        return NULL;
    mg_shared = (const mg_engine *)(uintptr_t)address;
    if (mg_shared->layout != MG_LAYOUT) {
        PyErr_SetString(PyExc_ImportError, "the native core was built from other sources than the engine");
        return NULL;
    }
    Py_INCREF(py_absent), Py_INCREF(py_number), Py_INCREF(py_to_float), Py_INCREF(py_from_numpy),
        Py_INCREF(py_failure);
    Py_INCREF(py_no_number), Py_INCREF(py_init), Py_INCREF(py_late);
    Py_RETURN_NONE;
}

/* What stands in static variables here belongs to one interpreter, which outlives all others. */
static bool expect_main(void)
{
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) == 0)
        return true;
    PyErr_SetString(PyExc_ImportError, "it works in the main interpreter only, and the cffi core in all");
    return false;
}

static PyObject *py_expect_main(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    return expect_main() ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef functions[] = {
    {"attach", py_attach, METH_VARARGS, "Connect with the engine, and with the Python half of the core."},
    {"expect_main", py_expect_main, METH_NOARGS, "Raise ImportError in a sub-interpreter."},
    {"handle_of", py_handle_of, METH_O, "Return the handle of a node."},
    {"handles", py_handles, METH_O, "Return the handles of nodes."},
    {"layers", py_layers, METH_VARARGS, "Run layers, return the outputs of the last."},
    {"operands", py_operands, METH_O, "Return what a node was computed from; inner layers as Values."},
    {"parts", py_parts, METH_O, "Return what a node was computed from."},
    {"leaves", py_leaves, METH_VARARGS, "Return new leaves."},
    {"own", py_own, METH_VARARGS, "Let a node own the node that a function returns the handle of."},
    {"new", py_new, METH_NOARGS, "Return a Value without a node."},
    {"dot", py_dot, METH_VARARGS, "Return the dot product of plain Values, or None."},
    {"sum", py_sum, METH_O, "Return the sum of plain Values, or None."},
    {"forget_made", py_forget_made, METH_O, "Drop the label and the closure of a node."},
    {"closure_at", py_closure_at, METH_O, "Return the node with a closure at a handle, or None."},
    {"sweep", py_sweep, METH_VARARGS, "Run backward from a node."},
    {"peek", py_peek, METH_VARARGS, "Return an attribute, None where there is none."},
    {"put", py_put, METH_VARARGS, "Set an attribute past all properties."},
    {"attributes", py_attributes, METH_O, "Return a copy of all attributes."},
    {"set_docs", py_set_docs, METH_O, "Set the docstrings of the ops."},
    {"before_collection", py_before_collection, METH_VARARGS,
     "Track old readers of what has got an attribute."},
    {"add_scalar", py_add_scalar, METH_O, "Take float() of instances of this class."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "The native core of Value.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *module = expect_main() ? PyModule_Create(&definition) : NULL;

    if (!module)
        return NULL;
    name_data = PyUnicode_InternFromString("data");
    name_grad = PyUnicode_InternFromString("grad");
    name_backward = PyUnicode_InternFromString("_backward");
    name_op = PyUnicode_InternFromString("_op");
    value_class = (PyTypeObject *)make_type();
    hidden_class = (PyTypeObject *)make_hidden_type();
    if (!name_data || !name_grad || !name_backward || !name_op || !value_class || !hidden_class ||
        greet_numpy() < 0 || PyModule_AddObjectRef(module, "Node", (PyObject *)value_class) < 0 ||
        PyModule_AddObjectRef(module, "Hidden", (PyObject *)hidden_class) < 0)
        Py_CLEAR(module);
    return module;
}
