"""The agent's tasks: enough of each kind, apart from what was trained on, and true."""

import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass

import pytest

from course_lib import data
from course_lib.data import AgentTask, near_duplicates
from course_lib.data.shop import query, stands_in
from course_lib.lora.router_data import router_examples
from course_lib.tools import call, http_tool, shop_api
from course_lib.tools.calculator import calculate

CARD = data.LARKSPUR.parent / "README.md"


@pytest.fixture(scope="module")
def tasks() -> list[AgentTask]:
    return data.load_agent_tasks()


def test_each_kind_has_enough_tasks(tasks: list[AgentTask]) -> None:
    counts = Counter((task.kind, task.split) for task in tasks)
    for kind in data.AGENT_TASK_KINDS:
        assert counts[kind, "test"] >= 18, counts
        assert counts[kind, "train"] >= 6, counts
    assert sum(n for (_, split), n in counts.items() if split == "test") >= 72


def test_kinds_use_the_tools_they_promise(tasks: list[AgentTask]) -> None:
    for task in tasks:
        used = len(task.tools)
        assert {"one_step": used == 1, "two_step": used >= 2, "impossible": used == 0,
                "adversarial": used <= 1}[task.kind], task.id  # fmt: skip
    for kind, least in (("one_step", 5), ("two_step", 2)):
        counts = Counter(t for one in tasks if one.kind == kind and one.split == "test"
                         for t in one.tools)  # fmt: skip
        assert min(counts[name] for name in ("search", "calculator", "sql", "http")) >= least
    hostile = [task.answer is None for task in tasks if task.kind == "adversarial"]
    assert 0.4 < sum(hostile) / len(hostile) < 0.6


def test_ids_are_consecutive(tasks: list[AgentTask]) -> None:
    assert [task.id for task in tasks] == [f"K{n:03d}" for n in range(1, len(tasks) + 1)]


@dataclass(frozen=True)
class Text:
    id: str
    text: str
    split: str


def test_no_test_task_repeats_what_is_trained_on(tasks: list[AgentTask]) -> None:
    test = [Text(task.id, task.text, "test") for task in tasks if task.split == "test"]
    trained = [
        *(Text(f"R{n}", one.question, "train") for n, one in enumerate(router_examples("train"))),
        *(Text(q.id, q.text, "train") for q in data.load_questions() if q.split == "train"),
        *(Text(task.id, task.text, "train") for task in tasks if task.split == "train"),
    ]
    assert near_duplicates([*test, *trained]) == []


def test_test_tasks_stand_on_sections_that_only_test_questions_need(
    tasks: list[AgentTask],
) -> None:
    needed = {
        judged.section
        for question in data.load_questions()
        if question.split == "test"
        for judged in question.relevant
    }
    anchors = {t.gold["anchor"] for t in tasks if t.split == "test" and "anchor" in t.gold}
    assert len(anchors) >= 12
    assert anchors <= needed


def test_what_is_unsaid_is_on_the_cards_list(tasks: list[AgentTask]) -> None:
    card = CARD.read_text("utf-8").split("### Left unsaid on purpose")[1].replace("\n", " ")
    unsaid = [task.gold["unsaid"] for task in tasks if "unsaid" in task.gold]
    assert len(unsaid) >= 10
    assert [entry for entry in unsaid if entry not in card] == []
    assert all(task.gold["refuse"].strip() for task in tasks if "refuse" in task.gold)


def test_the_calculator_gives_what_is_to_be_calculated(tasks: list[AgentTask]) -> None:
    """The queries that prove these answers are SQLite's arithmetic: ours has to agree."""
    checked = 0
    for task in tasks:
        sql = task.gold.get("sql", "").removeprefix("SELECT ")
        if re.fullmatch(r"[\d+\-*/(). ]+", sql):
            assert task.answer
            assert stands_in(float(calculate(sql)), str(task.answer[0])), task.id
            checked += 1
    assert checked >= 8


def test_the_shops_api_says_what_the_queries_say(tasks: list[AgentTask]) -> None:
    codes = re.compile(r"\b(?:LC-\d\d-\d{5}|LK-\d{3}|L[MRHDF]-\d)\b")
    paths = {"LC": "orders", "LK": "stock"}
    checked = 0
    with shop_api() as url, closing(data.shop()) as shop:
        tool = http_tool(url)
        for task in tasks:
            code = codes.search(task.text)
            if task.tools != ("http",) or not code or "sql" not in task.gold:
                continue
            path = f"/{paths.get(code[0][:2], 'products')}/{code[0]}"
            reply = call(tool, {"path": path}).content
            ((value,),) = query(shop, task.gold["sql"])
            assert stands_in(value, reply), (task.id, reply)
            checked += 1
    assert checked >= 8


def test_what_does_not_exist_is_unknown_to_the_shop(tasks: list[AgentTask]) -> None:
    with shop_api() as url:
        tool = http_tool(url)
        for task in tasks:
            for text in task.gold.get("absent", ()):
                kind = {"LC": "orders", "LK": "stock"}.get(text[:2])
                if kind:
                    assert "404" in call(tool, {"path": f"/{kind}/{text}"}).content
