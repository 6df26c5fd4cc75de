"""What a teacher wants to know of each exercise: what to watch for, and what it builds on.

The notes are the authors', from readers who tried the exercises. They are for docs/exercises.md
alone; a class's copy of the course does not carry them (`course_lib.export.student.LEFT_OUT`).
"""

from course_lib.exercises import watch_for_00_07, watch_for_08_15

# The misconception behind the usual mistakes, and a question or picture that turns it round.
WATCH_FOR: dict[str, str] = {**watch_for_00_07.WATCH_FOR, **watch_for_08_15.WATCH_FOR}

# Only where an exercise takes up something from before, beyond what its text and stub explain.
BUILDS_ON: dict[str, str] = {
    "2.4": "for vectors of unit length the dot product is the cosine of 2.1",
    "2.5": "the two limits are those that 2.3's rule finds in the notebook",
    "3.2": "`merge`, which stands in a cell above and does one rule",
    "3.4": "the chat markers of section 6",
    "4.4": "the two prices of 2.3, here with probabilities in place of labelled pairs",
    "5.1": "the sort by negated scores of 2.2",
    "5.2": "TF-IDF from notebook 01, pieces of words from notebook 03",
    "6.2": "`FIGURE`, a pattern of the notebook",
    "7.4": "places among a selection are no rows, as in 7.2",
    "8.1": "inverse document frequency, in another formula than that of 1.1",
    "9.2": "the differences question by question of the paired interval in notebook 00",
    "9.3": "p-values such as those of 9.2",
    "9.4": "the grades 1 and 2 of section 2",
    "10.3": "token F1 (section 4); `normalize_answer` is imported in the first cell",
    "10.4": "`paired_bootstrap_interval`, known since notebook 00",
    "10.5": "token F1, and what 10.3 found wrong with it",
    "11.5": "JSON schemas, from section 2 on",
    "12.2": "the shapes of A and B in 12.1",
    "12.3": "the end token `<|im_end|>` of notebook 03, section 6",
    "13.4": "the tools' schemas of section 2, and schemas in general from notebook 11",
    "14.4": "the rules of section 6; that `$` lets a line end follow, which 14.3 meets too",
    "14.5": "the detector of section 6 and the words that it looks for",
    "15.1": "pairs compared question by question, as in 9.2 and 10.4",
    "15.4": "`least_questions` of section 2",
}
