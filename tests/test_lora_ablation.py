"""The table of what rank and number of examples do, and the command that makes it."""

from __future__ import annotations

from course_lib.lora import ablation
from course_lib.lora.ablation import SETTINGS, Ablation, load_ablation
from course_lib.lora.router_data import router_examples


def row(rank, examples):
    return Ablation(rank, examples, 81408 * rank, 0.125, 7, 77)


def test_only_what_is_missing_is_trained(tmp_path, monkeypatch):
    trained = []

    def run(*setting):
        trained.append(setting)
        return row(*setting)

    monkeypatch.setattr(ablation, "TABLE", tmp_path / "table.csv")
    monkeypatch.setattr(ablation, "load_ablation", lambda: load_ablation(tmp_path / "table.csv"))
    monkeypatch.setattr(ablation, "run", run)
    monkeypatch.setattr(ablation, "SETTINGS", SETTINGS[1:3])
    ablation.main()
    monkeypatch.setattr(ablation, "SETTINGS", SETTINGS)
    ablation.main()
    assert trained == [*SETTINGS[1:3], *(s for s in SETTINGS if s not in SETTINGS[1:3])]
    assert load_ablation(tmp_path / "table.csv") == [row(*setting) for setting in SETTINGS]


def test_the_committed_table_has_every_setting():
    rows = load_ablation()
    assert [(each.rank, each.examples) for each in rows] == list(SETTINGS)
    assert {each.questions for each in rows} == {len(router_examples("validation"))}
    assert all(0 <= each.right <= each.questions for each in rows)
    assert all(each.parameters == each.rank * min(row.parameters for row in rows) for each in rows)
