"""A file checked in a process of its own, with a limit of time: the parent's side."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from .course import Exercise

__all__ = ["MEGABYTES", "SECONDS", "Verdict", "check", "read"]

Verdict = dict[str, Any]  # what `examine` returns, with `output`

SECONDS = 10.0
MEGABYTES = 512
LARGEST = 1 << 20  # bytes of a submission, and of what is shown of its output
_ROOT = Path(__file__).parents[3]
_CHILD = """import sys
sys.path.insert(1, sys.argv.pop())
from micrograd_c.learn.exercises.child import main
main(*sys.argv[1:])"""
# Nothing else of the environment: it may hold what a stranger's file must not see.
_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "LD_PRELOAD", "MICROGRAD_C_CORE")


def _failed(kind: str, message: str = "", output: str = "") -> Verdict:
    error = {"type": kind, "message": message, "line": None, "code": ""}
    return {"done": False, "case": None, "yours": {}, "truth": {}, "mistake": "", "error": error, "output": output}


def read(path: Path) -> str:
    """Return the text of a learner's file.

    Raises
    ------
    ValueError
        Where it is no ordinary text file.
    OSError
    """
    if not path.is_file():  # nor a pipe, which would wait for ever
        raise FileNotFoundError(f"there is no file {path.name}")
    with open(path, "rb") as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ValueError(f"{path.name} is larger than a megabyte")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is no text in UTF-8") from None


def check(exercise: Exercise, source: str, seconds: float = SECONDS, megabytes: int = MEGABYTES) -> Verdict:
    """Check the text of a file in a new process, in a new folder.

    Returns
    -------
    dict
        As of `examine.examine`, and `output`: what the file printed. `error` may be of the types "time" and "ended"
        as well.
    """
    word = secrets.token_hex(16)
    folder = tempfile.mkdtemp(prefix="exercise-")
    try:
        here = Path(folder)
        file, verdict, printed = here / f"{exercise.name}.py", here / "verdict", here / "printed"
        file.write_text(source, encoding="utf-8")
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"HOME": folder, "TMPDIR": folder, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", _CHILD, exercise.name, file.name, verdict.name, str(megabytes), str(_ROOT)]
        with open(printed, "wb") as out:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            assert process.stdin
            with suppress(BrokenPipeError):
                process.stdin.write(f"{word}\n".encode())
                process.stdin.close()
            in_time = _wait(process, seconds)
        finally:
            _end(process)
        with open(printed, "rb") as shown:
            output = shown.read(LARGEST).decode("utf-8", "replace")
        if not in_time:
            return _failed("time", str(seconds), output)
        try:
            with open(verdict, "rb") as told:
                found = json.loads(told.read(LARGEST))
            if found.pop("word") == word:
                return {**_failed(""), **found, "output": output}
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            pass
        return _failed("ended", str(process.returncode), output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of a process, and leave it a zombie: until it is reaped nobody else can get its number."""
    if not hasattr(os, "waitid"):
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.returncode is not None
    end = time.monotonic() + seconds
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it has started in its group."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
