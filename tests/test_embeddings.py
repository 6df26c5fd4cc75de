"""course_lib.embeddings and its cache, on a tiny random model and on the real one."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import normalize as sklearn_normalize

from course_lib import embedding_cache
from course_lib.embedding_cache import VectorCache
from course_lib.embeddings import Embedder, batches_by_length, mean_pool, normalize

REFERENCE = Path(__file__).parent / "reference" / "minilm_vectors.npz"
WORDS = """
    a flat tyre on my bike and the invoice for brake pads e07 . , ß é 電 ##s ##ing
""".split()  # noqa: SIM905
numbers = st.floats(-1e6, 1e6).map(lambda x: x if abs(x) > 1e-6 else 0.0)


def save_tiny_model(folder: Path, seed: int) -> Path:
    """A BERT of random weights that loads and runs in milliseconds."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    vocabulary_file = folder / "vocab.txt"
    vocabulary_file.write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(vocab=str(vocabulary_file)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"), seed=0)


@pytest.fixture(scope="module")
def tiny(tiny_folder) -> Embedder:
    return Embedder(tiny_folder, max_length=32, threads=1)


@pytest.fixture(scope="module")
def minilm() -> Embedder:
    return Embedder(threads=1)


# --- mean_pool, normalize, batches_by_length ---------------------------------------------------


@given(data=st.data())
def test_mean_pool_is_the_mean_of_the_unmasked_tokens(data):
    n, tokens, dim = (data.draw(st.integers(1, 5)) for _ in range(3))
    hidden = data.draw(hnp.arrays(np.float64, (n, tokens, dim), elements=numbers))
    mask = data.draw(hnp.arrays(np.int64, (n, tokens), elements=st.integers(0, 1)))
    pooled = mean_pool(hidden, mask)
    for row in range(n):
        kept = hidden[row][mask[row] == 1]
        expected = kept.mean(axis=0) if len(kept) else np.zeros(dim)
        np.testing.assert_allclose(pooled[row], expected, rtol=1e-9, atol=1e-6)


def test_mean_pool_does_not_look_at_padding_and_keeps_float32():
    hidden = np.random.default_rng(0).standard_normal((2, 4, 3)).astype(np.float32)
    mask = np.array([[True, True, False, False], [True, True, True, False]])
    before = mean_pool(hidden, mask)
    hidden[0, 2:] = 1e6
    np.testing.assert_allclose(mean_pool(hidden, mask), before, rtol=1e-6)
    assert before.dtype == np.float32


@pytest.mark.parametrize(
    ("hidden", "mask", "message"),
    [
        (np.ones((2, 3, 4)), np.ones((2, 4)), r"mask the shape .* got \(2, 3, 4\) and \(2, 4\)"),
        (np.ones((2, 3)), np.ones((2, 3)), r"hidden must have the shape .* got \(2, 3\)"),
        (np.ones((1, 2, 2)), np.array([[1, 2]]), "mask must hold 0 and 1"),
        (np.full((1, 2, 2), np.nan), np.ones((1, 2)), "hidden must hold finite numbers"),
        ("text", np.ones((1, 2)), "hidden must be an array of numbers"),
    ],
)
def test_mean_pool_says_what_is_wrong(hidden, mask, message):
    with pytest.raises(ValueError, match=message):
        mean_pool(hidden, mask)


@given(
    vectors=hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2), elements=numbers),
)
def test_normalize_equals_scikit_learn(vectors):
    np.testing.assert_allclose(normalize(vectors), sklearn_normalize(vectors), atol=1e-12)
    np.testing.assert_allclose(normalize(vectors[0]), normalize(vectors)[0])
    np.testing.assert_allclose(normalize(normalize(vectors)), normalize(vectors), atol=1e-12)


def test_normalize_keeps_float32_zero_rows_and_large_numbers():
    vectors = np.array([[3e30, 4e30], [0, 0], [3e-30, 4e-30]], dtype=np.float32)
    unit = normalize(vectors)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0, 0], [0.6, 0.8]], rtol=1e-6)
    assert normalize(np.zeros((0, 5))).shape == (0, 5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_normalize_says_what_is_wrong(bad):
    with pytest.raises(ValueError, match="vectors must hold finite numbers"):
        normalize(np.array([[1.0, bad]]))
    with pytest.raises(ValueError, match=r"vectors must have the shape .* got \(1, 1, 1\)"):
        normalize(np.ones((1, 1, 1)))
    with pytest.raises(ValueError, match="vectors must be an array of numbers"):
        normalize([[1.0], [1.0, 2.0]])


@given(
    lengths=st.lists(st.integers(0, 300), max_size=60),
    max_tokens=st.integers(1, 1000),
)
def test_batches_hold_every_text_once_within_the_budget(lengths, max_tokens):
    batches = batches_by_length(lengths, max_tokens)
    assert sorted(np.concatenate(batches).tolist() if batches else []) == list(range(len(lengths)))
    in_order = [lengths[i] for batch in batches for i in batch]
    assert in_order == sorted(lengths, reverse=True)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= max_tokens


def test_batches_say_what_is_wrong():
    with pytest.raises(ValueError, match="max_tokens must be 1 or more, got 0"):
        batches_by_length([1], 0)
    for bad in ([-1], [1.5], [[1]]):
        with pytest.raises(ValueError, match="lengths must be whole numbers"):
            batches_by_length(bad, 10)


# --- Embedder on the real model ----------------------------------------------------------------


def test_equals_recorded_vectors_of_sentence_transformers(minilm):
    # Recorded by sentence-transformers 6.2.0: SentenceTransformer(folder).encode(texts)
    with np.load(REFERENCE) as reference:
        texts, expected = reference["texts"].tolist(), reference["vectors"]
    assert max(minilm.count_tokens(texts)) > 256  # one of them is cut
    np.testing.assert_allclose(minilm.encode(texts), expected, atol=1e-6)


def test_equals_sentence_transformers_on_docstrings(minilm):
    library = pytest.importorskip("sentence_transformers")
    oracle = library.SentenceTransformer(minilm.model.name_or_path, device="cpu")
    oracle.max_seq_length = 256
    texts = [getattr(np, name).__doc__ for name in ("sum", "dot", "linspace", "pi", "ndim")]
    texts += ["", " ", "flat tyre", "E07 ≠ E70", "Wo ist meine Bestellung?", "電動自転車 🚲"]
    expected = oracle.encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(minilm.encode(texts), expected, atol=1e-6)


def test_puncture_is_nearer_to_flat_tyre_than_invoice_is(minilm):
    texts = ["my tyre is flat", "how to fix a puncture", "where is my invoice"]
    query, near, far = minilm.encode(texts)
    assert query @ near > query @ far + 0.1
    assert (minilm.dim, minilm.max_length) == (384, 256)


# --- Embedder on the tiny model ----------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_any_text_has_its_own_unit_vector_in_any_company(tiny, texts):
    vectors = tiny.encode(texts)
    assert vectors.shape == (len(texts), tiny.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(vectors[row], tiny.encode([text])[0], atol=1e-6)


def test_order_batches_and_windows_change_nothing(tiny, tiny_folder, monkeypatch):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, size)) for size in rng.integers(1, 40, size=50)]
    expected = tiny.encode(texts)
    np.testing.assert_allclose(tiny.encode(texts[::-1])[::-1], expected, atol=1e-6)
    small = Embedder(tiny_folder, max_length=32, threads=1, batch_tokens=1)
    np.testing.assert_allclose(small.encode(texts), expected, atol=1e-6)
    monkeypatch.setattr("course_lib.embeddings._WINDOW", 7)
    np.testing.assert_allclose(tiny.encode(texts), expected, atol=1e-6)


def test_accepts_any_collection_of_strings(tiny):
    expected = tiny.encode(["bike", "tyre", "bike"])
    for texts in (("bike", "tyre", "bike"), np.array(["bike", "tyre", "bike"])):
        np.testing.assert_array_equal(tiny.encode(texts), expected)
    np.testing.assert_array_equal(tiny.encode(t for t in ["bike", "tyre", "bike"]), expected)
    assert tiny.encode([]).shape == (0, tiny.dim)
    assert tiny.count_tokens([]).shape == (0,)


@pytest.mark.parametrize("method", ["encode", "count_tokens"])
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("bike", r"texts must be a list of strings, got a single string; pass \[text\]"),
        (b"bike", "texts must be a list of strings"),
        (None, "texts must be a list of strings, got NoneType"),
        (["bike", None], r"texts\[1\] must be a string, got NoneType"),
        (["bike", 3], r"texts\[1\] must be a string, got int: 3"),
        ([["bike"]], r"texts\[0\] must be a string, got list"),
        (["bike", "b\ud800"], r"texts\[1\] must be valid Unicode, .* at character 1"),
    ],
)
def test_refuses_what_is_no_list_of_strings(tiny, method, texts, message):
    with pytest.raises(ValueError, match=message):
        getattr(tiny, method)(texts)


def test_counts_tokens_with_the_special_ones_and_uncut(tiny):
    assert tiny.count_tokens(["", "flat tyre", "bike " * 100]).tolist() == [2, 4, 102]


@pytest.mark.parametrize(
    "text", ["flat bike " * 1_000_000, "電" * 3_400_000, " " * 10_000_000, "x" * 10_000_000]
)
def test_ten_megabytes_in_one_text_equal_its_start(tiny, text):
    assert len(text.encode()) >= 10_000_000
    start = text[: 200 * tiny.max_length]
    np.testing.assert_allclose(tiny.encode([text]), tiny.encode([start]), atol=1e-6)


def test_says_nothing_while_loading_and_on_short_work(tiny_folder, capfd):
    Embedder(tiny_folder, max_length=32).encode(["bike"])
    assert capfd.readouterr() == ("", "")


def test_progress_goes_to_stderr_and_can_be_turned_off(tiny_folder):
    program = """
import sys
from course_lib.embeddings import Embedder
embedder = Embedder(sys.argv[1], max_length=32)
for progress in (True, False):
    embedder.encode(["bike", "tyre"], progress=progress)
    print("end of", progress, file=sys.stderr)
"""

    def stderr(disable: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, str(tiny_folder)],
            env={**os.environ, "TQDM_DISABLE": disable},
            capture_output=True, text=True, encoding="utf-8", check=True,
        )  # fmt: skip
        assert done.stdout == ""
        return done.stderr

    shown, not_shown = stderr(disable="").split("end of True\n")
    assert "2/2" in shown
    assert not_shown == "end of False\n"
    assert stderr(disable="1") == "end of True\nend of False\n"


def test_uses_its_threads_and_gives_them_back(tiny_folder, monkeypatch):
    import torch

    embedder = Embedder(tiny_folder, max_length=32, threads=3)
    before = torch.get_num_threads()
    seen = []
    forward = embedder.model.forward
    monkeypatch.setattr(
        embedder.model,
        "forward",
        lambda **inputs: (seen.append(torch.get_num_threads()), forward(**inputs))[1],
    )
    embedder.encode(["bike"])
    assert seen == [3]
    assert torch.get_num_threads() == before
    monkeypatch.setenv("COURSE_THREADS", "2")
    assert Embedder(tiny_folder, max_length=32).threads == 2


def test_the_model_comes_from_the_argument_the_environment_or_the_asset(tiny_folder, monkeypatch):
    monkeypatch.setenv("COURSE_EMBEDDING_MODEL", str(tiny_folder))
    assert Embedder(max_length=32).dim == 16
    monkeypatch.delenv("COURSE_EMBEDDING_MODEL")
    asked = []
    monkeypatch.setattr("course_lib.assets.path", lambda name: (asked.append(name), tiny_folder)[1])
    assert Embedder(max_length=32).dim == 16
    assert asked == ["minilm"]


def test_says_what_is_wrong_with_the_settings(tiny_folder, tmp_path):
    with pytest.raises(ValueError, match=r"model must be a folder .* got '.*nothing_here'"):
        Embedder(tmp_path / "nothing_here")
    with pytest.raises(ValueError, match=r"max_length must be between 3 and 64 .* got 256"):
        Embedder(tiny_folder)
    with pytest.raises(ValueError, match=r"max_length must be between 3 and 64 .* got 2$"):
        Embedder(tiny_folder, max_length=2)
    with pytest.raises(ValueError, match="batch_tokens must be 1 or more, got 0"):
        Embedder(tiny_folder, max_length=32, batch_tokens=0)
    with pytest.raises(ValueError, match="threads must be 1 or more, got 0"):
        Embedder(tiny_folder, max_length=32, threads=0)


# --- the cache ---------------------------------------------------------------------------------

TEXTS = ["flat tyre", "", "電", "brake pads"]


def cached(folder: Path, cache: Path, max_length: int = 32) -> Embedder:
    return Embedder(folder, max_length=max_length, threads=1, cache=cache)


def refuse_to_compute(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(**inputs):
        raise AssertionError("the model was run")

    monkeypatch.setattr(embedder.model, "forward", forward)


def test_a_cached_text_is_not_computed_again(tiny, tiny_folder, tmp_path, monkeypatch):
    first = cached(tiny_folder, tmp_path / "new" / "folder")
    vectors = first.encode(TEXTS)
    np.testing.assert_allclose(vectors, tiny.encode(TEXTS), atol=1e-6)
    second = cached(tiny_folder, tmp_path / "new" / "folder")
    refuse_to_compute(second, monkeypatch)
    np.testing.assert_array_equal(second.encode(TEXTS[::-1]), vectors[::-1])
    with pytest.raises(AssertionError, match="the model was run"):
        second.encode([*TEXTS, "invoice"])


def test_another_model_or_max_length_has_another_cache(tiny_folder, tmp_path):
    cached(tiny_folder, tmp_path).encode(TEXTS)
    cached(tiny_folder, tmp_path, max_length=16).encode(TEXTS)
    other_folder = save_tiny_model(tmp_path / "other", seed=1)
    other = cached(other_folder, tmp_path).encode(TEXTS)
    assert len(list(tmp_path.glob("*.sqlite"))) == 3
    expected = Embedder(other_folder, max_length=32, threads=1).encode(TEXTS)
    np.testing.assert_allclose(other, expected, atol=1e-6)


def spoil_with_text(file: Path) -> None:
    file.write_text("This is no database. " * 1000)


def spoil_by_cutting(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def spoil_the_pages(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)  # the header stays whole
    file.write_bytes(bytes(content))


def spoil_one_vector(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE vectors SET vector = zeroblob(64)")


@pytest.mark.parametrize(
    "spoil", [spoil_with_text, spoil_by_cutting, spoil_the_pages, spoil_one_vector]
)
def test_a_damaged_cache_warns_once_and_is_computed_again(
    tiny_folder, tmp_path, monkeypatch, spoil
):
    texts = [f"bike {number}" for number in range(200)]
    expected = cached(tiny_folder, tmp_path).encode(texts)
    (file,) = tmp_path.glob("*.sqlite")
    spoil(file)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        again = cached(tiny_folder, tmp_path).encode(texts)
    np.testing.assert_allclose(again, expected, atol=1e-6)
    (warning,) = seen
    assert file.name in str(warning.message)
    assert "damaged" in str(warning.message)
    assert "\n" not in str(warning.message)
    repaired = cached(tiny_folder, tmp_path)
    refuse_to_compute(repaired, monkeypatch)
    np.testing.assert_array_equal(repaired.encode(texts), again)


def test_an_empty_file_is_an_empty_cache(tmp_path):
    (tmp_path / "v.sqlite").touch()
    cache = VectorCache(tmp_path / "v.sqlite", dim=2)
    assert cache.get(["a"]) == {}
    cache.put({"a": np.ones(2, np.float32)})
    assert list(cache.get(["a", "b"])) == ["a"]


def test_a_cache_that_cannot_be_used_only_warns(tiny, tiny_folder, tmp_path, monkeypatch):
    in_the_way = tmp_path / "a file"
    in_the_way.touch()
    with pytest.warns(UserWarning, match=r"cannot be written .* new vectors are not kept"):
        vectors = cached(tiny_folder, in_the_way).encode(TEXTS)
    np.testing.assert_allclose(vectors, tiny.encode(TEXTS), atol=1e-6)

    monkeypatch.setattr(embedding_cache, "_WAIT_SECONDS", 0.05)
    cache = VectorCache(tmp_path / "v.sqlite", dim=1)
    cache.put({"a": np.ones(1, np.float32)})
    with closing(sqlite3.connect(cache.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.warns(UserWarning, match=r"cannot be read \(database is locked\)"):
            assert cache.get(["a"]) == {}
        with pytest.warns(UserWarning, match=r"cannot be written \(database is locked\)"):
            cache.put({"b": np.ones(1, np.float32)})
    assert list(VectorCache(cache.path, dim=1).get(["a", "b"])) == ["a"]


def test_thousands_of_texts_come_back_each_with_its_own_vector(tmp_path):
    cache = VectorCache(tmp_path / "v.sqlite", dim=1)
    stored = {f"text {i}": np.array([i], np.float32) for i in range(2_000)}
    cache.put(stored)
    found = cache.get([*stored, "missing"])
    assert {text: vector[0] for text, vector in found.items()} == {
        text: vector[0] for text, vector in stored.items()
    }


WRITER = """
import sys
import numpy as np
from pathlib import Path
from course_lib.embedding_cache import VectorCache
cache = VectorCache(Path(sys.argv[1]), dim=384)
for start in range(int(sys.argv[2]), int(sys.argv[3]), 20):
    cache.put({str(i): np.full(384, i, np.float32) for i in range(start, start + 20)})
    print(start, flush=True)
"""


def start_writer(file: Path, first: int, last: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", WRITER, str(file), str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_three_processes_write_at_once(tmp_path):
    file = tmp_path / "v.sqlite"
    writers = [start_writer(file, first, first + 600) for first in (0, 300, 600)]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    found = VectorCache(file, dim=384).get([str(i) for i in range(1200)])
    assert len(found) == 1200
    assert all((vector == int(text)).all() for text, vector in found.items())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_killed_writer_leaves_a_whole_cache(tmp_path):
    file = tmp_path / "v.sqlite"
    for round_ in range(4):
        writer = start_writer(file, 0, 1_000_000)
        assert writer.stdout is not None
        for _ in range(3 + round_):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            cache = VectorCache(file, dim=384)
            found = cache.get([str(i) for i in range(60)])
            cache.put({"after": np.ones(384, np.float32)})
        assert len(found) == 60
        assert all((vector == int(text)).all() for text, vector in found.items())
