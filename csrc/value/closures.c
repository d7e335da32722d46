/* closures.c - the closures of Values by the handle of their node. */
#include "value.h"

/* Each place begins a list of Values whose handles have the same last bits. It grows and shrinks with what it holds. */
static struct {
    value **lists;
    size_t places; /* a power of 2, or 0 */
    size_t values;
} closures;

enum { FIRST_PLACES = 64 };

static value **closures_of(int32_t handle)
{
    return &closures.lists[(size_t)handle & (closures.places - 1)];
}

value *mg_with_closure(int32_t handle)
{
    value *v = closures.places ? *closures_of(handle) : NULL;

    while (v && v->handle != handle)
        v = extra_of(v)->next;
    return v;
}

/* No memory: the lists stay as they are, and only get longer. */
static void resize_closures(size_t places)
{
    value **old = closures.lists;
    const size_t old_places = closures.places;
    value **lists = PyMem_Calloc(places, sizeof(value *));

    if (!lists)
        return;
    closures.lists = lists;
    closures.places = places;
    for (size_t i = 0; i < old_places; i++)
        for (value *v = old[i], *next; v; v = next) {
            next = extra_of(v)->next;
            value **list = closures_of(v->handle);
            extra_of(v)->next = *list;
            *list = v;
        }
    PyMem_Free(old);
}

int mg_list_closure(value *v)
{
    extra *x = extra_of(v);

    if (x->listed)
        return 0;
    if (closures.values >= closures.places)
        resize_closures(closures.places ? 2 * closures.places : FIRST_PLACES);
    if (!closures.places) {
        PyErr_NoMemory();
        return -1;
    }
    value **list = closures_of(v->handle);
    x->next = *list;
    *list = v;
    x->listed = true;
    closures.values++;
    return 0;
}

void mg_unlist_closure(value *v)
{
    extra *x = extra_of(v);

    if (!x || !x->listed)
        return;
    value **at = closures_of(v->handle);
    while (*at != v)
        at = &extra_of(*at)->next;
    *at = x->next;
    x->listed = false;
    closures.values--;
    if (closures.places > FIRST_PLACES && closures.values < closures.places / 8)
        resize_closures(closures.places / 4);
}
