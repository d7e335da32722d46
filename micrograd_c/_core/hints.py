"""What annotations name: `typing` takes longer to import than all of this package."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as Any
else:
    Any = object
