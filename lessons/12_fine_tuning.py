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
# Needs notebooks 04, 08, 10 and 11. Reading takes 30 minutes, the exercises up to 65, running all cells 5 minutes, more than half of which is the training.
#
# ## 1. Which tool?
#
# Notebook 13's assistant shall have a search, a calculator, the shop's database and its live records. For each question somebody has to write the call, as one line of JSON, or decline:

# %%
import copy
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from peft import LoraConfig
from peft.tuners.lora import Linear as PeftLinear

from course_lib import ROOT, lora, plotting, rag
from course_lib.exercises import check, hint, solution
from course_lib.exercises.ex12_fine_tuning import UNRELATED, show_examples
from course_lib.language_model import LocalModel
from course_lib.lora import grounded_scores, router_data, router_scores
from course_lib.lora.ablation import STEPS, USUAL, load_ablation
from course_lib.lora.examples import encode
from course_lib.lora.layer import LowRankLinear
from course_lib.statistics import (
    bootstrap_interval,
    paired_bootstrap_interval,
    wilson_interval,
)

# %%
plotting.use_course_style()
model = LocalModel()  # training needs the weights here, so no endpoint today
train = router_data.router_examples("train")
one_each = {e.call["tool"]: e for e in reversed(train)}  # the first of each tool
for example in one_each.values():
    print(f"{example.question}\n    {example.answer}")

# %% [markdown]
# First a prompt: an instruction alone, and then notebook 11's best means, a better instruction with the five training questions that are nearest in meaning, and their calls. It answers eight questions here; its answers to every third test question are recorded. *Exact* wants the very call.


# %%
NAMES = {"test_entities": "new values", "test_templates": "new wordings", "test_both": "both new"}


def every(rows, n):  # n of them, evenly spread
    return [rows[at] for at in np.linspace(0, len(rows) - 1, n).astype(int)]


def some(split, n):  # among every third question, which the prompt was asked
    asked = router_data.router_examples(split)[:: router_scores.EVERY]
    return every([e for e in asked if e.entity], n)


asked = some("test_entities", 4) + some("test_templates", 4)
ways = {"instruction": [e.messages for e in asked],
        "five examples": [router_scores.few_shot_messages(e.question) for e in asked]}  # fmt: skip
for name, prompts in ways.items():
    written = [one.text for one in model.chat_batch(prompts, max_tokens=50)]
    formed = sum(router_data.parse_call(text) is not None for text in written)
    print(f"{name}: {model.count_tokens(prompts[0])} tokens read; {formed} of 8 answers are calls")
    for example, text in list(zip(asked, written, strict=True))[1::3]:
        print(f"  {example.question}\n      {' '.join(text.split())[:80]}")
calls = router_scores.load_calls()
for split in router_scores.TESTS:
    score = router_scores.score_calls(calls["base", split])
    print(f"{NAMES[split]:12} exact {score['exact']}, right tool {score['right tool']}")

# %% [markdown]
# Without examples no answer is a call; with examples all are, and the intervals say how many are right. The examples are read anew for each question, many times the question's own length. Can the model have them *learned* instead? Hundreds of questions are at hand whose call is known.
#
# ## 2. A small change to a large matrix
#
# *Fine-tuning* goes on with what made the model: show it an example, and move the weights a little so that the wanted tokens become more probable. Which weights?

# %%
weights = sum(weight.numel() for weight in model.model.parameters())
print(f"{weights:,} weights; with gradients and AdamW's two means, {16 * weights / 1e9:.1f} GB")
linear = model.model.model.layers[0].self_attn.v_proj  # one of 210 matrices
print("one matrix W:", tuple(linear.weight.shape))

# %% [markdown]
# And a copy of all of them for each task. **LoRA** leaves W as it is and learns an update of low *rank*: a thin matrix A makes `r` numbers of the input, another, B, makes outputs of these.
#
# $$y = Wx + \frac{\alpha}{r}\,B\,A\,x$$
#
# For a product: an adapter is a file of megabytes beside the one model.
#
# **Exercise 12.1** · The low-rank forward · easy, 10 minutes, you may skip it. NumPy: rows of `x` are inputs; `W` is (out, in), `A` (rank, in), `B` (out, rank).


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
# B begins at zero. **Predict**: why not A as well? Why not both at random?


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
print("both zero:    ", begin(0, 0))
print("both random:  ", begin(1, 0.04))  # as large as A

# %% [markdown]
# With both at zero neither has a gradient, and nothing learns. With both random the output has moved before the first step. B alone at zero moves nothing, and B has a gradient at once; A gets one when B has moved.
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
for rank in (1, 8, 64):
    learns = 30 * sum(rank * (out + into) for out, into in shapes)  # solves 12.2
    print(f"rank {rank:2}, all 30 layers: {learns:10,} of {weights:,} ({learns / weights:.2%})")

# %% [markdown]
# ## 3. Only the answer is learned
#
# A training example is a conversation whose last turn is the answer. The loss is the mean of -log p over tokens (notebook 04), but over which? The router will never have to write a question. So the prompt is *masked*: its labels are -100, which torch's cross-entropy skips.


# %%
def to_learn(rows):
    return [lora.Example(e.messages, e.answer) for e in rows]


one = encode(model, to_learn(train[:1]), max_length=256)[0]
print("read:   ", repr(model.tokenizer.decode(one.ids[: one.prompt])))
print("learned:", [model.tokenizer.decode(token) for token in one.ids[one.prompt :]])
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
# The questions are made: wordings ("Is {part} in stock?") filled with values (LK-204). Take test rows at random, and nearly every one has a twin in training. So the file keeps wordings and values apart, and 30 random rows are taken out of training, to see what they would
# have claimed.

# %%
rows = [row for row, e in enumerate(train) if e.entity]
away = set(np.random.default_rng(0).choice(rows, 30, replace=False).tolist())
learn = [e for row, e in enumerate(train) if row not in away]
tests = {"random rows": [train[row] for row in sorted(away)]}
tests |= {name: some(split, 30) for split, name in NAMES.items()}
wordings = {e.template for e in learn}
values = {value for e in learn for value in e.entity.split("; ")}
for name, rows in tests.items():
    old = sum(e.template in wordings for e in rows)
    known = [value in values for e in rows for value in e.entity.split("; ")]
    print(f"{name:13}in training: {old:2} of 30 wordings, {sum(known):2} of {len(known)} values")

# %% [markdown]
# **Exercise 12.4** · A split that hides both · medium, 20 minutes, you may skip it. Row `i` is `wordings[i]` filled with `values[i]`. Return two lists of rows, to learn from and to test on, that share neither.


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
# A step takes a few examples, and moves A and B a little against the gradient of their loss. The learning rate is high beside that of full fine-tuning; it *warms up* over the first steps, and then falls to 0. A gradient that is too long is clipped. Every so often the loss is measured *on validation*, and the weights of the best such point are kept.

# %%
config = lora.load_config(ROOT / "course_lib/lora/configs/router.toml")
config = replace(config, max_steps=130, evaluate_every=65)  # two thirds, to save you time
validation = router_data.router_examples("validation")
print(len(learn), "examples,", len(validation), "for validation")
print(f"rank {config.rank}, alpha {config.alpha}, {config.batch_size} examples a step,",
      f"learning rate up to {config.learning_rate}, {len(config.target_modules)} matrices a layer")  # fmt: skip

# %% tags=["nbval-ignore-output"] reason="the training's time, and a loss that another processor rounds otherwise" alt="Line chart of the loss by training step: it falls steeply within ten steps, then slowly and with jumps towards 0; the validation's points lie on it."
result = lora.train(
    model, to_learn(learn), to_learn(validation[::3]), config, on_step=lora.live_loss_plot()
)
print(f"{result.seconds:.0f} s; validation loss by step:", end=" ")
print({step: round(loss, 3) for step, loss in result.validation_losses.items()})

# %% [markdown]
# See the loss (thin line) fall steeply in the first steps and slowly from there. Single steps jump about, for their examples are few; the validation's points (circles) decide.

# %%
first, best = result.validation_losses[0], min(result.validation_losses.values())
assert best < first / 5
print(f"{len(result.losses)} steps, {result.tokens:,} tokens, {result.parameters:,} numbers")
print(f"validation loss before {first:.2f}; after, below a fifth of it: {best < first / 5}")

# %% [markdown]
# ## 6. Before and after
#
# **Predict**: which of the four tests is hardest, and what would the random rows have claimed?

# %% tags=["nbval-ignore-output"] reason="trained here: on another processor a question or two may turn out otherwise" alt="Chart of calls exactly right with intervals, prompt with five examples beside the trained router: the router leads on new values, and the two overlap on new wordings and where both are new."
router = result.model
written = [router.chat_batch([e.messages for e in rows], max_tokens=80) for rows in tests.values()]
after = {name: [router_scores.RoutedQuestion(e, one.text) for e, one in zip(rows, texts, strict=True)]
         for (name, rows), texts in zip(tests.items(), written, strict=True)}  # fmt: skip
prompted = {
    one.example.question: one for split in router_scores.TESTS for one in calls["base", split]
}
before = {name: [prompted[e.question] for e in tests[name]] for name in NAMES.values()}
for answers, style, shift in ((before, "s", -0.05), (after, "o", 0.05)):
    shares = [router_scores.score_calls(rows)["exact"] for rows in answers.values()]
    middle, low, high = np.array([(s.estimate, s.low, s.high) for s in shares]).T
    label = "router" if answers is after else "five examples"
    at = [list(tests).index(name) + shift for name in answers]
    plt.errorbar(at, middle, [middle - low, high - middle], fmt=style, label=label)
    print(label, {name: str(share) for name, share in zip(answers, shares, strict=True)})
for one in [one for rows in after.values() for one in rows if not one.exact][::-4][:4]:
    print(f"{one.example.question}\n    {one.text}")
plt.xticks(range(4), tests)
plt.gca().set(xlabel="test questions", ylabel="calls exactly right (share)", ylim=(0, 1))
plt.legend(loc="lower left")
plt.show()

# %% [markdown]
# See the circles (the router) beside the squares (the prompt). A random split would have claimed the leftmost circle for all; where bars overlap, thirty questions do not settle it. And read the wrong calls: what is wrong in them?

# %%
new = [one.exact for name in NAMES.values() for one in after[name]]
assert np.mean(new) > 0.4
print(f"of {len(new)} questions that are new in some way, right: over 40 %, {np.mean(new) > 0.4}")

# %% [markdown]
# The router that is shipped was trained like this one, half as long again and on all rows. Its answers to *all* test questions are recorded, so its bars are narrower:

# %%
gains = []
for split in router_scores.TESTS:
    one, other = calls["adapter", split], calls["base", split]
    same = one[:: router_scores.EVERY]  # the questions that the prompt was asked too
    gains.append(np.array([x.exact - y.exact for x, y in zip(same, other, strict=True)]))
    print(f"{NAMES[split]:12} exact {router_scores.score_calls(one)['exact']} of {len(one)};",
          f"gained on the prompt's {len(other)}: {bootstrap_interval(gains[-1])}")  # fmt: skip
print("all three together, gained:", bootstrap_interval(np.concatenate(gains)))

# %% [markdown]
# Where an interval holds 0, the gain may be luck; and questions with the same wording are not independent, so the true intervals are wider. Five good examples are a serious rival. The router does without them: compare the tokens read, in section 1.
#
# ## 7. How much rank, how many examples?
#
# Each point below is a training of its own, run beforehand by `python -m course_lib.lora.ablation`, shorter than ours and with fewer layers. They are judged on *validation*: choices are made there.

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
        size = f"rank {row.rank:2}, {row.examples:3} examples"
        print(f"{size}: loss {row.validation_loss:.3f}, right {share}")
axes[0].set_ylabel(f"validation calls right after {STEPS} steps")
plt.show()

# %% [markdown]
# See the bars rise with the rank, from 1 to 32 further than their intervals overlap, while the loss falls. With more examples the loss falls too, but the bars overlap: the same number of steps on more questions did not show in right calls. One seed each, and short trainings: a longer one may order the ranks otherwise. What a rank costs is in section 2.
#
# ## 8. Answers that cite
#
# A second adapter, for what notebooks 08, 10 and 11 asked of prompts: a short answer with its citation, or *The documents do not say*. Its prompts hold three passages, so its training took over half an hour, by `python -m course_lib.lora grounded`; it is shipped. Nothing that a test question needs was in its training. Three test questions, each asked with the worked example of notebook 08 and then with the adapter:

# %%
grounded = model.with_adapter(grounded_scores.ADAPTER)
recorded = grounded_scores.load_grounded_answers()
some = [one.question for one in every(recorded["gold", "base"], 3)]
live = {
    "before": grounded_scores.answer_grounded(model, some, with_gold=True, prompt=rag.PROMPT),
    "after": grounded_scores.answer_grounded(grounded, some, with_gold=True),
}
for number, question in enumerate(some):
    print(f"{question.text} ({question.answer or 'not in the documents'})")
    for name, answers in live.items():
        print(f"    {name}: {' '.join(answers[number].text.split())[:100]}")

# %% [markdown]
# The answers to all test questions are kept in a file. "gold" puts the passage that answers among the three, "found" takes what the search finds. *Right and cited* wants the reference's numbers (or half its words) and a citation of a passage that answers.

# %%
MEASURES = {
    "answer F1": ("f1", True), "citation precision": ("citation_precision", True),
    "right and cited": ("right_and_cited", True), "wrongly abstained": ("abstained", True),
    "rightly abstained": ("abstained", False),
}  # fmt: skip
for shown in ("gold", "found"):
    pair = [recorded[shown, which] for which in ("base", "adapter")]
    print(f"{shown}: a passage answers {sum(bool(one.answering) for one in pair[0])}",
          f"of {len(pair[0])} questions")  # fmt: skip
    for name, (measure, answered) in MEASURES.items():
        before, after = (np.array([float(getattr(one, measure)) for one in answers
                                   if bool(one.answering) == answered]) for answers in pair)  # fmt: skip
        print(f"  {name:18} {bootstrap_interval(before)} -> {bootstrap_interval(after)},",
              f"change {paired_bootstrap_interval(after, before)}")  # fmt: skip
card = (grounded_scores.ADAPTER / "README.md").read_text(encoding="utf-8")
print(*[line for line in card.splitlines() if line.startswith("|")], sep="\n")

# %% [markdown]
# Read each change with its interval. The adapter cites more passages that answer, and it abstains: with the passage put in, about as often where that is wrong as where it is right. Answers that are right *and* cited stay few: what they look like was learned, what they have to say mostly not. The lines below the scores are the adapter's card.
#
# ## 9. What was forgotten?
#
# Weights that learned one thing serve all others too. Two tests: *perplexity* (notebook 04) on six texts about anything else; and three everyday requests.

# %%
shipped = model.with_adapter(router_scores.ADAPTER)  # on all rows, half as long again
for name, tuned in (("router", shipped), ("grounded", grounded)):
    print(f"{name}: {lora.measure_forgetting(model, tuned, UNRELATED)}")
requests = ["Name three fruits.", "What is the capital of France?", "Say something kind to me."]
turns = [[{"role": "user", "content": request}] for request in requests]
for name, tuned in (("before", model), ("router", shipped), ("grounded", grounded)):
    for written in tuned.chat_batch(turns, max_tokens=20):
        print(f"{name}: {' '.join(written.text.split())}")

# %% [markdown]
# Read a ratio with its interval: where that holds 1, six texts show no change; where it lies above 1, the model now predicts other text worse. The requests show more than the ratios: the router declines them, in JSON, although nothing in these prompts asks for a call, and the other adapter cites a passage that nobody gave. So swap an adapter in for its task alone.
#
# ## 10. Save, swap, merge
#
# An adapter is a folder of two files. Adapters share the one model in memory; swap them by the request. Or *merge*: W + (alpha / r) BA is one matrix again, with nothing more to compute, and any server takes it: `transformers serve FOLDER`, and then notebook 04's `COURSE_LLM_BASE_URL` (a test of this repository does so), vLLM, or llama.cpp after conversion.

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
         for m in (router, loaded, swapped, merged, swapped.with_adapter(None))]  # fmt: skip
print("same as trained:", [bool(np.isclose(total, reads[0], atol=1e-3)) for total in reads])
shutil.rmtree(folder)

# %% [markdown]
# The last has no adapter, and so the model of section 1 back.
#
# ## Limits

# %%
odd = [
    "Wie viele Kunden haben wir in Bremen?",
    "Where is order LC-25-13723, and what is 3 times 89?",
    "Book the workshop in Leeds for Friday.",
]
calls = shipped.chat_batch([router_data.router_messages(text) for text in odd], max_tokens=60)
for text, written in zip(odd, calls, strict=True):
    print(f"{text}\n    {written.text}")

# %% [markdown]
# Another language, two things at once, a tool that does not exist: the answer is one call each time, and nothing in it says that the router never saw such a question. Every new tool is new examples and a new training. And the scores are those of *made* questions: log what people ask, label a hundred, and test on these.
#
# **Exercise 12.5** · Examples for your own tool · any level, 20 minutes, you may skip it. Choose a tool of your own work and write at least eight questions for it: each with the call's arguments, or None where another tool is meant.

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
# 1. Prompt first, and measure; fine-tune for a form or a habit that your prompts do not reach. Facts that change belong into retrieval.
# 2. LoRA learns B A beside a frozen W: at rank 8 about two numbers for a hundred weights, and nothing changed at the start.
# 3. Learn the answer, with its end; mask the rest.
# 4. Split by what must be new in use. Choose on validation, report on test, with an interval.
# 5. Measure what was forgotten, and ship an adapter with its card.
#
# ## In your project
#
# Copy `lora.train` for small models on a processor. On a GPU take TRL's `SFTTrainer` with peft: the same example format, the same `r`, `alpha` and target modules; larger models in 4 bits (QLoRA). Keep `measure_forgetting` and the split.
#
# ## Where the maths goes deeper
#
# Skipped: backpropagation and AdamW, wanted when a loss does not fall: Karpathy's *micrograd*; why low rank is enough: Hu et al., *LoRA* (2021), and Aghajanyan et al. on intrinsic dimension; learning from preferences: Rafailov et al., *DPO* (2023).
#
# **Next:** [13 Agents](13_agents.ipynb): the router meets its tools.
