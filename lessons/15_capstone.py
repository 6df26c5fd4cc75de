# %% [markdown]
# # 15 · Capstone
#
# **What you will be able to do**
#
# - **build** the assistant up to a web service, part by part;
# - **gate** it, so that a bad change is stopped, and say how often the gate errs;
# - **test** it under load, find its bottleneck in its traces, mend it, and show the ratio;
# - **read** a dashboard;
# - **plan** an assistant of your own, and mark it.
#
# Needs notebooks 08 to 14. Reading takes 35 minutes, the exercises up to 45, running all cells 95 seconds.
#
# ## 1. From a search to a service
#
# Larkspur asks: may it go live? Start with what was there first, the search.

# %%
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from course_lib import agents, data, guardrails, language_model, plotting, service, tools
from course_lib.exercises import check, hint, solution
from course_lib.gate import gate, least_questions, pass_rate, questions_needed
from course_lib.lora import gate_runs, grounded_data, grounded_scores
from course_lib.orchestration import BatchingModel, arrivals
from course_lib.service import Assistant, guarding, turns
from course_lib.service.trial import ask_under_load, seconds_by_stage, served
from course_lib.statistics import paired_bootstrap_interval, wilson_interval

# %%
plotting.use_course_style()
model = language_model.load(adapter=grounded_scores.ADAPTER)
search = turns.OneSearch(grounded_data.grounded_search())  # for one thread at a time
question = "How long in cm is a 32 inch leg?"
for one in search.search(question, 3):
    print(f"{one.chunk.locator:28}{' '.join(one.chunk.text.split())[:80]}")

# %% [markdown]
# Passages, and no answer. An *answerer* puts notebook 12's model behind the search.


# %%
def rough(messages):  # tokens, rather too many: so no thread needs the tokenizer
    return sum(len(one["content"]) // 3 + 8 for one in messages)


def answerer_with(model):
    how = {"max_tokens": 40, "stream": False, "count_tokens": rough}
    return service.RagAnswerer(search, model, prompt=grounded_data.GROUNDED_PROMPT, **how)


bare = Assistant(answerer_with(model), search)
reply = bare.ask(question)
print(reply.status, "|", reply.text, "|", [reply.passages[n - 1].locator for n in reply.citations])

# %% [markdown]
# Right, with its source. **Predict** what an attack gets, without guards and with those of notebook 14.

# %%
attacks = [one for one in data.load_attacks() if one.split == "train" and one.label == "attack"]
attack = next(one.text for one in attacks if one.place == "ticket" and len(one.text) < 120)
names = ["instructions", "passages", "personal_data", "citations"]
guards = guarding.open_guards(names, grounded_data.grounded_chunks())


def guarded_by_all(model):
    answerer = answerer_with(model)
    answerer = service.RagAnswerer(**{**vars(answerer), "guards": guards.passages})
    return Assistant(answerer, search, guards.before, guards.after)


guarded = guarded_by_all(model)
print(attack)
for name, assistant in {"bare": bare, "guarded": guarded}.items():
    reply = assistant.ask(attack)
    print(f"{name:8} {reply.status:9} {reply.text!r} {[s.name for s in reply.trace.steps]}")

# %% [markdown]
# Bare, the model reads it and finds nothing to say. The first guard stops it before any search or model. (It has learned from this very attack; section 5 has its rate on others.)
#
# Last, the web service: `create_app` makes a FastAPI app of it. `served` lets uvicorn serve that on a free port of this machine, in a thread, as long as the block runs.

# %%
tries = {"a question": question, "an attack": attack, "too long": "why " * 600}
with served(guarded) as (_, client, _):
    for name, text in tries.items():
        got = client.post("/ask", json={"question": text})
        said = got.json()
        print(f"{name:12}{got.status_code} {said.get('status', said.get('message'))}")
    pages = [client.get(path).status_code for path in ("/", "/dashboard", "/docs")]
    document = client.get("/openapi.json").json()
print("pages:", *pages)

# %%
for path, methods in document["paths"].items():
    print(*methods, path, "->", *next(iter(methods.values()))["responses"])

# %% [markdown]
# `course serve` starts all this with one command. Its page, where a citation opens its passage:
#
# ![The assistant's page](../docs/assistant.png)
#
# ## 2. A gate
#
# Notebook 10 gated a search by token F1. Here the *prompt* is guarded: 96 questions, the passage that answers always among those shown, so that reading is measured and not the search. The answers of five versions of the prompt are in a log. (Notebook 12 chose the adapter by its loss on these validation questions, so the level flatters. The changes were not chosen by them.)

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
    print(f"plan {questions_needed(margin, spread)}, never under {least_questions(margin)}")

# %% [markdown]
# Margin first, number of questions second, change last. The spread is a harmless rewording's. The floor: where none of `n` questions got worse, the bootstrap says +0.00 [+0.00, +0.00], and by luck a share of the margin may be worse all the same.
#
# Now a deliberately bad prompt: a colleague shortens the template and loses the field `{passages}`. **Predict** what the model says then. It is asked live, and today's prompt again, on a few.

# %%
questions = gate_runs.gate_questions()
broken = gate_runs.answer_version(model, "passages lost", questions[::2])
print(Counter(one.text for one in broken).most_common(2))
half = gate_runs.gate_scores(recorded["today"][::2])
print("passages lost:", gate(half, gate_runs.gate_scores(broken), MARGINS))

# %%
again = gate_runs.answer_version(model, "today", questions[::12])
kept = [*recorded["today"]]
print("as in the log:", [one.text for one in again] == [one.text for one in kept[::12]])
kept[::12] = again
print("the same prompt:", gate(today, gate_runs.gate_scores(kept), MARGINS))

# %%
for name in ("reworded", "forbids citations", "bullets"):
    print(f"{name}:", gate(today, scores[name], MARGINS))

# %% [markdown]
# The lost passages fail. The same prompt passes, and so does the rewording. *Bullets*, in place of the passages' numbers, cost citations and no word: token F1 alone would have let them pass. And *forbids citations* ("Leave out numbers in brackets") was meant to be bad, and passes with gains that both intervals show. The adapter does not do as it is told. What it does instead is under "Limits".
#
# How often does such a gate err? Build worlds from today's scores: some questions get another question's score (harmless: the mean stays), and some lose theirs.


# %%
def world(loss, churn, size=20_000):  # questions without end, and a change of them
    rng = np.random.default_rng(0)
    old = rng.choice(today["cited"], size)
    new = np.where(rng.random(size) < churn, rng.permutation(old), old)
    new = np.where(rng.random(size) < loss / old.mean(), 0.0, new)
    return {"cited": old}, {"cited": new}


churn = 2 * float(np.mean(scores["reworded"]["cited"] != today["cited"]))  # half draw their own
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
print("96 questions, a loss by the margin passes:", rates[96][3])

# %% [markdown]
# See three curves fall. At the left end, with 36 questions one harmless change in eight is stopped, with 96 one in fifty. At the margin hardly any passes with 96 or more. Between the two, true losses smaller than the margin: 96 questions let most of .05 through, 240 stop two in three, as this gate fails on every loss that is *shown*. These worlds have one metric and this noise; each further metric stops more harmless changes.
#
# **Exercise 15.1** · Paired by name · easy, 5 minutes, you may skip it. `today` and `change` are dictionaries from a question's name to its score. Return the list of change minus today in today's order; raise `ValueError` unless both hold the same questions.


# %% tags=["exercise"] exercise="15.1"
def my_differences(today, change):
    return ...


check("15.1", my_differences)

# %%
hint("15.1")
solution("15.1")


# %%
def write(name):  # a file of scores, for the gate as a command
    file = Path(folder) / f"{name}.jsonl"
    ids = [one.question.id for one in recorded[name]]
    rows = zip(ids, scores[name]["cited"])
    file.write_text("".join(json.dumps({"question": q, "cited": s}) + "\n" for q, s in rows))
    return str(file)


with tempfile.TemporaryDirectory() as folder:
    for name in ("reworded", "passages lost"):
        files = [write("today"), write(name), "--margin", "cited=0.15"]
        command = [sys.executable, "-m", "course_lib.gate", *files]
        ended = subprocess.run(command, capture_output=True, text=True)
        print(f"{name}: exit status {ended.returncode}, {ended.stdout.splitlines()[0]}")

# %% [markdown]
# ## 3. Under load
#
# How long do people wait? First a simulation: one is served at a time, in 0.1 s, and one time in a hundred it stalls for 5 s. A careful-looking test asks its next question when the answer is there. Customers come when they come, four a second. **Predict** the time within which 9 of 10 are answered, in both.
#
# **Exercise 15.2** · From the planned moment · medium, 10 minutes, you may skip it. Requests come at the moments `planned`, ascending; serving them takes `seconds`. One is served at a time, first come, first served. Return the seconds from each planned moment to the answer.


# %% tags=["exercise"] exercise="15.2"
def my_latencies(planned, seconds):
    return ...


check("15.2", my_latencies)

# %%
hint("15.2")
solution("15.2")


# %%
def waits(planned, seconds):  # what 15.2 asks for
    free = 0.0
    for come, takes in zip(planned, seconds):
        free = max(come, free) + takes
        yield free - come


planned = arrivals(rate=4, seconds=600)
takes = np.where(np.arange(len(planned)) % 100 == 50, 5.0, 0.1)
tests = {"asks when answered": takes, "asks as planned": [*waits(planned, takes)]}
for name, seconds in tests.items():
    print(f"{name:20}", *[f"{q} %: {np.percentile(seconds, q):.2f} s  " for q in (50, 90, 98)])

# %% [markdown]
# The first test asks nobody while the service stalls, so each stall counts once: **coordinated omission**. `run_load` with arrivals counts from the planned moment.
#
# Now over HTTP: the service with a stand-in for the model, which takes 0.1 s for one answer and little more for eight together; fifteen people a second.


# %%
class StandIn:
    name, context_length = "stand-in", None

    def chat_batch(self, conversations, **options):
        time.sleep(0.08 + 0.02 * len(conversations))
        return [language_model.Completion("78 to 84 cm [1].", "stop", 1, 1) for _ in conversations]

    def chat(self, messages, **options):
        return self.chat_batch([messages])[0]


# %% tags=["nbval-ignore-output"] reason="seconds"
coming = arrivals(rate=15, seconds=3, seed=1)
stand_in = Assistant(answerer_with(StandIn()), search)
slow = ask_under_load(stand_in, [question], coming, batch=1, answers_waiting=99).report
with BatchingModel(StandIn()) as many:
    in_batches = Assistant(answerer_with(many), search)
    quick = ask_under_load(in_batches, [question], coming, batch=8, answers_waiting=99).report
print("one at a time:", slow)
print("in batches:   ", quick)

# %%
assert slow.percentile(50).low > quick.percentile(50).estimate
print([Counter(row.answer[0] for row in report.rows) for report in (slow, quick)])

# %% [markdown]
# Everybody got an answer. But fifteen a second is more than one at a time can do, so the queue grows for as long as the test goes on: its median says as much about the test's length as about the service.
#
# Now the real model. Ten questions that it answers and six attacks, all 16 at once, to a service that answers one at a time. Its traces, joined to what the client saw by the request's number, say where the time went.

# %%
found = {q: tuple(hit.chunk for hit in search.search(q.text, 3)) for q in questions}
fit = [a for a in recorded["today"] if not a.abstained and a.passages == found[a.question]]
asked = [a.question.text for a in fit[::4][:10]] + [one.text for one in attacks[:6]]
began = time.process_time()
alone = ask_under_load(guarded, asked, at_once=16, batch=1, answers_waiting=99)
alone_work = time.process_time() - began
print(Counter(row.answer[0] for row in alone.report.rows))
print(sorted(Counter(one["status"] for one in alone.traces["traces"]).items()))

# %%
stages = seconds_by_stage(alone)
total = sum(stages, Counter())
print(*[stage for stage, _ in total.most_common(2)], sep=", then ")
work = total.total() - total["queue"]
print("the model has over 90 % of what is no queue:", total["model"] > 0.9 * work)
for what in ("input", "output"):
    tokens = [one.attributes.get(f"gen_ai.usage.{what}_tokens", 0) for one in alone.spans]
    print(what, "tokens:", sum(tokens))

# %% [markdown]
# The queue is where most time goes, and there is nothing in it to mend: it is the others' time in the model.
#
# **Exercise 15.3** · What to mend · medium, 10 minutes, you may skip it. `requests` are dictionaries from a step's name to milliseconds; `"queue"` is one. Take the slowest `share` of the requests by their whole time, `max(1, round(share * number))` of them. Return the name of the step, not the queue, that takes most milliseconds in them together.


# %% tags=["exercise"] exercise="15.3"
def my_bottleneck(requests, share):
    return ...


check("15.3", my_bottleneck)

# %%
hint("15.3")
solution("15.3")

# %% [markdown]
# Mend it: notebook 14's `BatchingModel`, and as many places as people. A batch writes a token for each in one go, but every prompt is still to be read. **Predict** the ratio, from what is read and written.

# %%
with BatchingModel(model, most=8) as batching:
    began = time.process_time()
    batched = ask_under_load(guarded_by_all(batching), asked, at_once=16, batch=16)
    batched_work = time.process_time() - began
print(Counter(row.answer[0] for row in batched.report.rows))
print(sum(batching.sizes), "calls in fewer batches:", len(batching.sizes) < sum(batching.sizes))

# %% tags=["nbval-ignore-output"] reason="seconds"
_, axes = plt.subplots(1, 2, figsize=(11, 3.4), sharex=True, sharey=True)
both = {"One at a time": stages, "In batches": seconds_by_stage(batched)}
for ax, (title, each) in zip(axes, both.items()):
    for name, style in zip(("queue", "model", "search", "guards"), ("-", "--", ":", "-.")):
        seconds = [max(one[name], 1e-4) for one in each if name in one]
        ax.hist(seconds, np.geomspace(1e-4, 100, 25), histtype="step", ls=style, lw=2, label=name)
    ax.set(xscale="log", xlabel="seconds", ylabel="requests", title=title)
axes[0].legend()
plt.show()
before, after = alone.report, batched.report
ratio = alone_work / batched_work
print(f"processor: {alone_work:.1f} s, in batches {batched_work:.1f} s, ratio {ratio:.2f}")
print(f"16 answers in {before.seconds:.1f} s, in batches {after.seconds:.1f} s")
print(f"median wait {before.percentile(50)} s, in batches {after.percentile(50)} s")

# %% [markdown]
# See the queue (solid) move from the right, where the model is, to the left of it: nobody waits in the service any more. They wait in the model's batch (dashed), longer for each. The ratio counts processor time, since other programs stretch a clock's seconds. It is modest, as foretold by the tokens. Next come the long prompts; two passages in place of three change answers, so the gate decides. One run each: repeat before you quote. `course serve` batches by default (`COURSE_SERVICE_BATCH`).
#
# ## 4. A dashboard
#
# The service keeps the times of its latest answers, and no text: `GET /traces`, and `/dashboard` in the browser. With a tracer each answer becomes OpenTelemetry spans for whatever collector you run.

# %%
assert max(batching.sizes) > 1  # the ratio is a time, and depends on the machine
steps, spans = batched.traces["steps"], batched.spans
print(*[one["name"] for one in steps], sep=", ")
told = " ".join(str(value) for one in spans for value in one.attributes.values())
print("a question's text in the spans:", any(text in told for text in asked))

# %% tags=["nbval-ignore-output"] reason="milliseconds"
_, (left, right) = plt.subplots(1, 2, figsize=(14, 3.8), layout="constrained")
for percentile, style in {"median": "o", "p95": "s"}.items():
    left.plot([one[percentile] for one in steps], [one["name"] for one in steps], style)
left.set(xscale="log", xlabel="milliseconds", title="Median (circle) and 95th percentile (square)")
left.invert_yaxis()
slowest = max((s for s in spans if s.parent is None), key=lambda s: s.end_time - s.start_time)
own = [s for s in spans if s.context.trace_id == slowest.context.trace_id]
plotting.waterfall(own, ax=right, title="The slowest of the 16")
plt.show()

# %% [markdown]
# See one step far to the right of the others: seconds, where search and guards take milliseconds. In the waterfall (the model's bar holds the wait for its batch) the rest are lines. Whoever wants this assistant faster works on the model or its prompt.
#
# ## 5. The whole story
#
# What did each step buy? From the recorded answers to the 79 test questions that a passage answers, the agents' recorded decisions, and the attacks of the test split.

# %%
assert max(steps[:-1], key=lambda one: one["together"])["name"] == "generate"
known = grounded_scores.load_grounded_answers()


def hits(shown, who, score):
    rows = [one for one in known[shown, who] if one.question.answer is not None]
    return np.array([getattr(one, score) for one in rows]) == 1


def line(what, hit, before=None):
    gain = "" if before is None else f", gain {paired_bootstrap_interval(hit, before):+.2f}"
    print(f"  {what:40}{wilson_interval(int(hit.sum()), len(hit))} of {len(hit)}{gain}")


for score in ("citation_precision", "right_and_cited"):
    base, tuned = (hits("found", who, score) for who in ("base", "adapter"))
    print("cites what answers, nothing else:" if "precision" in score else "and says what it says:")
    line("model, search, worked example (08)", base)
    line("with its adapter (12)", tuned, base)
    line("and a search that never misses", hits("gold", "adapter", score), tuned)

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
        for policy in (prompted, trained)
        for done in [agents.run_agents([one.text for one in tasks], policy, kit, **limits)]
    ]
line("agent, a prompt decides (13)", solved[0])
line("agent, adapters decide", solved[1], solved[0])
cases = guardrails.attack_cases(one for one in data.load_attacks() if one.split == "test")
asking = guardrails.score_guards([guards.before[0].guard], cases)
print("  guard of the question (14):", asking.score())

# %% [markdown]
# Read down. Search and prompt alone cite nothing right. The adapter bought citations, and a perfect search would buy more. *Right and cited* stays at .04 of the questions, .06 with every passage found: the interval of each step's gain touches 0. The agent with adapters solves .39 of its tasks, and notebook 13 could not tell it from twenty lines of rules. The guard catches half of the attacks, and stops a quarter of harmless look-alikes.
#
# So may it go live? Not as it is, for customers. The model is the part to replace, by one setting (`COURSE_LLM_BASE_URL`, `COURSE_LLM_MODEL`), and the table is what to run again. What a larger model scores here, nobody knows before that.
#
# ## Limits
#
# **Predict** which guard stops an answer that is wrong by a nought. And why did the prompt that forbids citations pass? Ask what the gate did not ask: the 15 questions that no passage answers.

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

# %%
full = ask_under_load(stand_in, [question] * 16, at_once=16, batch=1, answers_waiting=4)
print(sorted(Counter(row.answer[0] for row in full.report.rows).items()))

# %% [markdown]
# No guard stops it: a citation that exists need not say so. (`grounded` might, and much that is right; notebook 14 has both rates.) The prompt that forbids citations never abstains any more. Among 96 questions that all have an answer, that looks like a gain; with these 15 in the gate it fails. What nobody measures may fall to nothing in a version that passes.
#
# Of 16 people at a service with five places eleven are refused. 503 with `Retry-After` is honest, but no answer: count refusals in every load test.
#
# What customers ask next month no gate has seen: read the feedback, and add questions.
#
# ## Your project
#
# Build an assistant for documents of your own. The brief, a checklist and a rubric of 100 points, to print and to mark by, are in [docs/project.md](../docs/project.md). In short:
#
# 1. **Documents**: 30 pages or more that you may use, and people who would ask.
# 2. **Questions**: 60 or more, with the passage that answers; some without an answer; split before you tune. Ten attacks, ten look-alikes.
# 3. **Measured**: search, answers, guards, with intervals and a cheap rival; failures read.
# 4. **Shipped**: one command, a gate in CI, a load test with planned arrivals.
#
# **Exercise 15.4** · Questions of your own · any level, 15 minutes, you may skip it. Begin with Larkspur: five questions of your own or more, each with the locator of the passage that answers (`search.search(text, 5)` shows some), and the smallest margin, to two decimals, that so many questions can rule out.

# %% tags=["exercise"] exercise="15.4"
my_questions = [
    # ("What does a new key cost?", "keys-and-locks#lost-keys"),
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
# 4. Mend what the traces show; run before and after side by side.
# 5. Say what it cannot do, with the number.
#
# ## In your project
#
# Copy `course_lib.gate`, `course_lib.service`, `orchestration.load`. At scale: k6 or Locust for load, vLLM for batching, any OpenTelemetry backend for traces.
#
# ## Where the maths goes deeper
#
# Skipped: non-inferiority designs (Piaggio et al., 2012), sequential tests for a gate that looks every day, and queueing theory (Harchol-Balter, 2013), wanted to plan capacity before you build.
#
# **Before:** [14 Orchestration and safeguards](14_orchestration.ipynb). This is the course's last notebook: **next** comes a project of yours.
