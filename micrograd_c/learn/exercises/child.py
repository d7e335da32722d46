"""The process in which a file is checked: limits, the check, and one verdict.

It reads a word from stdin and writes it with the verdict, so that nothing else in that file is taken for one by
accident.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from .course import course
from .examine import examine

__all__ = ["main"]

FILE_BYTES = 8 << 20  # as large as a file may become, the printed text too


def _limit(megabytes: int) -> None:
    """Limit memory, files and core dumps, where the system can."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()  # Linux
        resource.setrlimit(resource.RLIMIT_AS, (used + (megabytes << 20),) * 2)


def main(name: str, file: str, verdict: str, megabytes: str) -> None:
    """Check `file` as the exercise `name`, write the verdict, and end: threads of the file are not waited for."""
    word, me = sys.stdin.readline().strip(), os.getpid()
    exercise = course()[name]
    source = Path(file).read_text(encoding="utf-8")
    _limit(int(megabytes))
    found = examine(exercise, source)
    if os.getpid() != me:  # a copy that the file made of this process
        os._exit(1)
    text = json.dumps({"word": word, **found})
    with suppress(Exception):
        sys.stdout.flush()
    with open(verdict, "w", encoding="utf-8") as out:
        out.write(text)
    os._exit(0)
