"""What a beginner is told of an exception."""

from __future__ import annotations

import math
import re

from ...engine import Value

__all__ = ["in_plain_words", "on_the_result"]

_ERRORS = {
    "SyntaxError": "Python cannot read the file. Near here a bracket, a quote, a colon, a sign such as * or the "
    "second = of == is missing or too many, or a space stands inside of += or **.",
    "IndentationError": "The spaces at the beginning of this line do not fit the lines around it.",
    "TabError": "Tabs and spaces are mixed at the beginning of lines: use four spaces.",
    "NameError": "Python does not know this name here. Is it misspelt (capitals count), is `self.` missing in "
    "front of it, or is it from another exercise? Each stands alone.",
    "UnboundLocalError": "Here this name has no value yet: it gets one in this line or below. Is `self.` missing "
    "in front of it, or `.grad` behind it? If it is the name of a function, too, take another.",
    "AttributeError": "There is nothing of this name in that object. Is it misspelt, not set in __init__, or a "
    "function that stands outside of the class?",
    "TypeError": "Something of another kind stands where a number, a Value or a function is expected.",
    "RecursionError": "A function calls itself again and again, without end. Does a method use its own operator? "
    "Or where should it stop?",
    "ZeroDivisionError": "Here something is divided by 0.",
    "OverflowError": "A number has become too large. Is something multiplied again and again?",
    "MemoryError": "The memory is full: something grows without end, such as a list in a loop.",
    "SystemExit": "The file ends Python (exit, quit) before the check is done: leave that out.",
    "KeyboardInterrupt": "The file stops itself: leave that out.",
    "EOFError": "input() waits for a person, and there is none in a check: leave it out.",
    "ModuleNotFoundError": "Each exercise stands alone: it can import Python's own modules, and micrograd_c.",
    "ImportError": "The module does not have this name.",
    "IndexError": "A list is shorter than this place in it.",
    "KeyError": "There is no such key in the dict.",
    "AssertionError": "An assert of the file does not hold.",
    "TimeUp": "This does not come to an end in time. Does each loop end, and are nodes that were visited left "
    "alone?",
}
_NONE = "None is what a function gives without `return`: is one missing, or is the function still to be written?"
_IN_PLACE = "reverse, append and sort change a list and give None: write them in a line of their own."
_PRINTED = "print shows a number to you; `return` gives it to those who call the function."
_OPERATOR = (
    "A Value stands where a number is expected. Is .data missing, or the method of the class for this operator?"
)
_CALLED = "Brackets are missing behind a function or a method: f(x) is what it computes, f is the function itself."
_TYPES = {  # a part of the message of a TypeError
    "keyword argument": "The function that is called has no argument of this name.",
    "should return None": "__init__ returns nothing: it keeps what it is given, in lines such as self.data = data.",
    " argument": "Too few or too many arguments stand in the brackets of this call.",
    "not subscriptable": "[ ] takes a part of a list or a tuple. A function is called with ( ).",
    "'list' object is not callable": "A list is not called. Call each of its elements, in a loop.",
    "not callable": "( ) calls a function, and this is none. Is a comma or a sign such as * missing before it?",
    "'method' object is not iterable": "The brackets ( ) are missing that call the method.",
    "'int' object is not iterable": "A number is not gone through: range(n) counts from 0 to n - 1.",
    "for ^": "^ is no power in Python: write x**2.",
    "unhashable type": "add takes one node; a whole set goes in with found.update(...).",
    "function": _CALLED,
    "has no len()": "This is one thing and no list. Was a list overwritten, where append would add to it?",
    "list indices": "for p in parameters gives the elements themselves: write p, and not parameters[p].",
    "as an integer": "A whole number is expected here: len(xs) is how many elements a list has.",
    "multiply sequence": "A list cannot be multiplied: go through it, for wi, xi in zip(self.w, x).",
    "and 'Value'": _OPERATOR,
    ": 'Value' and": _OPERATOR,
    "is not iterable": "A list or a tuple is expected here, and this is one thing only.",
}
_NUMBER = "A plain number has no such thing: make a Value of it first, with Value(...)."
_ATTRIBUTES = {  # a part of the message of an AttributeError
    "function": _CALLED,
    "'method' object": _CALLED,
    "type object": "This is the class itself. Brackets make an object of it: Neuron(nin).",
    "'tuple' object": "A tuple has no such thing: brackets without a name in front of them make one, as in (a, b).",
    "'list' object": "A list has no such thing. Is it meant for each of its elements, in a loop? Or is it a "
    "function, as reversed(topo) is?",
    "'int' object": _NUMBER,
    "'float' object": _NUMBER,
}
_OPERANDS = "operands?|[abxy]"  # as the texts call them, and not the file
_FORGOTTEN = "_backward was called where it should be kept: out._backward = _backward, without brackets."


def on_the_result(yours: object, truth: object, printed: bool) -> str:
    """Return a line on a result that is of another form than the engine's; '' where it is of the same one."""
    if yours == "None" != truth:
        return f"{_NONE} {_PRINTED}" if printed else _NONE
    if isinstance(truth, list) and not isinstance(yours, list):
        return f"{len(truth)} numbers are asked for: return them side by side, with a comma, in one `return`."
    if isinstance(truth, float) and isinstance(yours, list):
        return "One number is asked for, and this is a list or a tuple of them."
    if isinstance(truth, float) and isinstance(yours, str) and yours[-3:] not in ("inf", "nan"):
        if yours == "a tuple":
            return "One number is asked for, and this is a tuple: a comma at the end of a line makes one."
        if not yours.startswith("a "):
            return "A number is asked for, and this is a text: quotes and str make one."
        return f"A number is asked for, and this is {yours}."
    return ""


def in_plain_words(kind: str, message: str, code: str = "") -> str:
    """Return a line on an exception of a learner's file, by its type, its message and the line of the file."""
    if "'NoneType' object is not callable" in message:
        return _FORGOTTEN
    if "NoneType" in message and "must be a number" not in message:
        return _IN_PLACE if re.search(r"\.(reverse|append|sort|extend)\(", code) else _NONE
    quoted = re.findall("'([^']*)'", message)
    if kind == "NameError" and quoted and hasattr(math, quoted[0]):
        of_numbers = f"{quoted[0]} is in Python's module math: import math, and write math.{quoted[0]}."
        return of_numbers + f" A Value has methods: v.{quoted[0]}()." * hasattr(Value, quoted[0])
    if kind == "NameError" and quoted == ["math"]:
        return "`import math` is missing, at the top of the file. A Value has methods of its own: v.tanh()."
    if kind == "ValueError" and "unpack" in message:
        return "The numbers of things do not fit. Two lists side by side are: for x, y in zip(xs, ys)."
    if kind == "SyntaxError" and "invalid character" in message:
        return "Python does not know this sign: * multiplies, - is the minus of the keyboard, and x**2 is a square."
    if kind == "NameError" and quoted and re.fullmatch(_OPERANDS, quoted[0]) and f"{quoted[0]}." in code:
        return "The operands are called self and other here."
    if kind == "RuntimeError" and "changed size during iteration" in message:
        return "A set may not grow while `for` walks it. Keep the nodes still to visit in a list."
    for part, words in _ATTRIBUTES.items() if kind == "AttributeError" else ():
        if part in message:
            return words
    for part, words in _TYPES.items() if kind == "TypeError" else ():
        if part in message:
            return words
    return _ERRORS.get(kind, "")
