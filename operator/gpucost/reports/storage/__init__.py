"""Reports, window records and rate cards on the API server: the only part of the room that does I/O."""
