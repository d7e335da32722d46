"""What annotations name: `typing` takes longer to import than all of this package."""

# collections.abc is these, and imports `collections`; they are there in every process, by `os`.
from _collections_abc import Callable as Callable
from _collections_abc import Collection as Collection
from _collections_abc import Iterable as Iterable
from _collections_abc import Iterator as Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as Any
else:
    Any = object
