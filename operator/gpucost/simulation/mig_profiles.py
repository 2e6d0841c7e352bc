"""MIG profiles of the A100-SXM4-40GB, from NVIDIA's MIG User Guide and a real node's feature-discovery labels."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MigProfile:
    compute_slices: int
    """Of 7."""
    memory_slices: int
    """Of 8."""
    memory_mib: int
    multiprocessors: int
    copy_engines: int
    decoders: int


COMPUTE_SLICES = 7
MEMORY_SLICES = 8

A100_40GB = {
    "1g.5gb": MigProfile(
        compute_slices=1, memory_slices=1, memory_mib=4864, multiprocessors=14, copy_engines=1, decoders=0
    ),
    "1g.10gb": MigProfile(
        compute_slices=1, memory_slices=2, memory_mib=9856, multiprocessors=14, copy_engines=1, decoders=1
    ),
    "2g.10gb": MigProfile(
        compute_slices=2, memory_slices=2, memory_mib=9856, multiprocessors=28, copy_engines=2, decoders=1
    ),
    "3g.20gb": MigProfile(
        compute_slices=3, memory_slices=4, memory_mib=19968, multiprocessors=42, copy_engines=3, decoders=2
    ),
    "4g.20gb": MigProfile(
        compute_slices=4, memory_slices=4, memory_mib=19968, multiprocessors=56, copy_engines=4, decoders=2
    ),
    "7g.40gb": MigProfile(
        compute_slices=7, memory_slices=8, memory_mib=40192, multiprocessors=98, copy_engines=7, decoders=5
    ),
}
