"""Pictures of graphs, and backpropagation explained step by step.

Nothing here is imported by the engine, and nothing of it runs unless it is asked for.
"""

from .explanation import Explanation, explain
from .picture import Picture, draw, draw_dot, trace

__all__ = ["Explanation", "Picture", "draw", "draw_dot", "explain", "trace"]
