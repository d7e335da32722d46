"""A neuron, seen from inside.

In micrograd-c a neuron is one node. `unfold_neurons` shows the products and the sum that it stands for, and where
the model is given each weight is called by its place.
"""

import random

import micrograd_c as mg
from micrograd_c import Neuron, Value

random.seed(2)
neuron = Neuron(2, activation="tanh")
out = neuron([Value(1.0, label="x1"), Value(-2.0, label="x2")])
out.backward()
mg.draw(out, neuron, unfold_neurons=True).save("neuron.svg")
