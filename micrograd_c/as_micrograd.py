"""Lets `import micrograd` find micrograd-c: import this first.

>>> import micrograd_c.as_micrograd
>>> from micrograd.engine import Value      # micrograd_c.engine.Value
>>> from micrograd.nn import MLP

It makes no difference whether micrograd is installed. Processes that multiprocessing starts find micrograd-c too.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec, spec_from_loader

import micrograd_c
from micrograd_c import engine
from micrograd_c._core import Any

sys.modules["micrograd"] = micrograd_c
sys.modules["micrograd.engine"] = engine
sys.modules.pop("micrograd.nn", None)  # of an installed micrograd


class _Networks:
    """Finds micrograd.nn, when it is first asked for."""

    spec: Any = None

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> Any:
        """Return a spec of micrograd_c.nn under this name."""
        loader: Any = cls()
        return spec_from_loader(name, loader) if name == "micrograd.nn" else None

    def create_module(self, spec: Any) -> Any:
        """Return micrograd_c.nn itself."""
        from micrograd_c import nn

        self.spec = nn.__spec__
        return nn

    def exec_module(self, module: Any) -> None:
        """Give it its spec back: it has been run already."""
        module.__spec__ = self.spec


sys.meta_path.insert(0, _Networks)


def step_back() -> None:
    """Let `import micrograd` find what the search path has."""
    sys.meta_path.remove(_Networks)
    for name in [x for x in sys.modules if x.partition(".")[0] == "micrograd"]:
        del sys.modules[name]


# ---- processes that are started anew, by "spawn" and "forkserver" ------------------------------------------------
# Such a process unpickles what its parent tells it about itself, then it imports the main script. What it is told
# has a message in it, which imports this module.


def tell(data: dict[str, Any]) -> str:
    """Change what such a process is told, and return what else it has to run; replace.py puts its own here."""
    return ""


class _Message:
    """Imports this module where it is unpickled, before the search path of the parent is known there."""

    def __init__(self, path: list[str], more: str) -> None:
        folder = os.path.dirname(os.path.dirname(os.path.abspath(micrograd_c.__file__)))
        self.path, self.more = path if folder in path else [folder, *path], more

    def __reduce__(self) -> Any:
        return exec, (f"import sys; sys.path = {self.path!r}; import micrograd_c.as_micrograd; {self.more}",)


def _send_along(spawn: Any) -> None:
    """Put the message into what each process is told that `spawn`, multiprocessing.spawn, prepares."""
    prepare = spawn.get_preparation_data

    def get_preparation_data(name: str) -> Any:
        data = prepare(name)
        data["micrograd_c"] = _Message(data["sys_path"], tell(data))
        if name == "ignore":  # for the fork server itself, which gets no message: its children import the script
            data.pop("init_main_from_path", None)
        return data

    spawn.get_preparation_data = get_preparation_data


class _Finder:
    """Waits until multiprocessing.spawn is imported: it takes longer than all of this package."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of multiprocessing.spawn with the message in it."""
        if name != "multiprocessing.spawn":
            return None
        sys.meta_path.remove(_Finder)
        spec: Any = find_spec(name)
        exec_module = spec.loader.exec_module

        def execute(module: Any) -> None:
            exec_module(module)
            _send_along(module)

        spec.loader.exec_module = execute
        return spec


if "multiprocessing.spawn" in sys.modules:
    _send_along(sys.modules["multiprocessing.spawn"])
else:
    sys.meta_path.insert(0, _Finder)
