"""Load: when requests come, what is measured, and what the report says of it."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_lib.orchestration import LoadReport, LoadRow, arrivals, run_load


async def answer(request):
    return request.upper()


def report_of(latencies, errors=()):
    rows = [LoadRow("a", at, at, at + latency) for at, latency in enumerate(latencies)]
    rows += [LoadRow("a", 0, 0, 9, error=error) for error in errors]
    return LoadReport(tuple(rows))


@settings(deadline=None)
@given(st.floats(0.1, 50), st.floats(0.1, 20), st.integers(0, 10))
def test_arrivals_are_in_order_within_their_time_and_repeat(rate, seconds, seed):
    times = arrivals(rate, seconds, seed)
    assert ((times >= 0) & (times < seconds)).all()
    assert (np.diff(times) > 0).all()
    assert np.array_equal(times, arrivals(rate, seconds, seed))


def test_arrivals_are_a_poisson_process():
    times = arrivals(20, 500, seed=1)
    assert stats.kstest(np.diff(times), "expon", args=(0, 1 / 20)).pvalue > 0.001
    counts = [len(arrivals(5, 4, seed)) for seed in range(300)]
    assert abs(np.mean(counts) - 20) < 1.1  # 4 standard errors
    assert 14 < np.var(counts) < 27  # the variance of a Poisson count is its mean
    assert not np.array_equal(arrivals(5, 4, 1), arrivals(5, 4, 2))


def test_open_load_asks_when_the_time_has_come_however_slow_the_answers_are():
    under_way, most, go = 0, 0, asyncio.Event()

    async def slow(request):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 5:
            go.set()  # never, if a request waited for the answer before it
        await go.wait()
        under_way -= 1

    report = asyncio.run(run_load(slow, ["a"], [0, 0.01, 0.02, 0.03, 0.04]))
    assert most == 5
    assert report.success.estimate == 1


def test_a_stall_of_the_caller_counts_from_the_planned_time():
    async def stalls(request):
        if request == "first":
            time.sleep(0.3)  # holds up the event loop, and with it the second request

    report = asyncio.run(run_load(stalls, ["first", "second"], [0.0, 0.1]))
    second = report.rows[1]
    assert second.planned == 0.1
    assert second.started >= 0.3
    assert second.latency >= 0.2 > second.finished - second.started


def test_a_closed_load_leaves_out_the_queue_that_an_open_one_shows():
    def server():
        busy = asyncio.Lock()

        async def one_at_a_time(request):
            async with busy:
                await asyncio.sleep(0.02)

        return one_at_a_time

    opened = asyncio.run(run_load(server(), ["a"] * 10, np.linspace(0, 0.02, 10)))
    closed = asyncio.run(run_load(server(), ["a"] * 10, at_once=1))
    assert opened.latencies.max() > 4 * np.median(closed.latencies)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 20))
def test_a_closed_load_makes_every_request_once_and_so_many_at_once(at_once, n):
    under_way, most = 0, 0

    async def call(request):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return request

    report = asyncio.run(run_load(call, list(range(n)), at_once=at_once))
    assert [row.answer for row in report.rows] == list(range(n))
    assert most == min(at_once, n)
    assert all(row.planned == row.started for row in report.rows)


def test_errors_are_rows_and_not_latencies():
    async def picky(request):
        if request == "bad":
            raise TimeoutError("no answer")
        return request

    report = asyncio.run(run_load(picky, ["good", "bad"], [0, 0, 0, 0.001]))
    assert [type(row.error) for row in report.rows] == [type(None), TimeoutError] * 2
    assert [row.answer for row in report.rows] == ["good", None, "good", None]
    assert len(report.latencies) == 2
    assert report.success.estimate == 0.5
    assert report.errors == {"TimeoutError": 2}
    assert "TimeoutError 2" in str(report)


def test_cancelling_a_load_cancels_its_calls():
    ended = []

    async def call(request):
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(request)

    async def run():
        load = asyncio.create_task(run_load(call, ["a", "b"], [0, 0]))
        await asyncio.sleep(0.05)
        load.cancel()
        with pytest.raises(asyncio.CancelledError):
            await load

    asyncio.run(run())
    assert sorted(ended) == ["a", "b"]


def test_percentiles_are_numpys_with_an_interval_around_them():
    latencies = np.random.default_rng(0).exponential(1, 400)
    report = report_of(latencies)
    for q in (50, 95):
        interval = report.percentile(q)
        assert interval.estimate == pytest.approx(np.percentile(latencies, q))
        assert interval.low < interval.estimate < interval.high
        assert interval == report.percentile(q)
    narrow, wide = (report.percentile(50, confidence=share) for share in (0.5, 0.99))
    assert narrow.high - narrow.low < wide.high - wide.low


def test_the_interval_covers_the_true_median():
    covered = 0
    for seed in range(200):
        interval = report_of(np.random.default_rng(seed).exponential(1, 100)).percentile(
            50, n_resamples=400
        )
        covered += interval.low <= np.log(2) <= interval.high
    assert 0.88 <= covered / 200 <= 0.99


def test_neighbours_that_wait_together_make_it_wider():
    waves = np.repeat(np.random.default_rng(0).exponential(1, 40), 10)  # 40 stalls of 10 requests
    together = report_of(waves).percentile(50)
    apart = report_of(np.random.default_rng(1).permutation(waves)).percentile(50)
    assert together.high - together.low > 1.3 * (apart.high - apart.low)


def test_seconds_and_answers_a_second():
    report = report_of([0.5] * 10, [TimeoutError()])  # the last answer at 9.5, the error at 9
    assert report.seconds == 9.5
    assert report.per_second == pytest.approx(10 / 9.5)
    assert str(LoadReport(())) == "no requests"
    assert "success 0.00" in str(report_of([], [TimeoutError()]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"requests": ["a"]}, "one of arrivals and at_once"),
        ({"requests": ["a"], "arrivals": [0.0], "at_once": 1}, "one of arrivals and at_once"),
        ({"requests": [], "at_once": 1}, "at least one request"),
        ({"requests": ["a"], "at_once": 0}, "at_once must be 1 or more"),
        ({"requests": ["a"], "arrivals": [1.0, 0.5]}, "ascending"),
        ({"requests": ["a"], "arrivals": [-1.0]}, "ascending"),
        ({"requests": ["a"], "arrivals": [float("nan")]}, "ascending"),
    ],
)
def test_arguments_that_make_no_load(arguments, message):
    with pytest.raises(ValueError, match=message):
        asyncio.run(run_load(answer, **arguments))


def test_no_arrivals_make_an_empty_report():
    assert asyncio.run(run_load(answer, ["a"], [])).rows == ()


def test_numbers_out_of_range():
    for rate, seconds in ((0, 1), (1, 0), (-1, 1), (float("inf"), 1), (1, float("nan"))):
        with pytest.raises(ValueError, match="rate"):
            arrivals(rate, seconds)
    report = report_of([1.0, 2.0])
    for q in (0, 100, float("nan")):
        with pytest.raises(ValueError, match="q must be"):
            report.percentile(q)
    with pytest.raises(ValueError, match="confidence"):
        report.percentile(50, confidence=1)
    with pytest.raises(ValueError, match="at least 2 answers, got 1"):
        report_of([1.0]).percentile(50)
