"""Decided windows to resources, metrics, tables and exports."""
