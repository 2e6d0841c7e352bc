"""The operator as a process: what it is built of, what it serves, how it starts, reloads and stops."""
