"""Figures of the arena, and which core of Value is in use."""

from . import TYPE_CHECKING, Any, core, ffi, lib


class Stats(dict[str, Any]):
    """Figures of the arena, as items and as attributes.

    Attributes
    ----------
    live_nodes, rows, capacity : int
        Values alive; rows in use, those of the dead too; rows there is memory for.
    bytes_in_use : int
        Memory of the arena.
    squeezes : int
        How often dead rows were squeezed out so far.
    open_sweeps : int
        Calls of backward() that wait for a Python closure.
    core : str
        The core of Value, 'native' or 'cffi'.
    """

    live_nodes: int
    rows: int
    capacity: int
    bytes_in_use: int
    squeezes: int
    open_sweeps: int
    core: str

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            try:
                return self[name]
            except KeyError:
                raise AttributeError(f"no figure {name!r}; there are {', '.join(self)}") from None

    def __dir__(self) -> list[str]:
        return [*self, *(name for name in object.__dir__(self) if name[0] != "_")]


def stats() -> Stats:
    """Return the figures of the arena."""
    core.flush()
    figures = ffi.new("mg_figures *")
    lib.mg_stats(figures)
    names = [name for name, _ in ffi.typeof("mg_figures").fields]
    return Stats({name: getattr(figures, name) for name in names}, core=core.NAME)
