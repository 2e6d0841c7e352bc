"""What can go wrong with the sandbox itself."""

from gpucost.model.errors import GpuCostError


class SandboxError(GpuCostError):
    """The sandbox cannot do what was asked; ``str(error)`` says why and what to do."""


class BinaryMissing(SandboxError):
    """A program is neither installed nor can it be made here."""
