/* collector.c - what Python's collector is told.
 *
 * Ordinary Values are not tracked, and a collection does not look at them. Why no cycle is missed, and nothing is
 * freed too early:
 *
 *  1. Operands stand in rows below their reader, so Values alone make no cycle. A cycle needs an attribute of a Value
 *     v (a closure is one) that leads back to a reader of v:
 *         v -> attribute -> ... -> reader -> ... -> v
 *     It is found if v, and all Values and tuples of operands from the reader down to v, are tracked.
 *  2. CYCLIC says of a Value that it is tracked with its tuples. `mg_set_cyclic` alone sets it, and for ever. v is
 *     CYCLIC before an attribute can refer to anything; from birth if it is of a subclass, or is made by hand and may
 *     get a closure. So it is enough that all readers of a CYCLIC Value are CYCLIC too.
 *  3. A reader that gets its operands after one of them has become CYCLIC is CYCLIC at once, see `become`.
 *  4. An older reader can be there only if v had a node, with others above it, when v became CYCLIC. Then `late` is
 *     set, and the next full collection begins with `track_readers`. It looks at all Values in the order of their
 *     rows, from the lowest up, and makes each one CYCLIC that reads a CYCLIC Value: by 1 one pass is enough.
 *  5. The pass finds all readers: the arena knows the Value of each row. Dying Values are left out: they have no reader.
 *     Nodes without a Value belong to a `hidden`, which is tracked, and whose readers count as readers of a CYCLIC
 *     Value, see `leads_to_cyclic`; Values that take over its nodes later go through 3.
 *  6. The pass holds the lock, and calls nothing that runs Python code or lets the GIL go. So nothing changes under
 *     its eyes. By 3 one pass is good until `late` is set again.
 *  7. traverse visits each reference that a Value owns, once. So the collector sees what is reached from outside, and
 *     nothing is freed too early; a Value that is not tracked only makes what it refers to live longer. clear drops
 *     the attributes, since every cycle leads through one.
 */
#include "value.h"

Py_ssize_t mg_cyclic_alive;
static bool late; /* has a Value become CYCLIC below readers that may not be? */

void mg_track(value *v)
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

void mg_set_cyclic(value *v)
{
    mg_track(v);
    track_tuple(first_operand(v));
    track_tuple(v->b);
    if (!(v->flags & CYCLIC)) {
        v->flags |= CYCLIC;
        mg_cyclic_alive++;
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

void mg_set_cyclic_reader(value *v)
{
    if (v->flags & CYCLIC || leads_to_cyclic(first_operand(v)) || leads_to_cyclic(v->b))
        mg_set_cyclic(v);
}

/* Makes all readers of CYCLIC Values CYCLIC, see 4 at the head of this file. */
static void track_readers(void)
{
    mg_lock();
    for (int64_t row = 0; row < mg.rows; row++) {
        value *v = mg.handle[row] == MG_DEAD ? NULL : mg.owner[mg.handle[row]];
        if (v && Py_REFCNT(v) > 0 && !(v->flags & (CYCLIC | DYING)))
            mg_set_cyclic_reader(v);
    }
    mg_unlock();
    late = false;
}

int mg_value_traverse(PyObject *self, visitproc visit, void *arg)
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

int mg_value_clear(PyObject *self)
{
    extra *x = extra_of(as_value(self));

    if (x) {
        Py_CLEAR(x->dict);
        Py_CLEAR(x->label);
        Py_CLEAR(x->closure);
    }
    return 0;
}

int mg_expect_old_readers(value *v)
{
    mg_lock();
    const bool on_top = v->handle >= 0 && mg.rows > 0 && mg.handle[mg.rows - 1] == v->handle;
    mg_unlock();
    if (v->handle < 0 || on_top) /* nothing is younger: nobody reads it */
        return 0;
    PyObject *done = PyObject_CallFunctionObjArgs(mg_python.late, NULL);
    Py_XDECREF(done);
    late = true; /* after the call, which may run a collection */
    return done ? 0 : -1;
}

int mg_expect_cycles(value *v)
{
    if (v->flags & CYCLIC)
        return 0;
    if (mg_expect_old_readers(v) < 0)
        return -1;
    mg_set_cyclic(v);
    return 0;
}

int mg_expect_cycles_of(value *v, PyObject *attribute)
{
    return PyType_GetFlags(Py_TYPE(attribute)) & Py_TPFLAGS_HAVE_GC ? mg_expect_cycles(v) : 0;
}

/* The hook in gc.callbacks. */
PyObject *mg_py_before_collection(PyObject *module, PyObject *args)
{
    const char *phase;
    PyObject *info;

    (void)module;
    if (!PyArg_ParseTuple(args, "sO!", &phase, &PyDict_Type, &info))
        return NULL;
    if (late && strcmp(phase, "start") == 0) {
        PyObject *generation = PyMapping_GetItemString(info, "generation");
        if (generation && PyLong_AsLong(generation) >= 2)
            track_readers();
        Py_XDECREF(generation);
    }
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}
