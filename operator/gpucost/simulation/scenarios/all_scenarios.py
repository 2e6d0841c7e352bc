"""All scenarios, theme by theme."""

from gpucost.simulation.scenarios import (
    changing_prices,
    comparison,
    exclusive,
    exporter_variants,
    gone_nodes,
    labels,
    mig,
    mig_models,
    mps,
    odd_samples,
    pod_lives,
    prices,
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
    gone_nodes,
    labels,
    prices,
    changing_prices,
    comparison,
)
SCENARIOS = tuple(one for theme in THEMES for one in theme.scenario.scenarios)
