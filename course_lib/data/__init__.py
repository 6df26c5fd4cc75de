"""Typed loaders for Larkspur Cycles, the fictional company in datasets/larkspur.

Every loader checks what it reads. A broken row stops it with a `DataError` that names the file, the
line and the field, because a record that is dropped in silence changes every score computed later.
`validate` checks every file and lists all problems; `python -m course_lib.data` prints them.
"""

from course_lib.data.agent_tasks import KINDS as AGENT_TASK_KINDS
from course_lib.data.agent_tasks import AgentTask
from course_lib.data.attack_calls import AttackCall
from course_lib.data.loaders import (
    load_agent_tasks,
    load_answers,
    load_attack_calls,
    load_attacks,
    load_handbook,
    load_handbook_questions,
    load_manuals,
    load_personal_texts,
    load_question_pairs,
    load_questions,
    load_tickets,
)
from course_lib.data.personal_data import KINDS as PERSONAL_DATA_KINDS
from course_lib.data.personal_data import PersonalSpan, PersonalText
from course_lib.data.records import (
    ATTACK_KINDS,
    ATTACK_LABELS,
    AUDIENCES,
    CHANNELS,
    CORRECTNESS,
    GROUNDED,
    INTENTS,
    LARKSPUR,
    MADE_AS,
    OUT_OF_SCOPE,
    PLACES,
    QUESTION_KINDS,
    SHOP_TABLES,
    SINGLE_PASSAGE_KINDS,
    SPLITS,
    Answer,
    Attack,
    DataError,
    Judgement,
    Manual,
    Page,
    Question,
    QuestionPair,
    Relevant,
    Section,
    Ticket,
    heading_slug,
)
from course_lib.data.shop import shop
from course_lib.data.validation import near_duplicates, validate

__all__ = [
    "AGENT_TASK_KINDS",
    "ATTACK_KINDS",
    "ATTACK_LABELS",
    "AUDIENCES",
    "CHANNELS",
    "CORRECTNESS",
    "GROUNDED",
    "INTENTS",
    "LARKSPUR",
    "MADE_AS",
    "OUT_OF_SCOPE",
    "PERSONAL_DATA_KINDS",
    "PLACES",
    "QUESTION_KINDS",
    "SHOP_TABLES",
    "SINGLE_PASSAGE_KINDS",
    "SPLITS",
    "AgentTask",
    "Answer",
    "Attack",
    "AttackCall",
    "DataError",
    "Judgement",
    "Manual",
    "Page",
    "PersonalSpan",
    "PersonalText",
    "Question",
    "QuestionPair",
    "Relevant",
    "Section",
    "Ticket",
    "heading_slug",
    "load_agent_tasks",
    "load_answers",
    "load_attack_calls",
    "load_attacks",
    "load_handbook",
    "load_handbook_questions",
    "load_manuals",
    "load_personal_texts",
    "load_question_pairs",
    "load_questions",
    "load_tickets",
    "near_duplicates",
    "shop",
    "validate",
]
