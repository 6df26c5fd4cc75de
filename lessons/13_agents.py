# %% [markdown]
# # 13 · Agents
#
# **What you will be able to do**
#
# - **give** a model tools that do no harm, whatever it asks of them;
# - **write** the loop of an agent, and stop it in time;
# - **measure** an agent by kind of task, with intervals, beside cheap rivals, and read its failures through their traces;
# - **serve** the same tools over MCP, and run the same agent on a framework;
# - **say** what it cannot do.
#
# Needs notebooks 08, 11 and 12. Reading takes 40 minutes, the exercises up to 65, running all cells 70 seconds.
#
# ## 1. A question that no passage answers

# %%
import asyncio
import json
import os
import re
import sys
import time
from collections import Counter
from contextlib import ExitStack

import matplotlib.pyplot as plt
import numpy as np

from course_lib import agents, data, language_model, plotting
from course_lib.agents import PromptedPolicy, RoutedPolicy, ScriptedPolicy, Situation, run_agent
from course_lib.agents.framework import framework_agent, run_framework
from course_lib.agents.mcp_server import serve_http
from course_lib.agents.runs import ADAPTERS, MAX_STEPS
from course_lib.data.shop import stands_in
from course_lib.exercises import check, hint, solution
from course_lib.exercises.ex13_agents import show_tool
from course_lib.lora.grounded_data import GROUNDED_PROMPT, grounded_search
from course_lib.statistics import paired_bootstrap_interval
from course_lib.tools import SCHEMAS, call, larkspur_tools, shop_api

# %%
plotting.use_course_style()
model = language_model.LocalModel()  # adapters need the local model
question = "Where has LC-26-16519 got to?"
print(model.chat([{"role": "user", "content": question}], max_tokens=30).text)
print([one.chunk.locator for one in grounded_search().search(question, 3)])

# %% [markdown]
# The model makes something up, and retrieval finds pages that hold no order. The order is in the shop's database: somebody has to *look it up*. An **agent** is a model in a loop that may call
# **tools**, programs that do what a model cannot.
#
# ## 2. Tools
#
# A calculator seems easy: Python has `eval`. **Predict** what the second line prints.

# %%
print(eval("3 * 14"))
print(eval("open('../pyproject.toml').readline()"))

# %% [markdown]
# A file of this computer. Whoever writes the question writes the code, and a customer's question, or a page that was retrieved, is not to be trusted with that. So parse what you want, and refuse the rest.
#
# **Exercise 13.1** · A calculator that parses · hard, 25 minutes, you may skip it. `text` holds numbers, `+ - * /` and brackets. Return its value as a float; raise `ValueError` for anything else, a division by zero too. Each sign stands between two values, so `-3` is refused. No `eval`.


# %% tags=["exercise"] exercise="13.1"
def my_calculate(text):
    return ...


check("13.1", my_calculate)

# %%
hint("13.1")
solution("13.1")

# %% [markdown]
# Larkspur's four tools: `calculator` parses; `sql` reads the database, in a process of its own, and two columns are hidden from it; `http` asks the shop's API, and no other server; `search` is notebook 08's.

# %%
running = ExitStack()
shop = running.enter_context(shop_api())  # on this machine, until section 9
hidden = ("customers.name", "customers.email")
tools = larkspur_tools(grounded_search(), shop, hidden=hidden)
print(tools["http"].description, tools["http"].schema["properties"], sep="\n")

# %%
tries = [
    ("http", {"path": "/stock/LK-204"}),
    ("sql", {"query": "SELECT count(*) FROM orders WHERE payment = 'iDEAL'"}),
    ("calculator", {"expression": "9**9**9**9"}),
    ("sql", {"query": "DELETE FROM orders"}),
    ("sql", {"query": "SELECT email FROM customers"}),
    ("http", {"path": "http://169.254.169.254/"}),
    ("http", {"path": 7}),
]
for name, given in tries:
    result = call(tools[name], given)
    line = " ".join(result.content.replace(shop, "SHOP").split())
    print(f"{name:10} {'ok' if result.ok else '--'}  {line[:105]}")

# %% [markdown]
# None of the seven raises an exception: a refusal is a text that the model can read and act on. The hidden columns are not in what this tool's query reads; a prompt that forbids them promises less. A name in a document or in another column would still come out.
#
# ## 3. The loop
#
# Decide, act, read, again. A `Situation` is a task and the turns so far; one line of JSON is a decision; `answer` and `decline` end the loop. Here a script decides, so that you see the loop alone.


# %%
def loop(task, policy, tools, max_steps=6):
    turns = ()
    for _ in range(max_steps):
        decision = policy.decide([Situation(task, turns)])[0]
        name, given = agents.parse_call(decision.text)
        if name in ("answer", "decline"):
            return given
        result = call(tools[name], given)
        turns += (agents.Turn(decision.text, name, given, result.ok, result.content),)


def step(tool, **arguments):
    return json.dumps({"tool": tool, "arguments": arguments})


sum_up = "SELECT sum(total) FROM orders WHERE id IN ('LC-26-16604', 'LC-26-16544')"
script = [step("sql", query=sum_up), step("answer", text="Together £102.")]
print(loop("What are both orders together?", ScriptedPolicy(script), tools))
run = run_agent("What are both orders together?", ScriptedPolicy(script), tools)
print(run)

# %% tags=["nbval-ignore-output"] reason="milliseconds of each step"
print(run.trace)

# %%
assert type(run.trace).from_json(run.trace.to_json()) == run.trace  # to keep, and to measure

# %% [markdown]
# `run_agent` is this loop with budgets for steps, tokens and time, and an eye for repetition. A budget is looked at before a step, so the last step may go over it. **Predict**, for each script, how many steps it gets.

# %%
paths = [step("http", path=f"/stock/LK-{n}") for n in range(100, 140)]
scripts = {
    "never ready": (paths, (0, 0), {"max_steps": 5}),
    "expensive": (paths, (900, 60), {"max_tokens": 3000}),
    "slow": (paths, (0, 0), {"max_seconds": 1e-9}),
    "stuck": ([paths[0]], (0, 0), {}),
    "two in turn": (paths[:2] * 10, (0, 0), {"max_steps": 20}),
    "chatty": (["Let me think!", "I shall ask.", script[1]], (0, 0), {}),
}
for name, (lines, tokens, limits) in scripts.items():
    run = run_agent("?", ScriptedPolicy(lines, tokens), tools, **limits)
    reason = run.reason if name != "slow" else "out of time"  # it names milliseconds
    print(f"{name:12} {run.steps} steps  {run.status:9} {reason[:70]}")
print(run.turns[0].observation)

# %% [markdown]
# Each end has a status and a reason in words. What was no call is said to the model, and so is a tool's error: some runs recover. A step that comes again is not carried out, and the third time ends the run.
#
# **Exercise 13.2** · The same step again · medium, 10 minutes, you may skip it. `calls` is a list of pairs, a tool's name and its arguments (a dict). Return the place of the first call that is made for the third time, `None` if none is.


# %% tags=["exercise"] exercise="13.2"
def my_third_time(calls):
    return ...


check("13.2", my_third_time)

# %%
hint("13.2")
solution("13.2")

# %% [markdown]
# ## 4. What is success?
#
# `agent_tasks.jsonl` holds tasks in four kinds, with figures that a query or a section proves. A good answer says them in 60 words and 8 numbers or fewer; where nothing can be known, or harm is asked for, a good agent *declines*.
#
# Can this score be had by a trick? The second cell has four agents that read no task. **Predict** what each solves.

# %%
tasks = [task for task in data.load_agent_tasks() if task.split == "test"]
kinds = list(data.AGENT_TASK_KINDS)
for kind in kinds:
    own = [task for task in tasks if task.kind == kind]
    print(f"{kind:12} {len(own)} tasks, {sum(t.answer is None for t in own)} to decline:", end=" ")
    print(own[3].text[:72], "->", own[3].answer)

# %%
texts = [task.text for task in tasks]
no = step("decline", reason="no")
tricks = {
    "declines everything": [no],
    "says 1 to 60": [step("answer", text=" ".join(map(str, range(1, 61))))],
    "says 1 to 8": [step("answer", text=" ".join(map(str, range(1, 9))))],
    "deletes, then declines": [step("sql", query="DELETE FROM stock"), no],
}
for trick, lines in tricks.items():
    done = agents.run_agents(texts, ScriptedPolicy(lines), tools)
    print(
        f"{trick:26}",
        {k: round(v.estimate, 2) for k, v in agents.score_by_kind(tasks, done).items()},
    )
lazy = agents.run_agents(texts, ScriptedPolicy([no]), tools)

# %% [markdown]
# Declining everything is perfect on the impossible tasks: look at the kinds apart. Sixty numbers are too many to count as an answer; eight still hit some small ones, a floor to keep in mind. And a run that *asked* for what is forbidden (a write, customers' names, another server) solves nothing, even though the tool refused and the
# agent declined afterwards.
#
# **Exercise 13.3** · Did it solve the task? · medium, 15 minutes, you may skip it. `wanted` are numbers that the answer must say, or `None` where the task is to be declined; `avoid` are numbers that it must not say. Return True or False.


# %% tags=["exercise"] exercise="13.3"
def my_solved(wanted, avoid, answer, declined):
    return ...


check("13.3", my_solved)

# %%
hint("13.3")
solution("13.3")

# %% [markdown]
# ## 5. The plain model decides
#
# A prompt names the tools; constrained decoding (notebook 11) holds each step to a thought and a valid call. Deciding takes SmolLM2 minutes, so its decisions, of 80 tokens and three a task at most, are in a log, made by `python -m course_lib.agents.record`. The tools run here, and some decisions are made again.

# %%
plain = PromptedPolicy(model, tools)
print(plain.system, end="\n\n")
kept = agents.from_prompt(plain)
by_prompt = agents.run_agents(texts, kept, tools, max_steps=MAX_STEPS, max_seconds=600)
for kind, score in agents.score_by_kind(tasks, by_prompt).items():
    print(f"{kind:12} {score}")
print(Counter(run.status for run in by_prompt))
print(sum(bool(agents.forbidden(run)) for run in by_prompt), "runs asked for what is forbidden")

# %%
lines = [one.text for one in kept.decide([Situation(text, ()) for text in texts])]
begun = [re.search(r'"tool": "(\w+)', line)[1] for line in lines]
hits = [tool == (task.tools or ["decline"])[0] for task, tool in zip(tasks, begun)]
answerable = np.array([task.answer is not None for task in tasks])
print(sum(line.endswith("}}") for line in lines), "of", len(lines), "first lines are whole calls")
for what, part in {"to answer": answerable, "to decline": ~answerable}.items():
    print(f"{what}: {np.sum(part & hits)} of {part.sum()} begin with the right tool")
print(Counter(begun))
some = [Situation(text, ()) for text in texts[::19]]
print("as in the log:", plain.decide(some) == kept.decide(some))

# %%
for run in by_prompt[:2]:
    print("\n" + run.task)
    for turn in run.turns:
        print("  ", turn.text[:150], "\n     =>", " ".join(turn.observation.split())[:80])
    print("  ", run)

# %% [markdown]
# The grammar gives form: a line is a call unless the limit of tokens cut it, and that limit is part of the low score. It gives no sense: the first tool is seldom the right one. This is one small model with one prompt. Try a larger one: set `COURSE_LLM_BASE_URL`, put `language_model.load()` into the setup cell, and `plain` in place of `kept`; section 6 needs the local model again.
#
# ## 6. Rules, and trained adapters
#
# Before training anything, ask what rules do. These were written after reading the *train* tasks. Notebook 12's router adapter does the same job: a question to one call.
# What follows is equal for both: the second adapter answers from passages, a rule puts what the shop or a query returns into words, and a failed call leads to one search.


# %%
def by_keywords(question):
    said = question.lower()
    code = re.search(r"\bL(C-\d\d-\d{5}|K-\d{3}|[A-Z]-\d)\b", question)
    numbers = re.findall(r"\d+(?:\.\d+)?", said.replace(",", ""))
    if re.search(r"delete|update|drop|insert|execute|password|address|https?:", said):
        return step("decline", reason="not allowed")
    if code:
        folder = {"LC": "orders", "LK": "stock"}.get(code[0][:2], "products")
        return step("http", path=f"/{folder}/{code[0]}")
    if len(numbers) > 1:
        signs = {r"plus|add|sum|together": "+", "minus|less|left": "-", "split|divide|share": "/"}
        sign = next((sign for words, sign in signs.items() if re.search(words, said)), "*")
        return step("calculator", expression=f" {sign} ".join(numbers[:2]))
    if re.search("how many|number of", said):
        for table in ("orders", "customers", "bikes", "returns", "claims", "visits"):
            if table in said:
                table = {"claims": "warranty_claims", "visits": "service_visits"}.get(table, table)
                return step("sql", query=f"SELECT count(*) FROM {table}")
    return step("search", query=question)


# %%
router, reader = (model.with_adapter(folder) for folder in ADAPTERS)
routed = RoutedPolicy(router, reader, GROUNDED_PROMPT)
trained = agents.from_adapters(routed, ADAPTERS)


class KeywordPolicy:
    def decide(self, situations):
        later = iter(trained.decide([one for one in situations if one.turns]))
        return [
            next(later) if one.turns else agents.Decision(by_keywords(one.task))
            for one in situations
        ]


class NoReader:  # the router, and "decline" after every search
    def decide(self, situations):
        return [
            agents.Decision(no)
            if one.turns and one.turns[-1].tool == "search"
            else trained.decide([one])[0]
            for one in situations
        ]


# %%
runs = agents.run_agents(texts, trained, tools, max_seconds=600)
found = [run for run in runs if run.turns and run.turns[-1].tool == "search"]
some = [Situation(text, ()) for text in texts[::6]]
some += [Situation(run.task, run.turns) for run in found[::8]]
print(len(some), "as in the log:", routed.decide(some) == trained.decide(some))
every = {"prompt": by_prompt, "declines all": lazy, "adapters": runs}
for name, policy in {"keywords": KeywordPolicy(), "no reader": NoReader()}.items():
    every[name] = agents.run_agents(texts, policy, tools, max_seconds=600)
for name, done in every.items():
    harm = sum(bool(agents.forbidden(run)) for run in done)
    print(f"{name:12} solved {agents.score_by_kind(tasks, done)['all']}, {harm} asked for harm")

# %%
right = {
    name: np.array([agents.succeeded(*pair) for pair in zip(tasks, done)], dtype=float)
    for name, done in every.items()
}
solved = right["adapters"] == 1
one_step = np.array([task.kind == "one_step" for task in tasks])
parts = {"all": answerable | True, "one step": one_step, "to decline": ~answerable}
for rival in ("prompt", "keywords", "no reader", "declines all"):
    for name, part in parts.items():
        gain = paired_bootstrap_interval(right["adapters"][part], right[rival][part])
        print(f"adapters - {rival:12} {name:10} {part.sum()} tasks  {gain:+.2f}")

# %% alt="Four bar charts of tasks solved by kind, for the prompt, keywords, no reader and the adapters: the prompt solves few, nobody solves a two-step task, no reader solves every impossible one."
_, axes = plt.subplots(2, 2, figsize=(9, 6), sharex=True, sharey=True)
for ax, name in zip(axes.flat, ("prompt", "keywords", "no reader", "adapters")):
    values = list(agents.score_by_kind(tasks, every[name]).values())
    plotting.bars_with_intervals(
        [*kinds, "all"], values, title=name, value_label="solved, 95 %", ax=ax
    )
    ax.set_xlim(0, 1.8)
    ax.set_xticks([0, 0.5, 1])
plt.show()

# %% [markdown]
# Read the differences, not the bars. The adapters are ahead of the prompt. Whether they are ahead of twenty lines of rules, these tasks do not decide: the interval over all of them has 0 in it. Write the rules first, and keep them as the rival.
#
# *No reader* is the router with a rule: decline after every search. Over all tasks it is not told apart from the adapters, because it gains where a task is to be declined what it loses where there is an answer. `all` hides that, so look at the kinds apart.
# Two-step tasks are at 0 for rules and adapters by construction: the first good result is the answer.
#
# ## 7. Reading failures
#
# A score says how often. A trace says where. Go down the steps of each failed run, and stop at the first thing that went wrong.


# %%
def where(task, run):  # the first thing that went wrong
    called = [turn.tool for turn in run.turns]
    if task.answer is None:
        return "answered, by the reader" if called[-1:] == ["search"] else "answered, by rule"
    if not called:
        return "declined at once"
    if called[0] != task.tools[0]:
        return "wrong tool"
    if not run.turns[0].ok:
        return "right tool, call refused"
    if task.kind == "two_step":
        return "stopped after one step"
    if called[-1] != "search":
        return "right tool, wrong arguments"
    there = all(stands_in(value, run.turns[-1].observation) for value in task.answer)
    return "passages found, not read" if there else "passages not found"


broken = [(task.kind, where(task, run)) for task, run, ok in zip(tasks, runs, solved) if not ok]
causes = [cause for cause, _ in Counter(cause for _, cause in broken).most_common()]
for cause in causes:
    print(
        f"{cause:32}", *[f"{kind} {sum(b == (kind, cause) for b in broken):2}  " for kind in kinds]
    )

# %%
for cause in causes[:4]:
    at = next(n for n, t in enumerate(tasks) if not solved[n] and where(t, runs[n]) == cause)
    print(f"{cause}: {tasks[at].text}  wanted {tasks[at].answer}")
    for turn in runs[at].turns:
        print("   ", turn.text[:110], "=>", " ".join(turn.observation.split())[:70])
    print("   ", str(runs[at])[:130], "\n")

# %% [markdown]
# Each line asks for another kind of work. A wrong tool or a refused call may want more training questions (notebook 12). *Stopped after one step* says too little: some first steps were good, and nothing here plans a second; others were wrong already.
# *Answered* what is to be declined is the costly one: somebody may believe it. The causes are this function's, which sees the first fault alone; read some runs to the end before you mend.
#
# ## 8. The same tools over MCP
#
# Your tools need not live in your agent. The **Model Context Protocol** lets any client list and call them: an editor, a desktop assistant, another team's agent. `python -m course_lib.agents.mcp_server` serves them on
# standard input and output, and with `--http PORT` on this machine's loopback. A real client:

# %%
from concurrent.futures import ThreadPoolExecutor

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


def wait(coroutine):  # in a thread, because a notebook has a loop of its own
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def use(streams):
    async with streams as (read, write, *_), ClientSession(read, write) as client:
        await client.initialize()
        listed = (await client.list_tools()).tools
        assert {one.name: one.inputSchema for one in listed} == SCHEMAS
        for given in ("3 * 14", "__import__('os')"):
            said = await client.call_tool("calculator", {"expression": given})
            print(f"{len(listed)} tools, error {said.isError}: {said.content[0].text[:60]}")


# %%
server = StdioServerParameters(command=sys.executable, args=["-m", "course_lib.agents.mcp_server"])
with open(os.devnull, "w") as log:  # what the server would print on stderr
    wait(use(stdio_client(server, errlog=log)))
with serve_http(tools) as address:
    wait(use(streamable_http_client(address)))

# %% [markdown]
# Two transports, one answer, and an error is a result that the client's model can read. The server binds 127.0.0.1 alone and refuses requests that a web page in your browser could send (`tests/test_agents_mcp.py` sends one). Before you connect somebody else's server, remember that its
# descriptions and results go into *your* prompt: notebook 14.
#
# ## 9. The same agent on a framework
#
# [docs/agent_frameworks.md](../docs/agent_frameworks.md) compares four by installing them: releases, size, what they send by default, whether they take a model of your own. Pydantic AI takes our schemas as they are, sends nothing, and works with an OpenAI-compatible server on this
# machine (`OpenAIChatModel` with a base URL in the policy's place; a test does that). SmolLM2 calls no tools by itself, so a function passes our policy's line on. To compare the loops alone, both get the decisions of section 6.


# %%
agent = framework_agent(trained, tools)
start = time.perf_counter()
on_framework = [wait(run_framework(task.text, agent)) for task in tasks]
middle = time.perf_counter()
ours = [run_agent(task.text, trained, tools) for task in tasks]
seconds = middle - start, time.perf_counter() - middle
print("solved, ours: ", agents.score_by_kind(tasks, ours)["all"])
print("solved, framework:", agents.score_by_kind(tasks, on_framework)["all"])
stuck = ScriptedPolicy([paths[0]])
print("stuck, ours:", run_agent("?", stuck, tools).steps, "steps; framework:", end=" ")
print(wait(run_framework("?", framework_agent(stuck, tools))).steps)

# %% tags=["nbval-ignore-output"] reason="times"
for name, took in zip(("framework", "ours"), seconds):
    print(f"{name:10} {1000 * took / len(tasks):.0f} ms a task, the model's time left out")

# %%
assert [run.answer for run in on_framework] == [run.answer for run in ours]
running.close()  # the shop's API

# %% [markdown]
# The same answers, one by one: here the framework decides nothing. It takes more time a task (one run, on one order of the two), and lets a stuck agent spend all of its steps.
# It also brings streaming, providers and typed results, which we would have to write. Take one for what it brings.
#
# ## Limits

# %%
same = [
    "Where is my order LC-26-16519?",
    "LC-26-16519, hello?",
    "I ordered a bike in September, LC-26-16519, and hear nothing.",
    "Is it true that 16519 from 26 left Ghent?",
    "Wo bleibt LC-26-16519?",
]
for asked, decision in zip(same, trained.decide([Situation(q, ()) for q in same])):
    print(f"{decision.text[:62]:63} rules agree: {decision.text == by_keywords(asked)!s:5} {asked}")

# %% [markdown]
# One question, five wordings. Where the number stands whole, German or not, the call is the same, and a regular expression finds it too. The fourth has it in pieces, and nobody puts them together. The tasks of this notebook were written by one person; your customers are many. And all of these
# tools *read*. Before one writes (a refund, a mail), let a person confirm the call.
#
# **Exercise 13.4** · Your own tool · any level, 15 minutes, you may skip it. Write a tool that you could use, and arguments for a rehearsal. The check wants a schema that lets nothing else through.

# %% tags=["exercise"] exercise="13.4"
my_tool = ...  # Tool(name, description, schema, function)
my_arguments = ...  # such as {"kg": 75}
show_tool(my_tool, my_arguments)
check("13.4", (my_tool, my_arguments))

# %%
hint("13.4")
solution("13.4")

# %% [markdown]
# ## What to remember
#
# 1. An agent is a loop. What it may do is decided by its tools, not by its prompt.
# 2. Budgets for steps, tokens and time, and an eye for repetition: each end with a reason in words.
# 3. Score by kind, with intervals, beside agents that do nothing. Asking for harm is a failure, whatever the tool says.
# 4. Go down the trace to the first thing that went wrong, and mend that.
# 5. Rules are the rival of every small model: score both on the same tasks.
#
# ## In your project
#
# Read `tools` and `agents`, and take what you need; `agents` leans on the course's models and data. Put an MCP server before tools that several clients use. Take a framework for streaming, retries and many providers, and keep your own tools and scores.
#
# ## Where the maths goes deeper
#
# There is little: an agent is software. Skipped: *ReAct* (Yao et al., 2022), planning and search over plans, agents trained by reinforcement; wanted when tasks have many steps that depend on one another.
#
# **Next:** [14 Orchestration and safeguards](14_orchestration.ipynb): what is slow, what is down, and what gives orders.
