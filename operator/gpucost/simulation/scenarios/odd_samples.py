"""Samples that cannot be: what is left decides."""

from gpucost.simulation.scenarios.collection import Collection, Plot
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.measures import ENGINE, FREE, RESERVED, USED, UTIL

scenario = Collection()


def _odd_samples(
    metric: str, value: float, other: dict[str, float], used: float, flags: str = "samples-dropped"
) -> Plot:
    def plot(s: Draft) -> None:
        node = s.node()
        pod = s.pod("train-0", node)
        s.see(node, "a", pod, memory=None, compute=None, values={metric: value, **other})
        s.owes(pod, 1, used, flags=flags)
        s.rest(node, 0)

    return plot


_MEMORY = {USED: 12_000.0, FREE: 28_000.0}
_NO_NUMBER = "A mean that is no number counts as that metric being absent, and the other ratio decides alone."
ODD = {
    "compute-that-is-not-a-number": _odd_samples(ENGINE, float("nan"), _MEMORY, 0.3),
    "compute-that-is-infinite": _odd_samples(ENGINE, float("inf"), _MEMORY, 0.3),
    "compute-below-zero": _odd_samples(ENGINE, -1.0, _MEMORY, 0.3),
    "compute-that-is-a-blank-of-old-versions": _odd_samples(ENGINE, 9223372036854775794.0, _MEMORY, 0.3),
    "compute-above-one-is-all-of-it": _odd_samples(ENGINE, 1.3, _MEMORY, 1.0, flags=""),
    "memory-that-is-a-blank-of-old-versions": _odd_samples(
        USED, 9223372036854775794.0, {FREE: 28_000.0, ENGINE: 0.4}, 0.4
    ),
    "memory-that-is-not-a-number": _odd_samples(USED, float("nan"), {FREE: 28_000.0, ENGINE: 0.4}, 0.4),
    "memory-below-zero": _odd_samples(USED, -5.0, {FREE: 28_000.0, ENGINE: 0.4}, 0.4),
    "reserved-memory-that-is-a-blank": _odd_samples(RESERVED, 9223372036854775794.0, {**_MEMORY, ENGINE: 0.1}, 0.3),
}
for slug, plot in ODD.items():
    scenario.add(slug, _NO_NUMBER, plot)


@scenario
def one_sample_of_ten_that_is_not_a_number(s: Draft) -> None:
    """The nine others were measured, and they are what the window knows of compute."""
    node = s.node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.3, compute=None)
    labels = node.exporter.stored(s.page(node, "a", pod))
    for value, since, until in ((0.8, -270, 120), (float("nan"), 150, 150), (0.8, 180, 660)):
        s.scrape(ENGINE, labels, value, since=since, until=until)
    s.owes(pod, 1, 0.8, flags="samples-dropped", window=0)
    s.owes(pod, 1, 0.8, window=1)
    s.rest(node, 0)


@scenario
def an_engine_at_zero_while_the_card_is_busy(s: Draft) -> None:
    """Profiling metrics that do not work read 0: the percentage of the card gives them away."""
    node = s.node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.1, compute=None, values={ENGINE: 0, UTIL: 90})
    s.owes(pod, 1, 0.9, flags="samples-dropped")
    s.rest(node, 0)
