# %% [markdown]
# # 12 · LoRA fine-tuning
#
# **What you will be able to do**
#
# - **measure** what a prompt reaches, before you train anything;
# - **build** a low-rank update from scratch, and count what learns;
# - **train** a tool router on its answers alone, in minutes;
# - **split** by wording and by value, so that a score says what you think it says;
# - **measure** what was forgotten; save, merge and swap adapters.
#
# Needs notebooks 04, 08, 10 and 11. Reading takes 40 minutes, the exercises up to 45, running all cells 5 minutes, more than half of which is the training.
#
# ## 1. Which tool?
#
# Notebook 13's assistant shall have a search, a calculator, the shop's database and its live records. The model is to write the call for each question, as one line of JSON, or to decline:

# %%
import copy
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from peft import LoraConfig
from peft.tuners.lora import Linear as PeftLinear

from course_lib import ROOT, lora, plotting
from course_lib.exercises import check, hint, solution
from course_lib.exercises.ex12_fine_tuning import UNRELATED, show_examples
from course_lib.language_model import LocalModel
from course_lib.lora import grounded_scores, router_data, router_scores
from course_lib.lora.ablation import STEPS, USUAL, load_ablation
from course_lib.lora.examples import encode
from course_lib.lora.layer import LowRankLinear
from course_lib.lora.router_scores import RoutedQuestion, nearest_calls
from course_lib.statistics import bootstrap_interval, paired_bootstrap_interval, wilson_interval

# %%
plotting.use_course_style()
model = LocalModel()  # training needs the weights here, so no endpoint today
train = router_data.router_examples("train")
one_each = {e.call["tool"]: e for e in reversed(train)}  # the first of each tool
for example in one_each.values():
    print(f"{example.question}\n    {example.answer}")

# %% [markdown]
# First a prompt: an instruction, alone and then with notebook 11's best means, the five training questions nearest in meaning and their calls.


# %%
NAMES = {"test_entities": "new values", "test_templates": "new wordings", "test_both": "both new"}


def every(rows, n):  # n of them, evenly spread
    return [rows[at] for at in np.linspace(0, len(rows) - 1, n).astype(int)]


def filled(split, n):  # among every third question, which the prompt was asked
    asked = router_data.router_examples(split)[:: router_scores.EVERY]
    return every([e for e in asked if e.entity], n)


asked = filled("test_entities", 4) + filled("test_templates", 4)
for n in (0, router_scores.SHOTS):
    prompts = [router_scores.few_shot_messages(e.question, n) for e in asked]
    written = [one.text for one in model.chat_batch(prompts, max_tokens=50)]
    formed = sum(router_data.parse_call(text) is not None for text in written)
    print(f"{n} examples: {model.count_tokens(prompts[1])} tokens read; {formed} of 8 are calls")
    print("   ", asked[1].question, "->", " ".join(written[1].split())[:60])

# %% [markdown]
# Only with examples does it write calls. How many are right? Its answers to every third test question are recorded. *Exact* wants the very call, letter for letter, even where other SQL gives the same rows. A rival without a language model: the nearest training question's call, with the new numbers and names put in.

# %%
recorded = router_scores.load_calls()
for split in NAMES:
    examples = [one.example for one in recorded["base", split]]
    copied = nearest_calls([e.question for e in examples])
    recorded["nearest", split] = [RoutedQuestion(e, json.dumps(call))
                                  for e, call in zip(examples, copied, strict=True)]  # fmt: skip
answers = {way: [one for split in NAMES for one in recorded[way, split]]
           for way in ("base", "nearest")}  # fmt: skip
for way, rows in answers.items():
    score = router_scores.score_calls(rows)
    formed = sum(router_data.parse_call(one.text) is not None for one in rows)
    print(f"{way:8}{formed} of {len(rows)} are calls,",
          f"right tool {score['right tool']}, exact {score['exact']}")  # fmt: skip

# %% [markdown]
# Copying finds the tool more often than the prompt does: for that you need no language model. What is left to gain is arguments, and tokens: the examples are read anew for each question. Can they be *learned* instead?
#
# ## 2. A small change to a large matrix
#
# *Fine-tuning*: show the model an example, and move the weights a little so that the wanted tokens become more probable. Which weights?

# %%
weights = sum(weight.numel() for weight in model.model.parameters())
print(f"{weights:,} weights; to train them all, {16 * weights / 1e9:.1f} GB")
linear = model.model.model.layers[0].self_attn.v_proj  # one of 210 matrices
print("one matrix W:", tuple(linear.weight.shape))

# %% [markdown]
# A weight, its gradient and two running means of the optimiser (AdamW) are 16 bytes; and each task would need a copy of the model. **LoRA** leaves W as it is and learns an update of low *rank*: a thin matrix A makes `r` numbers of the input, another, B, makes outputs of these.
#
# $$y = Wx + \frac{\alpha}{r}\,B\,A\,x$$
#
# The factor $\alpha/r$ sets how strongly the update counts; in this notebook it is always 2.
#
# **Exercise 12.1** · The low-rank forward · easy, 5 minutes, you may skip it. NumPy: rows of `x` are inputs; `W` is (out, in), `A` (rank, in), `B` (out, rank).


# %% tags=["exercise"] exercise="12.1"
def my_forward(x, W, A, B, alpha):
    return ...


check("12.1", my_forward)

# %%
hint("12.1")
solution("12.1")


# %%
class LowRank(torch.nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        out, into = linear.weight.shape
        self.linear = copy.deepcopy(linear).requires_grad_(False)  # frozen
        self.scale = alpha / rank
        numbers = torch.Generator().manual_seed(0)
        self.A = torch.nn.Parameter(torch.randn(rank, into, generator=numbers) * into**-0.5)
        self.B = torch.nn.Parameter(torch.zeros(out, rank))

    def forward(self, x):
        return self.linear(x) + (x @ self.A.T) @ self.B.T * self.scale


# %%
mine = LowRank(linear, rank=8, alpha=16)
x = torch.randn(4, 576, generator=torch.Generator().manual_seed(1))
print("changes nothing at first:", torch.equal(mine(x), linear(x)))
mine.B.data += 0.1  # as if it had learned
ours = LowRankLinear(copy.deepcopy(linear), rank=8, alpha=16)
peft = PeftLinear(linear, "default", config=LoraConfig(r=8, lora_alpha=16), r=8, lora_alpha=16)
for other in ([ours.A, ours.B], [peft.lora_A["default"].weight, peft.lora_B["default"].weight]):
    other[0].data, other[1].data = mine.A.data, mine.B.data
with torch.no_grad():
    far = [float((mine(x) - y(x)).abs().max() / mine(x).abs().max()) for y in (ours, peft)]
print("within 1e-6 of course_lib's and peft's:", [distance < 1e-6 for distance in far])

# %% [markdown]
# B begins at zero. **Predict**: why not A instead, or A as well? Why not both at random?


# %%
def begin(a, b):  # factors before a random A and a random B
    layer = LowRank(linear, rank=8, alpha=16)
    layer.A.data *= a
    layer.B.data += b * torch.randn(layer.B.shape, generator=torch.Generator().manual_seed(2))
    y, before = layer(x), linear(x).detach()
    y.square().mean().backward()  # any loss shows it
    moved = (y - before).norm() / before.norm()
    lengths = f"{layer.A.grad.norm():.2f}, of B {layer.B.grad.norm():.2f}"
    return f"output moved by {moved:.0%}, gradient of A {lengths}"


print("B zero:       ", begin(1, 0))
print("A zero:       ", begin(0, 0.04))
print("both zero:    ", begin(0, 0))
print("both random:  ", begin(1, 0.04))  # B about as large as A

# %% [markdown]
# With both at zero neither has a gradient, and nothing learns. With both random the output has moved before the first step. One of them at zero moves nothing, and has a gradient at once; the other gets one when it has moved. That it is B, not A, is a convention.
#
# **Exercise 12.2** · Counting what learns · easy, 5 minutes, you may skip it. `shapes` are the (out, in) of a layer's adapted matrices; every layer has the same.


# %% tags=["exercise"] exercise="12.2"
def my_count(shapes, rank, layers):
    return ...


check("12.2", my_count)

# %%
hint("12.2")
solution("12.2")

# %%
layer = model.model.model.layers[0]
shapes = [m.weight.shape for m in layer.modules() if isinstance(m, torch.nn.Linear)]
for rank in (1, 8, 32):
    learns = 30 * sum(rank * (out + into) for out, into in shapes)  # solves 12.2
    print(f"rank {rank:2}, all 30 layers: {learns:10,} of {weights:,} ({learns / weights:.2%})")

# %% [markdown]
# ## 3. Only the answer is learned
#
# The loss is the mean of -log p over tokens (notebook 04), but over which? The router need not write questions. So the prompt is *masked*: its labels are -100, which torch's cross-entropy skips.


# %%
def to_learn(rows):
    return [lora.Example(e.messages, e.answer) for e in rows]


one = encode(model, to_learn(train[:1]), max_length=256)[0]
print("read:   ", repr(model.tokenizer.decode(one.ids[: one.prompt])))
print("learned:", repr(model.tokenizer.decode(one.ids[one.prompt :])))
labels = [-100] * one.prompt + list(one.ids[one.prompt :])
ids = torch.tensor([one.ids])
with torch.no_grad():
    masked = model.model(ids, labels=torch.tensor([labels])).loss
    unmasked = model.model(ids, labels=ids).loss
by_hand = -model.log_probability(train[0].messages, train[0].answer + "<|im_end|>").mean
print(f"{one.labels} of {len(ids[0])} tokens learned")
print(f"loss {masked:.3f}, by hand {by_hand:.3f}; unmasked {unmasked:.3f}")

# %% [markdown]
# The last token learned is the one that *ends* the answer.
#
# **Exercise 12.3** · Labels · medium, 10 minutes, you may skip it. Rows of a batch have one length: prompt, answer, end token, padding. Return a row's labels.


# %% tags=["exercise"] exercise="12.3"
def my_labels(prompt, answer, end, length):
    return ...


check("12.3", my_labels)

# %%
hint("12.3")
solution("12.3")

# %% [markdown]
# ## 4. Split by wording and by value
#
# The questions are made: wordings ("Is {part} in stock?") filled with values (LK-204). Take test rows at random, and nearly every one has a twin in training. So the file keeps both apart; and 30 random rows are taken out of training, to see whether they claim more.

# %%
rows = [row for row, e in enumerate(train) if e.entity]
away = set(np.random.default_rng(0).choice(rows, 30, replace=False).tolist())
learn = [e for row, e in enumerate(train) if row not in away]
tests = {"random rows": [train[row] for row in sorted(away)]}
tests |= {name: filled(split, 30) for split, name in NAMES.items()}
wordings = {e.template for e in learn}
values = {value for e in learn for value in e.entity.split("; ")}
for name, rows in tests.items():
    old = sum(e.template in wordings for e in rows)
    known = [value in values for e in rows for value in e.entity.split("; ")]
    print(f"{name:13}in training: {old:2} of 30 wordings, {sum(known):2} of {len(known)} values")

# %% [markdown]
# **Exercise 12.4** · A split that hides both · medium, 10 minutes, you may skip it. Row `i` is `wordings[i]` filled with `values[i]`. Return two lists of row numbers, to learn from and to test on, that share neither. Leave at least a fifth of the rows to learn from, and ten to test on.


# %% tags=["exercise"] exercise="12.4"
def my_split(wordings, values):
    return ...


check("12.4", my_split)

# %%
hint("12.4")
solution("12.4")

# %% [markdown]
# ## 5. Train
#
# A step takes a few examples, and moves A and B a little against the gradient of their loss. The learning rate *warms up* over the first steps, and then falls to 0. A gradient that is too long is cut to a set length. Every so often the loss is measured *on validation*, and the weights of the best such point are kept.

# %%
config = lora.load_config(ROOT / "course_lib/lora/configs/router.toml")
config = replace(config, max_steps=130, evaluate_every=65)  # two thirds, to save you time
validation = router_data.router_examples("validation")[::3]
print(len(learn), "examples,", len(validation), "for validation")
print(f"rank {config.rank}, alpha {config.alpha}, {config.batch_size} examples a step,",
      f"learning rate up to {config.learning_rate}, {len(config.target_modules)} matrices a layer")  # fmt: skip

# %% tags=["nbval-ignore-output"] reason="the training's time, and a loss that another processor rounds otherwise" alt="Line chart of the loss by training step: it falls steeply within ten steps, then slowly and with jumps towards 0; the validation's points lie on it."
result = lora.train(
    model, to_learn(learn), to_learn(validation), config, on_step=lora.live_loss_plot()
)
print(f"{result.seconds:.0f} s; validation loss by step:", end=" ")
print({step: round(loss, 3) for step, loss in result.validation_losses.items()})

# %% [markdown]
# See the loss (thin line) fall steeply in the first steps and slowly from there. Single steps jump about, for their examples are few: the lowest validation point (circles; step 0 is only printed) is kept.
#
# ## 6. Before and after
#
# **Predict**: which of the four tests is hardest? Do the random rows claim more than the others?

# %% tags=["nbval-ignore-output"] reason="trained here: on another processor a question or two may turn out otherwise" alt="Chart of calls exactly right with intervals, prompt with five examples beside the trained router: the router leads on new values, and the two overlap on new wordings and where both are new."
assert min(result.validation_losses.values()) < result.validation_losses[0] / 5
router = result.model
written = [router.chat_batch([e.messages for e in rows], max_tokens=80) for rows in tests.values()]
routed = {name: [RoutedQuestion(e, one.text) for e, one in zip(rows, texts, strict=True)]
          for (name, rows), texts in zip(tests.items(), written, strict=True)}  # fmt: skip
prompted = {one.example.question: one for one in answers["base"]}
few = {name: [prompted[e.question] for e in tests[name]] for name in NAMES.values()}
for label, rows, style, shift in (("prompt", few, "s", -0.05), ("router", routed, "o", 0.05)):
    shares = [router_scores.score_calls(part)["exact"] for part in rows.values()]
    middle, low, high = np.array([(s.estimate, s.low, s.high) for s in shares]).T
    at = [list(tests).index(name) + shift for name in rows]
    plt.errorbar(at, middle, [middle - low, high - middle], fmt=style, label=label)
    print(label, {name: str(share) for name, share in zip(rows, shares, strict=True)})
plt.xticks(range(4), tests)
plt.gca().set(xlabel="30 questions of each", ylabel="calls exactly right (share)", ylim=(0, 1))
plt.legend(loc="lower left")
plt.show()

# %% [markdown]
# See the circles (the router) beside the squares (the prompt with five examples). Here the random rows (left) did not claim more than new values; 30 questions, with other shares of the tools, say little. Of the shipped router, trained half as long again and on all rows, *all* test answers are recorded:

# %%
assert np.mean([one.exact for name in NAMES.values() for one in routed[name]]) > 0.5
print(model.count_tokens(asked[1].messages), "tokens read")
for split, name in NAMES.items():
    score = router_scores.score_calls(recorded["adapter", split])
    print(f"{name:12} right tool {score['right tool']}, exact {score['exact']}")
answers["adapter"] = [one for split in NAMES for one in recorded["adapter", split][::3]]
for measure in ("right_tool", "exact"):
    share = {way: [getattr(one, measure) for one in rows] for way, rows in answers.items()}
    for way in ("base", "nearest"):
        print(f"{measure}, gained on {way}:",
              paired_bootstrap_interval(share["adapter"], share[way]))  # fmt: skip
gains = np.subtract(share["adapter"], share["base"], dtype=float)
search = np.array([one.example.call["tool"] == "search" for one in answers["base"]])
print(f"exact, gained on base: {search.sum()} searches {bootstrap_interval(gains[search])},",
      f"others {bootstrap_interval(gains[~search])}")  # fmt: skip
for one in [one for one in answers["adapter"] if not one.exact][1::12]:
    print(f"{one.example.question}\n    wrote  {one.text}\n    wanted {one.example.answer}")

# %% [markdown]
# New wordings look harder than new values (and hold each wording up to three times, so that interval is too narrow). The router gains on the prompt in both measures; on copying nothing in tools, and in exact calls so little that the interval reaches 0. Over half of its exact gain on the prompt is searches, whose query it copies in full; the others' interval holds 0. Most wrong calls have the right tool and a wrong argument. It reads far fewer tokens.
#
# ## 7. How much rank, how many examples?
#
# Each point is a training of its own (`python -m course_lib.lora.ablation`): 60 steps of 4, so that 15 questions are seen 16 times each; half the layers, alpha twice the rank, one learning rate. *Validation* judges: choices are made there.

# %% alt="Two line charts of validation calls right with intervals: they rise with the rank from 1 to 32, and do not differ clearly between 15, 60 and 240 examples."
table = load_ablation()
_, axes = plt.subplots(1, 2, sharey=True, figsize=(9, 3.6))
for ax, name, fixed, usual in zip(axes, ("rank", "examples"), ("examples", "rank"), USUAL[::-1]):
    rows = sorted((r for r in table if getattr(r, fixed) == usual), key=lambda r: getattr(r, name))
    shares = [wilson_interval(row.right, row.questions) for row in rows]
    middle, low, high = np.array([(s.estimate, s.low, s.high) for s in shares]).T
    at = [getattr(row, name) for row in rows]
    ax.errorbar(at, middle, [middle - low, high - middle], fmt="o-")
    ax.set_xscale("log", base=2)
    ax.set_xticks(at, at)
    ax.set(xlabel=name, ylim=(0, 1), title=f"{fixed}: {usual}")
    for row, share in zip(rows, shares, strict=True):
        size = f"rank {row.rank:2}, {row.examples:3} examples, {row.parameters:9,} numbers"
        print(f"{size}: loss {row.validation_loss:.3f}, right {share}")
axes[0].set_ylabel(f"validation calls right after {STEPS} steps")
plt.show()

# %% [markdown]
# See the shares rise with the rank: the intervals of 1 and 32 do not overlap, that of 8 overlaps both. With more examples the loss falls too, but the bars overlap. One seed each, and short: longer trainings may order the ranks otherwise.
#
# ## 8. Answers that cite
#
# A second adapter, for what notebooks 08, 10 and 11 asked of prompts: a short answer with its citation, or *The documents do not say*. It is shipped; training took over half an hour (`python -m course_lib.lora grounded`). Test answers are recorded, of the model with notebook 08's worked example and of the adapter, from three passages each. Three of them:

# %%
cited = grounded_scores.load_grounded_answers()
pairs = list(zip(cited["gold", "base"], cited["gold", "adapter"], strict=True))
for plain, tuned in every(pairs, 3):
    print(f"{plain.question.text} ({plain.question.answer or 'not in the documents'})")
    for name, one in (("example", plain), ("adapter", tuned)):
        print(f"    {name}: {' '.join(one.text.split())[:100]}")

# %% [markdown]
# "found" shows what the search finds; "gold" puts the passage that answers last where the search missed it. The citations' rival: one number, always.

# %%
for shown, fixed in (("gold", 3), ("found", 1)):  # the numbers that are right most often
    plain, tuned = ([one for one in cited[shown, which] if one.answering]
                    for which in ("base", "adapter"))  # fmt: skip
    print(f"{shown}: a passage answers {len(tuned)} of {len(cited[shown, 'adapter'])} questions")
    said = [one for one in tuned if not one.abstained]
    for name, rows in (("base", plain), ("adapter", tuned), ("adapter, where it answers", said)):
        right = np.array([one.citation_precision for one in rows])
        always = np.array([float(fixed in one.answering) for one in rows])
        print(f"  {name}: cites what answers {bootstrap_interval(right)}, always [{fixed}]",
              f"{always.mean():.2f}, change {paired_bootstrap_interval(right, always)}")  # fmt: skip
    for name, rows in (("base", plain), ("adapter", tuned)):
        print(
            f"  {name}: right and cited {sum(one.right_and_cited for one in rows)} of {len(rows)}"
        )
    for name, wanted in (("wrongly", True), ("rightly", False)):
        rows = [one.abstained for one in cited[shown, "adapter"] if bool(one.answering) == wanted]
        print(f"  adapter abstained {name}: {wilson_interval(sum(rows), len(rows))}")

# %% [markdown]
# The adapter learned *that* answers cite. With "gold" it cites no better than always [3]; with "found" better than always [1] only where it answers. Right *and* cited (the reference's numbers, or half its words) stay few, and the intervals of right and wrong abstaining overlap: form was learned, what to say mostly not. Nor are these scores untouched: they were looked at after three trainings, and a fault seen there led to the last (see the adapter's card).
#
# ## 9. What was forgotten?
#
# Weights that learned one thing serve all others too. Two tests: *perplexity* (notebook 04) on six texts about other things; and three requests under an instruction that no training saw.

# %%
shipped = model.with_adapter(router_scores.ADAPTER)  # on all rows, half as long again
grounded = model.with_adapter(grounded_scores.ADAPTER)
for name, tuned in (("router", shipped), ("grounded", grounded)):
    print(f"{name}: {lora.measure_forgetting(model, tuned, UNRELATED)}")
plainly = {"role": "system", "content": "Answer in one short sentence of plain English."}
requests = ["What is the capital of France?", "What color is the sky?",
            "Translate into French: good morning."]  # fmt: skip
turns = [[plainly, {"role": "user", "content": request}] for request in requests]
for name, tuned in (("before", model), ("router", shipped), ("grounded", grounded)):
    for written in tuned.chat_batch(turns, max_tokens=20):
        print(f"{name}: {' '.join(written.text.split())}")

# %% [markdown]
# Where a ratio's interval holds 1, six texts do not settle it (from so few it is rather too narrow); where it lies above 1, the model predicts other text worse. The router was taught to decline what is off topic, under its own instruction; here it declines two of three in JSON, where plain English is asked for. The other adapter once cites a passage that nobody gave. So swap an adapter in for its task alone.
#
# ## 10. Save, swap, merge
#
# An adapter is a folder of two files; swap it by the request. Or *merge*: W + (alpha / r) BA is one matrix again, with nothing more to compute, and a server takes it: `transformers serve FOLDER`, then notebook 05's `COURSE_LLM_BASE_URL` (a test of this repository does so).

# %%
folder = Path(tempfile.mkdtemp())
saved = lora.save_adapter(router, folder / "router")
loaded = LocalModel(adapter=saved)
merged = LocalModel(lora.merge_and_save(loaded, folder / "merged"))
swapped = grounded.with_adapter(saved)  # another adapter for the same model
for part in sorted(folder.iterdir()):
    print(f"{part.name}: {sum(file.stat().st_size for file in part.iterdir()) / 1e6:.0f} MB")
example = tests["new values"][0]
reads = [m.log_probability(example.messages, example.answer).total
         for m in (router, loaded, swapped, merged, swapped.with_adapter(None), model)]  # fmt: skip
print("same as trained:", [bool(np.isclose(total, reads[0], atol=1e-3)) for total in reads[:4]])
print("without adapter again the model of section 1:", reads[4] == reads[5])
shutil.rmtree(folder)

# %% [markdown]
# ## Limits

# %%
odd = [
    "Wie viele Kunden haben wir in Bremen?",
    "Where is order LC-25-13723, and what is 3 times 89?",
    "Book the workshop in Leeds for Friday.",
]
for text in odd + [e.question for e in asked]:
    prompt = router_data.router_messages(text)
    call = shipped.chat(prompt, max_tokens=60).text
    probability = np.exp(shipped.log_probability(prompt, call).total)
    print(f"{probability:.2f}  {text}" + f"\n      {call}" * (text in odd))

# %% [markdown]
# Another language is declined, of two things one is done, a missing tool becomes a search: the text does not say that the router never saw the like. The call's probability (notebook 04) is lower than most of the eight test questions', not than all: a sign, no proof. Every new tool is new examples and a new training. And these scores are of *made* questions: log what people ask, label a hundred, and test on these.
#
# **Exercise 12.5** · Examples for your own tool · any level, 15 minutes, you may skip it. Choose a tool of your own work whose arguments stand in the question word for word (not SQL: what has to be *made* needs more examples than eight). Write at least eight questions: each with the call's arguments as a dict, or None where another tool is meant. At least two None questions that share a content word with the others; five wordings; three values for each argument. The check reads the form; the sense, such as the right argument for each name, is yours.

# %% tags=["exercise"] exercise="12.5"
my_tool = ...  # "book"
my_examples = [
    # ("Can I bring my Ridge to Leeds on Friday?", {"city": "Leeds", "day": "Friday"}),
]
show_examples(my_tool, my_examples)
check("12.5", (my_tool, my_examples))

# %%
hint("12.5")
solution("12.5")

# %% [markdown]
# ## What to remember
#
# 1. Prompt first, and measure it beside a rival without a model; fine-tune where that leaves too much wrong, or reads too much. Here form was learned, content mostly not.
# 2. LoRA learns B A beside a frozen W: at rank 8 about two numbers for a hundred weights, and nothing changed at the start.
# 3. Learn the answer, with its end; mask the rest.
# 4. Split by what must be new in use. Choose on validation, report on test, with an interval; say when you looked earlier.
# 5. Measure what was forgotten, and ship an adapter with its card.
#
# ## In your project
#
# Copy `lora.train` for small models on a processor. On a GPU take TRL's `SFTTrainer` with peft: `r`, `lora_alpha` and `target_modules` as here, examples as `prompt` and `completion` (with `messages` alone it learns the questions too); larger models in 4 bits (QLoRA). Keep `measure_forgetting` and the split.
#
# ## Where the maths goes deeper
#
# Skipped: backpropagation and AdamW, wanted when a loss does not fall: Karpathy's *micrograd*; why low rank is enough: Hu et al., *LoRA* (2021), and Aghajanyan et al. on intrinsic dimension; learning from preferences: Rafailov et al., *DPO* (2023).
#
# **Next:** [13 Agents](13_agents.ipynb): the router meets its tools.
