"""Byte-pair encoding beside the tokenizers library: training on the handbook, encoding 1 MB."""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.measure import Row, Settings, compare
from course_lib.data import load_handbook
from course_lib.tokenization import BytePairEncoder

VOCAB_SIZE = 2000


def run(settings: Settings) -> Iterator[Row]:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    handbook = "\n\n".join(page.text for page in load_handbook())
    library = "tokenizers (Rust)"

    def train_theirs() -> Tokenizer:
        theirs = Tokenizer(models.BPE())
        theirs.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        theirs.train_from_iterator(
            [handbook],
            trainers.BpeTrainer(
                vocab_size=VOCAB_SIZE, initial_alphabet=alphabet, show_progress=False
            ),
        )
        return theirs

    ours, theirs = BytePairEncoder.train(handbook, VOCAB_SIZE), train_theirs()
    yield compare(
        f"train {VOCAB_SIZE:,} tokens on {len(handbook) / 1e3:.0f} kB",
        lambda: BytePairEncoder.train(handbook, VOCAB_SIZE),
        library,
        train_theirs,
        settings,
        threads=1,
        checked=same(ours.encode(handbook), theirs.encode(handbook).ids),
    )
    n = 100_000 if settings.quick else 1_000_000
    prose = (handbook * (n // len(handbook) + 1))[:n]
    word = "".join(random.Random(0).choices("etaoinshrd", k=n))
    for name, text in {"prose": prose, "one word without a space": word}.items():
        yield compare(
            f"encode {n / 1e6:g} MB, {name}",
            # a new encoder each time: nothing is remembered from the round before
            lambda text=text: BytePairEncoder(ours.merges).encode(text),
            library,
            lambda text=text: theirs.encode(text),
            settings,
            threads=1,
            checked=same(ours.encode(text), theirs.encode(text).ids),
            most_seconds=5.0,
        )


def same(ours: list[int], theirs: list[int]) -> str:
    if ours != theirs:
        raise AssertionError("the tokens differ")
    return f"{len(ours):,} same tokens"
