"""What PyInstaller does not see of this package: the files that it reads, and what it imports late or in C."""

from pathlib import Path

_HOME = Path(__file__).parent.parent
_FILES = [path.relative_to(_HOME.parent) for path in _HOME.rglob("*.*") if "__pycache__" not in path.parts]

datas = [
    (str(_HOME.parent / path), str(path.parent)) for path in _FILES if path.suffix not in (".py", ".so", ".pyd")
]
hiddenimports = ["_cffi_backend"]
hiddenimports += [
    ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    for path in _FILES
    if path.suffix == ".py" and path.stem not in ("__main__", "hook-micrograd_c")
]
