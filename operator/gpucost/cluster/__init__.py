"""Kubernetes to nodes, GPU pods and namespaces: live, from files, and remembered."""
