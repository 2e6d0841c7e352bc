"""Window after window: which are over, whether the answers suffice, and what is told where they do not."""
