import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gpucost.app.cli.arguments import Interval, add_interval, interval_of, moment
from gpucost.app.cli.main import main
from gpucost.app.configuration.settings import Settings
from gpucost.model.errors import ConfigurationError

NOW = datetime(2026, 11, 24, 12, 3, 30, tzinfo=UTC)


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def interval(*arguments: str) -> Interval:
    parser = argparse.ArgumentParser()
    add_interval(parser)
    return interval_of(parser.parse_args(arguments), Settings(), NOW)


INTERVALS = {
    "without options it is the last day": ((), at(23, 12), at(24, 12)),
    "a span ends with the last settled window": (("--last", "90m"), at(24, 10, 30), at(24, 12)),
    "a span may end earlier": (("--last", "1h", "--to", "2026-11-24T06:00:00Z"), at(24, 5), at(24, 6)),
    "a date is its midnight": (("--from", "2026-11-22", "--to", "2026-11-23"), at(22), at(23)),
    "a zone is reckoned in": (
        ("--from", "2026-11-24T02:00:00+02:00", "--to", "2026-11-24T01:00:00Z"),
        at(24),
        at(24, 1),
    ),
    "parts of windows are left out": (
        ("--from", "2026-11-24T00:01:00Z", "--to", "2026-11-24T00:14:00Z"),
        at(24, 0, 5),
        at(24, 0, 10),
    ),
    "a start alone reaches to now": (("--from", "2026-11-24"), at(24), at(24, 12)),
}


@pytest.mark.parametrize(("arguments", "start", "end"), INTERVALS.values(), ids=INTERVALS)
def test_an_interval_is_whole_windows(arguments: tuple[str, ...], start: datetime, end: datetime) -> None:
    assert interval(*arguments) == Interval(start, end)


TOO_LATE = {
    "an end in the future": (("--to", "2026-11-25"), "--to 2026-11-25T00:00:00Z is not over yet; the last window"),
    "a start in the future": (("--from", "2026-11-25"), "--from 2026-11-25T00:00:00Z is too late; the last window"),
    "less than a window": (
        ("--from", "2026-11-24T00:01:00Z", "--to", "2026-11-24T00:09:00Z"),
        "There is no whole window between",
    ),
}


@pytest.mark.parametrize(("arguments", "told"), TOO_LATE.values(), ids=TOO_LATE)
def test_what_cannot_be_computed_is_told(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        interval(*arguments)


WRONG = {
    "no command": ((), "COMMAND"),
    "an unknown command": (("bill",), "invalid choice: 'bill'"),
    "an unknown output": (("report", "-o", "xml"), "invalid choice: 'xml'"),
    "a span of no time": (("report", "--last", "0s"), 'argument --last: "0s" is no time at all'),
    "a span without a unit": (("report", "--last", "24"), 'argument --last: "24" is no span of time; write it as 30s'),
    "a span beyond all clocks": (("report", "--last", "999999999d"), "is longer than 3650d"),
    "two starts": (("report", "--last", "1h", "--from", "2026-11-24"), "--from: not allowed with argument --last"),
    "times the wrong way round": (
        ("allocations", "--from", "2025-11-24", "--to", "2025-11-23"),
        "--from 2025-11-24T00:00:00Z is not before --to 2025-11-23T00:00:00Z; exchange the two",
    ),
    "no time between": (("report", "--from", "2025-11-24", "--to", "2025-11-24"), "is not before --to"),
    "more than ten years": (
        ("report", "--from", "2001-01-01", "--to", "2024-01-01"),
        "is more than 3650d before the end",
    ),
    "a time without a zone": (
        ("report", "--from", "2025-11-24T08:15"),
        'argument --from: "2025-11-24T08:15" has no time zone; write it as 2025-11-24T08:15:00Z',
    ),
    "no time": (("report", "--to", "yesterday"), '"yesterday" is no time; write it as 2026-11-24T00:00:00Z'),
    "a time before all clocks": (("report", "--to", "0001-01-01T00:00:00+14:00"), "is no time; write it as"),
    "a time before Prometheus": (("report", "--to", "1999-12-31"), "is too long ago; write a time from 2000 on"),
    "the operator without settings": (("run",), "--config"),
    "a seed that is no number": (("demo", "--seed", "x"), "--seed"),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG)
def test_wrong_usage_ends_with_2_and_says_why_on_stderr(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ("--prometheus", "http://127.0.0.1:1") if arguments[:1] in (("report",), ("allocations",)) else ()
    with pytest.raises(SystemExit) as caught:
        main([*arguments, *source])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert told in err.splitlines()[-1]


def test_no_prometheus_is_a_sentence_that_names_option_and_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gpucost report: No Prometheus is named; give --prometheus URL, or set prometheus.url in")


def test_a_broken_configuration_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("window: 5")
    assert main(["run", "--config", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f'gpucost run: {path}: window "5" must be a span of time')


@pytest.mark.parametrize("text", ["2026-11-24", "2026-11-24T00:00:00Z", "2026-11-24T01:00:00+01:00"])
def test_one_moment_has_several_spellings(text: str) -> None:
    assert moment(text) == at(24)
    assert moment(text).utcoffset() == timedelta(0)
