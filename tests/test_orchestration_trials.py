"""Trials of one measure around calls: what they count, and the stand-ins they use."""

import random

import pytest

from course_lib.orchestration.calls import with_limit, with_retries, with_timeout
from course_lib.orchestration.faults import Faults
from course_lib.orchestration.trials import count_words, ends, quoting, trial

QUESTIONS = [f"Question {n}?" for n in range(12)]
FAULTS = Faults(errors=0.4, seed=1)


def nothing(ask, spare):
    return ask


def test_the_same_faults_are_met_on_each_run():
    first, second = (trial(nothing, QUESTIONS, faults=FAULTS, seconds=0) for _ in range(2))
    failed = [[row.request for row in one.report.rows if row.error] for one in (first, second)]
    assert 0 < len(failed[0]) < len(QUESTIONS)
    assert failed[0] == failed[1]
    assert first.server.requests == second.server.requests == len(QUESTIONS)
    assert first.server.faults == second.server.faults
    assert first.spare.requests == 0


def test_retries_answer_more_with_more_calls():
    alone = trial(nothing, QUESTIONS, faults=FAULTS, seconds=0)

    def retry(ask, spare):
        return with_retries(ask, attempts=4, base=0, rng=random.Random(0))

    tried = trial(retry, QUESTIONS, faults=FAULTS, seconds=0)
    assert tried.report.success.estimate > alone.report.success.estimate
    assert tried.server.requests > alone.server.requests == len(QUESTIONS)


def test_a_hanging_call_ends_with_the_customers_patience_or_before_it():
    def timeout(ask, spare):
        return with_timeout(ask, 0.2)

    hanging = Faults(hangs=1.0)
    [given_up] = trial(timeout, ["?"], faults=hanging).report.rows
    assert isinstance(given_up.error, TimeoutError)
    assert given_up.latency < 2.5
    [waited] = trial(nothing, ["?"], faults=hanging).report.rows
    assert isinstance(waited.error, TimeoutError)
    assert waited.latency > 2.9


def test_arrivals_come_when_they_come_and_a_limit_holds_them_here():
    def limit(ask, spare):
        return with_limit(ask, 2)

    rush = trial(limit, QUESTIONS, arrivals=[0.0] * len(QUESTIONS))
    assert rush.report.success.estimate == 1
    assert rush.server.most_at_once == 2
    free = trial(nothing, QUESTIONS, arrivals=[0.0] * len(QUESTIONS), seconds=0.3)
    assert free.server.most_at_once > 2


def test_ends_counts_answers_and_kinds_of_errors():
    def run(request):
        if request:
            raise {"v": ValueError, "t": TypeError}[request]

    assert ends(run, ["", "v", "t", "v", ""]) == {"answered": 2, "ValueError": 2, "TypeError": 1}
    with pytest.raises(KeyboardInterrupt):
        ends(lambda _: (_ for _ in ()).throw(KeyboardInterrupt), ["x"])


def test_stand_ins_need_no_model():
    asked = [{"role": "user", "content": "[1] a\n> # A\n> Oil the chain every 200 km.\n\nWhen?"}]
    assert quoting(asked) == "Oil the chain every 200 km. [1]"
    assert quoting([{"role": "user", "content": "Hello"}]) == "The documents do not say."
    assert count_words([{"role": "user", "content": "one two"}] * 2) == 8
