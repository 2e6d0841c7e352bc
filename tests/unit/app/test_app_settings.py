import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from gpucost.app.configuration.settings import Settings, load_settings, operator_namespace
from gpucost.model.errors import ConfigurationError
from gpucost.pricing.rules import FractionModel, PriceRules, PublishedPrices

BAD = {
    "an unknown key is told its neighbour": ("prometeus: {}", "prometeus is an unknown key; did you mean prometheus?"),
    "an unknown key of a section, too": (
        "prometheus: {uri: x}",
        "prometheus.uri is an unknown key; did you mean prometheus.url?",
    ),
    "an unknown key like no other is told all keys": (
        "labels: {owner: [a]}",
        "labels.owner is an unknown key; labels may hold team, product, costCentre, environment, workloadType",
    ),
    "the same at the top": ("a: 1", "a is an unknown key; the file may hold currency, window,"),
    "each key has one spelling": ("settle_delay: 60s", "did you mean settleDelay?"),
    "a key that is no word is refused": ("1: x", "1 is an unknown key"),
    "a window that does not divide a day is refused": (
        "window: 7m",
        'window "7m" must be a span of time with its unit',
    ),
    "a window shorter than a scrape is refused": ("window: 1s", "from 30s to 24h"),
    "a window of no time is refused": ("window: 0s", "from 30s to 24h"),
    "a span without a unit is refused": (
        'window: "5"',
        "with its unit, from 30s to 24h, that divides a day, such as 5m",
    ),
    "a bare number is no span": ("settleDelay: 10", 'settleDelay "10" must be a span of time'),
    "a bare fraction is no span": ("lateness: 0.5", 'lateness "0.5" must be a span of time'),
    "YAML's minutes and seconds are no span": ("lateness: 1:30", 'lateness "90" must be a span of time'),
    "null is no span": ("lateness: null", "lateness must be a span of time"),
    "a negative delay is refused": ("settleDelay: -5s", "from 0s to 3650d with its unit, such as 10s"),
    "a delay beyond all clocks is refused": ("settleDelay: 999999999d", "from 0s to 3650d"),
    "a backfill of no time is refused": ("backfillMaxAge: 59m", "from 1h to 3650d"),
    "an interval of no time is refused": ("prometheus: {scrapeInterval: 0s}", "longer than 0s"),
    "an interval longer than the window is refused": (
        "prometheus: {scrapeInterval: 10m}",
        ": prometheus.scrapeInterval must be at most the window",
    ),
    "a fraction above 1 is refused": ("gpuFraction: 1.5", 'gpuFraction "1.5" must be a number above 0 and at most 1'),
    "a fraction of 0 is refused": ("gpuFraction: 0", "above 0"),
    "no number is no fraction": ("gpuFraction: .nan", "gpuFraction"),
    "true is no fraction": ("gpuFraction: true", "gpuFraction"),
    "a model of the fraction that does not exist is told with those that do": (
        "gpuFraction: half",
        'gpuFraction "half" must be a number above 0 and at most 1, such as 0.9, or one of all, aws-split,'
        " opencost-ratio, residual",
    ),
    "a fraction with an exponent in quotes is refused": ("gpuFraction: '1e-2'", 'gpuFraction "1e-2" must be'),
    "a list is no fraction": ("gpuFraction: [0.5]", "gpuFraction must be a number"),
    "a spot ratio of 0 is refused": ("spotRatio: 0", 'spotRatio "0" must be a number above 0 and at most 1'),
    "a spot ratio above 1 is refused": ("spotRatio: 40", 'spotRatio "40" must be a number above 0 and at most 1'),
    "no number is no spot ratio": ("spotRatio: .inf", "spotRatio"),
    "an exchange rate of 0 is refused": ("exchangeRates: {EUR: 0}", "from 0.000001 to 1000000, such as {EUR: 1.08}"),
    "an exchange rate that is no number is refused": ("exchangeRates: {EUR: much}", "exchangeRates must be up to 20"),
    "a currency in small letters is refused": ("exchangeRates: {eur: 1.08}", "exchangeRates must be up to 20"),
    "exchange rates that are no keys are refused": ("exchangeRates: 1.08", 'exchangeRates "1.08" must be up to 20'),
    "a rate of the currency to itself is refused": (
        "currency: EUR\nexchangeRates: {EUR: 1}",
        "exchangeRates must not hold EUR, which is the currency itself",
    ),
    "a publisher of prices that nobody knows is told with those that are": (
        "prometheus: {prices: [kubecost]}",
        'prometheus.prices.0 "kubecost" must be one of karpenter, opencost',
    ),
    "a publisher outside a list is refused": (
        "prometheus: {prices: karpenter}",
        "must be a list of 0 to 20 names, each one of karpenter, opencost",
    ),
    "a number is no switch": ("listPrices: 1", 'listPrices "1" must be true or false'),
    "a matcher that is none is named": (
        "prometheus: {matchers: [cluster]}",
        'prometheus.matchers.0 "cluster" must be a label matcher, such as cluster="prod"',
    ),
    "a matcher outside a list is refused": (
        "prometheus: {matchers: 'a=\"b\"'}",
        "must be a list of 0 to 20 label matchers",
    ),
    "an endless time limit is refused": ("prometheus: {timeout: 1h}", "from 1s to 5m"),
    "an answer of a few bytes is refused": ("prometheus: {maxAnswerBytes: 100}", "at least 65536"),
    "a file that is none is refused": (
        "prometheus: {tokenFile: 3}",
        'prometheus.tokenFile "3" must be the path of a file',
    ),
    "an empty list of label keys is refused": (
        "labels: {team: []}",
        "labels.team must be a list of 1 to 20 label keys",
    ),
    "a label key outside a list is refused": (
        "labels: {team: owner}",
        'labels.team "owner" must be a list of 1 to 20 label keys, such as [team]',
    ),
    "a label key that is none is named": (
        "labels: {team: [team, 'a b']}",
        'labels.team.1 "a b" must be a label key, such as team or example.com/team',
    ),
    "a section that is none is refused": ("prometheus: http://x", 'prometheus "http://x" must hold keys, such as url'),
    "an empty section is refused": ("labels:", "labels must hold keys, such as team"),
    "a currency that is no code is refused": ("currency: dollars", "three capital letters, such as USD"),
    "a namespace that is none is refused": ("namespace: GPU_Cost", 'namespace "GPU_Cost" must be a namespace\'s name'),
    "a namespace too long is refused": (f"namespace: {'a' * 64}", "up to 63"),
    "a port that is none is refused": (
        "listen: ':99999'",
        'listen ":99999" must be host:port with a port from 0 to 65535',
    ),
    "a retention of no day is refused": (
        "retention: {days: 0}",
        'retention.days "0" must be a whole number of days, from 1',
    ),
    "a limit in quotes is no number": ("retention: {megabytes: '300'}", 'retention.megabytes "300" must be a whole'),
    "a key that retention does not have is refused": ("retention: {weeks: 5}", "may hold days, months, objects,"),
    "an address without a port is refused": ("listen: localhost", "must be host:port"),
    "a port alone is refused": ("listen: 8080", "must be host:port"),
    "a list instead of keys is refused": ("- a", "holds no keys"),
    "no YAML at all is refused": ("a: [", "is no YAML"),
    "a day that no month has is refused": ("currency: 2026-99-99", "is no YAML"),
    "a nest without end is refused": ("[" * 100_000, "is no YAML"),
}


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("text", "told"), BAD.values(), ids=BAD)
def test_a_bad_configuration_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Input should" not in str(caught.value)


def test_a_bad_matcher_hides_no_other_complaint(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(tmp_path, "prometheus: {matchers: [cluster]}\ncurrency: dollars\nowner: me\n"))
    assert [word for word in ("prometheus.matchers.0", "currency", "owner") if word not in str(caught.value)] == []


CONTRADICTIONS = {
    "a name without a password": (
        "usernameFile: /a",
        "prometheus.usernameFile is set and prometheus.passwordFile is not",
    ),
    "a key without a certificate": ("keyFile: /a", "prometheus.keyFile is set and prometheus.certificateFile is not"),
    "a token and a password": (
        "tokenFile: /a, usernameFile: /b, passwordFile: /c",
        "prometheus.tokenFile and prometheus.passwordFile are both set",
    ),
    "a token, and a password in the URL": (
        "url: 'https://me:secret@p', tokenFile: /a",
        "prometheus.tokenFile and a user's name or password in prometheus.url are both set",
    ),
    "a certificate that nobody asks for": (
        "url: 'http://p', certificateFile: /a, keyFile: /b",
        "prometheus.url is no https URL",
    ),
}


@pytest.mark.parametrize(("text", "told"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_credentials_that_contradict_each_other_are_refused(tmp_path: Path, text: str, told: str) -> None:
    url = "" if "url:" in text else "url: 'https://p', "
    settings = load_settings(write(tmp_path, f"prometheus: {{{url}{text}}}"))
    with pytest.raises(ConfigurationError, match=re.escape(told)) as caught:
        settings.telemetry()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["Authorization", "host", "Content-Length", "X Scope", "", "X-A\r\nB", "Cookie", "Proxy-Authorization"]
)
def test_headers_that_are_ours_or_none_are_refused(tmp_path: Path, name: str) -> None:
    text = yaml.safe_dump({"prometheus": {"url": "http://p", "headers": {name: "/file"}}})
    with pytest.raises(ConfigurationError, match=r"prometheus\.headers.* must be up to 20 names of headers"):
        load_settings(write(tmp_path, text))


def test_a_header_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    text = "prometheus: {url: 'http://p', headers: {X-Scope-OrgID: /a, x-scope-orgid: /b}}"
    with pytest.raises(ConfigurationError, match=r"prometheus\.headers .*each once"):
        load_settings(write(tmp_path, text))


GOOD = {
    "no delay at all": ("settleDelay: 0s", "settle_delay", timedelta(0)),
    "a host of all addresses": ("listen: ':8080'", "listen", ":8080"),
    "a port of the system's choice": ("listen: 127.0.0.1:0", "listen", "127.0.0.1:0"),
    "the last port": ("listen: ':65535'", "listen", ":65535"),
    "a whole fraction": ("gpuFraction: 1", "gpu_fraction", Decimal(1)),
    "a fraction as it is written": ("gpuFraction: 0.1", "gpu_fraction", Decimal("0.1")),
    "a fraction in quotes": ("gpuFraction: '0.1'", "gpu_fraction", Decimal("0.1")),
    "a model of the fraction": ("gpuFraction: aws-split", "gpu_fraction", FractionModel.AWS_SPLIT),
    "a spot price as on demand": ("spotRatio: 1", "spot_ratio", Decimal(1)),
    "exchange rates as they are written": (
        "exchangeRates: {EUR: 1.08, JPY: '0.0067'}",
        "exchange_rates",
        {"EUR": Decimal("1.08"), "JPY": Decimal("0.0067")},
    ),
    "the shortest backfill": ("backfillMaxAge: 1h", "backfill_max_age", timedelta(hours=1)),
    "a window of a day": ("window: 1d", "window", timedelta(days=1)),
}


@pytest.mark.parametrize(("text", "name", "value"), GOOD.values(), ids=GOOD)
def test_what_is_allowed_is_taken(tmp_path: Path, text: str, name: str, value: object) -> None:
    assert getattr(load_settings(write(tmp_path, text)), name) == value


def test_the_rules_of_prices_are_those_of_the_configuration(tmp_path: Path) -> None:
    text = (
        "{currency: EUR, exchangeRates: {USD: 0.92}, spotRatio: 0.3, gpuFraction: residual, listPrices: false,"
        " prometheus: {prices: [opencost, karpenter, opencost]}}"
    )
    assert load_settings(write(tmp_path, text)).price_rules == PriceRules(
        currency="EUR",
        exchange_rates={"USD": Decimal("0.92")},
        published=(PublishedPrices.OPENCOST, PublishedPrices.KARPENTER),
        list_prices=False,
        spot_ratio=Decimal("0.3"),
        gpu_fraction=FractionModel.RESIDUAL,
    )


def test_prices_are_made_by_default_rules_where_nothing_is_configured() -> None:
    assert Settings().price_rules == PriceRules()


def test_the_metric_of_power_has_the_configured_name(tmp_path: Path) -> None:
    text = "prometheus: {url: 'http://p', metrics: {power: [watts]}}"
    assert load_settings(write(tmp_path, text)).telemetry().metrics.power == ("watts",)


def test_an_interval_may_be_as_long_as_the_window(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "window: 1m\nprometheus: {scrapeInterval: 1m}"))
    assert settings.prometheus.scrape_interval == timedelta(minutes=1)


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
        Settings().telemetry()


def test_the_namespace_comes_from_the_environment() -> None:
    assert operator_namespace({"GPUCOST_NAMESPACE": "billing"}) == "billing"


def test_a_namespace_of_the_environment_that_is_none_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r'\$GPUCOST_NAMESPACE "Billing" must be a namespace'):
        operator_namespace({"GPUCOST_NAMESPACE": "Billing"})


def test_other_names_of_gpus_stand_for_nvidia_resources(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "resourceAliases: {example.com/mig-*: nvidia.com/mig-*}"))
    assert settings.resources.canonical("example.com/mig-1g.5gb") == "nvidia.com/mig-1g.5gb"


def test_an_alias_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="resourceAliases"):
        load_settings(write(tmp_path, "resourceAliases: {example.com/gpu: example.com/card}"))


def test_metric_names_can_be_chosen(tmp_path: Path) -> None:
    text = "prometheus: {url: 'http://p', metrics: {compute: [{names: [busy], full: 100.0}]}}"
    (busy,) = load_settings(write(tmp_path, text)).telemetry().metrics.compute
    assert (busy.names, busy.full, busy.per_pod) == (("busy",), 100.0, False)


def test_a_policy_that_does_not_exist_is_told_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="one of max, memory, compute, mean, weighted"):
        load_settings(write(tmp_path, "usedRatio: median"))
