"""gpucost: who pays for the GPUs. Rooms and their one direction: docs/architecture.md."""
