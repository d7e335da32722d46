/* dealloc.c - the end of Values, and of the inner layers that nobody has asked to see.
 *
 * A graph of any depth dies without recursion, in one loop:
 *
 *  1. The loop drops what a dead object refers to. What dies by that, and can lead on to more Values (a Value, a tuple
 *     or a list of operands, inner layers), is not deallocated but waits in a list. The loop takes it from there.
 *  2. Nobody else can find what is in the list: its last reference was the one that the loop has dropped, and it has
 *     lost its weak references, its attributes and its place in the collector before. So its reference count is unused,
 *     and links it to the next one.
 *  3. All that the loop knows is in variables of its own call. So whatever a death runs (the callback of a weak
 *     reference, a __del__, the end of a class, another thread in between) may deallocate Values in loops of its own.
 *  4. Anything else that dies is left to Python. The nodes of what died before are given back first, and that of the
 *     Value whose weak references and attributes end: their code may count them, and ask who reads a node, and the
 *     arena names the Values that owned them until then, whose memory may be gone.
 *  5. What is left to Python may be the last that refers to one more Value with attributes or weak references, and so on:
 *     a loop in a loop for each. So they are counted, and at NESTED of them the next Value is postponed: nobody refers
 *     to it, but it keeps what it has. The innermost loop that has left something to Python takes it from there. Only
 *     its own thread counts and postpones, so this goes on whatever another thread waits for.
 */
#include "value.h"

enum { BATCH = 32, NESTED = 32 };

static int open_ends;             /* calls of drop_attributes that have not returned, in all threads */
static _Thread_local int counted; /* of these the ones in this thread that began while another was open */
static _Thread_local struct postponed {
    value *v;
    struct postponed *next;
} *postponed; /* by this thread */

typedef struct {
    PyObject *waiting;
    int32_t handles[BATCH], n; /* of dead nodes, not given back yet */
} loop;

static void free_handles(loop *l)
{
    if (l->n)
        mg_shared->free(l->handles, l->n);
    l->n = 0;
}

/* The count and, from CPython 3.14 on, flags beside it, where ob_refcnt is but one half of a word. */
static inline void let_wait(loop *l, PyObject *o)
{
    memcpy(o, &l->waiting, sizeof(void *));
    l->waiting = o;
}

static inline PyObject *next_waiting(loop *l)
{
    PyObject *o = l->waiting;

    memcpy(&l->waiting, o, sizeof(void *));
    memset(o, 0, sizeof(void *));
    return o;
}

/* False: there is no memory for it. */
static bool postpone(value *v)
{
    struct postponed *p = PyMem_Malloc(sizeof *p);

    if (!p)
        return false;
    *p = (struct postponed){v, postponed};
    postponed = p;
    return true;
}

static value *next_postponed(void)
{
    struct postponed *p = postponed;
    value *v = p ? p->v : NULL;

    if (p)
        postponed = p->next;
    PyMem_Free(p);
    return v;
}

/* Ends the weak references and the attributes of v, which waits then. */
static inline void end_attributes(loop *l, value *v)
{
    extra *const x = extra_of(v);

    if (v->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)v);
    if (x) {
        v->a = x->a;
        v->flags &= ~(uint32_t)EXTRA;
        Py_XDECREF(x->dict);
        Py_XDECREF(x->label);
        Py_XDECREF(x->closure);
        PyMem_Free(x);
    }
    let_wait(l, (PyObject *)v);
}

/* The same while others end: v is postponed, or what is postponed meanwhile ends here too. */
__attribute__((noinline)) static void end_nested(loop *l, value *v)
{
    if (counted >= NESTED && postpone(v))
        return;
    counted++;
    for (; v; v = next_postponed())
        end_attributes(l, v);
    counted--;
}

static void drop_attributes(loop *l, value *v)
{
    if (v->handle >= 0)
        l->handles[l->n++] = v->handle;
    v->handle = -1;
    free_handles(l);
    if (open_ends++ == 0) /* the usual case, without a look at what is of the thread */
        end_attributes(l, v);
    else
        end_nested(l, v);
    open_ends--;
}

/* Drops all that leads to a dead Value, and lets it wait. */
static inline void hide(loop *l, value *v)
{
    v->flags |= DYING;
    if (v->flags & TRACKED || Py_TYPE(v) != mg_value_class) {
        PyObject_GC_UnTrack(v);
        mg_cyclic_alive -= (v->flags & CYCLIC) != 0;
    }
    if (v->weakrefs || v->flags & EXTRA)
        drop_attributes(l, v);
    else
        let_wait(l, (PyObject *)v);
}

/* Is this an object by whose end more Values die? */
static inline bool may_lead_on(PyObject *o)
{
    return Py_TYPE(o) == mg_value_class || PyTuple_CheckExact(o) || PyList_CheckExact(o) ||
           Py_TYPE(o) == mg_hidden_class;
}

static inline void drop(loop *l, PyObject *part)
{
    if (!part)
        return;
    if (Py_REFCNT(part) > 1) {
        Py_DECREF(part);
    } else if (Py_TYPE(part) == mg_value_class) {
        part->ob_refcnt = 0;
        hide(l, as_value(part));
        __builtin_prefetch(as_value(part)->a, 1); /* counts of references are soon to be read */
        __builtin_prefetch(as_value(part)->b, 1);
    } else if (may_lead_on(part)) {
        PyObject_GC_UnTrack(part);
        let_wait(l, part);
    } else {
        free_handles(l);
        Py_DECREF(part);
    }
}

static void release_memory(value *v)
{
    PyTypeObject *type = Py_TYPE(v);
    const uint32_t place = v->flags / PLACED;
    const bool keep = place && type == mg_value_class && !(v->flags & TRACKED);

    if (place)
        mg_leave(place - 1, keep ? v : NULL);
    if (type != mg_value_class) {
        freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
        release(v);
    } else if (!keep) {
        PyObject_GC_Del(v);
    }
}

/* All Values leave the tuple before it ends, those with more references too: in sum([v, v, v]) the last one is the end of
 * v, and inside of the tuple's own end it would be a loop in this one. CPython 3.13 lets thousands of these be open. */
static void drop_items(loop *l, PyObject *items)
{
    const bool list = PyList_CheckExact(items);
    const Py_ssize_t n = list ? PyList_Size(items) : PyTuple_Size(items);
    const PyTypeObject *const plain = mg_value_class;
    PyObject **const places = mg_places_in(items);
    bool ours = true;

    items->ob_refcnt = 1;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = places ? places[i] : item_of(items, i);
        if (Py_TYPE(item) != plain && !may_lead_on(item)) {
            ours = false;
        } else if (places) {
            places[i] = NULL;
            drop(l, item);
        } else {
            Py_INCREF(item);
            (void)(list ? PyList_SetItem(items, i, NULL) : PyTuple_SetItem(items, i, NULL));
            drop(l, item);
        }
    }
    if (!ours)
        free_handles(l);
    Py_DECREF(items);
}

static void drop_hidden(loop *l, hidden *h)
{
    PyObject *inputs = h->inputs, *params = h->params, *values = h->values;

    if (h->handles)
        mg_shared->free(h->handles, h->n);
    PyMem_Free(h->handles);
    PyObject_GC_Del(h);
    Py_DECREF(mg_hidden_class);
    drop(l, values);
    drop(l, inputs);
    drop(l, params);
}

static inline void drop_value(loop *l, value *v)
{
    PyObject *a = v->a, *b = v->b;
    PyTypeObject *type = Py_TYPE(v);

    if (v->handle >= 0)
        l->handles[l->n++] = v->handle;
    if (l->n == BATCH)
        free_handles(l);
    release_memory(v);
    drop(l, a);
    drop(l, b);
    drop(l, (PyObject *)type); /* of a subclass: the class may end here, and its attributes with it */
}

void mg_dealloc(PyObject *self)
{
    loop l;

    l.waiting = NULL;
    l.n = 0;
    if (Py_TYPE(self) == mg_hidden_class) {
        PyObject_GC_UnTrack(self);
        let_wait(&l, self);
    } else {
        hide(&l, as_value(self));
    }
    while (l.waiting) {
        PyObject *o = next_waiting(&l);
        if (Py_TYPE(o) == mg_value_class) /* most of them */
            drop_value(&l, as_value(o));
        else if (PyTuple_CheckExact(o) || PyList_CheckExact(o))
            drop_items(&l, o);
        else if (Py_TYPE(o) == mg_hidden_class)
            drop_hidden(&l, (hidden *)o);
        else
            drop_value(&l, as_value(o));
    }
    free_handles(&l);
}
