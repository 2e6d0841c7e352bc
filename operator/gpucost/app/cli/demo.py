"""``gpucost demo``: a simulated day through the same pipeline as a real one; no cluster, no root."""

import argparse
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml

from gpucost.app.cli.conditions import troubles_of
from gpucost.app.cli.messages import tell, write
from gpucost.app.cli.progress import Progress
from gpucost.app.computing.computed import Computed, build_reports, compute_ledgers
from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.computing.simulated import SimulatedCluster, SimulatedTelemetry
from gpucost.app.configuration.rules import rules_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.model.errors import ConfigurationError
from gpucost.model.ledger import Ledger
from gpucost.model.time import DAY, PeriodKind, start_of_day
from gpucost.reports.allocation_output import allocations_csv
from gpucost.reports.allocations import allocation_rows
from gpucost.reports.build import build_list
from gpucost.reports.headlines import headlines
from gpucost.reports.reconciliation import reconciliation
from gpucost.reports.report_csv import reports_csv
from gpucost.reports.tables import report_table
from gpucost.simulation.fleet import make_fleet


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo",
        help="a simulated day on this machine: no cluster, no Prometheus",
        description="Runs yesterday (UTC) of a simulated GPU fleet through the same pipeline as a real cluster's.",
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed is another fleet (default: 1)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("out/demo"),
        metavar="DIR",
        help="where manifests and CSV go (default: out/demo)",
    )
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    began = time.monotonic()
    now = datetime.now(UTC)
    start = start_of_day(now) - DAY
    tell(f"Simulating {start:%Y-%m-%d} (UTC) of a GPU fleet, seed {options.seed} ...")
    ledgers, computed = _compute(options.seed, start, now)
    (cluster,) = computed.cluster_reports
    for trouble in troubles_of(computed.cluster_reports):
        tell(trouble)
    _write(options.out, ledgers, computed)
    write(
        "What `kubectl get gpucostreports -A` would print:\n\n"
        f"{report_table(computed.reports)}\n{reconciliation(cluster)}\n"
        + "".join(f"* {sentence}\n" for sentence in headlines(cluster, computed.reports))
        + f"\nThe manifests and two CSV files (reports, allocations) are in {options.out}/.\n"
        f"{_how_to_go_on(os.environ)}\n"
    )
    tell(f"Done in {time.monotonic() - began:.1f} s.")
    return 0


def _compute(seed: int, start: datetime, now: datetime) -> tuple[Sequence[Ledger], Computed]:
    end = start + DAY
    settings = Settings()
    fleet = make_fleet(seed=seed, start=start, end=end)
    pipeline = Pipeline(
        cluster=SimulatedCluster(fleet, end),
        telemetry=SimulatedTelemetry(fleet),
        rates=Prices(settings, tuple),
        rules=rules_of(settings),
    )
    with Progress("windows", DAY // settings.window) as progress:
        batches = list(compute_ledgers(pipeline.compute, start, end, settings.window, progress=progress.show))
    return [ledger for batch in batches for ledger in batch], build_reports(batches, PeriodKind.DAY, now)


def _write(folder: Path, ledgers: Sequence[Ledger], computed: Computed) -> None:
    manifests = build_list([*computed.reports, *computed.cluster_reports])
    files = {
        "reports.yaml": yaml.safe_dump(manifests, sort_keys=False, allow_unicode=True),
        "reports.csv": reports_csv(computed.reports),
        "allocations.csv": allocations_csv(allocation_rows(ledgers)),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be written: {error.strerror}; name another folder with --out"
        ) from error


def _how_to_go_on(environ: "os._Environ[str]") -> str:
    kubeconfig = environ.get("KUBECONFIG") or (
        "~/.kube/config" if Path("~/.kube/config").expanduser().is_file() else ""
    )
    if not kubeconfig:
        return "On a real cluster: `gpucost report --kubeconfig FILE --prometheus URL` (reads only)."
    return (
        f"You have a kubeconfig ({kubeconfig}). To see that cluster, with the Prometheus that scrapes its GPUs:\n"
        "  kubectl port-forward -n monitoring svc/prometheus-operated 9090 &\n"
        "  gpucost report --last 24h --prometheus http://127.0.0.1:9090    # reads only"
    )
