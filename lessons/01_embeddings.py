# %% [markdown]
# # 01 · Embeddings
#
# **What you will be able to do** after this notebook:
#
# - build count, TF-IDF and LSA vectors in a few lines of NumPy, and say what each is blind to;
# - take a sentence-embedding model apart: tokens, hidden states, masked mean, unit length;
# - measure whether one kind of vector finds more than another, with an interval on the difference;
# - name what a sentence vector loses, before your users find it;
# - estimate what a million vectors cost.
#
# Needs: notebook 00. Reading 30 minutes, exercises 40, running 25 seconds.
#
# ## A question that the search box cannot answer
#
# Larkspur's search box counts the words that a question and a section of the handbook share. That works while customers
# use the handbook's words.

# %%
import re
import time
from collections import Counter

import numpy as np
import torch
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from course_lib import plotting
from course_lib.data import load_handbook, load_handbook_questions, load_tickets
from course_lib.embeddings import Embedder, mean_pool, normalize
from course_lib.exercises import check, hint, solution
from course_lib.exercises.ex01_embeddings import idf, show_pairs  # idf: the solution of 1.1
from course_lib.statistics import bootstrap_interval, paired_bootstrap_interval

plotting.use_course_style()
np.set_printoptions(precision=2, suppress=True)
sections = [section for page in load_handbook() for section in page.sections()]
texts = [f"{s.page_title}. {s.heading}. {s.text}" for s in sections]
print(len(sections), "sections")


# %%
def words(text):
    return re.findall(r"\b\w\w+\b", text.lower())  # two letters or digits, or more


def shared_words(question, text):
    return set(words(question)) & set(words(text))


def show_best(question, scores):
    for i in np.argsort(-np.asarray(scores), kind="stable")[:3]:
        print(f"{scores[i]:5.2f}  {sections[i].anchor}  {sorted(shared_words(question, texts[i]))}")


puncture_question = "How do I repair a puncture?"
show_best(puncture_question, [len(shared_words(puncture_question, text)) for text in texts])

# %% [markdown]
# The section that helps, "Fixing a flat with an inner tube", is missing: it says "fixing", "flat" and "punctures" where the customer
# says "repair" and "puncture", and to a word count even a plural is another word. The three that came owe their place mostly to words
# like "how" and "do".
#
# One question proves little, so measure. **Recall@3** is, of the sections that answer a question, the share among the first
# three found (notebook 09). We tune nothing on these questions, so we may use all of them, train and test.

# %%
row_of = {section.anchor: row for row, section in enumerate(sections)}
questions = load_handbook_questions()
# for each question the rows of the sections that answer it (grade 2; those of grade 1 only help)
answers = [{row_of[r.section] for r in q.relevant if r.grade == 2} for q in questions]
print(len(questions), "questions that the handbook answers")


# %%
def recall_at_3(scores):  # shape (n_questions, n_sections)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :3].tolist()
    found = [len(wanted & set(rows)) for wanted, rows in zip(answers, best, strict=True)]
    return np.array(found) / [len(wanted) for wanted in answers]


n_shared = np.array([[len(shared_words(q.text, text)) for text in texts] for q in questions])
recall = {"shared words": recall_at_3(n_shared)}
print("recall@3 of shared words:", bootstrap_interval(recall["shared words"]))

# %% [markdown]
# The customers' own words miss most of what would answer them. The brackets hold the 95 % interval, as in notebook 00.
#
# ## One axis for every word
#
# To compare texts with arithmetic, turn each into a vector. The plainest way gives every word an axis of its own
# (**one-hot**), and adds up the words of a text (**counts**). The **dot product** of two vectors multiplies them axis by axis and
# adds up; here that counts shared words. `a @ b.T` takes it of every row of `a` with every row of `b`.
#
# **Predict:** which two of the three phrases are nearest? What do "flat tyre" and "puncture" score?

# %%
phrases = ["flat tyre", "puncture", "flat battery"]
axes = sorted({word for phrase in phrases for word in words(phrase)})
one_hot = dict(zip(axes, np.eye(len(axes), dtype=int), strict=True))
phrase_counts = np.array([sum(one_hot[word] for word in words(phrase)) for phrase in phrases])
print(axes, phrase_counts, "dot products:", phrase_counts @ phrase_counts.T, sep="\n")

# %% [markdown]
# "Flat tyre" is related to "flat battery" (1), and "puncture" to nothing (0). That 0 is exact, and no weighting of the
# words can change it: every product in the sum has a 0 in it.
#
# Weights help elsewhere: "the" says nothing, and "sealant", which is rare, says a lot.
# **TF-IDF** multiplies each count by a weight that grows as a word gets rarer, its *inverse document frequency*:
#
# $$\text{idf}(w) = \ln\frac{1 + n}{1 + d_w} + 1$$
#
# with $n$ texts, of which $d_w$ have the word $w$ in them. Then it divides each vector by its length, because a long section has more of every
# word. The dot product of two such **unit vectors** is their *cosine*, 1 for the same direction (notebook 02).
#
# **Exercise 1.1** · rare words count more · easy, 5 minutes, you may skip it. Complete the line, for all words at once.


# %% tags=["exercise"] exercise="1.1"
def my_idf(counts):  # shape (n_texts, n_words): how often each word is in each text
    n_texts = len(counts)
    weights = ...  # shape (n_words,)
    return weights


check("1.1", my_idf)

# %%
hint("1.1")
solution("1.1")


# %%
def count_words(texts, vocabulary):  # to shape (n_texts, n_words)
    tallies = [Counter(words(text)) for text in texts]
    return np.array([[tally[word] for word in vocabulary] for tally in tallies])


vocabulary = sorted(set(words(" ".join(texts))))
counts = count_words(texts, vocabulary)
weights = idf(counts)  # (n_words,)
for word in ("the", "battery", "sealant"):
    print(f"{word:8} {weights[vocabulary.index(word)]:.2f}")

# %%
tfidf = normalize(counts * weights)  # (n_sections, n_words)
vectorizer = TfidfVectorizer().fit(texts)
from_sklearn = vectorizer.transform(texts).toarray()
print("by hand and scikit-learn agree:", np.allclose(tfidf, from_sklearn, atol=1e-6))
question_tfidf = vectorizer.transform([q.text for q in questions]).toarray()
recall["TF-IDF"] = recall_at_3(question_tfidf @ tfidf.T)
print("recall@3 of TF-IDF:", bootstrap_interval(recall["TF-IDF"]))
both = recall["TF-IDF"], recall["shared words"]
print("TF-IDF minus shared words:", paired_bootstrap_interval(*both))

# %% [markdown]
# "Sealant" weighs several times as much as "the". TF-IDF finds more here, but the interval of the difference, taken question by
# question, still holds 0: ask more questions before you believe it. (Rounded numbers need not subtract exactly.) And "flat
# tyre" and "puncture" still share no word.
#
# ## Words that keep the same company
#
# "Tyre" and "puncture" may never meet, yet both meet "tube" and "patch". **Latent semantic analysis** (LSA) uses that. A
# singular value decomposition (SVD) finds the few directions that carry the most of all texts; words that keep the same
# company end up pointing the same way. Two directions, learned from six toy notes and used on our phrases:

# %%
toy_notes = ["flat tyre", "tyre tube patch", "puncture patch tube"]
toy_notes += ["flat battery", "battery charger plug", "charger plug socket"]
toy_words = sorted(set(words(" ".join(toy_notes))))
_, _, toy_directions = np.linalg.svd(count_words(toy_notes, toy_words), full_matrices=False)
toy_phrases = normalize(count_words(phrases, toy_words) @ toy_directions[:2].T)  # (3 phrases, 2)
print(toy_phrases @ toy_phrases.T)

# %% [markdown]
# "Flat tyre" is now nearer to "puncture" (first row, second number) than to "flat battery" (third). But I wrote the six notes so that
# it works. **Predict:** is the real handbook enough?
#
# Each row of `directions` has one number per word. So its columns, weighted by `strength`, are vectors for words. Keep the first
# 100, a usual number:

# %%
_, strength, directions = np.linalg.svd(tfidf, full_matrices=False)  # strongest direction first
kept = directions[:100]  # (100, n_words)
word_vectors = normalize((kept * strength[:100, None]).T)  # (n_words, 100)
n_sections_with = (counts > 0).sum(axis=0)  # (n_words,)
for word in ("charger", "puncture"):
    row = vocabulary.index(word)
    cosines = np.round(word_vectors @ word_vectors[row], 4)  # rounded, so that ties stay ties
    nearest = [vocabulary[i] for i in np.argsort(-cosines, kind="stable") if i != row]
    print(f"{word} (sections with it: {n_sections_with[row]}): {', '.join(nearest[:6])}")
print(f"words that are in one section only: {(n_sections_with == 1).mean():.0%}")

# %% [markdown]
# "Charger" found "socket" and 301, the part code of a charger, among words of a single recall notice. "Puncture" stands in two
# sections and got what else they say. Many words are in one section only: they have kept little company to learn from. Does search gain?

# %%
section_lsa = normalize(tfidf @ kept.T)  # (n_sections, 100)
svd = TruncatedSVD(100, algorithm="arpack", random_state=0)  # arpack: exact, like NumPy's
from_sklearn = normalize(svd.fit_transform(tfidf))
# an SVD may flip a direction's sign; the dot products stay
agree = np.allclose(section_lsa @ section_lsa.T, from_sklearn @ from_sklearn.T, atol=1e-6)
print("by hand and scikit-learn agree:", agree)
recall["LSA"] = recall_at_3(normalize(question_tfidf @ kept.T) @ section_lsa.T)
print("recall@3 of LSA:", bootstrap_interval(recall["LSA"]))
print("LSA minus TF-IDF:", paired_bootstrap_interval(recall["LSA"], recall["TF-IDF"]))

# %% [markdown]
# The whole interval of the difference lies below 0: pressed into 100 directions, the search finds less than before. The idea is
# right; one handbook is little to learn a language from.
#
# ## A model that has read more
#
# So borrow the company that words keep elsewhere. **all-MiniLM-L6-v2** is a small neural network, trained on a
# billion pairs of texts that belong together until their vectors came out close. Three cells rebuild what is around it.
#
# Text becomes **tokens**; a rare word is cut into pieces (notebook 03). A batch has to be rectangular, so the shorter text is filled up with
# `[PAD]`, and the **attention mask** says what is real: 1 for a token, 0 for padding. The network turns each token into numbers, its
# **hidden state**, with a view of the whole text.

# %%
embedder = Embedder()
two_texts = ["flat tyre", "How do I repair a puncture?"]
batch = embedder.tokenizer(two_texts, padding=True, return_tensors="pt")  # pt: for PyTorch
mask = batch["attention_mask"].numpy()  # (2 texts, 10 tokens)
for ids, real in zip(batch["input_ids"], mask, strict=True):
    print(embedder.tokenizer.convert_ids_to_tokens(ids), real, sep="\n")

# %%
with torch.no_grad():  # the network is used, not trained
    hidden = embedder.model(**batch).last_hidden_state.numpy()
print("hidden states:", hidden.shape)

# %% [markdown]
# "Puncture" came apart into two pieces, and "flat tyre" is more padding than text. Two texts, ten tokens each, 384 numbers for each token:
# **mean pooling** averages a text's hidden states into one vector.
#
# **Exercise 1.2** · the mean over real tokens · medium, 10 minutes, you may skip it. Leave the padding out.


# %% tags=["exercise"] exercise="1.2"
def my_mean_pool(hidden, mask):  # shapes (n, tokens, dim) and (n, tokens)
    pooled = ...  # shape (n, dim)
    return pooled


check("1.2", my_mean_pool)

# %%
hint("1.2")
solution("1.2")

# %%
two_vectors = normalize(mean_pool(hidden, mask))  # (2, 384), each of length 1
agree = np.allclose(two_vectors, embedder.encode(two_texts), atol=1e-5)
print("by hand and Embedder agree:", agree)
phrase_vectors = embedder.encode(phrases)  # (3, 384)
print(phrases, phrase_vectors @ phrase_vectors.T, sep="\n")

# %% [markdown]
# Tokens, hidden states, mean, length 1: that is all of `Embedder`. No 0 is left, and "puncture" is nearer to "flat tyre" than to "flat
# battery". But "flat tyre" still prefers "flat battery": a shared word goes on counting.
#
# What if the network gets the mask, and your mean does not? Nothing warns you. One phrase, padded:

# %%
for length in (4, 8, 16, 64, 256):  # tokens, padding included
    options = {"padding": "max_length", "max_length": length, "return_tensors": "pt"}
    padded = embedder.tokenizer(["flat tyre"], **options)
    with torch.no_grad():
        states = embedder.model(**padded).last_hidden_state.numpy()
    wrong = normalize(states.mean(axis=1))[0]  # padding averaged in
    cosine = wrong @ phrase_vectors[0]
    print(f"{length - 4:3} padding tokens: cosine {cosine:.2f} with the right vector")

# %% [markdown]
# The phrase drifts away from itself. If your scores change with the batch size, look at the mask first.
#
# ## Do neighbours mean the same?
#
# Each customer's message is labelled with its intent: what the writer wants. If vectors hold meaning, a message and its nearest neighbour
# often have the same. **Predict:** how often, for vectors of each kind?

# %%
tickets = [t for t in load_tickets() if t.intent != "out_of_scope"]
messages = [t.text for t in tickets]
message_tfidf = TfidfVectorizer().fit_transform(messages).toarray()
message_lsa = normalize(svd.fit_transform(message_tfidf))
message_vectors = {"TF-IDF": message_tfidf, "LSA": message_lsa, "MiniLM": embedder.encode(messages)}
for name, vectors in message_vectors.items():
    print(f"{name:7} {vectors.shape}")

# %%
intents = np.array([t.intent for t in tickets])


def nearest_agrees(scores):  # shape (n_messages, n_messages)
    np.fill_diagonal(scores, -np.inf)  # a message is not its own neighbour
    return intents == intents[scores.argmax(axis=1)]


agrees = {name: nearest_agrees(vectors @ vectors.T) for name, vectors in message_vectors.items()}
for name, values in agrees.items():
    print(f"{name:7} same intent as the nearest: {bootstrap_interval(values)}")
print("MiniLM minus TF-IDF:", paired_bootstrap_interval(agrees["MiniLM"], agrees["TF-IDF"]))
print("by chance: about", round(1 / len(set(intents)), 2))

# %% [markdown]
# The interval of the difference excludes 0, so MiniLM's lead is more than luck. To look at it, press 384 dimensions
# into two. **Principal component analysis** (PCA) subtracts the mean and then does the same SVD.
#
# **Predict:** how will four of the ten intents lie on the map?

# %%
pca = PCA(2, random_state=0).fit(message_vectors["MiniLM"])
flat = pca.transform(message_vectors["MiniLM"])  # (n_messages, 2)
distances = np.linalg.norm(flat[:, None] - flat, axis=2)  # (n_messages, n_messages)
print(f"share of the variance that two axes keep: {pca.explained_variance_ratio_.sum():.2f}")
print("same intent as the nearest on the map:", bootstrap_interval(nearest_agrees(-distances)))

# %% alt="Scatter plot of messages of four intents on two principal components: the intents lie through each other, and a small island at the left holds some of each."
shown = np.isin(intents, ["app_account", "return_refund", "battery_charging", "service_booking"])
ax = plotting.scatter_map(
    flat[shown],
    intents[shown],
    title="Customers' messages: MiniLM's 384 dimensions pressed into two",
    x_label="first principal component (no unit)",
    y_label="second principal component (no unit)",
)
farthest = np.argsort(-np.abs(flat[:, 0]))  # from the middle, along the first axis
for i in farthest[:16:2]:
    print(f"{flat[i, 0]:+.2f}  {intents[i]:16}  {messages[i][:50]}")

# %% [markdown]
# See: no four clouds. The intents lie through each other, and at one end of the first axis an island holds some of each. The messages from
# there are not in English: MiniLM was trained on English, and its vectors vary most in the language.
# Neighbours on the map agree in about one case of five; in 384 dimensions they agreed far more often. Look at maps, and
# decide by numbers.
#
# ## Does the search get better?
#
# **Predict:** from TF-IDF to MiniLM, on the same questions, what does recall@3 become?

# %%
section_vectors = embedder.encode(texts)  # (n_sections, 384)
question_vectors = embedder.encode([q.text for q in questions])  # (n_questions, 384)
recall["MiniLM"] = recall_at_3(question_vectors @ section_vectors.T)
print("recall@3 of MiniLM:", bootstrap_interval(recall["MiniLM"]))
both = recall["MiniLM"], recall["TF-IDF"]
print("MiniLM minus TF-IDF:", paired_bootstrap_interval(*both))
show_best(puncture_question, section_vectors @ embedder.encode([puncture_question])[0])

# %% alt="Bar chart of recall at 3 for shared words, TF-IDF, LSA and MiniLM: MiniLM is highest at 0.53, TF-IDF follows with 0.29, the other two are near 0.2."
ax = plotting.bars_with_intervals(
    list(recall),
    [bootstrap_interval(values) for values in recall.values()],
    title="Four ways to find a section of the handbook",
    value_label=f"recall@3 (share), with 95 % interval, {len(questions)} questions",
)

# %% [markdown]
# See: MiniLM's bar is the longest, and the interval of its lead over TF-IDF has no 0 in it. The section on fixing a flat comes first.
#
# An average can hide losses. Look at each kind of question, and at the questions that lose most:

# %%
better = recall["MiniLM"] - recall["TF-IDF"]
kinds = np.array([q.kind for q in questions])
for kind in sorted(set(kinds)):
    if (kinds == kind).sum() >= 10:  # under that, an interval says little
        print(f"{kind:12} {bootstrap_interval(better[kinds == kind])}")
print(f"better on {(better > 0).sum()} questions, worse on {(better < 0).sum()}, among them:")
for i in np.argsort(better, kind="stable")[:5]:
    print(f"{better[i]:+.2f}  {questions[i].text[:90]}")

# %% [markdown]
# The gain is clear for tables and for rules that changed. For `fact` the interval holds 0, though the estimate is a gain; for
# `code` the estimate itself is about 0, and these questions cannot tell. Single questions lose all they had.
#
# ## What it costs

# %% tags=["nbval-ignore-output"] reason="a time"
start = time.perf_counter()
minilm = embedder.encode(messages)  # (n_messages, 384)
rate = len(messages) / (time.perf_counter() - start)
print(f"{rate:.0f} messages a second on this machine; a million take {1e6 / rate / 3600:.1f} hours")

# %%
assert rate > 1  # the cell above differs on every machine; slower than this, something is wrong
print(f"{minilm.shape[1]} numbers of type {minilm.dtype}: {minilm[0].nbytes:,} bytes a vector")
print(f"a million vectors: {1e6 * minilm[0].nbytes / 1e9:.2f} GB")

# %% [markdown]
# You pay the hours again whenever the model changes. The bytes can shrink.
#
# **Exercise 1.3** · a quarter of the bytes · hard, 15 minutes, you may skip it. Change the design and measure: take float32 vectors of
# shape (n, 384) and return an array of shape (n, anything) in a quarter of the bytes. Your function is called once for the handbook's headings
# and once for the questions. The check takes dot products of what it returns, so use one scale for the whole array and no offset. Over all
# questions, at least 90 % of the three nearest headings must stay the same.


# %% tags=["exercise"] exercise="1.3"
def my_small(vectors):
    small = ...
    return small


check("1.3", my_small)

# %%
hint("1.3")
solution("1.3")

# %% [markdown]
# One byte for each number instead of four: 1.54 GB becomes 0.38 GB, and the order of the results almost stays.
#
# ## Limits
#
# **Predict:** which of these pairs mean the same? Which will score above 0.8?

# %%
pairs = [
    ("Is the warranty 3 years?", "How long am I covered?"),
    ("Is the warranty 3 years?", "Is the warranty 10 years?"),
    ("Charging below freezing is allowed", "Charging below freezing is not allowed"),
    ("The dealer owes the customer money", "The customer owes the dealer money"),
    ("E07 on the display, what now?", "E70 on the display, what now?"),
    ("I need LK-204", "I need LK-240"),
    ("Where is my order?", "Wo ist meine Bestellung?"),
]
for a, b in pairs:
    print(f"{np.dot(*embedder.encode([a, b])):5.2f}  {a} | {b}")

# %% [markdown]
# Only the first and the last pair want the same answer, and they score lowest. A number, a "not", who owes whom, a part code: most
# tokens stay the same, and so does most of the mean. So keep a word search beside the vectors for codes, let a reranker or a language model
# read the text itself (both in notebook 08), and take a multilingual model for other languages.
#
# The other limit is silent. `Embedder` reads 256 tokens and drops the rest:

# %%
long = "Thank you for the lovely bike and the kind delivery. " * 30
before, after = embedder.encode([long, long + "But the battery is smoking, call me!"])
print("tokens:", embedder.count_tokens([long])[0])
print("largest change of a number:", round(float(np.abs(before - after).max()), 4))

# %% [markdown]
# A smoking battery, and no number changes. Count tokens, and cut long texts into chunks (notebook 08).
#
# **Exercise 1.4** · your own sentences · medium, 10 minutes, you may skip it. Write two sentences that share **no** word of two letters or more and have
# a cosine of 0.5 or more. Then the reverse: two that share at least three different words, with a cosine of at most 0.5. An
# apostrophe ends a word, so "can't" counts as "can".

# %% tags=["exercise"] exercise="1.4"
my_pairs = [
    ...,  # ("a sentence", "another one") without a common word
    ...,  # ("a sentence", "another one") with three common words
]
show_pairs(my_pairs)
check("1.4", my_pairs)

# %%
hint("1.4")
solution("1.4")

# %% [markdown]
# ## What to remember
#
# - Counting words cannot connect words that differ: the score is exactly 0.
# - A sentence vector is the mean of token vectors, with the padding left out by the mask.
# - Compare methods on the same questions, and put an interval on the *difference*.
# - A sentence vector blurs negation, numbers and codes, and ends where the model stops reading.
#
# ## In your project
#
# `course snippet Embedder` prints the `Embedder` class as one file to copy, `mean_pool` and `normalize` included;
# `sentence-transformers` offers many more models behind the same idea. One matrix product searches tens of thousands of vectors;
# beyond that take a vector index (notebook 07). Vectors of two models do not compare.
#
# ## Where the maths goes deeper
#
# The SVD: Gilbert Strang, *Introduction to Linear Algebra*, chapter 7. How pairs of sentences train a model: Reimers and Gurevych, *Sentence-BERT* (2019).
#
# Skipped here: the inside of the network, and how to train an embedding model. You want it when no ready model knows your field's
# language; start at the documentation of `sentence-transformers`.
#
# **Next:** [02 Similarity metrics](02_similarity_metrics.ipynb), how to compare two vectors, and from which score on to believe it.
