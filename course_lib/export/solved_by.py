"""Which functions of course_lib solve an exercise: graded attempts may not call them."""

from types import FunctionType

from course_lib.exercises import registry
from course_lib.exercises.core import Exercise

# Beside an exercise's reference: what does the same, under another name or with more checks. A
# test tries the public functions that fit and names one that passes and is not here.
ALSO: dict[str, tuple[str, ...]] = {
    "2.3": ("course_lib.calibration:cheapest_threshold",),
    "2.4": ("course_lib.similarity:mmr",),
    "3.1": ("course_lib.tokenization:BytePairEncoder.train",),
    "3.2": ("course_lib.tokenization:BytePairEncoder.encode",),
    "3.4": ("course_lib.rag.passages:break_markers",),
    "4.2": ("course_lib.sampling:top_p_filter",),
    "4.3": (
        "course_lib.calibration:expected_calibration_error",
        "course_lib.calibration:reliability_bins",
    ),
    "6.1": ("course_lib.prompts.packing:pack_context",),
    "7.1": ("course_lib.vector_stores.measure:recall_at_k",),
    "7.2": ("course_lib.vector_stores.ivf:IVFStore._search",),
    "7.4": ("course_lib.vector_stores.exact:ExactStore._search",),
    "8.1": ("course_lib.retrieval.by_words:BM25.scores",),
    "8.2": ("course_lib.retrieval.combined:reciprocal_rank_fusion",),
    "8.3": (
        "course_lib.rag.passages:fit_passages",
        "course_lib.prompts.packing:pack_context",
    ),
    "8.4": ("course_lib.rag.citations:check_citations",),
    "9.2": ("course_lib.significance:paired_permutation_test",),
    "10.2": ("course_lib.statistics:cohen_kappa",),
    "11.2": ("course_lib.prompts.templates:Prompt.fill",),
    "11.4": ("course_lib.prompts.memory:ConversationMemory.ask",),
    "12.1": ("course_lib.lora.layer:LowRankLinear.forward",),
    "12.2": ("course_lib.lora.layer:LowRankLinear.count_parameters",),
    "13.1": (
        "course_lib.tools.calculator:calculate",
        "course_lib.tools.calculator:evaluate",
    ),
    "13.3": ("course_lib.agents.scoring:succeeded",),
}


def solving(exercise: Exercise) -> tuple[str, ...]:
    """The functions that solve an exercise, as "module:name"; none for a value."""
    names = list(ALSO.get(exercise.id, ()))
    if isinstance(exercise.reference, FunctionType):
        names.insert(0, f"{exercise.reference.__module__}:{exercise.reference.__qualname__}")
    return tuple(names)


def all_solving() -> list[str]:
    """Every such function of the course, each once."""
    found = [name for exercise in registry.all_exercises() for name in solving(exercise)]
    return list(dict.fromkeys(found))
