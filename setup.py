"""Builds the C engine. Everything that is not about compiling stands in pyproject.toml."""

import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

sys.path.insert(0, str(Path(__file__).resolve().parent))  # pip does not put it there
import build_types

PYPY = sys.implementation.name == "pypy"

# One wheel for every CPython from 3.10 on. PyPy has no stable ABI, nor has the free-threaded build.
NO_GIL = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
ABI3 = not PYPY and sys.version_info >= (3, 10) and not NO_GIL

NATIVE = "micrograd_c._core._native"
NO_NATIVE = "micrograd-c: the native core of Value is not built, the cffi core does the work: {why}."

NO_COMPILER = "micrograd-c is compiled from C, and the compiler {compiler!r} was not found."
NO_HEADERS = "micrograd-c is compiled from C, and Python's C headers (Python.h) were not found."
FAILED = "micrograd-c's C code could not be compiled; the compiler's own words stand above.\n{error}"
REMEDY = """
What to install:
  Debian, Ubuntu   apt install build-essential {python}-dev
  Fedora           dnf install gcc {python}-devel
  Alpine           apk add build-base {python}-dev
  macOS            xcode-select --install
  Windows          gcc or clang of MinGW-w64, on the PATH; Visual Studio does not know the C that is used
A compiler of another name is chosen with CC, as in: CC=clang pip install .""".format(
    python="pypy3" if PYPY else "python3"
)


class BuildExt(build_ext):
    """build_ext that tells what is missing when it cannot compile."""

    def get_libraries(self, ext):
        """Name python3 to Windows where setuptools names the version that builds: one wheel is for all."""
        names = super().get_libraries(ext)
        own = "python{}{}".format(*sys.version_info)
        return ["python3" if ABI3 and name == own else name for name in names]

    def build_extensions(self):
        self.failed = []
        self.no_native = "it relies on the GIL, which this Python is built without" if NO_GIL else None
        self.extensions.sort(key=lambda ext: ext.name == NATIVE)  # what the package can do without comes last
        try:
            super().build_extensions()
            # Without them, or what comes after would look for their files.
            self.extensions = [ext for ext in self.extensions if ext not in self.failed]
        except (BaseError, CCompilerError, OSError) as error:
            line = "-" * 72
            raise SystemExit(f"\n{line}\n{self.explain(error)}\n{line}") from error
        if self.no_native:
            print(NO_NATIVE.format(why=self.no_native), file=sys.stderr)

    def build_extension(self, ext):
        try:
            super().build_extension(ext)
        except (BaseError, CCompilerError, OSError) as error:
            if ext.name != NATIVE:
                raise
            self.no_native = f"it could not be compiled ({error})"
            self.failed.append(ext)

    def explain(self, error):
        compiler = self.compiler_command()
        directories = [*self.compiler.include_dirs, *self.include_dirs]
        if compiler and shutil.which(compiler) is None:
            return NO_COMPILER.format(compiler=compiler) + REMEDY
        if not any(Path(directory, "Python.h").is_file() for directory in directories):
            return NO_HEADERS + REMEDY
        return FAILED.format(error=error)

    def compiler_command(self):
        """Name the program that compiles C."""
        command = getattr(self.compiler, "compiler_so", None)
        if isinstance(command, str):
            command = shlex.split(command)
        return command[0] if command else None


def native_core():
    """Describe the native core of Value, where there can be one."""
    if PYPY or NO_GIL:
        return []
    from build_ffi import all_files, files, flags, sources

    return [
        Extension(
            NATIVE,
            files("csrc/value/*.c"),
            depends=["build_ffi.py", *all_files()],
            include_dirs=["csrc"],
            define_macros=[("MG_SOURCES", sources()), *([("Py_LIMITED_API", "0x030A0000")] if ABI3 else [])],
            py_limited_api=ABI3,
            **flags(),
        )
    ]


build_types.write()
setup(
    cffi_modules=["build_ffi.py:ffibuilder"],
    ext_modules=native_core(),
    cmdclass={"build_ext": BuildExt},
    options={
        **({"bdist_wheel": {"py_limited_api": "cp310"}} if ABI3 else {}),
        **({"build_ext": {"compiler": "mingw32"}} if sys.platform == "win32" else {}),
    },
)
