"""``gpucost doctor``: every precondition looked at, each failure with its fix; nothing that fails hides another."""
