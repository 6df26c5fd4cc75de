"""The exercises of notebooks/05_classical_algorithms.ipynb."""

import string
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from course_lib import data
from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, exact, function_check
from course_lib.exercises.guard import NotAttempted

# ------------------------------------------------------------------------------------------------
# 5.1 k nearest neighbours


def vote(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    """Label of most of the k nearest known rows; of equally frequent labels the first by name.

    Args:
        known: unit vectors, shape (n_known, dim).
        known_labels: their labels, an array of strings, shape (n_known,).
        vectors: unit vectors to label, shape (n, dim).
        k: how many neighbours vote.

    >>> known = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> vote(known, np.array(["bill", "bill", "fault"]), np.array([[0.6, 0.8]]), 3).tolist()
    ['bill']
    """
    nearest = np.argsort(-(vectors @ known.T), axis=1, kind="stable")[:, :k]  # (n, k)
    classes = np.unique(known_labels)  # in the order of the alphabet
    votes = (known_labels[nearest][:, :, None] == classes).sum(axis=1)  # (n, n_classes)
    return classes[votes.argmax(axis=1)]  # argmax takes the first of equals


_VOTE_SOLUTION = """
def my_vote(known, known_labels, vectors, k):
    nearest = np.argsort(-(vectors @ known.T), axis=1)[:, :k]           # (n_vectors, k)
    classes = np.unique(known_labels)                                   # by the alphabet
    votes = (known_labels[nearest][:, :, None] == classes).sum(axis=1)  # (n_vectors, n_classes)
    return classes[votes.argmax(axis=1)]                                # the first of equals
"""


def _vote_farthest(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    return vote(-known, known_labels, vectors, k)


def _vote_one(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    return known_labels[(vectors @ known.T).argmax(axis=1)]


def _vote_skip_first(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    order = np.argsort(-(vectors @ known.T), axis=1, kind="stable")[:, 1 : k + 1]
    return np.array([min(r, key=lambda x: (-list(r).count(x), x)) for r in known_labels[order]])


def _vote_nearest_of_equals(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    order = np.argsort(-(vectors @ known.T), axis=1, kind="stable")[:, :k]
    return np.array([Counter(row).most_common(1)[0][0] for row in known_labels[order].tolist()])


def _vote_everybody(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    return vote(known, known_labels, vectors, len(known))


def _vote_weighted(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    scores = vectors @ known.T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    classes = np.unique(known_labels)
    weights = np.take_along_axis(scores, order, axis=1)
    sums = ((known_labels[order][:, :, None] == classes) * weights[:, :, None]).sum(axis=1)
    return classes[sums.argmax(axis=1)]


def _vote_last_of_equals(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    order = np.argsort(-(vectors @ known.T), axis=1, kind="stable")[:, :k]
    return np.array([max(r, key=lambda x: (list(r).count(x), x)) for r in known_labels[order]])


def _vote_of_three(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    return vote(known, known_labels, vectors, 3)


def _vote_rows(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    return np.argsort(-(vectors @ known.T), axis=1, kind="stable")[:, :k]


def _vote_ballots(known: Any, known_labels: Any, vectors: Any, k: int) -> Any:
    return known_labels[_vote_rows(known, known_labels, vectors, k)]


_NOT_LABELS = (
    "These are row numbers of `known`: known_labels[nearest] gives the labels, and each row of "
    "`vectors` wants the one that occurs most often."
)
_FIXED_K = "A fixed number of neighbours votes: take the argument k."


def _vote_case(seed: int, n: int, k: int, note: str) -> Case:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n + 12, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names = np.array(["warranty", "billing", "fault"])[rng.integers(0, 3, n)]
    return Case((rows[12:], names, rows[:12], k), note)


_TIE = Case(
    (
        np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]]),
        np.array(["refund", "billing", "billing", "refund"]),
        np.array([[1.0, 0.0], [0.0, 1.0]]),
        4,
    ),
    "two labels with two votes each",
)

# ------------------------------------------------------------------------------------------------
# 5.2 How far do words go?

GOAL = 0.60  # cross-validated accuracy; the table's words reach 0.53 to 0.58

_NO_PIPELINE = (
    "A pipeline with fit and predict is wanted: make_pipeline(TfidfVectorizer(...), a classifier)."
)
_NO_TEXTS = "It cannot read texts: let it begin with a TfidfVectorizer."
_SELECTED = (
    "Keeping a few features loses words that are rare and telling. "
    "A linear model copes with thousands; leave the selection out."
)
_TREES = "Trees ask about one word at a time. Take a linear model."
_STOP_WORDS = (
    "Without stop words it knows less: in short messages 'my', 'when' and 'can' tell desks apart."
)
_PAIRS = (
    "Pairs of words are rarer than words, so most of them are seen once. Smaller pieces than a "
    "word are what is missing: look at TfidfVectorizer's `analyzer`."
)
_WORDS = (
    "Whole words are still the unit: 'charge', 'charging' and 'chargr' share nothing. Look at "
    "TfidfVectorizer's `analyzer`."
)
_KNOWS = (
    "It knows these messages' words from elsewhere: with the letters exchanged throughout (a for "
    "q, b for x ...), it loses its score, and a pipeline that learns all it knows in fit loses "
    "nothing. Embeddings, a vocabulary chosen beforehand (a leak), or a list of the labels?"
)
_ALMOST = "Short of the goal. Vary the length of the pieces, sublinear_tf, or the classifier's C."


@cache
def _training() -> tuple[Any, Any, Any]:
    tickets = [ticket for ticket in data.load_tickets() if ticket.split == "train"]
    texts = np.array([ticket.text for ticket in tickets], object)
    labels = np.array([ticket.intent for ticket in tickets])
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(texts, labels))
    return texts, labels, folds


def _accuracy(pipeline: Any) -> float:
    texts, labels, folds = _training()
    return float((cross_val_predict(pipeline, texts, labels, cv=folds) == labels).mean())


def show_accuracy(pipeline: Any) -> None:
    """Print the cross-validated accuracy of a pipeline, where it has one."""
    try:
        print(f"cross-validated accuracy {_accuracy(pipeline):.3f}")
    except Exception:
        return  # the check says what is wrong with it


def _loss_in_cipher(pipeline: Any) -> float:
    """How much accuracy it loses when each letter stands for another, on ten of each label."""
    texts, labels, _ = _training()
    rows = np.concatenate([np.flatnonzero(labels == label)[:10] for label in np.unique(labels)])
    letters = string.ascii_lowercase
    exchanged = "".join(np.random.default_rng(0).permutation(list(letters)))
    cipher = str.maketrans(letters + letters.upper(), exchanged + exchanged.upper())
    plain, secret = texts[rows], np.array([text.translate(cipher) for text in texts[rows]], object)
    hits = [cross_val_predict(pipeline, x, labels[rows], cv=3) == labels[rows]
            for x in (plain, secret)]  # fmt: skip
    return float(hits[0].mean() - hits[1].mean())


def _parts(pipeline: Any) -> list[Any]:
    """A pipeline's steps, those of unions inside it too."""
    found: list[Any] = []
    for _, step in getattr(pipeline, "steps", []) + getattr(pipeline, "transformer_list", []):
        found += [step, *_parts(step)]
    return found


def check_pipeline(pipeline: Any) -> None:
    """Want a pipeline whose cross-validated accuracy on the training tickets reaches the goal.

    A pipeline that was given knowledge of words (embeddings, a vocabulary chosen with the labels,
    the data file) is refused: it does worse on the same texts in a cipher.
    """
    if not hasattr(pipeline, "fit") or not hasattr(pipeline, "predict"):
        raise Wrong(_NO_PIPELINE, got=pipeline)
    try:
        accuracy = _accuracy(pipeline)
    except (ValueError, TypeError, AttributeError) as error:
        parts = _parts(pipeline)
        reads = any(hasattr(part, "get_feature_names_out") and
                    hasattr(part, "analyzer") for part in parts)  # fmt: skip
        message = f"It stopped with: {str(error)[:200]}" if reads else _NO_TEXTS
        raise Wrong(message) from error
    if accuracy >= GOAL:
        if _loss_in_cipher(pipeline) > 0.1:
            raise Wrong(_KNOWS, got=f"accuracy {accuracy:.3f}")
        return
    parts = _parts(pipeline)
    readers = [part for part in parts if hasattr(part, "ngram_range")]
    by_words = all(reader.analyzer == "word" for reader in readers)
    message = _ALMOST
    if any("Select" in type(part).__name__ for part in parts):
        message = _SELECTED
    elif any("Tree" in type(p).__name__ or "Forest" in type(p).__name__ for p in parts):
        message = _TREES
    elif any(reader.stop_words is not None for reader in readers):
        message = _STOP_WORDS
    elif by_words and any(reader.ngram_range[1] > 1 for reader in readers):
        message = _PAIRS
    elif by_words:
        message = _WORDS
    raise Wrong(message, got=f"accuracy {accuracy:.3f}", expected=f"{GOAL} or more")


def _words(**options: Any) -> Pipeline:
    return make_pipeline(TfidfVectorizer(sublinear_tf=True, **options), LinearSVC(random_state=0))


def _vocabulary_of_all_labels() -> Pipeline:
    """The leak of section 5, hidden in a vocabulary."""
    texts, labels, _ = _training()
    reader = TfidfVectorizer(ngram_range=(1, 2))
    best = SelectKBest(chi2, k=1000).fit(reader.fit_transform(texts), labels).get_support()
    words = reader.get_feature_names_out()[best]
    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), vocabulary=words), MultinomialNB(alpha=0.1)
    )


_PIPELINE_SOLUTION = """
my_pipeline = make_pipeline(
    TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    LinearSVC(),
)
"""

# ------------------------------------------------------------------------------------------------
# 5.3 Close the leak


def without_leak(table: Any, labels: Any, folds: Any, k: int) -> Any:
    """Cross-validated labels, with the features chosen anew in each fold.

    Args:
        table: counts or weights of 0 or more, shape (n, n_features).
        labels: shape (n,).
        folds: pairs (learn, held_out) of row numbers.
        k: how many features to keep.
    """
    predicted = np.empty(len(labels), dtype=labels.dtype)
    for learn, held_out in folds:
        model = make_pipeline(SelectKBest(chi2, k=k), MultinomialNB(alpha=0.1))
        model.fit(table[learn], labels[learn])
        predicted[held_out] = model.predict(table[held_out])
    return predicted


def _leaky(table: Any, labels: Any, folds: Any, k: int, how: str) -> Any:
    """The same with one thing wrong."""
    predicted = np.empty(len(labels), dtype=labels.dtype)
    everything = np.arange(len(labels))
    for learn, held_out in folds:
        if how == "swapped":
            learn, held_out = held_out, learn
        chosen_by = {"select on all": everything, "select on held out": held_out}.get(how, learn)
        selector = SelectKBest(chi2, k=k).fit(table[chosen_by], labels[chosen_by])
        learned_from = everything if how == "fit on all" else learn
        columns = selector.get_support()
        model = MultinomialNB(alpha=0.1).fit(table[learned_from][:, columns], labels[learned_from])
        if how == "select twice":
            columns = SelectKBest(chi2, k=k).fit(table[held_out], labels[held_out]).get_support()
        if how == "no selection":
            model, columns = MultinomialNB(alpha=0.1).fit(table[learn], labels[learn]), slice(None)
        predicted[held_out] = model.predict(table[held_out][:, columns])
    return predicted


def _leak_select_all(table: Any, labels: Any, folds: Any, k: int) -> Any:
    return _leaky(table, labels, folds, k, "select on all")


def _leak_select_held_out(table: Any, labels: Any, folds: Any, k: int) -> Any:
    return _leaky(table, labels, folds, k, "select on held out")


def _leak_select_twice(table: Any, labels: Any, folds: Any, k: int) -> Any:
    return _leaky(table, labels, folds, k, "select twice")


def _leak_fit_all(table: Any, labels: Any, folds: Any, k: int) -> Any:
    return _leaky(table, labels, folds, k, "fit on all")


def _leak_swapped(table: Any, labels: Any, folds: Any, k: int) -> Any:
    return _leaky(table, labels, folds, k, "swapped")


def _leak_no_selection(table: Any, labels: Any, folds: Any, k: int) -> Any:
    return _leaky(table, labels, folds, k, "no selection")


def _leak_everything(table: Any, labels: Any, folds: Any, k: int) -> Any:
    columns = SelectKBest(chi2, k=k).fit(table, labels).get_support()
    return MultinomialNB(alpha=0.1).fit(table[:, columns], labels).predict(table[:, columns])


def _leak_fold_order(table: Any, labels: Any, folds: Any, k: int) -> Any:
    """No leak, but in the order of the folds."""
    predicted = without_leak(table, labels, folds, k)
    return np.concatenate([predicted[held_out] for _, held_out in folds])


def _leak_alpha(table: Any, labels: Any, folds: Any, k: int) -> Any:
    model = make_pipeline(SelectKBest(chi2, k=k), MultinomialNB())
    return cross_val_predict(model, table, labels, cv=folds)


def _leak_own_folds(table: Any, labels: Any, folds: Any, k: int) -> Any:
    model = make_pipeline(SelectKBest(chi2, k=k), MultinomialNB(alpha=0.1))
    return cross_val_predict(model, table, labels, cv=5)


def _leak_hits(table: Any, labels: Any, folds: Any, k: int) -> Any:
    return without_leak(table, labels, folds, k) == labels


def _leak_accuracy(table: Any, labels: Any, folds: Any, k: int) -> Any:
    return float(_leak_hits(table, labels, folds, k).mean())


_WITHOUT_LEAK_SOLUTION = """
def without_leak(table, labels, folds, k):
    predicted = np.empty_like(labels)
    for learn, held_out in folds:
        model = make_pipeline(SelectKBest(chi2, k=k), MultinomialNB(alpha=0.1))
        model.fit(table[learn], labels[learn])  # both steps learn from these rows alone
        predicted[held_out] = model.predict(table[held_out])
    return predicted
"""


def _fold_case(seed: int, k: int, note: str) -> Case:
    rng = np.random.default_rng(seed)
    table = rng.poisson(0.5, size=(30, 80)).astype(float)
    labels = rng.permutation(np.repeat(["app", "billing", "fault"], 10))
    splits = StratifiedKFold(3, shuffle=True, random_state=seed).split(table, labels)
    return Case((table, labels, list(splits), k), note)


# ------------------------------------------------------------------------------------------------
# 5.4 Precision and recall


def precision_recall(alarm: Any, wanted: Any) -> tuple[float, float]:
    """Share of the alarms that are right, and share of the wanted that raise one; of none 0.

    >>> precision_recall(np.array([True, True, False]), np.array([True, False, False]))
    (0.5, 1.0)
    """
    right = np.sum(alarm & wanted)
    precision = right / max(np.sum(alarm), 1)  # no alarm: 0 / 1
    recall = right / max(np.sum(wanted), 1)
    return float(precision), float(recall)


_PRECISION_SOLUTION = """
def my_precision_recall(alarm, wanted):
    right = np.sum(alarm & wanted)
    precision = right / max(np.sum(alarm), 1)   # no alarm: 0 / 1
    recall = right / max(np.sum(wanted), 1)
    return precision, recall
"""


def _pr_swapped(alarm: Any, wanted: Any) -> Any:
    return precision_recall(wanted, alarm)


def _pr_nan(alarm: Any, wanted: Any) -> Any:
    right = np.sum(alarm & wanted)
    with np.errstate(invalid="ignore", divide="ignore"):
        return right / np.sum(alarm), right / np.sum(wanted)


def _pr_python(alarm: Any, wanted: Any) -> Any:
    right = int(np.sum(alarm & wanted))
    return right / int(np.sum(alarm)), right / int(np.sum(wanted))


def _pr_one_for_none(alarm: Any, wanted: Any) -> Any:
    precision, recall = precision_recall(alarm, wanted)
    return precision if alarm.any() else 1.0, recall if wanted.any() else 1.0


def _pr_accuracy(alarm: Any, wanted: Any) -> Any:
    return float(np.mean(alarm == wanted)), precision_recall(alarm, wanted)[1]


def _pr_of_all(alarm: Any, wanted: Any) -> Any:
    share = float(np.mean(alarm & wanted))
    return share, share


def _pr_recall_of_all(alarm: Any, wanted: Any) -> Any:
    return precision_recall(alarm, wanted)[0], float(np.mean(alarm & wanted))


def _pr_precision_of_all(alarm: Any, wanted: Any) -> Any:
    return float(np.mean(alarm & wanted)), precision_recall(alarm, wanted)[1]


def _pr_false_alarms(alarm: Any, wanted: Any) -> Any:
    precision, recall = precision_recall(alarm, wanted)
    return 1 - precision, recall


def _pr_counts(alarm: Any, wanted: Any) -> Any:
    return int(np.sum(alarm & wanted)), int(np.sum(wanted))


def _bools(text: str) -> Any:
    return np.array([letter == "1" for letter in text])


# ------------------------------------------------------------------------------------------------
# 5.5 Your own inbox

OTHER = "other"


@cache
def _embedder() -> Any:
    from course_lib.embeddings import Embedder

    return Embedder()


def _judge_inbox(examples: Any, messages: Any) -> tuple[Any, Any]:
    """Predicted label and its probability for each message."""
    texts, labels = zip(*examples, strict=True)
    model = LogisticRegression(C=10, max_iter=1000).fit(_embedder().encode(texts), labels)
    chances = model.predict_proba(_embedder().encode([text for text, _ in messages]))
    return model.classes_[chances.argmax(axis=1)], chances.max(axis=1)


def show_inbox(examples: Any, messages: Any) -> None:
    """Print what a linear model trained on the examples makes of each message, surest first."""
    try:
        _check_pairs(examples, messages)
    except (Wrong, NotAttempted):
        return  # the check says what is missing
    guesses, chances = _judge_inbox(examples, messages)
    print(f"{'sure':4} {'predicted':16} {'your label':16} message")
    for i in np.argsort(-chances, kind="stable"):
        text, label = messages[i]
        print(f"{chances[i]:.2f} {guesses[i]:16} {label:16} {text}")


_WRONG_SHAPE = 'Both lists should hold pairs: [("a text", "its label"), ...].'
_ONE_LABEL = "Two labels or more are wanted among the examples."
_FEW_EXAMPLES = "Each label wants at least four examples."
_FEW_MESSAGES = "At least four new messages are wanted."
_LEAK = "A new message is also an example: that is a leak."
_OTHER_LEARNED = (
    'No example may have the label "other": what fits nowhere is what the model has not seen.'
)
_UNKNOWN = (
    'A new message has a label without examples. Label it "other" or add examples of that label.'
)
_TOO_MANY_OTHERS = "At least two of the new messages should belong to one of your labels."
_MOSTLY_WRONG = (
    "More than half of the messages that fit a label come out wrong: do the examples of each "
    "label have a topic in common?"
)
_NO_SURPRISE = (
    "No surprise yet: everything is right, and each 'other' is less sure than all that are right. "
    "Try a short message, two wishes in one, a word of another label, or an 'other' that sounds "
    "like one of yours."
)


def _check_pairs(examples: Any, messages: Any) -> None:
    for pairs in (examples, messages):
        if not isinstance(pairs, list | tuple) or not all(
            isinstance(pair, list | tuple)
            and len(pair) == 2
            and all(isinstance(text, str) and text.strip() for text in pair)
            for pair in pairs
        ):
            raise Wrong(_WRONG_SHAPE)
    if not examples and not messages:
        raise NotAttempted
    counts = Counter(label for _, label in examples)
    if OTHER in counts:
        raise Wrong(_OTHER_LEARNED)
    if len(counts) < 2:
        raise Wrong(_ONE_LABEL, got=sorted(counts))
    if min(counts.values()) < 4:
        raise Wrong(_FEW_EXAMPLES, got=dict(counts))
    if len(messages) < 4:
        raise Wrong(_FEW_MESSAGES, got=len(messages))
    seen = {text.strip().lower() for text, _ in examples}
    for text, label in messages:
        if text.strip().lower() in seen:
            raise Wrong(_LEAK, got=text)
        if label != OTHER and label not in counts:
            raise Wrong(_UNKNOWN, got=label)
    if sum(label != OTHER for _, label in messages) < 2:
        raise Wrong(_TOO_MANY_OTHERS)


def check_inbox(answer: Any) -> None:
    """Want labelled examples, and new messages of which most come out right and one surprises."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Wrong("The answer should be (my_examples, my_messages).")
    examples, messages = answer
    _check_pairs(examples, messages)
    guesses, chances = _judge_inbox(examples, messages)
    labels = np.array([label for _, label in messages])
    fits = labels != OTHER
    right = guesses == labels
    if right[fits].mean() < 0.5:
        raise Wrong(_MOSTLY_WRONG, got=f"{right[fits].sum()} of {fits.sum()} right")
    surest_other = chances[~fits].max(initial=0.0)
    if right[fits].all() and surest_other < chances[fits].min():
        raise Wrong(_NO_SURPRISE)


_EXAMPLES = [
    ("The printer on floor 2 is jammed", "printer"),
    ("No toner left in the copier", "printer"),
    ("My print job never comes out", "printer"),
    ("It prints blank pages only", "printer"),
    ("I forgot my password", "login"),
    ("My account is locked", "login"),
    ("The sign-in page says my code is wrong", "login"),
    ("How do I reset my two-factor code?", "login"),
]
_EASY = [
    ("Paper is stuck in the printer again", "printer"),
    ("The copier needs new toner", "printer"),
    ("I cannot sign in to my account", "login"),
    ("Please reset my password", "login"),
]
_SURPRISING = [*_EASY, ("The printer wants my password before it prints", "login")]

EXERCISES = [
    Exercise(
        id="5.1",
        title="k nearest neighbours",
        reference=vote,
        solution_source=_VOTE_SOLUTION,
        check=function_check(
            cases=[
                _vote_case(1, 12, 3, "12 known rows, k = 3"),
                _vote_case(2, 12, 1, "k = 1"),
                _vote_case(3, 20, 5, "20 known rows, k = 5"),
                _vote_case(9, 15, 4, "15 known rows, k = 4"),
                _TIE,
            ],
            compare=exact,
        ),
        hints=(
            "np.argsort(-scores, axis=1)[:, :k] gives the rows of the k largest scores; "
            "known_labels[nearest] are their labels, shape (n_vectors, k).",
            "np.unique(row, return_counts=True) of one row of labels gives the labels in the order "
            "of the alphabet and how often each occurs; np.argmax of the counts takes the first of "
            "equals. A loop over the rows is fine.",
        ),
        explanation="Nothing is learned beforehand: the labelled messages are the model. That "
        "makes a new label free, and each prediction as dear as a search (notebook 07).",
        wrong=(
            KnownWrong(
                _vote_farthest,
                "These are the farthest rows: np.argsort puts the smallest first. Sort by minus "
                "the dot product.",
            ),
            KnownWrong(_vote_rows, _NOT_LABELS),
            KnownWrong(
                _vote_ballots,
                "These are the labels of all k nearest rows: return the one that most of them "
                "have, shape (n_vectors,).",
            ),
            KnownWrong(_vote_of_three, _FIXED_K),
            KnownWrong(_vote_one, "Only the nearest row decides: let all k vote."),
            KnownWrong(
                _vote_skip_first,
                "The nearest row is left out, as if it were the message itself. Here no message is "
                "among the known ones.",
            ),
            KnownWrong(
                _vote_nearest_of_equals,
                "Where two labels have the same number of votes, yours takes the nearer one "
                "(Counter does), and the first in the alphabet is wanted.",
            ),
            KnownWrong(
                _vote_last_of_equals,
                "Where two labels have the same number of votes, yours takes the last in the "
                "alphabet, and the first is wanted.",
            ),
            KnownWrong(_vote_everybody, "All known rows vote: keep the first k of each row."),
            KnownWrong(
                _vote_weighted,
                "Nearer rows count for more in yours. That is a good variant; here each of the k "
                "has one vote.",
            ),
        ),
    ),
    Exercise(
        id="5.2",
        title="How far do words go?",
        reference=_words(analyzer="char_wb", ngram_range=(2, 5)),
        solution_source=_PIPELINE_SOLUTION,
        check=check_pipeline,
        time_limit=90.0,
        hints=(
            "Which messages share a meaning, but no word? Typing errors, plurals, compounds. "
            "Smaller pieces than words would match: TfidfVectorizer(analyzer=...).",
            'analyzer="char_wb" cuts words into runs of letters, ngram_range=(2, 5) says how long. '
            "LinearSVC suits so many features.",
        ),
        explanation="Runs of letters see that 'charging' and 'chargr' are related, as tokens do "
        "(notebook 03). You chose by cross-validation, so your score flatters: another 20 tries "
        "would flatter more. Section 8 shows what is left of it on the test.",
        wrong=(
            KnownWrong(LogisticRegression(), _NO_TEXTS),
            KnownWrong(_words(), _WORDS),
            KnownWrong(_words(ngram_range=(1, 2)), _PAIRS),
            KnownWrong(_words(stop_words="english"), _STOP_WORDS),
            KnownWrong(
                make_pipeline(
                    TfidfVectorizer(), SelectKBest(chi2, k=500), MultinomialNB(alpha=0.1)
                ),
                _SELECTED,
            ),
            KnownWrong(
                make_pipeline(TfidfVectorizer(), DecisionTreeClassifier(random_state=0)), _TREES
            ),
            KnownWrong("char_wb", _NO_PIPELINE),
            KnownWrong(_vocabulary_of_all_labels(), _KNOWS),
        ),
    ),
    Exercise(
        id="5.3",
        title="Close the leak",
        reference=without_leak,
        solution_source=_WITHOUT_LEAK_SOLUTION,
        check=function_check(
            cases=[
                _fold_case(0, 8, "shuffled labels, 3 folds"),
                _fold_case(1, 3, "k = 3"),
                _fold_case(2, 20, "k = 20"),
            ],
            compare=exact,
        ),
        hints=(
            "Two things are learned, both from the rows `learn` alone: which features to keep, and "
            "the classifier. `held_out` is only transformed and predicted.",
            "make_pipeline(SelectKBest(chi2, k=k), MultinomialNB(alpha=0.1)) does both. Fit it on "
            "table[learn] and labels[learn], then predict table[held_out].",
        ),
        explanation="A pipeline learns its steps together, so cross-validation cannot feed one of "
        "them the held-out labels. The same holds for scaling, filling gaps, PCA and an embedding "
        "model that you train yourself.",
        wrong=(
            KnownWrong(
                _leak_select_all,
                "The features are still chosen with all labels: select on the rows `learn`.",
            ),
            KnownWrong(
                _leak_select_held_out,
                "The features are chosen on the held-out rows, whose labels should be unknown. "
                "Select on the rows `learn`.",
            ),
            KnownWrong(
                _leak_select_twice,
                "The features are chosen a second time, on the held-out rows: use transform there, "
                "not fit_transform.",
            ),
            KnownWrong(
                _leak_fit_all,
                "The classifier learns from all rows, the held-out ones included. Fit on `learn`.",
            ),
            KnownWrong(
                _leak_everything,
                "Features and classifier are learned from all rows: this is the score on seen "
                "messages. Learn inside the loop, from `learn`.",
            ),
            KnownWrong(
                _leak_swapped,
                "You learn from `held_out` and predict `learn`: the other way round is wanted.",
            ),
            KnownWrong(
                _leak_no_selection,
                "No leak, but the selection is gone: keep the k best features of each fold.",
            ),
            KnownWrong(
                _leak_fold_order,
                "The predictions stand in the order of the folds. Put each into its message's "
                "place: predicted[held_out] = ...",
            ),
            KnownWrong(_leak_alpha, "No leak, but the classifier wanted has alpha=0.1."),
            KnownWrong(
                _leak_own_folds,
                "No leak, but the folds are your own: cv=5 makes new ones. Use those of `folds`.",
            ),
            KnownWrong(_leak_hits, "You return which messages are right: return the labels."),
            KnownWrong(_leak_accuracy, "You return the accuracy: return the predicted labels."),
        ),
    ),
    Exercise(
        id="5.4",
        title="Precision and recall",
        reference=precision_recall,
        solution_source=_PRECISION_SOLUTION,
        check=function_check(
            cases=[
                Case((_bools("11110000"), _bools("11100100")), "eight messages"),
                Case((_bools("10000000"), _bools("10110000")), "one alarm"),
                Case((_bools("0000"), _bools("0110")), "no alarm"),
                Case((_bools("0110"), _bools("0000")), "none is wanted"),
                Case((_bools("000"), _bools("000")), "neither"),
            ]
        ),
        hints=(
            "Both have the same numerator: the messages with an alarm that are wanted, "
            "np.sum(alarm & wanted).",
            "Divide it by the number of alarms for precision, of wanted messages for recall. "
            "max(number, 1) avoids a division by 0, and 0 / 1 is 0.",
        ),
        explanation="scikit-learn's precision_score and recall_score do the same; "
        "zero_division=0 is their way to say what to return for an empty share.",
        wrong=(
            KnownWrong(_pr_swapped, "The two are swapped: precision comes first."),
            KnownWrong(
                _pr_nan, "0 / 0 gives nan: return 0 where there is no alarm, or nothing is wanted."
            ),
            KnownWrong(
                _pr_python,
                "It divides by 0 where there is no alarm, or nothing is wanted: return 0 there.",
            ),
            KnownWrong(
                _pr_one_for_none,
                "Of nothing you return 1, and 0 is wanted: a model that never raises an alarm "
                "should not look perfect.",
            ),
            KnownWrong(
                _pr_accuracy,
                "Your first number is accuracy: it counts the silent messages too. Precision looks "
                "at the alarms alone.",
            ),
            KnownWrong(
                _pr_of_all,
                "You divide by all messages. Precision divides by the alarms, recall by the "
                "wanted ones.",
            ),
            KnownWrong(
                _pr_recall_of_all,
                "Your recall is a share of all messages: divide by the wanted ones.",
            ),
            KnownWrong(
                _pr_precision_of_all,
                "Your precision is a share of all messages: divide by the alarms.",
            ),
            KnownWrong(
                _pr_false_alarms, "Your first number is the share of *false* alarms: 1 - precision."
            ),
            KnownWrong(_pr_counts, "These are counts, and shares are wanted."),
        ),
    ),
    Exercise(
        id="5.5",
        title="Your own inbox",
        reference=(_EXAMPLES, _SURPRISING),
        solution_source=f"""
        my_examples = [
            {_EXAMPLES[0]},
            {_EXAMPLES[1]},
            {_EXAMPLES[2]},
            {_EXAMPLES[3]},
            {_EXAMPLES[4]},
            {_EXAMPLES[5]},
            {_EXAMPLES[6]},
            {_EXAMPLES[7]},
        ]
        my_messages = [
            {_SURPRISING[0]},
            {_SURPRISING[1]},
            {_SURPRISING[2]},
            {_SURPRISING[3]},
            {_SURPRISING[4]},
        ]
        """,
        check=check_inbox,
        time_limit=60.0,
        hints=(
            "Take real messages: the last ten that you or your team got. Four examples of each of "
            "two labels are enough to begin.",
            'For a surprise, write an "other" that uses the words of one label for something else, '
            "or a message that belongs to one label and is full of the other's words.",
        ),
        explanation="The classifier knows no 'other': probabilities add up to 1 over the labels "
        "that it has seen. A limit on the largest one catches some strays, and a few examples "
        "of strays catch more.",
        wrong=(
            KnownWrong((_EXAMPLES[:4], _EASY), _ONE_LABEL),
            KnownWrong((_EXAMPLES[:7], _EASY), _FEW_EXAMPLES),
            KnownWrong((_EXAMPLES, _EASY[:3]), _FEW_MESSAGES),
            KnownWrong((_EXAMPLES, [*_EASY, _EXAMPLES[0]]), _LEAK),
            KnownWrong((_EXAMPLES, [*_EASY, ("The lift is stuck", "lift")]), _UNKNOWN),
            KnownWrong((_EXAMPLES + [("Nice weather", OTHER)] * 4, _EASY), _OTHER_LEARNED),
            KnownWrong(
                (_EXAMPLES, [_EASY[0], *[(f"Lunch {i}?", OTHER) for i in range(4)]]),
                _TOO_MANY_OTHERS,
            ),
            KnownWrong(
                (
                    _EXAMPLES,
                    [(text, "login") for text, _ in _EASY[:2]]
                    + _EASY[2:3]
                    + [("Sign me in, my account is locked", "printer")],
                ),
                _MOSTLY_WRONG,
            ),
            KnownWrong((_EXAMPLES, _EASY), _NO_SURPRISE),
            KnownWrong((["a text"], ["another"]), _WRONG_SHAPE),
        ),
    ),
]
