"""Cluster, telemetry and rates -> who held which device in a window, as arrays."""
