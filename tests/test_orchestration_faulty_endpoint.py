"""FaultyEndpoint over real HTTP, asked by EndpointModel, the openai client and httpx."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.language_model import EndpointModel, LanguageModelError
from course_lib.orchestration import Faults, FaultyEndpoint
from course_lib.orchestration.faults import FAULTS

ANSWER = "Within 30 days of delivery."


def said(text):
    return [{"role": "user", "content": text}]


def endpoint(**options):
    return FaultyEndpoint(lambda messages: ANSWER, **{"seconds": 0.0, **options})


def model_at(server, **options):
    return EndpointModel(server.url, "m", **{"max_retries": 0, "timeout": 30, **options})


def until(condition):
    """Whether the condition comes true, however slow the machine."""
    return any(condition() or time.sleep(0.01) for _ in range(6000))


def outcomes(server, texts, threads=1):
    """What each text's request met: the answer, or the error's first words."""
    model = model_at(server)

    def ask(text):
        try:
            return model.chat(said(text)).text
        except LanguageModelError as error:
            return str(error).partition("/v1 ")[2][:12]

    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(texts, pool.map(ask, texts), strict=True))


def test_it_answers_as_an_openai_server_does():
    with endpoint() as server:
        model = model_at(server)
        answer = model.chat(said("How long may I return it?"))
        assert (answer.text, answer.finish_reason) == (ANSWER, "stop")
        assert (answer.prompt_tokens, answer.completion_tokens) == (6, 5)
        assert model.chat(said("a"), max_tokens=2).finish_reason == "length"
        assert "".join(model.stream(said("a"))) == ANSWER
        client = openai.OpenAI(base_url=server.url, api_key="none")
        assert [one.id for one in client.models.list()] == ["faulty"]
        assert server.counts.requests == server.counts.answered == 3
        assert server.counts.faults == {}


@pytest.mark.parametrize("text", ["", " ", "one", " a\n\nb  ", "ü\t€ 漢字 🚲"])
def test_a_stream_gives_every_character(text):
    with FaultyEndpoint({"a": text}, seconds=0) as server:
        model = model_at(server)
        assert "".join(model.stream(said("a"))) == model.chat(said("a")).text == text


@pytest.mark.parametrize(
    ("fault", "plain", "streamed"),
    [
        ("errors", r"failed \(500\)", r"failed \(500\)"),
        ("rate_limited", r"fewer requests \(429\).*wait 1 s", r"fewer requests \(429\)"),
        ("hangs", "sent nothing for 0.2 s", "sent nothing for 0.2 s"),
        ("cut", "did not answer with a chat completion", "broke off its answer after"),
        ("garbled", "did not answer with a chat", "did not answer with a chat"),
    ],
)
def test_each_fault_is_what_its_name_says(fault, plain, streamed):
    with endpoint(faults=Faults(**{fault: 1.0}, retry_after=0.3)) as server:
        model = model_at(server, timeout=0.2 if fault == "hangs" else 30)
        with pytest.raises(LanguageModelError, match=plain):
            model.chat(said("a"))
        with pytest.raises(LanguageModelError, match=streamed):
            list(model.stream(said("a")))
        assert server.counts.faults == {fault: 2}
        assert server.counts.answered == 0


def test_a_429_says_how_long_to_wait():
    with endpoint(faults=Faults(rate_limited=1, retry_after=1.2)) as server:
        body = json.dumps({"messages": said("a")}).encode()
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(server.url + "/chat/completions", body)
        assert raised.value.headers["retry-after"] == "2"  # whole seconds, and not too few
        assert raised.value.headers["retry-after-ms"] == "1200"
        raised.value.close()


def test_faults_do_not_depend_on_who_comes_first():
    faults = Faults(errors=0.2, rate_limited=0.2, cut=0.2, garbled=0.1, seed=3)
    texts = [f"question {number}" for number in range(30)]
    runs = []
    for threads in (1, 8):
        with endpoint(faults=faults) as server:
            runs.append((outcomes(server, texts, threads), server.counts.faults))
        random.Random(threads).shuffle(texts)
    assert runs[0] == runs[1]
    assert len(set(runs[0][0].values())) == 4  # cut and garbled read alike
    with endpoint(faults=Faults(errors=0.2, rate_limited=0.2, cut=0.2, garbled=0.1)) as server:
        assert outcomes(server, texts) != runs[0][0]  # another seed


def test_the_same_question_again_may_fare_better_and_reset_begins_anew():
    with endpoint(faults=Faults(errors=0.5)) as server:
        first = [outcomes(server, ["a"])["a"] for _ in range(12)]
        assert len(set(first)) == 2
        server.reset()
        assert server.counts.requests == 0
        assert [outcomes(server, ["a"])["a"] for _ in range(12)] == first


shares = st.dictionaries(st.sampled_from(FAULTS), st.floats(0, 0.2))


@settings(deadline=None)
@given(shares, st.integers(0, 5), st.text())
def test_shares_come_out(shares, seed, text):
    faults = Faults(**shares, seed=seed)
    n = 600
    drawn = [faults.drawn(text, attempt) for attempt in range(n)]
    for name in FAULTS:
        share = shares.get(name, 0.0)  # 5.5 standard deviations at 0.2
        assert abs(drawn.count(name) / n - share) <= 0.09
        assert share or name not in drawn


def test_a_share_of_one_is_always():
    assert {Faults(hangs=1.0).drawn("a", attempt) for attempt in range(50)} == {"hangs"}
    assert {Faults().drawn("a", attempt) for attempt in range(50)} == {None}


def test_beyond_its_capacity_calls_wait():
    at_once, most, lock = 0, 0, threading.Lock()
    all_there = threading.Barrier(2)

    def answer(messages):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        all_there.wait(30)  # both places are used, always
        with lock:
            at_once -= 1
        return ANSWER

    with FaultyEndpoint(answer, seconds=0.0, at_once=2) as server:
        assert set(outcomes(server, list("abcdefgh"), 8).values()) == {ANSWER}
        assert 2 <= server.counts.most_at_once <= 8
    assert most == 2


def test_a_caller_who_goes_away_gives_its_place_free():
    with endpoint(seconds=lambda messages: 60 if messages[-1]["content"] == "slow" else 0,
                  at_once=1) as server:  # fmt: skip
        with pytest.raises(LanguageModelError, match="sent nothing"):
            model_at(server, timeout=0.2).chat(said("slow"))
        assert model_at(server).chat(said("a")).text == ANSWER
        assert server.counts.abandoned == 1


def test_a_caller_who_goes_away_before_it_has_asked_is_no_error(capfd, caplog):
    with endpoint() as server:
        port = int(server.url.split(":")[2].split("/")[0])
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n{"
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(head)
            time.sleep(0.2)
        assert model_at(server).chat(said("Still there?")).text == ANSWER
        time.sleep(0.2)
        assert server.counts.requests == 1
    assert "ClientDisconnect" not in capfd.readouterr().err + caplog.text


def test_a_closed_stream_gives_its_place_free():
    with endpoint(tokens_per_second=20, at_once=1) as server:
        model = model_at(server)
        pieces = model.stream(said("a"))
        assert next(pieces) == "Within"
        pieces.close()
        assert model.chat(said("b")).text == ANSWER
        assert (server.counts.abandoned, server.counts.answered) == (1, 1)


def test_cancelling_an_async_call_ends_it_at_the_server():
    async def ask(url):
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            call = client.chat.completions.create(model="m", messages=said("a"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(call, 0.3)

    with endpoint(faults=Faults(hangs=1)) as server:
        asyncio.run(ask(server.url))
        assert until(lambda: server.counts.abandoned == 1)  # before the server ends


def test_leaving_ends_what_hangs():
    with endpoint(faults=Faults(hangs=1)) as server, ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(model_at(server).chat, said("a"))
        assert until(lambda: server.counts.requests == 1)
        server.__exit__(None, None, None)
        with pytest.raises(LanguageModelError):
            hanging.result(30)
    assert not server._thread.is_alive()


def test_a_question_without_an_answer_is_refused():
    with FaultyEndpoint({"a": "yes"}, seconds=0) as server:
        with pytest.raises(LanguageModelError, match=r"400.*answer\(\) raised KeyError: 'b'"):
            model_at(server).chat(said("b"))
        request = urllib.request.Request(server.url + "/chat/completions", b"{}", method="POST")
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(request)


@settings(deadline=None)
@given(st.sampled_from(FAULTS), st.sampled_from([-0.1, 1.1, float("nan")]))
def test_a_share_is_from_0_to_1(name, share):
    with pytest.raises(ValueError, match=f"{name} must be a share from 0 to 1"):
        Faults(**{name: share})


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="add up to at most 1"):
        Faults(errors=0.6, hangs=0.6)
    with pytest.raises(ValueError, match="retry_after"):
        Faults(retry_after=-1)
    with pytest.raises(ValueError, match="tokens_per_second"):
        endpoint(tokens_per_second=0)
    with pytest.raises(ValueError, match="at_once"):
        endpoint(at_once=0)
