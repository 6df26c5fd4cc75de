# %% [markdown]
# # 15 · Capstone
#
# **What you will be able to do**
#
# - **build** the assistant up to a web service, part by part;
# - **gate** it, so that a bad change is stopped, and say how often the gate errs;
# - **test** it under load, find its bottleneck in its traces, try two mendings, and show each one's ratio;
# - **read** a dashboard;
# - **plan** an assistant of your own, and mark it.
#
# Needs notebooks 08 to 14. Reading takes 35 minutes, the exercises up to 45, running all cells 85 seconds.
#
# ## 1. From a search to a service
#
# Larkspur asks: may it go live? Start with what was there first, the search.

# %%
import json
import re
import time
from collections import Counter
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np

from course_lib import agents, data, guardrails, language_model, plotting, service, tools
from course_lib.chunking import split_sentences
from course_lib.exercises import check, hint, solution
from course_lib.exercises.ex15_capstone import latencies  # solves 15.2
from course_lib.gate import gate, least_questions, pass_rate, questions_needed
from course_lib.lora import gate_runs, grounded_data, grounded_scores
from course_lib.orchestration import BatchingModel, arrivals
from course_lib.service import Assistant, guarding, turns
from course_lib.service.trial import ask_under_load, seconds_by_stage, served
from course_lib.statistics import paired_bootstrap_interval, wilson_interval

# %%
plotting.use_course_style()
model = language_model.LocalModel(adapter=grounded_scores.ADAPTER)
search = turns.OneSearch(grounded_data.grounded_search())  # threads take turns
question = "How long in cm is a 32 inch leg?"
for one in search.search(question, 3):
    print(f"{one.chunk.locator:28}{' '.join(one.chunk.text.split())[:80]}")

# %% [markdown]
# Passages, and no answer. An *answerer* puts notebook 12's model behind them.


# %%
def rough(messages):  # tokens, rather too many: so no thread needs the tokenizer
    return sum(len(one["content"]) // 3 + 8 for one in messages)


def answerer_with(model, guards=()):
    how = {"max_tokens": 40, "stream": False, "count_tokens": rough}
    return service.RagAnswerer(search, model, guards, prompt=grounded_data.GROUNDED_PROMPT, **how)


bare = Assistant(answerer_with(model), search)
reply = bare.ask(question)
print(reply.status, "|", reply.text, "|", [reply.passages[n - 1].locator for n in reply.citations])

# %% [markdown]
# Right, with its source: picked because it works, from questions that helped to choose the adapter. Section 5 has the rate. **Predict** what an attack gets, without guards and with those of notebook 14.

# %%
attacks = [one for one in data.load_attacks() if one.split == "train" and one.label == "attack"]
attack = next(one.text for one in attacks if one.place == "ticket" and len(one.text) < 120)
names = ["instructions", "passages", "personal_data", "citations"]
guards = guarding.open_guards(names, grounded_data.grounded_chunks())


def guarded_by_all(model):
    answerer = answerer_with(model, guards.passages)
    return Assistant(answerer, search, guards.before, guards.after)


guarded = guarded_by_all(model)
print(attack)
for name, assistant in {"bare": bare, "guarded": guarded}.items():
    reply = assistant.ask(attack)
    print(f"{name:8} {reply.status:9} {reply.text!r} {[s.name for s in reply.trace.steps]}")

# %% [markdown]
# Bare, the model finds nothing to say. The first guard stops it before any search. (It has learned from this very attack; section 5 has its rate on others.)
#
# Last, the web service: `create_app` makes a FastAPI app of it. `served` runs that on a free port of this machine.

# %%
tries = {"a question": question, "an attack": attack, "too long": "why " * 600}
with served(guarded) as (_, client, _):
    for name, text in tries.items():
        got = client.post("/ask", json={"question": text})
        said = got.json()
        print(f"{name:12}{got.status_code} {said.get('status', said.get('message'))}")
    pages = [client.get(path).status_code for path in ("/", "/dashboard", "/docs")]
print("pages:", *pages)

# %% [markdown]
# `course serve` starts much the same (with a hybrid search, and longer answers). Its page, where a citation opens its passage:
#
# ![Question, answer, cited passage](../docs/assistant.png)
#
# ## 2. A gate
#
# Notebook 10 gated a search. Here the *prompt* is guarded: 96 questions, the answering passage always among those shown, so that reading is measured. Answers of five versions of the prompt are in a log. (The questions also chose the adapter, so the level flatters.)

# %%
recorded = gate_runs.load_gate_answers()
scores = {name: gate_runs.gate_scores(answers) for name, answers in recorded.items()}
today = scores["today"]
for name, values in scores.items():
    print(f"{name:18}", {metric: f"{column.mean():.3f}" for metric, column in values.items()})
MARGINS = {"cited": 0.15, "answer F1": 0.05}  # the loss that Larkspur would mind
for metric, margin in MARGINS.items():
    spread = np.std(scores["reworded"][metric] - today[metric], ddof=1)
    print(f"{metric}: margin {margin}, spread {spread:.2f}", end=", ")
    print(f"plan {questions_needed(margin, spread)}, floor {least_questions(margin)}")

# %% [markdown]
# Margin first, number of questions second, change last. The spread is a harmless rewording's. Why a floor? Where none of `n` questions got worse, the bootstrap says +0.00 [+0.00, +0.00]. Yet a share of all questions as large as the margin may be worse, and by luck none of yours: under the floor that luck is too likely, and nothing passes.
#
# Now a deliberately bad prompt: a colleague loses the field `{passages}`. **Predict** what the model says then. It is asked live, on 24 questions, above the floor of *cited* alone. Then today's prompt again, on 4.

# %%
questions = gate_runs.gate_questions()
broken = gate_runs.answer_version(model, "passages lost", questions[::4])
print(Counter(one.text for one in broken).most_common(1))
quarter = gate_runs.gate_scores(recorded["today"][::4])
verdict = gate(quarter, gate_runs.gate_scores(broken), {"cited": 0.15})
print("passages lost:", verdict, "| exit status", verdict.exit_status)
again = gate_runs.answer_version(model, "today", questions[::24])
logged = recorded["today"][::24]
print("as in the log:", [one.text for one in again] == [one.text for one in logged])
print("the same prompt:", gate(*map(gate_runs.gate_scores, (logged, again)), MARGINS))

# %%
for name in ("reworded", "forbids citations", "bullets"):
    print(f"{name}:", gate(today, scores[name], MARGINS))
print("brackets, though forbidden:", sum("[" in a.text for a in recorded["forbids citations"]))
for name, part in {"answered": today["answered"] == 1, "abstained": today["answered"] == 0}.items():
    was, now = today["cited"][part], scores["forbids citations"]["cited"][part]
    print(f"cited, where today {name} ({part.sum()}): {was.mean():.3f} -> {now.mean():.3f}")

# %% [markdown]
# The lost passages fail: in CI the exit status stops them (`python -m course_lib.gate`). The same prompt on 4 questions is UNSURE: 4 show nothing. The rewording passes. *Bullets*, in place of the passages' numbers, cost citations; token F1 alone would have let them pass. And *forbids citations* ("Leave out numbers in brackets") was meant to be bad, and passes with gains that both intervals show. The adapter does not do as it is told. Its gain comes from where today abstains: see "Limits".
#
# How often does such a gate err? Build worlds from today's scores: some questions get another's score (harmless: the mean stays), some lose theirs.


# %% alt="Line chart: the share of simulated changes that pass the gate falls with their true loss. At no loss most pass; beyond the margin nearly none; more questions make the fall steeper."
def world(loss, churn, size=20_000):  # questions without end, and a change of them
    rng = np.random.default_rng(0)
    old = rng.choice(today["cited"], size)
    new = np.where(rng.random(size) < churn, rng.permutation(old), old)
    new = np.where(rng.random(size) < loss / old.mean(), 0.0, new)
    return {"cited": old}, {"cited": new}


churn = 2 * float(
    np.mean(scores["reworded"]["cited"] != today["cited"])
)  # half of those drawn draw an equal score
losses, rates = [0, 0.05, 0.1, 0.15, 0.2, 0.3], {}
for n, style in zip([36, 96, 240], ["^:", "o-", "s--"]):
    rates[n] = [pass_rate(*world(loss, churn), {"cited": 0.15}, n, trials=200) for loss in losses]
    plt.plot(losses, [one.estimate for one in rates[n]], style, label=f"{n} questions")
    print(f"{n:3}", *[f"{loss}: {one.estimate:.2f} " for loss, one in zip(losses, rates[n])])
plt.axvline(0.15, color="black", linewidth=0.8, label="margin")
plt.gca().set(xlabel="true loss of 'cited'", ylabel="share of worlds that pass")
plt.title("What the gate lets through")
plt.legend()
plt.show()
for n, each in rates.items():
    print(f"{n} questions: no loss passes {each[0]}, a loss by the margin {each[3]}")

# %% [markdown]
# See three curves fall. At the left, 36 questions stop more harmless changes than 96; 96 and 240 are not told apart. At the margin hardly any passes. Between, with true losses smaller than the margin, 96 questions let most of .05 through and 240 stop most, as the gate fails on every loss that is *shown*.
#
# **Exercise 15.1** · Paired by name · easy, 5 minutes, you may skip it. `today` and `change` are dictionaries from a question's name to its score. Return the list of change minus today in today's order; raise `ValueError` unless both hold the same questions.


# %% tags=["exercise"] exercise="15.1"
def my_differences(today, change):
    return ...


check("15.1", my_differences)

# %%
hint("15.1")
solution("15.1")


# %% [markdown]
# ## 3. Under load
#
# How long do people wait? First a simulation: one is served at a time, in 0.1 s, and one time in a hundred it stalls for 5 s. A careful-looking test asks its next question when the answer is there. Customers come when they come, four a second.
#
# **Exercise 15.2** · From the planned moment · medium, 10 minutes, you may skip it. Requests come at the moments `planned`, ascending; serving them takes `seconds`. One is served at a time, first come, first served. Return the seconds from each planned moment to the answer.


# %% tags=["exercise"] exercise="15.2"
def my_latencies(planned, seconds):
    return ...


check("15.2", my_latencies)

# %%
hint("15.2")
solution("15.2")

# %% [markdown]
# **Predict** the time within which 9 of 10 are answered, in both tests.

# %%
planned = arrivals(rate=4, seconds=600)
takes = np.where(np.arange(len(planned)) % 100 == 50, 5.0, 0.1)
tests = {"asks when answered": takes, "asks as planned": latencies(planned, takes)}
for name, seconds in tests.items():
    print(f"{name:20}", *[f"{q} %: {np.percentile(seconds, q):.2f} s  " for q in (50, 90, 98)])

# %% [markdown]
# The first test asks nobody while the service stalls, so each stall counts once: **coordinated omission**. `run_load` with arrivals counts from the planned moment.
#
# Without any stall, one at a time in 0.1 s serves ten a second.

# %%
for rate in (8, 12):
    for minutes in (1, 10):
        come = arrivals(rate=rate, seconds=60 * minutes)
        waited = np.median(latencies(come, np.full(len(come), 0.1)))
        print(f"{rate} a second for {minutes:2} min: median {waited:.1f} s")

# %% [markdown]
# Above what can be served the queue grows with the test: its median says as much about the test's length as about the service.
#
# Now the real model, over HTTP: six questions as they come and two attacks, all at once, answered one at a time. Traces say where the time went.

# %%
tickets = [one.text for one in attacks if one.place == "ticket"]
asked = [one.text for one in questions[::16]] + tickets[:2]
steps_of_model = []  # one for each time that the model computes
model.model.get_base_model().register_forward_pre_hook(lambda *_: steps_of_model.append(1))


def under_load(model, batch=1):  # processor time: other programs stretch a clock's seconds
    assistant, began, before = guarded_by_all(model), time.process_time(), len(steps_of_model)
    loaded = ask_under_load(assistant, asked, at_once=8, batch=batch, answers_waiting=99)
    return loaded, time.process_time() - began, len(steps_of_model) - before


first = under_load(model)
alone = first[0]
print(sorted(Counter(one["status"] for one in alone.traces["traces"]).items()))
print(sum("generate" in str(one) for one in alone.traces["traces"]), "of 8 reach the model")

# %%
total = sum(seconds_by_stage(alone), Counter())
print(*[stage for stage, _ in total.most_common(2)], sep=", then ")
print("over 90 % of the rest is model:", total["model"] > 0.9 * (total.total() - total["queue"]))
for what in ("input", "output"):
    tokens = [one.attributes.get(f"gen_ai.usage.{what}_tokens", 0) for one in alone.spans]
    print(what, "tokens:", sum(tokens))

# %% [markdown]
# The queue is longest, and there is nothing in it to mend: it is the others' time in the model.
#
# **Exercise 15.3** · What to mend · medium, 10 minutes, you may skip it. `requests` are dictionaries from a step's name to milliseconds; `"queue"` is one. Take the slowest `share` of the requests by their whole time, `max(1, round(share * number))` of them. Return the name of the step, not the queue, that takes most milliseconds in them together. (Not every request has every step.)


# %% tags=["exercise"] exercise="15.3"
def my_bottleneck(requests, share):
    return ...


check("15.3", my_bottleneck)

# %%
hint("15.3")
solution("15.3")

# %% [markdown]
# The model, then. Notebook 14's `BatchingModel` writes a word of several answers in one step, once their prompts are read. Another way fits this adapter, whose answers are *quotations*: where the last two words stand in the prompt, guess that what followed there follows now. The model checks a whole guess in one step, and keeps what it would have written itself: **prompt lookup**.


# %%
def guesses(prompt, written, most=5):
    places = (at for at in range(2, len(prompt)) if prompt[at - 2 : at] == written[-2:])
    start = next(places, len(prompt))
    return prompt[start : start + most]


passage = re.findall(r"\w+", "The seat post is turned fully to the mark before you ride.")
print(guesses(passage, ["The", "seat"]), guesses(passage, ["A", "saddle"]))

# %% [markdown]
# `LocalModel.with_prompt_lookup` does it with tokens, one conversation at a time. Each way twice, in an order that turns round, so that a computer that gets slower favours none. **Predict** both ratios from the tokens above.

# %%
guessing = model.with_prompt_lookup(5)
runs = {"one at a time": [first], "in batches": [], "with guesses": []}
for name in [*runs, *reversed(runs)][1:]:
    if name == "in batches":
        with BatchingModel(model, most=8) as many:
            runs[name].append(under_load(many, batch=8))
    else:
        runs[name].append(under_load(guessing if "guesses" in name else model))
texts = {
    name: [[row.answer[-1] for row in loaded.report.rows] for loaded, *_ in each]
    for name, each in runs.items()
}
print("the same words:", texts["with guesses"] == texts["one at a time"])
for name in ("one at a time", "with guesses"):
    print(f"steps of the model, {name}: {runs[name][0][-1]}")

# %% tags=["nbval-ignore-output"] reason="seconds" alt="Two histograms of seconds by stage, before and after guesses from the prompt: search and guards take milliseconds, the model about a second, the queue up to ten; with guesses the model's moves left."
_, axes = plt.subplots(1, 2, figsize=(11, 3.4), sharex=True, sharey=True)
for ax, name in zip(axes, ("one at a time", "with guesses")):
    each = [one for loaded, *_ in runs[name] for one in seconds_by_stage(loaded)]
    for stage, style in zip(("queue", "model", "search", "guards"), ("-", "--", ":", "-.")):
        seconds = [max(one[stage], 1e-4) for one in each if stage in one]
        ax.hist(seconds, np.geomspace(1e-4, 100, 25), histtype="step", ls=style, lw=2, label=stage)
    ax.set(xscale="log", xlabel="seconds", ylabel="requests of both runs", title=name)
axes[0].legend()
plt.show()
base = [seconds for _, seconds, _ in runs["one at a time"]]
for name, each in runs.items():
    used = [seconds for _, seconds, _ in each]
    asked_model = [one for run, *_ in each for one in seconds_by_stage(run) if "model" in one]
    median = np.median([sum(one.values()) for one in asked_model])  # the refused left out
    ratios = " and ".join(f"{old / new:.2f}" for old, new in zip(base, used))
    print(
        f"{name}: processor {used[0]:.1f} and {used[1]:.1f} s, ratios {ratios}, together", end=" "
    )
    print(f"{sum(base) / sum(used):.2f}; median wait for the model {median:.1f} s")

# %% [markdown]
# See the model (dashed) move a little to the left with guesses, and the queue (solid) hardly. They halve the steps and change no word, so the gate has nothing to object to. The ratio stays far under two: every prompt is still read, and few tokens are written. So batches bring about nothing, and in them everybody waits for the longest answer. Next, two passages for three would shorten the prompts and change answers: a case for the gate. `course serve` guesses by default, and takes no batches ([why](../docs/service.md)).
#
# ## 4. A dashboard
#
# The service keeps its latest answers' times, and no text: `GET /traces`, and `/dashboard` in the browser. With a tracer each answer becomes OpenTelemetry spans.

# %%
assert texts["with guesses"] == texts["one at a time"]  # a ratio depends on the machine
assert runs["with guesses"][0][-1] < runs["one at a time"][0][-1]
quick = runs["with guesses"][-1][0]
steps, spans = quick.traces["steps"], quick.spans
print(*[one["name"] for one in steps], sep=", ")
told = str(quick.traces) + " ".join(
    str(value) for one in spans for value in one.attributes.values()
)
private = asked + [text for text in texts["with guesses"][-1] if text]
print("a question's or an answer's text in them:", any(text in told for text in private))

# %% tags=["nbval-ignore-output"] reason="milliseconds" alt="Left, a dot chart of median and 95th percentile by step: generate takes seconds, all others milliseconds. Right, a waterfall of the slowest answer, nearly all of it the model."
_, (left, right) = plt.subplots(1, 2, figsize=(14, 3.8), layout="constrained")
parts = steps[:-1]  # the last is the whole
for percentile, style in {"median": "o", "p95": "s"}.items():
    left.plot([one[percentile] for one in parts], [one["name"] for one in parts], style)
left.set(xscale="log", xlabel="milliseconds", title="Median (circle) and 95th percentile (square)")
left.invert_yaxis()
slowest = max((s for s in spans if s.parent is None), key=lambda s: s.end_time - s.start_time)
own = [s for s in spans if s.context.trace_id == slowest.context.trace_id]
plotting.waterfall(own, ax=right, title="The slowest answer")
plt.show()

# %% [markdown]
# See one step far to the right of the others: seconds, where search and guards take milliseconds. The waterfall says so of one answer, from its turn on.
#
# ## 5. The whole story
#
# What did each step buy? From recorded answers to the 79 test questions that a passage answers, the agents' decisions, and the test split's attacks. And two cheap rivals: of the first passage, the sentence with most of the question's words; and rules that choose the agent's first tool, part of notebook 13's.

# %%
assert max(parts, key=lambda one: one["together"])["name"] == "generate"  # most in all
known = grounded_scores.load_grounded_answers()


def words(text):
    return set(re.findall(r"\w+", text.lower()))


def quoted(one):  # no model: the first passage's sentence with most of the question's words
    every = [s for s in split_sentences(one.passages[0].text) if len(s.split()) > 3]
    return max(every, key=lambda s: len(words(s) & words(one.question.text))) + " [1]"


known["found", "quote"] = [
    grounded_scores.GroundedAnswer(one.question, one.passages, one.answering, quoted(one))
    for one in known["found", "adapter"]
]


# %%
def hits(shown, who, score):
    rows = [one for one in known[shown, who] if one.question.answer is not None]
    return np.array([getattr(one, score) for one in rows]) == 1


def line(what, hit, before=None):
    gain = "" if before is None else f", gain {paired_bootstrap_interval(hit, before):+.2f}"
    print(f"  {what:40}{wilson_interval(int(hit.sum()), len(hit))} of {len(hit)}{gain}")


for score in ("citation_precision", "right_and_cited"):
    base, cheap, tuned = (hits("found", who, score) for who in ("base", "quote", "adapter"))
    print("cites what answers, nothing else:" if "precision" in score else "and says what it says:")
    line("model, search, worked example (08)", base)
    line("with its adapter (12)", tuned, base)
    line("no model: one sentence, quoted", cheap, tuned)
    line("and a search that never misses", hits("gold", "adapter", score), tuned)


# %%
def rule(task):  # the first step, without a model
    code = re.search(r"\bL(C-\d\d-\d{5}|K-\d{3}|[A-Z]-\d)\b", task)
    numbers = re.findall(r"\d+(?:\.\d+)?", task.replace(",", ""))
    if re.search("delete|update|drop|insert|execute|password|address|https?:", task.lower()):
        return "decline", {"reason": "not allowed"}
    if code:
        folder = {"LC": "orders", "LK": "stock"}.get(code[0][:2], "products")
        return "http", {"path": f"/{folder}/{code[0]}"}
    if len(numbers) > 1:
        return "calculator", {"expression": " * ".join(numbers[:2])}
    return "search", {"query": task}


class Rules:  # and what comes after the first step as the adapters decide it
    def decide(self, situations):
        later = iter(trained.decide([one for one in situations if one.turns]))
        calls = [dict(zip(("tool", "arguments"), rule(one.task))) for one in situations]
        first = [agents.Decision(json.dumps(call)) for call in calls]
        return [next(later) if one.turns else own for one, own in zip(situations, first)]


# %%
tasks = [task for task in data.load_agent_tasks() if task.split == "test"]
with tools.shop_api() as shop:
    kit = tools.larkspur_tools(search, shop, hidden=("customers.name", "customers.email"))
    prompted = agents.from_prompt(agents.PromptedPolicy(model, kit))
    routed = agents.RoutedPolicy(model, model, grounded_data.GROUNDED_PROMPT)
    trained = agents.from_adapters(routed, agents.runs.ADAPTERS)  # the log: no model is asked
    limits = {"max_steps": agents.runs.MAX_STEPS, "max_seconds": 600}
    solved = [
        np.array([agents.succeeded(task, run) for task, run in zip(tasks, done)])
        for policy in (prompted, trained, Rules())
        for done in [agents.run_agents([one.text for one in tasks], policy, kit, **limits)]
    ]
line("agent, a prompt decides (13)", solved[0])
line("agent, adapters decide", solved[1], solved[0])
line("agent, rules decide first", solved[2], solved[1])
cases = guardrails.attack_cases(one for one in data.load_attacks() if one.split == "test")
asking = guardrails.score_guards([guards.before[0].guard], cases)
print("  guard of the question (14):", asking.score())

# %% [markdown]
# Read down. Search and prompt alone cite nothing right. The adapter bought citations. One quoted sentence without a model is not told from it by 79 questions, nor rules from adapters by 74 tasks. A perfect search would add citations. *Right and cited* stays at .06 or less. The guard catches half of the attacks, and stops a quarter of harmless look-alikes.
#
# So may it go live? Not yet for customers: show them passages. Several parts fall short. Which pays most, a larger model would show. The answers above are recorded; for others set `COURSE_LLM_BASE_URL` and `COURSE_LLM_MODEL`, and let `grounded_scores.answer_grounded` ask `language_model.load()` the `held_out_questions()` with the prompt `course_lib.rag.PROMPT`. Its list, as `known["found", "larger"]`, makes a line of the table.
#
# ## Limits
#
# **Predict** which guard stops an answer that is wrong by a nought. And why did the prompt that forbids citations pass? Ask the 15 questions that no passage answers.

# %%
wrong = "You can return it within 300 days [1]."
for guard in guards.after:
    ruling = guard.check(wrong, "How long may I keep it?", ["Within 30 days."])
    print(f"{guard.name:14}{'lets it through' if ruling.allowed else ruling.reason}")

# %%
nothing = gate_runs.load_gate_answers(answerable=False)
kept = {name: np.array([float(one.abstained) for one in each]) for name, each in nothing.items()}
print({name: f"abstains on {int(each.sum())} of {each.size}" for name, each in kept.items()})
unasked = [{"abstains": kept[name]} for name in ("today", "forbids citations")]
print("forbids citations:", gate(*unasked, {"abstains": 0.15}))
print("no change at all: ", gate(unasked[0], unasked[0], {"abstains": 0.15}))


# %%
def slowly(messages, **options):  # a stand-in for the model
    time.sleep(0.1)
    return language_model.Completion("78 to 84 cm [1].", "stop", 1, 1)


stand_in = answerer_with(SimpleNamespace(name="stand-in", context_length=None, chat=slowly))
full = ask_under_load(Assistant(stand_in, search), asked * 2, at_once=16, answers_waiting=4)
print(sorted(Counter(row.answer[0] for row in full.report.rows).items()))

# %% [markdown]
# No guard stops it: a citation that exists need not say so. The prompt that forbids citations never abstains any more. Among 96 questions that all have an answer, that looks like a gain; on these 15 it fails. They are too few to let anything pass, even no change. What nobody measures may fall to nothing in a version that passes.
#
# Of 16 people at a service with five places (one served, four waiting) eleven are refused. 503 with `Retry-After` is honest, but no answer: count refusals.
#
# ## Your project
#
# Build an assistant for documents of your own: brief, checklist and a rubric of 100 points are in [docs/project.md](../docs/project.md). In short:
#
# 1. **Documents**: 30 pages or more that you may use, and people who would ask.
# 2. **Questions**: 60 or more, with the passage that answers; some without an answer; split before you tune. Ten attacks, ten look-alikes.
# 3. **Measured**: search, answers, guards, with intervals and a cheap rival; failures read.
# 4. **Shipped**: one command, a gate in CI, a load test with planned arrivals, one change measured before and after, repeated, also where it brought nothing.
#
# **Exercise 15.4** · Questions of your own · any level, 20 minutes, you may skip it. Begin with Larkspur: five questions of your own or more, of two passages or more, each with the locator of the passage that answers (`search.search(text, 5)` shows some; `.chunk.locator`), and the smallest margin, rounded up to two decimals, that so many questions can rule out. The check sees whether a passage exists; whether it answers, read yourself.

# %% tags=["exercise"] exercise="15.4"
my_questions = [
    # ("What does a new key cost?", "keys-and-locks#ordering-a-spare-key"),
]
my_margin = ...
check("15.4", (my_questions, my_margin))

# %%
hint("15.4")
solution("15.4")

# %% [markdown]
# ## What to remember
#
# 1. Build outwards, search, answer, guards, service, and measure each.
# 2. A gate needs a margin and a number of questions, set beforehand, and has errors of its own.
# 3. Latency counts from the planned moment. The queue is a symptom.
# 4. Mend what the traces show; run before and after side by side, more than once.
# 5. Say what it cannot do, with the number.
#
# ## In your project
#
# Copy `course_lib.gate`, `course_lib.service`, `orchestration.load`. At scale: k6 or Locust for load, vLLM for batches and guesses.
#
# ## Where the maths goes deeper
#
# Skipped: non-inferiority designs (Piaggio et al., 2012), sequential tests for a gate that looks every day, queueing theory (Harchol-Balter, 2013), guesses by a small model (Leviathan et al., 2023).
#
# **Before:** [14 Orchestration and safeguards](14_orchestration.ipynb). **Next:** a project of yours.
