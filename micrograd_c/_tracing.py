"""Where old pickles look for TracingError."""

from .program.refusals import TracingError as TracingError
