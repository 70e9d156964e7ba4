from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from score_nb.errors import BadOption
from score_nb.propose.base import Shown
from score_nb.propose.prompts import TEMPLATES, cut_middle, installed_packages, render, template
from tests.propose.contract import SEED, TASK, request

FULL = replace(
    TASK, metric_source="def balanced(predict):\n    return 1.0", data_view="X_train: array (60, 13) float64"
)


def test_the_prompt_tells_all_that_a_model_needs() -> None:
    sibling = Shown(SEED.replace("max_depth=3", "max_depth=9"), 0.75, "ok")
    asked = request(task=FULL, siblings=(sibling,), best=0.91, hint="stay simple", timeout=12.5, memory=2048)
    system, user = render(asked, packages=["numpy 2.0"])
    said = (
        "Tell the wines apart.", "Balanced accuracy.", "higher is better", "def balanced(predict)", "`predict`",
        "X_train: array (60, 13) float64", "numpy 2.0", "12.5 seconds", "2,048 MiB", "`X_val` and `y_val`",
    )  # fmt: skip
    for part in said:
        assert part in system
    for part in (SEED.strip(), "value 0.8", "value 0.75", "max_depth=9", "0.91", "stay simple"):
        assert part in user


def test_what_is_stable_in_a_run_comes_first_and_stays_equal() -> None:
    first, _ = render(request(ticket=1, task=FULL))
    second, _ = render(request("debug", ticket=2, task=FULL, source="x = 1", best=0.9, hint="h"))
    assert first == second


@pytest.mark.parametrize("operator", ["draft", "improve", "debug", "idea", "recombine", "tune"])
def test_every_operator_has_its_own_words_and_no_hole(operator: str) -> None:
    asked = request(operator, partner="partner = 1", idea="use graphs")  # type: ignore[arg-type]
    system, user = render(asked)
    assert "# What to do" in user
    assert not any(f"{{{name}}}" in system + user for name in ("parent", "hint", "idea", "best", "siblings", "goal"))
    assert ("partner = 1" in user) == (operator == "recombine")
    assert ("use graphs" in user) == (operator in ("draft", "improve", "idea", "recombine"))


def test_a_failed_parent_comes_with_its_log_cut_in_the_middle() -> None:
    log = "start\n" + "noise\n" * 5_000 + "ValueError: the end"
    _, user = render(request("debug", parent=Shown(SEED, None, "error", "ValueError: the end", log)))
    assert "failed: error, ValueError: the end" in user
    assert "start" in user
    assert user.count("noise") < 1_000
    assert "characters cut" in user


def test_a_hidden_metric_shows_its_docstring_only() -> None:
    system, _ = render(request(task=replace(FULL, metric_source="")))
    assert "Balanced accuracy." in system
    assert "def balanced" not in system


def test_secrets_are_redacted_from_both_parts() -> None:
    asked = request(source="key = 'hunter2-hunter2'", task=replace(FULL, goal="use sk-abcdefghijklmnopqrstuvwx"))
    system, user = render(asked, secrets=["hunter2-hunter2"])
    assert "hunter2" not in user
    assert "sk-abc" not in system
    assert "[redacted]" in system
    assert "[redacted]" in user


def test_the_short_keys_that_local_servers_take_do_not_maim_the_text() -> None:
    assert "X_none" in render(request(source="X_none = 1"), secrets=["none"])[1]


def test_blank_lines_of_the_cell_stay_as_they_are() -> None:
    # Edits are looked for line by line in the cell as it was shown.
    source = "a = 1\n\n\n\ndef predict(X):\n    return X"
    assert source in render(request(source=source))[1]


def test_braces_in_code_and_ideas_stay_as_they_are() -> None:
    _, user = render(request("idea", source="x = {parent: {idea}}", idea="{hint} {goal}"))
    assert "x = {parent: {idea}}" in user
    assert "{hint} {goal}" in user


def test_the_budget_holds() -> None:
    system, user = render(request(source="x = 1\n" * 20_000), budget=20_000)
    assert len(system) + len(user) < 20_200


def test_a_users_template_stands_in_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "tune.txt").write_text("Tune: {parent}")
    assert render(request("tune"), templates=tmp_path)[1] == f"Tune: {SEED.strip()}\n"
    assert "# What to do" in render(request("improve"), templates=tmp_path)[1]


def test_a_missing_template_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match=r"folder of prompt templates .* does not exist"):
        render(request(), templates=tmp_path / "none")


def test_every_template_ships() -> None:
    assert all(template(name).strip() for name in TEMPLATES)


def test_the_middle_is_cut_and_said_so() -> None:
    assert cut_middle("abcdefghij", 10) == "abcdefghij"
    assert cut_middle("a" * 40 + "b" * 60, 10) == "aaaa\n[… 90 characters cut …]\nbbbbbb"


def test_installed_packages_carry_their_versions() -> None:
    assert any(entry.startswith("numpy ") for entry in installed_packages())
