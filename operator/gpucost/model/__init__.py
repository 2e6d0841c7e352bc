"""Plain types that the other rooms share; no I/O."""
