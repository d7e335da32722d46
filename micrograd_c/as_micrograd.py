"""Lets `import micrograd` find micrograd-c: import this first.

>>> import micrograd_c.as_micrograd
>>> from micrograd.engine import Value      # micrograd_c.engine.Value
>>> from micrograd.nn import MLP

It makes no difference whether micrograd is installed.
"""

import sys

import micrograd_c
from micrograd_c import engine, nn

sys.modules["micrograd"] = micrograd_c
sys.modules["micrograd.engine"] = engine
sys.modules["micrograd.nn"] = nn
