from fractions import Fraction

import pytest

from gpucost.model.mig import Slices, guess_slices, slices_of


def make_eighths(*gb: int) -> dict[str, tuple[int, int]]:
    """Profiles of a GPU of seven compute and eight memory slices: 1g, 1g of double memory, 2g, 3g, 4g, 7g."""
    slices = ((1, 1), (1, 2), (2, 2), (3, 4), (4, 4), (7, 8))
    return {f"{compute}g.{size}gb": (compute, memory) for (compute, memory), size in zip(slices, gb, strict=True)}


SEVENTHS = {
    "NVIDIA A100-SXM4-40GB": make_eighths(5, 10, 10, 20, 20, 40),
    "NVIDIA-A800-SXM4-40GB": make_eighths(5, 10, 10, 20, 20, 40),
    "NVIDIA A100-SXM4-80GB": make_eighths(10, 20, 20, 40, 40, 80),
    "NVIDIA A800 80GB PCIe": make_eighths(10, 20, 20, 40, 40, 80),
    "NVIDIA H100 80GB HBM3": make_eighths(10, 20, 20, 40, 40, 80),
    "NVIDIA H800": make_eighths(10, 20, 20, 40, 40, 80),
    "NVIDIA H100 NVL": make_eighths(12, 24, 24, 47, 47, 94),
    "NVIDIA H100 96GB HBM3": make_eighths(12, 24, 24, 48, 48, 96),
    "NVIDIA GH200 480GB": make_eighths(12, 24, 24, 48, 48, 96),
    "NVIDIA H20": make_eighths(12, 24, 24, 48, 48, 96),
    "NVIDIA H200": make_eighths(18, 35, 35, 71, 71, 141),
    "NVIDIA H200 NVL": make_eighths(18, 35, 35, 71, 71, 141),
    "NVIDIA GH200 144G HBM3e": make_eighths(18, 36, 36, 72, 72, 144),
    "NVIDIA B200": make_eighths(23, 45, 45, 90, 90, 180),
    "NVIDIA GB200": make_eighths(23, 47, 47, 93, 93, 186),
    "NVIDIA GB200 of 189 GB": make_eighths(23, 47, 47, 95, 95, 189),
    "NVIDIA B300 SXM6 AC": make_eighths(34, 67, 67, 135, 135, 269),
    "NVIDIA GB300": make_eighths(35, 70, 70, 139, 139, 278),
}
EVEN = {
    "NVIDIA A30": {"1g.6gb": 4, "2g.12gb": 4, "4g.24gb": 4},
    "NVIDIA RTX PRO 6000 Blackwell Server Edition": {"1g.24gb": 4, "2g.48gb": 4, "4g.96gb": 4},
    "NVIDIA-RTX-PRO-5000-Blackwell": {"1g.24gb": 2, "2g.48gb": 2, "1g.12gb": 4, "2g.24gb": 4, "4g.48gb": 4},
    "NVIDIA RTX PRO 4500 Blackwell": {"1g.16gb": 2, "2g.32gb": 2},
}
"""How many slices the card of a profile is cut into: as many compute as memory slices."""
Case = tuple[str, str, Slices]


def parts_of(profile: str, slices: int) -> Slices:
    part = Fraction(int(profile[0]), slices)
    return Slices(part, part)


CASES: list[Case] = [
    (model, profile, Slices(Fraction(compute, 7), Fraction(memory, 8)))
    for model, profiles in SEVENTHS.items()
    for profile, (compute, memory) in profiles.items()
] + [
    (model, profile, parts_of(profile, slices))
    for model, profiles in EVEN.items()
    for profile, slices in profiles.items()
]


def named(profile: str, gb_more: int) -> str:
    compute, gb = profile.removesuffix("gb").split(".")
    return f"{compute}.{int(gb) + gb_more}gb"


@pytest.mark.parametrize(("model", "profile", "slices"), CASES, ids=[f"{model}: {name}" for model, name, _ in CASES])
@pytest.mark.parametrize("gb_more", [-1, 0, 1])
def test_a_profile_has_its_slices_even_where_its_gb_is_one_off(
    model: str, profile: str, slices: Slices, gb_more: int
) -> None:
    assert slices_of(named(profile, gb_more), model) == slices


@pytest.mark.parametrize("attribute", ["+me", ".me", "+me.all", "+gfx", "-me"])
def test_an_attribute_does_not_change_the_slices(attribute: str) -> None:
    for model, profile, slices in CASES:
        assert slices_of(profile + attribute, model) == slices


def test_a_compute_instance_has_the_slices_of_its_gpu_instance() -> None:
    assert slices_of("1c.3g.20gb", "NVIDIA A100-SXM4-40GB") == Slices(Fraction(3, 7), Fraction(4, 8))


UNKNOWN = {
    "a model that cannot be cut": ("1g.5gb", "Tesla T4"),
    "no model": ("1g.5gb", ""),
    "a profile that no card has": ("5g.25gb", "NVIDIA A100-SXM4-40GB"),
    "more slices than the card has": ("4g.32gb", "NVIDIA RTX PRO 4500 Blackwell"),
    "no slice at all": ("0g.6gb", "NVIDIA A30"),
    "a profile of another size of the card": ("1g.36gb", "NVIDIA RTX PRO 5000 72GB Blackwell"),
    "no profile": ("INVALID", "NVIDIA A100-SXM4-40GB"),
}


@pytest.mark.parametrize(("profile", "model"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_together_has_no_slices(profile: str, model: str) -> None:
    assert slices_of(profile, model) is None


GUESSES = {
    "sevenths of a model that nobody knows": ("2g.5gb", "NVIDIA X900", Fraction(2, 7)),
    "the slices of a model that is known": ("3g.18gb", "NVIDIA A30", Fraction(3, 4)),
    "one slice where the name does not say": ("?", "NVIDIA A30", Fraction(1, 4)),
    "never more than the card": ("9g.99gb", "NVIDIA A30", Fraction(1)),
}


@pytest.mark.parametrize(("profile", "model", "part"), GUESSES.values(), ids=GUESSES)
def test_slices_that_are_not_known_are_guessed_from_the_name(profile: str, model: str, part: Fraction) -> None:
    assert guess_slices(profile, model) == Slices(part, part)
