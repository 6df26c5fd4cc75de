"""Which request to a faulty endpoint meets which fault, and the count of them."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import Literal

Fault = Literal["errors", "rate_limited", "hangs", "cut", "garbled"]
FAULTS: tuple[Fault, ...] = ("errors", "rate_limited", "hangs", "cut", "garbled")


@dataclass(frozen=True)
class Faults:
    """How often a FaultyEndpoint does what, as shares of the requests; the rest is answered.

    Which request meets which fault depends on the seed, on the request's messages and on how often
    these were sent before, not on who comes first: two runs that send the same meet the same.

    Args:
        errors: status 500, at once.
        rate_limited: status 429, at once, with the header Retry-After.
        hangs: no answer until the caller gives up.
        cut: a stream that ends in the middle without saying so; not streamed, half the JSON.
        garbled: status 200, and something that is no chat completion.
        retry_after: seconds that a 429 asks to wait. The header's own unit is whole seconds,
            rounded up here; retry-after-ms, which OpenAI's servers send beside it, is exact.
        seed: other requests meet the faults.

    Raises:
        ValueError: if a share is not from 0 to 1, or they add up to more.

    >>> faults = Faults(errors=0.3, hangs=0.1)
    >>> [faults.drawn("When can I return it?", attempt) for attempt in range(4)]
    [None, 'hangs', 'hangs', None]

    Built in notebooks/14_orchestration.ipynb.
    """

    errors: float = 0.0
    hangs: float = 0.0
    rate_limited: float = 0.0
    cut: float = 0.0
    garbled: float = 0.0
    retry_after: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        shares = {name: getattr(self, name) for name in FAULTS}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must be a share from 0 to 1, got {share}")
        if sum(shares.values()) > 1 + 1e-9:
            raise ValueError(f"the shares must add up to at most 1, got {shares}")
        if not 0 <= self.retry_after < threading.TIMEOUT_MAX:
            raise ValueError(f"retry_after must be 0 or more seconds, got {self.retry_after}")

    def drawn(self, text: str, attempt: int) -> Fault | None:
        """What this text meets when it comes for the (attempt + 1)-th time; None: an answer."""
        drawn = hashlib.sha256(f"{self.seed}\0{attempt}\0{text}".encode()).digest()
        place = int.from_bytes(drawn[:8], "big") / 2**64  # uniform in [0, 1)
        for name in FAULTS:
            place -= getattr(self, name)
            if place < 0:
                return name
        return None


@dataclass(frozen=True)
class Counts:
    """What a FaultyEndpoint has seen.

    Attributes:
        requests: that came, for an answer.
        answered: of these, sent a whole answer.
        faults: requests by the fault that they met.
        abandoned: requests whose caller went away before the answer, hangs among them.
        most_at_once: requests in hand at the same time, those that wait or hang among them.
    """

    requests: int
    answered: int
    faults: dict[str, int]
    abandoned: int
    most_at_once: int
