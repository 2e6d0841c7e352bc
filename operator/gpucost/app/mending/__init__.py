"""Reports that somebody deleted or edited."""
