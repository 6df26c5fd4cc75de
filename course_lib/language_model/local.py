"""A chat model on this computer, through transformers."""

from __future__ import annotations

import copy
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from course_lib.language_model.constrained import JsonGrammar
from course_lib.language_model.decoding import Watch, processors
from course_lib.language_model.interface import (
    Completion,
    ContextOverflow,
    Generation,
    LanguageModelError,
    Message,
    NextTokens,
    Options,
    Scored,
    check_conversations,
    check_messages,
    check_text,
    progress_bar,
)
from course_lib.local_models import load_adapter, load_language_model, torch_threads
from course_lib.threads import choose_threads


class LocalModel:
    """A chat model on this computer's processor; by default SmolLM2-135M-Instruct.

    The messages go through the model's own chat template, unchanged. SmolLM2's template begins
    with a system message of its own ("You are a helpful AI assistant named SmolLM, trained by
    Hugging Face") where yours do not. The model's own sampling defaults are not used.

    next_tokens, log_probability and count_tokens also take a plain string, which the model goes on
    from without a template. An empty string stands for the beginning of a text.

    A batch gives the texts that one conversation at a time gives, except where two tokens are
    nearly tied: padding changes the numbers by about one part in a million.

    Args:
        model: folder or hub id of a transformers model with a chat template. By default what
            COURSE_LLM names, else the course's copy of SmolLM2-135M-Instruct.
        adapter: folder with a LoRA adapter for the model, as `lora.train` and peft save it.
        int8: hold the linear layers' weights in 8 bits: less memory, but other answers, which
            also depend on the processor and on the batch.
        threads: processor threads; by default those that are free when the model is loaded.

    Attributes:
        model, tokenizer: the transformers objects, the model with its adapter.
        adapter: the adapter's folder; None without one.

    Raises:
        ValueError: if the model or the adapter cannot be loaded, or threads is below 1.
        LanguageModelError: if int8 is asked for and torch has no 8-bit arithmetic here.

    >>> model = LocalModel()
    >>> model.next_tokens("The capital of France is", top=1).tokens
    (' Paris',)
    >>> model.chat([{"role": "user", "content": "Name a colour."}], max_tokens=4).finish_reason
    'length'

    Used in notebooks/04_probability.ipynb.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        adapter: str | Path | None = None,
        int8: bool = False,
        threads: int | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be 1 or more, got {threads}")
        source, name = _source(model)
        self.tokenizer, self.model = load_language_model(source)
        self.name = f"{name} (int8)" if int8 else name
        limit = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        self.context_length: int | None = int(limit) if limit else None
        self.threads = threads if threads is not None else choose_threads()
        self._ends = _ends(self.model, self.tokenizer)
        # a model's own defaults, such as a repetition penalty, would make greedy something else
        self.model.generation_config = type(self.model.generation_config)()
        if int8:
            self.model = _to_int8(self.model)
        self.int8 = int8
        self.adapter: Path | None = None
        self.prompt_lookup = 0
        self._base, self.base_name = self.model, self.name
        if adapter is not None:
            self.__dict__.update(self.with_adapter(adapter).__dict__)

    def __repr__(self) -> str:
        return f"LocalModel({self.name!r}, context_length={self.context_length})"

    def with_adapter(self, folder: str | Path | None) -> LocalModel:
        """The same model with another LoRA adapter, or with None without one.

        Both can be used side by side: they share the model's weights, so that one more adapter
        takes the adapter's few megabytes and a fraction of a second.

        Raises:
            ValueError: if the folder holds no adapter for this model, or the model is in 8 bits.

        Built in notebooks/12_fine_tuning.ipynb.
        """
        other = copy.copy(self)
        other.model, other.name, other.adapter = self._base, self.base_name, None
        if folder is not None:
            if self.int8:
                raise ValueError("adapter needs the model in float32: load it without int8")
            other.adapter = Path(folder)
            other.model = load_adapter(self._base, other.adapter)
            other.name = f"{self.base_name} + {other.adapter.resolve().name}"
        return other

    def with_prompt_lookup(self, tokens: int = 5) -> LocalModel:
        """The same model, faster where its answers repeat the prompt, as quotations do.

        Wherever the last words stand in the prompt too, what followed them there is a guess at
        what follows now; the model checks a whole guess at the cost of little more than one token.
        The words stay those of greedy decoding. Answers in a batch, sampled, or held to a schema
        are made as before.

        Source: Saxena, "Prompt Lookup Decoding" (2023); speculative decoding (Leviathan et al.,
        2023) with the prompt in the place of the small model.

        Args:
            tokens: the longest guess; 0 for none.

        Raises:
            ValueError: if tokens is negative.

        Built in notebooks/15_capstone.ipynb.
        """
        if tokens < 0:
            raise ValueError(f"tokens must be 0 or more, got {tokens}")
        other = copy.copy(self)
        other.prompt_lookup = tokens
        return other

    def chat(self, messages: Sequence[Message], **options: Unpack[Options]) -> Completion:
        """The model's answer; greedy unless a temperature is given (see Generation)."""
        how = Generation(**options)
        ids = self._prompt(check_messages(messages), how.max_tokens)
        return self._generate([ids], how, [how.seed])[0]

    def chat_batch(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        batch_size: int = 32,
        progress: bool | None = None,
        **options: Unpack[Options],
    ) -> list[Completion]:
        """An answer to each conversation, in their order; see LanguageModel.chat_batch.

        Conversations of similar length share a batch, padded on the left. A batch runs until its
        last answer has ended.
        """
        how = Generation(**options)
        if batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
        prompts = [
            self._prompt(messages, how.max_tokens, f"conversations[{index}]")
            for index, messages in enumerate(check_conversations(conversations))
        ]
        order = sorted(range(len(prompts)), key=lambda row: -len(prompts[row]))
        answers: dict[int, Completion] = {}
        with progress_bar(len(prompts), progress) as bar:
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]

                def show(watch: Watch, before: int = start) -> None:
                    bar.update(before + sum(watch.done) - bar.n)

                batch = [prompts[row] for row in rows]
                done = self._generate(batch, how, [how.seed_of(row) for row in rows], show)
                answers.update(zip(rows, done, strict=True))
                bar.update(len(answers) - bar.n)
        return [answers[row] for row in range(len(prompts))]

    def stream(self, messages: Sequence[Message], **options: Unpack[Options]) -> Iterator[str]:
        """The answer piece by piece; the pieces together are chat's text.

        Generation stops where the iterator is closed.
        """
        how = Generation(**options)
        ids = self._prompt(check_messages(messages), how.max_tokens)
        return self._stream(ids, how)

    def next_tokens(
        self, messages: Sequence[Message] | str, *, top: int | None = None
    ) -> NextTokens:
        """Distribution of the next token: the whole vocabulary, or the `top` most probable ones."""
        ids = self._prompt(messages, 1)
        vocabulary = len(self._pieces)
        if top is not None and not 1 <= top <= vocabulary:
            raise ValueError(f"top must be between 1 and {vocabulary} (the vocabulary), got {top}")
        scores = self._logits(ids, 1)[0].double().log_softmax(-1).numpy()
        order = np.argsort(-scores, kind="stable")[:top]
        return NextTokens(
            tuple(self._pieces[token] for token in order),
            tuple(int(token) for token in order),
            scores[order],
        )

    def log_probability(self, messages: Sequence[Message] | str, continuation: str) -> Scored:
        """How probable it is that exactly this text comes next; the end of the answer not counted.

        ``log_probability("", text)`` scores a whole text.
        """
        import torch
        from torch.nn.functional import cross_entropy

        check_text(continuation, "continuation")
        if not continuation:
            raise ValueError("continuation must be a text, got an empty string")
        ids = self.tokenizer(continuation, add_special_tokens=False, verbose=False)["input_ids"]
        prompt = self._prompt(messages, len(ids))
        rows = self._logits(prompt + ids[:-1], len(ids))
        # 256 rows at a time: in float64, the logits of a long text fill gigabytes
        parts = zip(rows.split(256), torch.tensor(ids).split(256), strict=True)
        scores = [-cross_entropy(part.double(), ends, reduction="none") for part, ends in parts]
        return Scored(tuple(self._pieces[token] for token in ids), torch.cat(scores).numpy())

    def count_tokens(self, messages: Sequence[Message] | str) -> int:
        """Tokens of the prompt, the template's and the beginning of the answer included."""
        return len(self._prompt(messages))

    def prompt_tokens(self, messages: Sequence[Message] | str) -> list[int]:
        """The tokens of the prompt that count_tokens counts: their numbers in the vocabulary."""
        return self._prompt(messages)

    @cached_property
    def _grammar(self) -> JsonGrammar:
        """What holds answers to a schema."""
        size = self.model.config.get_text_config().vocab_size
        return JsonGrammar(self.tokenizer, size, self._ends)

    @cached_property
    def _pieces(self) -> list[str]:
        """Every token's text."""
        size = self.model.config.get_text_config().vocab_size
        return list(self.tokenizer.batch_decode([[token] for token in range(size)]))

    def _prompt(
        self, messages: Sequence[Message] | str, answer: int = 0, name: str = "the prompt"
    ) -> list[int]:
        """The prompt's tokens, if there is room for an answer; 0 asks for none."""
        if isinstance(messages, str):
            check_text(messages, "messages")
            ids = self.tokenizer(messages, verbose=False)["input_ids"]
            begin = self.tokenizer.bos_token_id
            ids = ids or [begin if begin is not None else self._ends[0]]
        else:
            text = self._apply_template(check_messages(messages))
            ids = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        limit = self.context_length
        if answer and limit is not None and len(ids) + answer > limit:
            raise ContextOverflow(
                f"{name} has {len(ids)} tokens and the answer up to {answer}, together more than "
                f"the context length of {self.name}, {limit}: shorten the prompt or the answer "
                "(max_tokens)",
                len(ids), answer, limit,
            )  # fmt: skip
        return list(ids)

    def _apply_template(self, messages: list[dict[str, str]]) -> str:
        if not self.tokenizer.chat_template:
            raise ValueError(
                f"{self.name} has no chat template, so it cannot chat: take an instruct model, or "
                "pass a plain string to next_tokens or log_probability"
            )
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    messages, add_generation_prompt=True, tokenize=False
                )
            )
        except Exception as error:  # a template is a program: it may raise what it likes
            raise ValueError(f"messages do not suit the chat template: {error}") from error

    def _logits(self, ids: list[int], rows: int) -> Any:
        """The model's logits after each of the last `rows` tokens, shape (rows, vocabulary)."""
        import torch

        with torch.inference_mode(), torch_threads(self.threads):
            return self.model(input_ids=torch.tensor([ids]), logits_to_keep=rows).logits[0]

    def _generate(
        self,
        prompts: list[list[int]],
        how: Generation,
        seeds: list[int],
        on_step: Callable[[Watch], None] | None = None,
    ) -> list[Completion]:
        """Answers to one batch of prompts."""
        import torch
        from transformers import GenerationConfig

        longest = max(map(len, prompts))
        pad = self.tokenizer.pad_token_id
        pad = pad if pad is not None else (self._ends or [0])[0]
        tokens = [[pad] * (longest - len(ids)) + ids for ids in prompts]
        mask = [[0] * (longest - len(ids)) + [1] * len(ids) for ids in prompts]
        watch = Watch(self.tokenizer, how, len(prompts), longest, self._ends, on_step)
        grammar = self._grammar if how.schema is not None else None
        guess = len(prompts) == 1 and how.temperature == 0 and grammar is None
        with torch.inference_mode(), torch_threads(self.threads):
            self.model.generate(
                input_ids=torch.tensor(tokens),
                attention_mask=torch.tensor(mask),
                generation_config=GenerationConfig(
                    max_new_tokens=how.max_tokens,
                    do_sample=False,  # the last processor draws
                    eos_token_id=self._ends or None,
                    pad_token_id=pad,
                    prompt_lookup_num_tokens=(self.prompt_lookup or None) if guess else None,
                ),
                logits_processor=processors(how, seeds, grammar),
                stopping_criteria=[watch],
            )
        return [watch.completion(row, len(ids)) for row, ids in enumerate(prompts)]

    def _stream(self, ids: list[int], how: Generation) -> Iterator[str]:
        pieces: queue.Queue[str | BaseException | None] = queue.Queue()
        closed = threading.Event()
        sent = ""

        def show(watch: Watch) -> None:
            nonlocal sent
            if closed.is_set():
                watch.done = [True]
            text, _ = how.cut(watch.text(0), finished=False)
            if len(text) > len(sent):
                pieces.put(text[len(sent) :])
                sent = text

        def work() -> None:
            try:
                answer = self._generate([ids], how, [how.seed], show)[0]
                pieces.put(answer.text[len(sent) :])
                pieces.put(None)
            except BaseException as error:
                pieces.put(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                if piece:
                    yield piece
        finally:
            closed.set()
            thread.join()


def _ends(model: Any, tokenizer: Any) -> list[int]:
    """Tokens that end an answer."""
    given = model.generation_config.eos_token_id
    ends = [] if given is None else [given] if isinstance(given, int) else list(given)
    own = tokenizer.eos_token_id
    return ends if own is None or own in ends else [*ends, own]


def _to_int8(model: Any) -> Any:
    """The model with its linear layers in 8 bits."""
    import warnings

    import torch
    from torch.ao import quantization

    if torch.backends.quantized.engine == "none":
        raise LanguageModelError(
            "int8 needs 8-bit arithmetic, which torch does not have on this machine: "
            "load the model without int8"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layers = {
            name: quantization.per_channel_dynamic_qconfig
            for name, layer in model.named_modules()
            # What goes into a down_proj holds single values a hundred times the others: one scale
            # for all of it would round the others away (perplexity three times as high).
            if isinstance(layer, torch.nn.Linear) and not name.endswith("down_proj")
        }
        return quantization.quantize_dynamic(model, layers, inplace=True)


def _source(model: str | Path | None) -> tuple[str, str]:
    """Folder or hub id, and the model's name."""
    source = str(model if model is not None else os.environ.get("COURSE_LLM", "").strip())
    if source:
        return source, Path(source).resolve().name if Path(source).is_dir() else source
    from course_lib import assets

    return str(assets.path("smollm2")), "SmolLM2-135M-Instruct"
