"""BatchingModel: who shares a batch, who gets which answer, and what an error reaches."""

from __future__ import annotations

import copy
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.language_model import Completion, ContextOverflow, LanguageModelError, LocalModel
from course_lib.orchestration.batching import BatchingModel


def said(text):
    return [{"role": "user", "content": text}]


class Echo:
    """Answers with the question and its options; holds each batch until it is let go."""

    name, context_length = "echo", 64

    def __init__(self):
        self.batches = []
        self.go = threading.Event()
        self.go.set()
        self.began = threading.Event()

    def chat_batch(self, conversations, *, batch_size=32, progress=None, **options):
        self.batches.append([c[-1]["content"] for c in conversations])
        self.began.set()
        assert self.go.wait(30)
        texts = self.batches[-1]
        if "broken" in texts:
            raise LanguageModelError("the server is down")
        if "too long" in texts:
            raise ContextOverflow("too long")
        return [Completion(f"{text} {options}", "stop", len(text), 1) for text in texts]

    def stream(self, messages, **options):
        yield from ["one", "two"]

    def count_tokens(self, messages):
        return len(messages)

    def next_tokens(self, messages, *, top=None):
        return f"next {top}"

    def log_probability(self, messages, continuation):
        return f"score of {continuation}"

    own = "the model's own"


def together(model, calls):
    """The answer, or the error, of each (text, options), asked from as many threads."""

    def ask(call):
        try:
            return model.chat(said(call[0]), **call[1]).text
        except LanguageModelError as error:
            return str(error)

    with ThreadPoolExecutor(max(len(calls), 1)) as threads:
        return list(threads.map(ask, calls))


def test_calls_from_many_threads_share_one_batch():
    echo = Echo()
    model = BatchingModel(echo, most=4, wait_seconds=30)  # only a full batch ends this wait
    assert together(model, [(text, {}) for text in "abcd"]) == [f"{text} {{}}" for text in "abcd"]
    assert [sorted(batch) for batch in echo.batches] == [["a", "b", "c", "d"]]
    assert model.sizes == [4]


OPTIONS = [{}, {"max_tokens": 3}, {"temperature": 0.7}, {"schema": {"type": "object"}}]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.text("abc", max_size=3), st.sampled_from(OPTIONS)), max_size=12),
    st.integers(1, 5),
)
def test_every_caller_gets_its_own_answer_and_no_batch_is_too_big(calls, most):
    echo = Echo()
    model = BatchingModel(echo, most=most, wait_seconds=0.001)
    assert together(model, calls) == [f"{text} {options}" for text, options in calls]
    assert max(model.sizes, default=0) <= most
    assert sum(model.sizes) == len(calls)


def test_other_options_make_another_batch():
    echo = Echo()
    model = BatchingModel(echo, most=2, wait_seconds=30)
    together(model, [("a", {}), ("b", {}), ("c", {"max_tokens": 5}), ("d", {"max_tokens": 5})])
    assert sorted(map(sorted, echo.batches)) == [["a", "b"], ["c", "d"]]


def test_a_call_with_a_temperature_goes_alone_and_at_once():
    echo = Echo()
    model = BatchingModel(echo, most=8, wait_seconds=30)
    together(model, [(text, {"temperature": 1.0, "seed": 3}) for text in "ab"])
    assert model.sizes == [1, 1]


def test_a_lone_caller_waits_no_longer_than_it_was_told():
    model = BatchingModel(Echo(), most=8, wait_seconds=0.0)
    assert model.chat(said("alone")).text == "alone {}"
    assert model.sizes == [1]


def test_what_comes_while_a_batch_runs_becomes_the_next_one():
    echo = Echo()
    echo.go.clear()
    model = BatchingModel(echo, most=8, wait_seconds=0.0)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(model.chat, said("first"))
        assert echo.began.wait(30)
        later = [threads.submit(model.chat, said(text)) for text in "abc"]
        while len(model._waiting) < 3:
            time.sleep(0.001)
        echo.go.set()
        assert first.result(30).text == "first {}"
        assert [job.result(30).text for job in later] == ["a {}", "b {}", "c {}"]
    assert model.sizes == [1, 3]


def test_a_failing_batch_fails_its_own_calls_alone():
    echo = Echo()
    model = BatchingModel(echo, most=2, wait_seconds=30)
    answers = together(
        model, [("broken", {}), ("a", {}), ("b", {"stop": "x"}), ("c", {"stop": "x"})]
    )
    assert answers[:2] == ["the server is down"] * 2
    assert answers[2:] == ["b {'stop': 'x'}", "c {'stop': 'x'}"]
    assert len(echo.batches) == 2  # a server in trouble is not asked again
    assert together(model, [("d", {}), ("e", {})]) == ["d {}", "e {}"]


def test_a_prompt_that_is_too_long_fails_nobody_else():
    model = BatchingModel(Echo(), most=3, wait_seconds=30)
    answers = together(model, [("a", {}), ("too long", {}), ("b", {})])
    assert answers == ["a {}", "too long", "b {}"]


@pytest.mark.parametrize(
    ("messages", "options"), [([], {}), (said("a"), {"max_tokens": 0}), ("a", {})]
)
def test_wrong_messages_and_options_reach_no_batch(messages, options):
    model = BatchingModel(Echo())
    with pytest.raises(ValueError, match=r"messages|max_tokens"):
        model.chat(messages, **options)
    assert model.sizes == []


def test_everything_else_is_the_models_own():
    echo = Echo()
    model = BatchingModel(echo)
    assert (model.name, model.context_length, model.own) == ("echo", 64, "the model's own")
    assert list(model.stream(said("a"))) == ["one", "two"]
    assert [one.text for one in model.chat_batch([said("a"), said("b")])] == ["a {}", "b {}"]
    assert model.count_tokens(said("a")) == 1
    assert model.next_tokens(said("a"), top=3) == "next 3"
    assert model.log_probability(said("a"), "so") == "score of so"
    assert model.sizes == []
    with pytest.raises(AttributeError, match="missing"):
        model.missing  # noqa: B018
    with pytest.raises(AttributeError):
        copy.copy(BatchingModel.__new__(BatchingModel)).anything  # noqa: B018


def test_close_answers_what_waits_and_refuses_the_rest():
    model = BatchingModel(Echo(), most=8, wait_seconds=30)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(model.chat, said("a"))
        while not model._waiting:
            time.sleep(0.001)
        model.close()
        assert waiting.result(30).text == "a {}"
    with pytest.raises(LanguageModelError, match=r"is closed\. Next:"):
        model.chat(said("b"))
    model.close()  # twice is once
    with BatchingModel(Echo()) as other:
        pass
    with pytest.raises(LanguageModelError, match="is closed"):
        other.chat(said("b"))


def test_no_thread_is_left_when_nothing_waits():
    model = BatchingModel(Echo(), wait_seconds=0.0)
    model.chat(said("a"))
    model.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "batching"]


@pytest.mark.parametrize("arguments", [{"most": 0}, {"wait_seconds": -1}, {"wait_seconds": 1e400}])
def test_arguments_out_of_range(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        BatchingModel(Echo(), **arguments)


@pytest.mark.slow
def test_the_local_model_says_the_same_in_a_batch():
    local = LocalModel(threads=1)
    questions = ["What is a bicycle?", "Name three colours.", "What does a pump do?"]
    alone = [local.chat(said(text), max_tokens=12) for text in questions]
    model = BatchingModel(local, most=3, wait_seconds=60)
    with ThreadPoolExecutor(3) as threads:
        batched = list(threads.map(lambda text: model.chat(said(text), max_tokens=12), questions))
    assert batched == alone
    assert model.sizes == [3]
