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
# Needs: notebook 00. Reading 25 minutes, exercises 40, running 20 seconds.
#
# ## A question that the search box cannot answer
#
# Larkspur's search box counts the words that a question and a section of the handbook share. That works as long as customers
# use the handbook's words. They have no reason to.

# %%
import re
import time

import numpy as np
import torch
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from course_lib import plotting
from course_lib.data import load_handbook, load_questions, load_tickets
from course_lib.embeddings import Embedder, mean_pool, normalize
from course_lib.exercises import check, hint, solution
from course_lib.exercises.ex01_embeddings import idf
from course_lib.statistics import bootstrap_interval, paired_bootstrap_interval

plotting.use_course_style()
np.set_printoptions(precision=2, suppress=True)
sections = [section for page in load_handbook() for section in page.sections()]
texts = [f"{s.page_title}. {s.heading}. {s.text}" for s in sections]
questions = [q for q in load_questions() if q.relevant]
print(len(sections), "sections;", len(questions), "questions that the handbook answers")


# %%
def words(text):
    return re.findall(r"\b\w\w+\b", text.lower())


def shared_words(question, text):
    return set(words(question)) & set(words(text))


def show_best(scores, n=3):
    for i in np.argsort(-np.asarray(scores), kind="stable")[:n]:
        print(f"{scores[i]:5.2f}  {sections[i].anchor}")


asked = "How do I repair a puncture?"
show_best([len(shared_words(asked, text)) for text in texts])

# %% [markdown]
# The section that helps is `tyres-and-punctures#fixing-a-flat-with-an-inner-tube`. It says "fixing" and "flat" where the customer says
# "repair" and "puncture". What these three share with the question are words like "how" and "do".
#
# One question proves little, so measure. **Recall@3** of a question is the share of the sections that answer it which are among the first three
# found (notebook 09 looks closer). Nothing in this notebook is chosen by looking at the questions, so both halves of the file may measure it.

# %%
place = {section.anchor: i for i, section in enumerate(sections)}
answers = [{place[r.anchor] for r in q.relevant if r.grade == 2} for q in questions]


def recall_at_3(scores):
    best = np.argsort(-scores, axis=1, kind="stable")[:, :3]  # (n_questions, 3)
    return np.array([len(a & set(b)) / len(a) for a, b in zip(answers, best.tolist(), strict=True)])


shared = np.array([[len(shared_words(q.text, text)) for text in texts] for q in questions])
recall = {"shared words": recall_at_3(shared)}
print("recall@3 of shared words:", bootstrap_interval(recall["shared words"]))

# %% [markdown]
# The customers' own words find about a quarter of what would answer them.
#
# ## One axis for every word
#
# To compare texts with arithmetic, turn each into a vector. The plainest way gives every word an axis of its own
# (**one-hot**), and adds up the words of a text (**counts**). The **dot product** of two vectors multiplies them axis by axis and adds up;
# here that counts shared words.
#
# **Predict:** which two of the three phrases are nearest? What do "flat tyre" and "puncture" score?

# %%
phrases = ["flat tyre", "puncture", "flat battery"]
axes = sorted({word for phrase in phrases for word in words(phrase)})
one_hot = dict(zip(axes, np.eye(len(axes), dtype=int), strict=True))
counts = np.array([sum(one_hot[word] for word in words(phrase)) for phrase in phrases])
print(axes, counts, "dot products:", counts @ counts.T, sep="\n")

# %% [markdown]
# "Flat tyre" is related to "flat battery" (1), and "puncture" to nothing (0). That 0 is exact, and no weighting of the
# words can change it: every product in the sum has a 0 in it.
#
# Weights do help elsewhere. "The" is nearly everywhere and says nothing; "sealant" is rare and says a lot.
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
axes = sorted({word for text in texts for word in words(text)})
column = {word: i for i, word in enumerate(axes)}
counts = np.zeros((len(texts), len(axes)))  # (n_sections, n_words)
for row, text in enumerate(texts):
    for word in words(text):
        counts[row, column[word]] += 1
weights = idf(counts)  # the solution of exercise 1.1
print({word: round(float(weights[column[word]]), 2) for word in ("the", "battery", "sealant")})

# %%
vectorizer = TfidfVectorizer()
tfidf = vectorizer.fit_transform(texts).toarray()  # (n_sections, n_words)
print("by hand and scikit-learn agree:", np.allclose(normalize(counts * weights), tfidf, atol=1e-6))
asked = vectorizer.transform([q.text for q in questions]).toarray()  # (n_questions, n_words)
recall["TF-IDF"] = recall_at_3(asked @ tfidf.T)
print("recall@3 of TF-IDF:", bootstrap_interval(recall["TF-IDF"]))
tyre, puncture = vectorizer.transform(["flat tyre", "puncture"]).toarray()
print("flat tyre and puncture:", tyre @ puncture)

# %% [markdown]
# Better than bare shared words, and the 0 is still there.
#
# ## Words that keep the same company
#
# "Tyre" and "puncture" may never meet, yet both meet "tube" and "patch". **Latent semantic analysis** (LSA) uses that. A
# singular value decomposition (SVD) finds the directions along which the texts differ most, and LSA keeps a few of them.
# Words that keep the same company end up pointing the same way. Six toy notes, two directions:

# %%
notes = ["flat tyre", "tyre tube patch", "puncture patch tube"]
notes += ["flat battery", "battery charger plug", "charger plug socket"]
toy_axes = sorted({word for note in notes for word in words(note)})
toy = np.array([[words(text).count(word) for word in toy_axes] for text in notes + phrases])
_, _, directions = np.linalg.svd(toy[: len(notes)], full_matrices=False)
reduced = normalize(toy[len(notes) :] @ directions[:2].T)  # (3 phrases, 2)
print(reduced @ reduced.T)

# %% [markdown]
# "Flat tyre" is now nearer to "puncture" (first row, second number) than to "flat battery" (third). But the six notes were made to
# measure. **Predict:** is the real handbook enough?

# %%
_, strength, directions = np.linalg.svd(tfidf, full_matrices=False)
word_vectors = normalize((directions[:100] * strength[:100, None]).T)  # (n_words, 100)
for word in ("charger", "puncture"):
    cosines = np.round(word_vectors @ word_vectors[column[word]], 4)
    nearest = [axes[i] for i in np.argsort(-cosines, kind="stable") if axes[i] != word]
    print(f"{word}:", ", ".join(nearest[:6]))
in_one = ((counts > 0).sum(axis=0) == 1).mean()
print(f"{in_one:.0%} of the {len(axes):,} words are in one section only")
lsa = TruncatedSVD(100, algorithm="arpack", random_state=0).fit(tfidf)
found, wanted = (normalize(lsa.transform(vectors)) for vectors in (tfidf, asked))
by_hand = normalize(tfidf @ directions[:100].T)  # (n_sections, 100)
agree = np.allclose(by_hand @ by_hand.T, found @ found.T, atol=1e-6)
print("by hand and scikit-learn agree:", agree)
recall["LSA"] = recall_at_3(wanted @ found.T)
print("recall@3 of LSA:", bootstrap_interval(recall["LSA"]))

# %% [markdown]
# "Charger" found related words, because it stands in many sections. "Puncture" got whatever stood beside it in one
# sentence. About half of all words are like "puncture", and LSA finds no more than TF-IDF did. The idea is right; this
# handbook is too small to learn a language from.
#
# ## A model that has read more
#
# So borrow the company that words keep elsewhere. **all-MiniLM-L6-v2** is a small neural network, trained on a
# billion pairs of texts that belong together until their vectors came out close. Around the network there is little: two
# cells rebuild it.

# %%
embedder = Embedder()
two = ["flat tyre", "How do I repair a puncture?"]
batch = embedder.tokenizer(two, padding=True, return_tensors="pt")
mask = batch["attention_mask"].numpy()  # (2 texts, 10 tokens)
for ids, real in zip(batch["input_ids"], mask, strict=True):
    print(embedder.tokenizer.convert_ids_to_tokens(ids), real, sep="\n")
with torch.no_grad():  # the network is used, not trained
    hidden = embedder.model(**batch).last_hidden_state.numpy()
print("hidden states:", hidden.shape)

# %% [markdown]
# Text becomes **tokens**; a rare word is cut into pieces (notebook 03). A batch has to be rectangular, so the shorter text is filled up with
# `[PAD]`, and the **attention mask** says what is real: 1 for a token, 0 for padding. The network turns each token into 384
# numbers, its **hidden state**, with a view of the whole text. **Mean pooling** averages a text's hidden states into one vector.
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
vectors = normalize(mean_pool(hidden, mask))  # (2, 384), each of length 1
print("by hand and Embedder agree:", np.allclose(vectors, embedder.encode(two), atol=1e-5))
vectors = embedder.encode(phrases)
print(phrases, vectors @ vectors.T, sep="\n")

# %% [markdown]
# Tokens, hidden states, mean, length 1: that is all of `Embedder`. No 0 is left, and "puncture" is nearer to "flat tyre" than to "flat
# battery". But "flat tyre" still prefers "flat battery": a shared word goes on counting.
#
# What if you forget the mask? Nothing warns you. Here is one phrase, padded as if it shared a batch with longer texts:

# %%
for length in (4, 8, 16, 64, 256):
    options = {"padding": "max_length", "max_length": length, "return_tensors": "pt"}
    with torch.no_grad():
        states = embedder.model(**embedder.tokenizer(["flat tyre"], **options)).last_hidden_state
    wrong = normalize(states.numpy().mean(axis=1))[0]  # padding averaged in
    print(f"{length - 4:3} padding tokens: cosine with the right vector {wrong @ vectors[0]:.2f}")

# %% [markdown]
# The phrase drifts away from itself. If your scores change with the batch size, look at the mask first.
#
# ## Do neighbours mean the same?
#
# Each customer's message has a label: what its writer wants, the intent. If vectors hold meaning, a message and its nearest neighbour should
# often have the same.

# %%
tickets = [t for t in load_tickets() if t.intent != "out_of_scope"]
intents = np.array([t.intent for t in tickets])
messages = [t.text for t in tickets]
counted = TfidfVectorizer().fit_transform(messages).toarray()
reduced = TruncatedSVD(100, algorithm="arpack", random_state=0).fit_transform(counted)
by_method = {"TF-IDF": counted, "LSA": normalize(reduced), "MiniLM": embedder.encode(messages)}
agrees = {}
for name, vectors in by_method.items():
    scores = vectors @ vectors.T  # (n_tickets, n_tickets)
    np.fill_diagonal(scores, -1)  # a message is not its own neighbour
    agrees[name] = intents == intents[scores.argmax(axis=1)]
    print(f"{name:7} same intent as the nearest: {bootstrap_interval(agrees[name])}")
print("MiniLM minus TF-IDF:", paired_bootstrap_interval(agrees["MiniLM"], agrees["TF-IDF"]))
print("by chance: about", round(1 / len(set(intents)), 2))

# %% [markdown]
# The interval of the difference excludes 0, so MiniLM's lead is more than luck. To look at it, press 384 dimensions
# into two. **Principal component analysis** (PCA) subtracts the mean and then does the same SVD.
#
# **Predict:** how will four of the ten intents lie on the map?

# %%
pca = PCA(2, random_state=0).fit(by_method["MiniLM"])
flat = pca.transform(by_method["MiniLM"])  # (n_tickets, 2)
shown = np.isin(intents, ["app_account", "return_refund", "battery_charging", "service_booking"])
ax = plotting.scatter_map(
    flat[shown],
    intents[shown],
    title="Customers' messages: MiniLM vectors, two of 384 dimensions",
    x_label="first principal component (no unit)",
    y_label="second principal component (no unit)",
)
print(f"share of the variance that two axes keep: {pca.explained_variance_ratio_.sum():.2f}")
for i in np.argsort(flat[:, 0])[:5]:
    print(f"far left: {intents[i]:16} {messages[i][:50]}")

# %% [markdown]
# See: no four clouds. Charging tends to lie higher than bookings, with much overlap, and an island on the left holds some of each intent. Its messages are
# Dutch or German. MiniLM was trained on English, and what these vectors vary in most is the language. And two axes keep a tenth of the
# variance, so the map hides most of what the neighbours found. Look at maps, and decide by numbers.
#
# ## Does the search get better?
#
# **Predict:** from TF-IDF to MiniLM, on the same questions, what does recall@3 become?

# %%
section_vectors = embedder.encode(texts)  # (n_sections, 384)
question_vectors = embedder.encode([q.text for q in questions])
recall["MiniLM"] = recall_at_3(question_vectors @ section_vectors.T)
better = recall["MiniLM"] - recall["TF-IDF"]  # paired: question by question
test = np.array([q.split == "test" for q in questions])
print("recall@3 of MiniLM: ", bootstrap_interval(recall["MiniLM"]))
print("MiniLM minus TF-IDF:", bootstrap_interval(better))
print("the test half alone:", bootstrap_interval(better[test]))
show_best(section_vectors @ embedder.encode(["How do I repair a puncture?"])[0])

# %%
ax = plotting.bars_with_intervals(
    list(recall),
    [bootstrap_interval(values) for values in recall.values()],
    title="Four ways to find a section of the handbook",
    value_label=f"recall@3 (share), with 95 % interval, {len(questions)} questions",
)
kinds = np.array([q.kind for q in questions])
for kind in dict.fromkeys(kinds):
    print(f"{kind:12} {better[kinds == kind].mean():+.2f}")
print(f"better on {(better > 0).sum()} questions, worse on {(better < 0).sum()}:")
for i in np.flatnonzero(better < 0):
    print("   ", questions[i].text)

# %% [markdown]
# See: MiniLM's bar is the longest. Its interval touches TF-IDF's, yet the interval of their difference has no 0 in it. The
# test half alone would have left that open: an interval around 0 says "ask more questions", not "no difference".
#
# An average hides losses. Every kind of question gains, and five single questions lose, among them one that turns on a part code
# and one that turns on a date.
#
# ## What it costs

# %% tags=["nbval-ignore-output"] reason="a time"
start = time.perf_counter()
minilm = embedder.encode(messages)  # (n_tickets, 384)
rate = len(messages) / (time.perf_counter() - start)
print(f"{rate:.0f} messages a second on this machine; a million take {1e6 / rate / 3600:.1f} hours")

# %%
assert rate > 1
print(f"{minilm.shape[1]} numbers of type {minilm.dtype}: {minilm[0].nbytes:,} bytes a vector")
print(f"a million vectors: {1e6 * minilm[0].nbytes / 1e9:.2f} GB")

# %% [markdown]
# You pay the hours again whenever the model changes. The bytes can shrink.
#
# **Exercise 1.3** · a quarter of the bytes · hard, 15 minutes, you may skip it. Change the design and measure: take float32 vectors of
# shape (n, 384) and return an array of shape (n, anything) in a quarter of the bytes. The check stores the handbook's headings and the questions
# that way, and wants nine out of ten of every question's three nearest to stay.


# %% tags=["exercise"] exercise="1.3"
def my_small(vectors):
    small = ...
    return small


check("1.3", my_small)

# %%
hint("1.3")
solution("1.3")

# %% [markdown]
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
# Only the first and the last pair want the same answer, and they score lowest. A number, a "not", who owes whom, a part code: one changed
# token hardly moves an average. So keep a word search beside the vectors for codes, let something read a text
# before it answers (both in notebook 08), and take a multilingual model for other languages.
#
# The other limit is silent. `Embedder` reads 256 tokens and drops the rest:

# %%
long = "Thank you for the lovely bike and the kind delivery. " * 30
before, after = embedder.encode([long, long + "But the battery is smoking, call me!"])
print("tokens:", embedder.count_tokens([long])[0])
print("largest change of a number:", round(float(np.abs(before - after).max()), 4))

# %% [markdown]
# A smoking battery, and not one number changes. Count tokens, and cut long texts into chunks (notebook 08).
#
# **Exercise 1.4** · your own sentences · medium, 10 minutes, you may skip it. Write two sentences that share **no** word of two letters or more and have
# a cosine of 0.5 or more. Then the reverse: two that share at least three different words, with a cosine of at most 0.5.

# %% tags=["exercise"] exercise="1.4"
my_pairs = [
    ...,  # ("a sentence", "another one") without a common word
    ...,  # ("a sentence", "another one") with three common words
]
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
# `course snippet Embedder` prints it as one file to copy, `mean_pool` and `normalize` included; `sentence-transformers` offers many more models behind the same idea. One matrix
# product searches tens of thousands of vectors; beyond that take a vector index (notebook 07). Vectors of two models do not compare: when the
# model changes, embed everything again.
#
# ## Where the maths goes deeper
#
# The SVD: Gilbert Strang, *Introduction to Linear Algebra*, chapter 7. How pairs of sentences train a model: Reimers and Gurevych, *Sentence-BERT* (2019).
#
# Skipped here: what happens inside the network, and how to train an embedding model. You want it when no ready model knows your field's language; the
# documentation of `sentence-transformers` is the place to start.
#
# **Next:** [02 Similarity metrics](02_similarity_metrics.ipynb), how to compare two vectors, and from which score on to believe it.
