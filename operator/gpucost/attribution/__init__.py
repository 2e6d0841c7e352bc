"""The engine: arrays in, arrays out; no I/O, no strings, no loop over rows."""
