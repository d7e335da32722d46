"""What a beginner is told of an exception."""

from __future__ import annotations

__all__ = ["in_plain_words"]

_ERRORS = {
    "SyntaxError": "Python cannot read the file. Near here a bracket, a quote or a colon is missing or too many.",
    "IndentationError": "The spaces at the beginning of this line do not fit the lines around it.",
    "TabError": "Tabs and spaces are mixed at the beginning of lines: use four spaces.",
    "NameError": "Python does not know this name here. Is it misspelt, or is `self.` missing in front of it?",
    "UnboundLocalError": "This name gets a value only further down in the same function.",
    "AttributeError": "There is nothing of this name in that object. Is it misspelt, or not set in __init__?",
    "TypeError": "Something of another kind stands where a number, a Value or a function is expected.",
    "RecursionError": "A function calls itself again and again, without end. Where should it stop?",
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
    "TimeUp": "This does not come to an end. Has the loop one, and are nodes that were visited left alone?",
}
_NONE = "A function without `return` gives None. Is a `return` missing, or does a function wait to be written?"
_NUMBER = "A plain number has no such thing: make a Value of it first, with Value(...)."
_FORGOTTEN = "_backward was called where it should be kept: out._backward = _backward, without brackets."


def in_plain_words(kind: str, message: str) -> str:
    """Return a line on an exception of a learner's file, by its type and its message."""
    if "'NoneType' object is not callable" in message:
        return _FORGOTTEN
    if "NoneType" in message:
        return _NONE
    if kind == "AttributeError" and ("'int' object" in message or "'float' object" in message):
        return _NUMBER
    return _ERRORS.get(kind, "")
