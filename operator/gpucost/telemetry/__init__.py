"""Prometheus to usage arrays: queries, label variants, units."""
