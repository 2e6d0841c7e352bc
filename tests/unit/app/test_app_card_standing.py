"""Cards as the API server would keep them, and turns that are taken over them."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, cast

import pytest

from gpucost.app.committing.commit import Committer
from gpucost.app.plan import Timing
from gpucost.app.prices.card_standing import MOST_SECONDS, MOST_WRITES, CardStanding
from gpucost.app.prices.card_status import MOST_MESSAGE_CHARACTERS
from gpucost.app.prices.gpu_nodes import gpu_nodes
from gpucost.app.windows.loop import IDLE_SECONDS, WindowLoop
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import Conflict, GpuCostError, Refused, SourceUnavailable
from gpucost.model.fleet import GPU_RESOURCE, Node
from gpucost.pricing.rules import PriceRules
from gpucost.reports.resources.gpu_rate_card import RateCardStatus
from gpucost.reports.storage.events import Happening, build_event
from gpucost.reports.storage.kube_errors import Missing

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
Object = dict[str, Any]


def make_card(name: str, *, nodes: str = "p5*", currency: str = "USD", hourly: str = "20", age: int = 0) -> Object:
    """``age``: minutes; a higher one is an older card."""
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": (START - timedelta(days=1, minutes=age)).isoformat(),
        },
        "spec": {
            "currency": currency,
            "rates": [{"name": "all", "match": {"instanceType": nodes}, "nodeHourly": hourly}],
        },
    }


def make_node(name: str, instance_type: str = "p5.48xlarge", **labels: str) -> Node:
    return Node(
        name=name,
        uid=f"uid-{name}",
        created=START,
        labels={"node.kubernetes.io/instance-type": instance_type, **labels},
    )


@dataclass
class KeptCards:
    """A `CardStore` in memory; an event of one name is kept once."""

    cards: dict[str, Object] = field(default_factory=dict)
    events: dict[str, Object] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    reads: int = 0
    fails_to_read: GpuCostError | None = None
    fails_to_write: dict[str, GpuCostError] = field(default_factory=dict)
    """By name of the card."""
    fails_to_tell: GpuCostError | None = None

    def add(self, *cards: Object) -> None:
        self.cards |= {card["metadata"]["name"]: card for card in cards}

    def edit(self, name: str, **spec: Any) -> None:
        card = self.cards[name]
        card["spec"] |= spec
        card["metadata"]["generation"] += 1

    def read_rate_cards(self) -> Sequence[Object]:
        self.reads += 1
        if self.fails_to_read:
            raise self.fails_to_read
        copies: list[Object] = json.loads(json.dumps(list(self.cards.values())))
        return copies

    def write_rate_card_status(self, card: Object, status: RateCardStatus) -> None:
        name = card["metadata"]["name"]
        self.written.append(name)
        if name in self.fails_to_write:
            raise self.fails_to_write[name]
        self.cards[name]["status"] = status.model_dump(mode="json", by_alias=True)

    def tell_of_rate_card(self, card: Object, happening: Happening, at: datetime) -> None:
        if self.fails_to_tell:
            raise self.fails_to_tell
        event = build_event({"apiVersion": "v1", "kind": "GpuRateCard", **card}, happening, at)
        self.events.setdefault(event["metadata"]["name"], event)

    def status(self, name: str) -> Object:
        status: Object = self.cards[name]["status"]
        return status

    def conditions(self, name: str) -> dict[str, tuple[str, str]]:
        return {each["type"]: (each["status"], each["reason"]) for each in self.status(name)["conditions"]}

    def told(self) -> list[tuple[str, str, str]]:
        return [(each["involvedObject"]["name"], each["type"], each["reason"]) for each in self.events.values()]


@dataclass
class Turns:
    """A `CardStanding` over kept cards, with a clock to step."""

    store: KeptCards = field(default_factory=KeptCards)
    nodes: list[Node] = field(default_factory=lambda: [make_node("n1"), make_node("n2")])
    state: LoopState = field(default_factory=LoopState)
    now: datetime = START
    seconds: float = 0.0
    seconds_per_read: float = 0.0
    standing: CardStanding = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.standing = CardStanding(
            self.store,
            lambda: self.nodes,
            rules=PriceRules(),
            state=self.state,
            clock=lambda: self.now,
            monotonic=self.monotonic,
        )

    def monotonic(self) -> float:
        self.seconds += self.seconds_per_read
        return self.seconds

    def take(self, *, after: timedelta = timedelta(minutes=5)) -> None:
        """As the loop does after a commit."""
        self.now += after
        self.standing.mark()
        self.standing.turn()


@pytest.fixture
def turns() -> Turns:
    return Turns()


GOOD = {"Accepted": ("True", "AllRatesAccepted"), "Conflicting": ("False", "NoConflict")}


def test_a_good_card_says_how_many_nodes_it_reaches_and_makes_no_event(turns: Turns) -> None:
    turns.store.add(make_card("contract"))
    turns.nodes.append(make_node("n3", "p4d.24xlarge"))
    turns.standing.turn()
    status = turns.store.status("contract")
    assert turns.store.conditions("contract") == GOOD
    assert (status["observedGeneration"], status["nodesInForce"]) == (1, 2)
    assert status["rates"] == [{"name": "all", "nodes": 2, "nodesInForce": 2}]
    assert {each["observedGeneration"] for each in status["conditions"]} == {1}
    assert turns.store.told() == []


def test_a_status_that_is_as_it_should_be_is_not_written(turns: Turns) -> None:
    turns.store.add(make_card("contract"), make_card("bad", hourly="abc"))
    turns.standing.turn()
    turns.take()
    assert turns.store.written == ["bad", "contract"]


def test_nodes_that_come_are_counted_after_the_next_commit(turns: Turns) -> None:
    turns.store.add(make_card("contract"))
    turns.standing.turn()
    turns.nodes.append(make_node("n3"))
    turns.standing.turn()
    assert turns.store.status("contract")["nodesInForce"] == 2
    turns.take()
    assert turns.store.status("contract")["nodesInForce"] == 3


def test_without_a_mark_nothing_is_read(turns: Turns) -> None:
    turns.standing.turn()
    turns.standing.turn()
    assert turns.store.reads == 1


def test_a_card_that_goes_bad_and_gets_well_tells_both_once(turns: Turns) -> None:
    turns.store.add(make_card("contract"))
    turns.standing.turn()
    since = turns.store.status("contract")["conditions"][0]["lastTransitionTime"]
    turns.store.edit("contract", currency="EUR")
    turns.take()
    turns.take()
    bad = turns.store.status("contract")["conditions"][0]
    assert (bad["status"], bad["lastTransitionTime"] > since, bad["observedGeneration"]) == ("False", True, 2)
    assert "EUR" in bad["message"]
    turns.store.edit("contract", currency="USD")
    turns.take()
    assert turns.store.conditions("contract") == GOOD
    assert [event[1] for event in turns.store.told()] == ["Warning", "Normal"]


def test_the_time_of_a_condition_moves_only_with_its_status(turns: Turns) -> None:
    turns.store.add(make_card("contract", hourly="abc"))
    turns.standing.turn()
    before = turns.store.status("contract")["conditions"][0]
    turns.store.edit("contract", rates=[{"name": "other", "nodeHourly": "xyz"}])
    turns.take()
    after = turns.store.status("contract")["conditions"][0]
    assert (before["lastTransitionTime"], before["message"]) != (after["lastTransitionTime"], after["message"])
    assert before["lastTransitionTime"] == after["lastTransitionTime"]
    assert len(turns.store.events) == 1


def test_of_two_cards_that_tie_the_newer_conflicts_until_the_older_is_gone(turns: Turns) -> None:
    turns.store.add(make_card("newer", age=1), make_card("older", age=2))
    turns.standing.turn()
    assert turns.store.conditions("older") == GOOD
    assert turns.store.conditions("newer") == GOOD | {"Conflicting": ("True", "OlderCardDecides")}
    assert turns.store.status("newer")["rates"] == [{"name": "all", "nodes": 2, "nodesInForce": 0}]
    assert "older" in turns.store.status("newer")["conditions"][1]["message"]
    assert turns.store.told() == [("newer", "Warning", "OlderCardDecides")]
    assert turns.state.rate_cards == {"accepted": 1, "refused": 0, "conflicting": 1}
    del turns.store.cards["older"]
    turns.take()
    assert turns.store.conditions("newer") == GOOD
    assert turns.store.status("newer")["nodesInForce"] == 2
    assert turns.store.told()[1:] == [("newer", "Normal", "NoConflict")]


def test_a_restart_writes_and_tells_nothing_again(turns: Turns) -> None:
    turns.store.add(make_card("newer", age=1), make_card("older", age=2), make_card("bad", hourly="abc"))
    turns.standing.turn()
    written, events = list(turns.store.written), dict(turns.store.events)
    turns.restart()
    turns.take()
    assert (turns.store.written, turns.store.events) == (written, events)


def test_a_status_that_lost_a_race_is_written_in_the_next_turn_and_its_event_told_once(turns: Turns) -> None:
    turns.store.add(make_card("bad", hourly="abc"))
    turns.store.fails_to_write = {"bad": Conflict("changed meanwhile")}
    turns.standing.turn()
    turns.store.fails_to_write = {}
    turns.standing.turn()
    assert turns.store.conditions("bad")["Accepted"] == ("False", "RatesRefused")
    assert len(turns.store.events) == 1


def test_a_card_that_was_deleted_meanwhile_is_no_trouble(turns: Turns, caplog: pytest.LogCaptureFixture) -> None:
    turns.store.add(make_card("gone"))
    turns.store.fails_to_write = {"gone": Missing("gone")}
    turns.standing.turn()
    turns.standing.turn()
    assert (turns.store.reads, caplog.messages) == (1, [])


def test_a_status_is_written_though_events_are_refused(turns: Turns, caplog: pytest.LogCaptureFixture) -> None:
    turns.store.add(*(make_card(name, hourly="abc", nodes=name) for name in ("bad", "worse")))
    turns.store.fails_to_tell = Refused("events are forbidden")
    turns.standing.turn()
    assert turns.store.conditions("worse")["Accepted"][0] == "False"
    assert sum("events are forbidden" in message for message in caplog.messages) == 1


def test_a_status_that_is_refused_is_told_once_and_keeps_no_other_waiting(
    turns: Turns, caplog: pytest.LogCaptureFixture
) -> None:
    turns.store.add(make_card("a"), make_card("b", nodes="p6*"))
    turns.store.fails_to_write = {"a": Refused("a is forbidden")}
    turns.standing.turn()
    turns.take()
    assert turns.store.conditions("b") == GOOD
    assert sum("a is forbidden" in message for message in caplog.messages) == 1


def test_an_outage_is_told_once_and_waited_for_longer_and_longer(
    turns: Turns, caplog: pytest.LogCaptureFixture
) -> None:
    turns.store.add(make_card("contract"))
    turns.store.fails_to_read = SourceUnavailable("the API server is away")
    for _ in range(100):
        turns.seconds += 1.0
        turns.standing.turn()
    assert 3 < turns.store.reads < 20
    assert sum("is away" in message for message in caplog.messages) == 1
    turns.store.fails_to_read = None
    turns.seconds += 60.0
    turns.standing.turn()
    assert turns.store.conditions("contract") == GOOD


def test_an_outage_in_the_middle_leaves_the_rest_to_the_next_turn(turns: Turns) -> None:
    turns.store.add(*(make_card(name, nodes=name) for name in "abc"))
    turns.store.fails_to_write = {"b": SourceUnavailable("the API server is away")}
    turns.standing.turn()
    assert turns.store.written == ["a", "b"]
    turns.store.fails_to_write = {}
    turns.seconds += 60.0
    turns.standing.turn()
    assert all("status" in card for card in turns.store.cards.values())


def test_many_cards_take_several_turns_even_where_the_first_ones_are_refused(turns: Turns) -> None:
    names = [f"card-{number:03}" for number in range(2 * MOST_WRITES + 50)]
    turns.store.add(*(make_card(name, nodes=name) for name in names))
    turns.store.fails_to_write = {name: Refused("forbidden") for name in names[:MOST_WRITES]}
    for writes in (MOST_WRITES, 2 * MOST_WRITES, len(names), len(names)):
        turns.standing.turn()
        assert len(turns.store.written) == writes
    assert sorted(turns.store.written) == names


def test_a_slow_api_server_ends_a_turn_early(turns: Turns) -> None:
    turns.store.add(*(make_card(name, nodes=name) for name in "abcd"))
    turns.seconds_per_read = MOST_SECONDS / 3 + 0.1
    turns.standing.turn()
    assert 0 < len(turns.store.written) < 4
    turns.standing.turn()
    turns.standing.turn()
    assert sorted(turns.store.written) == ["a", "b", "c", "d"]


def test_a_message_is_bounded_and_says_how_much_it_leaves_out(turns: Turns) -> None:
    card = make_card("long")
    card["spec"]["rates"] = [{"name": f"rate-{number}", "nodeHourly": "abc"} for number in range(500)]
    turns.store.add(card)
    turns.standing.turn()
    message = turns.store.status("long")["conditions"][0]["message"]
    assert len(message) <= MOST_MESSAGE_CHARACTERS
    assert message.endswith(" more.")
    assert "rate-0" in message
    assert max(len(event["message"]) for event in turns.store.events.values()) <= 1024


def test_what_is_wrong_with_a_card_is_in_the_log_once(turns: Turns, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    turns.store.add(make_card("bad", hourly="abc"), make_card("newer", age=1), make_card("older", age=2))
    turns.standing.turn()
    turns.nodes.append(make_node("n3"))
    turns.take()
    assert sum("abc" in message for message in caplog.messages) == 1
    assert sum("older" in message for message in caplog.messages) == 1


def test_conditions_of_others_stay_theirs(turns: Turns) -> None:
    turns.store.add(make_card("contract"))
    turns.standing.turn()
    theirs = {**turns.store.status("contract")["conditions"][0], "type": "Approved", "status": "False"}
    turns.store.status("contract")["conditions"].append(theirs)
    turns.take()
    assert turns.store.written == ["contract"]
    turns.nodes.pop()
    turns.take()
    assert turns.store.conditions("contract") == GOOD


def test_an_event_has_a_name_that_the_api_server_takes() -> None:
    card = make_card("a" * 229 + "." + "b" * 23)
    happening = Happening(type="Warning", reason="RatesRefused", message="x" * 5000, key="k")
    event = build_event({"apiVersion": "gpucost.io/v1alpha1", "kind": "GpuRateCard", **card}, happening, START)
    assert len(event["metadata"]["name"]) <= 253
    assert ".." not in event["metadata"]["name"]


GPU_NODES = {
    "a node whose type the price list knows": (make_node("n", "p5.48xlarge"), True),
    "a node with GPU labels": (make_node("n", "home-made", **{"nvidia.com/gpu.product": "NVIDIA-L4"}), True),
    "a node that hands out GPUs": (Node(name="n", uid="uid-n", created=START, capacity={GPU_RESOURCE: 1}), True),
    "a node that telemetry has shown": (make_node("seen", "home-made"), True),
    "a node without anything": (make_node("n", "m5.large"), False),
}


@pytest.mark.parametrize(("node", "counts"), GPU_NODES.values(), ids=GPU_NODES)
def test_only_gpu_nodes_count(node: Node, counts: bool) -> None:
    assert gpu_nodes([node], shown={"uid-seen"}) == ((node,) if counts else ())


class CountedStop(Event):
    """Passes its time at once, and is set after so many waits."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.left = waits
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        if len(self.waited) == self.left:
            self.set()
        return self.is_set()


@dataclass
class BrokenWork:
    """As side work: counts its turns and breaks in each."""

    turns: int = 0

    def mark(self) -> None: ...

    def turn(self) -> None:
        self.turns += 1
        raise RuntimeError("broken")


class AwayApi:
    """As committer, closer and standing of a loop that cannot do a thing."""

    def committed_until(self) -> None:
        raise SourceUnavailable("the API server is away")

    def step(self, _now: datetime) -> bool:
        return False

    def tell(self, _error: Exception | None, _start: datetime | None) -> None: ...


def test_side_work_has_its_turns_while_windows_fail_and_ends_nothing_when_it_breaks() -> None:
    stop, work = CountedStop(waits=60), BrokenWork()
    away = cast("Committer", AwayApi())
    loop = WindowLoop(
        pipeline=cast("Any", None),
        telemetry=cast("Any", None),
        committer=away,
        closer=cast("Any", away),
        standing=cast("Any", away),
        timing=Timing(
            window=timedelta(minutes=5),
            settle_delay=timedelta(0),
            lateness=timedelta(0),
            backfill_max_age=timedelta(days=1),
        ),
        state=LoopState(),
        clock=lambda: START,
        stop=stop,
        side_work=work,
    )
    loop.run()
    assert max(stop.waited) == IDLE_SECONDS
    assert work.turns >= len(stop.waited)
