"""Power of the cards of each node.

Exporters copy the reading of a card to each of its MIG instances, to each slot, and to each pod that shares it. What
counts is a scrape, however many copies it has: the mean of a card is that over its scrapes. Where all copies of a page
were there at all of its scrapes, the sums of a window tell that mean. Elsewhere the samples themselves do: where copies
came or went, where cards or the node were replaced, and where a sample is no measurement.

Of several jobs that tell of one card the one with most scrapes counts, then that of the first name of the metric, then
the first in label order.

Axes: s series, l lanes, p pages, r readings, c cards, n nodes (see `power_places`), w windows.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil

import numpy as np

from gpucost.model.metered import NodePower
from gpucost.model.time import Window
from gpucost.model.usage import Bools, Floats, Indices
from gpucost.telemetry.decode import RawSeries
from gpucost.telemetry.power_places import Places, lines_of
from gpucost.telemetry.power_samples import Readings, readings_of
from gpucost.telemetry.series import Exporters, MetricAnswer, SeriesLabels, add_rows, max_rows

_MANY = 10
"""Of so many scrapes one may have fallen into the next window; of fewer it would matter."""
_ROUNDING = 1e-9

Answers = Mapping[str, MetricAnswer]
"""By name of the metric, the first that counts first."""


class PowerAnswer:
    """What is known of windows of one length that follow one another without a gap."""

    def __init__(self, answers: Answers, odd: Answers, windows: Sequence[Window], exporters: Exporters) -> None:
        """``odd``: of those series alone that have samples which are no measurements; its counts are not 0 where."""
        self._windows = windows
        self._lines = lines_of(answers, len(windows), exporters)
        self._places = Places(self._lines, tuple(answers))
        self._shapes = {name: answer.counts.shape for name, answer in answers.items()}
        lines = {name: [line.row for line in self._lines if line.name == name] for name in answers}
        none = np.zeros((0, len(windows)))
        self._counts = np.concatenate([none, *(answers[name].counts[rows] for name, rows in lines.items())])
        sums = np.concatenate([none, *(answers[name].sums[rows] for name, rows in lines.items())])
        spoiled = ~np.isfinite(sums) & (self._counts > 0) | self._is_odd(odd)
        self._sums = np.where(spoiled | (self._counts == 0), 0.0, sums)
        self._of_page = _scrapes_of_pages(self._counts, self._places)
        is_spoiled = max_rows(spoiled.astype(np.float64), self._places.page, self._places.pages) > 0
        self._untold: Bools = is_spoiled | (self._of_page == 0)
        """(p, w) sums do not tell."""

    def untold(self, name: str) -> Bools:
        """(series of the answer of that name, w) whose samples `by_node` has to be told."""
        untold = np.zeros(self._shapes[name], dtype=np.bool_)
        asked = self._untold[self._places.page] & (self._counts > 0)
        for line, where in zip(self._lines, asked, strict=True):
            if line.name == name:
                untold[line.row] = where
        return untold

    def by_node(self, samples: Mapping[str, Iterable[RawSeries]]) -> dict[Window, dict[str, NodePower]]:
        """Every window, and in it the nodes of which a card was measured. ``samples`` by name of the metric."""
        places, readings = self._places, self._readings(samples)
        of_page = readings.of_page[places.reading_page]
        share = np.divide(readings.scrapes, of_page, out=np.zeros_like(of_page), where=of_page > 0)
        counts = _first_fullest(readings.scrapes, places.card, places.cards)
        watts, measured, at_once = (
            add_rows(np.where(counts, what, 0.0), places.reading_node, len(places.nodes))
            for what in (readings.watts, np.ones_like(share), share)
        )
        found: dict[Window, dict[str, NodePower]] = {window: {} for window in self._windows}
        for node, column in np.argwhere(measured > 0).tolist():
            found[self._windows[column]][places.nodes[node]] = NodePower(
                watts_per_card=float(watts[node, column] / measured[node, column]),
                # The mean rounded up: a card that takes the place of another in the window is not one more.
                cards=ceil(at_once[node, column] - _ROUNDING),
            )
        return found

    def _readings(self, samples: Mapping[str, Iterable[RawSeries]]) -> Readings:
        """From sums or samples, page by page."""
        places = self._places
        sums, counts = (add_rows(what, places.reading, places.readings) for what in (self._sums, self._counts))
        sampled = readings_of(samples, self._lines, places, self._windows)
        untold = self._untold[places.reading_page]
        mean = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
        scrapes = np.where(counts > 0, self._of_page[places.reading_page], 0.0)
        return Readings(
            watts=np.where(untold, sampled.watts, mean),
            scrapes=np.where(untold, sampled.scrapes, scrapes),
            of_page=np.where(self._untold, sampled.of_page, self._of_page),
        )

    def _is_odd(self, odd: Answers) -> Bools:
        """(s, w)"""
        found: dict[tuple[str, SeriesLabels], Floats] = {
            (name, labels): counts
            for name, answer in odd.items()
            for labels, counts in zip(answer.labels, answer.counts, strict=True)
        }
        is_odd = np.zeros(self._counts.shape, dtype=np.bool_)
        for series, line in enumerate(self._lines):
            counts = found.get((line.name, line.labels))
            if counts is not None:
                is_odd[series] = counts > 0
        return is_odd


def _scrapes_of_pages(counts: Floats, places: Places) -> Floats:
    """(p, w) scrapes of a page of which all was there at each of them; 0 where that is not so, or not sure.

    All: each series, or each lane. Of how many scrapes that is, tells what was seen most often on any page of its job.
    One page alone does not tell: two copies may follow one another, and two machines of one name.
    """
    tellers = int(places.page_teller.max(initial=-1)) + 1
    most = max_rows(counts, places.teller, tellers)[places.page_teller]
    shown = np.sign(add_rows(counts, places.page, places.pages))
    has_witness = add_rows(shown, places.page_teller, tellers)[places.page_teller] > 1
    scrapes = np.zeros_like(most)
    for seen, page in ((counts, places.page), (add_rows(counts, places.lane, places.lanes), places.lane_page)):
        top = max_rows(seen, page, places.pages)
        are_alike = add_rows(seen, page, places.pages) == top * add_rows(np.sign(seen), page, places.pages)
        are_all = (top <= most) & (top >= most - (most >= _MANY))
        scrapes = np.where(has_witness & are_alike & are_all, top, scrapes)
    return scrapes


def _first_fullest(scrapes: Floats, card: Indices, cards: int) -> Bools:
    """(r, w) the first of the readings of a card, ``card`` (r,), that has most scrapes."""
    left = max_rows(scrapes, card, cards)
    leads = np.zeros(scrapes.shape, dtype=np.bool_)
    for reading, of_card in enumerate(card.tolist()):
        leads[reading] = (scrapes[reading] == left[of_card]) & (scrapes[reading] > 0)
        left[of_card][leads[reading]] = 0.0
    return leads
