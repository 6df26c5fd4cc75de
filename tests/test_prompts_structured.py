"""JSON by schema: the mask against jsonschema on schemas of every kind, and both sorts of model."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from course_lib import language_model
from course_lib.language_model import Completion, EndpointModel, LanguageModelError
from course_lib.language_model.constrained import JsonGrammar, check_schema
from course_lib.prompts import generate_json, parse_json

HI = [{"role": "user", "content": "Hi"}]
TICKET = {
    "type": "object",
    "properties": {
        "intent": {"enum": ["order_delivery", "return_refund"]},
        "order_number": {
            "anyOf": [{"type": "string", "pattern": "^LC-[0-9]{2}-[0-9]{5}$"}, {"type": "null"}]
        },
        "urgent": {"type": "boolean"},
    },
    "required": ["intent", "order_number", "urgent"],
    "additionalProperties": False,
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@st.composite
def bounds(draw, low, high, least, most):
    """None, one or both of two keywords."""
    first, second = sorted(draw(st.tuples(st.integers(least, most), st.integers(least, most))))
    return draw(st.sampled_from([{}, {low: first}, {high: second}, {low: first, high: second}]))


def schemas(depth=3):
    """Schemas of every keyword that `check_schema` lets through."""
    plain = st.one_of(
        st.just({"type": "boolean"}),
        st.just({"type": "null"}),
        bounds("minimum", "maximum", -300, 300).map(lambda b: {"type": "integer", **b}),
        bounds("minimum", "maximum", -300, 300).map(lambda b: {"type": "number", **b}),
        bounds("minLength", "maxLength", 0, 12).map(lambda b: {"type": "string", **b}),
        st.sampled_from(["^LC-[0-9]{2}$", "a|b+", r"\d{2}\.\w", "[^a-z]{1,3}", "^(?:x|yz)?$"]).map(
            lambda pattern: {"type": "string", "pattern": pattern}
        ),
        st.lists(TEXT | st.integers() | st.booleans() | st.none(), min_size=1, max_size=4).map(
            lambda values: {"enum": values}
        ),
        TEXT.map(lambda text: {"const": text, "title": "t"}),
        st.just({"type": ["integer", "null"]}),
        st.just({"type": "string", "enum": ['say "hi"', "back\\slash", "naïve\n"]}),
    )
    if depth == 0:
        return plain
    inner = schemas(depth - 1)
    return st.one_of(
        plain,
        st.builds(
            lambda items, limits: {"type": "array", "items": items, **limits},
            inner,
            bounds("minItems", "maxItems", 0, 4),
        ),
        st.dictionaries(TEXT, inner, max_size=4).flatmap(
            lambda parts: st.sets(st.sampled_from(sorted(parts) or [""])).map(
                lambda names: {
                    "type": "object",
                    "properties": parts,
                    "required": sorted(names & set(parts)),
                }
            )
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts}),
    )


@pytest.fixture(scope="module")
def local():
    return language_model.LocalModel()


@pytest.fixture(scope="module")
def tokenizer(local):
    return local.tokenizer


@pytest.fixture(scope="module")
def grammar(tokenizer):
    return JsonGrammar(tokenizer, len(tokenizer), [tokenizer.eos_token_id])


def wander(tokenizer, grammar, schema, seed, most=1500):
    """Text of a model that picks tokens at random, and whether it came to its end."""
    generator = torch.Generator().manual_seed(seed)
    mask, ids, end = grammar.mask(schema, 1), [0], tokenizer.eos_token_id
    ending = torch.tensor([end, *tokenizer.convert_tokens_to_ids(['"', "}", "]", ",", '",', "}}"])])
    while len(ids) < most:
        scores = torch.rand((1, len(tokenizer)), generator=generator)
        scores[0, ending] += len(ids) / 50  # the longer, the more it wants to end
        scores = mask(torch.tensor([ids]), scores)
        assert scores.max() > -float("inf"), "the mask lets nothing through"
        ids.append(int(scores.argmax()))
        if ids[-1] == end:
            break
    ended = ids[-1] == end
    text = tokenizer.decode(ids[1:], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return Completion(text, "stop" if ended else "length", 1, len(ids))


@settings(max_examples=150, deadline=None)
@given(schemas(), st.integers(0, 1000))
def test_random_tokens_under_the_mask_fit_the_schema(tokenizer, grammar, schema, seed):
    if re.search("[\U00040000-\U000bffff]", json.dumps(schema, ensure_ascii=False)):
        with pytest.raises(ValueError, match="which the model has no token for"):
            grammar.mask(schema, 1)
        return
    answer = wander(tokenizer, grammar, schema, seed)
    if answer.finish_reason == "stop":
        # 1e999 and half a surrogate pair are JSON too; parse_json refuses them
        assert Draft202012Validator(schema).is_valid(json.loads(answer.text))


def test_most_walks_end(tokenizer, grammar):
    """The property above would hold of nothing if no walk came to its end."""
    ended = [wander(tokenizer, grammar, TICKET, seed).finish_reason for seed in range(20)]
    assert ended.count("stop") == 20


@pytest.mark.parametrize("schema", [{}, {"type": "string"}, {"type": "array", "maxItems": 3}])
def test_control_characters_and_special_tokens_stay_out(tokenizer, grammar, schema):
    for token in ["<|im_start|>", "\t", "\n", "<|endoftext|>", "<repo_name>"]:
        ids = tokenizer(token, add_special_tokens=False)["input_ids"]
        mask, before = grammar.mask(schema, 1), [[0]]
        for begin in tokenizer('["' if schema.get("type") == "array" else '"')["input_ids"]:
            mask(torch.tensor(before), torch.zeros((1, len(tokenizer))))
            before[0].append(begin)
        scores = mask(torch.tensor(before), torch.zeros((1, len(tokenizer))))
        assert scores[0, ids[0]] == -float("inf")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("text", "schema must be a dict with a JSON schema, got str"),
        ({"type": "foo"}, "schema must be a valid JSON schema"),
        ({"enum": [{1, 2}]}, "schema must be a valid JSON schema"),
        ({"const": float("nan")}, "schema must be a valid JSON schema"),
        ({"type": "string", "format": "date"}, "schema at its root: 'format' cannot be held to"),
        ({"type": "array", "uniqueItems": True}, "'uniqueItems' cannot"),
        ({"type": "array", "contains": {}}, "'contains' cannot"),
        ({"type": "array", "prefixItems": [{}]}, "'prefixItems' cannot"),
        ({"type": "object", "patternProperties": {}}, "'patternProperties' cannot"),
        ({"type": "object", "minProperties": 1}, "'minProperties' cannot"),
        ({"type": "object", "dependentRequired": {}}, "'dependentRequired' cannot"),
        ({"not": {"type": "string"}}, "'not' cannot"),
        ({"if": {}, "then": {}}, "'if' cannot"),
        ({"oneOf": [{"type": "integer"}]}, "'oneOf' cannot"),
        ({"allOf": [{"type": "integer"}]}, "'allOf' cannot"),
        ({"anyOf": [{"type": "integer"}], "minimum": 3}, "'minimum' beside 'anyOf' cannot"),
        ({"minimum": 3}, "'minimum' needs a 'type' that it belongs to, got None"),
        ({"type": "string", "minimum": 3}, "'minimum' needs a 'type' that it belongs to"),
        ({"type": "object", "additionalProperties": True}, "additionalProperties must be false"),
        ({"type": "object", "required": ["a"]}, "required names ['a']"),
        ({"type": "integer", "minimum": 5, "maximum": 3}, "minimum 5 is above maximum 3"),
        ({"type": "string", "minLength": 5, "maxLength": 3}, "minLength 5 is above maxLength 3"),
        ({"type": "array", "minItems": 5, "maxItems": 3}, "minItems 5 is above maxItems 3"),
        ({"type": "string", "pattern": "a", "minLength": 2}, "'pattern' cannot be held to beside"),
        ({"type": "string", "pattern": "["}, "schema must be a valid JSON schema"),
        ({"type": "string", "pattern": "(?=a)a"}, "must do without lookaround"),
        ({"type": "string", "pattern": r"(a)\1"}, "must do without lookaround"),
        ({"type": "integer", "enum": [1, "a"]}, "'a' is not of the type 'integer'"),
        ({"$ref": "#/$defs/a"}, "no definition '#/$defs/a'"),
        ({"$ref": "https://example.org/a"}, "no definition"),
        ({"type": "object", "properties": {"a": False}}, "schema at properties/a: false lets"),
        ({"anyOf": [{}, {"type": "array", "items": {"not": {}}}]}, "at anyOf/1/items: 'not'"),
        ({"$defs": {"d": {"type": "number", "multipleOf": 2}}}, "schema at $defs/d: 'multipleOf'"),
        ({"enum": []}, "schema"),
        ({"const": "\U000b0000"}, "schema holds '\\U000b0000', which the model has no token for"),
        ({"type": "object", "properties": {"\U000b0000": {}}}, "schema holds '\\U000b0000'"),
    ],
)  # fmt: skip
def test_what_cannot_be_held_to_is_named(grammar, schema, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        grammar.mask(schema, 1)


def test_definitions_and_recursion(tokenizer, grammar):
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "n": {"type": "integer", "description": "a number"},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["n"],
            }
        },
    }
    check_schema(tree)
    for seed in range(10):
        answer = wander(tokenizer, grammar, tree, seed)
        if answer.finish_reason == "stop":
            assert "n" in parse_json(answer, tree)


@pytest.mark.parametrize(
    ("text", "finish", "schema", "message"),
    [
        ('{"a": ', "length", {}, "the answer was cut after 7 tokens: raise max_tokens"),
        ("42", "length", {}, "was cut"),
        ("Sure! {}", "stop", {}, "the answer is not JSON"),
        ("", "stop", {}, "the answer is not JSON"),
        ("NaN", "stop", {}, "the answer is not JSON (NaN is no finite number)"),
        ("1e999", "stop", {}, "the answer is not JSON (1e999 is no finite number)"),
        (r'"\ud800"', "stop", {}, "the answer is not JSON"),
        ("[" * 100_000, "stop", {}, "the answer is not JSON"),
        ('{"a": ["b"]}', "stop", {"properties": {"a": {"items": {"type": "null"}}}},
         "breaks the schema at a/0: 'b' is not of type 'null'"),
    ],
)  # fmt: skip
def test_every_answer_is_checked(text, finish, schema, message):
    with pytest.raises(LanguageModelError, match=re.escape(message)) as raised:
        parse_json(Completion(text, finish, 1, 7), schema)
    assert len(str(raised.value)) < 600


def test_what_fits_comes_back():
    answer = Completion(' {"a": [1, 2.5, null, "\\u00e9"]}\n', "stop", 1, 7)
    assert parse_json(answer, {"type": "object"}) == {"a": [1, 2.5, None, "é"]}


def test_local_model_alone_in_a_batch_and_as_a_stream(local):
    tickets = ["My bike LC-24-31877 has not arrived.", "I send it back.", "Where is LC-25-00412?"]
    asked = [[{"role": "user", "content": f"{text} Reply in JSON."}] for text in tickets]
    alone = [generate_json(local, one, TICKET, max_tokens=60) for one in asked]
    batch = local.chat_batch(asked, schema=TICKET, max_tokens=60, progress=False)
    assert [parse_json(one, TICKET) for one in batch] == alone
    assert "".join(local.stream(asked[0], schema=TICKET, max_tokens=60)) == batch[0].text
    assert all(Draft202012Validator(TICKET).is_valid(one) for one in alone)
    free = local.chat_batch(asked, max_tokens=20, progress=False)
    assert not any(one.text.startswith('{"intent"') for one in free)  # the schema did it


def test_local_model_at_a_high_temperature(local):
    drawn = local.chat_batch(
        [HI] * 8, schema=TICKET, max_tokens=80, temperature=3.0, top_k=200, progress=False
    )
    values = [parse_json(one, TICKET) for one in drawn]
    assert len({json.dumps(one) for one in values}) > 2


def test_local_model_cut_short(local):
    with pytest.raises(LanguageModelError, match="cut after 5 tokens: raise max_tokens"):
        generate_json(local, HI, TICKET, max_tokens=5)


def test_local_model_refuses_before_it_writes(local):
    with pytest.raises(ValueError, match="'multipleOf' cannot"):
        generate_json(local, HI, {"type": "integer", "multipleOf": 5})


class Server(ThreadingHTTPServer):
    """An endpoint that answers with `texts`, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, *texts, status=200):
        super().__init__(("127.0.0.1", 0), Handler)
        self.texts, self.status, self.asked = list(texts), status, []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def model(self):
        return EndpointModel(f"http://127.0.0.1:{self.server_address[1]}/v1", "m", max_retries=0)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        text = self.server.texts.pop(0)
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        body = {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
        if self.server.status != 200:
            body = {"error": {"message": text, "type": "invalid_request_error"}}
        data = json.dumps(body).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def test_endpoint_is_sent_the_schema():
    right = {"intent": "return_refund", "order_number": None, "urgent": False}
    with Server(json.dumps(right), "Hello.") as server:
        assert generate_json(server.model, HI, TICKET, max_tokens=33) == right
        server.model.chat(HI)
        server.shutdown()
    first, second = server.asked
    assert first["max_tokens"] == 33
    assert first["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": TICKET, "strict": True},
    }
    assert "response_format" not in second


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Sure, here it is.", "is not JSON .* a server may pass over response_format"),
        ('{"intent": "hello"}', "breaks the schema"),
        (None, "is not JSON"),
    ],
)
def test_endpoint_that_passes_over_the_schema(text, message):
    with Server(text) as server:
        with pytest.raises(LanguageModelError, match=message):
            generate_json(server.model, HI, TICKET)
        server.shutdown()


def test_endpoint_that_refuses_the_schema():
    with Server("'anyOf' is not supported in response_format", status=400) as server:
        with pytest.raises(LanguageModelError, match=r"refuses the request .400.: .*'anyOf'"):
            generate_json(server.model, HI, TICKET)
        server.shutdown()


def test_walks_are_not_all_alike(tokenizer, grammar):
    texts = {wander(tokenizer, grammar, TICKET, seed).text for seed in range(10)}
    assert len(texts) > 3
