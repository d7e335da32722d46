/* value.c - what all of value/ needs: the types, numbers, errors. */
#include "value.h"

const mg_engine *mg_shared;
PyTypeObject *mg_value_class, *mg_hidden_class;
struct mg_python mg_python;
struct mg_kept mg_kept;
struct mg_layout mg_layout;

/* The __basicsize__ of a type; -1: an exception is set. */
static Py_ssize_t size_of(PyTypeObject *type)
{
    PyObject *size = PyObject_GetAttrString((PyObject *)type, "__basicsize__");
    const Py_ssize_t bytes = size ? PyLong_AsSsize_t(size) : -1;

    Py_XDECREF(size);
    return bytes;
}

bool mg_look_at_layout(void)
{
    const double x = 0.1;
    PyObject *tuple = Py_BuildValue("(d[O])", x, Py_True);
    if (!tuple)
        return false;
    PyObject *number = PyTuple_GetItem(tuple, 0), *list = PyTuple_GetItem(tuple, 1);
    const Py_ssize_t floats = size_of(&PyFloat_Type), lists = size_of(&PyList_Type),
                     tuples = size_of(&PyTuple_Type), head = sizeof(PyVarObject);

    mg_layout.floats = floats == (Py_ssize_t)(sizeof(PyObject) + sizeof x) &&
                       memcmp((char *)number + sizeof(PyObject), &x, sizeof x) == 0;
    mg_layout.lists = lists == head + (Py_ssize_t)(2 * sizeof(PyObject *)) && *mg_list_items(list) == Py_True;
    /* From 3.14 on a hash stands before the items. */
    if (tuples >= head && tuples <= 2 * head && memcmp((char *)tuple + tuples, &number, sizeof number) == 0)
        mg_layout.tuple_items = (size_t)tuples;
    Py_DECREF(tuple);
    return !PyErr_Occurred();
}

/* numpy's scalars that have been met: float() is all that they need. */
enum { SCALARS = 16 };
static PyTypeObject *scalars[SCALARS];

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

int mg_from_numpy(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);

    if (type == &PyFloat_Type || type == &PyLong_Type || type == &PyBool_Type)
        return 0;
    if (is_plain(o))
        return 1;
    PyObject *answer = PyObject_CallFunctionObjArgs(mg_python.from_numpy, o, NULL);
    const int truth = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return truth;
}

void mg_set_numpy(value *leaf, int numpy)
{
    if (numpy && !leaf->b)
        leaf->b = Py_NewRef(NUMPY);
}

/* What the Python half has answered, NULL: an exception; see number_of. */
static int take_number(PyObject *number, double *out)
{
    const int status = !number ? -1 : number == Py_None ? 0 : float_of(number, out);

    Py_XDECREF(number);
    return status;
}

int mg_number_of(PyObject *o, double *out)
{
    return is_plain(o) ? float_of(o, out)
                       : take_number(PyObject_CallFunctionObjArgs(mg_python.number, o, NULL), out);
}

int mg_to_double(PyObject *o, const char *what, double *out)
{
    return is_plain(o) ? float_of(o, out)
                       : take_number(PyObject_CallFunction(mg_python.to_float, "Os", o, what), out);
}

PyObject *mg_fail(int32_t status, int op, PyObject *x, PyObject *y)
{
    const char *types = y ? "iiOO" : x ? "iiO" : "ii";
    PyObject *error = PyObject_CallFunction(mg_python.failure, types, (int)status, op, x, y);

    if (!error || is_value(error))
        return error;
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
    return NULL;
}

PyObject *mg_no_number(int op, PyObject *other, PyObject *x, const char *side)
{
    return PyObject_CallFunction(mg_python.no_number, "iOOs", op, other, x, side);
}

value *mg_expect_value(PyObject *o)
{
    if (is_value(o))
        return as_value(o);
    mg_fail(MG_EHANDLE, 0, o, NULL);
    return NULL;
}

PyObject *mg_py_add_scalar(PyObject *module, PyObject *type)
{
    (void)module;
    for (int i = 0; PyType_Check(type) && i < SCALARS; i++)
        if (!scalars[i]) {
            scalars[i] = (PyTypeObject *)Py_NewRef(type);
            break;
        }
    Py_RETURN_NONE;
}
