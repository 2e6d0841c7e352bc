"""Rates, for the operator, for its GpuRateCards and for people."""
