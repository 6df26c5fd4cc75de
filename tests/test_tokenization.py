"""Byte-pair encoding beside the `tokenizers` library, and counting through a chat template."""

import json
import random
import sys
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

from course_lib import assets, data
from course_lib.tokenization import BytePairEncoder, count_tokens, fit_to_budget, pre_tokenize

HANDBOOK = "\n\n".join(page.text for page in data.load_handbook())
BYTE_LEVEL = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
# `tokenizers` writes each byte as a printable character; sorted, they are in the order of its ids
BYTE_OF = dict(zip(sorted(pre_tokenizers.ByteLevel.alphabet()), BytePairEncoder().vocab))  # noqa: B905

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NASTY = [
    "", " ", "\n\n\n", "\x00\x1c\x85\u2028", "don't I'LL 's '", "a  b \t c ", "E07/E70 ≠ LK-204",
    "1²½Ⅻ一٣", "👩‍🔧🚲🇧🇪", "e\u0301é", "\ufeff\u200b\u00ad", "ß" * 300, "_a__b_", "\U0010ffff",
]  # fmt: skip


def as_bytes(written):
    return b"".join(BYTE_OF[char] for char in written)


def train_theirs(text, vocab_size):
    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = BYTE_LEVEL
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    theirs.train_from_iterator(
        [text],
        trainers.BpeTrainer(
            vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False, special_tokens=[]
        ),
    )
    return theirs


def learned_by(theirs):
    """(merges, vocabulary) of a tokenizer of the library, as bytes."""
    model = json.loads(theirs.to_str())["model"]
    merges = [(as_bytes(left), as_bytes(right)) for left, right in model["merges"]]
    return merges, {as_bytes(token): id_ for token, id_ in model["vocab"].items()}


@pytest.fixture(scope="module")
def encoder():
    return BytePairEncoder.train(HANDBOOK, 2000)


@pytest.fixture(scope="module")
def smollm2():
    return AutoTokenizer.from_pretrained(assets.path("smollm2"))


# ---- words


@given(TEXTS)
def test_the_words_joined_are_the_text(text):
    assert "".join(pre_tokenize(text)) == text


@pytest.mark.parametrize("around", ["a{}b", " {}!", "  {}1", "'{}s {}{}"])
def test_words_are_cut_where_the_library_cuts_them_for_every_character(around):
    # All that this Python knows; the library may know characters of a later Unicode.
    known = (chr(code) for code in range(sys.maxunicode + 1))
    known = (char for char in known if unicodedata.category(char) not in ("Cn", "Co", "Cs"))
    text = "".join("\n" + around.replace("{}", char) for char in known)
    theirs = [text[start:end] for _, (start, end) in BYTE_LEVEL.pre_tokenize_str(text)]
    assert pre_tokenize(text) == theirs


# ---- training


@pytest.mark.parametrize("vocab_size", [256, 257, 1000, 4000])
def test_the_same_merges_and_ids_as_the_library_on_the_handbook(vocab_size):
    # No difference to explain: `tokenizers` takes, of pairs equally frequent, the one with the
    # lower ids, and numbers the bytes in GPT-2's order. Ours does both.
    ours = BytePairEncoder.train(HANDBOOK, vocab_size)
    merges, vocab = learned_by(train_theirs(HANDBOOK, vocab_size))
    assert ours.merges == merges
    assert ours.vocab == vocab
    assert len(ours.vocab) == vocab_size


@settings(max_examples=200, deadline=None)
@given(
    st.text("ab ", max_size=60) | st.text("abcdé '1\n", max_size=60) | TEXTS, st.integers(256, 330)
)
def test_the_same_merges_and_ids_as_the_library_where_many_pairs_tie(text, vocab_size):
    text = "".join(char for char in text if unicodedata.category(char) not in ("Cn", "Co"))
    theirs = train_theirs(text, vocab_size)
    ours = BytePairEncoder.train(text, vocab_size)
    assert (ours.merges, ours.vocab) == learned_by(theirs)
    assert ours.encode(text) == theirs.encode(text).ids


def test_of_pairs_equally_frequent_the_one_with_the_lower_ids_goes_first():
    assert BytePairEncoder.train("zy yx xw", 257).merges == [(b"x", b"w")]
    # GPT-2 numbers "z" before the space, which is byte 32
    assert BytePairEncoder.train("z b", 257).merges == [(b" ", b"b")]
    assert BytePairEncoder.train("zz b", 257).merges == [(b"z", b"z")]


def test_a_text_without_pairs_left_ends_the_training():
    encoder = BytePairEncoder.train("ab ab", 1000)
    assert encoder.merges == [(b"a", b"b"), (b" ", b"ab")]
    assert BytePairEncoder.train("", 1000).merges == []


def test_a_frequent_word_counts_as_often_as_it_stands_there():
    assert BytePairEncoder.train("ab" + " cd" * 5, 257).merges == [(b"c", b"d")]


# ---- text to ids and back


@given(TEXTS)
def test_any_text_comes_back(encoder, text):
    ids = encoder.encode(text)
    assert encoder.decode(ids) == text
    assert b"".join(encoder.tokens(text)) == text.encode()
    assert all(encoder.vocab[token] == id_ for token, id_ in zip(encoder.tokens(text), ids))  # noqa: B905


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_comes_back_as_the_library_encodes_it(encoder, text):
    assert encoder.decode(encoder.encode(text)) == text
    assert encoder.encode(text) == train_theirs(HANDBOOK, 2000).encode(text).ids


@pytest.mark.parametrize("text", ["\ud800", "fine until \udfff here"])
def test_a_lone_surrogate_is_refused_with_its_place(encoder, text):
    place = max(text.find("\ud800"), text.find("\udfff"))
    for refuse in (encoder.encode, encoder.tokens, lambda t: BytePairEncoder.train(t, 300)):
        with pytest.raises(ValueError, match="surrogates not allowed"):
            refuse(text)
    with pytest.raises(ValueError, match=rf"ud[8f][0f][0f]' in position {place}:"):
        encoder.encode(text)


def test_with_the_models_own_merges_it_cuts_as_the_models_tokenizer(smollm2):
    written = json.loads(smollm2.backend_tokenizer.to_str())["model"]["merges"]
    ours = BytePairEncoder((as_bytes(left), as_bytes(right)) for left, right in written)
    for text in [HANDBOOK, *(ticket.text for ticket in data.load_tickets()), *NASTY]:
        tokens = [as_bytes(token) for token in smollm2.tokenize(text)]
        assert ours.tokens(text) == tokens


def test_half_an_emoji_decodes_to_a_replacement_character(encoder):
    ids = [encoder.vocab[bytes([byte])] for byte in "🚲".encode()]
    assert encoder.decode(ids) == "🚲"
    assert encoder.decode(ids[:2]) == "\ufffd"
    assert encoder.decode([]) == ""


@pytest.mark.parametrize("id_", [-1, 2000])
def test_an_id_outside_the_vocabulary_is_refused(encoder, id_):
    with pytest.raises(ValueError, match=f"between 0 and 1999, got {id_}"):
        encoder.decode([0, id_])


def test_a_merge_of_something_unknown_is_refused():
    with pytest.raises(ValueError, match=r"merges\[1\] must .* got b'ab'"):
        BytePairEncoder([(b"x", b"y"), (b"ab", b"c")])
    with pytest.raises(ValueError, match="256"):
        BytePairEncoder.train("text", 255)


# ---- long text


def long_texts(n):
    letters = random.Random(0)
    return {
        "prose": (HANDBOOK * (n // len(HANDBOOK) + 1))[:n],
        "one word of one letter": "s" * n,
        "one word of random letters": "".join(letters.choices("etaoinshrd", k=n)),
        "one word of signs": "-" * n,
    }


@pytest.mark.parametrize("kind", long_texts(0))
def test_a_megabyte_is_encoded_like_the_library_does(encoder, kind):
    text = long_texts(1_000_000)[kind]
    ids = encoder.encode(text)
    assert encoder.decode(ids) == text
    assert ids == train_theirs(HANDBOOK, 2000).encode(text).ids


@pytest.mark.parametrize("kind", long_texts(0))
def test_four_times_the_text_takes_about_four_times_the_work(kind):
    merges = BytePairEncoder.train(HANDBOOK, 1000).merges

    def seconds(text):
        times = []
        for _ in range(5):
            fresh = BytePairEncoder(merges)
            start = time.process_time()  # of this process alone: other programs do not count
            fresh.encode(text)
            times.append(time.process_time() - start)
        return min(times)

    # 16 times if each merge walked along the word
    assert seconds(long_texts(80_000)[kind]) < 9 * seconds(long_texts(20_000)[kind])


# ---- counting and fitting

CHAT = [
    {"role": "system", "content": "You answer for Larkspur Cycles."},
    {"role": "user", "content": "My Meadow shows E07. What now?"},
    {"role": "assistant", "content": "Let the motor cool for ten minutes."},
    {"role": "user", "content": "And E70?"},
    {"role": "assistant", "content": "Take the battery out and put it back."},
    {"role": "assistant", "content": "If it stays, bring it in."},
    {"role": "user", "content": "Danke! Wo finde ich die Werkstatt in Münster?"},
]


def test_a_conversation_counts_as_the_ids_that_the_template_makes(smollm2):
    ids = smollm2.apply_chat_template(CHAT, add_generation_prompt=True, return_dict=True)
    assert count_tokens(smollm2, CHAT) == len(ids["input_ids"])


def test_the_templates_own_system_prompt_is_counted(smollm2):
    user = [{"role": "user", "content": "Hi"}]
    silent = [{"role": "system", "content": ""}, *user]
    default = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    difference = count_tokens(smollm2, user) - count_tokens(smollm2, silent)
    assert difference == count_tokens(smollm2, default)


def test_a_text_counts_without_tokens_around_it(capfd):
    minilm = AutoTokenizer.from_pretrained(assets.path("minilm"))
    assert count_tokens(minilm, "flat tyre") == 2
    assert count_tokens(minilm, "") == 0
    assert count_tokens(minilm, "tyre " * 1000) == 1000  # not cut at the model's length
    assert capfd.readouterr().err == ""


def test_all_stays_where_all_fits(smollm2):
    exact = count_tokens(smollm2, CHAT)
    assert fit_to_budget(smollm2, CHAT, exact) == CHAT
    assert fit_to_budget(smollm2, CHAT, exact - 1) == [CHAT[0], *CHAT[3:]]


def test_whole_turns_go_oldest_first_and_as_few_as_possible(smollm2):
    left = [CHAT, [CHAT[0], *CHAT[3:]], [CHAT[0], CHAT[6]]]
    sizes = [count_tokens(smollm2, messages) for messages in left]
    for budget in range(sizes[-1], sizes[0] + 1):
        wanted = next(m for m, size in zip(left, sizes, strict=True) if size <= budget)
        assert fit_to_budget(smollm2, CHAT, budget) == wanted


def test_the_result_can_be_changed_without_changing_what_was_given(smollm2):
    before = [dict(message) for message in CHAT]
    fit_to_budget(smollm2, CHAT, 1000)[0]["content"] = "changed"
    assert before == CHAT


def test_an_answer_that_stands_first_goes_before_the_first_question(smollm2):
    greeting = [CHAT[0], {"role": "assistant", "content": "Hello! " * 50}, *CHAT[3:]]
    budget = count_tokens(smollm2, [CHAT[0], *CHAT[3:]])
    assert fit_to_budget(smollm2, greeting, budget + 20) == [CHAT[0], *CHAT[3:]]


def test_what_must_stay_and_does_not_fit_is_refused_with_what_it_needs(smollm2):
    needed = count_tokens(smollm2, [CHAT[0], CHAT[6]])
    with pytest.raises(ValueError, match=f"must be {needed} or more .*, got {needed - 1}"):
        fit_to_budget(smollm2, CHAT, needed - 1)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "at least one message, got none"),
        ([{"role": "user"}], r"messages\[0\]"),
        ([CHAT[1], {"role": "user", "content": None}], r"messages\[1\]"),
        ([{"role": "system", "content": "Hi"}], r"user message, got the roles \['system'\]"),
    ],
)
def test_a_bad_conversation_is_refused(smollm2, messages, message):
    with pytest.raises(ValueError, match=message):
        fit_to_budget(smollm2, messages, 1000)
