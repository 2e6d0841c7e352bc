"""Scenarios of one theme."""

from collections.abc import Callable
from inspect import getdoc

from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.scenario import Scenario

Plot = Callable[[Draft], None]


class Collection:
    """The scenarios of one theme, in the order in which they are written."""

    def __init__(self) -> None:
        self.scenarios: list[Scenario] = []

    def __call__(self, plot: Plot) -> Plot:
        """The function's name is the scenario's, its docstring the story."""
        self.add(plot.__name__.replace("_", "-"), getdoc(plot) or "", plot)
        return plot

    def add(self, slug: str, story: str, plot: Plot) -> None:
        draft = Draft(slug)
        plot(draft)
        self.scenarios.append(draft.scenario(story))
