/* collector.c - what Python's collector is told.
 *
 * Ordinary Values are not tracked, and a collection does not look at them. Why no cycle is missed, and nothing is
 * freed too early:
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
 *     `values_of` in layers.c. Any other plain Value without a node reads nothing.
 *  8. So after a pass 3 holds, and by 4 it holds until the next old Value becomes CYCLIC. `late` is cleared: one pass is
 *     paid for such attributes, and other collections cost nothing more. The pass touches Values only.
 *  9. It finds them in the list of memory.c, which has the memory of every Value that `new_value` has asked for. What waits there
 *     for the next Value, or whose deallocation has begun, is DYING or without references and is skipped: nobody reads
 *     it. Values that are made of a subclass are not listed: they are CYCLIC from birth.
 * 10. A tuple of operands is tracked as soon as its reader is CYCLIC, see `mg_set_cyclic`. So the pass may skip the
 *     CYCLIC ones.
 * 11. The pass calls nothing that runs Python code or lets the GIL go. So all that it looks at stays as it is, but
 *     for the rows: it reads them under the lock.
 * 12. traverse visits each reference that a Value owns, once. So whatever is reached from outside is seen to be, and
 *     nothing is freed too early. clear drops the attributes only, since every cycle leads through one.
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

/* Makes all readers of CYCLIC Values CYCLIC, see 6 at the head of this file. No memory: the next collection does. */
static void track_readers(void)
{
    mg_lock();
    const int64_t rows = mg.rows;
    mg_unlock();
    value **owners = PyMem_Calloc((size_t)rows + 1, sizeof *owners);
    mg_lock();
    uint32_t place = 0;
    for (value *v; owners && (v = mg_next_value(&place));) {
        const int32_t row = v->flags & CYCLIC ? MG_EHANDLE : mg_row(v->handle);
        if (row >= 0 && row < rows) /* what another thread moves up right now is looked at by `become` */
            owners[row] = v;
    }
    mg_unlock();
    for (int64_t row = 0; owners && row < rows; row++)
        if (owners[row])
            mg_set_cyclic_reader(owners[row]);
    late = late && !owners;
    PyMem_Free(owners);
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
    PyObject *generation = PyDict_GetItemString(info, "generation");
    if (late && strcmp(phase, "start") == 0 && generation && PyLong_AsLong(generation) >= 2)
        track_readers();
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}
