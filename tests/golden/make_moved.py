"""Writes moved.bin: pickles of public names, errors and figures, some of which stood in other modules then.

Made by commit 6c55951, on 25 November 2026.

Later versions have to read it. Do not write it anew: a new file would prove nothing about old ones.
"""

import pickle
from pathlib import Path

import micrograd_c as mg
from micrograd_c._core.errors import NoNodeError, OrderError

NAMES = """dot draw explain gradcheck jit set_threads stats sum topological_order where zero_grad
GradientError Layer MLP Module Neuron Stats TracingError Value"""
ERRORS = mg.GradientError("off"), mg.TracingError("a line"), OrderError("younger"), NoNodeError("none")


def named():
    """Return functions and classes by their names; also called by test_engine_copying.py."""
    return {name: getattr(mg, name) for name in NAMES.split()}


def make():
    stats = mg.stats()
    return pickle.dumps((named(), ERRORS, stats), 4), dict(stats)


if __name__ == "__main__":
    Path(__file__).with_name("moved.bin").write_bytes(pickle.dumps(make(), 4))
