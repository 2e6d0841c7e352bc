from datetime import timedelta
from pathlib import Path

import pytest

from gpucost.app.durations import format_duration, parse_duration
from gpucost.app.settings import Settings, load_settings, operator_namespace
from gpucost.model.errors import ConfigurationError

BAD = {
    "an unknown key is named": ("prometeus: {}", "prometeus is an unknown key"),
    "an unknown key of a section is named": ("prometheus: {uri: x}", "prometheus.uri is an unknown key"),
    "a window that does not divide a day is refused": ("window: 7m", "divide a day"),
    "a window shorter than a scrape is refused": ("window: 1s", "between 30s and 24h"),
    "a span without a unit is refused": ('window: "5"', "no span of time"),
    "a fraction above 1 is refused": ("gpuFraction: 1.5", "gpuFraction"),
    "a matcher that is none is named": ("prometheus: {matchers: [cluster]}", "no label matcher"),
    "an endless time limit is refused": ("prometheus: {timeout: 1h}", "between 1s and 5m"),
    "an empty list of label keys is refused": ("labels: {team: []}", "labels.team"),
    "a currency that is no code is refused": ("currency: dollars", "currency"),
    "a list instead of keys is refused": ("- a", "holds no keys"),
    "no YAML at all is refused": ("a: [", "is no YAML"),
}


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("text", "told"), BAD.values(), ids=BAD)
def test_a_bad_configuration_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(tmp_path, text))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings(tmp_path / "none.yaml")


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "")) == Settings()


def test_label_keys_keep_their_order(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "labels: {costCentre: [kst, cost-centre]}"))
    assert settings.labels.keys().cost_centre == ("kst", "cost-centre")
    assert settings.labels.keys().team == Settings().labels.team


def test_a_prometheus_must_be_named() -> None:
    with pytest.raises(ConfigurationError, match=r"prometheus\.url is not set"):
        Settings().prometheus.telemetry()


def test_the_namespace_comes_from_the_environment() -> None:
    assert operator_namespace({"GPUCOST_NAMESPACE": "billing"}) == "billing"


@pytest.mark.parametrize("text", ["90s", "5m", "1h30m", "7d", "500ms"])
def test_a_span_is_written_as_it_was_read(text: str) -> None:
    assert parse_duration(format_duration(parse_duration(text))) == parse_duration(text)


def test_spans_add_up() -> None:
    assert parse_duration("1h30m") == timedelta(minutes=90)
    assert format_duration(timedelta(0)) == "0s"
