"""Every profile of every model: what part of its card an instance is, from NVIDIA's MIG User Guide."""

from collections.abc import Mapping
from fractions import Fraction as F  # noqa: N817

from gpucost.simulation.scenarios.collection import Collection, Plot
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.features import A100_40, A100_80, GPU, H100, mig_mixed

scenario = Collection()

PLAIN_80 = {
    "1g.10gb": F(1, 7),
    "1g.10gb+me": F(1, 7),
    "1g.20gb": F(1, 4),
    "2g.20gb": F(2, 7),
    "3g.40gb": F(1, 2),
    "4g.40gb": F(4, 7),
    "7g.80gb": F(1),
}


def _sevenths(*names: str) -> dict[str, F]:
    """The profiles of a card of seven compute and eight memory slices, in the order of `PLAIN_80`."""
    return dict(zip(names, PLAIN_80.values(), strict=True))


MODELS = {
    "an-a100-40gb": (A100_40, _sevenths("1g.5gb", "1g.5gb+me", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb")),
    "an-a100-80gb": (A100_80, PLAIN_80),
    "an-h100-80gb": (H100, PLAIN_80),
    "an-h100-nvl": (
        "NVIDIA H100 NVL",
        _sevenths("1g.12gb", "1g.12gb+me", "1g.24gb", "2g.24gb", "3g.47gb", "4g.47gb", "7g.94gb"),
    ),
    "an-h200": (
        "NVIDIA H200",
        _sevenths("1g.18gb", "1g.18gb+me", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"),
    ),
    "a-b200": (
        "NVIDIA B200",
        _sevenths("1g.23gb", "1g.23gb+me", "1g.45gb", "2g.45gb", "3g.90gb", "4g.90gb", "7g.180gb"),
    ),
    "a-gb200": (
        "NVIDIA GB200",
        _sevenths("1g.23gb", "1g.23gb+me", "1g.47gb", "2g.47gb", "3g.93gb", "4g.93gb", "7g.186gb"),
    ),
    "a-b300": (
        "NVIDIA B300",
        _sevenths("1g.34gb", "1g.34gb+me", "1g.67gb", "2g.67gb", "3g.135gb", "4g.135gb", "7g.269gb"),
    ),
    "a-gb300-where-1g.35gb-is-single": (
        "NVIDIA GB300",
        _sevenths("1g.35gb", "1g.35gb+me", "1g.70gb", "2g.70gb", "3g.139gb", "4g.139gb", "7g.278gb"),
    ),
    "a-gh200-96gb": (
        "NVIDIA GH200 480GB",
        _sevenths("1g.12gb", "1g.12gb+me", "1g.24gb", "2g.24gb", "3g.48gb", "4g.48gb", "7g.96gb"),
    ),
    "an-a30": (
        "NVIDIA A30",
        {"1g.6gb": F(1, 4), "1g.6gb+me": F(1, 4), "2g.12gb": F(1, 2), "2g.12gb+me": F(1, 2), "4g.24gb": F(1)},
    ),
    "an-rtx-pro-6000": (
        "NVIDIA RTX PRO 6000 Blackwell Server Edition",
        {
            "1g.24gb": F(1, 4),
            "1g.24gb+me": F(1, 4),
            "1g.24gb+gfx": F(1, 4),
            "1g.24gb+me.all": F(1, 4),
            "1g.24gb-me": F(1, 4),
            "2g.48gb": F(1, 2),
            "2g.48gb+gfx": F(1, 2),
            "2g.48gb+me.all": F(1, 2),
            "2g.48gb-me": F(1, 2),
            "4g.96gb": F(1),
            "4g.96gb+gfx": F(1),
        },
    ),
}


def _every_profile(model: str, shares: Mapping[str, F]) -> Plot:
    """A node with a card for every profile, with one instance of it each, all held."""

    def plot(s: Draft) -> None:
        in_resources = {profile: profile.replace("+", ".") for profile in shares}
        capacity = {f"nvidia.com/mig-{name}": 1 for name in in_resources.values()}
        labels = mig_mixed(model, len(shares), dict.fromkeys(in_resources.values(), 1))
        node = s.node(model=model, cards=len(shares), capacity={GPU: 0, **capacity}, labels=labels)
        for number, (profile, share) in enumerate(shares.items()):
            pod = s.pod(f"pod-{number}", node, {f"nvidia.com/mig-{in_resources[profile]}": 1})
            s.see(node, str(number), pod, instance=("1", profile), memory=0.25)
            s.owes(pod, share, share / 4, says={"profile": profile})
        s.rest(node, len(shares) - sum(shares.values()))

    return plot


for slug, of_model in MODELS.items():
    story = "Slices come from profile and model, never from the gb in the name."
    scenario.add(f"every-profile-of-{slug.replace('.', '-')}", story, _every_profile(*of_model))
