/* slots.c - the type: the ops of the table as operators and methods. */
#include "value.h"
#include <structmember.h>

/* op(x), op(x, y) or op(x; k) with k in y. Where op is a constant there is nothing left of the table. */
__attribute__((always_inline)) static inline PyObject *apply(int op, PyObject *x, PyObject *y, double k)
{
    value *out = new_value();

    if (!out)
        return NULL;
    mg_lock();
    const int32_t handle =
        mg_make(op, as_value(x)->handle, mg_shape_of[op] == MG_TWO ? as_value(y)->handle : 0, k, NULL);
    if (handle >= 0)
        take_node(out, handle);
    mg_unlock();
    if (handle < 0) {
        Py_DECREF(out);
        return mg_fail(handle, op, x, y);
    }
    set_parts(out, x, y);
    return (PyObject *)out;
}

static PyObject *unary(int op, PyObject *x)
{
    return apply(op, x, NULL, 0.0);
}

static PyObject *binary_values(int op, PyObject *x, PyObject *y)
{
    return apply(op, x, y, 0.0);
}

static inline PyObject *unary_k(int op, PyObject *x, PyObject *number, const char *side)
{
    double k;
    const int is_number = number_of(number, &k);

    if (is_number <= 0)
        return is_number < 0 ? NULL : mg_no_number(op, number, x, side);
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
        return mg_no_number(op, number, x, left ? "left" : "right");
    value *out = new_value(), *leaf = out ? new_value() : NULL;
    if (!leaf) {
        Py_XDECREF(out);
        return NULL;
    }
    mg_lock();
    const int32_t handle = mg_make_with_number(op, as_value(x)->handle, c, left, &leaf->handle);
    if (handle >= 0) {
        take_node(leaf, leaf->handle);
        take_node(out, handle);
    }
    mg_unlock();
    PyObject *a = left ? (PyObject *)leaf : x, *b = left ? x : (PyObject *)leaf;
    if (handle < 0) {
        Py_DECREF(out);
        out = (value *)(left ? mg_fail(handle, op, number, x) : mg_fail(handle, op, x, number));
    } else {
        mg_set_numpy(leaf, numpy);
        set_parts(out, a, b);
    }
    Py_DECREF(leaf);
    return (PyObject *)out;
}

/* Operators that an op is made of where the class of an operand overrides them; micrograd makes it so always. */
static PyObject *slot_ADD(PyObject *x, PyObject *y), *slot_MUL(PyObject *x, PyObject *y),
    *slot_NEG(PyObject *x), *value_power(PyObject *x, PyObject *y, PyObject *modulus);

/* An operator: its slot, and which of the words it is that a word of the type points to. */
enum { MG_NUMBER_WORD = 12 };
#define ADD_SLOT Py_nb_add, 0, (void *)slot_ADD
#define MUL_SLOT Py_nb_multiply, 2, (void *)slot_MUL
#define POWER_SLOT Py_nb_power, 5, (void *)value_power
#define NEG_SLOT Py_nb_negative, 6, (void *)slot_NEG

static inline void *operator_at(PyTypeObject *type, int word)
{
    return (*(void ***)((void **)(void *)type + MG_NUMBER_WORD))[word];
}

static inline bool overrides(PyObject *o, int slot, int word, void *ours)
{
    PyTypeObject *const type = Py_TYPE(o);

    return type != mg_value_class &&
           (mg_layout.numbers ? operator_at(type, word) : PyType_GetSlot(type, slot)) != ours;
}

/* After mg_look_at_class. */
static void look_at_operators(PyTypeObject *cls)
{
    mg_layout.numbers = mg_layout.classes && operator_at(cls, 0) == (void *)slot_ADD &&
                        operator_at(cls, 2) == (void *)slot_MUL &&
                        operator_at(cls, 5) == (void *)value_power && operator_at(cls, 6) == (void *)slot_NEG;
}

/* May op(x, y) be made of operators of the user's? Operands that are no Values are NULL. */
static inline bool may_be_made(int op, PyObject *x, PyObject *y)
{
    switch (op) {
    case MG_NEG:
        return overrides(x, MUL_SLOT);
    case MG_ADD: /* 1 + v is v + 1; Python has asked a Value on the left before */
        return !x && overrides(y, ADD_SLOT);
    case MG_MUL:
        return !x && overrides(y, MUL_SLOT);
    case MG_SUB:
        return (x && overrides(x, ADD_SLOT)) || (y && (overrides(y, NEG_SLOT) || overrides(y, MUL_SLOT)));
    case MG_TRUEDIV:
        return (x && overrides(x, MUL_SLOT)) || (y && overrides(y, POWER_SLOT));
    default:
        return false;
    }
}

/* Python looks closer, since a slot has reflected operators too. Is `out` op(x, y)? If not, it is a node. */
__attribute__((noinline)) static bool made_of_others(int op, PyObject *x, PyObject *y, PyObject **out)
{
    *out = PyObject_CallMethod((PyObject *)mg_value_class, "_mg_made", y ? "iOO" : "iO", op, x, y);
    if (*out != Py_NotImplemented)
        return true;
    Py_DECREF(*out);
    return false;
}

static inline PyObject *binary(int op, PyObject *x, PyObject *y)
{
    const bool left = is_value(x), right = !left || is_value(y);
    PyObject *out;

    if (may_be_made(op, left ? x : NULL, right ? y : NULL) && made_of_others(op, x, y, &out))
        return out;
    if (!left)
        return binary_number(op, y, x, true);
    return right ? binary_values(op, x, y) : binary_number(op, x, y, false);
}

/* -x of a class of the user's. */
__attribute__((noinline)) static PyObject *negative(PyObject *x)
{
    PyObject *out;
    return may_be_made(MG_NEG, x, NULL) && made_of_others(MG_NEG, x, NULL, &out) ? out : unary(MG_NEG, x);
}

/* A binary op as a method: Python asks no other operand after it. */
static PyObject *binary_method(int op, PyObject *x, PyObject *y)
{
    PyObject *out = binary(op, x, y);

    if (out != Py_NotImplemented)
        return out;
    Py_DECREF(out);
    return mg_no_number(op, y, x, "");
}

/* x.op(k), with the default of the table where k is not given. */
static PyObject *k_method(int op, const char *name, double default_k, PyObject *x, PyObject *args,
                          PyObject *kwargs)
{
    static char *keywords[] = {"k", NULL};
    PyObject *k = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", keywords, &k)) {
        char format[64];

        if (!PyErr_ExceptionMatches(PyExc_TypeError)) /* raised by a key that is of a class of its own */
            return NULL;
        PyErr_Clear(); /* the same error again, with the name of the method */
        PyOS_snprintf(format, sizeof format, "|O:Value.%s", name);
        if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, keywords, &k))
            return NULL;
    }
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
        return MG_##id == MG_NEG && Py_TYPE(x) != mg_value_class ? negative(x) : unary(MG_##id, x);          \
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
        return Py_TYPE(x) == mg_value_class && Py_TYPE(y) == mg_value_class ? apply(MG_##id, x, y, 0.0)      \
                                                                            : binary(MG_##id, x, y);         \
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
    return is_value(y) ? binary_values(MG_POWER, x, y) : unary_k(MG_POW, x, y, "right");
}

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
} op_methods[] = {
#define OP1(id, ...) {#id, (void *)slot_##id, method_##id, METH_NOARGS},
#define OP1K(id, ...) {#id, NULL, (PyCFunction)(void (*)(void))method_##id, METH_VARARGS | METH_KEYWORDS},
#define OP2(id, ...) {#id, (void *)slot_##id, method_##id, METH_O},
#define INSTEAD(...)
#include "ops.def"
};

enum { ROWS = sizeof op_methods / sizeof *op_methods, OPERATORS = sizeof operators / sizeof *operators };

static PyMethodDef methods[ROWS + 1];

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(value, weakrefs), READONLY, NULL},
    {"_mg_h", T_INT, offsetof(value, handle), READONLY, "Handle of the node."},
    {NULL, 0, 0, 0, NULL},
};

static void lower(char *name)
{
    for (; *name; name++)
        if (*name >= 'A' && *name <= 'Z')
            *name = (char)(*name - 'A' + 'a');
}

PyObject *mg_make_type(void)
{
    const bool has_slot = mg_has_call_slot();
    PyType_Slot slots[ROWS + 17];
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
            methods[methods_n++] =
                (PyMethodDef){op_methods[i].name, op_methods[i].method, op_methods[i].method_flags, ""};
    }
#define OP1K(id, ...) lower(name_##id);
#include "ops.def"
    slots[n++] = (PyType_Slot){
        Py_tp_doc,
        "Value(data, _children=(), _op='', name='', label='', *, children=(), local_grads=None)\n--\n\n"};
    slots[n++] = (PyType_Slot){Py_tp_methods, methods};
    slots[n++] = (PyType_Slot){Py_tp_members, members};
    slots[n++] = (PyType_Slot){Py_tp_getset, mg_getset};
    slots[n++] = (PyType_Slot){Py_tp_new, (void *)mg_value_new};
    slots[n++] = (PyType_Slot){Py_tp_init, (void *)mg_value_init};
    slots[n++] = (PyType_Slot){Py_tp_dealloc, (void *)mg_dealloc};
    slots[n++] = (PyType_Slot){Py_tp_traverse, (void *)mg_value_traverse};
    slots[n++] = (PyType_Slot){Py_tp_clear, (void *)mg_value_clear};
    slots[n++] = (PyType_Slot){Py_tp_getattro, (void *)mg_value_getattro};
    slots[n++] = (PyType_Slot){Py_tp_setattro, (void *)mg_value_setattro};
    slots[n++] = (PyType_Slot){Py_nb_power, (void *)value_power};
    if (has_slot)
        slots[n++] = (PyType_Slot){MG_CALL_SLOT, (void *)mg_value_call};
    slots[n] = (PyType_Slot){0, NULL};
    PyType_Spec spec = {"micrograd_c.engine.Value", sizeof(value), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
    PyObject *type = PyType_FromSpec(&spec);
    if (type) {
        mg_look_at_class((PyTypeObject *)type, !has_slot);
        look_at_operators((PyTypeObject *)type);
    }
    return type;
}

/* set_docs({name of a method: its docstring}) */
PyObject *mg_py_set_docs(PyObject *module, PyObject *docs)
{
    (void)module;
    Py_INCREF(docs); /* for ever: the methods refer to its texts */
    for (PyMethodDef *method = methods; method->ml_name; method++) {
        PyObject *text = PyMapping_GetItemString(docs, method->ml_name);
        const char *doc = text ? PyUnicode_AsUTF8AndSize(text, NULL) : NULL;
        Py_XDECREF(text);
        if (!doc)
            return NULL;
        method->ml_doc = doc;
    }
    Py_RETURN_NONE;
}
