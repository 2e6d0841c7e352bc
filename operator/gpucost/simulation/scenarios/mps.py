"""MPS: whole cards only, a slot is a part of memory and compute."""

from gpucost.simulation.scenarios import own_values, sharing
from gpucost.simulation.scenarios.collection import Collection

scenario = Collection()
sharing.for_each_sharing.add_to(scenario, "mps")
own_values.for_each_sharing.add_to(scenario, "mps")
