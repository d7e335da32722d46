"""A graph, with the gradient of each value.

`mg.draw` needs neither Graphviz nor anything else. A value is called as the variable that holds it.
"""

import micrograd_c as mg
from micrograd_c import Value

a, b = Value(2.0), Value(3.0)
e = a * b
c = e + b
c.backward()
mg.draw(c).save("graph.svg")
