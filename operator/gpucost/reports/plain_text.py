"""Text that others wrote, made fit for a terminal: one line, and nothing in it that a terminal would obey."""

_STAND_IN = "?"
_CUT = "..."


def plain(text: str, most: int | None = None) -> str:
    """``text`` on one line without control characters; longer than ``most`` characters it is cut."""
    line = "".join(sign if sign.isprintable() else _STAND_IN for sign in " ".join(text.split()))
    return line if most is None or len(line) <= most else line[: most - len(_CUT)] + _CUT
