"""Which cell bound a name, as seen from a real IPython."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from score_nb.notebook.history import History, is_internal, origin_of, seed_body


@pytest.fixture
def history(shell: InteractiveShell) -> Iterator[History]:
    history = History(shell)
    history.watch()
    yield history
    history.unwatch()


def run(shell: InteractiveShell, text: str, cell_id: str | None = None) -> None:
    shell.run_cell(text, store_history=True, cell_id=cell_id)


SEED = "model = 1\ndef predict(x): return x"


def test_a_name_bound_by_the_seed_cell_only(shell: InteractiveShell, history: History) -> None:
    run(shell, "X = 1", "a")
    run(shell, SEED, "b")
    assert history.only_by(origin_of(SEED, "b")) == {"model", "predict"}


def test_a_name_bound_by_another_cell_too_is_not_the_seeds(shell: InteractiveShell, history: History) -> None:
    run(shell, "model = 0", "a")
    run(shell, SEED, "b")
    assert history.only_by(origin_of(SEED, "b")) == {"predict"}
    assert history.last_by("model", origin_of(SEED, "b"))
    run(shell, "model = 0", "a")
    assert not history.last_by("model", origin_of(SEED, "b"))


def test_a_cell_stays_the_same_when_it_is_edited(shell: InteractiveShell, history: History) -> None:
    run(shell, "model = 0", "b")
    run(shell, SEED, "b")
    assert history.only_by(origin_of("%%score m\n" + SEED, "b")) == {"model", "predict"}


def test_without_ids_the_text_tells(shell: InteractiveShell, history: History) -> None:
    run(shell, SEED)
    assert history.only_by(origin_of("%%score m --nodes 3\n" + SEED)) == {"model", "predict"}
    assert history.only_by(origin_of("other = 1")) == set()


def test_other_seeds_of_the_same_metric_are_no_other_cells(shell: InteractiveShell, history: History) -> None:
    shell.register_magic_function(lambda line, cell: shell.run_cell(cell), "cell", "score")
    run(shell, "%%score m --nodes 3\nmodel = 1", "a")
    run(shell, "%%score other\nthreshold = 1", "b")
    mine = origin_of("%%score --nodes 5 m\nmodel, threshold = 2, 3", "c")
    assert history.only_by(mine) == {"model"}
    assert history.only_by(origin_of("model = 2", "c")) == set()


def test_cells_from_before_are_read_by_their_text(shell: InteractiveShell) -> None:
    run(shell, "X = 1\n" + SEED)
    run(shell, "%time y = 2")
    history = History(shell)
    history.watch()
    assert history.only_by(origin_of("X = 1\n" + SEED)) == {"X", "model", "predict"}
    history.unwatch()


def test_the_cell_that_loads_owns_only_what_it_writes(shell: InteractiveShell) -> None:
    run(shell, "X = 1")
    shell.user_ns["history"] = History(shell)
    run(shell, "history.watch()\nz = 1", "load")
    history = shell.user_ns["history"]
    assert history.only_by(origin_of("edited since", "load")) == {"z"}
    history.unwatch()


def test_what_only_running_tells(shell: InteractiveShell, history: History) -> None:
    run(shell, "exec('a = object()')\nglobals()['b'] = object()", "x")
    assert history.only_by(origin_of("", "x")) == {"a", "b"}


def test_a_value_that_stays_the_same_object_still_counts(shell: InteractiveShell, history: History) -> None:
    run(shell, "k = 1", "a")
    run(shell, "k = 1; j = 2", "b")
    assert "k" not in history.only_by(origin_of("", "b"))


def test_a_deleted_name_is_forgotten(shell: InteractiveShell, history: History) -> None:
    run(shell, "model = 0", "a")
    run(shell, "del model", "a2")
    run(shell, SEED, "b")
    assert "model" in history.only_by(origin_of("", "b"))


def test_cells_run_inside_a_cell_belong_to_it(shell: InteractiveShell, history: History) -> None:
    run(shell, "get_ipython().run_cell('inner = object()')\nouter = 1", "a")
    assert history.only_by(origin_of("", "a")) == {"inner", "outer"}


def test_nothing_is_noted_after_the_end(shell: InteractiveShell) -> None:
    history = History(shell)
    history.watch()
    history.unwatch()
    history.unwatch()
    run(shell, "x = 1", "a")
    assert history.only_by(origin_of("", "a")) == set()


@pytest.mark.parametrize("name", ["_", "__", "_i", "_ii", "_i12", "_12", "_dh", "_oh", "__name__", "In", "Out"])
def test_internal_names(name: str) -> None:
    assert is_internal(name)


@pytest.mark.parametrize("name", ["_helper", "_x1", "i", "Index", "model_", "__mine"])
def test_the_users_own_names(name: str) -> None:
    assert not is_internal(name)


def test_the_body_of_a_cell_is_what_stands_below_the_magic() -> None:
    assert seed_body("%%score m --nodes 3\nx = 1\n") == "x = 1\n"
    assert seed_body("x = 1") == "x = 1"
    assert seed_body("%%scores\nx") == "%%scores\nx"
