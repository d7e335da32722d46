"""Ways to stop a call anywhere: at an opcode, or by a signal at a random time."""

import dis
import gc
import os
import signal
import sys

import micrograd_c as mg

PACKAGE = os.path.dirname(mg.__file__)

# Where a trace function raises at one of these, Python 3.11 and later keep the exception in hand for ever.
# No signal is handled there.
LOSING = {dis.opmap.get("PUSH_EXC_INFO"), dis.opmap.get("POP_EXCEPT")}


class Stop(BaseException):
    """What the tests interrupt with; a KeyboardInterrupt in a finalizer would come back later."""


def in_package(file):
    return file.startswith(PACKAGE)


def stopped_at(call, stop_at, inside=in_package, error=Stop):
    """Run a call and raise the error at that opcode within the files; return how many there were."""
    count, codes = 0, {}

    def trace(frame, event, _):
        nonlocal count
        if not inside(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and code_of(frame)[frame.f_lasti] not in LOSING:
            count += 1
            if count == stop_at:
                raise error
        return trace

    def code_of(frame):
        code = codes[frame.f_code] = codes.get(frame.f_code) or frame.f_code.co_code
        return code

    before = sys.gettrace()
    gc.disable()
    sys._getframe().f_trace_opcodes = (
        True  # Python 3.12 asks for opcodes only if some frame has when tracing begins
    )
    sys.settrace(trace)
    try:
        call()
    except error:
        pass
    finally:
        sys.settrace(before)
        gc.enable()
    return count


def stopped_after(call, seconds):
    """Run a call and stop it by a signal, at most once.

    Some kernels deliver a signal after its timer was cancelled: outside of the call the handler does nothing.
    """
    armed = False

    def handler(*_):
        nonlocal armed
        if armed:
            armed = False
            raise Stop

    before = signal.signal(signal.SIGALRM, handler)
    gc.disable()
    try:
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, max(1e-6, seconds))
            call()
        finally:
            armed = False  # a signal that comes before this line goes to the outer except
    except Stop:
        pass
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    gc.enable()
