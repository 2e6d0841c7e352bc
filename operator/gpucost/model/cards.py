"""How many physical cards a node has, by what the API and price lists tell; telemetry may show more."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from gpucost.model.fleet import GPU_RESOURCE, MIG_RESOURCE_PREFIX, Node
from gpucost.model.mig import MIG_PROFILE, guess_slices, slices_of
from gpucost.model.sharing import SHARED_PRODUCT, ToldSharing, label_count, told_sharing

PRODUCT_LABEL = "nvidia.com/gpu.product"
COUNT_LABEL = "nvidia.com/gpu.count"

_GPU_LABELS = (COUNT_LABEL, PRODUCT_LABEL, "nvidia.com/gpu.present")
_MIG_MARK = "-MIG-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldCards:
    """Physical cards of one node by source; 0: the source does not tell."""

    listed: int
    """Of its instance type."""
    labelled: int
    """By GPU feature discovery, where that counts cards and not instances."""
    fewest: int
    """That can carry what the node hands out: an estimate, since none of them may be full."""

    @property
    def cards(self) -> int:
        """The most that a source counts, else the estimate; 0: nothing tells."""
        return max(self.listed, self.labelled) or self.fewest

    @property
    def is_estimate(self) -> bool:
        return not max(self.listed, self.labelled)


def told_cards(node: Node, listed: int | None = None) -> ToldCards:
    """``listed`` are the cards of the node's instance type, where a price list knows them."""
    model, profile = split_product(node.labels.get(PRODUCT_LABEL, ""))
    counted = label_count(node.labels, COUNT_LABEL)
    whole, instances = _handed_out(node)
    if MIG_PROFILE.fullmatch(profile):
        instances[profile] += counted or whole
        whole = 0
    return ToldCards(
        listed=listed or 0, labelled=0 if profile else counted, fewest=whole + _fewest_cut(instances, model)
    )


def whole_cards(node: Node) -> int:
    """What the node hands out uncut: cards, unless they are shared or cut and the node does not say so."""
    _, profile = split_product(node.labels.get(PRODUCT_LABEL, ""))
    whole, _ = _handed_out(node)
    return 0 if MIG_PROFILE.fullmatch(profile) else whole


def shows_cards(node: Node) -> bool:
    """Whether its capacity or a label of GPU feature discovery says that it has any."""
    return any(node.capacity.values()) or any(label in node.labels for label in _GPU_LABELS)


def split_product(product: str) -> tuple[str, str]:
    """GPU model and MIG profile of what GPU feature discovery labels as the product.

    Only with MIG strategy ``single`` there is a profile: ``NVIDIA-A100-SXM4-40GB-MIG-1g.5gb``. It is no known one where
    the cards are not cut alike: ``INVALID``.
    """
    model, _, profile = product.removesuffix(SHARED_PRODUCT).partition(_MIG_MARK)
    return model, profile


def _handed_out(node: Node) -> tuple[int, Counter[str]]:
    """Whole cards, and MIG instances by profile."""
    told = told_sharing(node)
    instances = Counter(
        {
            resource.removeprefix(MIG_RESOURCE_PREFIX): _fewest_devices(sharing)
            for resource, sharing in told.items()
            if resource != GPU_RESOURCE
        }
    )
    return _fewest_devices(told[GPU_RESOURCE]), instances


def _fewest_devices(told: ToldSharing) -> int:
    """As many as its slots need; 0 where it is not told how many slots a device has."""
    if not told.strategy:
        return told.handed_out
    return ceil(Fraction(told.handed_out, told.replicas)) if told.replicas else 0


def _fewest_cut(instances: Mapping[str, int], model: str) -> int:
    """No slice is sold twice, and no card takes more instances of a profile than fit whole."""
    shares = {profile: slices_of(profile, model) or guess_slices(profile, model) for profile in instances}
    compute = sum(count * shares[profile].compute for profile, count in instances.items())
    memory = sum(count * shares[profile].memory for profile, count in instances.items())
    alone = (ceil(Fraction(count, 1 // shares[profile].dominant)) for profile, count in instances.items())
    return max(ceil(compute), ceil(memory), *alone, 0)
