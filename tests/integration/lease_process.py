"""A candidate for the Lease as a process: ``python lease_process.py KUBECONFIG NAMESPACE NAME DURATION``.

Every 20 ms it prints whether it leads, ``TIME held`` or ``TIME free``, with the monotonic time before it asked, which
all processes of a machine share. Its log goes to stderr. SIGTERM ends it in order.
"""

import signal
import sys
import time
from pathlib import Path
from threading import Event

from gpucost.app.leading.lease import Lease, LeaseTiming, new_identity
from gpucost.app.leading.lease_api import KubeLeaseApi
from gpucost.app.leading.lease_thread import LeaseThread
from gpucost.app.process.logs import configure_logging
from gpucost.cluster.connection import connect


def main(kubeconfig: str, namespace: str, name: str, duration: str) -> None:
    configure_logging()
    timing = LeaseTiming(int(duration))
    api = KubeLeaseApi(connect(Path(kubeconfig)), namespace, call_seconds=timing.call, name=name)
    lease = Lease(api, new_identity(), timing)
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    thread = LeaseThread(lease)
    thread.start()
    while not stop.wait(0.02):
        asked_at = time.monotonic()
        print(f"{asked_at:.6f} {'held' if lease.is_held() else 'free'}", flush=True)
    thread.stop(5.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
