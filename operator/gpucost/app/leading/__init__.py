"""Which of several replicas does the work."""
