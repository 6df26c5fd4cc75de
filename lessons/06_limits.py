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
# Needs notebooks 02 to 04. Reading takes 40 minutes, the exercises up to 35, running all cells 90 seconds.
#
# ## 1. Four questions, four answers
#
# Larkspur's managers propose to let customers ask the model directly.

# %%
import re
import tempfile
import time
from statistics import median

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from course_lib import data, language_model, plotting
from course_lib.embeddings import Embedder
from course_lib.exercises import check, hint, solution
from course_lib.exercises.ex06_limits import EASY, RULES, WORDINGS, agreement, made_up, read_off
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
answers = model.chat_batch([[user(q)] for q in asked], max_tokens=40)
for question, answer in zip(asked, answers, strict=True):
    print(f"{question}\n   {answer.text!r}")

# %% [markdown]
# Right would be: a date that no model can know; €120 or £105; 123 euros; 30 days. Nothing in the tone tells you.
# A larger model fails less often. To measure yours, set `COURSE_LLM` or `COURSE_LLM_BASE_URL` and run again.
#
# ## 2. The window has an edge, and a middle
#
# First idea: the whole handbook in the prompt. An error is the kind outcome: many chat products drop the oldest turns
# without a word, as `fit_to_budget` (notebook 03) does in the second cell.

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
N_PAGES = 5
pages = np.array([read_off(local, *key_page(20, seed)) for seed in range(N_PAGES)])
# answers from one page are not independent: a page's mean counts once, for each fifth of the page
found, scores = pages.reshape(N_PAGES, 2, 5, 4).mean(axis=-1).transpose(1, 2, 0)
places = ["1-4", "5-8", "9-12", "13-16", "17-20"]
for place, shares in zip(places, found, strict=True):
    print(f"sentences {place:5}: found {bootstrap_interval(shares)}")
for name, fifth in (("first", 0), ("last", 4)):
    print(f"{name} minus middle:", end=" ")
    print(f"found {paired_bootstrap_interval(found[fifth], found[2])}", end=", ")
    print(f"log-probability {paired_bootstrap_interval(scores[fifth], scores[2])}")
print(f"the very last sentence: found on {pages[:, 0, -1].sum():.0f} of {N_PAGES} pages")

# %%
short = np.array([read_off(local, *key_page(5, seed))[0] for seed in range(N_PAGES)])
print(f"all of 20 sentences:  found {bootstrap_interval(pages[:, 0].mean(axis=1))}")
print(f"first 5 of them:      found {bootstrap_interval(pages[:, 0, :5].mean(axis=1))}")
print(f"all of 5 sentences:   found {bootstrap_interval(short.mean(axis=1))}")

# %% alt="Bar chart of keys found by the key's place among 20 sentences: all at places 1, 2 and 20, between 0 and 0.6 from the fourth place to the nineteenth."
plt.bar(range(1, 21), pages[:, 0].mean(axis=0))
plt.xticks([1, 5, 10, 15, 20])
plt.gca().set(xlabel="place among 20 sentences", ylabel="share of the keys found", ylim=(0, 1))
plt.title("Lost in the middle")
plt.show()

# %% [markdown]
# See the valley: the first sentences stand out, and of the last four it is the very last one that is found. Larger models
# have such a valley, further out (Liu and others, 2023). A page of five sentences is read better mostly because nothing in
# it stands far from the start. **What to do**: send few passages (notebook 08 finds them), the best one first, the next best last.
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
# open prompt was the best of five on train questions; the closed one is the same without the text.
#
# **Predict**: how much does the passage raise the score? And how much more probable does it make *our* answer?


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
items = [item for q in test if q.kind in ("fact", "table", "code") and (item := with_figure(q))]
print(len(items), "questions, for example:", items[0][0].text, "->", items[0][1])


# %%
def closed_book(question, extra=""):
    return [user(f"Answer the question.{extra}\n\nQuestion: {question}")]


def open_book(question, passage):
    return [user(f"Answer the question from the text.\n\nText: {passage}\n\nQuestion: {question}")]


prompts = [closed_book(q.text) for q, _, _ in items]
prompts += [open_book(q.text, passage) for q, _, passage in items]
both = model.chat_batch(prompts, max_tokens=32, stop=("\n",))
written = {"closed": both[: len(items)], "open": both[len(items) :]}
score = {}
for name, answers in written.items():
    score[name] = [f in FIGURE.findall(a.text) for a, (_, f, _) in zip(answers, items, strict=True)]
    n_cut = sum(answer.finish_reason == "length" for answer in answers)
    print(f"{name:6} contains the figure {bootstrap_interval(score[name])}; cut short {n_cut}")
print("open minus closed:", paired_bootstrap_interval(score["open"], score["closed"]))

# %%
gold = {"closed": [], "wrong passage": [], "open": []}
for (q, _, passage), (_, _, wrong) in zip(items, items[1:] + items[:1], strict=True):
    asked = closed_book(q.text), open_book(q.text, wrong), open_book(q.text, passage)
    for name, messages in zip(gold, asked, strict=True):
        gold[name].append(local.log_probability(messages, q.answer).mean)
for name, means in gold.items():
    print(f"{name:13} log-probability of a token of our answer {np.mean(means):.2f}")
gain = paired_bootstrap_interval(gold["open"], gold["wrong passage"])
print(f"right minus wrong passage: {gain}, times {np.exp(gain.estimate):.1f}")

# %%
failed = [i for i, right in enumerate(score["open"]) if not right]
for i in failed[:2]:
    question, figure, _ = items[i]
    print(f"{question.text} (wanted: {figure})")
    print(f"  closed: {written['closed'][i].text!r}\n  open:   {written['open'][i].text!r}")

# %% [markdown]
# The score is near zero both ways, partly because answers are cut; and these questions avoid the passage's words (section
# 6's do not). The probabilities show more: with the right passage, not with a wrong one, a token of our answer is
# seven times as probable (geometric mean). It is fluent,
# and nothing shows that it is made up: a *hallucination*, the probable text instead of the true one.
#
# May it decline? Closed book, it should decline what only Larkspur's handbook knows, and what stands nowhere, but not ten
# questions of common knowledge. (We look for its usual phrases.)


# %%
SORRY = re.compile(r"not sure|not know|unable|n't have the ability|not provided", re.IGNORECASE)
nowhere = [q.text for q in test if q.kind == "unanswerable"]
groups = {"handbook": [q.text for q, _, _ in items], "nowhere": nowhere, "common": list(EASY)}
texts = sum(groups.values(), [])  # noqa: RUF017
kinds = np.repeat(list(groups), [len(group) for group in groups.values()])
for extra in ("", " If you are not sure, say: I do not know."):
    prompts = [closed_book(text, extra) for text in texts]
    answers = model.chat_batch(prompts, batch_size=36, max_tokens=12, stop=("\n",))
    declined = np.array([bool(SORRY.search(answer.text)) for answer in answers])
    print("told that it may decline:" if extra else "not told:")
    for kind in groups:
        print(f"  {kind:8} n {sum(kinds == kind)}, declines", end=" ")
        print(bootstrap_interval(declined[kinds == kind]))
    easy = zip(EASY.values(), answers[-len(EASY) :], strict=True)
    print("  common: right", sum(bool(re.search(word, a.text)) for word, a in easy))

# %% [markdown]
# Not told, it never declines. (By the rule of three, 3/n, a share of up to 3/11 is still credible after 0 of 11.) Told, it declines most, but common knowledge too, and fewer right answers are left:
# that it knows what it knows is not shown. **What to do**: give it the passage (notebook 08), decline by
# retrieval scores and a threshold with a price (04, 10), check the answer against its sources.
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
    right, _ = read_off(local, prompts, [str(a + b) for a, b in pairs])
    print(f"digits {digits}: right {bootstrap_interval(right)}")

# %% [markdown]
# A steep fall. Small sums stand in the training text; larger ones must be computed, carry by carry, and the
# first digit is written before the others exist. Larger models fall later. **What to do**: let the model
# write down the sum and a program work it out (notebook 13).
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
    steps = local.next_tokens(begun([user(text)], start))
    return steps.tokens.index(new[0]) < steps.tokens.index(old[0])


gains = {}
for name, line in (("no year", "{1}"), ("year", "Page of {0}: {1}")):
    last, first = [[takes_new(rule, line, x) for rule in RULES] for x in (True, False)]
    gains[name] = np.subtract(last, first, dtype=float)
    print(f"{name:7} takes the new rule if it comes last {np.mean(last):.1f}", end=", ")
    print(f"if first {np.mean(first):.1f}, difference {bootstrap_interval(gains[name])}")
less = paired_bootstrap_interval(gains["no year"], gains["year"])
print("the place matters less with a year, by", less)

# %% [markdown]
# Without a year, the last rule wins 16 times in 20. With a year the place matters less, but ten rules do not show that the
# new one wins. **What to do**: leave superseded pages out before
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
facts = [(sections[anchor].text, questions) for anchor, (_, questions) in WORDINGS.items()]
wanted = np.array([[figure] for figure, _ in WORDINGS.values()])


# %%
def first_figures(instruction, wordings):
    """The first figure of each answer, None where it has none: shape (n_facts, n_wordings)."""
    asked = [
        [user(f"{instruction}\n\nText: {text}\n\nQuestion: {question}")]
        for text, questions in wordings
        for question in questions
    ]
    answers = model.chat_batch(asked, max_tokens=28, stop=("\n",))
    figures = [(FIGURE.findall(answer.text) or [None])[0] for answer in answers]
    return np.array(figures, dtype=object).reshape(len(wordings), -1)


table = {name: first_figures(name, facts) for name in (SHORTER, LONGER)}
for name, figures in table.items():
    print(name)
    for (figure, questions), row in zip(WORDINGS.values(), figures, strict=True):
        print(f"  {questions[0]} wanted {figure:4} got {row.tolist()}")
    print(f"  right {bootstrap_interval((figures == wanted).ravel())}")
pairs = list(zip(table[SHORTER].ravel(), table[LONGER].ravel(), strict=True))
both = [(a, b) for a, b in pairs if a and b]
print(f"{len(pairs)} questions, a figure from both prompts {len(both)}", end=", ")
print(f"the same {sum(a == b for a, b in both)}, from neither {pairs.count((None, None))}")
right = [(figures == wanted).mean(axis=1) for figures in table.values()]  # of each fact
print("right, shorter minus longer:", paired_bootstrap_interval(*right))

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
    given = [[figure for figure in row if figure] for row in figures]
    among = [agreement(row) for row in given if len(row) > 1]
    print(f"{name:57} wordings agree {np.mean(shares):.2f}", end=", ")
    print(f"where both give a figure {np.mean(among):.2f}")

# %% [markdown]
# Most pairs of wordings do not give the same figure, mostly because one gives none. Four words in *our* part of the
# prompt cost 0.25 of the score (the interval resamples four facts, which are few).
# So a demo proves nothing. **What to do**: test with several wordings as customers write them, compare prompts
# with an interval (notebooks 10 and 11), train what prompting cannot mend (12).
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
# earlier tokens, and a batch reads the weights once for all its questions. *int8*, which holds most weights in 8 bits, has
# a price: we read it off how well the model still predicts one handbook page. **Predict**: how many times as many
# tokens a second does a batch of 8 write as one question alone: about 1, 3 or 8?


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


asked = [[user(q.text)] for q in sorted(test, key=lambda q: len(q.text))[:8]]
n_tokens = 8
first = local.tokenizer(begun(asked[0], ""))["input_ids"]
in_batch = [answer.text for answer in local.chat_batch(asked, max_tokens=n_tokens)]
alone = [local.chat(question, max_tokens=n_tokens).text for question in asked[:3]]
assert alone == in_batch[:3]
assert greedy(first, n_tokens, True) == greedy(first, n_tokens, False)
print(asked[0][0]["content"], "->", alone[0])

# %% tags=["nbval-ignore-output"] reason="times differ from run to run, int8 from processor to processor"
eight_bit = language_model.LocalModel(int8=True)
jobs = {
    "no cache": lambda: greedy(first, n_tokens, False),
    "cache": lambda: greedy(first, n_tokens, True),
    "batch of 8": lambda: local.chat_batch(asked, max_tokens=n_tokens),
    "int8": lambda: eight_bit.chat(asked[0], max_tokens=n_tokens),
    "int8, batch of 8": lambda: eight_bit.chat_batch(asked, max_tokens=n_tokens),
}
times = {name: [] for name in jobs}
for _ in range(3):
    for name, job in jobs.items():
        start = time.perf_counter()
        job()
        times[name].append(time.perf_counter() - start)
n_questions = {name: 8 if "batch" in name else 1 for name in jobs}
rates = {name: n_questions[name] * n_tokens / median(times[name]) for name in jobs}
for name, rate in rates.items():
    print(f"{name:17} {rate:6.1f} tokens/s")

charging = next(page for page in handbook if page.id == "charging").text[:1200]
quality = [m.log_probability("", charging).log_probabilities for m in (local, eight_bit)]
lost = paired_bootstrap_interval(*quality)
print(f"int8 loses {lost} nats a token: perplexity times {np.exp(lost.estimate):.2f}")

# %%
assert rates["batch of 8"] > rates["cache"] > rates["no cache"]
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
# directions (PCA) and lets frequent tokens count little (smooth inverse frequency), as model2vec does. With `ridge` it
# also moves the vectors so that
# the means come near MiniLM's vectors of our own texts; 0.003 did best on train questions.


# %%
texts = [f"{s.page_title}. {s.heading}. {s.text}" for s in sections.values()]
letters = [ticket.text for ticket in data.load_tickets() if ticket.split == "train"]
folder = tempfile.TemporaryDirectory()
minilm = Embedder(cache=folder.name)  # no text goes through the model twice
questions = [q for q in data.load_handbook_questions() if q.split == "test"]
words = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit(texts)
encoders = {"TF-IDF": lambda texts: words.transform(texts).toarray(), "MiniLM": minilm.encode}
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
assert seconds["MiniLM"] > seconds["static, fitted"]
hits = {}
for name, encode in encoders.items():
    best, _ = top_k(encode([q.text for q in questions]) @ vectors[name].T, 5)
    answers = [{r.section for r in q.relevant if r.grade == 2} for q in questions]
    anchors = np.array(list(sections))[best]
    hits[name] = [bool(a & set(row)) for a, row in zip(answers, anchors, strict=True)]
    print(f"{name:15} recall@5 {bootstrap_interval(hits[name])}", end=", ")
    print(f"minus TF-IDF {paired_bootstrap_interval(hits[name], hits['TF-IDF'])}")
less = paired_bootstrap_interval(hits["MiniLM"], hits["static, fitted"])
print(f"{len(questions)} questions; MiniLM minus fitted {less}")

# %%
tokens = len(first) + n_tokens
megabytes = {"MiniLM": n_bytes(minilm.model) / 1e6}
for name in ("static", "static, fitted"):
    megabytes[name] = encoders[name].__self__.n_bytes / 1e6
for name, size in n_questions.items():
    weights = n_bytes((eight_bit if "int8" in name else local).model)
    cached = 0 if name == "no cache" else size * tokens * for_a_token
    megabytes[name] = (weights + cached) / 1e6
for name, number in megabytes.items():
    print(f"{name:17} {number:6.1f} MB")

# %% tags=["nbval-ignore-output"] reason="drawn from times" alt="Two scatter plots. Writing: int8 and batches give more tokens per second, int8 with a lower log-probability. Finding: static vectors and TF-IDF are over a hundred times faster than MiniLM, which has the highest recall."
fig, (writing, finding) = plt.subplots(1, 2, figsize=(11, 4.4))
for name, rate in rates.items():
    eight = "int8" in name
    y, label = quality[eight].mean(), f"{name}\n{megabytes[name]:.0f} MB"
    writing.scatter(rate, y, s=megabytes[name] / 2, color=plotting.COLOURS[eight], alpha=0.6)
    place = (0, 14 if name != "cache" else -32)
    writing.annotate(label, (rate, y), place, textcoords="offset points", ha="center", fontsize=8)
for name, right in hits.items():
    y, rate = bootstrap_interval(right), len(texts) / seconds[name]
    ends = [[y.estimate - y.low], [y.high - y.estimate]]
    finding.errorbar(rate, y.estimate, ends, fmt="o", capsize=4)
    label = f"{name}\n{megabytes[name]:.0f} MB" if name in megabytes else f"{name}\nno model"
    finding.annotate(label, (rate, y.estimate), (7, 4), textcoords="offset points", fontsize=8)
writing.set(title="Writing", xlabel="tokens per second")
writing.set(ylabel="mean log-probability of a token (nats)")
finding.set(title="Finding", xlabel="texts per second, log scale", xscale="log")
finding.set(ylabel="recall@5, test questions (95 % interval)")
writing.margins(x=0.15, y=0.4)
finding.margins(x=0.25)
plt.show()

# %% [markdown]
# See on the left that cache and batch move a point to the right, and int8 right and down. (Texts stay the same; a batch of 8: about threefold.) Memory is computed from shapes, not measured. On the right, static vectors are
# tens of times as fast as MiniLM, in a twentieth of its memory. TF-IDF is faster still, and 55 questions tell
# neither static kind from it, nor the fitted one from MiniLM. **What to do**: batch every evaluation, keep int8
# for machines short of memory, static vectors for millions of texts (notebook 07).
#
# ## Limits
#
# Of these measurements, too. An answer can pass the guard of exercise 6.2 and be wrong: its figures stand in the passage
# for something else. And how many questions does it take to see a difference of 0.1?


# %%
assert seconds["TF-IDF"] < seconds["MiniLM"]  # the figure's right half
for answer, (q, figure, passage) in zip(written["open"], items, strict=True):
    figures = FIGURE.findall(answer.text)
    if figures and figure not in figures and not made_up(answer.text, [passage, q.text]):
        print(f"{q.text} (wanted: {figure})\n   {answer.text!r}")

# %%
for n in (11, 100, 1000):
    # two systems, right for five and for four tenths of the questions, drawn apart
    five, four = rng.permutation(n) / n < 0.5, rng.permutation(n) / n < 0.4
    print(f"{n:4} questions: 0.5 minus 0.4 is", paired_bootstrap_interval(five, four))

# %% [markdown]
# With eleven questions, and with a hundred, even the sign is open. Large effects (a steep fall, a valley) show on few
# questions, small ones do not. Notebook 09 plans the number before measuring.
#
# ## What to remember
#
# 1. What is cut from the window is gone without a word; what stands in its middle is read badly. Send few passages.
# 2. A model writes what is probable. Passages make the truth probable; only checks from outside make it reliable.
# 3. Sums to a program, dates and superseded rules to your code, facts to retrieval.
# 4. Test with several wordings, and put an interval on every score.
# 5. Cache and batch cost memory, int8 some quality, static vectors a fit to your own texts.
#
# ## In your project
#
# Copy `distill` from `course_lib.static_embeddings` (`course snippet distill`), or take ready-made vectors from `model2vec`.
# For serving, vLLM and llama.cpp have caches, batches and 8-bit or 4-bit weights built in.
#
# ## Where the maths goes deeper
#
# *Lost in the middle*: Liu and others (2023). Caches and batches under load: Kwon and others, *PagedAttention* (2023).
# Skipped: how int8 rounds (Dettmers and others, *LLM.int8()*, 2022), wanted when a quantised model fails your tests.
# Smooth inverse frequency: Arora, Liang and Ma (2017).
#
# Next: [07 Vector search](07_vector_search.ipynb), when exact search is too slow.
