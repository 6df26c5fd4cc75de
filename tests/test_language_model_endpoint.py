"""EndpointModel against a server that misbehaves, and against `transformers serve`."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from course_lib import language_model
from course_lib.language_model import ContextOverflow, EndpointModel, LanguageModelError

KEY = "sk-very-secret-1234567890"
HI = [{"role": "user", "content": "Hi"}]


def completion(text="Hello.", finish="stop", **message):
    return {
        "choices": [{"message": {"content": text, **message}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 31, "completion_tokens": 3},
    }


class Reply:
    """What the server does with one request."""

    def __init__(self, body=None, status=200, kind="application/json", **headers):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.kind, self.headers = status, kind, headers

    def __call__(self, handler):
        handler.send_response(self.status)
        handler.send_header("Content-Type", self.kind)
        handler.send_header("Content-Length", str(len(self.body)))
        for name, value in self.headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(self.body)


def chunk(text=None, finish=None):
    delta = {"content": text} if text is not None else {}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def stream_of(*events, promised=0):
    """Server-sent events; a callable among them is called (to wait, say)."""

    def reply(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        if promised:
            handler.send_header("Content-Length", str(promised))
        handler.end_headers()
        for event in events:
            if callable(event):
                event()
            else:
                text = event if isinstance(event, str) else json.dumps(event)
                handler.wfile.write(f"data: {text}\n\n".encode())
                handler.wfile.flush()

    return reply


class FaultyServer(ThreadingHTTPServer):
    """Answers with the replies of `script`, the last one again and again."""

    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.requests, self.times = [], [], []
        self.lock = threading.Lock()
        self.in_flight = 0
        self.over = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request, client_address):
        pass  # a client that has hung up


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            self.server.requests.append((self.path, headers, body))
            self.server.times.append(time.monotonic())
            self.server.in_flight += 1
            script = self.server.script
            reply = script.pop(0) if len(script) > 1 else script[0]
        try:
            reply = reply if callable(reply) else Reply(reply)
            reply(self)
        finally:
            with self.server.lock:
                self.server.in_flight -= 1

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with FaultyServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.fixture
def model(server):
    return EndpointModel(server.url, "m", api_key=KEY, max_retries=1, timeout=10)


def sent(server):
    return server.requests[-1][2]


# What is asked


def test_a_greedy_request_holds_what_every_server_knows(server, model):
    server.script = [completion()]
    answer = model.chat(HI, stop="\n")
    assert (answer.text, answer.finish_reason) == ("Hello.", "stop")
    assert (answer.prompt_tokens, answer.completion_tokens) == (31, 3)
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "m", "messages": HI, "max_tokens": 128, "temperature": 0.0, "stop": ["\n"],
    }  # fmt: skip


def test_sampling_options_are_sent_when_sampling(server, model):
    server.script = [completion()]
    options = {"top_k": 5, "top_p": 0.9, "min_p": 0.1, "seed": 7}
    model.chat(HI, temperature=0.5, **options)
    assert {name: sent(server)[name] for name in options} == options
    model.chat(HI, **options)
    assert not sent(server).keys() & set(options)


def test_a_server_that_ignores_stop_strings_is_cut(server, model):
    server.script = [completion("One. Two. Three.", "length")]
    answer = model.chat(HI, stop=[" Three", " Two"])
    assert (answer.text, answer.finish_reason) == ("One.", "stop")


def test_a_server_that_wants_max_completion_tokens_gets_it(server, model):
    refusal = {"error": {"message": "Use 'max_completion_tokens' instead of 'max_tokens'."}}
    server.script = [Reply(refusal, 400), completion()]
    assert model.chat(HI, max_tokens=5).text == "Hello."
    assert model.chat(HI, max_tokens=5).text == "Hello."
    assert [("max_tokens" in body) for _, _, body in server.requests] == [True, False, False]


def test_nothing_that_is_meant_for_openai_reaches_another_server(server, monkeypatch):
    for name in ("API_KEY", "ORG_ID", "PROJECT_ID", "ADMIN_KEY"):
        monkeypatch.setenv(f"OPENAI_{name}", "for-openai-alone")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    server.script = [completion()]
    EndpointModel(server.url, "m").chat(HI)
    assert "for-openai-alone" not in str(server.requests)


def test_load_reads_the_environment(server, monkeypatch):
    monkeypatch.setenv("COURSE_LLM_BASE_URL", f"{server.url}/")
    monkeypatch.setenv("COURSE_LLM_MODEL", "named")
    monkeypatch.setenv("COURSE_LLM_API_KEY", KEY)
    server.script = [completion()]
    model = language_model.load(timeout=5)
    model.chat(HI)
    assert (model.name, model.context_length, model.timeout) == ("named", None, 5)
    assert sent(server)["model"] == "named"
    assert server.requests[0][1]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("given", "missing"),
    [("BASE_URL", "MODEL"), ("MODEL", "BASE_URL"), ("API_KEY", "BASE_URL")],
)
def test_half_a_setting_names_the_other_half(monkeypatch, given, missing):
    for name in ("BASE_URL", "MODEL", "API_KEY"):
        monkeypatch.delenv(f"COURSE_LLM_{name}", raising=False)
    monkeypatch.setenv(f"COURSE_LLM_{given}", "http://127.0.0.1:9/v1")
    with pytest.raises(ValueError, match=f"^COURSE_LLM_{missing} must"):
        language_model.load()


@pytest.mark.parametrize("url", ["localhost:8000/v1", "", "ftp://127.0.0.1/v1", "http:///v1"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="base_url must be an address"):
        EndpointModel(url, "m")


def test_wrong_arguments_are_refused_and_secrets_not_shown():
    for url in (f"http://user:{KEY}@127.0.0.1/v1", f"http://127.0.0.1/v1?key={KEY}"):
        with pytest.raises(ValueError, match="pass api_key") as raised:
            EndpointModel(url, "m")
        assert KEY not in str(raised.value)
    with pytest.raises(ValueError, match="api_key must be printable") as raised:
        EndpointModel("http://127.0.0.1/v1", "m", api_key=f"{KEY}\n")
    assert KEY not in str(raised.value)
    with pytest.raises(ValueError, match="model must"):
        EndpointModel("http://127.0.0.1/v1", "")
    with pytest.raises(ValueError, match="timeout must"):
        EndpointModel("http://127.0.0.1/v1", "m", timeout=0)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "at least one message, got none"),
        ("Hi", "must be a list of messages, got str"),
        ([{"role": "human", "content": "Hi"}], r"messages\[0\] must have the role .*'human'"),
        ([*HI, {"role": "user"}], r"messages\[1\] must be a dict with role and content"),
        ([{"role": "user", "content": 5}], r"messages\[0\]'s content must be a string, got int"),
        ([{"role": "user", "content": "\ud800"}], "half a surrogate pair at character 0"),
    ],
)
def test_wrong_messages_are_refused_before_any_call(server, model, messages, message):
    for ask in (model.chat, model.stream, model.next_tokens, model.count_tokens):
        if messages == "Hi" and ask in (model.next_tokens, model.count_tokens):
            message = "a plain string needs LocalModel"
        with pytest.raises(ValueError, match=message):
            ask(messages)
    if messages != "Hi":
        with pytest.raises(ValueError, match=r"conversations\[1\]"):
            model.chat_batch([HI, messages])
    assert server.requests == []


# What goes wrong

WRONG = {
    "401": (Reply({"error": {"message": f"Incorrect API key: {KEY}"}}, 401), "COURSE_LLM_API_KEY"),
    "403": (Reply({"error": {"message": "no"}}, 403), "COURSE_LLM_API_KEY"),
    "404": (Reply({"error": {"message": "no model m"}}, 404), "no model m.*COURSE_LLM_MODEL"),
    "400": (Reply({"error": {"message": "temperature too hot"}}, 400), "400.*too hot"),
    "422": (Reply({"detail": "Unexpected fields"}, 422), "422.*Unexpected fields"),
    "malformed JSON": (Reply(b'{"choices": [{"mess'), "did not answer with a chat completion"),
    "not UTF-8": (Reply(b"\xff\xfe{}"), "did not answer with a chat completion"),
    "no body": (Reply(b""), "did not answer with a chat completion"),
    "HTML": (Reply(b"<html>Hi</html>", kind="text/html"), "chat completion.*end in /v1"),
    "no choices": (Reply({**completion(), "choices": []}), "did not answer with a chat"),
    "choices null": (Reply({**completion(), "choices": None}), "did not answer with a chat"),
    "no usage": (Reply({"choices": completion()["choices"]}), "did not answer with a chat"),
    "a list": (Reply([1, 2]), "did not answer with a chat completion"),
    "a number for text": (Reply(completion(5)), "did not answer with a chat completion"),
    "filtered": (Reply(completion("", "content_filter")), "withheld its answer"),
}


@pytest.mark.parametrize(("reply", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_explained_and_not_asked_for_again(server, model, reply, message):
    server.script = [reply]
    with pytest.raises(LanguageModelError, match=message) as raised:
        model.chat(HI)
    assert server.url in str(raised.value)
    assert "Next: " in str(raised.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "too long", "code": "context_length_exceeded"}},
        {"message": "This model's maximum context length is 4096 tokens.", "code": 400},
        {"error": {"message": "exceeds the available context size", "type": "x"}},
    ],
)
def test_a_servers_context_overflow(server, model, body):
    server.script = [Reply(body, 400)]
    with pytest.raises(ContextOverflow, match="shorten the prompt"):
        model.chat(HI)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_is_retried_and_what_stays_is_explained(server, model, status):
    server.script = [Reply({"error": {"message": "busy"}}, status), completion()]
    assert model.chat(HI).text == "Hello."
    assert len(server.requests) == 2
    server.script = [Reply({"error": {"message": "busy"}}, status)]
    with pytest.raises(LanguageModelError, match=rf"{status}\) with up to 2 tries.*busy"):
        model.chat(HI)
    assert len(server.requests) == 4


def test_retry_after_is_honoured(server, model):
    server.script = [Reply({}, 429, Retry_After="2"), completion()]
    model.chat(HI)
    assert server.times[1] - server.times[0] >= 2  # without it, half a second


def test_a_retry_after_of_hours_is_not_waited_for(server, model):
    server.script = [Reply({}, 429, Retry_After="7200")]
    with pytest.raises(LanguageModelError, match="wait 7200 s"):
        model.chat(HI)
    assert len(server.requests) == 1


def test_a_dead_endpoint():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    model = EndpointModel(url, "m", max_retries=0)
    for ask in (model.chat, model.count_tokens, lambda messages: list(model.stream(messages))):
        with pytest.raises(LanguageModelError, match=rf"{url} cannot be reached.*COURSE_LLM_BASE"):
            ask(HI)


def test_a_server_that_hangs_up(server, model):
    server.script = [lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)]
    with pytest.raises(LanguageModelError, match="cannot be reached, or broke off"):
        model.chat(HI)
    assert len(server.requests) == 2


def test_a_server_that_does_not_answer(server):
    server.script = [lambda handler: server.over.wait(30)]
    model = EndpointModel(server.url, "m", timeout=0.3, max_retries=0)
    for ask in (model.chat, lambda messages: list(model.stream(messages))):
        with pytest.raises(LanguageModelError, match=r"sent nothing for 0\.3 s"):
            ask(HI)


def test_a_slow_first_byte_is_waited_for(server, model):
    def slow(handler):
        time.sleep(0.5)
        Reply(completion())(handler)

    server.script = [slow]
    assert model.chat(HI).text == "Hello."
    assert len(server.requests) == 1


# Streams


def test_a_stream_arrives_as_it_is_written(server, model):
    written = threading.Event()
    server.script = [
        stream_of(
            {"choices": []},
            chunk(""),
            chunk("One"),
            lambda: written.wait(10),
            chunk(" two."),
            chunk(finish="stop"),
            "[DONE]",
        )
    ]
    pieces = model.stream(HI)
    assert next(pieces) == "One"
    written.set()
    assert list(pieces) == [" two."]
    assert sent(server)["stream"] is True


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Yes. ", "E", "ND and more"], "Yes. "),
        (["Yes. ", "E", "N"], "Yes. EN"),
        (["EN", "EN", "D"], "EN"),
        (["", "END"], ""),
    ],
)
def test_a_stream_never_shows_a_stop_string(server, model, texts, expected):
    events = [*map(chunk, texts), chunk(finish="length"), "[DONE]"]
    server.script = [stream_of(*events)]
    assert "".join(model.stream(HI, stop="END")) == expected


BROKEN_STREAMS = {
    "cut off": (stream_of(chunk("One")), "broke off its answer after 3 characters"),
    "fewer bytes than promised": (stream_of(chunk("One"), promised=9999), "broke off"),
    "nothing": (stream_of(), "broke off its answer after 0 characters"),
    "garbage": (stream_of(chunk("One"), '{"choi'), "did not answer with a chat completion"),
    "other JSON": (stream_of("[1, 2]"), "did not answer with a chat completion"),
    "an error": (stream_of(chunk("One"), {"error": f"CUDA {KEY}"}), "reports an error: CUDA"),
    "not a stream": (Reply(b"<html>", kind="text/html"), "broke off.*base_url"),
}


@pytest.mark.parametrize(("reply", "message"), BROKEN_STREAMS.values(), ids=BROKEN_STREAMS)
def test_a_broken_stream_is_explained_and_not_asked_for_again(server, model, reply, message):
    server.script = [reply]
    with pytest.raises(LanguageModelError, match=message):
        list(model.stream(HI))
    assert len(server.requests) == 1


def test_a_stalled_stream(server):
    server.script = [stream_of(chunk("One"), lambda: server.over.wait(30))]
    pieces = EndpointModel(server.url, "m", timeout=0.3).stream(HI)
    assert next(pieces) == "One"
    with pytest.raises(LanguageModelError, match=r"sent nothing for 0\.3 s"):
        next(pieces)


def test_a_stream_is_retried_until_it_begins(server, model):
    server.script = [Reply({}, 503), stream_of(chunk("One"), chunk(finish="stop"), "[DONE]")]
    assert "".join(model.stream(HI)) == "One"


def test_a_closed_stream_closes_the_connection(server, model):
    noticed = threading.Event()

    def endless(handler):
        try:
            while not server.over.wait(0.01):
                stream_of(chunk("more " * 1000))(handler)
        except OSError:
            noticed.set()

    server.script = [endless]
    pieces = model.stream(HI)
    next(pieces)
    pieces.close()
    assert noticed.wait(10)


# Batches


def numbered(count):
    return [[{"role": "user", "content": str(number)}] for number in range(count)]


def test_a_batch_keeps_its_order_and_bounds_what_is_in_flight(server, model, monkeypatch):
    def chat(messages, how, seed):
        number = int(messages[0]["content"])
        time.sleep(0.02 * (number % 3))
        return language_model.Completion(f"{number} {seed}", "stop", 1, 1)

    monkeypatch.setattr(model, "_chat", chat)
    answers = model.chat_batch(numbered(20), seed=5)
    assert [answer.text for answer in answers] == [f"{i} {5 + 1000 * i}" for i in range(20)]
    monkeypatch.undo()

    here, most = [], []  # not the server's count: that falls after the reply

    def slow(handler):
        with server.lock:
            here.append(handler)
            most.append(len(here))
        time.sleep(0.05)
        with server.lock:  # before the reply: after it the client may send the next one at once
            here.remove(handler)
        Reply(completion())(handler)

    server.script = [slow]
    assert len(model.chat_batch(numbered(20))) == 20
    assert 2 <= max(most) <= 8
    most.clear()
    model.chat_batch(numbered(6), batch_size=2)
    assert max(most) <= 2
    assert model.chat_batch([]) == []


def test_a_batch_ends_at_its_first_error(server, model):
    server.script = [Reply({"error": {"message": "no"}}, 401)]
    with pytest.raises(LanguageModelError, match="refuses the key"):
        model.chat_batch(numbered(200), batch_size=2)
    count = len(server.requests)
    assert count < 50
    for _ in range(500):  # the server counts a request down after its reply has gone out
        if server.in_flight == 0:
            break
        time.sleep(0.01)
    assert server.in_flight == 0
    assert len(server.requests) == count


def test_a_batch_is_a_list_of_conversations(server, model):
    with pytest.raises(ValueError, match=r"pass \[messages\]"):
        model.chat_batch(HI)
    with pytest.raises(ValueError, match="batch_size must be 1 or more, got 0"):
        model.chat_batch([HI], batch_size=0)
    assert server.requests == []


# Probabilities and counts


def test_next_tokens(server, model):
    tops = [{"token": "No", "logprob": -2.0}, {"token": "Yes", "logprob": -0.2}]
    answer = completion()
    answer["choices"][0]["logprobs"] = {
        "content": [{"token": "No", "logprob": -2.0, "top_logprobs": tops}]
    }
    server.script = [answer]
    found = model.next_tokens(HI, top=2)
    assert (found.tokens, found.ids) == (("Yes", "No"), None)
    np.testing.assert_array_equal(found.log_probabilities, [-0.2, -2.0])
    assert sent(server) == {
        "model": "m", "messages": HI, "max_tokens": 1, "temperature": 1.0,
        "logprobs": True, "top_logprobs": 2,
    }  # fmt: skip
    model.next_tokens(HI)
    assert sent(server)["top_logprobs"] == 20
    with pytest.raises(ValueError, match="top must be between 1 and 20"):
        model.next_tokens(HI, top=21)


@pytest.mark.parametrize("logprobs", [None, {"content": None}, {"content": []}])
def test_a_server_without_log_probabilities(server, model, logprobs):
    answer = completion()
    answer["choices"][0]["logprobs"] = logprobs
    server.script = [answer]
    with pytest.raises(LanguageModelError, match=r"gives no log-probabilities.*the local model"):
        model.next_tokens(HI)


def test_a_given_text_cannot_be_scored(server, model):
    with pytest.raises(LanguageModelError, match="cannot score a given text"):
        model.log_probability(HI, "Hello")
    assert server.requests == []


def test_count_tokens_asks_the_server(server, model):
    server.script = [completion()]
    assert model.count_tokens(HI) == 31
    assert sent(server)["max_tokens"] == 1


# The key


def test_the_key_is_in_no_error_repr_or_log(server, model, caplog):
    import traceback

    caplog.set_level(logging.DEBUG)
    echoes = [*WRONG.values(), *BROKEN_STREAMS.values()]
    long = Reply({"error": {"message": "x" * 480 + KEY}}, 400)
    for reply in [*(reply for reply, _ in echoes), long, Reply(KEY, 500)]:
        for ask in (model.chat, lambda messages: list(model.stream(messages))):
            server.script = [reply]
            with pytest.raises(LanguageModelError) as raised:
                ask(HI)
            shown = "".join(traceback.format_exception(raised.value))
            assert KEY[:8] not in shown
    assert KEY not in repr(model) + str(model)
    assert "POST" in caplog.text
    assert KEY not in caplog.text


# A real server


@pytest.fixture(scope="session")
def transformers_server():
    from course_lib import assets

    source = str(assets.path("smollm2"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = "from transformers.cli.transformers import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", command, "serve", source, "--host", "127.0.0.1",
         "--port", str(port), "--device", "cpu"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            assert server.poll() is None, "transformers serve has ended"
            try:
                urllib.request.urlopen(f"{url}/health", timeout=5).read()
                break
            except OSError:
                time.sleep(0.2)
        yield EndpointModel(f"{url}/v1", source)
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def local_model():
    return language_model.LocalModel()


QUESTIONS = [
    [{"role": "user", "content": "What is the capital of France?"}],
    [
        {"role": "system", "content": "You answer in one word."},
        {"role": "user", "content": "Which colour has the sky on a clear day?"},
    ],
    [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Hello Ada."},
        {"role": "user", "content": "What is my name?"},
    ],
    [{"role": "user", "content": "Wie heißt die Hauptstadt von Österreich? 🙂"}],
]


@pytest.mark.slow
def test_a_real_server_gives_the_local_models_text(transformers_server, local_model):
    server = transformers_server
    expected = local_model.chat_batch(QUESTIONS, max_tokens=16)
    assert [server.chat(question, max_tokens=16).text for question in QUESTIONS] == [
        answer.text for answer in expected
    ]
    answers = server.chat_batch(QUESTIONS, max_tokens=16, batch_size=2)
    assert [a.text for a in answers] == [a.text for a in expected]
    assert [a.prompt_tokens for a in answers] == [a.prompt_tokens for a in expected]
    assert [server.count_tokens(q) for q in QUESTIONS] == [a.prompt_tokens for a in expected]


@pytest.mark.slow
def test_a_real_servers_stream_stop_and_limit(transformers_server, local_model):
    question = QUESTIONS[0]
    whole = local_model.chat(question, max_tokens=16)
    pieces = list(transformers_server.stream(question, max_tokens=16))
    assert "".join(pieces) == whole.text
    assert len(pieces) > 2
    short = transformers_server.chat(question, max_tokens=3)
    assert (short.finish_reason, short.completion_tokens) == ("length", 3)
    stop = whole.text.split()[2]
    for options in ({"stop": stop}, {"stop": [stop, "zebra"], "max_tokens": 10}):
        answer = transformers_server.chat(question, **options)
        assert answer.text == local_model.chat(question, **options).text
        assert answer.finish_reason == "stop"
        assert stop not in answer.text
        assert "".join(transformers_server.stream(question, **options)) == answer.text


@pytest.mark.slow
def test_what_a_real_server_refuses_is_explained(transformers_server):
    wrong = EndpointModel(transformers_server.base_url, "another-model", max_retries=0)
    with pytest.raises(LanguageModelError, match=r"another-model"):
        wrong.chat(HI)
    with pytest.raises(LanguageModelError, match=r"refuses the request \(422\).*top_k"):
        transformers_server.chat(HI, temperature=1.0, top_k=5)
    with pytest.raises(LanguageModelError, match="gives no log-probabilities"):
        transformers_server.next_tokens(HI)
