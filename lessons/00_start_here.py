# %% [markdown]
# # 00 · Start here
#
# **What you will be able to do** after this notebook:
#
# - check that this machine can run the course;
# - ask a first assistant about a company's handbook, and see where its answers come from;
# - read a score together with its interval;
# - solve an exercise with a check, a hint and a solution.
#
# Needs: Python and a little NumPy. No machine learning. Reading 9 minutes, exercises 12, running 25 seconds.

# %% [markdown]
# ## Is this machine ready?
#
# Run a cell with **Shift+Enter**. Each line should say OK; a line that does not also says what to do.

# %%
import textwrap

import numpy as np

from course_lib import data, doctor, plotting, rag
from course_lib.embeddings import Embedder
from course_lib.exercises import check, hint, solution
from course_lib.language_model import LocalModel
from course_lib.lora.grounded_data import GROUNDED_PROMPT, grounded_search
from course_lib.lora.grounded_scores import ADAPTER, load_grounded_answers, score_grounded
from course_lib.similarity import top_k
from course_lib.statistics import bootstrap_interval, paired_bootstrap_interval

doctor.summary()

# %% [markdown]
# ## The company
#
# Larkspur Cycles builds e-bikes. Customers and staff ask questions all day, and the answers are
# in a handbook that nobody reads. Larkspur wants an assistant that answers from the handbook,
# says where the answer stands, and says so when the handbook is silent. The course builds it.

# %%
pages = data.load_handbook()
sections = [section for page in pages for section in page.sections()]
print(f"{len(pages)} pages with {len(sections)} sections. One of them:\n")
example = pages[5].sections()[1]
print(example.page_title, "|", example.heading, "|", example.anchor)

# %% [markdown]
# ## What Larkspur has today
#
# The search box on Larkspur's intranet counts the words that a question and a section share. A
# customer writes in, and the care agent pastes the question into the box:

# %%
QUESTION = "My tyre went soft overnight. How do I fix it?"


def words(text):
    return {word.strip(".,;:!?*|()#").lower() for word in text.split()} - {""}


texts = [f"{s.page_title}. {s.heading}. {s.text}" for s in sections]
section_words = [words(text) for text in texts]
shared = np.array([len(words(QUESTION) & known) for known in section_words])
best = int(shared.argmax())
right = [s.anchor for s in sections].index("tyres-and-punctures#fixing-a-flat-with-an-inner-tube")
for name, i in (("found", best), ("right", right)):
    print(f"{name}: {sections[i].anchor} shares {sorted(words(QUESTION) & section_words[i])}")

# %% [markdown]
# None of the words that decided it says what the question is about. The right section speaks of a *flat* where the
# customer says *soft*, and counting words cannot know that these mean the same.

# %% [markdown]
# ## The assistant, first version
#
# An **embedding model** turns a text into a list of numbers, so that texts with similar meanings get
# similar numbers. Notebook 01 takes it apart. Here it works on every section once:

# %%
embedder = Embedder()
section_vectors = embedder.encode(texts)
print("sections x numbers per section:", section_vectors.shape)

# %% [markdown]
# To answer a question, embed it too and take the section whose numbers fit best. If even the best
# score is low, decline. How low is too low? The course chooses such a number on some questions and
# measures on others: every question is marked `train` or `test`. Here, those that the handbook alone answers:

# %%
questions = data.load_handbook_questions()
train = [q for q in questions if q.split == "train"]
test = [q for q in questions if q.split == "test"]

train_scores = embedder.encode([q.text for q in train]) @ section_vectors.T
THRESHOLD = float(np.quantile(train_scores.max(axis=1), 0.05))
print(f"{len(train)} questions to choose on, {len(test)} to measure on")
above = int((train_scores.max(axis=1) >= THRESHOLD).sum())
print(f"threshold: {THRESHOLD:.2f} ({above} of {len(train)} training questions score as high)")


# %%
def ask(question):
    scores = section_vectors @ embedder.encode([question])[0]
    best = int(scores.argmax())
    print(f"Q: {question}")
    if scores[best] < THRESHOLD:
        print(f"   Not in the handbook, as far as I can see. (best score {scores[best]:.2f})\n")
    else:
        passage = textwrap.shorten(sections[best].text, 150, placeholder=" ...")
        print(textwrap.indent(textwrap.fill(passage, 85), "   "))
        print(f"   Source: {sections[best].anchor} (score {scores[best]:.2f})\n")


for question in [
    QUESTION,
    "The screen says E70 and nothing moves.",
    "How much pressure goes into my Meadow's tyres?",
    "Who won the Tour de France in 2019?",
]:
    ask(question)

# %% [markdown]
# Three answers, quoted from the start of a section with its address, and one question declined, narrowly. It does
# not write its own sentences yet. And four examples that went well prove nothing: somebody chose them.

# %% [markdown]
# ## How exercises work
#
# An exercise is a cell with a gap. Fill it, run the cell, and `check` says *right*, or what differs
# and why. The cell below it folds out two hints and a solution. Nothing depends on a
# solved exercise: skip what you like. `course progress`, in a terminal of JupyterLab, shows what you have solved.
#
# **Exercise 0.1** · the decision alone · easy, 2 minutes. Return `True` when the assistant should
# answer: when the score is at least the threshold.


# %% tags=["exercise"] exercise="0.1"
def should_answer(score, threshold):
    """True when the assistant should answer, False when it should decline."""
    # your code here


check("0.1", should_answer)

# %%
hint("0.1")
solution("0.1")

# %% [markdown]
# ## How good is it?
#
# Take every test question that the handbook answers. The course's authors marked beforehand which
# sections help to answer it. Score 1 if the section found first is one of them, else 0.
#
# **Predict** before you run the next cell: of 100 questions, for how many does the
# word count find the right section first? And the embedding model?


# %%
def found_first(scores, asked):
    """1 for each question whose best section is marked as relevant, else 0."""
    best, _ = top_k(scores, 1)
    relevant = [{judged.section for judged in q.relevant} for q in asked]
    return [int(sections[i].anchor in marks) for i, marks in zip(best[:, 0], relevant, strict=True)]


word_counts = [[len(words(q.text) & known) for known in section_words] for q in test]
by_words = found_first(np.array(word_counts), test)
by_meaning = found_first(embedder.encode([q.text for q in test]) @ section_vectors.T, test)

intervals = [bootstrap_interval(by_words), bootstrap_interval(by_meaning)]
print("word count:     ", intervals[0])
print("embedding model:", intervals[1])
print("difference:     ", paired_bootstrap_interval(by_meaning, by_words))

# %% alt="Bar chart of two searches: the embedding model finds the right section first for 0.40 of the test questions, the word count for 0.18; their intervals overlap a little."
plotting.use_course_style()
_ = plotting.bars_with_intervals(
    ["word count", "embedding model"],
    intervals,
    title=f"Right section found first, {len(test)} test questions",
    value_label="share of questions",
)

# %% [markdown]
# The bars are the scores; the whiskers, the **95 % intervals**, show how far a score might move with other questions of
# the same kind (drawn again and again from these: the *bootstrap*). The whiskers overlap a little, yet the difference is
# clear, because both answered the same questions and are compared question by question. Its interval stays above zero: on
# questions like these, the embedding model beats a bare count of words. By how much is open: the interval is wide, because
# 55 questions are few. Notebook 01 brings a fairer rival, weighted words. Every score in this course comes with its
# interval, and "it looked better on my examples" never appears again.
#
# It is still a poor score: for six questions in ten the first section is a wrong one. There
# is something to build.
#
# **Exercise 0.2** · a score of your own · medium, 5 minutes. For each question you get the section
# that was found and the set of sections that would be right. Return the share of questions
# with a right section.


# %% tags=["exercise"] exercise="0.2"
def share_right(found, relevant):
    """found = ["delivery#fees"], relevant = [{"delivery#fees", "payment#methods"}] gives 1.0"""
    # your code here


check("0.2", share_right)

# %%
hint("0.2")
solution("0.2")

# %% [markdown]
# ## Limits
#
# A wrong answer, and one that should have been declined, with scores like those of right ones:

# %%
ask("How many days do I have to change my mind and send the bike back?")
current = next(page for page in pages if page.supersedes == "returns-policy-2023")
print(f"   In force, {current.id}: {textwrap.shorten(current.sections()[1].text, 60)}\n")
unanswerable = [q for q in data.load_questions() if q.kind == "unanswerable"]
best_scores = (embedder.encode([q.text for q in unanswerable]) @ section_vectors.T).max(axis=1)
ask(unanswerable[0].text)
declined = bootstrap_interval(best_scores < THRESHOLD)
print(f"share of {len(unanswerable)} questions without an answer that are declined: {declined}")

# %% [markdown]
# The first answer comes from a page that a newer one replaces, with the highest score that this notebook has
# printed. The second question, like the others counted here, is about something that the handbook mentions without
# answering it. (The threshold was chosen on other questions, so all of these may count.) A score measures how alike two texts are, not whether one answers the other.
# Notebooks 08 to 10 take up both.
#
# **Exercise 0.3** · your own words · medium, 5 minutes. Someone dropped a battery. Write the
# question as *you* would ask it, without the word "battery", so that the assistant finds a section of the
# page `damaged-batteries`.

# %% tags=["exercise"] exercise="0.3"
my_question = ...  # your question, as a string

check("0.3", my_question)

# %%
hint("0.3")
solution("0.3")

# %% [markdown]
# ## Where this goes
#
# So far the assistant quotes whole sections. In notebook 12 a small **language model** is trained to read three passages, to answer with
# the sentence that answers and the number of its passage, or to say that the documents do not say. What it learned comes with the course:

# %%
trained = LocalModel(adapter=ADAPTER)
for question in [
    "What does the company pay for my desk at home?",
    "How long does the charger take for the Fold?",
    "Who won the Tour de France in 2019?",
]:
    print("Q:", question)
    answer = rag.answer(question, grounded_search(), trained, prompt=GROUNDED_PROMPT)
    print(textwrap.indent(str(answer), "   "), "\n")

# %% [markdown]
# Chosen examples again, so count: every test question that one passage answers, with that passage among the three. The model's answers
# were recorded beforehand. *Cites* is the share of its citations that name a passage which answers, *right* the share of answers that
# say what is wanted and cite nothing else:

# %%
answers = load_grounded_answers()
for title, name in {"with a careful prompt": "base", "after the training": "adapter"}.items():
    scores = score_grounded(answers["gold", name])
    print(f"{title:22} cites {scores['citation precision']}   right {scores['right and cited']}")

# %% [markdown]
# The training taught it to name its source. To take the right sentence from there it learned hardly at all: it has 135 million parameters,
# and a large model has a thousand times as many. The course does not hide this. Each notebook measures what fails, and what helps by how much.

# %% [markdown]
# ## The course
#
# | | Notebook | Larkspur's assistant learns |
# |---|---|---|
# | **I** | 01 Embeddings · 02 Similarity metrics | to find by meaning |
# | | 03 Tokenization · 04 Probability and sampling | to count and to weigh words |
# | | 05 Classical algorithms · 06 What models cannot do | to sort tickets, and what no model can do |
# | **II** | 07 Vector search · 08 RAG | to search at scale, to answer with citations |
# | | 09 Evaluating retrieval · 10 Evaluating answers | whether a change helped |
# | **III** | 11 Prompts · 12 LoRA fine-tuning · 13 Agents | to follow a form, to use tools |
# | **IV** | 14 Orchestration and safeguards · 15 Capstone | to serve real users |
#
# The models are small, so that everything runs on a laptop without a network. Small models fail often:
# each notebook measures a failure, applies a method, and measures again. To run the same cells on a
# larger model, set `COURSE_EMBEDDING_MODEL` to its folder or name.
#
# ## What to remember
#
# - Choose on training questions, measure on test questions.
# - A score without an interval compares nothing.
# - A high similarity says "about the same thing", not "the answer".
#
# ## In your project
#
# `course snippet bootstrap_interval` prints that function as one file without `course_lib`, ready to copy; `course
# snippet --list` names the others. Before you build an assistant, write thirty questions, with their
# answers and where each stands. That half hour decides more than the choice of a model.
#
# ## Where the maths goes deeper
#
# Not in this course: it derives no gradients and trains no networks from scratch. If you want
# that, *Dive into Deep Learning* (d2l.ai) is free and good.
#
# **Next:** [01 Embeddings](01_embeddings.ipynb), how a text becomes numbers, and what gets lost.
