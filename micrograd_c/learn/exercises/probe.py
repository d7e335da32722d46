"""What a probe is: it has cases, and observes what some code makes of one. The engine's code gives the truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from ...engine import Value
from .graphs import code, graphs

__all__ = ["Case", "Names", "Probe", "Seen"]

Case = dict[str, Any]  # as JSON has it
Names = dict[str, Any]  # what a file defines
Seen = Iterator[tuple[str, Any]]  # a label, and what was observed


class Probe:
    """What one kind of exercises is about."""

    needs: tuple[str, ...] = ("Value",)
    engine: ClassVar[Names] = {"Value": Value}

    def cases(self, ops: list[str]) -> Iterable[Case]:
        """Give the cases, small ones first."""
        return graphs(ops)

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield what the code does in a case."""
        raise NotImplementedError

    def truth(self, case: Case) -> Seen:
        """Yield what it should do."""
        return self.observe(self.engine, case)

    def named(self, of: Names, cases: list[Case]) -> str:
        """Return the name of a mistake that can be seen better than by what comes out; else ''."""
        return ""

    def code(self, case: Case) -> list[str]:
        """Return the case as lines of Python."""
        return code(case)

    def root(self, case: Case) -> tuple[Value, dict[str, Value]] | None:
        """Return the engine's result of the case, and names for the page, where backward is the subject."""
        return None
