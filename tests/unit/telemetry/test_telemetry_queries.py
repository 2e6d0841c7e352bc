from typing import Any

import pytest

from gpucost.model.errors import ConfigurationError
from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.queries import (
    POD_LABELS,
    POD_REQUESTS,
    Matcher,
    NewestSampleQuery,
    OddSamplesQuery,
    PodHistoryQuery,
    PodLastSeenQuery,
    PodLifeQuery,
    RawSamplesQuery,
    WindowQuery,
    escape_regex,
    quote,
)

CLUSTER = Matcher("cluster", "=", "prod")

MATCHERS: dict[str, tuple[str, Matcher]] = {
    "equal": ('cluster="prod"', CLUSTER),
    "regular expression": ('cluster=~"prod-.+"', Matcher("cluster", "=~", "prod-.+")),
    "not equal, with spaces": (' cluster != "test" ', Matcher("cluster", "!=", "test")),
    "an escaped quote, backslash and line end": (r'a="x\"y\\z\n"', Matcher("a", "=", 'x"y\\z\n')),
}


@pytest.mark.parametrize(("text", "matcher"), MATCHERS.values(), ids=MATCHERS)
def test_a_matcher_is_read_and_written_alike(text: str, matcher: Matcher) -> None:
    assert Matcher.parse(text) == matcher
    assert Matcher.parse(matcher.promql()) == matcher


@pytest.mark.parametrize("text", ["", "cluster", "cluster=prod", 'a="b",c="d"', 'a="b"}) or up{c="', 'a="b', '1a="b"'])
def test_what_is_no_single_matcher_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"prometheus\.matchers"):
        Matcher.parse(text)


@pytest.mark.parametrize("name", ["", "a b", "up} or x{", "9a"])
def test_what_is_no_metric_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"prometheus\.metrics"):
        MetricNames(memory_used=(name,))


def test_a_string_is_quoted_as_promql_wants_it() -> None:
    assert quote('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'


def test_a_name_in_a_regular_expression_means_itself() -> None:
    assert escape_regex("a.b+c|d(e)[f]{2}^$*?\\") == r"a\.b\+c\|d\(e\)\[f\]\{2\}\^\$\*\?\\"


def test_a_window_asks_for_sum_and_count_with_the_matchers() -> None:
    promql = WindowQuery(metrics=("fb", "FB"), range_ms=299_999, matchers=(CLUSTER,)).promql()
    for stat in ("sum", "count"):
        for metric, label in (("fb", stat), ("FB", f"{stat}/1")):
            selector = f'{stat}_over_time({metric}{{cluster="prod"}}[299999ms])'
            assert f'({selector}),"gpucost_stat","{label}","","")' in promql


def test_odd_samples_are_those_below_zero_or_too_high() -> None:
    promql = OddSamplesQuery(metrics=("w", "W"), most=5000.0, range_ms=60_000, matchers=(CLUSTER,)).promql()
    for metric, label in (("w", "count"), ("W", "count/1")):
        samples = f'{metric}{{cluster="prod"}}[60000ms]'
        odd = f"min_over_time({samples}) < 0 or max_over_time({samples}) > 5000"
        assert f'({odd}),"gpucost_stat","{label}","","")' in promql


def test_raw_samples_are_asked_of_the_cards_alone() -> None:
    query = RawSamplesQuery(metric="fb", label="uuid", uuids=("GPU-a", "b.c"), range_ms=60_000, matchers=(CLUSTER,))
    assert query.promql() == 'fb{cluster="prod",uuid=~"GPU-a|b\\\\.c"}[60000ms]'


def test_times_of_pods_are_asked_by_uid() -> None:
    query = PodLifeQuery(metric="bound", uids=("u1", "u2"), range_ms=60_000, matchers=(CLUSTER,))
    assert query.promql() == 'max by (uid) (last_over_time(bound{cluster="prod",uid=~"u1|u2"}[60000ms]))'


NO_METRICS: dict[str, dict[str, Any]] = {
    "no compute metric": {"compute": ()},
    "one name twice": {"memory_used": ("fb",), "memory_free": ("fb",)},
}


@pytest.mark.parametrize("names", NO_METRICS.values(), ids=NO_METRICS)
def test_names_that_make_no_sense_are_refused(names: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"prometheus\.metrics"):
        MetricNames(**names)


def test_the_newest_sample_is_asked_of_every_metric() -> None:
    promql = NewestSampleQuery(metrics=("a", "b"), matchers=(CLUSTER,)).promql()
    assert promql.count('timestamp(a{cluster="prod"})') == promql.count('timestamp(b{cluster="prod"})') == 2


def test_pod_names_are_escaped_in_both_labels_that_may_carry_them() -> None:
    query = PodHistoryQuery(metric=POD_LABELS, pods=("a.b", "c"), range_ms=60_000, matchers=(CLUSTER,))
    both = (
        f'last_over_time(kube_pod_labels{{cluster="prod",{label}=~"a\\\\.b|c"}}[60000ms])'
        for label in ("pod", "exported_pod")
    )
    assert query.promql() == " or ".join(both)


def test_only_requests_of_gpus_are_asked_for() -> None:
    promql = PodHistoryQuery(metric=POD_REQUESTS, pods=("a",), range_ms=60_000).promql()
    assert promql.count('resource=~"nvidia_com_.+"') == 2


def test_when_a_pod_was_last_seen_is_asked_with_the_same_selectors() -> None:
    promql = PodLastSeenQuery(metric=POD_LABELS, pods=("a",), range_ms=60_000).promql()
    for selector in ('kube_pod_labels{pod=~"a"}', 'kube_pod_labels{exported_pod=~"a"}'):
        assert f"max_over_time(timestamp({selector})[60000ms:1m])" in promql
        assert f"0 * last_over_time({selector}[60000ms])" in promql
