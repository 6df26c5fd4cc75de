# %% [markdown]
# # 02 · Similarity metrics
#
# **What you will be able to do**
#
# - **choose** between dot product, cosine, Euclidean and Manhattan, and say when it makes no difference;
# - **spot** a search that ranks by length of text instead of meaning;
# - **take** the best few of many scores without sorting them all;
# - **set** a threshold from labelled pairs and the price of each mistake;
# - **thin out** repeats in a result list, and measure what that costs.
#
# Needs notebook 01. Reading takes 25 minutes, the exercises up to 50, running all cells 25 seconds.
#
# ## 1. Has somebody asked this before?
#
# For each new message, Larkspur's care desk wants the nearest old one, to use its reply again.
# Take notebook 01's mean of the token vectors, without unit length. Compare by the first thing at hand, the dot product: multiply number by number, add up.

# %%
import re
import timeit

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.metrics import pairwise

from course_lib import data, plotting, similarity
from course_lib.embeddings import Embedder, mean_pool, normalize
from course_lib.exercises import check, hint, solution
from course_lib.exercises.ex02_similarity_metrics import cheapest_threshold
from course_lib.similarity import (
    cosine_similarity,
    euclidean_distance,
    manhattan_distance,
    mmr,
    top_k,
)
from course_lib.statistics import paired_bootstrap_interval

plotting.use_course_style()
np.set_printoptions(precision=3, suppress=True)

# %%
embedder = Embedder()


def pool(text):  # one text at a time: no padding to mask
    tokens = embedder.tokenizer([text], truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        hidden = embedder.model(**tokens).last_hidden_state
    return mean_pool(hidden.numpy(), tokens["attention_mask"].numpy())[0]


tickets = data.load_tickets()
messages = [ticket.text for ticket in tickets]
raw = np.array([pool(message) for message in messages])  # (n_messages, 384)
n_words = np.array([len(message.split()) for message in messages])
print(raw.shape)

# %%
refund = pool("I sent my bike back three weeks ago and have not seen my money")
app = pool("My phone can no longer find the bike over bluetooth")
collect = pool("My bike should be ready at the workshop, can I come and collect it?")
new = np.array([refund, app, collect])
for i in (new @ raw.T).argmax(axis=1):
    print(messages[i])

# %% [markdown]
# Three questions, one answer. Bad luck, or a habit?
#
# **Predict**: every old message looks for its nearest neighbour among the others. How many times
# does the most popular one come first: 1, 10 or 50?


# %%
def nearest(scores):
    not_itself = np.diag(np.full(len(scores), np.inf))
    return (scores - not_itself).argmax(axis=1)


times_first = np.bincount(nearest(raw @ raw.T), minlength=len(raw))
for i in np.argsort(-times_first, kind="stable")[:4]:
    print(f"{times_first[i]:3} times first: {messages[i]}")

# %% alt="Scatter plot of vector length against words in the text, on a logarithmic axis: length falls from about 7 at three words to about 2 at a hundred."
lengths = np.linalg.norm(raw, axis=1)
plt.semilogx(n_words, lengths, ".")
plt.xticks([3, 10, 30, 100], ["3", "10", "30", "100"])
plt.gca().set(xlabel="words in the text", ylabel="vector length", title="Few words, long vector")
plt.show()
print(f"correlation with the logarithm: {np.corrcoef(np.log(n_words), lengths)[0, 1]:.2f}")

# %% [markdown]
# A habit: a few short messages win again and again. See the fall: the token vectors of a long text
# point in many directions, and their mean cancels out. A dot product grows with the vector's
# length, so short messages win.
#
# ## 2. Four ways to compare
#
# | | formula | asks |
# |---|---|---|
# | dot product | $\sum_i q_i d_i = \lVert q\rVert\,\lVert d\rVert\cos\theta$ | same direction, and long? |
# | cosine | $q \cdot d\,/\,(\lVert q\rVert\,\lVert d\rVert)$ | same direction? |
# | Euclidean | $\sqrt{\sum_i (q_i - d_i)^2}$ | how far as the crow flies? |
# | Manhattan | $\sum_i \lvert q_i - d_i\rvert$ | how far along the streets? |
#
# Each takes a line. Then, in two dimensions, one query and four documents.


# %%
def dot_product(q, d):
    return (q * d).sum()


def cosine(q, d):
    return dot_product(q, d) / np.sqrt(dot_product(q, q) * dot_product(d, d))


def euclidean(q, d):
    return np.sqrt(((q - d) ** 2).sum())


def manhattan(q, d):
    return np.abs(q - d).sum()


# %% alt="Arrows from the origin for one query and four documents: A is short and on the query's line, B is long and points down to the right, C and D end near the query's tip, C above it and D below."
query = np.array([2.0, 1.0])
names = ["A", "B", "C", "D"]
points = np.array([[0.8, 0.4], [4.0, -1.0], [1.6, 1.4], [2.0, 0.3]])
fig, ax = plt.subplots()
for name, point in zip(["query", *names], [query, *points], strict=True):
    colour = "C1" if name == "query" else "C0"
    ax.annotate("", point, (0, 0), arrowprops={"arrowstyle": "->", "color": colour})
    ax.text(*(point + 0.06), name, color=colour)
ax.set(xlim=(0, 4.5), ylim=(-1.3, 1.8), aspect="equal")
ax.set(xlabel="first dimension", ylabel="second dimension", title="Which document is closest?")
plt.show()

# %% [markdown]
# See A on the query's line, B far out and to the side, C and D near the query's tip. **Predict**:
# which does each metric choose? The cell also holds our lines against `course_lib` and scikit-learn,
# which compare whole tables at once.

# %%
for mine, ours, reference, choose in [
    (dot_product, similarity.dot_product, pairwise.linear_kernel, np.argmax),
    (cosine, cosine_similarity, pairwise.cosine_similarity, np.argmax),
    (euclidean, euclidean_distance, pairwise.euclidean_distances, np.argmin),
    (manhattan, manhattan_distance, pairwise.manhattan_distances, np.argmin),
]:
    values = np.array([mine(query, point) for point in points])
    assert np.allclose(values, ours([query], points))
    assert np.allclose(values, reference([query], points))
    print(f"{mine.__name__:11} takes {names[choose(values)]} of {values}")

# %% [markdown]
# The dot product takes B for its length; cosine takes A, whose direction is the query's. The
# distances take C and D and disagree on what near is.
#
# **Exercise 2.1** · Cosine for whole tables · easy, 5 minutes, you may skip it.
# Complete the first line. A zero vector (an empty field) has cosine 0 with everything.


# %% tags=["exercise"] exercise="2.1"
def cosine_table(queries, documents):
    scale = ...  # (n_queries, n_documents)
    return queries @ documents.T / scale


check("2.1", cosine_table)

# %%
hint("2.1")
solution("2.1")

# %%
# a person gave each ticket a topic, its intent: a rough stand-in for "same question"
intents = np.array([ticket.intent for ticket in tickets])
summed = raw * embedder.count_tokens(messages)[:, None]  # mean x count = sum
hits = {}
print(f"all messages: median words {np.median(n_words)}")
for name, scores in {
    "mean, dot product": raw @ raw.T,
    "mean, Euclidean": -euclidean_distance(raw, raw),
    "sum, dot product": summed @ summed.T,
    "mean, cosine": cosine_similarity(raw, raw),
    "sum, cosine": cosine_similarity(summed, summed),
}.items():
    first = nearest(scores)
    hits[name] = intents[first] == intents
    most_popular = np.bincount(first).max()
    print(f"{name:17}  median words of the first {np.median(n_words[first]):5}", end=", ")
    print(f"most popular {most_popular:2} times, same intent {hits[name].mean():.2f}")

# %%
gain = paired_bootstrap_interval(hits["mean, cosine"], hits["mean, dot product"])
print(f"same intent, cosine minus dot product: {gain} (95 % interval)")
for i in cosine_similarity(new, raw).argmax(axis=1):
    print(messages[i][:75])

# %% [markdown]
# Back at the care desk: the dot product prefers short texts when token vectors are averaged, long ones
# when they are added up. Euclidean distance prefers long ones: averaged, their vectors are short, and a
# short vector, near the origin, is not far from anything. Under cosine, mean and sum are the same: a
# sum is a mean times a count, and a count has no direction. Over all messages the gain is small: cosine
# takes out length, it does not make the model wiser.
#
# ## 3. On unit vectors, three of the four rank alike
#
# Divide each vector by its length once, when you store it: then the dot product *is* the
# cosine. That is notebook 01's last step. Euclidean distance then adds nothing:
# $\lVert q-d\rVert^2 = \lVert q\rVert^2 + \lVert d\rVert^2 - 2\,q\cdot d = 2 - 2\cos\theta$.
# Manhattan has no such identity. How much does the choice change the five nearest?

# %%
unit = normalize(raw)
assert np.allclose(euclidean_distance(unit, unit) ** 2, 2 - 2 * unit @ unit.T, atol=1e-5)
by_cosine, _ = top_k(unit @ unit.T, 6)  # itself and five neighbours
for name, scores in {
    "Euclidean": -euclidean_distance(unit, unit),
    "Manhattan": -manhattan_distance(unit, unit),
    "cosine, 64 of 384 numbers": cosine_similarity(unit[:, :64], unit[:, :64]),
}.items():
    found, _ = top_k(scores, 6)
    same_order = (found == by_cosine).all(axis=1).sum()
    shared = [len(set(a) & set(b)) - 1 for a, b in zip(found, by_cosine, strict=True)]
    print(f"{name:25}  shared with cosine {np.mean(shared):.2f} of 5", end="  ")
    print(f"same order for {same_order} of {len(unit)} queries")

# %% [markdown]
# If your vectors are normalised, a vector database's metric setting (dot, cosine, L2) does not change
# the ranking. Manhattan keeps four of five neighbours, but seldom their order. Keeping the first 64 numbers to save space loses most
# neighbours: do not cut the vectors of a model that was not trained for it.
#
# ## 4. Does nearest mean anything in 384 dimensions?
#
# Distances are said to stop working in many dimensions. For random unit vectors, how many times as
# far as the nearest neighbour is the farthest? **Predict**: in 2 dimensions it is over 100 times. How
# much is it in 384?


# %%
def contrast(vectors):
    ordered = np.sort(euclidean_distance(vectors, vectors), axis=1)  # column 0: itself
    return np.median(ordered[:, -1] / ordered[:, 1])


rng = np.random.default_rng(0)
for dim in (2, 4, 8, 16, 32, 64, 128, 256, 384):
    print(
        f"random, {dim:3} dimensions: {contrast(normalize(rng.normal(size=(len(unit), dim)))):6.2f}"
    )
shuffled = normalize(rng.permuted(unit, axis=0))  # each column on its own
print(f"messages: {contrast(unit):.2f}, shuffled: {contrast(shuffled):.2f}")

# %% [markdown]
# For random vectors the ratio sinks towards 1; in 384 dimensions the messages keep more. Shuffle each column: it
# keeps its numbers, but no row is a real message any more, and the ratio falls to that of random vectors. So it comes from
# structure in the messages, and nearest means something.
#
# ## 5. The best five of 100,000
#
# **Exercise 2.2** · The best k without sorting everything · medium, 10 minutes, you may skip it.
# Return indices and values of the `k` largest scores, best first, equal scores in index order.
# `np.partition(scores, -k)[-k]` is the k-th best score, found by a partial sort: start there.


# %% tags=["exercise"] exercise="2.2"
def best_k(scores, k):
    """`scores` has one number for each document, shape (n_documents,)."""
    indices = ...
    values = ...
    return indices, values


check("2.2", best_k)

# %%
hint("2.2")
solution("2.2")

# %% tags=["nbval-ignore-output"] reason="times differ from run to run"
documents = rng.standard_normal((100_000, 384), dtype=np.float32)
scores = documents @ documents[0]
for name, work in {
    "score 100,000 documents": lambda: documents @ documents[0],
    "sort all, take five": lambda: np.argsort(-scores, kind="stable")[:5],
    "top_k": lambda: top_k(scores, 5),
}.items():
    print(f"{name:24} {1000 * min(timeit.repeat(work, number=1, repeat=7)):7.2f} ms")

# %%
assert (top_k(scores, 5)[0] == np.argsort(-scores, kind="stable")[:5]).all()
print("equal scores, lowest index first:", top_k([0.2, 0.9, 0.5, 0.9], 2)[0])

# %% [markdown]
# A full sort takes nearly as long as computing the scores. And ties come in index order on every
# machine, which `np.argpartition` does not promise.
#
# ## 6. Near enough? A threshold from labels, not from taste
#
# There is always a nearest message, for a question about the weather too. So there must be a limit,
# and somebody says "0.8". Instead, label pairs: would one answer serve both? A limit then has two
# numbers. *Precision* is the share of matches that are right; *recall* is the share of repeated
# questions that are found.


# %%
def is_ordinary(pair):
    return int(pair.id[1:]) > 120  # P001 to P120 were written to be hard: they come under Limits


def similarity_of(left, right):
    return (embedder.encode(left) * embedder.encode(right)).sum(axis=1)  # unit vectors: cosine


# %%
pairs = [pair for pair in data.load_question_pairs() if is_ordinary(pair)]
cosines = similarity_of([pair.a for pair in pairs], [pair.b for pair in pairs])
same = np.array([pair.same for pair in pairs])
train = np.array([pair.split == "train" for pair in pairs])
print(f"{len(pairs)} pairs, {same.mean():.0%} ask the same; {train.sum()} to choose by")

# %%
for limit in (0.4, 0.6, 0.8):
    matched = train & (cosines >= limit)
    precision = same[matched].mean()
    recall = same[matched].sum() / same[train].sum()
    print(f"limit {limit}: precision {precision:.2f}, recall {recall:.2f}")

# %% alt="Two histograms of cosine similarity: pairs that ask the same gather above 0.7, other pairs spread from 0 to 0.8; they overlap between 0.4 and 0.8. A dashed line marks 0.8."
plotting.histogram_by_group(
    {"same question": cosines[train & same], "not the same": cosines[train & ~same]},
    title="No limit separates them", x_label="cosine similarity", y_label="pairs (train)",
    threshold=0.8, threshold_label="by taste:", bins=20,
)  # fmt: skip
plt.show()

# %% [markdown]
# See the overlap: limits between 0.5 and 0.8 make both mistakes. A similarity is no percentage
# either: nearly all matches above 0.8 are right, and two repeats in five lie below. Which mistake to
# accept is a matter of price:
#
# - **Suggest**: an agent sees the old reply. A wrong one costs a minute of reading, a missed one
#   five minutes of writing.
# - **Send**: nobody looks. A wrong reply costs five times a missed one.
#
# **Predict**: will the cheapest limits of both uses be on the same side of 0.8?
#
# **Exercise 2.3** · The cheapest threshold · medium, 10 minutes, you may skip it.
# A pair matches from the threshold upwards. `thresholds` is in rising order. Return the one with the
# lowest total cost; if several cost the same, the highest.


# %% tags=["exercise"] exercise="2.3"
def my_cheapest(similarities, same, thresholds, wrong_cost, missed_cost):
    """`similarities` and `same` (True or False) have one entry for each pair."""
    return ...


check("2.3", my_cheapest)

# %%
hint("2.3")
solution("2.3")


# %%
def costs(cosines, same, limit, wrong_cost, missed_cost):
    matched = cosines >= limit
    return wrong_cost * (matched & ~same) + missed_cost * (~matched & same)  # one for each pair


prices = {"suggest": (1, 5), "send": (5, 1)}  # wrong, missed
thresholds = np.round(np.arange(0.1, 1, 0.01), 2)

# %% alt="Line chart of mean cost against the limit for three uses: suggesting is cheapest near 0.4, sending near 0.8, suggesting with few true pairs near 0.7."
for label, use, share_same, style in [
    ("suggest", "suggest", 0.5, "-"),
    ("send", "send", 0.5, "--"),
    ("suggest, if 1 pair in 10 were the same", "suggest", 0.1, ":"),
]:
    weights = np.where(same[train], share_same, 1 - share_same)  # as if the mix were this one
    curve = []
    for limit in thresholds:
        each = costs(cosines[train], same[train], limit, *prices[use])
        curve.append(np.average(each, weights=weights))
    plt.plot(thresholds, curve, style, label=label)
    print(f"{label}: cheapest at", thresholds[np.isclose(curve, min(curve))])
plt.gca().set(xlabel="limit", ylabel="mean cost per train pair\n(1 = the cheaper mistake)")
plt.title("Each price has its own limit")
plt.legend()
plt.show()

# %% [markdown]
# See two valleys far apart, from the same vectors and labels. Several limits are equally cheap: 60
# pairs say where the valley is, not its second decimal. And the dotted valley lies further right:
# half of these pairs ask the same; in a live inbox fewer do, and there are more chances for a wrong match
# than for a missed one. Label real traffic. The prediction: suggesting wants a limit far below 0.8, sending one
# near it, on either side.
#
# Do the limits hold on pairs that took no part in the choice? Compare them with 0.8, and with rules
# that need no model: always suggest, never send.

# %%
limits = {}
for use in prices:
    limits[use] = cheapest_threshold(cosines[train], same[train], thresholds, *prices[use])
for use, name, limit in [
    ("suggest", "by taste", 0.8),
    ("suggest", "always", -1),
    ("send", "by taste", 0.8),
    ("send", "never", 2),
]:
    chosen = costs(cosines[~train], same[~train], limits[use], *prices[use])
    other = costs(cosines[~train], same[~train], limit, *prices[use])
    print(f"{use}: chosen {limits[use]:.2f} costs {chosen.mean():.2f}", end=", ")
    print(f"{name} {other.mean():.2f}, difference {paired_bootstrap_interval(other, chosen)}")

# %% [markdown]
# For suggestions, 0.8 costs six times the chosen limit, and three times what no model costs. For
# sending, taste did no worse than 60 labels: they differ on one test pair. Both chosen
# limits beat the rules without a model.
#
# ## 7. Five results, three of them about one thing
#
# Next, the desk asks the handbook. Pages repeat each other, and some are out of date: their
# successor names them in its field `supersedes`.

# %%
handbook = data.load_handbook()
superseded = {page.supersedes for page in handbook}
sections = [section for page in handbook for section in page.sections()]
section_vectors = embedder.encode([f"{s.page_title}. {s.heading}. {s.text}" for s in sections])
question = embedder.encode(["When will I see the money for the bike I returned?"])[0]


def likeness(found):
    table = section_vectors[found] @ section_vectors[found].T
    return table[np.triu_indices(len(found), 1)].mean()  # mean over all pairs of results


def show_results(found):
    for i in found:
        age = "OLD" if sections[i].page_id in superseded else "   "
        text = " ".join(sections[i].text.split())[:60]
        print(f"{section_vectors[i] @ question:.2f} {age} {sections[i].anchor}\n         {text}")
    print(f"similar to each other: {likeness(found):.2f}")


found, _ = top_k(section_vectors @ question, 5)
show_results(found)

# %% [markdown]
# *Maximal marginal relevance* (MMR) takes results one at a time, near the question and far from
# those taken: `trade_off * relevance - (1 - trade_off) * largest similarity to one taken`.
#
# **Exercise 2.4** · MMR from scratch · hard, 15 minutes, you may skip it.
# All vectors have unit length. Take the most relevant document, then `k - 1` more by the formula,
# no document twice. Return indices in the order taken.


# %% tags=["exercise"] exercise="2.4"
def my_mmr(query, documents, k, trade_off):
    taken = [int(np.argmax(documents @ query))]
    while len(taken) < k:
        scores = ...
        taken.append(int(np.argmax(scores)))
    return taken


check("2.4", my_mmr)

# %%
hint("2.4")
solution("2.4")


# %%
def diverse(question, trade_off):
    candidates, _ = top_k(section_vectors @ question, 50)  # MMR reorders a search's best
    return candidates[mmr(question, section_vectors[candidates], 5, trade_off=trade_off)]


taken = diverse(question, 0.7)  # the table below prices it
show_results(taken)
for gone in sorted(set(found) - set(taken)):
    to_taken = section_vectors[taken] @ section_vectors[gone]
    twin = sections[taken[to_taken.argmax()]].anchor
    print(f"gone: {sections[gone].anchor}, {to_taken.max():.2f} to {twin}")

# %% [markdown]
# In the order taken. Less alike, and not better: the refund sections of 2023 are still there, and one section off the topic
# gave way to another. MMR sees what is alike, not what is out of date. Leave superseded pages out before you search.
#
# One question proves nothing; all those that the handbook answers say more. **Predict**: with 0.5, a
# common default, what share of them loses its answer?

# %%
answers = {}  # question -> the sections that answer it (grade 2; those of grade 1 only help)
for q in data.load_handbook_questions():
    answers[q.text] = {judged.section for judged in q.relevant if judged.grade == 2}

# %%
question_vectors = embedder.encode(list(answers))
print(len(answers), "questions")
for trade_off in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
    alike, answered = [], []
    for vector, best in zip(question_vectors, answers.values(), strict=True):
        five = diverse(vector, trade_off)
        alike.append(likeness(five))
        answered.append(any(sections[i].anchor in best for i in five))
    if trade_off == 1.0:
        relevance_alone = answered
    lost = paired_bootstrap_interval(relevance_alone, answered)
    print(f"{trade_off}: similar to each other {np.mean(alike):.2f}", end=", ")
    print(f"answered {np.mean(answered):.2f}, lost {lost}")

# %% [markdown]
# Each step gives more variety. `lost` is the share of questions whose answer went, less those whose answer
# came, against relevance alone. At 0.6 and 0.5 its interval lies well above 0: a real loss. At 0.7 it touches 0, and above that
# these questions cannot tell. Choose the trade-off on labelled questions too.
#
# ## Limits
#
# Back to "near enough", with the pairs that were written to be hard. A rule helps with codes, which a
# program reads exactly: if both texts name codes and the codes differ, do not match.

# %%
hard = [pair for pair in data.load_question_pairs() if not is_ordinary(pair)]
hard_cosines = similarity_of([pair.a for pair in hard], [pair.b for pair in hard])
hard_same = np.array([pair.same for pair in hard])
closest_first = np.argsort(-hard_cosines, kind="stable")
for i in closest_first[:5]:
    meant = "the same" if hard_same[i] else "not the same"
    print(f"{hard_cosines[i]:.2f}  {meant}: {hard[i].a} | {hard[i].b}")
sent_wrongly = ~hard_same & (hard_cosines >= limits["send"])
not_suggested = hard_same & (hard_cosines < limits["suggest"])
print(f"{sent_wrongly.sum()} of {(~hard_same).sum()} different pairs would be sent")
print(f"{not_suggested.sum()} of {hard_same.sum()} repeats would not even be suggested")


# %%
def codes(text):
    return set(re.findall(r"\b[A-Z]+-?\d+\b", text))  # E07, LK-204


def codes_differ(pair):
    a, b = codes(pair.a), codes(pair.b)
    return len(a) > 0 and len(b) > 0 and a != b


stopped = np.array([codes_differ(pair) for pair in hard])
print(f"of {sent_wrongly.sum()} sent wrongly it stops {(sent_wrongly & stopped).sum()}", end=", ")
print(f"{(sent_wrongly & ~stopped).sum()} remain")
print(f"of {hard_same.sum()} real repeats it stops {(hard_same & stopped).sum()}")

# %% [markdown]
# These pairs were written so: the most similar ones differ, and both uses fail. A *not* or two swapped digits
# barely move a sentence vector, and no threshold undoes that. The rule stops what it was made for
# and no repeat. The rest needs a model that reads both texts together (notebook 08), or a person. So
# suggest, do not send: a wrong suggestion costs a minute of reading.
#
# **Exercise 2.5** · Fool the thresholds with your own text · any level, 10 minutes, you may skip it.
# Write six or more pairs as *your* users would, `True` where one answer serves both. Among them:
# a `False` pair that would be sent (0.83 or more), and a `True` pair that would not be suggested
# (under 0.41). Once the check passes, the cell after the hints shows your pairs and what other limits
# cost: which would you choose for your product?

# %% tags=["exercise"] exercise="2.5"
my_pairs = [
    # ("Where is my order?", "Has my parcel left yet?", True),
]
check("2.5", my_pairs)

# %%
hint("2.5")
solution("2.5")

# %%
if check("2.5", my_pairs).passed:
    left, right, labels = map(list, zip(*my_pairs, strict=True))
    my_cosines, my_same = similarity_of(left, right), np.array(labels, dtype=bool)
    for i in np.argsort(-my_cosines):
        print(
            f"{my_cosines[i]:.2f} {'same' if my_same[i] else 'not the same'}: {left[i]} | {right[i]}"
        )
    for limit in (0.41, 0.6, 0.8, 0.83):
        for use in prices:
            total = costs(my_cosines, my_same, limit, *prices[use]).sum()
            print(f"limit {limit}, {use}: total cost {total}")

# %% [markdown]
# ## What to remember
#
# 1. Dot products of vectors that differ in length rank by length. Normalise when you store.
# 2. On unit vectors dot product, cosine and Euclidean distance give one ranking.
# 3. Similarity ranks; it is no probability. A threshold belongs to one model and one use.
# 4. Label pairs, price both mistakes, choose on train, report on test with an interval.
# 5. Codes, numbers and *not* need more than a sentence vector.
#
# ## In your project
#
# Copy `cosine_similarity`, `top_k` and `mmr` from `course_lib.similarity`; they need NumPy alone.
# `course snippet top_k` prints one as a file of its own. Section 5 timed exact search over 100,000
# vectors on your machine; where that is too slow, take an index such as faiss (notebook 07).
#
# ## Where the maths goes deeper
#
# Skipped: training the vectors so that your pairs separate (metric learning; sentence-transformers'
# training guide), wanted when thousands of labelled pairs still overlap; and proofs about distances
# in many dimensions (Aggarwal, Hinneburg and Keim, 2001), wanted when you design an index.
# MMR is by Carbonell and Goldstein (1998).
#
# Next: [03 Tokenization](03_tokenization.ipynb), the pieces that a model sees of LK-204 and LK-240.
