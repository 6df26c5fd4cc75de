"""Byte-pair encoding from scratch, and counting tokens before sending. Needs Python alone.

`BytePairEncoder` cuts, trains, numbers and merges as the `tokenizers` library does with GPT-2's
byte-level rules and single digits (SmolLM2's rules). Tokenizers of models are handed in.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

# The order in which GPT-2 numbers the 256 bytes: those that print, then the others. It matters
# where pairs tie, because the pair with the lower numbers goes first.
_BYTES = [*range(33, 127), *range(161, 173), *range(174, 256)]
_BYTES += [byte for byte in range(256) if byte not in _BYTES]
_ID_OF_BYTE = {byte: number for number, byte in enumerate(_BYTES)}

_SPACES = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Unicode White_Space


def pre_tokenize(text: str) -> list[str]:
    """Cut text into words; tokens never cross from one into the next.

    A word is a run of letters or of signs, with one space before it if there is one; or a single
    digit; or an English ending such as 's; or white space. Joined, the words are the text again.
    The rule is GPT-2's (Radford et al., 2019), with each digit on its own.

    >>> pre_tokenize("The rider's LK-204  costs €9")
    ['The', ' rider', "'s", ' LK', '-', '2', '0', '4', ' ', ' costs', ' €', '9']

    Built in notebooks/03_tokenization.ipynb.
    """
    # Python's \w and \d put ² and Ⅻ with the letters; Unicode has them among the numbers.
    numbers = sorted(char for char in set(text) if unicodedata.category(char) in ("Nl", "No"))
    number = rf"\d{''.join(numbers)}"
    sign = rf"(?:[^\w{_SPACES}]|_)"
    return re.findall(
        rf"'(?:s|t|re|ve|m|ll|d)| ?[^\W_{number}]+|[{number}]| ?{sign}+"
        rf"|[{_SPACES}]+(?![^{_SPACES}{number}])|[{_SPACES}]+",
        text,
    )


class BytePairEncoder:
    """Text to token ids and back, by merges of the pairs that were frequent in a training text.

    Sennrich, Haddow and Birch (2016), on UTF-8 bytes, so that no text has an unknown token.

    Args:
        merges: pairs of tokens in the order learned; each part is one byte or an earlier result.

    Its `vocab` leads from token to id; the first 256 are the single bytes, in GPT-2's order.

    Raises:
        ValueError: if a part of a merge is neither a byte nor an earlier result.

    >>> encoder = BytePairEncoder.train("tyre tyres tyre puncture", vocab_size=260)
    >>> encoder.merges
    [(b'r', b'e'), (b't', b'y'), (b'ty', b're'), (b' ', b'tyre')]
    >>> encoder.tokens("tyred")
    [b'tyre', b'd']
    >>> encoder.decode(encoder.encode("Ersatzreifen für 47-622 🚲"))
    'Ersatzreifen für 47-622 🚲'

    Built in notebooks/03_tokenization.ipynb.
    """

    def __init__(self, merges: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.merges: list[tuple[bytes, bytes]] = []
        self.vocab: dict[bytes, int] = {bytes([byte]): id_ for byte, id_ in _ID_OF_BYTE.items()}
        self._by_id = list(self.vocab)
        self._rules: dict[tuple[int, int], tuple[int, int]] = {}  # pair of ids -> (rank, new id)
        for left, right in merges:
            for part in (left, right):
                if part not in self.vocab:
                    place = f"merges[{len(self.merges)}]"
                    raise ValueError(f"{place} must join bytes or earlier results, got {part!r}")
            self._learn(self.vocab[left], self.vocab[right])

    @classmethod
    def train(cls, text: str, vocab_size: int) -> BytePairEncoder:
        """Learn merges from a text: the most frequent pair again and again.

        Pairs are counted within the words of `pre_tokenize`. Of pairs equally frequent the one with
        the lower ids goes first, left before right, which is what `tokenizers` does.

        Args:
            text: what to learn from.
            vocab_size: tokens wanted, the 256 bytes included; fewer if the text runs out of pairs.

        Raises:
            ValueError: if `vocab_size` is under 256, or the text has a lone surrogate (see encode).
        """
        if vocab_size < 256:
            raise ValueError(f"vocab_size must be 256 (the bytes) or more, got {vocab_size}")
        encoder = cls()
        text.encode()  # a lone surrogate is refused here, with its place in the text
        n_times = Counter(pre_tokenize(text))
        words = [[_ID_OF_BYTE[byte] for byte in word.encode()] for word in n_times]
        times = list(n_times.values())
        counts: Counter[tuple[int, int]] = Counter()
        where: defaultdict[tuple[int, int], set[int]] = defaultdict(set)  # pair -> its words
        for place, word in enumerate(words):
            for pair in pairwise(word):
                counts[pair] += times[place]
                where[pair].add(place)
        heap = sorted((-count, pair) for pair, count in counts.items())  # sorted, so it is a heap
        while heap and len(encoder.vocab) < vocab_size:
            negative, pair = heappop(heap)
            if counts[pair] != -negative:  # out of date: counted before a merge, or during one
                if counts[pair] > 0:
                    heappush(heap, (-counts[pair], pair))
                continue
            new = encoder._learn(*pair)
            for place in where.pop(pair):
                before, words[place] = words[place], _replace(words[place], pair, new)
                for old in pairwise(before):
                    counts[old] -= times[place]
                for made in pairwise(words[place]):
                    counts[made] += times[place]
                    if new in made:
                        where[made].add(place)
                        heappush(heap, (-counts[made], made))
        return encoder

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, in time that grows about in proportion to its length.

        Raises:
            UnicodeEncodeError: a ValueError that names the place, if there is a lone surrogate.
        """
        text.encode()
        words = pre_tokenize(text)
        ids_of = {word: self._merge([_ID_OF_BYTE[b] for b in word.encode()]) for word in set(words)}
        return [id_ for word in words for id_ in ids_of[word]]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of token ids. Bytes that are no UTF-8, such as half an emoji, become U+FFFD.

        Raises:
            ValueError: if an id is not in the vocabulary.
        """
        chosen = list(ids)
        if unknown := [id_ for id_ in chosen if not 0 <= id_ < len(self._by_id)]:
            raise ValueError(f"ids must be between 0 and {len(self._by_id) - 1}, got {unknown[0]}")
        return b"".join(self._by_id[id_] for id_ in chosen).decode("utf-8", errors="replace")

    def tokens(self, text: str) -> list[bytes]:
        """Tokens of a text as bytes; joined they are its UTF-8."""
        return [self._by_id[id_] for id_ in self.encode(text)]

    def _learn(self, left: int, right: int) -> int:
        """Add a merge and return the id of its token, which another pair may have made before."""
        token = self._by_id[left] + self._by_id[right]
        new = self.vocab.setdefault(token, len(self._by_id))
        if new == len(self._by_id):
            self._by_id.append(token)
        self._rules[left, right] = len(self.merges), new
        self.merges.append((self._by_id[left], self._by_id[right]))
        return new

    def _merge(self, ids: list[int]) -> list[int]:
        """Merge within one word: the rule learned first, at its leftmost place, again and again.

        The heap holds the places where a rule may apply; `before` and `after` lead to a token's
        neighbours. So a merge costs a few steps, and not a walk along the word.
        """
        size = len(ids)
        ids = [*ids, -1]  # no rule has -1: it ends the word, and as ids[-1] stands before it too
        before, after = [*range(-1, size)], [*range(1, size + 1), size]
        heap: list[int] = []

        def offer(place: int) -> None:
            rule = self._rules.get((ids[place], ids[after[place]]))
            if rule is not None:  # rank and place in one number: quicker to compare than a pair
                heappush(heap, rule[0] * size + place)

        for place in range(size):
            offer(place)
        while heap:
            rank, place = divmod(heappop(heap), size)
            found = self._rules.get((ids[place], ids[after[place]]))
            if found is None or found[0] != rank:
                continue  # out of date: the token here or the one after it has changed
            ids[place], ids[after[place]] = found[1], -1
            after[place] = after[after[place]]
            before[after[place]] = place
            offer(before[place])
            offer(place)
        return [id_ for id_ in ids if id_ >= 0]


def _replace(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """Write `new` for every occurrence of the pair, from the left."""
    merged: list[int] = []
    for id_ in ids:
        if merged and (merged[-1], id_) == pair:
            merged[-1] = new
        else:
            merged.append(id_)
    return merged


def count_tokens(tokenizer: Any, text_or_messages: str | Sequence[Mapping[str, str]]) -> int:
    """Tokens of a text, or of a conversation as the model will read it.

    Args:
        tokenizer: a transformers tokenizer; for messages one with a chat template.
        text_or_messages: a text, without tokens that begin or end a sequence; or messages with
            "role" and "content", with all that the template adds, the answer's opening included.

    Raises:
        ValueError: if a message lacks its role or content, there is none, or no chat template.

    >>> class Letters:  # stands in for AutoTokenizer.from_pretrained(...)
    ...     def __call__(self, text, **options):
    ...         return {"input_ids": list(text)}
    ...     def apply_chat_template(self, messages, **options):
    ...         return "".join(f"<{m['role']}>{m['content']}" for m in messages) + "<assistant>"
    >>> count_tokens(Letters(), "E07")
    3
    >>> count_tokens(Letters(), [{"role": "user", "content": "E07"}])
    20

    Built in notebooks/03_tokenization.ipynb.
    """
    if isinstance(text_or_messages, str):
        # verbose: no warning about the model's context; counting is how to stay within it
        encoded = tokenizer(text_or_messages, add_special_tokens=False, verbose=False)
        return len(encoded["input_ids"])
    messages = _checked(text_or_messages)
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    return count_tokens(tokenizer, prompt)


def fit_to_budget(
    tokenizer: Any, messages: Sequence[Mapping[str, str]], max_tokens: int
) -> list[dict[str, str]]:
    """Drop the oldest turns of a conversation until the model's prompt fits.

    The system messages at the start stay, and the last user message with what follows it. A turn is
    a user message with the answers to it, and goes as a whole: some templates refuse half of one.
    The messages that come back are copies, in the same order.

    Args:
        tokenizer: a transformers tokenizer with a chat template.
        messages: the conversation, oldest first, each with "role" and "content".
        max_tokens: of the prompt, as `count_tokens` counts. The answer needs room beside it.

    Raises:
        ValueError: if there is no user message, or what must stay does not fit.

    >>> class Letters:  # stands in for AutoTokenizer.from_pretrained(...)
    ...     def __call__(self, text, **options):
    ...         return {"input_ids": list(text)}
    ...     def apply_chat_template(self, messages, **options):
    ...         return "".join(f"<{m['role']}>{m['content']}" for m in messages) + "<assistant>"
    >>> chat = [{"role": role, "content": role[0]} for role in ("user", "assistant", "user")]
    >>> fit_to_budget(Letters(), chat, max_tokens=30)
    [{'role': 'user', 'content': 'u'}]

    Built in notebooks/03_tokenization.ipynb.
    """
    chat = _checked(messages)
    roles = [message["role"] for message in chat]
    starts = [place for place, role in enumerate(roles) if role == "user"]
    if not starts:
        raise ValueError(f"messages must have a user message, got the roles {roles}")
    first = next(place for place, role in enumerate(roles) if role != "system")
    starts = sorted({first, *starts})  # a greeting before the first question is a turn too

    def fits(start: int) -> bool:
        return count_tokens(tokenizer, chat[:first] + chat[start:]) <= max_tokens

    # Every turn adds tokens, so halving finds the first start that fits without counting for each.
    place = bisect_left(starts, True, key=fits)
    if place == len(starts):
        needed = count_tokens(tokenizer, chat[:first] + chat[starts[-1] :])
        raise ValueError(
            f"max_tokens must be {needed} or more (what the system messages and the last user "
            f"message take), got {max_tokens}"
        )
    return chat[:first] + chat[starts[place] :]


def _checked(messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Copies of the messages, each with a role and a content that are text."""
    if not messages:
        raise ValueError("messages must hold at least one message, got none")
    for place, message in enumerate(messages):
        if not all(isinstance(message.get(key), str) for key in ("role", "content")):
            raise ValueError(f"messages[{place}] must have text as role and content: {message!r}")
    return [dict(message) for message in messages]
