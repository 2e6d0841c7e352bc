"""Numbers for keys that come again, answer after answer, in nearly the same order.

A server lists the series of one answer much as those of the last: some have gone, new ones stand anywhere, mostly at
the end. So the last answer is compared block by block, and only what moved is looked up in a dictionary.
"""

from collections.abc import Sequence
from itertools import islice
from operator import indexOf, ne

import numpy as np

from gpucost.model.usage import Indices

_BLOCK = 128
"""Keys compared at once."""
_LOOK_AHEAD = 64
"""How many keys of the last answer may have gone in a row before the order counts as lost."""


class KeyCodes:
    """Codes of keys, counted from 0 in the order of first coming; the same key always gets the same code.

    It is never wrong, only slower where the order is another. For one thread.
    """

    def __init__(self) -> None:
        self._code: dict[bytes, int] = {}
        self._last: Sequence[bytes] = ()
        self._last_codes: Indices = np.empty(0, dtype=np.intp)

    def __len__(self) -> int:
        """How many keys have a code."""
        return len(self._code)

    def keys_from(self, code: int) -> list[bytes]:
        """The keys that got the codes from ``code`` on, in order of code."""
        return list(islice(self._code, code, None))

    def forget(self) -> None:
        """Start again from code 0, so that memory does not grow with every key there ever was."""
        self._code.clear()
        self._last, self._last_codes = (), np.empty(0, dtype=np.intp)

    def codes_of(self, keys: Sequence[bytes]) -> Indices:
        """One code (k,) for each of the keys (k,), which must not be changed afterwards; new keys get new codes."""
        codes = np.empty(len(keys), dtype=np.intp)
        last, last_codes = self._last, self._last_codes
        here = there = 0
        while here < len(keys) and there < len(last):
            same = _common(keys, here, last, there)
            codes[here : here + same] = last_codes[there : there + same]
            here, there = here + same, there + same
            if same < _BLOCK and here < len(keys):
                gone = _find(keys[here], last, there)
                if gone is None:
                    codes[here] = self._code_of(keys[here])
                    here += 1
                else:
                    there = gone
        codes[here:] = [self._code_of(key) for key in islice(keys, here, None)]
        self._last, self._last_codes = keys, codes
        return codes

    def _code_of(self, key: bytes) -> int:
        return self._code.setdefault(key, len(self._code))


def _common(keys: Sequence[bytes], here: int, last: Sequence[bytes], there: int) -> int:
    """How many keys from ``here`` on are those from ``there`` on; a block at most."""
    new, old = keys[here : here + _BLOCK], last[there : there + _BLOCK]
    if new == old:
        return len(new)
    try:
        return indexOf(map(ne, new, old), True)
    except ValueError:
        return min(len(new), len(old))


def _find(key: bytes, last: Sequence[bytes], there: int) -> int | None:
    try:
        return last.index(key, there, there + _LOOK_AHEAD)
    except ValueError:
        return None
