"""Guards around a model: what may come in, what it may call, what may go out, and how well they do.

Each guard has a `name` and `check(text or call, context)` -> `Verdict`. `apply_guards` asks several
and says which objects, `score_guards` counts what they catch and what they stop by mistake.

>>> guards = [PersonalDataGuard(PersonalData()), CitationGuard()]
>>> print(apply_guards(guards, "Ring her on 0117 496 0123."))
stopped by personal data: holds personal data: phone; citations: cites nothing
"""

from course_lib.guardrails.cues import CUES, cues
from course_lib.guardrails.delimiting import DATA_MARK, Delimiter, datamark
from course_lib.guardrails.instructions import InstructionDetector, split_parts
from course_lib.guardrails.output_checks import (
    CitationGuard,
    GroundedGuard,
    SchemaGuard,
    passages_of,
)
from course_lib.guardrails.passages import (
    Dropped,
    HiddenText,
    Sifted,
    passage_guards,
    reviewed_half,
    sift_passages,
)
from course_lib.guardrails.personal_data import (
    PersonalData,
    PersonalDataGuard,
    Redacted,
    larkspur_personal_data,
)
from course_lib.guardrails.readings import is_disguised, readings, visible
from course_lib.guardrails.scores import (
    Case,
    FoundScore,
    GuardScore,
    GuardScores,
    answer_cases,
    attack_cases,
    call_cases,
    personal_cases,
    score_guards,
    score_personal_data,
)
from course_lib.guardrails.tool_calls import AllowList, Rule, larkspur_rules
from course_lib.guardrails.verdicts import (
    Context,
    Guard,
    Outcome,
    Span,
    ToolCall,
    Verdict,
    apply_guards,
)

__all__ = [
    "CUES",
    "DATA_MARK",
    "AllowList",
    "Case",
    "CitationGuard",
    "Context",
    "Delimiter",
    "Dropped",
    "FoundScore",
    "GroundedGuard",
    "Guard",
    "GuardScore",
    "GuardScores",
    "HiddenText",
    "InstructionDetector",
    "Outcome",
    "PersonalData",
    "PersonalDataGuard",
    "Redacted",
    "Rule",
    "SchemaGuard",
    "Sifted",
    "Span",
    "ToolCall",
    "Verdict",
    "answer_cases",
    "apply_guards",
    "attack_cases",
    "call_cases",
    "cues",
    "datamark",
    "is_disguised",
    "larkspur_personal_data",
    "larkspur_rules",
    "passage_guards",
    "passages_of",
    "personal_cases",
    "readings",
    "reviewed_half",
    "score_guards",
    "score_personal_data",
    "sift_passages",
    "split_parts",
    "visible",
]
