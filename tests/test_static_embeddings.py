"""course_lib.static_embeddings, on a tiny random model and on the real one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from course_lib import data
from course_lib.embeddings import Embedder
from course_lib.similarity import top_k
from course_lib.static_embeddings import StaticEmbedder, distill

WORDS = (
    "a",
    "flat",
    "tyre",
    "on",
    "my",
    "bike",
    "the",
    "invoice",
    "for",
    "brake",
    "pads",
    "ß",
    "é",
)
TEXTS = ["a flat tyre on my bike", "the invoice for brake pads", "flat brake, a flat tyre . ß é"]
text = st.lists(
    st.sampled_from(["flat", "tyre", "on", "my", "bike", "the", "pads", "電", "zebra"]),
    max_size=12,
).map(" ".join)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Embedder:
    """A BERT of random weights that loads and runs in milliseconds."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", *WORDS]
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return Embedder(folder, max_length=32, threads=1)


@pytest.fixture(scope="module")
def static(tiny) -> StaticEmbedder:
    return distill(tiny, TEXTS, dim=8)


# ---- encode


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(text, max_size=6))
def test_vectors_have_length_one_or_none_at_all(static, texts):
    vectors = static.encode(texts)
    assert vectors.shape == (len(texts), 8)
    assert vectors.dtype == np.float32
    known = [any(word in " ".join(TEXTS).split() for word in one.split()) for one in texts]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), np.array(known, float), atol=1e-6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(one=text, others=st.lists(text, max_size=4))
def test_a_text_has_one_vector_whatever_stands_beside_it(static, one, others):
    np.testing.assert_array_equal(static.encode([one, *others])[0], static.encode([one])[0])


def test_word_order_and_repetition_of_the_whole_are_lost(static):
    first, second, twice = static.encode(["my flat tyre", "tyre my flat", "my flat tyre " * 2])
    np.testing.assert_allclose(first, second, atol=1e-6)
    np.testing.assert_allclose(first, twice, atol=1e-6)


def test_a_text_is_read_to_its_end(static):
    filler = "the invoice " * 2000
    start, whole = static.encode([filler, filler + "flat tyre " * 2000])
    assert start @ whole < 0.999


def test_many_texts_come_back_in_their_order(static):
    texts = [f"{'flat ' * (i % 7)} tyre {'bike ' * (i % 5)}" for i in range(1100)]
    vectors = static.encode(texts)
    for i in (0, 1023, 1024, 1099):
        np.testing.assert_allclose(vectors[i], static.encode([texts[i]])[0], atol=1e-6)


def test_no_texts_give_no_vectors(static):
    assert static.encode([]).shape == (0, 8)
    assert not static.encode(["", "\N{ZERO WIDTH SPACE}"]).any()


def test_a_single_string_and_other_things_are_refused(static):
    with pytest.raises(ValueError, match="single string"):
        static.encode("flat tyre")
    with pytest.raises(ValueError, match=r"texts\[1\] must be a string, got int"):
        static.encode(["flat", 3])


# ---- distill


def test_token_vectors_are_the_models_in_their_main_directions(tiny):
    # As many dimensions as there are tokens to span: nothing is lost but the mean.
    static = distill(tiny, TEXTS, dim=12, smoothing=1e9)  # so that all weights are nearly 1
    words = [tiny.tokenizer.decode([token]) for token in static.token_ids]
    import torch

    ids = torch.tensor([[tiny.tokenizer.cls_token_id, t, tiny.tokenizer.sep_token_id]
                        for t in static.token_ids])  # fmt: skip
    with torch.inference_mode():
        alone = tiny.model(input_ids=ids).last_hidden_state.numpy().mean(axis=1)
    assert len(words) == len(set(words))
    reference = PCA(12).fit_transform(alone)
    np.testing.assert_allclose(
        static.vectors[:-1] @ static.vectors[:-1].T, reference @ reference.T, atol=1e-4
    )


def test_a_frequent_token_weighs_what_the_formula_says(tiny):
    even = distill(tiny, TEXTS, dim=8, smoothing=1e9)
    weighted = distill(tiny, TEXTS, dim=8, smoothing=0.1)
    ids = np.concatenate([tiny.tokenizer(t, add_special_tokens=False)["input_ids"] for t in TEXTS])
    ids = ids[ids != tiny.tokenizer.unk_token_id]
    for row, token in enumerate(even.token_ids):
        share = np.mean(ids == token)
        ratio = np.linalg.norm(weighted.vectors[row]) / np.linalg.norm(even.vectors[row])
        assert ratio == pytest.approx(0.1 / (0.1 + share), rel=1e-4)


def test_tokens_of_the_texts_alone_have_a_vector(static, tiny):
    ids = {t for one in TEXTS for t in tiny.tokenizer(one, add_special_tokens=False)["input_ids"]}
    assert tiny.tokenizer.unk_token_id in ids  # é loses its accent, and e is not in the vocabulary
    assert set(static.token_ids.tolist()) == ids - {tiny.tokenizer.unk_token_id}
    assert not static.vectors[-1].any()


def test_distilling_twice_gives_the_same_vectors(tiny, static):
    np.testing.assert_array_equal(static.vectors, distill(tiny, TEXTS, dim=8).vectors)


@pytest.mark.parametrize("texts", [TEXTS, TEXTS * 7], ids=["few texts", "more texts than tokens"])
def test_the_fit_is_ridge_regression_towards_the_models_vectors(tiny, texts):
    ridge = 0.01
    plain = distill(tiny, texts, dim=8, smoothing=0.1)
    fitted = distill(tiny, texts, dim=8, smoothing=0.1, ridge=ridge)
    rows = {token: row for row, token in enumerate(plain.token_ids)}
    shares = np.zeros((len(texts), len(rows)))
    for share, one in zip(shares, texts, strict=True):
        ids = [t for t in tiny.tokenizer(one, add_special_tokens=False)["input_ids"] if t in rows]
        for token in ids:
            share[rows[token]] += 1 / len(ids)
    # What the fit did is a scaled start plus weights x a ridge solution on what was left.
    even = distill(tiny, texts, dim=8, smoothing=1e9)
    weights = np.linalg.norm(plain.vectors[:-1], axis=1) / np.linalg.norm(even.vectors[:-1], axis=1)
    wanted = wanted_of(tiny, texts, even)
    start = shares @ plain.vectors[:-1]
    scale = (start * wanted).sum() / (start**2).sum()
    solved = Ridge(alpha=ridge, fit_intercept=False).fit(shares * weights, wanted - scale * start)
    expected = scale * plain.vectors[:-1] + weights[:, None] * solved.coef_.T
    np.testing.assert_allclose(fitted.vectors[:-1], expected, atol=2e-4)


def wanted_of(embedder, texts, even):
    """The model's text vectors, centred, in the directions that `even` was projected on."""
    import torch

    first, last = embedder.tokenizer.cls_token_id, embedder.tokenizer.sep_token_id
    ids = torch.tensor([[first, int(token), last] for token in even.token_ids])
    with torch.inference_mode():
        alone = embedder.model(input_ids=ids).last_hidden_state.numpy().mean(axis=1)
    centred = (alone - alone.mean(axis=0)).astype(np.float64)
    directions = np.linalg.lstsq(centred, even.vectors[:-1].astype(np.float64), rcond=1e-4)[0]
    vectors = embedder.encode(texts)
    return (vectors - vectors.mean(axis=0)) @ directions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "dim must be between 1 and"),
        ({"dim": 17}, r"dim must be between 1 and 1\d \(the model has 16 numbers"),
        ({"smoothing": 0}, "smoothing must be above 0, got 0"),
        ({"smoothing": float("nan")}, "smoothing must be above 0"),
        ({"ridge": 0.0}, "ridge must be above 0, or None, got 0.0"),
    ],
)
def test_arguments_out_of_range_are_named(tiny, options, message):
    with pytest.raises(ValueError, match=message):
        distill(tiny, TEXTS, **{"dim": 8, **options})


@pytest.mark.parametrize("texts", [[], ["", " "]])
def test_texts_without_a_token_are_refused(tiny, texts):
    with pytest.raises(ValueError, match="dim must be between 1 and 0"):
        distill(tiny, texts, dim=1)


def test_one_text_as_a_string_is_refused(tiny):
    with pytest.raises(ValueError, match="single string"):
        distill(tiny, "a flat tyre", dim=1)


# ---- keeping them


def test_what_is_saved_loads_as_it_was(static, tmp_path):
    static.save(tmp_path / "new" / "folder")
    loaded = StaticEmbedder.load(tmp_path / "new" / "folder")
    np.testing.assert_array_equal(loaded.encode(TEXTS), static.encode(TEXTS))
    assert loaded.n_bytes == static.n_bytes > static.vectors.nbytes


def test_a_folder_without_them_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"StaticEmbedder\.save wrote, got .*nowhere"):
        StaticEmbedder.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("token_ids", "vectors"),
    [
        ([1, 2], np.ones((3, 4))),
        ([1.5, 2.0], np.ones((2, 4))),
        ([1, 1], np.ones((2, 4))),
        ([-1, 2], np.ones((2, 4))),
        ([1, 10_000], np.ones((2, 4))),
        ([1, 2], [[1.0, np.nan]] * 2),
    ],
)
def test_vectors_that_do_not_fit_are_refused(tiny, token_ids, vectors):
    with pytest.raises(ValueError, match=r"^(token_ids|vectors) "):
        StaticEmbedder(tiny.tokenizer, token_ids, vectors)


# ---- on the real model


def test_fitted_to_the_handbook_they_find_most_of_what_the_model_finds():
    # On train questions. On whole sections: 0.65 by the model, 0.38 without the fit, 0.69 with it.
    embedder = Embedder(max_length=64)  # enough to tell the sections apart, and faster
    sections = [section for page in data.load_handbook() for section in page.sections()]
    texts = [f"{s.page_title}. {s.heading}. {s.text}" for s in sections]
    texts += [ticket.text for ticket in data.load_tickets()]
    questions = [q for q in data.load_handbook_questions() if q.split == "train"]
    share = {}
    for ridge in (None, 3e-3):
        static = distill(embedder, texts, ridge=ridge)
        vectors = static.encode(texts[: len(sections)])
        found, _ = top_k(static.encode([q.text for q in questions]) @ vectors.T, 5)
        share[ridge] = np.mean([
            any(sections[i].anchor in {r.section for r in q.relevant if r.grade == 2} for i in row)
            for q, row in zip(questions, found, strict=True)
        ])  # fmt: skip
    assert share[None] > 0.2  # by chance about 0.03
    assert share[3e-3] > share[None] + 0.1
