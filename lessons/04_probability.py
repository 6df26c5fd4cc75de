# %% [markdown]
# # 04 · Probability and sampling
#
# **What you will be able to do**
#
# - **read** what a language model holds ready before it writes a word;
# - **set** temperature, top-k, top-p and min-p, knowing what each takes away;
# - **tell** fluent from true: what entropy, perplexity and greedy text do not say;
# - **measure** whether a confidence means what it says, and mend it with one number;
# - **compute** from the prices of two mistakes when to let a program decide alone.
#
# Needs notebooks 01 and 03. Reading takes 40 minutes, the exercises up to 45, running all cells 45 seconds.
#
# ## 1. How sure are you?
#
# Larkspur wants an assistant that answers alone where it is sure, and fetches a person where it is
# not. So let us ask it something that the handbook knows (three years), and how sure it is.

# %%
import matplotlib.pyplot as plt
import numpy as np
import scipy.special
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from transformers import MinPLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from course_lib import calibration, data, language_model, plotting, sampling
from course_lib.embeddings import Embedder
from course_lib.exercises import check, hint, solution
from course_lib.statistics import bootstrap_interval, paired_bootstrap_interval

plotting.use_course_style()
np.set_printoptions(precision=3, suppress=True)


def with_interval(measure, *arrays):  # a measure of several arrays, resampled row by row
    def of_rows(rows):
        return measure(*(array[rows.astype(int)] for array in arrays))

    return bootstrap_interval(np.arange(len(arrays[0])), statistic=of_rows, n_resamples=1000)


# %%
model = language_model.load()
ask = {"role": "user", "content": "How many years of warranty does a Larkspur battery have?"}
answer = model.chat([ask], max_tokens=30).text
print(answer)
sure = {"role": "user", "content": "How sure are you, in percent?"}
print(model.chat([ask, {"role": "assistant", "content": answer}, sure], max_tokens=30).text)

# %% [markdown]
# A wrong answer in the tone of a right one. And the 99.9 % is a text like any other, not a look inside.
# Expect a larger model to be wrong less often and, when asked, still too sure (Xiong and others, 2024). Is there
# a number inside that knows better?
#
# ## 2. From scores to probabilities
#
# At every step the model gives each token of its vocabulary a score, the *logit*. (These cells open the
# local model; endpoints show 20 tokens at most.)

# %%
opening = "The battery of your e-bike should be"
with torch.inference_mode():
    logits = model.model(**model.tokenizer(opening, return_tensors="pt")).logits[0, -1].numpy()
pieces = model.tokenizer.batch_decode(np.arange(len(logits))[:, None])
best = np.argsort(-logits, kind="stable")
print(len(logits), "logits, the best:", [f"{pieces[i]} {logits[i]:.2f}" for i in best[:4]])

# %% [markdown]
# To make them probabilities, take exp of each, so that none is negative, and divide by the sum: that is *softmax*,
# $p_i = e^{z_i} / \sum_j e^{z_j}$. The second line does it in half precision (float16), a common format.


# %%
def naive_softmax(z):
    with np.errstate(all="ignore"):
        return np.exp(z) / np.exp(z).sum()


print(naive_softmax(logits)[best[:4]])
half = naive_softmax(logits.astype(np.float16))
print(half[best[:4]], f"{np.isnan(half).mean():.0%} nan, the others up to {np.nanmax(half)}")

# %% [markdown]
# Float16 ends at 65,504, and exp(11.1) is more: infinity divided by infinity is `nan`, all else becomes 0.
#
# **Exercise 4.1** · Softmax that does not overflow · easy, 5 minutes, you may skip it.
# Each row of `logits` is one distribution. Rows may hold thousands, and differ by thousands.


# %% tags=["exercise"] exercise="4.1"
def softmax_rows(logits):
    """`logits` has the shape (n, n_tokens); so has the result, and each row adds up to 1."""
    return ...


check("4.1", softmax_rows)

# %%
hint("4.1")
solution("4.1")

# %%
probabilities = sampling.softmax(logits)
assert np.allclose(probabilities, scipy.special.softmax(logits.astype(float)), atol=1e-7)
following = model.next_tokens(opening)  # the course's way to the same numbers
assert np.allclose(np.log(probabilities[best[:50]]), following.log_probabilities[:50], atol=1e-4)
assert np.isfinite(sampling.softmax(logits.astype(np.float16))).all()
print(probabilities[best[:4]], f"the best 50 hold {probabilities[best[:50]].sum():.2f}")

# %% [markdown]
# The best token has 0.15. What you read in a chat window is one path through this.
#
# ## 3. Four ways to choose
#
# *Greedy* takes the best token. *Sampling* draws by the probabilities, and there are four dials:
#
# | dial | keeps |
# |---|---|
# | temperature | all, with logits divided by it: below 1 the best gain, above 1 the others; 0 is greedy |
# | top-k | the k best |
# | top-p | the fewest that add up to p |
# | min-p | those at least p times as probable as the best |
#
# **Predict**: of 49,152 tokens, how many does top-p 0.9 keep after this opening, and how many after "The capital
# of France is"?

# %%
double = logits.astype(np.float64)
paris = model.next_tokens("The capital of France is").log_probabilities  # they serve as logits
for name, row in {"battery": double, "France": paris}.items():
    batch = torch.tensor(row)[None]  # transformers' own filters want a batch
    for dial, kept, theirs in [
        ("top-k 50", sampling.top_k_filter(row, 50), TopKLogitsWarper(50)),
        ("top-p 0.9", sampling.top_p_filter(row, 0.9), TopPLogitsWarper(0.9)),
        ("min-p 0.1", sampling.min_p_filter(row, 0.1), MinPLogitsWarper(0.1)),
    ]:
        assert np.array_equal(kept, theirs(None, batch)[0].numpy())
        share = sampling.softmax(row)[np.isfinite(kept)].sum()
        print(f"{name}, {dial}: {np.isfinite(kept).sum():4} tokens, {share:.2f} of the probability")

# %%
for t in (0, 0.5, 1, 2):
    highest = sampling.softmax(sampling.apply_temperature(double, t)).max()
    drawn = sampling.sample(double, np.random.default_rng(0), temperature=t, size=1000)
    print(f"temperature {t}: best {highest:.3f}, 1,000 draws give", end=" ")
    print(f"{len(set(drawn))} tokens, {np.isin(drawn, best[:50]).mean():.0%} of the best 50")

# %% [markdown]
# Top-k keeps 50 whether the model is sure or not; top-p and min-p follow the model. At temperature 2 five draws in six
# come from outside of the best 50, and the text has to go on from there.


# %% alt="Bar chart of the twelve most probable next tokens at temperature 0.7 and top-p 0.9: the first has 0.34, the next two 0.15 each, the rest fall towards 0."
def show_next(temperature=0.7, top_p=0.9):
    scaled = sampling.apply_temperature(double, temperature)
    p = sampling.softmax(sampling.top_p_filter(scaled, top_p))
    plt.bar([repr(pieces[i]) for i in best[:12]], p[best[:12]])
    plt.gca().set(ylabel="probability", xlabel="next token", ylim=(0, 1))
    plt.title(f"Temperature {temperature:.1f}, top-p {top_p:.2f}")
    plt.xticks(rotation=40, ha="right")
    plt.show()
    print(f"{(p > 0).sum()} tokens left, best {p.max():.2f}, {sampling.entropy(p):.1f} bits")


plotting.slider(show_next, temperature=(0.0, 2.0, 0.1), top_p=(0.05, 1.0, 0.05))

# %% [markdown]
# See 0.34 where temperature 1 gave 0.15: a lower temperature raises it, and the cut shares out the rest. Lower top-p,
# and bars vanish from the right.
#
# **Exercise 4.2** · Top-p from scratch · medium, 10 minutes, you may skip it.
# Keep the fewest most probable tokens whose probabilities add up to `p` or more; set the others to
# 0, and let the result add up to 1. Tokens keep their places.


# %% tags=["exercise"] exercise="4.2"
def nucleus(probabilities, p):
    """`probabilities` has one entry for each token, in the vocabulary's order."""
    return ...


check("4.2", nucleus)

# %%
hint("4.2")
solution("4.2")

# %% [markdown]
# ## 4. Greedy is not the truth
#
# Greedy takes the best token, then the best after that. **Predict**: is that the most probable pair of tokens?

# %%
pairs = {}
first = model.next_tokens(opening, top=20)
for token, log_p in zip(first.tokens, first.log_probabilities, strict=True):
    second = model.next_tokens(opening + token, top=1)
    pairs[token + second.tokens[0]] = np.exp(log_p + second.log_probabilities[0])
greedy = next(iter(pairs))
for pair in [greedy, *sorted(pairs, key=lambda pair: -pairs[pair])[:3]]:
    print(f"{pairs[pair]:.3f} {opening}{pair}")

# %% [markdown]
# No: the first line is greedy's. Its first token is the best one, and opens so many ways that each is improbable. Now
# draws at temperature 1, for the question from above and for an easy one.

# %% tags=["nbval-ignore-output"] reason="draws may differ on another processor"
months = {"role": "user", "content": "How many months does a year have?"}
asked = [[ask]] * 4 + [[months]] * 4
for draw in (draws := model.chat_batch(asked, temperature=1.0, max_tokens=20, progress=False)):
    print("-", " ".join(draw.text.split()))

# %% [markdown]
# Such answers greedy text hides. But so small a model strays on both questions: draws that differ do not
# prove that nothing is known. Section 5 compares whole sentences.
#
# ## 5. Entropy and perplexity: surprise, not truth
#
# *Entropy* says how open a choice is: the mean of $-\log_2 p$, in bits. *Perplexity* does the same for
# a text that is there already: exp of the mean of $-\ln p$ over its tokens. 50 is the surprise of
# choosing among 50 equally probable tokens each time.

# %%
assert len({draw.text for draw in draws}) > 2  # of the eight above
print(f"entropy: battery {sampling.entropy(probabilities):.1f} bits", end=", ")
print(f"France {sampling.entropy(np.exp(paris)):.1f} bits")
page = next(page.text for page in data.load_handbook() if page.id == "returns-policy")[:600]
for name, text in {
    "handbook": " ".join(page.split()),
    "its words shuffled": " ".join(np.random.default_rng(0).permutation(page.split())),
    "English": "Can I bring my bike back if I do not like it? I have ridden 40 km so far.",
    "the same in German": "Kann ich mein Fahrrad zurückbringen, wenn es mir nicht gefällt? "
    "Bisher bin ich 40 km gefahren.",
}.items():
    scored = model.log_probability("", text)
    print(f"{name:18} {len(scored.tokens):3} tokens", end=", ")
    print(f"perplexity {sampling.perplexity(scored.log_probabilities):5.1f}", end=", ")
    print(f"{-scored.total / np.log(2):6.1f} bits in all")

# %% [markdown]
# The same words in another order cost a factor of almost twenty. The German message says what the English one says:
# per token the surprise is somewhat higher, in all it is 1.8 times as large, because German comes in more and smaller
# pieces (notebook 03). So compare perplexities only over the same tokens.
#
# Does a true sentence surprise the model less than a false one? The true choice comes first.

# %%
public = [("The capital of France is {}.", "Paris", "Berlin", "Madrid"),
          ("Water boils at {} degrees Celsius.", "100", "120", "150"),
          ("A year has {} months.", "12", "10", "13"),
          ("A human hand has {} fingers.", "5", "4", "6")]  # fmt: skip
larkspur = [("The warranty on a new Larkspur battery lasts {} years.", "3", "2", "5"),
            ("You can return a Larkspur bike within {} days.", "30", "14", "60"),
            ("A Larkspur bike has its first service after {} km.", "300", "100", "500"),
            ("Report transport damage to Larkspur within {} hours.", "48", "24", "72"),
            ("Re-register a used Larkspur bike within {} days of the sale.", "60", "30", "90")]  # fmt: skip
for name, sentences in {"public": public, "Larkspur": larkspur}.items():
    totals = np.array([
        [model.log_probability("", sentence.format(choice)).total for choice in choices]
        for sentence, *choices in sentences
    ])  # fmt: skip
    first = (totals.argmax(axis=1) == 0).sum()
    print(f"{name}: the truth is the likeliest of three in {first} of {len(sentences)},", end=" ")
    print("its share:", sampling.softmax(totals)[:, 0].round(2))

# %% [markdown]
# One of five is no more than guessing would give; but five sentences are few. 12 months takes 0.92 of three, 3 years
# 0.29. Expect probable to mean true only where the truth stood in the training text many times. Your own facts belong
# in the prompt (notebook 08).
#
# ## 6. A confidence that ranks
#
# Let the model *choose* instead of write, and route tickets on four topics, untrained: which of four
# words is the likeliest to come next? Softmax over these four gives the confidence.

# %%
topics = {"order_delivery": " delivery", "battery_charging": " battery",
          "app_account": " app", "return_refund": " refund"}  # fmt: skip
tickets = data.load_tickets()
routed = [t for t in tickets if t.intent in topics and t.split == "test"]
scores = []
for ticket in routed:
    prompt = f'A customer wrote to a bike shop: "{ticket.text}"\nThe customer wrote about the'
    following = model.next_tokens(prompt)
    found = dict(zip(following.tokens, following.log_probabilities, strict=True))
    scores.append([found[word] for word in topics.values()])  # one call for four options

# %% alt="Line chart of risk against coverage: with the surest tickets first the risk rises from 0 in steps and stays below the dashed line, the risk in any order, which it meets at full coverage."
scores = np.array(scores)  # (n_tickets, 4)
truth = np.array([list(topics).index(ticket.intent) for ticket in routed])
right = scores.argmax(axis=1) == truth
confidence = sampling.softmax(scores).max(axis=1)
print(f"the four words hold {np.exp(scores).sum(axis=1).mean():.1%} of the probability")
print(f"right {bootstrap_interval(right)}, mean confidence {confidence.mean():.2f}")
surer = confidence >= np.median(confidence)  # the half of the tickets with more confidence
print(f"surer half right {bootstrap_interval(right[surer])}", end=", ")
print(f"other half {bootstrap_interval(right[~surer])}")
curve = calibration.risk_coverage(confidence, right)
saved = with_interval(lambda c, r: 1 - r.mean() - calibration.risk_coverage(c, r).area,
                      confidence, right)  # fmt: skip
print(f"area {curve.area:.2f}, in any order {1 - right.mean():.2f}, saved {saved}")
plt.plot(curve.coverage, curve.risk, label="surest first")
plt.axhline(1 - right.mean(), color="C1", linestyle="--", label="in any order")
plt.gca().set(xlabel="coverage (share of tickets routed)", ylabel="risk (share routed wrongly)")
plt.title("The surest tickets go wrong less often")
plt.legend()
plt.show()

# %% [markdown]
# See the curve stay below the dashed line: hold back the unsure, and a smaller share goes wrong. This is a *risk-coverage
# curve*; the area under it is the mean risk over all coverages, and its left end rests on few tickets. Three limits:

# %%
means = scores.mean(axis=0).round(1)
print("mean log-probability:", dict(zip(topics.values(), means.tolist(), strict=True)))
fair = scores - scores.mean(axis=0)  # less each word's own mean
print("chosen:", *[np.bincount(table.argmax(axis=1), minlength=4) for table in (scores, fair)])
gain = paired_bootstrap_interval(fair.argmax(axis=1) == truth, right)
print(f"right {right.mean():.3f}, less each word's mean: gain {gain:.3f}")

# %% [markdown]
# First, the four words hold little. Second, some words lose, whatever the ticket says: *refund*, though each topic
# has 19 tickets. Taking off each word's mean evens that out without labels, if topics are equally common; whether it
# helps, 76 tickets cannot tell. Third, to rank is not yet to mean what one says: is 0.68 right 68 times in 100? We
# ask it of the model that would do the routing today, with more tickets.
#
# ## 7. A confidence that means what it says
#
# Of all answers given with 0.8, four in five should be right: that is *calibrated*. The model is *logistic regression*
# on notebook 01's embeddings: for each of eleven intents a weighted sum of the embedding's numbers, its logit
# (`decision_function`). **Predict**: is it too sure of itself or not sure enough?

# %%
vectors = Embedder().encode([ticket.text for ticket in tickets])
intents = np.unique([ticket.intent for ticket in tickets], return_inverse=True)[1]
train = np.array([ticket.split == "train" for ticket in tickets])
router = LogisticRegression(max_iter=1000).fit(vectors[train], intents[train])
test_logits = router.decision_function(vectors[~train])  # (n_test, 11)
raw = sampling.softmax(test_logits).max(axis=1)
right = test_logits.argmax(axis=1) == intents[~train]
print(f"right {bootstrap_interval(right)}, mean confidence {raw.mean():.2f}")

# %% [markdown]
# Not sure enough by half: scikit-learn keeps its weights small (*regularisation*), and so its logits. Large networks
# often err the other way. To measure it, sort answers into ten bins by confidence; the mean distance between
# confidence and share right, weighted by the answers in each bin, is the *expected calibration error* (ECE).
#
# **Exercise 4.3** · ECE from scratch · medium, 10 minutes, you may skip it.
# Ten bins of equal width; bins without answers do not count.


# %% tags=["exercise"] exercise="4.3"
def my_ece(confidences, correct):
    """Both have one entry for each answer: a number from 0 to 1, and True or False."""
    return ...


check("4.3", my_ece)

# %%
hint("4.3")
solution("4.3")

# %% [markdown]
# One number can mend it: divide all logits by a temperature, the one under which the true classes are most probable.
# **Predict**: above or below 1? Find it on tickets that the router was not trained on, or it will think too well of
# itself: `cross_val_predict` scores each fifth of the train split by a router trained on the other four.


# %%
def held_out_logits(classifier, rows):
    return cross_val_predict(classifier, vectors[rows], intents[rows], method="decision_function")


held_out = held_out_logits(LogisticRegression(max_iter=1000), train)
candidates = np.arange(0.1, 3, 0.01)
of_the_true = np.arange(train.sum()), intents[train]
losses = [-sampling.log_softmax(held_out / t)[of_the_true].mean() for t in candidates]
temperature = calibration.fit_temperature(held_out, intents[train])
print(f"by hand {candidates[np.argmin(losses)]:.2f}, fit_temperature {temperature:.3f}")
calibrated = sampling.softmax(test_logits / temperature)
library = CalibratedClassifierCV(  # scikit-learn does all this in one call
    LogisticRegression(max_iter=1000), method="temperature", cv=5, ensemble=False
).fit(vectors[train], intents[train])
assert np.allclose(calibrated, library.predict_proba(vectors[~train]), atol=1e-3)

# %% alt="Reliability diagram: the raw confidences' circles lie far above the diagonal, the scaled ones' squares near it, nearly all within the bars of a calibrated router."
ece = calibration.expected_calibration_error
scaled = calibrated.max(axis=1)
gain = with_interval(lambda a, b, r: ece(a, r) - ece(b, r), raw, scaled, right)
rng = np.random.default_rng(0)
honest = [ece(scaled, rng.random(len(scaled)) < scaled) for _ in range(1000)]
print(f"ECE {with_interval(ece, raw, right):.3f}, scaled {with_interval(ece, scaled, right):.3f}")
print(f"gain {gain:.3f}; calibrated by construction:", np.quantile(honest, [0.5, 0.025, 0.975]))
for name, sure, marker in [("raw", raw, "o"), ("scaled", scaled, "s")]:
    mean, share, count = calibration.reliability_bins(sure, right)
    plt.scatter(mean, share, 3 * count, marker=marker, label=name, zorder=3)
    print(name, "answers in each bin:", count)
by_chance = 1.96 * np.sqrt(mean * (1 - mean) / count)  # for the scaled bins
plt.errorbar(mean, mean, by_chance, fmt="none", color="gray", label="calibrated, 95 %")
plt.plot([0, 1], [0, 1], "k--", linewidth=1)
edges = np.linspace(0, 1, 11)
plt.gca().set(xlabel="mean confidence in the bin (larger: more answers)", ylabel="share right")
plt.gca().set(xticks=edges, aspect="equal", title="One number moves it to the diagonal")
plt.legend()
plt.show()

# %% [markdown]
# See the circles far above the diagonal, the squares within the bars (two barely) that hold 19 of 20
# bins of a calibrated router. The error falls to what such a router shows by chance on 209 tickets; so never
# report an ECE without the number of answers. Which intent comes first
# never changes. One number helps the too sure as well:

# %%
too_sure = LogisticRegression(C=1000, max_iter=1000)  # hardly regularised
cooler = calibration.fit_temperature(held_out_logits(too_sure, train), intents[train])
sharp = too_sure.fit(vectors[train], intents[train]).decision_function(vectors[~train])
hits = sharp.argmax(axis=1) == intents[~train]
before, after = (sampling.softmax(sharp / t).max(axis=1) for t in (1, cooler))
print(f"right {hits.mean():.2f}, mean confidence {before.mean():.2f}, temperature {cooler:.2f}")
print(f"ECE {with_interval(ece, before, hits)}, scaled {with_interval(ece, after, hits)}")

# %% [markdown]
# ## 8. A threshold from two prices
#
# A ticket sent to the wrong team costs eight minutes more than if a person had checked it. A check of a ticket that was
# routed right costs two. From which confidence on does it pay to send?
#
# **Exercise 4.4** · Send it, or have it checked? · medium, 10 minutes, you may skip it.
# Compare the expected costs. Where they are equal, send it.


# %% tags=["exercise"] exercise="4.4"
def worth_sending(probabilities, wrong_cost, needless_cost):
    """True for each ticket that should be sent; `probabilities` are those of being right."""
    return ...


check("4.4", worth_sending)

# %%
hint("4.4")
solution("4.4")


# %%
WRONG, NEEDLESS = 8, 2  # minutes
train_right = held_out.argmax(axis=1) == intents[train]


def minutes(confidence, threshold):  # lost on each test ticket
    sent = confidence >= threshold
    return WRONG * (sent & ~right) + NEEDLESS * (~sent & right)


def fitted(logits):  # the threshold that is cheapest on the train split
    prices = {"false_positive_cost": WRONG, "false_negative_cost": NEEDLESS}
    confidence = sampling.softmax(logits).max(axis=1)
    return calibration.cheapest_threshold(confidence, train_right, **prices)[0]


limit = WRONG / (WRONG + NEEDLESS)
paid = minutes(scaled, limit)
print(f"scaled, {limit} from the prices: {paid.mean():.2f} minutes", end=", ")
print(f"{(scaled >= limit).mean():.0%} of the tickets sent")

# %%
for name, other in {
    "scaled, fitted on train": minutes(scaled, fitted(held_out / temperature)),
    "raw, fitted on train": minutes(raw, fitted(held_out)),
    "raw, 0.8": minutes(raw, limit),
    "scaled, 0.5": minutes(scaled, 0.5),
    "send none": minutes(scaled, np.inf),
    "send all": minutes(scaled, 0),
}.items():
    more = paired_bootstrap_interval(other, paid)
    print(f"{name}: {other.mean():.2f}, more than the first by {more}")

# %% alt="Line chart of minutes per ticket against the threshold: raw confidence has its valley near 0.3, scaled confidence a wide one around 0.7; the dotted line at 0.8 crosses the scaled valley only."
limits = np.linspace(0, 1, 101)
for name, sure, style in [("raw", raw, "--"), ("scaled", scaled, "-")]:
    plt.plot(limits, [minutes(sure, x).mean() for x in limits], style, label=name)
plt.axvline(limit, color="k", linestyle=":", label="8 / (8 + 2)")
plt.gca().set(xlabel="threshold on the confidence", ylabel="minutes per test ticket")
plt.title("The prices name the threshold, if the confidence is honest")
plt.legend()
plt.show()

# %% [markdown]
# See the dotted line cross the wide valley of the solid curve and miss that of the dashed one, almost as deep: by raw
# confidences the rule sends one ticket. With honest probabilities the prices alone find it; thresholds fitted on
# labelled tickets are no better here, and must be fitted again when a price changes.
#
# ## Limits
#
# Calibrated means: on messages like those it was measured on. Suppose that nobody had thought of spam: the
# router knows ten intents, and all that belongs to none of them arrives.

# %%
names = np.array([ticket.intent for ticket in tickets])
fits = names != "out_of_scope"
ten = LogisticRegression(max_iter=1000)
labels = np.unique(intents[train & fits], return_inverse=True)[1]  # 0 to 9
ten_temperature = calibration.fit_temperature(held_out_logits(ten, train & fits), labels)
ten.fit(vectors[train & fits], names[train & fits])
by_ten = sampling.softmax(ten.decision_function(vectors) / ten_temperature)
guess, sure = ten.classes_[by_ten.argmax(axis=1)], by_ten.max(axis=1)
inside = fits & ~train
print(f"known intents: ECE {with_interval(ece, sure[inside], (guess == names)[inside])}")
print(f"sent: {(sure[inside] >= limit).mean():.0%} of these,", end=" ")
print(f"{bootstrap_interval(sure[~fits] >= limit)} of those that fit none")
for i in sorted(np.flatnonzero(~fits), key=lambda i: -sure[i])[:4]:
    print(f"{sure[i]:.2f} {guess[i]}: {tickets[i].text[:60]}")
unseen = ~fits & ~train
print(f"of {unseen.sum()} in the test split: {(sure[unseen] >= limit).sum()} sent,", end=" ")
print(f"with a class of their own {(scaled[unseen[~train]] >= limit).sum()}")

# %% [markdown]
# Honest on what it knows, and sometimes sure of what it has never seen: the probabilities must add up to 1 over ten
# intents, and none of them is "none of these". With a class of their own none of the 19 is sent: a hint, no proof.
# Label new traffic and measure again.
#
# **Exercise 4.5** · Mislead the model with your own text · any level, 10 minutes, you may skip it.
# Write four or more openings from your own work, each with the one word that is truly next. Among them: one
# after which the model gives a token 0.5 or more; one where no token reaches 0.1; and one where it is wrong with 0.3 or more
# (wrong: it would say another thing, not the same in other words).
# Once the check passes, the cell after the hints shows what the model holds ready for yours.

# %% tags=["exercise"] exercise="4.5"
my_openings = [
    # ("Our help desk is open from Monday to", "Saturday"),
]
check("4.5", my_openings)

# %%
hint("4.5")
solution("4.5")

# %%
if check("4.5", my_openings).passed:
    for text, true_word in my_openings:
        found = model.next_tokens(text)
        p = np.exp(found.log_probabilities)
        best_three = [f"{a} {b:.2f}" for a, b in zip(found.tokens[:3], p[:3], strict=True)]
        print(f"{text} ({true_word}): {best_three}, {sampling.entropy(p):.1f} bits")

# %% [markdown]
# ## What to remember
#
# 1. A model gives probabilities; text is one path through them. Greedy is the most probable step, not the most
#    probable text, and not the truth.
# 2. Temperature changes all probabilities, top-k, top-p and min-p cut the tail.
# 3. Perplexity measures surprise, not truth.
# 4. A confidence can rank well and still not mean what it says. One temperature, fitted on
#    held-out answers, often mends it.
# 5. With honest probabilities the threshold is wrong / (wrong + needless).
#
# ## In your project
#
# Copy from `course_lib.sampling` and `course_lib.calibration`; they need NumPy alone. Serving engines have the dials
# of section 3: set temperature 0 for what a program reads. For classifiers take scikit-learn's
# `CalibratedClassifierCV(method="temperature")`. From an endpoint ask for `logprobs`, of a short choice, not of
# prose.
#
# ## Where the maths goes deeper
#
# Skipped: why cross-entropy rewards honest probabilities (proper scoring rules: Gneiting and Raftery, 2007), wanted
# when you design a metric; guarantees on coverage (conformal prediction: Angelopoulos and Bates, 2021), wanted when
# an auditor asks. Top-p: Holtzman and others (2020); min-p: Nguyen and others (2024); calibration of networks: Guo
# and others (2017).
#
# Next: [05 The classical algorithms](05_classical_algorithms.ipynb), who should route these tickets, and at what price.
