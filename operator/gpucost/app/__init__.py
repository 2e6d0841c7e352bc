"""Settings, the window loop, kopf and the command line: the only room that sees all others."""
