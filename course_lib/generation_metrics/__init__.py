"""How good written answers are: beside a reference, beside what they cite, and to a judge.

`calibration.risk_coverage` measures what an assistant gains by abstaining.
"""

from course_lib.generation_metrics.against_reference import (
    embedding_similarity,
    exact_match,
    normalize_answer,
    pass_at_k,
    token_f1,
)
from course_lib.generation_metrics.judges import (
    JUDGE_PROMPT,
    PREFERENCE_PROMPT,
    Verdict,
    judge,
    prefer,
)
from course_lib.generation_metrics.support import (
    Claim,
    Groundedness,
    citation_precision,
    citation_recall,
    groundedness,
)

__all__ = [
    "JUDGE_PROMPT",
    "PREFERENCE_PROMPT",
    "Claim",
    "Groundedness",
    "Verdict",
    "citation_precision",
    "citation_recall",
    "embedding_similarity",
    "exact_match",
    "groundedness",
    "judge",
    "normalize_answer",
    "pass_at_k",
    "prefer",
    "token_f1",
]
