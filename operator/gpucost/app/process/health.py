"""What the probes answer."""

from dataclasses import dataclass

from gpucost.app.process.leadership import Leadership
from gpucost.app.windows.state import LoopState


@dataclass(frozen=True, slots=True)
class Health:
    """A replica that stands by is ready: there is nothing that it lacks to take over.

    Were it not, a rollout would wait for it for ever, and a disruption budget would never let the leading one go.
    """

    state: LoopState
    leadership: Leadership

    def why_dead(self) -> str | None:
        """A sentence where only a restart helps."""
        return self.state.why_dead() or self.leadership.why_dead()

    def why_not_ready(self) -> str | None:
        """A sentence while the reports are not brought up to date, neither here nor by another replica."""
        if self.leadership.is_held():
            return self.why_dead() or self.state.why_not_ready()
        return self.why_dead() or self.leadership.why_unsettled()
