"""Describes the extension module ``micrograd_c._core._cffi`` to cffi (API mode).

The C functions that Python may call are declared once, in ``csrc/engine.h``. The module is compiled with the
header as it stands, and cffi reads the same text less two things:

- preprocessor lines, ``#include`` and the like, with their continuation lines;
- whatever stands between a line ``/* cffi: skip */`` and the next line ``/* cffi: resume */``: macros in use,
  inline functions, static assertions, anything that a C compiler understands and cffi does not.

setup.py names this file in ``cffi_modules``; it is not meant to be run by hand.
"""

import os
import sys
import zlib
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent

SKIP, RESUME = "/* cffi: skip */", "/* cffi: resume */"


def declarations(header: str) -> str:
    """Return the part of a C header that cffi can parse."""
    kept: list[str] = []
    skipping = False
    for line in header.replace("\\\n", " ").splitlines():
        text = line.strip()
        if text in (SKIP, RESUME):
            if skipping == (text == SKIP):
                raise ValueError(f"csrc/engine.h: a line {text} too many, after: {kept[-1] if kept else ''}")
            skipping = not skipping
        elif not skipping and not text.startswith("#"):
            kept.append(line)
    if skipping:
        raise ValueError(f"csrc/engine.h: {SKIP} is not followed by {RESUME}")
    return "\n".join(kept)


def files(*patterns: str) -> list[str]:
    """Return the matching files, sorted and relative to the project, as setuptools wants them."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def all_files() -> list[str]:
    """Return the files of csrc: a change of any of them compiles both modules anew."""
    return files(*(f"csrc/**/*.{suffix}" for suffix in ("c", "h", "def", "inc")))


def sources() -> int:
    """Return a number for the text of all C code: both compiled modules have to be of the same."""
    return zlib.crc32(b"".join((ROOT / name).read_bytes() for name in all_files())) & 0x7FFFFFFF


def flags() -> dict[str, list[str]]:
    """Return the compiler's and the linker's arguments."""
    # No -ffast-math, no -march=native, no contraction to fused multiply-add: results are those of plain
    # double arithmetic, on every machine that a wheel lands on.
    # That nobody reads errno or the exception flags changes no result, and lets loops become vector code.
    compile_args = ["-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
    # Debug information triples the size and names the folder of the build: without it two builds are equal.
    compile_args += ["-fvisibility=hidden", "-pthread", "-g0"]
    link_args = ["-static" if sys.platform == "win32" else "-pthread"]  # with MinGW's threads and libgcc inside
    if os.environ.get("MICROGRAD_C_SANITIZE"):  # `make asan`
        sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
        compile_args += ["-O1", "-g", "-fno-wrapv", "-DMG_TEST_ALLOC", *sanitize]  # not with Python's own -fwrapv
        link_args += sanitize
    if counted := os.environ.get("MICROGRAD_C_COVERAGE"):  # `make coverage`; -fno-wrapv as in the C tests
        compile_args += ["-fno-wrapv", "-DMG_TEST_ALLOC", *counted.split()]
        link_args += ["--coverage"]
    return {"extra_compile_args": compile_args, "extra_link_args": link_args, "libraries": ["m"]}


# These take less time than giving up the GIL and taking it again, which cffi does around each call. Whoever
# holds the lock of the arena needs no GIL to give it back, so to wait for that lock with the GIL is no
# deadlock. All calls of a finalizer are here: a thread asks for the GIL after 5 ms in which nobody gave it
# up, and waits for seconds beside one that gives it up more often. mg_by_hand changes a node that others
# know: the native core tells its Value the new operands before another thread can do the same. mg_same_items
# reads lists that another thread may change.
QUICK = """
    mg_leaf mg_unary mg_unary_k mg_binary mg_binary_number mg_by_hand mg_by_hand_over
    mg_data mg_grad mg_set_data mg_set_grad mg_set_python mg_sweep_closures mg_same_items mg_new_list mg_free_list
"""


def without_ceremony(header: str) -> str:
    """Return C that lets cffi's wrappers of QUICK functions keep the GIL, and none save errno: nobody reads it.

    Where there is no memory for a long list as argument they would return without an exception, a SystemError.
    """
    names = QUICK.split()
    for name in names:
        if f"{name}(" not in header:
            raise ValueError(f"build_ffi.py: QUICK names {name}, which csrc/engine.h does not declare")
    is_quick = " || ".join(f'!strcmp(wrapper, "_cffi_f_{name}")' for name in names)  # a constant to a compiler
    return f"""
static inline int is_quick(const char *wrapper) {{ return {is_quick}; }}
#undef Py_BEGIN_ALLOW_THREADS
#undef Py_END_ALLOW_THREADS
#undef _cffi_restore_errno
#undef _cffi_save_errno
#define Py_BEGIN_ALLOW_THREADS {{ PyThreadState *others = is_quick(__func__) ? NULL : PyEval_SaveThread();
#define Py_END_ALLOW_THREADS if (others) PyEval_RestoreThread(others); }}
#define _cffi_restore_errno() ((void)0)
#define _cffi_save_errno() ((void)0)
#define _cffi_convert_array_argument(...) \\
    (_cffi_convert_array_argument(__VA_ARGS__) < 0 ? (void)(PyErr_Occurred() || PyErr_NoMemory()), -1 : 0)
"""


HEADER = declarations((ROOT / "csrc" / "engine.h").read_text(encoding="utf-8"))
ffibuilder = FFI()
ffibuilder.cdef(HEADER)
ffibuilder.cdef("#define MG_SOURCES ...")
ffibuilder.set_source(
    "micrograd_c._core._cffi",
    f'#include "engine.h"\n#define MG_SOURCES {sources()}\n{without_ceremony(HEADER)}',
    sources=files("csrc/*.c", "csrc/program/*.c"),
    depends=["build_ffi.py", *all_files()],
    include_dirs=["csrc"],
    **flags(),
)
