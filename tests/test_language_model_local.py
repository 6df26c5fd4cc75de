"""LocalModel: what it says alone, in a batch and as a stream, and what it says about numbers."""

from __future__ import annotations

import random
import shutil
import threading
import time

import numpy as np
import pytest
import torch
import tqdm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib import assets, language_model
from course_lib.language_model import (
    Completion,
    ContextOverflow,
    Generation,
    LanguageModelError,
    LocalModel,
)


def ask(text, system=None):
    user = {"role": "user", "content": text}
    return [{"role": "system", "content": system}, user] if system else [user]


CONVERSATIONS = [
    ask("Hi"),
    ask("What is the capital of France?"),
    ask("Name three colours.\nOne on each line."),
    ask("Count from 1 to 5."),
    ask("Wie heißt die Hauptstadt von Österreich? 🙂"),
    ask("日本の首都はどこですか。"),
    ask("Answer with yes or no: is water wet?", "You are a careful physicist."),
    ask("Is 7 prime?", "Answer in one word."),
    ask(""),
    ask("Repeat: " + "apple banana cherry " * 20),
    ask("Summarise in five words. " + "The shop opens at nine and closes at five. " * 8),
    ask("def add(a, b):\n    return"),
    ask("Write the alphabet in capital letters."),
    ask("   Mind the   spaces \n\n"),
    ask("What comes after Monday?", "Answer without punctuation."),
    [*ask("My name is Ada."), {"role": "assistant", "content": "Hi!"}, *ask("What is my name?")],
    ask("Give me a list of fruits."),
    ask("Translate to Spanish: good morning"),
]
MAX = 12


@pytest.fixture(scope="module")
def model():
    return LocalModel()


@pytest.fixture(scope="module")
def alone(model):
    """Each conversation by itself."""
    return [model.chat(messages, max_tokens=MAX) for messages in CONVERSATIONS]


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    """A random model of 64 positions with the course's tokenizer, and defaults of its own."""
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "tiny"
    shutil.copytree(
        assets.path("smollm2"), folder, ignore=lambda _, names: {n for n in names if "model." in n}
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=64, initializer_range=1.0,
        bos_token_id=1, eos_token_id=2, pad_token_id=None,
    )  # fmt: skip
    network = LlamaForCausalLM(config)
    network.generation_config = GenerationConfig(
        eos_token_id=[2, 0], do_sample=True, temperature=5.0, repetition_penalty=0.01
    )
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(tiny_folder):
    return LocalModel(tiny_folder)


# Alone, in a batch, as a stream: the same text


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [32, 5])
def test_a_batch_gives_what_each_gives_alone(model, alone, batch_size):
    answers = model.chat_batch(CONVERSATIONS, max_tokens=MAX, batch_size=batch_size)
    assert answers == alone
    assert {answer.finish_reason for answer in alone} == {"stop", "length"}
    assert len({answer.prompt_tokens for answer in alone}) > 10


@pytest.mark.slow
@pytest.mark.parametrize("stop", ["\n", ("zebra", ".", " the")])
def test_stop_strings_cut_each_answer_of_a_batch(model, alone, stop):
    answers = model.chat_batch(CONVERSATIONS, max_tokens=MAX, stop=stop)
    how = Generation(stop=stop)
    stopped = 0
    for answer, whole in zip(answers, alone, strict=True):
        text, found = how.cut(whole.text)
        assert answer.text == text
        assert not any(end in answer.text for end in how.stops)
        if found:
            stopped += 1
            assert answer.finish_reason == "stop"
            assert answer.completion_tokens <= whole.completion_tokens
        else:
            assert answer == whole
    assert stopped


@pytest.mark.slow
def test_a_stream_is_the_answer_in_pieces(model, alone):
    for messages, whole in list(zip(CONVERSATIONS, alone, strict=True))[1:8]:
        pieces = list(model.stream(messages, max_tokens=MAX))
        assert "".join(pieces) == whole.text
        assert len(pieces) > 1 or whole.completion_tokens <= 2
        assert all(pieces)
        middle = whole.text[3:6]
        assert (
            "".join(model.stream(messages, max_tokens=MAX, stop=middle))
            == whole.text[: whole.text.find(middle)]
        )


@pytest.mark.slow
@pytest.mark.parametrize("stop", [(), ("\n", " the")])
def test_guesses_from_the_prompt_change_no_word(model, stop):
    quick = model.with_prompt_lookup(4)
    repeats = ask("Say this again, word for word: the seat post is turned fully to the mark.")
    for messages in [repeats, *CONVERSATIONS[9:12]]:
        plain = model.chat(messages, max_tokens=40, stop=stop)
        assert quick.chat(messages, max_tokens=40, stop=stop) == plain
        assert "".join(quick.stream(messages, max_tokens=40, stop=stop)) == plain.text


@pytest.mark.slow
def test_guesses_save_steps_where_the_answer_repeats_the_prompt(model, monkeypatch):
    steps = []
    forward = model.model.forward
    monkeypatch.setattr(model.model, "forward", lambda *a, **k: steps.append(1) or forward(*a, **k))
    messages = ask("Repeat this sentence word for word: The seat post is turned to the mark.")
    model.chat(messages, max_tokens=40)
    plain = len(steps)
    model.with_prompt_lookup(5).chat(messages, max_tokens=40)
    assert 0 < len(steps) - plain < plain / 2


@pytest.mark.parametrize("options", [{}, {"temperature": 1.0, "seed": 3}])
def test_guesses_leave_the_words_of_any_model_alone(tiny, options):
    for text in ("ab ab ab ab", "a b c d e f g h"):
        plain = tiny.chat(ask(text), max_tokens=20, **options)
        assert tiny.with_prompt_lookup(3).chat(ask(text), max_tokens=20, **options) == plain


def test_a_negative_guess_is_refused_and_the_model_stays_as_it_was(tiny):
    assert tiny.with_prompt_lookup(7).prompt_lookup == 7
    assert tiny.prompt_lookup == 0
    with pytest.raises(ValueError, match="tokens must be 0 or more, got -1"):
        tiny.with_prompt_lookup(-1)


def test_completion_tokens_are_those_generated(model):
    short = model.chat(ask("Count from 1 to 5."), max_tokens=3)
    assert (short.finish_reason, short.completion_tokens) == ("length", 3)
    own = model.tokenizer(short.text, add_special_tokens=False)["input_ids"]
    assert len(own) == 3
    ended = model.chat(ask("Hi"), max_tokens=40)
    own = model.tokenizer(ended.text, add_special_tokens=False)["input_ids"]
    assert (ended.finish_reason, ended.completion_tokens) == ("stop", len(own) + 1)
    assert ended.prompt_tokens == model.count_tokens(ask("Hi"))


options = st.fixed_dictionaries(
    {"max_tokens": st.integers(1, 12)},
    optional={
        "temperature": st.sampled_from([0.0, 0.7, 1.5]),
        "top_k": st.integers(1, 50),
        "top_p": st.floats(0.05, 1),
        "min_p": st.floats(0.01, 1),
        "seed": st.integers(0, 2**31),
        "stop": st.sampled_from(["a", ("e", " "), ("er", "in", "st")]),
    },
)
words = st.lists(st.sampled_from(["a", "tree", " 42", "ß", "\n", "日本"]), max_size=6).map("".join)


# derandomize: two tokens that are tied to six digits may be swapped by padding
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(words, min_size=1, max_size=5), options, st.integers(1, 5))
def test_batch_stream_and_alone_agree_for_any_options(tiny, texts, options, batch_size):
    conversations = [ask(text, "S") for text in texts]
    seed = options.pop("seed", 0)
    batch = tiny.chat_batch(conversations, batch_size=batch_size, seed=seed, **options)
    for row, messages in enumerate(conversations):
        answer = tiny.chat(messages, seed=seed + 1000 * row, **options)
        assert batch[row] == answer
        assert "".join(tiny.stream(messages, seed=seed + 1000 * row, **options)) == answer.text
        assert not any(end in answer.text for end in Generation(**options).stops)
        assert 1 <= answer.completion_tokens <= options["max_tokens"]
        if answer.finish_reason == "length":
            assert answer.completion_tokens == options["max_tokens"]


@given(
    st.text(st.sampled_from("abc"), max_size=12),
    st.lists(st.text(st.sampled_from("abc"), min_size=1, max_size=3), max_size=3),
)
def test_what_a_stream_shows_is_never_taken_back(text, stop):
    how = Generation(stop=stop)
    final, _ = how.cut(text)
    for length in range(len(text) + 1):
        shown, found = how.cut(text[:length], finished=False)
        assert final.startswith(shown)
        if found:
            assert shown == final


# Sampling


def test_a_seed_repeats_and_another_differs(tiny):
    draw = {"temperature": 1.0, "max_tokens": 8}
    first = tiny.chat(ask("Hi"), seed=1, **draw)
    assert tiny.chat(ask("Hi"), seed=1, **draw) == first
    assert tiny.chat(ask("Hi"), seed=2, **draw) != first
    same_question = tiny.chat_batch([ask("Hi")] * 4, seed=1, **draw)
    assert len({answer.text for answer in same_question}) == 4


def test_generation_leaves_the_callers_generators_and_threads_alone(tiny):
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    before = torch.get_rng_state(), random.getstate(), torch.get_num_threads()
    numbers = np.random.get_state()[1].copy()
    tiny.threads = before[2] + 1
    tiny.chat(ask("Hi"), temperature=1.0, max_tokens=3)
    list(tiny.stream(ask("Hi"), temperature=1.0, max_tokens=3))
    tiny.next_tokens("Hi")
    tiny.threads = before[2]
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), torch.get_num_threads()) == before[1:]
    np.testing.assert_array_equal(np.random.get_state()[1], numbers)


def test_draws_follow_the_models_probabilities(model):
    question = ask("Name a colour.")
    two = model.next_tokens(question, top=2)
    share = np.exp(two.log_probabilities)
    share = share[0] / share.sum()
    count = 64
    answers = model.chat_batch([question] * count, max_tokens=1, temperature=1.0, top_k=2)
    assert {answer.text for answer in answers} <= set(two.tokens)
    drawn = np.mean([answer.text == two.tokens[0] for answer in answers])
    assert abs(drawn - share) < 4 * np.sqrt(share * (1 - share) / count)


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}])
def test_the_narrowest_filter_is_greedy(tiny, narrow):
    greedy = tiny.chat(ask("Hi"), max_tokens=5)
    assert tiny.chat(ask("Hi"), max_tokens=5, temperature=2.0, **narrow) == greedy


def test_the_models_own_defaults_are_not_used(tiny):
    # its folder says temperature 5, a reward for repetition, and two tokens that end an answer
    text = tiny.tokenizer.apply_chat_template(ask("Hi"), tokenize=False, add_generation_prompt=True)
    ids = tiny.tokenizer(text, return_tensors="pt")["input_ids"]
    expected = []
    while len(expected) < 10:
        token = int(tiny.model(ids).logits[0, -1].argmax())
        expected.append(token)
        if token in (0, 2):
            break
        ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
    assert tiny.chat(ask("Hi"), max_tokens=10).text == tiny.tokenizer.decode(
        expected, skip_special_tokens=True
    )


# Probabilities


def test_next_tokens_are_a_distribution(model):
    found = model.next_tokens("The capital of France is")
    assert len(found.tokens) == len(found.ids) == len(set(found.ids)) == 49152
    assert np.exp(found.log_probabilities).sum() == pytest.approx(1, abs=1e-9)
    assert (np.diff(found.log_probabilities) <= 0).all()
    assert found.tokens[0] == " Paris"
    assert len(repr(found)) < 200
    top = model.next_tokens("The capital of France is", top=5)
    assert top.tokens == found.tokens[:5]
    np.testing.assert_array_equal(top.log_probabilities, found.log_probabilities[:5])
    for wrong in (0, 49153):
        with pytest.raises(ValueError, match=f"top must be between 1 and 49152.*{wrong}"):
            model.next_tokens("Hi", top=wrong)


def test_greedy_takes_the_most_probable_first_token(model):
    question = ask("What is the capital of France?")
    assert model.chat(question, max_tokens=1).text == model.next_tokens(question, top=1).tokens[0]


@pytest.mark.parametrize("prompt", ["The capital of France is", ask("Where is Paris?"), ""])
def test_log_probability_is_the_sum_of_the_steps(model, prompt):
    scored = model.log_probability(prompt, " in France, in Europe.")
    assert "".join(scored.tokens) == " in France, in Europe."
    first = model.next_tokens(prompt)
    place = first.tokens.index(scored.tokens[0])
    assert scored.log_probabilities[0] == pytest.approx(first.log_probabilities[place], abs=1e-4)
    if prompt and isinstance(prompt, str):
        total, text = 0.0, prompt
        for token in scored.tokens:
            step = model.next_tokens(text)
            total += step.log_probabilities[step.tokens.index(token)]
            text += token
        assert scored.total == pytest.approx(total, abs=1e-3)
    assert scored.mean == pytest.approx(scored.total / len(scored.tokens))


def test_log_probability_agrees_with_the_models_own_loss(model):
    text = "The shop repairs bicycles on weekdays."
    scored = model.log_probability("", text)
    ids = torch.tensor([[1, *model.tokenizer(text)["input_ids"]]])  # 1 begins a text
    with torch.inference_mode():
        loss = float(model.model(ids, labels=ids).loss)
    assert scored.mean == pytest.approx(-loss, abs=1e-5)
    with pytest.raises(ValueError, match="continuation must be a text"):
        model.log_probability("Hi", "")
    with pytest.raises(ValueError, match="continuation must be a string, got int"):
        model.log_probability("Hi", 5)


# What does not fit, and what is wrong


def test_context_overflow_names_the_three_numbers(model):
    with pytest.raises(ContextOverflow, match=r"31 tokens.*8192, together.*8192: ") as raised:
        model.chat(ask("Hi"), max_tokens=8192)
    error = raised.value
    assert (error.prompt_tokens, error.max_tokens, error.context_length) == (31, 8192, 8192)
    long = "word " * 9000
    for call in (
        lambda: model.stream(ask(long)),
        lambda: model.next_tokens(long),
        lambda: model.log_probability("Hi", long),
    ):
        with pytest.raises(ContextOverflow):
            call()
    with pytest.raises(ContextOverflow, match=r"conversations\[1\] has"):
        model.chat_batch([ask("Hi"), ask(long)])
    assert model.count_tokens(long) == 9001


def test_a_context_is_used_to_its_end(tiny):
    room = 64 - tiny.count_tokens(ask("Hi", "S"))
    assert tiny.chat(ask("Hi", "S"), max_tokens=room).completion_tokens <= room
    with pytest.raises(ContextOverflow):
        tiny.chat(ask("Hi", "S"), max_tokens=room + 1)
    tiny.next_tokens("a" * 5)


WRONG_OPTIONS = [
    ({"max_tokens": 0}, "max_tokens must be a whole number of 1 or more, got 0"),
    ({"max_tokens": 1.5}, "max_tokens must be a whole number"),
    ({"temperature": -0.1}, r"temperature must be 0 \(greedy\) or more, got -0.1"),
    ({"temperature": float("nan")}, "temperature must be"),
    ({"top_k": 0}, "top_k must be a whole number of 1 or more"),
    ({"top_p": 0.0}, "top_p must be above 0 and at most 1"),
    ({"min_p": 1.1}, "min_p must be above 0 and at most 1"),
    ({"seed": -1}, "seed must be a whole number of 0 or more"),
    ({"stop": ["a", ""]}, "stop must be strings that are not empty"),
    ({"stop": [5]}, "stop must be strings that are not empty"),
]


@pytest.mark.parametrize(("options", "message"), WRONG_OPTIONS)
def test_wrong_options_are_refused(tiny, options, message):
    for call in (tiny.chat, tiny.stream):
        with pytest.raises(ValueError, match=message):
            call(ask("Hi"), **options)
    with pytest.raises(ValueError, match=message):
        tiny.chat_batch([ask("Hi")], **options)
    with pytest.raises(TypeError, match="temprature"):
        tiny.chat(ask("Hi"), temprature=1.0)


def test_wrong_messages_are_refused(tiny):
    for call in (tiny.chat, tiny.stream, tiny.next_tokens, tiny.count_tokens):
        with pytest.raises(ValueError, match="at least one message, got none"):
            call([])
        with pytest.raises(ValueError, match=r"messages\[1\] must have the role .* got 'tool'"):
            call([*ask("Hi"), {"role": "tool", "content": "x"}])
    for call in (tiny.chat, tiny.stream):
        with pytest.raises(ValueError, match="messages must be a list of messages, got str"):
            call("Hi")
    with pytest.raises(ValueError, match=r"pass \[messages\]"):
        tiny.chat_batch(ask("Hi"))
    with pytest.raises(ValueError, match="half a surrogate pair at character 2"):
        tiny.next_tokens("Hi\udcff")
    assert tiny.chat_batch([]) == []


def test_a_model_without_a_chat_template(tiny, monkeypatch):
    monkeypatch.setattr(tiny.tokenizer, "chat_template", None)
    with pytest.raises(ValueError, match=r"tiny has no chat template.*plain string"):
        tiny.chat(ask("Hi"))
    assert tiny.next_tokens("Hi", top=1).tokens


def test_a_template_that_refuses_the_messages(tiny, monkeypatch):
    template = "{{ raise_exception('roles must alternate') }}"
    monkeypatch.setattr(tiny.tokenizer, "chat_template", template)
    with pytest.raises(ValueError, match="do not suit the chat template: roles must alternate"):
        tiny.chat(ask("Hi"))


# Streams, bars, settings


def test_a_closed_stream_stops_the_work(tiny):
    threads, steps = threading.active_count(), []
    hook = tiny.model.register_forward_hook(lambda *_: steps.append(time.sleep(0.02)))
    try:
        pieces = tiny.stream(ask("Hi", "S"), max_tokens=30, temperature=3.0)
        next(pieces)
        assert threading.active_count() == threads + 1
        pieces.close()
        assert threading.active_count() == threads
        assert len(steps) < 15
    finally:
        hook.remove()


def test_an_error_in_a_stream_reaches_the_reader(tiny, monkeypatch):
    def fail(*args, **options):
        raise MemoryError("too little memory")

    monkeypatch.setattr(tiny.model, "generate", fail)
    with pytest.raises(MemoryError, match="too little memory"):
        list(tiny.stream(ask("Hi"), max_tokens=3))


def test_the_bar_is_shown_on_request_and_silent_otherwise(tiny, capsys, monkeypatch):
    class Tqdm(tqdm.tqdm):
        """As without TQDM_DISABLE, which tqdm reads once, when it is imported."""

        def __init__(self, *args, **options):
            super().__init__(*args, **{"disable": False, **options})

    monkeypatch.setattr("tqdm.tqdm", Tqdm)
    tiny.chat_batch([ask("Hi")] * 3, max_tokens=3, batch_size=2, progress=True)
    shown = capsys.readouterr()
    assert "3/3" in shown.err
    assert "Answering" in shown.err
    tiny.chat_batch([ask("Hi")] * 3, max_tokens=3)
    tiny.chat_batch([ask("Hi")] * 3, max_tokens=3, progress=False)
    assert capsys.readouterr() == ("", "")
    assert shown.out == ""


@pytest.fixture
def no_settings(monkeypatch):
    for name in ("LLM", "LLM_BASE_URL", "LLM_MODEL", "LLM_API_KEY"):
        monkeypatch.delenv(f"COURSE_{name}", raising=False)


@pytest.mark.usefixtures("no_settings")
def test_load_takes_the_setting(tiny_folder, monkeypatch, capfd):
    monkeypatch.setenv("COURSE_LLM", str(tiny_folder))
    loaded = language_model.load(threads=1)
    assert (loaded.name, loaded.context_length, loaded.threads) == ("tiny", 64, 1)
    assert repr(loaded) == "LocalModel('tiny', context_length=64)"
    monkeypatch.setenv("COURSE_LLM", "/no/such/folder")
    assert language_model.load(str(tiny_folder)).name == "tiny"
    with pytest.raises(ValueError, match=r"a hub id, got '/no/such/folder'"):
        language_model.load()
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ValueError, match="threads must be 1 or more, got 0"):
        LocalModel(tiny_folder, threads=0)


def test_the_default_is_smollm2(model):
    assert (model.name, model.context_length) == ("SmolLM2-135M-Instruct", 8192)


@pytest.mark.filterwarnings("error")
def test_int8_is_smaller_and_still_a_language_model(tiny_folder, capfd):
    small = LocalModel(tiny_folder, int8=True)
    assert small.name == "tiny (int8)"
    answer = small.chat(ask("Hi"), max_tokens=4)
    assert isinstance(answer, Completion)
    assert np.exp(small.next_tokens("Hi").log_probabilities).sum() == pytest.approx(1)
    kinds = [type(layer).__module__ for layer in small.model.modules()]
    assert any("quantized" in kind for kind in kinds)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_int8_stays_near_the_whole_model(model):
    small = LocalModel(int8=True)
    text = "The quick brown fox jumps over the lazy dog. Paris is the capital of France."
    assert small.next_tokens("The capital of France is", top=1).tokens == (" Paris",)
    assert abs(small.log_probability("", text).mean - model.log_probability("", text).mean) < 0.5


def test_int8_where_the_machine_cannot(tiny_folder, monkeypatch):
    monkeypatch.setattr(type(torch.backends.quantized), "engine", "none")
    with pytest.raises(LanguageModelError, match="load the model without int8"):
        LocalModel(tiny_folder, int8=True)
