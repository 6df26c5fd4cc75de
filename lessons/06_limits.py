# %% [markdown]
# # 06 · What models cannot do
#
# **What you will be able to do**
#
# - **foresee** what is lost at the edge, and in the middle, of a context window;
# - **measure** how much a passage in the prompt helps, and how often a model makes something up;
# - **test** how far an answer hangs on the wording of the question;
# - **choose** a batch size, a number format and an embedding by measured speed, quality and memory.
#
# Needs notebooks 02 to 04. Reading takes 30 minutes, the exercises up to 50, running all cells 90 seconds.
#
# ## 1. Four questions, four answers
#
# Larkspur's managers propose to let customers ask the model directly.

# %%
import re
import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from course_lib import data, language_model, plotting
from course_lib.embeddings import Embedder
from course_lib.exercises import check, hint, solution
from course_lib.exercises.ex06_limits import RULES, WORDINGS, agreement, made_up
from course_lib.similarity import top_k
from course_lib.static_embeddings import distill
from course_lib.statistics import bootstrap_interval, paired_bootstrap_interval
from course_lib.tokenization import fit_to_budget

plotting.use_course_style()
model = language_model.load()
# sections 2 to 5 and 7 look inside, which only a model on this computer allows
local = model if isinstance(model, language_model.LocalModel) else language_model.LocalModel()


# %%
def user(text):
    return {"role": "user", "content": text}


asked = [
    "What is today's date?",
    "What does Larkspur Cycles charge me for returning a Haul?",
    "My order: a saddle for 48 euros and a rack for 75 euros. What is the total?",
    "How many days do I have to return a Larkspur bike?",
]
for question, answer in zip(
    asked, model.chat_batch([[user(q)] for q in asked], max_tokens=16), strict=True
):
    print(f"{question}\n   {answer.text!r}")

# %% [markdown]
# The right ones: no model can know; €120 or £105; 123; 30. Nothing in the tone tells you. A larger model
# fails less often. To measure yours, set `COURSE_LLM` or `COURSE_LLM_BASE_URL` and run again.
#
# ## 2. The window has an edge, and a middle
#
# First idea: the whole handbook in the prompt. An error is the kind outcome: many chat products drop the oldest turns
# without a word, as `fit_to_budget` (notebook 03) does in the second cell. A small budget stands in for a long chat.

# %%
handbook = data.load_handbook()
try:
    model.chat([user("\n\n".join(page.text for page in handbook) + "\n\nMay I return a Haul?")])
except language_model.ContextOverflow as error:
    print(error)

# %%
chat = [user("Hello, my name is Oliver.")]
for answer, question in [
    ("Hello! How can I help?", "What is a spoke?"),
    ("A thin rod from the hub to the rim.", "What is a rim?"),
    ("The outer ring of a wheel.", "What is a hub?"),
    ("The middle of a wheel.", "What is my name?"),
]:
    chat += [{"role": "assistant", "content": answer}, user(question)]
for budget in (200, 110):
    kept = fit_to_budget(local.tokenizer, chat, budget)
    answer = model.chat(kept, max_tokens=12).text
    print(f"{len(kept)} of {len(chat)} messages: {answer}")

# %% [markdown]
# What is cut is gone, and the answer does not say so. Keep such facts in the system message, which is never dropped.
#
# What about text that fits? A page says "The key of Ada has the number 48213." twenty times, with twenty names, and we
# ask for each, beginning the answer so that only the number is left to write. All prompts start with the same page,
# so the model reads it once and keeps what it computed: its *KV cache*.
#
# **Predict**: at which place of the page are the keys found most often, and where least?


# %%
def begun(messages, start):
    """The prompt as plain text, with the beginning of the answer."""
    template = local.tokenizer.apply_chat_template
    return template(messages, add_generation_prompt=True, tokenize=False) + start


NAMES = """Ada Ben Carla Dirk Elena Femke Gilles Hanna Igor Jana Kofi Lena Marta Nils Olga Piet Quinn
Rosa Sven Tara Ute Viktor Wendy Yara Zoe Anton Birgit Cees Dora Emil Frida Gustav Hugo Iris""".split()  # noqa: SIM905


def key_page(n, seed):
    rng = np.random.default_rng(seed)
    names = rng.permutation(NAMES)[:n].tolist()
    numbers = rng.integers(10_000, 100_000, n).astype(str).tolist()
    lines = [f"The key of {a} has the number {b}." for a, b in zip(names, numbers, strict=True)]
    prompts = []
    for name in names:
        question = "\n".join(lines) + f"\n\nWhich number does the key of {name} have?"
        prompts.append(begun([user(question)], f"The key of {name} has the number "))
    return prompts, numbers


# %%
def read_off(prompts, answers):
    """Whether greedy decoding would write each answer, and the answer's log-probability."""
    ids = [local.tokenizer(text, add_special_tokens=False)["input_ids"] for text in prompts]
    ends = [local.tokenizer(text, add_special_tokens=False)["input_ids"] for text in answers]
    differ = [len(set(column)) > 1 for column in zip(*ids, strict=False)]
    n_shared = differ.index(True)  # tokens that all prompts begin with
    tails = [row[n_shared:] + end for row, end in zip(ids, ends, strict=True)]
    longest = max(map(len, tails))
    padded = torch.tensor([tail + [0] * (longest - len(tail)) for tail in tails])
    n_last = longest - min(len(t) - len(e) for t, e in zip(tails, ends, strict=True)) + 1
    with torch.inference_mode():
        start = torch.tensor([ids[0][:n_shared]])
        cache = local.model(start, logits_to_keep=1).past_key_values
        cache.batch_repeat_interleave(len(tails))  # read once, used by every question
        logits = local.model(padded, past_key_values=cache, logits_to_keep=n_last).logits
    right, scores = [], []
    for row, tail, end in zip(logits.log_softmax(-1), tails, ends, strict=True):
        last = len(tail) - (longest - n_last) - 1
        steps = row[last - len(end) : last]  # what the model expects before each token
        right.append(steps.argmax(-1).tolist() == end)
        scores.append(float(steps[range(len(end)), end].sum()))
    return right, scores


# %%
pages = np.array([read_off(*key_page(20, seed)) for seed in range(5)])  # (5, 2, 20)
found, scores = pages.reshape(5, 2, 5, 4).transpose(1, 2, 0, 3).reshape(2, 5, 20)
places = ["1-4", "5-8", "9-12", "13-16", "17-20"]
intervals = [bootstrap_interval(fifth) for fifth in found]  # each fifth: 5 pages, 4 sentences
for place, interval in zip(places, intervals, strict=True):
    print(f"sentences {place:5}: found {interval}")
for name, fifth in (("first", 0), ("last", 4)):
    print(
        f"{name} minus middle: found {paired_bootstrap_interval(found[fifth], found[2])}", end=", "
    )
    print(f"log-probability {paired_bootstrap_interval(scores[fifth], scores[2])}")

# %%
short = [read_off(*key_page(5, seed))[0] for seed in range(4)]
print(f"20 sentences: found {bootstrap_interval(found.ravel())}")
print(f" 5 sentences: found {bootstrap_interval(np.ravel(short))}")

# %%
estimate, low, high = np.array([(i.estimate, i.low, i.high) for i in intervals]).T
plt.errorbar(places, estimate, yerr=[estimate - low, high - estimate], marker="o", capsize=4)
plt.gca().set(xlabel="place among 20 sentences", ylabel="keys found (share, 95 % interval)")
plt.title("Lost in the middle")
plt.ylim(0, 1)
plt.show()

# %% [markdown]
# See the valley. The first sentences stand out; that the last ones recover shows in the log-probabilities, not yet in 20
# answers a place. Larger models have such a valley, further out (Liu and others, 2023). A page of five
# sentences is read much better. **What to do**: send few passages (notebook 08 finds them), the best ones at the ends.
#
# **Exercise 6.1** · Best passages at the ends · easy, 5 minutes, you may skip it.
# `passages` come best first. Return them so that the best stands first, the second best last, the third second, the fourth last
# but one, and so on: the worst end up in the middle.


# %% tags=["exercise"] exercise="6.1"
def ends_first(passages):
    return ...


check("6.1", ends_first)

# %%
hint("6.1")
solution("6.1")

# %% [markdown]
# ## 3. Closed book, open book
#
# A model can answer from its weights (closed book) or from a passage in the prompt (open book). We take the test
# questions whose answer holds a figure or a code that the question does not, with passages of at most 60 words. An
# answer scores if it contains that figure. The weakness: 30 for a wrong reason counts, "a month" does not. The
# prompt was the best of five on train questions.
#
# **Predict**: how much does the passage raise the score? And how probable the model finds our answer?


# %%
sections = {section.anchor: section for page in handbook for section in page.sections()}
FIGURE = re.compile(r"[A-Z]+-?\d+|\d+(?:[.,]\d+)*")  # LK-204, E07, 4.5


def with_figure(question):
    """(question, its key figure, shortest passage that holds it), or None."""
    new = [
        f for f in FIGURE.findall(question.answer or "") if f not in FIGURE.findall(question.text)
    ]
    anchors = [judged.anchor.partition("/")[0] for judged in question.relevant if judged.grade == 2]
    texts = [sections[anchor].text for anchor in anchors if anchor in sections]
    fitting = [text for text in texts if new[:1] and new[0] in FIGURE.findall(text)]
    passage = min(fitting, key=len, default="")
    return (question, new[0], passage) if 0 < len(passage.split()) <= 60 else None


test = [q for q in data.load_questions() if q.split == "test"]
items = [found for q in test if q.kind in ("fact", "table", "code") and (found := with_figure(q))]
print(len(items), "questions, for example:", items[0][0].text, "->", items[0][1])


# %%
def closed_book(question, extra=""):
    return [user(f"Answer the question in one short sentence.{extra}\n\nQuestion: {question}")]


def open_book(question, passage):
    return [user(f"Answer the question from the text.\n\nText: {passage}\n\nQuestion: {question}")]


closed = model.chat_batch([closed_book(q.text) for q, _, _ in items], max_tokens=16)
opened = model.chat_batch([open_book(q.text, text) for q, _, text in items], max_tokens=24)
score = {}
for name, answers in (("closed", closed), ("open", opened)):
    score[name] = [f in FIGURE.findall(a.text) for a, (_, f, _) in zip(answers, items, strict=True)]
    print(f"{name}: contains the figure {bootstrap_interval(score[name])}")
print("gain:", paired_bootstrap_interval(score["open"], score["closed"]))

# %%
gold = {"closed": [], "open": []}
for q, _, passage in items:
    gold["closed"].append(local.log_probability(closed_book(q.text), q.answer).mean)
    gold["open"].append(local.log_probability(open_book(q.text, passage), q.answer).mean)
gain = paired_bootstrap_interval(gold["open"], gold["closed"])
print(f"log-probability of a token, open minus closed: {gain}: times {np.exp(gain.estimate):.1f}")

# %%
failed = [i for i, right in enumerate(score["open"]) if not right]
for i in failed[:3]:
    question, figure, _ = items[i]
    print(f"{question.text} (wanted: {figure})")
    print(f"  closed: {closed[i].text!r}\n  open:   {opened[i].text!r}")

# %% [markdown]
# The score is near zero both ways, and eleven questions cannot tell more. The probabilities can: with the passage each
# token of our answer is several times as probable. For a model of this size that is not enough. What it says is fluent,
# and nothing shows that it is made up: a *hallucination*, the probable text instead of the true one.
#
# May it decline? Some of the next questions have an answer in Larkspur's records, some have none anywhere. Closed
# book, it should decline all. (We look for its usual phrases.)


# %%
SORRY = re.compile(r"not sure|not know|unable|n't have the ability|not provided", re.IGNORECASE)
known = [q.text for q, _, _ in items]
nowhere = [q.text for q in test if q.kind == "unanswerable"]


def declines(answers):
    return bootstrap_interval([bool(SORRY.search(answer.text)) for answer in answers])


print("has an answer: declines", declines(closed))
no_answer = model.chat_batch([closed_book(text) for text in nowhere], max_tokens=16)
print("has none:      declines", declines(no_answer))

# %%
allowed = [closed_book(t, " If you are not sure, say: I do not know.") for t in known + nowhere]
told = model.chat_batch(allowed, max_tokens=12)
print("told that it may decline:")
print("has an answer: declines", declines(told[: len(known)]))
print("has none:      declines", declines(told[len(known) :]))
print(no_answer[-4].text, "|", told[-4].text)

# %% [markdown]
# At first it makes something up nearly every time. (An interval of [0, 0] is too narrow: after 0 of 11, a share of up to
# 3 in 11 is still credible.) Told that it may, it mostly declines: it follows an instruction, it does not look up
# what it knows. **What to do**: give it the passage (notebook 08), decline by retrieval scores and a threshold with a
# price (04, 10), and check the answer against its sources.
#
# **Exercise 6.2** · Figures from nowhere · medium, 10 minutes, you may skip it.
# A cheap guard: return the figures and codes of the answer that stand in none of the `sources` (the passage, the question), each
# once, in order. `FIGURE` finds them; compare whole figures.


# %% tags=["exercise"] exercise="6.2"
def my_made_up(answer, sources):
    """`sources` is a list of texts."""
    return ...


check("6.2", my_made_up)

# %%
hint("6.2")
solution("6.2")

# %% [markdown]
# ## 4. Arithmetic
#
# **Predict**: the model has seen billions of sums. Up to how many digits does it add?

# %%
rng = np.random.default_rng(0)
for digits in (1, 2, 3, 4):
    pairs = rng.integers(10 ** (digits - 1), 10**digits, (20, 2))
    prompts = [begun([user(f"What is {a} + {b}?")], f"{a} + {b} = ") for a, b in pairs]
    right, _ = read_off(prompts, [str(a + b) for a, b in pairs])
    print(f"{digits} digits: right {bootstrap_interval(right)}")

# %% [markdown]
# A cliff, not a slope. Small sums stand in the training text; larger ones must be computed, carry by carry, and the
# first digit is written before the others exist. Larger models meet the cliff later. **What to do**: let the model
# write down the sum and a program work it out (notebook 13). Larkspur's totals come from SQL.
#
# ## 5. Which rule is in force?
#
# What a model knows ends with its training text; section 1 showed its "today". A passage in the prompt
# mends that. But here are two, an old rule and the new one: "Paid parental leave is 15 weeks." and
# "Paid parental leave is 20 weeks." Which figure does the model begin to write?
#
# **Predict**: does it matter which of the two comes last?


# %%
def takes_new(rule, line, new_last):
    sentence, question, old, old_year, new, new_year = rule
    lines = [line.format(y, sentence.format(f)) for y, f in ((old_year, old), (new_year, new))]
    text = "\n".join(lines if new_last else lines[::-1]) + f"\n\n{question}"
    start = sentence.partition("{")[0]  # the first digits differ, so one step is enough
    found = local.next_tokens(begun([user(text)], start))
    return found.tokens.index(new[0]) < found.tokens.index(old[0])


for name, line in (("without a year", "{1}"), ("with a year", "Page of {0}: {1}")):
    last, first = [[takes_new(rule, line, where) for rule in RULES] for where in (True, False)]
    gain = paired_bootstrap_interval(last, first)
    print(f"{name}: takes the new rule if it comes last {np.mean(last):.1f}", end=", ")
    print(f"if first {np.mean(first):.1f}, difference {gain}")

# %% [markdown]
# Without a year, the place decides: what comes last wins. With a year the place matters less, and the new rule wins
# about as often as a coin would have it; ten rules cannot say more. **What to do**: leave superseded pages out before
# the prompt is made (their successors name them, notebook 08), and write today's date into the system message.
#
# ## 6. Ask it in other words
#
# Four facts with their passages, each asked in four wordings, in two prompts that differ by four words. The answer is
# the first figure that is written. **Predict**: two wordings of one question about one passage: how often do the
# answers agree?

# %%
SHORTER = "Answer the question from the text."
LONGER = "Answer the question from the text in one short sentence."


# %%
def first_figures(instruction, wordings):
    """The first figure of each answer, None where it has none: shape (n_facts, n_wordings)."""
    asked = [
        [user(f"{instruction}\n\nText: {text}\n\nQuestion: {question}")]
        for text, questions in wordings
        for question in questions
    ]
    answers = model.chat_batch(asked, max_tokens=14)
    figures = [(FIGURE.findall(answer.text) or [None])[0] for answer in answers]
    return np.array(figures, dtype=object).reshape(len(wordings), -1)


facts = [(sections[anchor].text, questions) for anchor, (_, questions) in WORDINGS.items()]
wanted = np.array([[figure] for figure, _ in WORDINGS.values()])
table = {name: first_figures(name, facts) for name in (SHORTER, LONGER)}
for name, figures in table.items():
    print(name)
    for (figure, questions), row in zip(WORDINGS.values(), figures, strict=True):
        print(f"  {questions[0]} wanted {figure:4} got {row.tolist()}")
    print(f"  right {bootstrap_interval((figures == wanted).ravel())}")
same = (table[LONGER] == table[SHORTER]).mean()
print(f"the two prompts give the same figure for {same:.0%} of the questions")

# %% [markdown]
# **Exercise 6.3** · Agreement · medium, 10 minutes, you may skip it.
# Return the share of pairs of answers that are equal. Two answers without a figure, `None`, do not
# agree: neither says anything.


# %% tags=["exercise"] exercise="6.3"
def my_agreement(answers):
    """`answers` has one figure, or None, for each wording; there are two or more."""
    return ...


check("6.3", my_agreement)

# %%
hint("6.3")
solution("6.3")

# %%
for name, figures in table.items():
    shares = [agreement(list(row)) for row in figures]
    print(f"{name:57} wordings agree {np.mean(shares):.2f}")

# %% [markdown]
# One passage, and most pairs of wordings disagree; four words in *our* part of the prompt change which questions come
# out right. So a demo proves nothing, and one wording a question is a noisy test. **What to do**: test with several
# wordings as customers write them, compare prompts with an interval (notebooks 10 and 11), and train what prompting
# cannot mend (12).
#
# **Exercise 6.4** · Your own passage in four wordings · any level, 10 minutes, you may skip it.
# Take a paragraph with two or more figures from your own work, the figure that answers a question about it, and four or more wordings
# of that question. Once the check passes, the cell after the hints asks the model. Which wording breaks it?

# %% tags=["exercise"] exercise="6.4"
my_case = {"passage": ..., "answer": ..., "wordings": ...}
check("6.4", my_case)

# %%
hint("6.4")
solution("6.4")

# %%
if check("6.4", my_case).passed:
    for instruction in (SHORTER, LONGER):
        (row,) = first_figures(instruction, [(my_case["passage"], my_case["wordings"])])
        print(instruction, row.tolist(), f"agree {agreement(list(row)):.2f}")

# %% [markdown]
# ## 7. What speed costs
#
# Each token costs a pass through the model. Two savings cost no quality: the KV cache keeps what was computed for
# earlier tokens, and a batch reads the weights once for all its questions. *int8*, which holds most weights in 8 bits, has a price: we read it off how well the
# model still predicts a handbook page. **Predict**: how many times as many tokens a second does a batch of 32 write as
# one question alone: 1, 5 or 32?


# %%
def greedy(ids, n_tokens, use_cache):
    cache, written = None, []
    for _ in range(n_tokens):
        given = written[-1:] if cache is not None else ids + written
        with torch.inference_mode():
            out = local.model(
                torch.tensor([given]), past_key_values=cache, use_cache=use_cache, logits_to_keep=1
            )
        cache = out.past_key_values
        written.append(int(out.logits[0, -1].argmax()))
    return written


asked = [[user(q.text)] for q in sorted(test, key=lambda q: len(q.text))[:32]]
n_tokens = 12
first = local.tokenizer(begun(asked[0], ""))["input_ids"]
with_cache, without = greedy(first, n_tokens, True), greedy(first, n_tokens, False)
library = local.chat(asked[0], max_tokens=n_tokens).text
assert with_cache == without
assert local.tokenizer.decode(with_cache, skip_special_tokens=True).startswith(library)
print(library)

# %% tags=["nbval-ignore-output"] reason="times differ from run to run, int8 from processor to processor"
eight_bit = language_model.LocalModel(int8=True)
jobs = [("no cache", None, 1)]
jobs += [(f"batch of {size}", local, size) for size in (1, 8, 32)]
jobs += [(f"int8, batch of {size}", eight_bit, size) for size in (1, 32)]
rates = {}
for name, chosen, size in jobs:
    start = time.perf_counter()
    if chosen is None:
        n_written = len(greedy(first, n_tokens, False))
    else:
        answers = chosen.chat_batch(asked[:size], max_tokens=n_tokens)
        n_written = sum(answer.completion_tokens for answer in answers)
    rates[name] = n_written / (time.perf_counter() - start)
    print(f"{name:17} {rates[name]:6.1f} tokens/s")
charging = next(page for page in handbook if page.id == "charging").text[:1200]
quality = [m.log_probability("", charging).log_probabilities for m in (local, eight_bit)]
lost = paired_bootstrap_interval(*quality)
print(
    f"log-probability of a token {quality[0].mean():.2f}, int8 {quality[1].mean():.2f}, lost {lost}"
)

# %%
assert rates["batch of 32"] > rates["batch of 1"] > rates["no cache"]
assert -0.1 < lost.estimate < 1


def n_bytes(network):
    """Weights in memory, those in 8 bits too."""
    packed = [m.weight() for m in network.modules() if callable(getattr(m, "weight", None))]
    return sum(weight.nbytes for weight in [*network.parameters(), *packed])


config = local.model.config
for_a_token = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * 4
print(f"weights: float32 {n_bytes(local.model) / 1e6:.0f} MB", end=", ")
print(f"int8 {n_bytes(eight_bit.model) / 1e6:.0f} MB; cache: {for_a_token / 1e3:.0f} kB a token")

# %% [markdown]
# A batch serves more people, none of them sooner, and its cache fills memory: 32 chats of 2,000 tokens take five
# times what the weights take.
#
# For embeddings there is a shorter cut: no model at all when a text comes in. A *static* embedding has one vector for
# each token, and a text's vector is their mean. `distill` sends every token through MiniLM once, keeps the main
# directions (PCA) and lets frequent tokens count little, as model2vec does. With `ridge` it also moves the vectors so that
# the means come near MiniLM's vectors of our own texts; 0.003 did best on train questions.


# %%
texts = [f"{s.page_title}. {s.heading}. {s.text}" for s in sections.values()]
letters = [ticket.text for ticket in data.load_tickets() if ticket.split == "train"]
folder = tempfile.TemporaryDirectory()
minilm = Embedder(cache=folder.name)  # no text goes through the model twice
questions = [q for q in data.load_handbook_questions() if q.split == "test"]
words = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit(texts)
encoders = {"MiniLM": minilm.encode, "TF-IDF": lambda texts: words.transform(texts).toarray()}
vectors, seconds = {}, {}


def encode_all(name):
    start = time.perf_counter()
    vectors[name] = encoders[name](texts)
    seconds[name] = time.perf_counter() - start
    print(f"{name:15} {len(texts) / seconds[name]:8.0f} texts/s")


# %% tags=["nbval-ignore-output"] reason="times differ from run to run"
encode_all("MiniLM")
encode_all("TF-IDF")
for name, ridge in (("static", None), ("static, fitted", 0.003)):
    encoders[name] = distill(minilm, texts + letters, ridge=ridge).encode
    encode_all(name)

# %%
assert seconds["MiniLM"] > 10 * seconds["static, fitted"]
hits = {}
for name, encode in encoders.items():
    best, _ = top_k(encode([q.text for q in questions]) @ vectors[name].T, 5)
    answers = [{r.section for r in q.relevant if r.grade == 2} for q in questions]
    anchors = np.array(list(sections))[best]
    hits[name] = [bool(a & set(row)) for a, row in zip(answers, anchors, strict=True)]
    print(f"{name:15} recall@5 {bootstrap_interval(hits[name])}", end=", ")
    print(f"below MiniLM {paired_bootstrap_interval(hits['MiniLM'], hits[name])}")
tokens = len(first) + n_tokens
megabytes = {"MiniLM": n_bytes(minilm.model) / 1e6}
for name in ("static", "static, fitted"):
    megabytes[name] = encoders[name].__self__.n_bytes / 1e6
for name in rates:
    size = int(name.rpartition(" ")[2]) if "batch" in name else 0
    weights = n_bytes((eight_bit if "int8" in name else local).model)
    megabytes[name] = (weights + size * tokens * for_a_token) / 1e6
for name, number in megabytes.items():
    print(f"{name:17} {number:6.1f} MB")

# %% tags=["nbval-ignore-output"] reason="drawn from times"
fig, (writing, finding) = plt.subplots(1, 2, figsize=(11, 4.4))
for name, rate in rates.items():
    eight = "int8" in name
    y, label = quality[eight].mean(), f"{name}\n{megabytes[name]:.0f} MB"
    writing.scatter(rate, y, s=megabytes[name] / 2, color=plotting.COLOURS[eight], alpha=0.6)
    place = (0, -32) if name in ("batch of 1", "batch of 32") else (0, 14)
    writing.annotate(label, (rate, y), place, textcoords="offset points", ha="center", fontsize=8)
for name, found in hits.items():
    y, rate = bootstrap_interval(found), len(texts) / seconds[name]
    ends = [[y.estimate - y.low], [y.high - y.estimate]]
    finding.errorbar(rate, y.estimate, ends, fmt="o", capsize=4)
    label = f"{name}\n{megabytes[name]:.0f} MB" if name in megabytes else f"{name}\nno model"
    finding.annotate(label, (rate, y.estimate), (7, 4), textcoords="offset points", fontsize=8)
writing.set(title="Writing: only int8 costs quality", xlabel="tokens per second, log scale")
writing.set(
    ylabel="mean log-probability of a token (nats)", xscale="log", xticks=[2, 5, 10, 20, 50, 100]
)
writing.xaxis.set_major_formatter("{x:.0f}")
writing.xaxis.minorticks_off()
finding.set(title="Finding: MiniLM against look-ups", xlabel="texts per second, log scale")
finding.set(ylabel="recall@5, test questions (95 % interval)", xscale="log")
writing.margins(x=0.15, y=0.4)
finding.margins(x=0.25)
plt.show()

# %% [markdown]
# See on the left that cache and batch move a point to the right and not down, and int8 right and down. On the right,
# static vectors are over fifty times as fast as MiniLM, in a twentieth of its memory. Plain ones find less than TF-IDF,
# which needs no model either; fitted to our texts they come near MiniLM, and 55 questions cannot tell the two apart.
# **What to do**: batch every evaluation, keep int8 for machines short of memory, and static vectors for millions of
# texts (notebook 07).
#
# ## Limits
#
# Of these measurements, too. An answer can pass the guard of exercise 6.2 and be wrong: its figures stand in the passage
# for something else. And how many questions does it take to see a difference of 0.1?


# %%
assert max(seconds, key=seconds.get) == "MiniLM"
for answer, (q, figure, passage) in zip(opened, items, strict=True):
    figures = FIGURE.findall(answer.text)
    if figures and figure not in figures and not made_up(answer.text, [passage, q.text]):
        print(f"{q.text} (wanted: {figure})\n   {answer.text!r}")
for n in (11, 100, 1000):
    ranks = rng.permutation(n) / n  # right for the easiest half, or for four tenths of them
    print(
        f"{n:4} questions: 0.5 minus 0.4 is",
        bootstrap_interval((ranks < 0.5) * 1.0 - (rng.permutation(n) / n < 0.4)),
    )

# %% [markdown]
# With eleven questions even the sign is open. Large effects (a factor of 8, a cliff, a valley) show on few questions,
# small ones do not. Notebook 09 plans the number before measuring.
#
# ## What to remember
#
# 1. What is cut from the window is gone without a word; what stands in its middle is read badly. Send few passages.
# 2. A model writes what is probable. Passages make the truth probable; only checks from outside make it reliable.
# 3. Sums to a program, dates and superseded rules to your code, facts to retrieval.
# 4. Test with several wordings, and put an interval on every score.
# 5. Cache and batch cost memory, int8 a little quality, static vectors a fit to your own texts.
#
# ## In your project
#
# Copy `distill` from `course_lib.static_embeddings` (`course snippet distill`), or take ready-made vectors from `model2vec`.
# For serving, vLLM and llama.cpp have caches, batches and 8-bit or 4-bit weights built in.
#
# ## Where the maths goes deeper
#
# *Lost in the middle*: Liu and others (2023). Caches and batches under load: Kwon and others, *PagedAttention* (2023).
# Skipped: how int8 rounds (Dettmers and others, *LLM.int8()*, 2022), wanted when a quantised model fails your tests;
# attention itself, wanted when you change a model. Smooth inverse frequency: Arora, Liang and Ma (2017).
#
# Next: **07 Vector search**, when exact search is too slow.
