"""Where old pickles look for TracingError."""

from .program.traced import TracingError as TracingError
