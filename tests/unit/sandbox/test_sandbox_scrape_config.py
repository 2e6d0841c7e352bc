from datetime import timedelta

from sandbox.prometheus import ScrapeTarget, scrape_config


def make_target(job: str, path: str, **labels: str) -> ScrapeTarget:
    return ScrapeTarget(
        job=job,
        address="127.0.0.1:9400",
        path=path,
        interval=timedelta(seconds=30),
        honor_labels=job == "kube-state-metrics",
        labels=labels,
    )


def test_targets_of_a_job_share_its_settings_and_keep_their_own_path_and_labels() -> None:
    exporters = [make_target("dcgm", f"/{node}/metrics", instance=f"{node}:9400") for node in ("a", "b")]

    dcgm, kube_state = scrape_config([*exporters, make_target("kube-state-metrics", "/kube/metrics")])["scrape_configs"]

    assert (dcgm["job_name"], dcgm["honor_labels"], dcgm["scrape_interval"]) == ("dcgm", False, "30000ms")
    assert [static["labels"] for static in dcgm["static_configs"]] == [
        {"__metrics_path__": "/a/metrics", "instance": "a:9400"},
        {"__metrics_path__": "/b/metrics", "instance": "b:9400"},
    ]
    assert kube_state["honor_labels"] is True
