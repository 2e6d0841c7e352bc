"""Rows of a usage by window and by whom or what they are about: indexed once, so that finding some is cheap."""

from collections import defaultdict

import numpy as np

from gpucost.model.time import Window
from gpucost.model.usage import Indices, Usage


class UsageRows:
    """Of one usage. Axis of all answers: the rows that were found, as indices into those of the usage."""

    def __init__(self, usage: Usage) -> None:
        self._numbers = {window: number for number, window in enumerate(usage.windows)}
        self._holders: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for number, holder in enumerate(usage.holders):
            self._holders[holder.namespace, holder.pod].append(number)
        self._devices: defaultdict[str, list[int]] = defaultdict(list)
        for number, device in enumerate(usage.devices):
            self._devices[device.node].append(number)
        self._by_holder = _Index(usage.holder, usage.window, len(usage.windows))
        self._by_device = _Index(usage.device, usage.window, len(usage.windows))

    def __contains__(self, window: Window) -> bool:
        return window in self._numbers

    def of_pod(self, window: Window, namespace: str, pod: str) -> Indices:
        """Those that name a pod of that name; ``window`` is one of the usage."""
        return self._by_holder.rows(self._holders.get((namespace, pod), []), self._numbers[window])

    def of_node(self, window: Window, node: str) -> Indices:
        """Those of devices of a node of that name; ``window`` is one of the usage."""
        return self._by_device.rows(self._devices.get(node, []), self._numbers[window])


class _Index:
    """Rows by the number in one column, and by window."""

    def __init__(self, column: Indices, window: Indices, windows: int) -> None:
        key = column * windows + window
        self._windows = windows
        self._order = np.argsort(key, kind="stable")
        self._keys = key[self._order]

    def rows(self, numbers: list[int], window: int) -> Indices:
        keys = np.array(numbers, dtype=np.intp) * self._windows + window
        edges = zip(np.searchsorted(self._keys, keys), np.searchsorted(self._keys, keys + 1), strict=True)
        return np.concatenate([self._order[first:last] for first, last in edges] or [self._order[:0]])
