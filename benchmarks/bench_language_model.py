"""LocalModel: a batch of 32 evaluation prompts beside the same prompts one by one."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Row, Settings, compare
from course_lib.data import load_questions
from course_lib.language_model import LocalModel


def run(settings: Settings) -> Iterator[Row]:
    model = LocalModel()
    count, max_tokens = (8, 8) if settings.quick else (32, 24)
    prompts = [
        [
            {"role": "system", "content": "Answer in one short sentence."},
            {"role": "user", "content": question.text},
        ]
        for question in load_questions()[:count]
    ]

    def batch():
        return model.chat_batch(prompts, max_tokens=max_tokens, progress=False)

    def one_by_one():
        return [model.chat(prompt, max_tokens=max_tokens) for prompt in prompts]

    answers = batch()
    if answers != one_by_one():
        raise AssertionError("the batch answers otherwise than one by one")
    tokens = sum(answer.completion_tokens for answer in answers)
    read = [answer.prompt_tokens for answer in answers]
    for threads in settings.threads:
        model.threads = threads
        yield compare(
            f"answer {count} questions of {min(read)}–{max(read)} tokens, {tokens} tokens in all",
            batch,
            "the same model, one by one",
            one_by_one,
            settings,
            threads=threads,
            checked="the same texts",
            least_ratio=None if settings.quick else 3.0,
        )
