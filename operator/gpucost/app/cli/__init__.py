"""The command line: ``gpucost``, also installed as ``kubectl-gpucost``. Exit codes: 0 done, 1 failed, 2 wrong usage."""
