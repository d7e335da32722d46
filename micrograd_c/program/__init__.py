"""What stands behind jit: the function, its arguments, the trace and the program that it records."""
