"""Names and uids that come out the same for the same seed, on every machine."""

from hashlib import blake2b
from uuid import UUID

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What the API server generates names from."""


def stable_key(seed: int, *words: str) -> int:
    """64 bits that depend on every word."""
    return int.from_bytes(_digest(seed, words)[:8], "big")


def stable_uuid(seed: int, *words: str) -> str:
    return str(UUID(bytes=_digest(seed, words), version=4))


def short_name(seed: int, *words: str, length: int = 5) -> str:
    """The random tail that Kubernetes gives to the names of pods and ReplicaSets."""
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in _digest(seed, words)[:length])


def _digest(seed: int, words: tuple[str, ...]) -> bytes:
    return blake2b("\0".join((str(seed), *words)).encode(), digest_size=16).digest()
