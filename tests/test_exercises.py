"""The exercise machine tried with all that learners hand in, and every exercise of the course."""

import _thread
import re
import signal
import sys
import threading
import time
import warnings

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient

import course_lib.exercises
from course_lib.exercises import check, hint, registry, solution
from course_lib.exercises.compare import close, exact, same_items, show
from course_lib.exercises.core import (
    Case,
    Exercise,
    KnownWrong,
    Wrong,
    check_exercise,
    function_check,
    value_check,
)

DEMO = '''
"""Exercises of a notebook that exists in tests alone."""

import numpy as np

from course_lib.exercises.core import (
    Case, Exercise, KnownWrong, Wrong, function_check, same_items, value_check
)


def largest(values, k):
    """The k largest, largest first."""
    return np.sort(values)[::-1][:k]


def _in_place(values, k):
    values.sort()
    return values[-k:]


def _own_sentence(sentence):
    if "bicycle" not in sentence:
        raise Wrong("Your sentence says nothing of a bicycle.", got=sentence)
    if len(sentence.split()) < 3:
        raise Wrong("Three words or more.")


def _doubles(attempt):
    for n in (0, 7):
        if attempt(n) != 2 * n:
            raise Wrong("Not doubled.", given=n, got=attempt(n))


EXERCISES = [
    Exercise(
        id="98.1",
        title="The <largest> values",
        reference=largest,
        check=function_check(
            [
                (np.array([3.0, 1.0, 2.0]), 2),
                Case((np.array([5.0]), 1), "one value"),
                (np.array([1.0, 2.0, 3.0, 9.0]), 3),
            ]
        ),
        hints=("Sort first.", "Then `[::-1]` turns it round."),
        explanation="Sorting is the plain way; top_k is the fast one.",
        wrong=(
            KnownWrong(lambda values, k: np.sort(values)[:k], "These are the smallest."),
            KnownWrong(_in_place, "These are the largest, smallest first."),
            KnownWrong(lambda values, k: values[:k], "These are the first."),
            KnownWrong(lambda values, k: int(np.max(values)), "That is one value."),
        ),
        time_limit=0.4,
    ),
    Exercise(
        id="98.2",
        title="A value",
        reference={"a", "b"},
        check=value_check(same_items),
        hints=("One.", "Two."),
        explanation="",
        wrong=(KnownWrong({"a"}, "b is missing."),),
        solution_source="answer = set('ab')",
    ),
    Exercise(
        id="98.3",
        title="Your own sentence",
        reference="a blue bicycle",
        check=_own_sentence,
        hints=("One.", "Two."),
        explanation="",
    ),
    Exercise(
        id="98.10",
        title="A property",
        reference=lambda n: 2 * n,
        check=_doubles,
        hints=("One.", "Two."),
        explanation="",
        wrong=(KnownWrong(lambda n: n * n, "You squared it."),),
        time_limit=0.4,
    ),
]
'''


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    (folder / "ex98_demo.py").write_text(DEMO)
    return folder


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", "off")


@pytest.fixture
def demo(demo_folder, monkeypatch):
    monkeypatch.setattr(
        course_lib.exercises, "__path__", [*course_lib.exercises.__path__, str(demo_folder)]
    )


def largest_of(values, k):
    return sorted(values, reverse=True)[:k]


# Right answers of every kind


@pytest.mark.parametrize(
    "answer",
    [
        largest_of,
        lambda values, k: np.sort(values)[::-1][:k].astype(np.float32),
        lambda values, k: tuple(int(v) for v in largest_of(values, k)),
        lambda values, *more: largest_of(values, *more),
        lambda values, k=1, verbose=False: largest_of(values, k),
    ],
    ids=["list", "float32 array", "tuple of int", "star arguments", "defaults"],
)
def test_accepts_every_right_approach(demo, answer):
    result = check("98.1", answer)
    assert result.status == "right"
    assert result.passed
    assert result.message == ""


def test_accepts_a_torch_tensor(demo):
    torch = pytest.importorskip("torch")
    answer = lambda values, k: torch.sort(torch.tensor(values), descending=True).values[:k]  # noqa: E731
    assert check("98.1", answer).passed


def test_right_but_changes_its_input_is_right_with_a_note(demo):
    def answer(values, k):
        values.sort()
        return values[::-1][:k]

    result = check("98.1", answer)
    assert result.passed
    assert "changes its input" in result.message
    assert check("98.1", largest_of).passed  # and the cases are as they were


def test_pure_counts_a_changed_input_as_wrong():
    def answer(values):
        values /= values.sum()
        return values

    exercise = make(lambda v: v / v.sum(), [(np.array([1.0, 3.0]),)], pure=True)
    result = check_exercise(exercise, answer)
    assert result.status == "wrong"
    assert "changes its input" in result.message


# Not attempted


def _empty(values, k): ...


def _documented(values, k):
    """Say what it should do."""


def _passes(values, k):
    pass


def _not_implemented(values, k):
    lengths = len(values)
    raise NotImplementedError(f"your code here, for {lengths}")


def _blank(values, k):
    order = ...
    return values[order][:k]


def _returns_blank(values, k):
    return ...


@pytest.mark.parametrize(
    "stub",
    [..., _empty, _documented, _passes, _not_implemented, _blank, _returns_blank, lambda v, k: ...],
)
def test_a_stub_is_not_attempted(demo, stub):
    result = check("98.1", stub)
    assert result.status == "not attempted"
    assert not result.passed
    assert "not attempted" in repr(result).lower()


@pytest.mark.parametrize("stub", [..., ["a", ...], (..., ...), {"x": ...}])
def test_a_value_with_a_blank_is_not_attempted(demo, stub):
    assert check("98.2", stub).status == "not attempted"


def test_an_ellipsis_used_as_an_index_is_an_attempt():
    exercise = make(lambda x: x[..., 0], [(np.arange(6).reshape(2, 3),)])
    assert check_exercise(exercise, lambda x: x[..., 0]).passed


# Wrong answers


def make(reference, cases, compare=None, *, pure=False, wrong=(), time_limit=0.4):
    return Exercise(
        id="99.1",
        title="Made for a test",
        reference=reference,
        check=function_check(cases, compare, pure=pure),
        hints=("", ""),
        explanation="",
        wrong=wrong,
        time_limit=time_limit,
    )


def test_names_the_first_failing_case_what_it_got_and_what_it_wants(demo):
    result = check("98.1", lambda values, k: [5.0] if len(values) == 1 else [-1.0] * k)
    assert result.status == "wrong"
    assert dict(result.rows) == {
        "Input": "values = [3., 1., 2.], k = 2",
        "Yours": "[-1.0, -1.0]",
        "Expected": "[3., 2.]",
    }
    result = check("98.1", lambda values, k: largest_of(values, k) if len(values) != 1 else [])
    assert dict(result.rows)["Input"] == "one value: values = [5.], k = 1"
    assert "0 items where 1" in result.message or "shape" in result.message


def test_a_known_mistake_gives_its_likely_cause(demo):
    result = check("98.1", lambda values, k: sorted(values)[:k])
    assert result.message == "These are the smallest."
    assert {"Seen", "Input", "Yours", "Expected"} == {name for name, _ in result.rows}
    assert check("98.2", ["a"]).message == "b is missing."
    assert check("98.10", lambda n: n**2).message == "You squared it."
    assert check("98.10", lambda n: 5).message == "Not doubled."


def _bare_except(values, k):
    while True:
        try:
            while True:
                int("x")
        except:  # noqa: E722
            pass


def _catches_exception(values, k):
    while True:
        try:  # noqa: SIM105
            int("x")
        except Exception:
            pass


def _endless(values, k):
    while True:
        pass


def _sleeps(values, k):
    time.sleep(4)


def _prints_forever(values, k):
    while True:
        print("x" * 1000)


@pytest.mark.parametrize(
    "answer", [_endless, _catches_exception, _bare_except, _sleeps, _prints_forever]
)
def test_a_function_that_does_not_end_is_stopped(demo, answer):
    result = check("98.1", answer)
    assert result.status == "wrong"
    assert "did not finish within 0.4 seconds" in result.message
    assert len(repr(result)) < 3000


def test_a_stopped_loop_does_not_go_on_in_the_background(demo):
    counter = [0]

    def answer(values, k):
        while True:
            counter[0] += 1

    check("98.1", answer)
    seen = counter[0]
    time.sleep(0.05)
    assert counter[0] == seen


def test_only_one_call_is_made_of_a_function_that_does_not_end(demo):
    calls = []

    def answer(values, k):
        calls.append(k)
        while True:
            pass

    check("98.1", answer)
    assert len(calls) == 1


def _recursive(values, k):
    return _recursive(values, k)


def _generator(values, k):
    yield from sorted(values)


async def _coroutine(values, k):
    return values


class _ShoutsError(Exception):
    def __str__(self):
        raise RuntimeError("no")


def _raise(error):
    def answer(values, k):
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda values, k: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda values, k: undefined_name, "NameError: name 'undefined_name' is not defined"),  # noqa: F821
        (_recursive, "calls itself without end"),
        (lambda values, k: sys.exit(), "calls exit"),
        (_raise(KeyboardInterrupt()), "KeyboardInterrupt"),
        (lambda values, k: input("? "), "calls input"),
        (lambda values, k: values.sort(), "did you forget `return`?"),
        (lambda values, k: print("2, 3"), "prints but returns None"),
        (lambda values, k: "<b>3</b>", "a string where a list or array is wanted"),
        (lambda values, k: {"a": 1}, "a dict where a list or array is wanted"),
        (lambda values, k: sorted, "sorted itself: is a pair of brackets missing?"),
        (_generator, "wrap it in list"),
        (_coroutine, "not `async def`"),
        (lambda values, k: np.zeros((2000, 2000)), "The shape is (2000, 2000) where (2,)"),
        (lambda values, k: values[:k] * np.nan, "nan"),
        (lambda values: values, "takes (values), and the exercise calls it with (values, k)"),
        (lambda: 1, "takes (no parameters)"),
        (lambda values, k, extra: values, "takes (values, k, extra)"),
        (3.5, "3.5 was handed in: pass the function's name without brackets"),
        ("largest", "'largest' was handed in"),
        (None, "None was handed in"),
        (dict, "the class dict was handed in"),
    ],
)
def test_says_kindly_what_is_wrong(demo, answer, message):
    result = check("98.1", answer)
    assert result.status == "wrong"
    assert message in result.message
    assert message in repr(result)
    assert len(repr(result)) < 3000
    assert " at 0x" not in repr(result)
    assert "Traceback" not in repr(result)


@pytest.mark.parametrize(
    "answer",
    [
        _raise(_ShoutsError()),
        lambda values, k: _Hostile(),
        lambda values, k: [_Hostile()] * k,
        type("C", (), {"__call__": lambda self, values, k: 1})(),
        lambda values, k: object(),
        lambda values, k: (loop := [], loop.append(loop), loop)[2],
    ],
)
def test_survives_hostile_objects(demo, answer):
    result = check("98.1", answer)
    assert result.status == "wrong"
    assert " at 0x" not in repr(result)
    assert result._repr_html_()


class _Hostile:
    def __eq__(self, other):
        raise ValueError("no comparison")

    __hash__ = None

    def __repr__(self):
        raise ValueError("no repr")

    def __len__(self):
        raise ValueError("no length")


def test_shows_the_learners_own_line(demo):
    def answer(values, k):
        total = 0
        return values[k] / total.missing

    rows = dict(check("98.1", answer).rows)
    assert rows["At"].endswith("return values[k] / total.missing")
    assert re.match(r"line \d+: ", rows["At"])


def test_shows_what_was_printed_and_warned_and_keeps_it_out_of_the_cell(demo, capsys):
    def answer(values, k):
        print("values are", values)
        print("to stderr", file=sys.stderr)
        warnings.warn("careful", stacklevel=1)
        return largest_of(values, k)

    result = check("98.1", answer)
    assert result.passed
    assert "values are [3. 1. 2.]" in result.printed
    assert "to stderr" in result.printed
    assert "UserWarning: careful" in result.printed
    assert __file__ not in result.printed
    assert "values are" in repr(result)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_gives_back_stdout_and_input(demo):
    import builtins

    before = sys.stdout, sys.stderr, builtins.input
    check("98.1", _endless)
    check("98.1", _sleeps)
    assert (sys.stdout, sys.stderr, builtins.input) == before


def test_a_reference_that_refuses_an_input_wants_the_same_refusal():
    def reference(k):
        if k < 1:
            raise ValueError("k must be 1 or more")
        return k

    exercise = make(reference, [(2,), (0,)])
    assert check_exercise(exercise, reference).passed
    result = check_exercise(exercise, lambda k: k)
    assert result.message == "This input should raise ValueError."
    assert dict(result.rows)["Input"] == "k = 0"
    assert "KeyError" in check_exercise(exercise, lambda k: k if k else {}[k]).message


def test_the_keyboard_still_interrupts():
    exercise = make(lambda x: x, [(1,)], time_limit=60)
    turns = [0]
    stop = threading.Timer(0.3, _thread.interrupt_main)

    def answer(x):
        while True:
            turns[0] += 1

    # A shell's background job ignores interrupts, and so would this process.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        stop.start()
        with pytest.raises(KeyboardInterrupt):
            check_exercise(exercise, answer)
    finally:
        signal.signal(signal.SIGINT, before)
    seen = turns[0]
    time.sleep(0.05)
    assert turns[0] == seen  # and the loop does not go on in the background


def test_a_property_of_the_readers_own_text(demo):
    assert check("98.3", "my bicycle squeaks").passed
    result = check("98.3", "nothing")
    assert result.message == "Your sentence says nothing of a bicycle."
    assert dict(result.rows) == {"Yours": "'nothing'"}
    assert "cannot be checked: TypeError" in check("98.3", 5).message


def test_a_value_exercise_does_not_give_its_answer_away():
    exercise = Exercise("99.2", "Secret", 12345, value_check(), ("", ""), "")
    assert check_exercise(exercise, 12345.0).passed
    result = check_exercise(exercise, 7)
    assert result.status == "wrong"
    assert "12345" not in repr(result) + result._repr_html_()
    assert "call it" in check_exercise(exercise, lambda: 12345).message


# Comparing and showing


@pytest.mark.parametrize(
    ("got", "expected", "same"),
    [
        ([1, 2], np.array([1.0, 2.0]), True),
        ((1, 2), [1, 2], True),
        (range(3), [0, 1, 2], True),
        ({"a": 1}.keys(), ["a"], True),
        (0.1 + 0.2, 0.3, True),
        (0.3001, 0.3, False),
        (np.float32(0.5), 0.5, True),
        (np.array(0.5), 0.5, True),
        ([0.5], 0.5, False),
        (float("nan"), float("nan"), True),
        (float("nan"), 0.0, False),
        (1, True, True),
        (np.bool_(True), True, True),
        (True, 1.0, False),
        ("1", 1, False),
        (1, "1", False),
        (["a", 1.0], ("a", 1), True),
        ([[1, 2]], [1, 2], False),
        (np.ones((1, 3)), np.ones(3), False),
        ({"a": [1.0]}, {"a": np.array([1])}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({1, 2}, {2, 1}, True),
        ([1, 2], {1, 2}, False),
        ([], [], True),
        (None, 0, False),
        (np.array(["a", "b"]), ["a", "b"], True),
        (np.array([True, False]), np.array([True, False]), True),
        (np.array([True, False]), np.array([1.0, 0.0]), False),
    ],
)
def test_close(got, expected, same):
    assert close()(got, expected) is same


@given(st.lists(st.floats(-1e6, 1e6), max_size=6), st.data())
def test_exact_and_close_agree_on_copies_and_notice_a_change(values, data):
    assert exact(np.array(values), values)
    assert close(1e-9)(tuple(values), values)
    if values:
        i = data.draw(st.integers(0, len(values) - 1))
        changed = [*values[:i], values[i] + max(1.0, abs(values[i])), *values[i + 1 :]]
        assert not close(1e-9)(changed, values)
        assert not exact(changed, values)


@given(st.lists(st.integers(0, 5)))
def test_same_items_ignores_order_and_repetition(values):
    assert same_items(values[::-1], set(values))
    assert same_items(values * 2, values)
    assert not same_items([*values, 6], values)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.binary() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(ANYTHING)
def test_show_is_short_and_steady(value):
    assert show(value) == show(value)
    assert len(show(value)) <= 420


@settings(max_examples=30, deadline=None)
@given(ANYTHING)
def test_no_value_breaks_a_check(value):
    exercise = make(lambda x: [1.0], [(0,)])
    result = check_exercise(exercise, lambda x: value)
    assert result.status in ("wrong", "right")
    assert result._repr_html_()


def test_shows_two_numbers_apart_where_rounding_would_hide_the_difference():
    exercise = make(lambda x: 1.0, [(0,)], close(1e-9))
    rows = dict(check_exercise(exercise, lambda x: 1.00000001).rows)
    assert rows["Yours"] != rows["Expected"]


# Pages


def test_html_is_escaped_and_takes_its_colours_from_the_page(demo):
    def answer(values, k):
        print("<script>alert(1)</script>")
        return "<img src=x>"

    result = check("98.1", answer)
    html = result._repr_html_()
    assert "<script>" not in html
    assert "<img" not in html
    assert "The &lt;largest&gt; values" in html
    assert "WRONG" in html
    assert not re.search(r"background(-color)?: *(#|white|rgb)", html)
    assert not re.search(r"[^-]color: *(#|white|black|rgb)", html)
    assert "id=" not in html


@pytest.mark.parametrize("status", ["RIGHT", "WRONG", "NOT ATTEMPTED"])
def test_status_is_a_word_and_a_border_style_as_well_as_a_colour(demo, status):
    answer = {"RIGHT": largest_of, "WRONG": len, "NOT ATTEMPTED": ...}[status]
    result = check("98.1", answer)
    borders = {"RIGHT": "solid", "WRONG": "double", "NOT ATTEMPTED": "dotted"}
    assert f"<b>{status}</b>" in result._repr_html_()
    assert f"px {borders[status]} " in result._repr_html_()
    assert repr(result).splitlines()[0] == f"Exercise 98.1, The <largest> values: {status}"


def test_hint_and_solution_fold(demo, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    assert hint("98.1") is None
    assert solution("98.1") is None
    assert solution("98.2") is None
    hints, solved, value = (one._repr_html_() for one in shown)
    assert hints.count("<details") == 2
    assert "open" not in re.findall(r"<details[^>]*>", hints + solved)[0]
    assert "Sort first." in hints
    assert "[::-1]</code>" in hints
    assert "np.sort(values)[::-1][:k]" in solved
    assert "Sorting is the plain way" in solved
    assert "answer = set(&#x27;ab&#x27;)" in value
    assert "Hint 2 of 2" in repr(shown[0])
    assert "def largest" in repr(shown[1])


def test_hint_prints_text_without_a_notebook(demo, capsys):
    hint("98.1")
    assert "Sort first." in capsys.readouterr().out


# Finding exercises


def test_an_unknown_id_lists_the_ids(demo):
    with pytest.raises(ValueError, match=r"98\.1, 98\.2, 98\.3, 98\.10 .*notebook 98.*got '98\.9'"):
        check("98.9", 1)
    for function in (hint, solution):
        with pytest.raises(ValueError, match=r"98\.1"):
            function("77.1")
    with pytest.raises(ValueError, match=r"string like .2\.1., got 2\.1"):
        check(2.1, 1)


@pytest.mark.parametrize("cases", [[], [3], [[1, 2]]])
def test_a_check_without_proper_cases_is_refused(cases):
    with pytest.raises(ValueError, match="cases must"):
        function_check(cases)


# In a notebook


def test_an_unattempted_or_failing_exercise_never_stops_run_all(demo_folder):
    cells = [
        f"import course_lib.exercises\ncourse_lib.exercises.__path__.append({str(demo_folder)!r})",
        "from course_lib.exercises import check, hint, solution",
        'answer = ...\ncheck("98.2", answer)',
        'def largest(values, k):\n    ...\n\ncheck("98.1", largest)',
        'def largest(values, k):\n    return values[k].x\n\ncheck("98.1", largest)',
        'def largest(values, k):\n    while True:\n        print(1)\n\ncheck("98.1", largest)',
        'def largest(values, k):\n    return input("?")\n\ncheck("98.1", largest)',
        'def largest(values, k):\n    raise SystemExit\n\ncheck("98.1", largest)',
        'hint("98.1")\nsolution("98.1")',
        'print("reached the end", check("98.1", lambda v, k: sorted(v)[::-1][:k]).passed)',
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = [cell.outputs for cell in notebook.cells]
    texts = [o[0].data["text/plain"] if "data" in o[0] else o[0].text for o in outputs[2:]]
    assert "NOT ATTEMPTED" in texts[0]
    assert "NOT ATTEMPTED" in texts[1]
    assert "AttributeError" in texts[2]
    assert "At:    line 2: return values[k].x" in texts[2]
    assert "ipykernel" not in texts[2]
    assert "did not finish" in texts[3]
    assert "calls input" in texts[4]
    assert "calls exit" in texts[5]
    assert [o.data["text/html"].count("<details") for o in outputs[8]] == [2, 1]
    assert texts[7] == "reached the end True\n"
    for cell_outputs in outputs[2:]:
        assert len(cell_outputs) <= 2
        assert all(
            o.output_type in ("execute_result", "display_data", "stream") for o in cell_outputs
        )


# Every exercise of the course

EXERCISES = registry.all_exercises()
BY_ID = [pytest.param(exercise, id=exercise.id) for exercise in EXERCISES]


def problems(exercise: Exercise) -> list[str]:
    """What keeps an exercise from being ready for learners."""
    found = []
    right = check_exercise(exercise, exercise.reference)
    if not right.passed:
        found.append(f"the reference fails: {right.message}")
    if right.message or right.printed:
        found.append(f"the reference prints or changes its input: {right.message} {right.printed}")
    if not exercise.solution.strip():
        found.append("there is no solution to show")
    if len(exercise.wrong) < 4:
        found.append(f"it lists {len(exercise.wrong)} known-wrong answers, not 4 or more")
    if len(exercise.hints) != 2 or not all(hint.strip() for hint in exercise.hints):
        found.append("it has no two hints")
    seen: dict[str, int] = {}
    for number, known in enumerate(exercise.wrong, start=1):
        result = check_exercise(exercise, known.answer)
        if result.status != "wrong":
            found.append(f"known-wrong {number} is {result.status}")
        elif known.message not in result.message:
            found.append(f"known-wrong {number} gives another message: {result.message}")
        if result.message in seen:
            found.append(f"known-wrong {number} gives the message of {seen[result.message]}")
        seen[result.message] = number
    return found


@pytest.mark.parametrize("exercise", BY_ID)
def test_reference_passes_and_every_known_mistake_is_told_apart(exercise):
    assert problems(exercise) == []


def test_ids_are_those_of_their_module_in_order():
    for name in registry.module_names():
        ids = [exercise.id for exercise in registry.exercises_of(name)]
        assert ids == [f"{int(name[2:4])}.{i}" for i in range(1, len(ids) + 1)]


def test_problems_finds_what_it_looks_for():
    def twice(x):
        return x

    wrong = [
        KnownWrong(lambda x: x, "right, in truth"),
        KnownWrong(lambda x: -x, "negative"),
        KnownWrong(lambda x: 0 - x, "the same as before"),
        KnownWrong(lambda x: 9, "negative"),
    ]
    exercise = make(twice, [(1,)], wrong=tuple(wrong))
    found = " | ".join(problems(exercise))
    for text in (
        "known-wrong 1 is right",
        "known-wrong 3 gives another",
        "known-wrong 3 gives the",
    ):
        assert text in found
    assert "known-wrong 4 gives the message of" in found
    assert "no two hints" in found
    few = make(twice, [(1,)])
    assert any("not 4 or more" in text for text in problems(few))


def test_wrong_and_case_are_what_authors_use():
    with pytest.raises(Wrong, match="because"):
        raise Wrong("because", given=[1], got=2, expected=3)
    assert Case((1,), "one").note == "one"
