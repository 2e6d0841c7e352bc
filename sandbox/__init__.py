"""A GPU cluster on one machine: a real API server and a real Prometheus that show a simulated fleet."""
