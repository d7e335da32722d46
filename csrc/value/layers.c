/* layers.c - nodes over many operands: sums, dot products, layers. */
#include "value.h"

/* A tuple of n operands that belongs to one node alone. It is not tracked, as its node is not, and is tracked with
 * it. NULL without an exception: an item is no plain Value; `handles` gets theirs. `last` is one more, or None. */
static PyObject *new_tuple(PyObject *items, Py_ssize_t n, PyObject *last, int32_t *handles)
{
    const Py_ssize_t all = n + (last != Py_None);
    PyObject *out = PyTuple_New(all);

    for (Py_ssize_t i = 0; out && i < all; i++) {
        PyObject *item = i == n ? last : item_of(items, i);
        if (!item || Py_TYPE(item) != mg_value_class) {
            if (!item) /* a collection has run code that made the list shorter: the caller reads what is left */
                PyErr_Clear();
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
    return handle < 0 ? mg_fail(handle, op, NULL, NULL) : (PyObject *)out;
}

/* dot(ws, xs, bias) of plain Values in lists or tuples; None: the caller has to look closer. */
PyObject *mg_py_dot(PyObject *module, PyObject *args)
{
    PyObject *ws, *xs, *bias;
    int32_t w[ON_STACK + 1], x[ON_STACK];

    (void)module;
    if (!PyArg_ParseTuple(args, "OOO", &ws, &xs, &bias))
        return NULL;
    const Py_ssize_t n = short_length(ws);
    PyObject *a = n >= 0 && short_length(xs) == n ? new_tuple(xs, n, Py_None, x) : NULL;
    PyObject *b = a ? new_tuple(ws, n, bias, w) : NULL;
    if (b && bias != Py_None && w[n] < 0) { /* that would be no bias at all */
        Py_DECREF(a);
        Py_DECREF(b);
        return mg_fail(MG_EHANDLE, MG_DOT, NULL, NULL);
    }
    if (!b) {
        Py_XDECREF(a);
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    return new_node(mg_shared->dot(w, x, (int32_t)n, bias == Py_None ? MG_NONE : w[n], MG_NONE), MG_DOT, a,
                    b);
}

/* nary(op, values) likewise. */
PyObject *mg_py_nary(PyObject *module, PyObject *args)
{
    int32_t x[ON_STACK];
    int op;
    PyObject *items;

    if (!PyArg_ParseTuple(args, "iO", &op, &items))
        return NULL;
    const Py_ssize_t n = short_length(items);
    PyObject *a = n > 0 ? new_tuple(items, n, Py_None, x) : NULL;

    (void)module;
    if (!a)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    return new_node(mg_shared->nary(op, x, (int32_t)n), op, a, NULL);
}

static int hidden_traverse(PyObject *self, visitproc visit, void *arg)
{
    hidden *h = (hidden *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(h->inputs);
    Py_VISIT(h->params);
    Py_VISIT(h->values);
    return 0;
}

PyObject *mg_make_hidden_type(void)
{
    PyType_Slot slots[] = {
        {Py_tp_dealloc, (void *)mg_dealloc}, {Py_tp_traverse, (void *)hidden_traverse}, {0, NULL}};
    PyType_Spec spec = {"micrograd_c._core._native.Hidden", sizeof(hidden), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
    return PyType_FromSpec(&spec);
}

/* With room for n handles, and without any. */
static hidden *new_hidden(int32_t n, PyObject *inputs, PyObject *params)
{
    int32_t *handles = PyMem_Malloc((size_t)n * sizeof *handles);
    hidden *h = handles ? PyObject_GC_New(hidden, mg_hidden_class) : NULL;

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
            set_parts(v, inputs, PyList_GetItem(params, i));
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
    if (layer && !h->values) { /* else a collection has run code that asked for them first */
        mg_lock();
        for (int32_t i = 0; i < h->n; i++) {
            take_node(as_value(PyList_GetItem(all, i)), h->handles[i]);
            mg_set_cyclic_reader(as_value(PyList_GetItem(all, i)));
        }
        mg_unlock();
        h->values = Py_NewRef(layer);
        PyMem_Free(h->handles);
        h->handles = NULL;
    }
    if (h->values && !layer) /* no memory here, but for those who asked in that collection there was */
        PyErr_Clear();
    Py_XDECREF(layer);
    Py_XDECREF(all);
    return h->values;
}

/* layers(address of mg_layer[], how many, outputs, those of inner layers, params of inner layers, params of the last,
 * inputs): the outputs of the last layer; None where an input is no plain Value. */
PyObject *mg_py_layers(PyObject *module, PyObject *args)
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
        if (Py_TYPE(PyTuple_GetItem(inputs, i)) != mg_value_class)
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
        mg_fail(status, MG_DOT, NULL, NULL);
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

PyObject *mg_py_operands(PyObject *module, PyObject *o)
{
    (void)module;
    if (!mg_expect_value(o))
        return NULL;
    if (as_value(o)->handle < 0)
        return mg_fail(MG_EHANDLE, 0, o, NULL);
    /* Held: a collection could run code that calls __init__ of o, and they would be gone. */
    PyObject *a = Py_XNewRef(first_operand(as_value(o))), *b = Py_XNewRef(as_value(o)->b), *out = NULL;
    PyObject *shown = a && Py_TYPE(a) == mg_hidden_class ? values_of((hidden *)a) : a ? a : Py_None;
    if (shown)
        out = PyTuple_Pack(2, shown, b ? b : Py_None);
    Py_XDECREF(a);
    Py_XDECREF(b);
    return out;
}
