/* module.c - the functions of the core that are no methods of Value. */
#include "value.h"

static PyObject *py_handle_of(PyObject *module, PyObject *o)
{
    (void)module;
    if (!mg_expect_value(o))
        return NULL;
    return as_value(o)->handle < 0 ? mg_fail(MG_EHANDLE, 0, o, NULL) : PyLong_FromLong(as_value(o)->handle);
}

static PyObject *py_handles(PyObject *module, PyObject *nodes)
{
    PyObject *out = PySequence_List(nodes);

    for (Py_ssize_t i = 0; out && i < PyList_Size(out); i++) {
        PyObject *handle = py_handle_of(module, PyList_GetItem(out, i));
        if (handle)
            PyList_SetItem(out, i, handle);
        else
            Py_CLEAR(out);
    }
    return out;
}

/* The Value with a closure at a handle, NULL. Borrowed. */
static value *with_closure(int32_t handle)
{
    mg_lock();
    value *v = mg_row(handle) < 0 ? NULL : mg.owner[handle];
    mg_unlock();
    return v && v->flags & EXTRA && extra_of(v)->closure ? v : NULL;
}

/* The Value with a closure at a handle, or None. */
static PyObject *py_closure_at(PyObject *module, PyObject *handle)
{
    value *v = with_closure((int32_t)PyLong_AsLong(handle));

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
    if (!PyArg_ParseTuple(args, "Od", &node, &seed) || !mg_expect_value(node))
        return NULL;
    const int32_t root = as_value(node)->handle;
    PyThreadState *others = *mg_shared->single_threaded ? NULL : PyEval_SaveThread();
    int32_t status = mg_shared->backward(root, seed, &pause);
    if (others)
        PyEval_RestoreThread(others);
    while (status > 0) {
        value *v = with_closure(pause.node);
        if (v) { /* no closure above has dropped it */
            PyObject *closure = Py_NewRef(extra_of(v)->closure);
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
    return status < 0 ? mg_fail(status, MG_CUSTOM, NULL, NULL) : Py_NewRef(Py_None);
}

static PyObject *py_attach(PyObject *module, PyObject *args)
{
    struct mg_python *half = &mg_python;
    unsigned long long address;

    (void)module;
    if (!PyArg_ParseTuple(args, "KOOOOOOOO", &address, &half->absent, &half->number, &half->to_float,
                          &half->from_numpy, &half->failure, &half->no_number, &half->init, &half->late))
        return NULL;
    Py_INCREF(args); /* for ever, and with it what mg_python refers to */
    if (!address)
        return PyErr_NoMemory();
    mg_shared = (const mg_engine *)(uintptr_t)address;
    Py_RETURN_NONE;
}

/* What stands in static variables here belongs to one interpreter, which outlives all others. */
static PyObject *py_expect_main(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) == 0)
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_ImportError, "it works in the main interpreter only, and the cffi core in all");
    return NULL;
}

static PyMethodDef functions[] = {
    {"attach", py_attach, METH_VARARGS, "Connect with the engine, and with the Python half of the core."},
    {"expect_main", py_expect_main, METH_NOARGS, "Raise ImportError in a sub-interpreter."},
    {"handle_of", py_handle_of, METH_O, "Return the handle of a node."},
    {"handles", py_handles, METH_O, "Return the handles of nodes."},
    {"layers", mg_py_layers, METH_VARARGS, "Run layers, return the outputs of the last."},
    {"operands", mg_py_operands, METH_O, "Return what a node was computed from; inner layers as Values."},
    {"leaves", mg_py_leaves, METH_VARARGS, "Return new leaves."},
    {"own", mg_py_own, METH_VARARGS, "Let a node own the node that a function returns the handle of."},
    {"new", mg_py_new, METH_NOARGS, "Return a Value without a node."},
    {"dot", mg_py_dot, METH_VARARGS, "Return the dot product of plain Values, or None."},
    {"nary", mg_py_nary, METH_VARARGS, "Return op(*values) of plain Values, or None."},
    {"forget_made", mg_py_forget_made, METH_O, "Drop the label and the closure of a node."},
    {"closure_at", py_closure_at, METH_O, "Return the node with a closure at a handle, or None."},
    {"sweep", py_sweep, METH_VARARGS, "Run backward from a node."},
    {"peek", mg_py_peek, METH_VARARGS, "Return an attribute, None or what is given where there is none."},
    {"put", mg_py_put, METH_VARARGS, "Set an attribute past all properties."},
    {"attributes", mg_py_attributes, METH_O, "Return a copy of all attributes."},
    {"set_docs", mg_py_set_docs, METH_O, "Set the docstrings of the methods that are ops."},
    {"before_collection", mg_py_before_collection, METH_VARARGS,
     "Track old readers of what has got an attribute."},
    {"add_scalar", mg_py_add_scalar, METH_O, "Take float() of instances of this class."},
    {NULL, NULL, 0, NULL},
};

/* numpy asks the class of the right operand for __array_ufunc__ before it looks at __array_priority__. Where there
 * is none Python writes a message, which costs twice what the product does. This raises AttributeError without one. */
static PyObject *no_ufunc(PyObject *self, PyObject *instance, PyObject *owner)
{
    (void)self, (void)instance, (void)owner;
    PyErr_SetNone(PyExc_AttributeError);
    return NULL;
}

static PyType_Slot no_ufunc_slots[] = {{Py_tp_descr_get, (void *)no_ufunc}, {0, NULL}};
static PyType_Spec no_ufunc_spec = {
    "micrograd_c._core._native.NoUfunc", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, no_ufunc_slots,
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "The native core of Value.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void);

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *main = py_expect_main(NULL, NULL), *module = main ? PyModule_Create(&definition) : NULL;

    Py_XDECREF(main);
    if (!module)
        return NULL;
    mg_value_class = (PyTypeObject *)mg_make_type();
    mg_hidden_class = (PyTypeObject *)mg_make_hidden_type();
    PyObject *no_ufunc_class = PyType_FromSpec(&no_ufunc_spec);
    if (!mg_look_at_layout() || !mg_intern_names() || !mg_value_class || !mg_hidden_class ||
        !no_ufunc_class || PyModule_AddObjectRef(module, "NoUfunc", no_ufunc_class) < 0 ||
        PyModule_AddObjectRef(module, "Node", (PyObject *)mg_value_class) < 0 ||
        PyModule_AddIntConstant(module, "SOURCES", MG_SOURCES) < 0)
        Py_CLEAR(module);
    Py_XDECREF(no_ufunc_class);
    return module;
}
