"""What annotations name: `typing` takes longer to import than all of this package, collections.abc some of it."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable as Callable
    from collections.abc import Collection as Collection
    from collections.abc import Iterable as Iterable
    from collections.abc import Iterator as Iterator
    from typing import Any as Any
else:
    Any = Callable = Collection = Iterable = Iterator = object
