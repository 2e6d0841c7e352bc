"""Several works beside the window loop, as one."""

import logging

from gpucost.app.windows.loop import SideWork

logger = logging.getLogger(__name__)


class SideWorks:
    """A `SideWork` that takes its turn in each; one that breaks holds up no other."""

    def __init__(self, *works: SideWork) -> None:
        self._works = works

    def mark(self) -> None:
        for work in self._works:
            work.mark()

    def turn(self) -> None:
        for work in self._works:
            try:
                work.turn()
            except Exception:
                logger.exception("%s beside the window loop broke; all else goes on", type(work).__name__)
