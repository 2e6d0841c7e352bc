"""Becomes the program named on its command line, which then dies with the thread that started it.

Run as a script with nothing but the standard library: ``tether.py PARENT_PID PROGRAM ARGUMENT...``. The kernel
delivers the death of the parent on Linux only; elsewhere a killed starter leaves its servers running.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tether(deadly: int = signal.SIGKILL) -> None:
    """This process gets ``deadly`` when its parent dies; 0 lets go."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, deadly)


def main(parent: str, *command: str) -> None:
    tether()
    if os.getppid() != int(parent):
        sys.exit(f"{parent} was gone before {command[0]} started")
    os.execv(command[0], command)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main(*sys.argv[1:])
