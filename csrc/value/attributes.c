/* attributes.c - data, grad, and whatever else a user assigns. */
#include "value.h"

#define GRAD ((void *)mg_getset) /* said of a column: grad, where NULL is data */

PyObject *mg_name_by_hand;
static PyObject *name_data, *name_grad, *name_backward, *name_op, *name_class, *name_dict;

static PyObject *get_column(PyObject *self, void *grad)
{
    mg_lock();
    const int32_t row = mg_row(as_value(self)->handle);
    const double number = row < 0 ? 0.0 : grad ? mg.grad[row] : mg.data[row];
    mg_unlock();
    return row < 0 ? mg_fail(row, 0, NULL, NULL) : PyFloat_FromDouble(number);
}

static int set_column(PyObject *self, PyObject *o, void *grad)
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
    const int numpy = grad ? 0 : from_numpy(o);
    if (numpy < 0)
        return -1;
    mg_lock();
    const int32_t row = mg_row(as_value(self)->handle);
    if (row >= 0)
        *(grad ? &mg.grad[row] : &mg.data[row]) = number;
    mg_unlock();
    if (row >= 0 && !(numpy && first_operand(as_value(self)))) {
        mg_set_numpy(as_value(self), numpy);
        return 0;
    }
    PyObject *done = PyObject_CallMethod(self, "_assigned_first", "sO", grad ? "grad" : "data", o);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* ---- attributes ---- */

extra *mg_need_extra(value *v)
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
    extra *x = mg_need_extra(v);

    if (x && !x->dict) {
        PyObject *dict = PyDict_New(); /* a collection in it could run code that sets attributes */
        if (x->dict)
            Py_XDECREF(dict);
        else
            x->dict = dict;
    }
    return x ? x->dict : NULL;
}

/* Dictionaries are held while they are read: a key may have an __eq__ that gives v another one, or none. */

/* What stands in a dictionary under a name, or NULL: look for an exception. */
static PyObject *item_at(PyObject *dict, PyObject *name)
{
    Py_INCREF(dict);
    PyObject *found = PyDict_GetItemWithError(dict, name);
    Py_XINCREF(found);
    Py_DECREF(dict);
    return found;
}

/* 1: v has such an attribute in its dictionary; 0: it has not; -1: an exception is set. */
static int is_there(value *v, PyObject *name)
{
    PyObject *dict = v->flags & EXTRA ? Py_XNewRef(extra_of(v)->dict) : NULL;
    const int there = dict ? PyDict_Contains(dict, name) : 0;

    Py_XDECREF(dict);
    return there;
}

/* Deletes an attribute from the dictionary of v: 1; 0: it has none; -1: an exception is set. */
static int remove_item(value *v, PyObject *name)
{
    PyObject *dict = v->flags & EXTRA ? Py_XNewRef(extra_of(v)->dict) : NULL;
    int there = dict ? PyDict_Contains(dict, name) : 0;

    if (there > 0 && PyDict_DelItem(dict, name) < 0)
        there = -1;
    Py_XDECREF(dict);
    return there;
}

static inline bool is_name(PyObject *name, PyObject *other)
{
    return name == other || PyUnicode_Compare(name, other) == 0;
}

void mg_replace(PyObject **place, PyObject *o)
{
    PyObject *old = *place;

    Py_XINCREF(o);
    *place = o;
    Py_XDECREF(old);
}

static int put_label(value *v, PyObject *label)
{
    extra *x = mg_need_extra(v);

    if (!x || mg_expect_cycles_of(v, label) < 0)
        return -1;
    mg_replace(&x->label, label);
    return 0;
}

int mg_put_closure(value *v, PyObject *closure)
{
    extra *x = closure ? mg_need_extra(v) : extra_of(v);

    if (!x)
        return closure ? -1 : 0;
    if (closure && mg_expect_cycles_of(v, closure) < 0)
        return -1;
    mg_lock();
    const int32_t row = mg_row(v->handle);
    if (row >= 0)
        mg.op[row] = (uint8_t)((mg.op[row] & ~MG_PYTHON) | (closure ? MG_PYTHON : 0));
    mg_unlock();
    mg_replace(&x->closure, closure);
    return 0;
}

static int put(value *v, PyObject *name, PyObject *o)
{
    if (is_name(name, name_op))
        return put_label(v, o);
    if (is_name(name, name_backward))
        return mg_put_closure(v, o);

    if (mg_expect_cycles_of(v, o) < 0)
        return -1;
    mg_track(v);
    PyObject *dict = Py_XNewRef(attributes(v));
    const int done = dict ? PyDict_SetItem(dict, name, o) : -1;
    Py_XDECREF(dict);
    return done;
}

int mg_class_attribute(PyObject *o, PyObject *name, PyObject **found)
{
    *found = PyObject_GetAttr((PyObject *)Py_TYPE(o), name);
    if (*found)
        return 1;
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return -1;
    PyErr_Clear();
    return 0;
}

/* Has the class of v a descriptor with a setter under this name? Those of two names are hidden behind attributes that
 * the class has as an object. */
static int is_data_descriptor(PyObject *v, PyObject *name)
{
    PyObject *descriptor;
    int has = mg_class_attribute(v, name, &descriptor);

    if (has > 0) {
        has = PyType_GetSlot(Py_TYPE(descriptor), Py_tp_descr_set) != NULL || is_name(name, name_class) ||
              is_name(name, name_dict);
        Py_DECREF(descriptor);
    }
    return has;
}

/* An attribute was not found: names the remedy where the name is no private one. Returns NULL. */
static PyObject *absent(PyObject *self, PyObject *name)
{
    PyObject *type, *error, *traceback, *ours = NULL;

    if (!PyErr_ExceptionMatches(PyExc_AttributeError) || !PyUnicode_Check(name) ||
        PyUnicode_GetLength(name) == 0 || PyUnicode_ReadChar(name, 0) == '_' || !mg_python.absent)
        return NULL;
    PyErr_Fetch(&type, &error, &traceback);
    ours = PyObject_CallFunctionObjArgs(mg_python.absent, self, name, NULL);
    if (ours == Py_None || (!ours && PyErr_ExceptionMatches(PyExc_Exception))) {
        PyErr_Clear();
        PyErr_Restore(type, error, traceback);
    } else { /* without ours a Ctrl-C, which hasattr() passes on */
        if (ours)
            PyErr_SetObject(PyExc_AttributeError, ours);
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(traceback);
    }
    Py_XDECREF(ours);
    return NULL;
}

__attribute__((noinline)) static PyObject *get_other(PyObject *self, PyObject *name)
{
    extra *x = extra_of(as_value(self));

    if (x && x->dict) {
        PyObject *found = item_at(x->dict, name);
        if (!found && PyErr_Occurred())
            return NULL;
        if (found) {
            const int overruled = Py_TYPE(self) != mg_value_class ? is_data_descriptor(self, name) : 0;
            if (!overruled)
                return found;
            Py_DECREF(found);
            if (overruled < 0)
                return NULL;
        }
    }
    PyObject *found = PyObject_GenericGetAttr(self, name);
    return found ? found : absent(self, name);
}

/* The row of a Value that no other thread can change, MG_EHANDLE: look for it under the lock. */
static inline int32_t row_at_once(PyObject *self)
{
    return *mg_shared->single_threaded ? mg_row(as_value(self)->handle) : MG_EHANDLE;
}

PyObject *mg_value_getattro(PyObject *self, PyObject *name)
{
    if (Py_TYPE(self) == mg_value_class && name == name_data) {
        const int32_t row = row_at_once(self);
        return row < 0 ? get_column(self, NULL) : PyFloat_FromDouble(mg.data[row]);
    }
    if (Py_TYPE(self) == mg_value_class && name == name_grad) {
        const int32_t row = row_at_once(self);
        return row < 0 ? get_column(self, GRAD) : PyFloat_FromDouble(mg.grad[row]);
    }
    return get_other(self, name);
}

__attribute__((noinline)) static int set_other(PyObject *self, PyObject *name, PyObject *o)
{
    value *v = as_value(self);
    extra *x = extra_of(v);

    if (Py_TYPE(self) == mg_value_class) {
        if (name == name_backward && o && PyCallable_Check(o))
            return mg_put_closure(v, o);
        const int there = o ? is_there(v, name) : 0;
        if (there)
            return there < 0 ? -1 : put(v, name, o);
    }
    const int descriptor = is_data_descriptor(self, name);
    if (descriptor < 0 ||
        (is_name(name, name_class) && mg_expect_cycles(v) < 0)) /* of a subclass it is CYCLIC */
        return -1;
    if (descriptor) {
        const int done = PyObject_GenericSetAttr(self, name, o);
        if (done < 0 && is_name(name, name_class) && o && PyType_Check(o) &&
            PyType_IsSubtype((PyTypeObject *)o, mg_value_class) && PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError,
                         "__class__ assignment: the object layout of %R differs; Values of classes with "
                         "__slots__ = () become one another, and attributes can be set on them all the same",
                         o);
        return done;
    }
    if (Py_TYPE(self) !=
        mg_value_class) { /* a subclass without __slots__ keeps attributes in a __dict__ of its own */
        if (PyObject_GenericSetAttr(self, name, o) == 0)
            return 0;
        if (!PyErr_ExceptionMatches(PyExc_AttributeError) || (!o && !x))
            return -1;
        PyErr_Clear();
    }
    if (o)
        return put(v, name, o);
    const int removed = remove_item(v, name);
    if (removed)
        return removed < 0 ? -1 : 0;
    if (Py_TYPE(self) != mg_value_class)
        return PyObject_GenericSetAttr(self, name, NULL); /* raises once more */
    PyErr_Format(PyExc_AttributeError, "'Value' object has no attribute %R", name);
    return -1;
}

int mg_value_setattro(PyObject *self, PyObject *name, PyObject *o)
{
    if (Py_TYPE(self) == mg_value_class && (name == name_data || name == name_grad)) {
        const bool grad = name == name_grad;
        const int32_t row = o && PyFloat_CheckExact(o) ? row_at_once(self) : MG_EHANDLE;
        if (row < 0)
            return set_column(self, o, grad ? GRAD : NULL);
        (grad ? mg.grad : mg.data)[row] = double_in(o);
        return 0;
    }
    return set_other(self, name, o);
}

static PyObject *get_dict(PyObject *self, void *nothing)
{
    value *v = as_value(self);
    PyObject *dict = attributes(v);

    (void)nothing;
    if (!dict)
        return NULL;
    Py_INCREF(dict);
    if (mg_expect_cycles(v) < 0) { /* its holder can put anything in */
        Py_DECREF(dict);
        return NULL;
    }
    return dict;
}

static int set_dict(PyObject *self, PyObject *dict, void *nothing)
{
    value *v = as_value(self);

    (void)nothing;
    if (dict && !PyDict_Check(dict)) {
        PyErr_Format(PyExc_TypeError, "__dict__ must be set to a dictionary, not %R", dict);
        return -1;
    }
    if (!attributes(v) || mg_expect_cycles(v) < 0)
        return -1;
    mg_replace(&extra_of(v)->dict, dict);
    return 0;
}

PyObject *mg_py_peek(PyObject *module, PyObject *args)
{
    PyObject *node, *name, *otherwise = Py_None, *found = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "OO|O", &node, &name, &otherwise) || !mg_expect_value(node))
        return NULL;
    extra *x = extra_of(as_value(node));
    if (x && is_name(name, name_op))
        found = Py_XNewRef(x->label);
    else if (x && is_name(name, name_backward))
        found = Py_XNewRef(x->closure);
    else if (x && x->dict)
        found = item_at(x->dict, name);
    return found || PyErr_Occurred() ? found : Py_NewRef(otherwise);
}

PyObject *mg_py_put(PyObject *module, PyObject *args)
{
    PyObject *node, *name, *o;

    (void)module;
    if (!PyArg_ParseTuple(args, "OUO", &node, &name, &o) || !mg_expect_value(node) ||
        put(as_value(node), name, o) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *mg_py_attributes(PyObject *module, PyObject *node)
{
    (void)module;
    if (!mg_expect_value(node))
        return NULL;
    PyObject *dict =
        Py_TYPE(node) != mg_value_class ? PyObject_GetAttrString(node, "__dict__") : PyDict_New();
    PyObject *copy = dict ? PyDict_Copy(dict) : NULL;
    Py_XDECREF(dict);
    extra *x = extra_of(as_value(node));
    /* Held: keys of the dictionary may have an __eq__ that changes all of it. */
    PyObject *own = x ? Py_XNewRef(x->dict) : NULL, *label = x ? Py_XNewRef(x->label) : NULL,
             *closure = x ? Py_XNewRef(x->closure) : NULL;
    if (copy &&
        ((own && PyDict_Update(copy, own) < 0) || (label && PyDict_SetItem(copy, name_op, label) < 0) ||
         (closure && PyDict_SetItem(copy, name_backward, closure) < 0)))
        Py_CLEAR(copy);
    Py_XDECREF(own);
    Py_XDECREF(label);
    Py_XDECREF(closure);
    return copy;
}

PyGetSetDef mg_getset[] = {
    {"data", get_column, set_column,
     "The value of this node, a float; may be assigned. What was computed from it stays as it is.", NULL},
    {"grad", get_column, set_column,
     "The derivative of the root with respect to this node, summed over backward() calls; may be assigned.",
     GRAD},
    {"__dict__", get_dict, set_dict, "Attributes.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

bool mg_intern_names(void)
{
    name_data = PyUnicode_InternFromString("data");
    name_grad = PyUnicode_InternFromString("grad");
    name_backward = PyUnicode_InternFromString("_backward");
    name_op = PyUnicode_InternFromString("_op");
    name_class = PyUnicode_InternFromString("__class__");
    name_dict = PyUnicode_InternFromString("__dict__");
    mg_name_by_hand = PyUnicode_InternFromString("_by_hand");
    return name_class && name_dict && name_data && name_grad && name_backward && name_op && mg_name_by_hand;
}
