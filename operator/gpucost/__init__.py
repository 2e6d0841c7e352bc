"""gpucost: who pays for the GPUs. Rooms and their one direction: docs/architecture.md."""

from importlib.metadata import version

__version__ = version("gpucost")
