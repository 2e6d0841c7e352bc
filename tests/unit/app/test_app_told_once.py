from gpucost.app.told_once import Remark, told_once


def make_remark(node: str, kind: str = "other-region", message: str = "the price is of us-east-1") -> Remark:
    return Remark(kind, node, f"Node {node}: {message}")


def test_each_kind_is_told_once_and_names_whom_it_is_about() -> None:
    remarks = [make_remark(f"n{number}") for number in range(6)] + [make_remark("n0", "spot-ratio", "it is a guess")]
    assert told_once(remarks) == [
        "other-region: Node n0: the price is of us-east-1 (also n1, n2, n3 and 2 more)",
        "spot-ratio: Node n0: it is a guess",
    ]


def test_a_kind_with_several_causes_is_told_once_for_each() -> None:
    remarks = [
        Remark("no-rate", node, f"Node {node}: {why}", cause=why)
        for node, why in (("n1", "no list has it"), ("n2", "its annotation is broken"), ("n3", "no list has it"))
    ]
    assert told_once(remarks) == [
        "no-rate: Node n1: no list has it (also n3)",
        "no-rate: Node n2: its annotation is broken",
    ]


def test_one_subject_is_named_once() -> None:
    assert told_once([make_remark("n1"), make_remark("n1", message="and so on")]) == [
        "other-region: Node n1: the price is of us-east-1"
    ]


def test_a_terminal_obeys_nothing_that_is_told() -> None:
    assert told_once([make_remark("n1", message="\x1b[2Jgone\nbad: Node n2")]) == [
        "other-region: Node n1: ?[2Jgone bad: Node n2"
    ]
