/* dealloc.c - the end of a Value.
 *
 * Deallocation of a chain does not recurse: a Value that dies while a loop drops the operands of another one waits in a
 * list for that loop.
 *
 *  1. `looping` is true only while the loop of mg_value_dealloc runs code that is all ours: it frees handles and
 *     memory, and drops plain parts. None of it runs Python code, and none of it lets another thread run.
 *  2. So a Value that dies while `looping` is true dies in the loop's own hands, and the loop will see the list.
 *  3. Everything else that a death can run (attributes, callbacks of weak references, a __del__ of a subclass, the
 *     end of a class) runs inside run_free, where `looping` is false: what dies there has a loop of its own, in
 *     whatever thread.
 *  4. By 1 no loop is in the middle of its work when such code returns. So run_free goes on with `looping` as its
 *     caller, who is still there, had set it.
 *  5. A Value in the list has lost its attributes and weak references, and nobody can find it. The link to the next
 *     one is stored in its reference count, which is unused. Any loop may take it from there.
 */
#include "value.h"

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
    if (Py_TYPE(part) == mg_value_class || Py_TYPE(part) == mg_hidden_class || Py_REFCNT(part) > 1 ||
        PyFloat_CheckExact(part) || PyLong_CheckExact(part))
        return true;
    if (!PyTuple_CheckExact(part))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_Size(part); i++)
        if (Py_TYPE(PyTuple_GetItem(part, i)) != mg_value_class)
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

    mg_unlist_closure(v);
    if (v->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)v);
    if (v->flags & CYCLIC)
        mg_cyclic_alive--;
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

    if (type == mg_value_class && !(v->flags & TRACKED) && mg_kept.n < KEPT) {
        mg_kept.values[mg_kept.n++] = v;
        return;
    }
    mg_unlist_value(v);
    if (type == mg_value_class) {
        PyObject_GC_Del(v);
    } else {
        freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
        release(v);
    }
}

void mg_value_dealloc(PyObject *self)
{
    value *v = as_value(self);
    PyTypeObject *type = Py_TYPE(self);
    int32_t handles[BATCH], n = 0;

    v->flags |= DYING;
    if (v->flags & TRACKED || type != mg_value_class)
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
        Py_DECREF(mg_value_class);
    }
    looping = false;
    free_handles(handles, &n);
    Py_DECREF(type); /* of a subclass: the class may end here, and its attributes with it */
}
