"""course_lib.generation_metrics: SQuAD's own rules, brute force and a made-up judge as oracles."""

from __future__ import annotations

import itertools
import re
import string
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import paired_cosine_distances

from course_lib.data import load_answers, load_questions
from course_lib.generation_metrics import (
    JUDGE_PROMPT,
    citation_precision,
    citation_recall,
    embedding_similarity,
    exact_match,
    groundedness,
    judge,
    normalize_answer,
    pass_at_k,
    prefer,
    token_f1,
)


def squad_normalize(text):
    """As SQuAD's evaluate-v1.1.py states it."""
    text = text.lower()
    text = "".join(sign for sign in text if sign not in string.punctuation)
    text = re.sub(r"\b(a|an|the)\b", " ", text)
    return " ".join(text.split())


def squad_f1(prediction, truth):
    prediction, truth = squad_normalize(prediction).split(), squad_normalize(truth).split()
    same = sum((Counter(prediction) & Counter(truth)).values())
    if not prediction or not truth:
        return float(prediction == truth)
    if same == 0:
        return 0.0
    precision, recall = same / len(prediction), same / len(truth)
    return 2 * precision * recall / (precision + recall)


# Texts on which SQuAD's rules and ours agree: no digits, hyphens, slashes, percent signs, units.
words = st.sampled_from(
    ["the", "The", "a", "an", "chain", "CHAIN,", "brake.", "(brake)", "isn't", "U.S.", "!", "one",
     "theatre", "another;", "“quoted”".strip("“”"), "saddle", "post"]
)  # fmt: skip
texts = st.lists(words, max_size=8).map(" ".join)


@settings(max_examples=300)
@given(answer=texts, reference=texts)
def test_equals_squad_where_its_rules_suffice(answer, reference):
    assert normalize_answer(answer) == squad_normalize(answer)
    same = squad_normalize(answer) == squad_normalize(reference)
    assert exact_match(answer, reference) == float(same)
    assert token_f1(answer, reference) == pytest.approx(squad_f1(answer, reference))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.0 mm", "1 mm"),
        ("25mm", "25 mm"),
        ("15,000 km", "15000 kilometres"),
        ("€25", "25 euros"),
        ("EUR 25.00", "25 €"),
        ("£ 1,250", "1250 pounds"),
        ("62 %", "62 percent"),
        ("62%", "62 per cent"),
        ("thirty days", "30 days."),
        ("Twenty-one", "21"),
        ("12-month", "12 months"),
        ("LK–204", "lk-204"),  # an en dash
        ("4.5–5.0 bar", "4.5-5 bar"),
        ("−5 °C", "-5 °C"),  # a minus sign
        ("ﬁrst Café", "First Cafe\N{COMBINING ACUTE ACCENT}"),
        ("９ Nm", "9 Nm"),  # a full-width digit
        ("10\N{NO-BREAK SPACE}kg", "10 kg"),
        ("An hour", "hour"),
        ("Don’t", "don't"),
    ],
)
def test_the_same_said_in_another_way_matches(one, other):
    assert normalize_answer(one) == normalize_answer(other)
    assert exact_match(one, other) == 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.0 mm", "10 mm"),  # what SQuAD's punctuation rule makes equal
        ("4.5 bar", "45 bar"),
        ("14-30 days", "1430 days"),
        ("E07", "E70"),
        ("LK-204", "LK-240"),
        ("-5 °C", "5 °C"),
        ("€25", "£25"),
        ("2 A", "2 V"),
        ("9:30", "93:0"),
        ("1.5 kg", "1.50 km"),
        ("allowed", "not allowed"),
    ],
)
def test_what_differs_does_not_match(one, other):
    assert exact_match(one, other) == 0.0
    assert token_f1(one, other) < 1.0


def test_squad_would_take_a_tenth_for_the_whole():
    assert squad_normalize("1.0 mm") == squad_normalize("10 mm")  # why ours is not SQuAD's


@settings(max_examples=300)
@given(st.text(alphabet="aAe 0123456789.,:-/%€£°'()twfiveny\n", max_size=30))
def test_normalizing_again_changes_nothing_and_leaves_no_space(text):
    once = normalize_answer(text)
    assert once == " ".join(once.split())
    assert not set(once) & set(",/%€£°'()")


@given(st.text(max_size=40))
def test_any_text_can_be_normalized_and_matches_itself(text):
    assert exact_match(text, text) == 1.0
    assert token_f1(text, text) == 1.0


@given(answer=texts, references=st.lists(texts, min_size=1, max_size=3))
def test_the_best_reference_counts(answer, references):
    assert token_f1(answer, references) == max(token_f1(answer, one) for one in references)
    assert exact_match(answer, references) == max(exact_match(answer, one) for one in references)


def test_f1_counts_repeated_words_as_often_as_both_have_them():
    assert token_f1("chain chain chain", "chain brake") == pytest.approx(2 / 5)
    assert token_f1("", "chain") == 0.0
    assert token_f1("the", "a") == 1.0  # nothing is left of either


@pytest.mark.parametrize("references", [[], [None], [3]])
def test_refuses_references_that_are_no_texts(references):
    with pytest.raises(ValueError, match="references must be a string or several"):
        token_f1("x", references)


def test_every_reference_answer_matches_itself_and_no_wrong_answer():
    questions = {question.id: question for question in load_questions()}
    for answer in load_answers():
        reference = questions[answer.question].answer
        if reference is not None:
            assert exact_match(reference, reference) == 1.0
            if answer.first.correctness == answer.second.correctness == "wrong":
                assert exact_match(answer.text, reference) == 0.0


def test_embedding_similarity_equals_scikit_learn():
    rng = np.random.default_rng(0)
    answers, references = rng.normal(size=(2, 50, 8))
    ours = embedding_similarity(answers, references)
    np.testing.assert_allclose(ours, 1 - paired_cosine_distances(answers, references))
    assert embedding_similarity([[0.0, 0.0]], [[1.0, 0.0]]).tolist() == [0.0]
    assert embedding_similarity([[3.0, 0.1]], [[3.0, 0.1]]).max() <= 1.0
    with pytest.raises(ValueError, match=r"must both have the shape \(n, dim\), got \(1, 2\)"):
        embedding_similarity([[1.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]])


GOLD = {"a#one": 2, "a#two/ROW-1": 2, "b#three": 1, "c#four": 0}


@pytest.mark.parametrize(
    ("citations", "precision", "recall", "share"),
    [
        (["a#one"], 1.0, 1.0, 0.5),
        (["a#one", "a#one"], 1.0, 1.0, 0.5),  # said twice, counted once
        (["a#two"], 1.0, 1.0, 0.5),  # the section in which the row stands
        (["a#one/ROW-9"], 1.0, 1.0, 0.5),  # a row of the section
        (["a#two/ROW-2"], 0.0, 0.0, 0.0),  # another row
        (["a#two/ROW-12"], 0.0, 0.0, 0.0),
        (["a#on"], 0.0, 0.0, 0.0),
        (["a#one", "a#two/ROW-1", "b#three", "c#four"], 0.75, 1.0, 1.0),
        (["b#three"], 1.0, 0.0, 0.0),  # helps, and does not answer
        ([], 0.0, 0.0, 0.0),
    ],
)
def test_citations_beside_graded_anchors(citations, precision, recall, share):
    assert citation_precision(citations, GOLD) == precision
    assert citation_recall(citations, GOLD) == recall
    assert citation_recall(citations, GOLD, all_needed=True) == share


def test_an_unanswerable_question_needs_no_citation():
    assert citation_precision([], {}) == 1.0
    assert citation_precision(["a#one"], {}) == 0.0
    assert citation_recall([], {}) == 1.0
    assert citation_recall([], {"a#one": 1}) == 1.0
    assert citation_recall([], {"a#one": 1}, least_grade=1) == 0.0
    assert citation_precision(["b#three"], GOLD, least_grade=2) == 0.0


PASSAGE = "Return a bike within 30 days of delivery.\nThe pick-up costs €69 (£60) for model LK-204."


@pytest.mark.parametrize(
    ("answer", "score", "missing"),
    [
        ("You can return the bike within thirty days.", 1.0, [()]),
        ("You can return the bike within 45 days.", 0.0, [("45",)]),
        ("The pick-up costs 69 euros. It is for LK-240.", 0.5, [(), ("lk240",)]),
        ("Our warehouse in Ghent assembles everything.", 0.0, [()]),
        ("No. Not this one.", 1.0, []),  # claims nothing
        ("", 1.0, []),
    ],
)
def test_groundedness_looks_for_numbers_codes_and_words(answer, score, missing):
    checked = groundedness(answer, [PASSAGE])
    assert checked.score == score
    assert [claim.missing for claim in checked.claims] == missing


def test_groundedness_needs_a_passage_unless_nothing_is_claimed():
    assert groundedness("Return the bike within 30 days.", []).score == 0.0
    assert groundedness("No.", []).score == 1.0


def test_numbers_of_the_question_may_be_repeated():
    answer = "With 45 days behind you, the bike cannot be returned."
    assert groundedness(answer, [PASSAGE]).score == 0.0
    assert groundedness(answer, [PASSAGE], question="45 days ago it came!").score == 1.0


def test_a_meaning_may_stand_in_for_words_but_not_for_numbers():
    def encode(sentences):  # "about money" or not
        money = [float(bool(re.search("costs|charge|paid|Geld", text))) for text in sentences]
        return np.stack([money, 1 - np.array(money)], axis=1)

    said = "Dafür nehmen wir Geld."
    assert groundedness(said, [PASSAGE]).score == 0.0
    checked = groundedness(said, [PASSAGE], encode=encode)
    assert checked.score == 1.0
    assert checked.claims[0].similarity == 1.0
    assert groundedness("Dafür nehmen wir 79 € Geld.", [PASSAGE], encode=encode).score == 0.0
    assert groundedness(said, [PASSAGE], encode=encode, least_similarity=1.1).score == 0.0
    assert groundedness(said, [], encode=encode).score == 0.0
    assert groundedness("No.", [PASSAGE], encode=encode).score == 1.0


def test_groundedness_does_not_see_a_dropped_not_or_a_number_of_something_else():
    assert groundedness("You cannot return a bike.", ["You can return a bike."]).score == 1.0
    assert groundedness("Return the bike within 60 days.", [PASSAGE]).score == 1.0  # it is £60


@pytest.mark.parametrize("n_samples", [1, 4, 7])
def test_pass_at_k_equals_counting_all_choices(n_samples):
    for n_correct, k in itertools.product(range(n_samples + 1), range(1, n_samples + 1)):
        samples = [True] * n_correct + [False] * (n_samples - n_correct)
        choices = [any(choice) for choice in itertools.combinations(samples, k)]
        assert pass_at_k(n_samples, n_correct, k) == pytest.approx(np.mean(choices))


def test_pass_at_k_is_right_on_average_where_the_shortcut_is_too_low():
    correct = np.random.default_rng(0).binomial(10, 0.3, size=5000)
    truth = 1 - 0.7**5
    assert np.mean([pass_at_k(10, c, 5) for c in correct]) == pytest.approx(truth, abs=0.01)
    assert np.mean([1 - (1 - c / 10) ** 5 for c in correct]) < truth - 0.03


@pytest.mark.parametrize("numbers", [(5, 6, 1), (5, -1, 1), (5, 2, 0), (5, 2, 6)])
def test_pass_at_k_refuses_numbers_out_of_range(numbers):
    with pytest.raises(ValueError, match="n_correct must be from 0 to n_samples, and k from 1"):
        pass_at_k(*numbers)


class Offers:
    """A model that offers the given first tokens, and keeps what it was asked."""

    def __init__(self, offers):
        self.offers, self.asked = offers, []

    def next_tokens(self, messages):
        self.asked.append(messages)
        tokens, probabilities = zip(*self.offers, strict=True)
        return SimpleNamespace(tokens=tokens, log_probabilities=np.log(probabilities))


def test_the_verdict_is_the_probability_of_yes_beside_no_in_any_spelling():
    model = Offers([("Yes", 0.3), (" yes", 0.2), ("NO", 0.1), ("Maybe", 0.2), ("Yesterday", 0.2)])
    verdict = judge(model, "How long?", "30 days {really}.", ["Within 30 days.", "{odd} braces"])
    assert verdict.probability == pytest.approx(0.5 / 0.6)
    assert verdict.mass == pytest.approx(0.6)
    (message,) = model.asked[0]
    assert message["role"] == "user"
    for text in ("How long?", "30 days {really}.", "[1] Within 30 days.", "[2] {odd} braces"):
        assert text in message["content"]


def test_the_prompt_may_be_ones_own_and_passages_may_be_missing():
    model = Offers([("Yes", 0.5), ("No", 0.5)])
    judge(model, "Q", "A", [], prompt="{question}|{answer}|{passages}")
    judge(model, "Q", "A", [])
    assert model.asked[0][0]["content"] == "Q|A|(none)"
    assert model.asked[1][0]["content"] == JUDGE_PROMPT.format(
        question="Q", answer="A", passages="(none)"
    )


def test_a_model_that_always_says_a_is_seen_when_the_answers_are_exchanged():
    model = Offers([("A", 0.6), (" B", 0.2), ("\n", 0.2)])
    one = prefer(model, "Q", "first answer", "second answer", ["P"])
    other = prefer(model, "Q", "second answer", "first answer", ["P"])
    assert one.probability == other.probability == pytest.approx(0.75)
    assert one.probability + other.probability > 1  # an unbiased judge's add up to 1
    asked = [messages[0]["content"] for messages in model.asked]
    assert "Answer A: first answer" in asked[0]
    assert "Answer A: second answer" in asked[1]


def test_a_model_that_does_not_answer_the_question_is_named():
    with pytest.raises(ValueError, match="must offer Yes or No as a first token, got 'Well'"):
        judge(Offers([("Well", 1.0)]), "Q", "A", ["P"])
