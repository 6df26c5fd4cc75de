"""The loaders: typed records of each file, or the first problem in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from course_lib.data import agent_tasks, attack_calls, files, personal_data, readers
from course_lib.data.agent_tasks import AgentTask
from course_lib.data.attack_calls import AttackCall
from course_lib.data.personal_data import PersonalText
from course_lib.data.records import (
    LARKSPUR,
    SINGLE_PASSAGE_KINDS,
    Answer,
    Attack,
    Manual,
    Page,
    Question,
    QuestionPair,
    Ticket,
)


def load_tickets(folder: Path | None = None) -> list[Ticket]:
    """Load tickets.csv: customer messages with their intents.

    Args:
        folder: the folder that holds tickets.csv; default datasets/larkspur.

    Returns:
        The tickets in file order.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> load_tickets()[0].id
    'T0001'

    Used in notebooks/01_embeddings.ipynb.
    """
    return files.tickets(folder or LARKSPUR, None)


def load_handbook(folder: Path | None = None) -> list[Page]:
    """Load handbook/*.md: the company's pages, superseded ones included.

    Args:
        folder: the folder that holds handbook/; default datasets/larkspur.

    Returns:
        The pages, sorted by id (the file's name without `.md`).

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> pages = {page.id: page for page in load_handbook()}
    >>> pages["returns-policy"].supersedes
    'returns-policy-2023'

    Used in notebooks/00_start_here.ipynb.
    """
    return files.handbook(folder or LARKSPUR, None)


def load_manuals(folder: Path | None = None) -> list[Manual]:
    """Load manuals/index.json: which PDF manuals there are, their pages and table rows.

    The PDFs are looked at, not parsed: each must be whole and have the pages that the index says.

    Args:
        folder: the folder that holds manuals/; default datasets/larkspur.

    Returns:
        The manuals in the order of the index.

    Raises:
        DataError: naming file and field of the first problem.
    """
    return files.manuals(folder or LARKSPUR, None)


def load_questions(folder: Path | None = None) -> list[Question]:
    """Load questions.jsonl: questions with their answers, relevant passages and queries.

    Args:
        folder: the folder that holds questions.jsonl and handbook/; default datasets/larkspur.

    Returns:
        The questions in file order. Only unanswerable ones have the answer None. Each has at
        least one passage of grade 2, except the unanswerable ones, those answered by the
        database, and attacks.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> load_questions()[0].id
    'Q001'

    Used in notebooks/00_start_here.ipynb.
    """
    return files.questions(folder or LARKSPUR, None, _anchors(folder))


def load_handbook_questions(folder: Path | None = None) -> list[Question]:
    """Load the questions that one handbook section answers by itself.

    For searches of the handbook alone: judgements of manual pages are left out, and so are
    questions that need several passages or a query, have no answer, or carry an attack.

    Args:
        folder: the folder that holds questions.jsonl and handbook/; default datasets/larkspur.

    Returns:
        The questions in file order; each has a handbook section of grade 2.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> {question.kind for question in load_handbook_questions()} == set(SINGLE_PASSAGE_KINDS)
    True

    Used in notebooks/00_start_here.ipynb.
    """
    sections = {section.anchor for page in load_handbook(folder) for section in page.sections()}
    found = []
    for question in load_questions(folder):
        judged = tuple(item for item in question.relevant if item.section in sections)
        answered = any(item.grade == 2 for item in judged)
        if answered and question.kind in SINGLE_PASSAGE_KINDS:
            found.append(replace(question, relevant=judged))
    return found


def load_answers(folder: Path | None = None) -> list[Answer]:
    """Load answers.jsonl: answers of varied quality, each judged twice.

    Args:
        folder: the folder that holds answers.jsonl, questions.jsonl and what both point at;
            default datasets/larkspur.

    Returns:
        The answers in file order.

    Raises:
        DataError: naming file, line and field of the first problem.
    """
    folder = folder or LARKSPUR
    readers.read_bytes(folder / "answers.jsonl", "answers.jsonl")  # first say that it is missing
    anchors = _anchors(folder)
    questions = {question.id for question in files.questions(folder, None, anchors)}
    return files.answers(folder, None, anchors, questions)


def load_attacks(folder: Path | None = None) -> list[Attack]:
    """Load attacks.jsonl: attacks on an assistant, and benign texts that look like them.

    Args:
        folder: the folder that holds attacks.jsonl and handbook/; default datasets/larkspur.

    Returns:
        The texts in file order, attacks and benign ones mixed.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> sorted({attack.label for attack in load_attacks()})
    ['attack', 'benign']
    """
    return files.attacks(folder or LARKSPUR, None, _anchors(folder))


def load_agent_tasks(folder: Path | None = None) -> list[AgentTask]:
    """Load agent_tasks.jsonl: what an agent is asked to do, and what a good answer says.

    Args:
        folder: the folder that holds agent_tasks.jsonl and handbook/; default datasets/larkspur.

    Returns:
        The tasks in file order.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> task = load_agent_tasks()[0]
    >>> task.id, task.kind, task.answer
    ('K001', 'one_step', (255,))

    Used in notebooks/13_agents.ipynb.
    """
    return agent_tasks.agent_tasks(folder or LARKSPUR, None, load_handbook(folder))


def load_attack_calls(folder: Path | None = None) -> list[AttackCall]:
    """Load attack_calls.jsonl: the tool call that each text of attacks.jsonl would lead to.

    Args:
        folder: the folder that holds attacks.jsonl and attack_calls.jsonl; default
            datasets/larkspur.

    Returns:
        One for each text, in file order; `tool` is None where no call follows.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> sorted({call.origin for call in load_attack_calls()})
    ['passage', 'tool_result', 'user']

    Used in notebooks/14_orchestration.ipynb.
    """
    return attack_calls.attack_calls(folder or LARKSPUR, None, load_attacks(folder))


def load_personal_texts(folder: Path | None = None) -> list[PersonalText]:
    """Load personal_data.jsonl: texts with personal data, and texts that only look like it.

    Args:
        folder: the folder that holds personal_data.jsonl; default datasets/larkspur.

    Returns:
        The texts in file order.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> sorted({span.kind for text in load_personal_texts() for span in text.spans})
    ['address', 'card', 'email', 'iban', 'name', 'phone']

    Used in notebooks/14_orchestration.ipynb.
    """
    return personal_data.personal_texts(folder or LARKSPUR, None)


def load_question_pairs(folder: Path | None = None) -> list[QuestionPair]:
    """Load question_pairs.csv: pairs of questions that ask the same thing, or do not.

    Args:
        folder: the folder that holds question_pairs.csv; default datasets/larkspur.

    Returns:
        The pairs in file order.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> load_question_pairs()[0].id
    'P001'

    Used in notebooks/02_similarity_metrics.ipynb.
    """
    return files.question_pairs(folder or LARKSPUR, None)


def _anchors(folder: Path | None) -> files.Anchors:
    return files.Anchors(folder or LARKSPUR, load_handbook(folder))
