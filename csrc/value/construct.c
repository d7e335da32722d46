/* construct.c - Values that are made by their class, by hand, or over a node that exists. */
#include "value.h"

/* Lets Python look at a class when its first instance is made: it may have got attributes since its body ran. */
static bool settle(PyTypeObject *type)
{
    enum { CLASSES = 256 };
    static PyObject *settled[CLASSES]; /* weak references */
    PyObject **const place = &settled[((uintptr_t)type >> 4 ^ (uintptr_t)type >> 12) % CLASSES];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* 3.13 has another one */
    if (*place && PyWeakref_GetObject(*place) == (PyObject *)type)
        return true;
#pragma GCC diagnostic pop
    PyObject *reference = PyObject_CallMethod((PyObject *)mg_value_class, "_mg_settle", "O", type);
    if (reference)
        mg_replace(place, reference);
    Py_XDECREF(reference);
    return reference != NULL;
}

PyObject *mg_value_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    if (type == mg_value_class) {
        const Py_ssize_t n = PyTuple_Size(args);
        PyObject *data = n == 0 && kwargs              ? PyDict_GetItemString(kwargs, "data")
                         : n > 1 || (n == 1 && kwargs) ? PyTuple_GetItem(args, 0)
                                                       : NULL;
        if (!data || !is_value(data) || as_value(data)->handle >= 0)
            return (PyObject *)new_value();
        PyObject *record, *out;
        const int traced = mg_class_attribute(data, mg_name_by_hand, &record);
        if (traced <= 0)
            return traced < 0 ? NULL : (PyObject *)new_value();
        /* jit traces data: its class records the node */
        out = PyObject_CallFunctionObjArgs(record, data, args, kwargs ? kwargs : Py_None, NULL);
        Py_DECREF(record);
        return out;
    }
    if (PyType_GetFlags(type) & Py_TPFLAGS_IS_ABSTRACT) { /* that of object names the methods in its error */
        newfunc refuse = (newfunc)PyType_GetSlot(&PyBaseObject_Type, Py_tp_new);
        PyObject *nothing = PyTuple_New(0), *out = nothing ? refuse(type, nothing, NULL) : NULL;
        Py_XDECREF(nothing);
        return out;
    }

    if (!settle(type))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    value *v = as_value(allocate(type, 0)); /* zeroed, and tracked already */
    if (v) {
        v->handle = -1;
        mg_set_cyclic(v);
    }
    return (PyObject *)v;
}

/* What __init__ of micrograd sets anew. */
static int forget_made(value *v)
{
    extra *x = extra_of(v);

    if (x)
        Py_CLEAR(x->label);
    return x ? mg_put_closure(v, NULL) : 0;
}

/* v becomes a leaf. 1: done; 0: it has a node by now, from code of the user's that has run meanwhile. */
static int become_leaf(value *v, int op, double data)
{
    if (forget_made(v) < 0)
        return -1;
    if (v->handle >= 0)
        return 0;
    mg_lock();
    const int32_t status = mg_reserve(1, 0);
    if (status >= 0)
        take_node(v, mg_append(op, 0, 0, data));
    mg_unlock();
    if (status < 0) {
        mg_fail(status, MG_LEAF, NULL, NULL);
        return -1;
    }
    return 1;
}

/* A copy of a tuple that is tracked with its node only. */
static PyObject *untracked_tuple(PyObject *items)
{
    const Py_ssize_t n = PyTuple_Size(items);
    PyObject *out = PyTuple_New(n);

    for (Py_ssize_t i = 0; out && i < n; i++)
        PyTuple_SetItem(out, i, Py_NewRef(PyTuple_GetItem(items, i)));
    if (out)
        PyObject_GC_UnTrack(out);
    return out;
}

/* Have these the shape that make_by_hand takes? */
static bool may_be_by_hand(PyObject *children, PyObject *third)
{
    const Py_ssize_t n = short_length(children);
    return n > 0 && (!third || PyUnicode_CheckExact(third) || short_length(third) == n);
}

/* Value(data, children), with a label or local derivatives as the third. 1: done; 0: mg_python.init has to look closer. */
static int make_by_hand(value *v, PyObject *data, PyObject *children, PyObject *third)
{
    PyObject *room[ON_STACK], *tuple = NULL;
    int32_t x[ON_STACK];
    double number, slopes[ON_STACK];

    if (is_value(data) || (!PyFloat_CheckExact(data) && !may_be_by_hand(children, third)))
        return 0;                      /* before a __float__ has run, which mg_python.init calls again */
    if (PyList_CheckExact(children)) { /* a collection could run code that changes the list, in AsTuple too */
        PyObject *list = PyList_New(0),
                 *copy = list && PyList_SetSlice(list, 0, 0, children) == 0 ? PyList_AsTuple(list) : NULL;
        const int done = copy ? make_by_hand(v, data, copy, third) : -1;
        Py_XDECREF(copy);
        Py_XDECREF(list);
        return done;
    }
    const int numpy = to_double(data, "data", &number) < 0 ? -1 : from_numpy(data);
    if (numpy < 0)
        return -1;
    /* From here to the end of the loops no Python runs: what is looked at stays as it is. */
    const bool given = third && !PyUnicode_CheckExact(third);
    const Py_ssize_t n = short_length(children);
    if (n < 1 || (given && short_length(third) != n))
        return 0;
    PyObject *const *items = items_of(children, n, room), *const first = items[0],
                    *const second = items[n > 1];
    for (Py_ssize_t i = 0; i < n; i++) {
        PyTypeObject *type = Py_TYPE(items[i]);
        if ((type != mg_value_class && type != Py_TYPE(v)) || (x[i] = as_value(items[i])->handle) < 0)
            return 0;
    }
    if (given) {
        items = items_of(third, n, room);
        for (Py_ssize_t i = 0; i < n; i++) {
            if (!PyFloat_CheckExact(items[i]) && !PyLong_CheckExact(items[i]))
                return 0;
            if (float_of(items[i], &slopes[i]) < 0)
                return -1;
        }
    }
    if ((n > 2 || numpy) && !(tuple = untracked_tuple(children)))
        return -1;
    const bool labelled = third && !given && PyUnicode_GetLength(third) > 0;
    int done = (!labelled || mg_need_extra(v)) && forget_made(v) == 0 ? 1 : -1;
    if (done > 0 && v->handle >= 0) { /* see become_leaf */
        done = 0;
    } else if (done > 0) {
        mg_lock();
        const int32_t handle = mg_make_by_hand(x, (int32_t)n, given ? slopes : NULL, number);
        if (handle >= 0)
            take_node(v, handle);
        mg_unlock();
        if (handle < 0) {
            mg_fail(handle, MG_CUSTOM, NULL, NULL);
            done = -1;
        } else {
            set_parts(v, tuple ? tuple : first, numpy ? NUMPY : n == 2 ? second : NULL);
            if (labelled)
                mg_replace(&extra_of(v)->label, third);
            if (!given)
                mg_set_cyclic(v);
        }
    }
    Py_XDECREF(tuple);
    return done;
}

enum { PLAIN = 3 }; /* arguments that init_plainly may be given */

/* What most calls of __init__ are. 1: done; 0: mg_python.init has to look closer. */
static inline int init_plainly(value *v, PyObject *const *args, Py_ssize_t n)
{
    double number;

    if (n > 1)
        return make_by_hand(v, args[0], args[1], n == PLAIN ? args[2] : NULL);
    if (is_value(args[0]))
        return 0;
    const int numpy = to_double(args[0], "data", &number) < 0 ? -1 : from_numpy(args[0]);
    const int done = numpy < 0 ? -1 : become_leaf(v, MG_LEAF, number);
    if (done > 0)
        mg_set_numpy(v, numpy);
    return done;
}

int mg_value_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const Py_ssize_t n = PyTuple_Size(args);
    value *v = as_value(self);

    if (v->handle < 0 && n >= 1 && n <= PLAIN && (!kwargs || PyDict_Size(kwargs) == 0)) {
        PyObject *plain[PLAIN];
        for (Py_ssize_t i = 0; i < n; i++)
            plain[i] = PyTuple_GetItem(args, i);
        const int done = init_plainly(v, plain, n);
        if (done)
            return done < 0 ? -1 : 0;
    }
    PyObject *first = PyTuple_Pack(1, self), *all = first ? PySequence_Concat(first, args) : NULL;
    PyObject *done = all ? PyObject_Call(mg_python.init, all, kwargs) : NULL;
    Py_XDECREF(first);
    Py_XDECREF(all);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

bool mg_has_call_slot(void)
{
    PyObject *version = PySys_GetObject("hexversion");
    return version && PyLong_AsLong(version) >= 0x030E0000;
}

void mg_look_at_class(PyTypeObject *cls, bool set_call)
{
    void **const word = (void **)(void *)cls;

    mg_layout.classes =
        word[MG_INIT_WORD] == (void *)mg_value_init && word[MG_NEW_WORD] == (void *)mg_value_new;
    if (set_call && mg_layout.classes && !word[MG_CALL_WORD])
        word[MG_CALL_WORD] = (void *)mg_value_call;
}

/* Value(...) as type.__call__ makes it. */
static PyObject *call_slowly(PyObject *type, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    const Py_ssize_t named = names ? PyTuple_Size(names) : 0;
    PyObject *given = PyTuple_New(n), *kwargs = given && named ? PyDict_New() : NULL, *out = NULL;
    bool ready = given && (kwargs || !named);

    for (Py_ssize_t i = 0; ready && i < n; i++)
        PyTuple_SetItem(given, i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; ready && i < named; i++)
        ready = PyDict_SetItem(kwargs, PyTuple_GetItem(names, i), args[n + i]) == 0;
    if (ready)
        out = ((ternaryfunc)PyType_GetSlot(&PyType_Type, Py_tp_call))(type, given, kwargs);
    Py_XDECREF(given);
    Py_XDECREF(kwargs);
    return out;
}

PyObject *mg_value_call(PyObject *type, PyObject *const *args, size_t n_and_flag, PyObject *names)
{
    const Py_ssize_t n = (Py_ssize_t)(n_and_flag & SIZE_MAX >> 1);

    if (n >= 1 && n <= PLAIN && !names && !is_value(args[0]) && mg_makes_plainly((PyTypeObject *)type)) {
        value *v = new_value();
        const int done = v ? init_plainly(v, args, n) : -1;
        if (done > 0)
            return (PyObject *)v;
        Py_XDECREF(v);
        if (done < 0)
            return NULL;
    }
    return call_slowly(type, args, n, names);
}

static PyObject *none_to_null(PyObject *o)
{
    return o == Py_None ? NULL : o;
}

PyObject *mg_py_new(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    return (PyObject *)new_value();
}

/* Lets a Value own the node at a handle; one that it owns already has become another. */
static PyObject *own_made(value *v, int32_t handle, PyObject *a, PyObject *b)
{
    const bool again = v->handle >= 0;
    PyObject *old_a = first_operand(v), *old_b = v->b;

    if (again && v->handle != handle) {
        mg_shared->free(&handle, 1);
        PyErr_SetString(PyExc_RuntimeError, "another thread calls __init__ of this Value at the same time");
        return NULL;
    }
    become(v, handle, none_to_null(a), none_to_null(b));
    const bool seen = !again || !(v->flags & CYCLIC) || mg_expect_old_readers(v) == 0;
    Py_XDECREF(old_a);
    Py_XDECREF(old_b);
    return seen ? Py_NewRef((PyObject *)v) : NULL;
}

/* Drops the label and the closure of a node. */
PyObject *mg_py_forget_made(PyObject *module, PyObject *node)
{
    (void)module;
    return mg_expect_value(node) && forget_made(as_value(node)) == 0 ? Py_NewRef(Py_None) : NULL;
}

/* own(node, a, b, function, *arguments): the node that the function returns the handle of. Both are C: nothing can come
 * between them. */
PyObject *mg_py_own(PyObject *module, PyObject *args)
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
        return mg_fail((int32_t)number, 0, NULL, NULL);
    return own_made(as_value(node), (int32_t)number, PyTuple_GetItem(args, 1), PyTuple_GetItem(args, 2));
}

PyObject *mg_py_leaves(PyObject *module, PyObject *args)
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
            mg_set_numpy(node, numpy);
        Py_XDECREF(node);
        Py_XDECREF(origin);
        Py_XDECREF(number);
    }
    return out;
}
