"""Where PyInstaller finds its hook for this package, by an entry point of pyproject.toml."""

import os


def folders() -> list[str]:
    """Return the folder of the hook."""
    return [os.path.dirname(__file__)]
