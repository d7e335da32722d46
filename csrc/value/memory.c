/* memory.c - the memory of Values. */
#include "value.h"

struct mg_kept mg_kept;

/* The memory of all Values but those of subclasses. A free place holds 2 * the next one + 1; place 0 is nobody's. */
static struct {
    value **at;
    uint32_t places, used; /* in `at`, the first `places` of which have been in use */
    uint32_t capacity, free;
} values = {.places = 1};

enum { FIRST_VALUES = 1024, MOST_VALUES = 1 << (32 - PLACE_BITS) };

static void set_place(value *v, uint32_t place)
{
    values.at[place] = v;
    v->flags = (v->flags & ((1u << PLACE_BITS) - 1)) | place << PLACE_BITS;
}

static value *at_place(uint32_t place)
{
    return (uintptr_t)values.at[place] & 1 ? NULL : values.at[place];
}

/* Memory for so many places, the used ones together. */
static bool resize_values(uint32_t capacity)
{
    if (values.free) {
        uint32_t places = 1;
        for (uint32_t place = 1; place < values.places; place++)
            if (at_place(place))
                set_place(at_place(place), places++);
        values.places = places;
        values.free = 0;
    }
    value **at = PyMem_Realloc(values.at, capacity * sizeof *at);
    if (at) {
        values.at = at;
        values.capacity = capacity;
    }
    return at != NULL;
}

/* Gives v a place. False: no memory. */
static bool list_value(value *v)
{
    uint32_t place = values.free;

    if (place) {
        values.free = (uint32_t)((uintptr_t)values.at[place] >> 1);
    } else {
        if (values.places >= values.capacity &&
            (values.capacity >= MOST_VALUES ||
             !resize_values(values.capacity ? 2 * values.capacity : FIRST_VALUES)))
            return false;
        place = values.places++;
    }
    values.used++;
    set_place(v, place);
    return true;
}

void mg_unlist_value(value *v)
{
    const uint32_t place = v->flags >> PLACE_BITS;

    if (!place)
        return;
    values.at[place] = (value *)((uintptr_t)values.free << 1 | 1);
    values.free = place;
    values.used--;
    if (values.capacity > FIRST_VALUES && values.used < values.capacity / 8)
        (void)resize_values(values.capacity / 4);
}

value *mg_next_value(uint32_t *place)
{
    while (++*place < values.places) {
        value *v = at_place(*place);
        if (v && Py_REFCNT(v) > 0 && !(v->flags & DYING))
            return v;
    }
    return NULL;
}

value *mg_fresh_value(void)
{
    value *v = PyObject_GC_New(value, mg_value_class);

    if (!v)
        return NULL;
    v->flags = 0;
    if (!list_value(v)) {
        PyObject_GC_Del(v);
        return (value *)PyErr_NoMemory();
    }
    return v;
}
