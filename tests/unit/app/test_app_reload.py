"""A configuration file that changes under a running process."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gpucost.app.configuration.settings import Settings
from gpucost.app.process.reload import Configuration
from gpucost.model.errors import ConfigurationError

START = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class File:
    """Each look at it is a second after the one before."""

    path: Path
    now: datetime = START
    configuration: Configuration = field(init=False)

    def load(self, text: str, check: Callable[[Settings], object] = lambda _: None) -> Configuration:
        self.path.write_text(text)
        self.configuration = Configuration(self.path, check=check, clock=lambda: self.now)
        return self.configuration

    def look(self, text: str, *, times: int = 2) -> list[bool]:
        """What looks find that find ``text``."""
        self.path.write_text(text)
        return [self.look_again() for _ in range(times)]

    def look_again(self) -> bool:
        self.now += timedelta(seconds=1)
        return self.configuration.look()


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "config.yaml")


def test_a_bad_one_at_the_start_is_an_error(file: File) -> None:
    with pytest.raises(ConfigurationError, match="lateness"):
        file.load("lateness: soon")


def test_one_that_the_operator_cannot_work_with_is_an_error_too(file: File) -> None:
    with pytest.raises(ConfigurationError, match="is not set"):
        file.load("lateness: 5m", check=Settings.telemetry)


def test_it_counts_at_the_second_look_and_once(file: File) -> None:
    configuration = file.load("lateness: 5m")
    assert file.look("lateness: 6m", times=4) == [False, True, False, False]
    assert configuration.settings.lateness == timedelta(minutes=6)
    assert configuration.loaded == START + timedelta(seconds=2)


def test_one_that_is_half_written_at_a_look_does_not_count(file: File) -> None:
    configuration = file.load("lateness: 5m")
    looks = [*file.look("lat", times=1), *file.look("lateness: 6m\nsettle", times=1)]
    assert [*looks, *file.look("lateness: 6m\nsettleDelay: 9s")] == [False, False, False, True]
    assert configuration.problem == ""
    assert configuration.settings.settle_delay == timedelta(seconds=9)


def test_a_comment_is_no_change(file: File) -> None:
    file.load("lateness: 5m")
    assert file.look("lateness: 5m # minutes") == [False, False]


def test_a_bad_one_is_told_once_and_changes_nothing(file: File, caplog: pytest.LogCaptureFixture) -> None:
    configuration = file.load("lateness: 5m")
    before = configuration.settings
    assert file.look("lateness: soon", times=4) == [False] * 4
    assert configuration.settings is before
    assert configuration.loaded == START
    assert 'lateness "soon" must be a span of time' in configuration.problem
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"the configuration is not taken, the one before stays in force: {configuration.problem}"
    ]


def test_a_file_that_is_gone_is_a_bad_one(file: File) -> None:
    configuration = file.load("lateness: 5m")
    file.path.unlink()
    assert [file.look_again(), file.look_again()] == [False, False]
    assert "cannot be read" in configuration.problem
    assert file.look("lateness: 5m") == [False, False]
    assert configuration.problem == ""


def test_a_bad_one_that_becomes_another_good_one_is_taken(file: File) -> None:
    configuration = file.load("lateness: 5m")
    file.look("lateness: soon")
    assert file.look("lateness: 6m") == [False, True]
    assert configuration.problem == ""


def test_what_the_operator_cannot_work_with_is_refused(file: File) -> None:
    configuration = file.load("prometheus: {url: 'http://p'}", check=Settings.telemetry)
    assert file.look("lateness: 6m") == [False, False]
    assert "prometheus.url is not set" in configuration.problem


def test_what_needs_a_restart_is_told_and_stays_and_the_rest_is_taken(
    file: File, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    configuration = file.load("namespace: a")
    text = "namespace: b\nlisten: ':1'\nleaderElection: {leaseDuration: 9s}\nlateness: 6m"
    assert file.look(text) == [False, True]
    assert configuration.settings == Settings(namespace="a").model_copy(update={"lateness": timedelta(minutes=6)})
    assert "listen and namespace and leaderElection changed" in caplog.text


def test_where_only_that_changes_nothing_does(file: File, caplog: pytest.LogCaptureFixture) -> None:
    file.load("namespace: a")
    assert file.look("namespace: b") == [False, False]
    assert "namespace changed and will count after a restart" in caplog.text
