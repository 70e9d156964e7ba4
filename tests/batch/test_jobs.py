"""Several notebooks, and sets of parameters, in one command."""

from pathlib import Path

import pytest

from score_nb.batch.cli import main
from score_nb.batch.jobs import BatchJob, Outcome, batch_jobs, read_sets, table
from score_nb.errors import ScoreError
from tests.batch.notebooks import SEED, write

SUMMARY = {
    "counts": {"ok": 4, "error": 1}, "budget_nodes": 5, "best_value": 0.5, "gain": 0.25, "holdout": None,
    "elapsed": 90.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sets.csv", "name,n,--seed\na,4,1\nb,5,\n"),
        ("sets.tsv", "name\tn\t--seed\na\t4\t1\nb\t5\t\n"),
        ("sets.yaml", "- {name: a, n: 4, --seed: 1}\n- {name: b, n: 5}\n"),
        ("sets.yml", "a: {n: 4, --seed: 1}\nb: {n: 5}\n"),
        ("sets.json", '[{"name": "a", "n": 4, "--seed": 1}, {"name": "b", "n": 5}]'),
    ],
)
def test_sets_are_read_from_tables_and_mappings(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_sets(tmp_path / name) == [{"name": "a", "n": "4", "--seed": "1"}, {"name": "b", "n": "5"}]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("sets.csv", "n,m\n1\n", "line 2: not as many values"),
        ("sets.csv", "n\n", "holds no set"),
        ("sets.csv", "a b\n1\n", "'a b' is no name of a parameter"),
        ("sets.yaml", "n: 4\n", "must hold a list of mappings"),
        ("sets.yaml", "[", "is no YAML"),
        ("none.csv", None, "cannot read"),
    ],
)
def test_what_is_wrong_with_sets_is_said(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ScoreError, match=words):
        read_sets(tmp_path / name)


def test_each_set_has_an_output_and_a_store_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCORE_NB_HOME", raising=False)
    source = write(tmp_path / "in.ipynb", SEED)
    jobs = batch_jobs([source], tmp_path / "out", [{"n": "4"}, {"name": "a/b", "--seed": "1"}, {"name": "a/b"}])
    assert [job.name for job in jobs] == ["in.1", "in.a_b", "in.a_b-2"]
    assert [job.target.name for job in jobs] == ["in.1.out.ipynb", "in.a_b.out.ipynb", "in.a_b-2.out.ipynb"]
    assert len({job.home for job in jobs}) == 3
    assert jobs[0].command(["--nodes", "3"])[-5:] == ["--nodes", "3", "-p", "n", "4"]
    assert jobs[1].command([])[-1] == "--seed=1"


def test_notebooks_without_sets_keep_their_store(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    sources = [write(tmp_path / "in.ipynb", SEED), write(tmp_path / "b" / "in.ipynb", SEED)]
    jobs = batch_jobs(sources, None, [])
    assert [job.home for job in jobs] == [None, None]
    assert [job.target for job in jobs] == [tmp_path / "in.out.ipynb", tmp_path / "b" / "in-2.out.ipynb"]


def test_the_table_tells_values_and_reasons() -> None:
    def job(name: str) -> BatchJob:
        return BatchJob(name=name, source=Path("in.ipynb"), target=Path(f"{name}.out.ipynb"))

    text = table([Outcome(job("a"), 0, "", (SUMMARY,)), Outcome(job("b"), 1, "score-nb: no such cell")])
    head, first, second = text.splitlines()
    assert head.split() == ["job", "result", "nodes", "best", "gain", "hold-out", "minutes", "notebook"]
    assert first.split() == ["a", "ok", "5/5", "0.5000", "0.2500", "\N{EN DASH}", "1.5", "a.out.ipynb"]
    assert second.split(maxsplit=2)[:2] == ["b", "failed"]
    assert "no such cell" in second


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sets", "none.csv"], "cannot read none.csv"),
        (["--sets", "wrong.csv"], "there is no option --nodse. Did you mean --nodes?"),
        (["more.ipynb", "none.ipynb"], "there is no notebook"),
    ],
)
def test_what_cannot_work_is_told_before_anything_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("in.ipynb", "more.ipynb"):
        write(tmp_path / name, SEED)
    (tmp_path / "wrong.csv").write_text("--nodse\n3\n")
    assert main(["run", "in.ipynb", *arguments]) == 1
    assert words in capsys.readouterr().err
    assert not list(tmp_path.glob("*.out.ipynb"))
