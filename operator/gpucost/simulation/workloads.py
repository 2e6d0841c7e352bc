"""Teams, their namespaces, and the streams of pods that they run.

Every stream has devices of its own and runs one pod after another on them, so no device is ever held twice at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gpucost.simulation.curves import Behaviour
from gpucost.simulation.pods import Payer

MINUTES = 2
"""Ticks."""
HOURS = 120

VISION = Payer("vision", "photos", "cc-1010", "production")
VISION_LAB = Payer("vision", "photos", "cc-1010", "research")
LANGUAGE = Payer("language", "assistant", "cc-2020", "production")
LANGUAGE_LAB = Payer("language", "assistant", "cc-2021", "research")
SEARCH = Payer("search", "catalogue", "cc-3030", "production")
SPEECH = Payer("speech", "captions", "cc-4040", "production")
FRAUD = Payer("fraud", "payments", "cc-5050", "production")
PLATFORM = Payer("platform", "notebooks", "cc-6060", "development")
NOBODY = Payer()

USUAL_KEYS = {"team": "team", "product": "product", "cost_centre": "cost-centre", "environment": "environment"}
OTHER_KEYS = {
    "team": "team",
    "product": "app.kubernetes.io/part-of",
    "cost_centre": "cost-center",
    "environment": "env",
}
NO_KEYS: dict[str, str] = {}

NAMESPACES: dict[str, Payer] = {
    "research": NOBODY,
    "search": NOBODY,
    "speech": NOBODY,
    "fraud": FRAUD,
    "playground": NOBODY,
}
"""Namespace to what its own labels say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Pods of one workload that follow one another on the same devices. Spans are (least, most) ticks."""

    namespace: str
    kind: str
    """``Deployment``, ``StatefulSet``, ``Job``, ``CronJob``, or ``Pod`` for pods without an owner."""
    name: str
    payer: Payer
    behaviour: Behaviour
    node: str
    devices: tuple[int, ...] = ()
    """Places in ``SimulatedNode.devices``."""
    sizes: tuple[int, ...] = ()
    """How many of the devices a pod takes, drawn anew for each; empty: all of them."""
    lasts: tuple[int, int] | None = None
    """None: one pod that was there before the start and stays."""
    pause: tuple[int, int] = (0, 0)
    every: int | None = None
    """A pod at every multiple of so many ticks, instead of after the last one."""
    ordinal: int = 0
    containers: tuple[str, ...] = ("main",)
    """The devices are dealt out to them evenly."""
    label_keys: Mapping[str, str] = field(default_factory=lambda: USUAL_KEYS)
    """Field of `Payer` to label; empty: its pods carry no such labels."""
    requests: Mapping[str, str] = field(default_factory=dict)
    """Besides the devices."""
