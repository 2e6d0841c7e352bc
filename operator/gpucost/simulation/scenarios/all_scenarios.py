"""All scenarios, theme by theme."""

from gpucost.simulation.scenarios import (
    comparison,
    exclusive,
    exporter_variants,
    labels,
    mig,
    mig_models,
    mps,
    odd_samples,
    pod_lives,
    sources,
    time,
    time_slicing,
)

THEMES = (
    exclusive,
    mig,
    mig_models,
    time_slicing,
    mps,
    exporter_variants,
    sources,
    odd_samples,
    pod_lives,
    time,
    labels,
    comparison,
)
SCENARIOS = tuple(one for theme in THEMES for one in theme.scenario.scenarios)
