"""Retries, timeouts, fallbacks, limits and the cache, alone and around a real endpoint."""

from __future__ import annotations

import asyncio
import gc
import random
import sqlite3
import threading

import numpy as np
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.language_model import ContextOverflow, EndpointModel, LanguageModelError
from course_lib.orchestration import (
    Faults,
    FaultyEndpoint,
    SqliteCache,
    asked_wait,
    backoff,
    in_threads,
    may_pass,
    request_key,
    with_cache,
    with_fallback,
    with_limit,
    with_retries,
    with_timeout,
)


def failing(*errors):
    """A call that raises these errors, one each time, and then answers; and what it was asked."""
    left, asked = list(errors), []

    async def call(request):
        asked.append(request)
        if left:
            raise left.pop(0)
        return f"answer to {request}"

    return call, asked


class Sleeps(list):
    """In place of asyncio.sleep: notes the seconds, and waits for none."""

    async def __call__(self, seconds):
        self.append(seconds)


# Retries


@settings(deadline=None)
@given(
    st.integers(0, 5000), st.floats(0.001, 10), st.floats(0, 100),
    st.sampled_from([random.Random, np.random.default_rng]), st.integers(0, 99),
)  # fmt: skip
def test_full_jitter_stays_within_a_bound_that_doubles(attempt, base, cap, rng, seed):
    bound = backoff(attempt, base=base, cap=cap)
    assert bound == (min(cap, base * 2**attempt) if attempt < 900 else cap)
    assert backoff(attempt, base=0) == 0
    assert 0 <= backoff(attempt, base=base, cap=cap, rng=rng(seed)) <= bound


def test_full_jitter_uses_the_whole_bound():
    drawn = [backoff(1, base=1, cap=9, rng=random.Random(seed)) for seed in range(400)]
    assert np.histogram(drawn, bins=4, range=(0, 2))[0].min() > 70


@settings(deadline=None)
@given(st.integers(0, 6), st.integers(1, 6), st.booleans())
def test_it_tries_until_an_answer_or_the_last_try(failures, attempts, jitter):
    call, asked = failing(*[ConnectionError(str(number)) for number in range(failures)])
    sleeps = Sleeps()
    rng = random.Random(0)
    patient = with_retries(
        call, attempts=attempts, base=1, cap=4, jitter=jitter, rng=rng, sleep=sleeps
    )
    if failures < attempts:
        assert asyncio.run(patient("a")) == "answer to a"
    else:
        with pytest.raises(ConnectionError, match=f"^{attempts - 1}$"):
            asyncio.run(patient("a"))
    assert asked == ["a"] * min(failures + 1, attempts)
    bounds = [1, 2, 4, 4, 4][: len(asked) - 1]
    assert len(sleeps) == len(bounds)
    if jitter:
        assert all(0 <= pause < bound for pause, bound in zip(sleeps, bounds, strict=True))
    else:
        assert sleeps == bounds


def test_callers_who_failed_together_do_not_come_back_together():
    def pauses(jitter):
        sleeps = Sleeps()
        for _ in range(5):
            call, _ = failing(ConnectionError())
            asyncio.run(with_retries(call, jitter=jitter, sleep=sleeps)("a"))
        return len(set(sleeps))

    assert (pauses(False), pauses(True)) == (1, 5)


class StatusError(Exception):
    def __init__(self, status_code, **headers):
        super().__init__(status_code)
        self.status_code = status_code
        self.response = type("Response", (), {"headers": headers, "status_code": status_code})


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionResetError(), True), (TimeoutError(), True), (LanguageModelError(), True),
        (StatusError(429), True), (StatusError(500), True), (StatusError(503), True),
        (StatusError(408), True), (StatusError(409), True),
        (StatusError(400), False), (StatusError(401), False), (StatusError(404), False),
        (ContextOverflow("long"), False), (ValueError(), False), (KeyError(), False),
        (openai.APIConnectionError(request=None), True), (openai.APITimeoutError(None), True),
    ],
)  # fmt: skip
def test_what_a_later_try_may_mend(error, again):
    assert may_pass(error) is again
    call, asked = failing(error)
    if not again:
        with pytest.raises(type(error)):
            asyncio.run(with_retries(call, sleep=Sleeps())("a"))
        assert len(asked) == 1
    else:
        assert asyncio.run(with_retries(call, sleep=Sleeps())("a")) == "answer to a"


def test_on_takes_kinds_of_errors():
    call, asked = failing(KeyError("a"))
    assert asyncio.run(with_retries(call, on=(KeyError,), sleep=Sleeps())("a")) == "answer to a"
    call, asked = failing(ConnectionError())
    with pytest.raises(ConnectionError):
        asyncio.run(with_retries(call, on=(KeyError,), sleep=Sleeps())("a"))
    assert len(asked) == 1


def test_a_pause_that_the_server_asks_for_is_kept():
    def pause(jitter, **headers):
        sleeps = Sleeps()
        call, _ = failing(StatusError(429, **headers))
        asyncio.run(with_retries(call, base=1, jitter=jitter, sleep=sleeps)("a"))
        return sleeps[0]

    assert pause(False, **{"retry-after": "7"}) == 7
    assert 7 < pause(True, **{"retry-after": "7"}) < 8
    assert pause(False, **{"retry-after": "7", "retry-after-ms": "6500"}) == 6.5
    assert pause(False, **{"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}) == 1  # not read
    assert pause(False, **{"retry-after": "-3"}) == 1
    assert pause(False, **{"retry-after": "inf"}) == 1
    call, asked = failing(StatusError(429, **{"retry-after": "3600"}))
    with pytest.raises(StatusError):
        asyncio.run(with_retries(call, sleep=Sleeps())("a"))
    assert len(asked) == 1
    assert asked_wait(ValueError()) is None


def test_cancelling_ends_the_tries():
    async def run():
        call, asked = failing(*[ConnectionError()] * 9)
        job = asyncio.create_task(with_retries(call, attempts=9, base=60, cap=60)("a"))
        await asyncio.sleep(0.01)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        return len(asked)

    assert asyncio.run(run()) == 1


# Timeout, fallback, limit, threads


def test_a_call_that_takes_too_long_is_cancelled():
    cancelled = []

    async def hangs(request):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(request)
            raise

    with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
        asyncio.run(with_timeout(hangs, 0.01)("a"))
    assert cancelled == ["a"]
    call, _ = failing(TimeoutError("the call's own"))
    with pytest.raises(TimeoutError, match="the call's own"):
        asyncio.run(with_timeout(call, 60)("a"))
    assert asyncio.run(with_timeout(call, 60)("a")) == "answer to a"


def test_a_timeout_inside_the_retries_is_for_each_try():
    async def hangs(request):
        tries.append(request)
        await asyncio.sleep(60)

    tries: list[str] = []
    with pytest.raises(TimeoutError):
        asyncio.run(with_retries(with_timeout(hangs, 0.01), base=0)("a"))
    assert len(tries) == 3
    tries.clear()
    with pytest.raises(TimeoutError):
        asyncio.run(with_timeout(with_retries(hangs, base=0), 0.03)("a"))
    assert len(tries) == 1


def test_the_fallback_is_asked_after_an_error_alone():
    first, asked_first = failing(KeyError("first"))
    other, asked_other = failing()
    call = with_fallback(first, other)
    assert [asyncio.run(call(text)) for text in "ab"] == ["answer to a", "answer to b"]
    assert (asked_first, asked_other) == (["a", "b"], ["a"])
    first, _ = failing(KeyError("first"))
    other, _ = failing(ValueError("other"))
    with pytest.raises(ValueError, match="other") as raised:
        asyncio.run(with_fallback(first, other)("a"))
    assert str(raised.value.__context__) == "'first'"
    first, _ = failing(KeyError("first"))
    other, asked_other = failing()
    with pytest.raises(KeyError):
        asyncio.run(with_fallback(first, other, on=may_pass)("a"))
    assert asked_other == []


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 12))
def test_no_more_calls_at_once_than_the_limit(at_once, n):
    under_way, most, order = 0, 0, []

    async def call(request):
        nonlocal under_way, most
        order.append(request)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        if request % 3 == 0:
            raise ConnectionError  # an error gives the place free too

    async def run():
        limited = with_limit(call, at_once)
        await asyncio.gather(*map(limited, range(n)), return_exceptions=True)

    asyncio.run(run())
    assert most == min(at_once, n)
    assert order == list(range(n))


def test_threads_run_so_many_functions_at_once():
    all_there = threading.Barrier(20)

    def waits(request):
        all_there.wait(30)  # with fewer threads it breaks
        return request

    async def run():
        return await asyncio.gather(*map(in_threads(waits, 20), range(20)))

    assert asyncio.run(run()) == list(range(20))


# The cache


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=6))
def test_equal_requests_make_one_call(at_once, later):
    asked = []

    async def call(request):
        asked.append(request)
        await asyncio.sleep(0)
        return request.upper()

    async def run():
        cached = with_cache(call, {})
        first = await asyncio.gather(*map(cached, at_once))
        return first + [await cached(request) for request in later]

    assert asyncio.run(run()) == [request.upper() for request in at_once + later]
    assert sorted(asked) == sorted(set(at_once + later))


def test_an_error_reaches_all_who_wait_and_is_not_kept():
    call, asked = failing(ConnectionError("lost"))

    async def run():
        cached = with_cache(call, {})
        errors = await asyncio.gather(cached("a"), cached("a"), return_exceptions=True)
        return errors, await cached("a")

    errors, then = asyncio.run(run())
    assert list(map(str, errors)) == ["lost", "lost"]
    assert then == "answer to a"
    assert len(asked) == 2


def test_who_gives_up_takes_the_answer_from_nobody():
    asked, ended = [], []

    async def call(request):
        asked.append(request)
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            ended.append(request)
            raise
        return request.upper()

    async def run():
        cached = with_cache(call, {})
        first, second = (asyncio.create_task(cached("a")) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        assert await second == "A"
        assert first.cancelled()
        alone = asyncio.create_task(cached("b"))
        await asyncio.sleep(0.01)
        alone.cancel()
        await asyncio.sleep(0)
        assert await cached("b") == "B"  # begun anew, not joined to the cancelled one

    asyncio.run(run())
    assert asked == ["a", "b", "b"]
    assert ended == ["b"]


def test_an_error_that_nobody_waits_for_is_quiet(caplog):
    async def run():
        async def call(request):
            await asyncio.sleep(0.01)
            raise ConnectionError

        cached = with_cache(call, {})
        with pytest.raises(TimeoutError):
            await with_timeout(cached, 0.005)("a")
        await asyncio.sleep(0.02)

    asyncio.run(run())
    gc.collect()
    assert not caplog.records


def test_requests_with_other_options_have_other_keys():
    keys = {
        request_key({"question": "a", "model": "m"}), request_key({"question": "a", "model": "n"}),
        request_key("a"), request_key(["a"]), request_key(None),
    }  # fmt: skip
    assert len(keys) == 5
    with pytest.raises(ValueError, match="key must be given"):
        request_key({"a": object()})
    call, asked = failing()

    async def run():
        cached = with_cache(call, {}, key=str.lower)
        return await cached("A"), await cached("a")

    assert asyncio.run(run()) == ("answer to A", "answer to A")
    assert asked == ["A"]


def test_a_file_keeps_answers_for_the_next_run(tmp_path):
    path = tmp_path / "new folder" / "answers.sqlite"
    call, asked = failing()
    for _ in range(2):
        assert asyncio.run(with_cache(call, SqliteCache(path))("Größe?")) == "answer to Größe?"
    assert asked == ["Größe?"]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.text(max_size=3)), max_size=9))
def test_the_file_is_as_good_as_a_dictionary(tmp_path_factory, steps):
    cache, plain = SqliteCache(tmp_path_factory.mktemp("cache") / "c.sqlite"), {}
    for store, key, text in steps:
        for one in (cache, plain):
            if store:
                one[key] = [text]
            else:
                one.pop(key, None)
        assert dict(cache) == plain
        assert len(cache) == len(plain)
    with pytest.raises(KeyError):
        cache["missing"]
    with pytest.raises(KeyError):
        del cache["missing"]


def test_a_damaged_file_costs_the_cache_and_not_the_answer(tmp_path):
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"no database" * 100)
    call, asked = failing()
    cached = with_cache(call, SqliteCache(path))
    with pytest.warns(UserWarning, match="cannot be used"):
        assert asyncio.run(cached("a")) == "answer to a"
    with pytest.raises(sqlite3.DatabaseError):
        SqliteCache(path)["a"]
    assert asked == ["a"]


# Around a real endpoint


def endpoint_call(client):
    async def call(question):
        answer = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": question}]
        )
        return answer.choices[0].message.content

    return call


def share_answered(faults, wrap):
    async def run(url):
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            call = wrap(endpoint_call(client))
            answers = await asyncio.gather(
                *(call(f"question {number}") for number in range(20)), return_exceptions=True
            )
        return answers.count("yes") / len(answers)

    with FaultyEndpoint(lambda messages: "yes", faults=faults, seconds=0) as server:
        return asyncio.run(run(server.url)), server.counts


def test_retries_answer_what_errors_and_limits_broke():
    faults = Faults(errors=0.25, rate_limited=0.25, retry_after=0.01)
    alone, counts = share_answered(faults, lambda call: call)
    assert alone == 1 - sum(counts.faults.values()) / 20 < 0.8
    tried, counts = share_answered(faults, lambda call: with_retries(call, attempts=9, base=0.001))
    assert tried == 1
    assert counts.requests == 20 + sum(counts.faults.values())


def test_a_timeout_makes_a_hang_an_error_that_a_retry_mends():
    faults = Faults(hangs=0.3)
    wrap = lambda call: with_retries(with_timeout(call, 2), attempts=9, base=0.001)  # noqa: E731
    tried, counts = share_answered(faults, wrap)
    assert tried == 1
    assert counts.faults["hangs"] >= 3


def test_an_endpoint_model_in_threads_is_a_call_too():
    with FaultyEndpoint(lambda m: "yes", faults=Faults(errors=0.5), seconds=0) as server:
        model = EndpointModel(server.url, "m", max_retries=0)
        ask = in_threads(lambda text: model.chat([{"role": "user", "content": text}]).text, 4)

        async def run():
            patient = with_retries(ask, attempts=12, base=0.001)
            return await asyncio.gather(*(patient(f"question {number}") for number in range(8)))

        assert asyncio.run(run()) == ["yes"] * 8
        assert server.counts.faults["errors"] > 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: with_retries(failing()[0], attempts=0), "attempts must be 1 or more"),
        (lambda: with_retries(failing()[0], base=-1), "base must be 0 or more"),
        (lambda: with_retries(failing()[0], cap=float("nan")), "cap must be 0 or more"),
        (lambda: with_timeout(failing()[0], 0), "seconds must be above 0"),
        (lambda: with_limit(failing()[0], 0), "at_once must be 1 or more"),
        (lambda: in_threads(str, 0), "threads must be 1 or more"),
    ],
)
def test_arguments_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()
