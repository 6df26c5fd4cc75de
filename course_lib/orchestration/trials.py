"""One measure around calls, tried against a server with planted faults."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from course_lib.language_model.interface import Message
from course_lib.orchestration.calls import Call, with_timeout
from course_lib.orchestration.faults import Counts, Faults
from course_lib.orchestration.faulty_endpoint import FaultyEndpoint
from course_lib.orchestration.load import LoadReport, run_load

Ask = Call[str, str]
Measure = Callable[[Ask, Ask], Ask]
PATIENCE = 3.0  # seconds until a customer has gone, whatever the measure
_NONE = Faults()


class Trial(NamedTuple):
    """What a trial met with: at the caller, at the server, and at the spare one."""

    report: LoadReport
    server: Counts
    spare: Counts


def trial(
    measure: Measure,
    requests: Sequence[str],
    *,
    faults: Faults = _NONE,
    seconds: float = 0.02,
    at_once: int | None = None,
    arrivals: Sequence[float] | None = None,
) -> Trial:
    """Ask a server with planted faults, with a measure around each call.

    A second server, the spare, has no faults. What has no answer after 3 seconds has failed: that
    is the customer's patience.

    Args:
        measure: takes the call to the server and the call to the spare, and gives one call.
        requests: the questions.
        faults, seconds, at_once: of the server; see `FaultyEndpoint`.
        arrivals: when each request is made; by default 16 are under way all the time.

    >>> from course_lib.orchestration.calls import with_fallback
    >>> done = trial(with_fallback, ["a", "b", "c"], faults=Faults(errors=1.0), seconds=0)
    >>> done.report.success.estimate, done.server.requests, done.spare.requests
    (1.0, 3, 3)

    Used in notebooks/14_orchestration.ipynb.
    """

    async def run() -> LoadReport:
        from openai import AsyncOpenAI

        clients = [
            AsyncOpenAI(base_url=one.url, api_key="none", max_retries=0) for one in (server, spare)
        ]
        async with clients[0], clients[1]:
            call = with_timeout(measure(*(_ask_by(client) for client in clients)), PATIENCE)
            if arrivals is None:
                return await run_load(call, requests, at_once=16)
            return await run_load(call, requests, arrivals)

    with (
        FaultyEndpoint(lambda _: "yes", faults=faults, seconds=seconds, at_once=at_once) as server,
        FaultyEndpoint(lambda _: "perhaps", seconds=seconds) as spare,
        ThreadPoolExecutor(1) as pool,  # a notebook has a loop of its own in this thread
    ):
        report = pool.submit(asyncio.run, run()).result()
        return Trial(report, server.counts, spare.counts)


def _ask_by(client: Any) -> Ask:
    async def ask(text: str) -> str:
        said = await client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": text}]
        )
        return str(said.choices[0].message.content)

    return ask


def ends(run: Callable[[str], object], requests: Iterable[str]) -> dict[str, int]:
    """How often `run` came to its end, and with which errors it did not.

    >>> ends(int, ["1", "2", "three"])
    {'answered': 2, 'ValueError': 1}

    Used in notebooks/14_orchestration.ipynb.
    """
    found: Counter[str] = Counter()
    for request in requests:
        try:
            run(request)
            found["answered"] += 1
        except Exception as error:
            found[type(error).__name__] += 1
    return dict(found)


def quoting(messages: list[Message]) -> str:
    """Stand in for a model: the first words of the first passage, with its number.

    >>> quoting([{"role": "user", "content": "[1] returns\\n> You have 30 days to return it."}])
    'You have 30 days to return it. [1]'

    Used in notebooks/14_orchestration.ipynb.
    """
    passage = re.search(r"\n> ([^\n#>]{20,})", messages[-1]["content"])
    return f"{passage[1]} [1]" if passage else "The documents do not say."


def count_words(messages: Sequence[Message]) -> int:
    """Tokens at a guess, two for a word: an endpoint's own count costs a request each time.

    >>> count_words([{"role": "user", "content": "How long?"}])
    4

    Used in notebooks/14_orchestration.ipynb.
    """
    return sum(2 * len(message["content"].split()) for message in messages)
