from __future__ import annotations

import ast
import difflib

import pytest

from score_nb.propose.offline import OfflineProposer
from score_nb.types import Task, digest
from tests.propose.contract import SEED, TASK, ProposerContract, request

OFFLINE = OfflineProposer()
NUMPY_SEED = """\
import numpy as np
from scipy.stats import poisson

def forecast(history, quantiles):
    # next week as this week
    last = history[:, -7:].mean(1) * 7
    return poisson.ppf(quantiles[None, :], last[:, None] + 0.5)
"""
NUMPY_TASK = Task(seed=NUMPY_SEED, metric="wis", outputs=("forecast",), parameters=("forecast",))


def proposals(operator: str = "improve", *, n: int = 60, **more: object) -> list[tuple[str, str]]:
    """Source and detail of n proposals with different seeds."""
    made = [OFFLINE.propose(request(operator, seed=seed, **more)) for seed in range(n)]  # type: ignore[arg-type]
    return [(proposal.source, proposal.detail) for proposal in made if proposal.source is not None]


class TestOfflineProposer(ProposerContract):
    @pytest.fixture
    def proposer(self) -> OfflineProposer:
        return OfflineProposer()


def test_it_says_that_it_is_no_language_model() -> None:
    assert "no language model" in OFFLINE.notice


@pytest.mark.parametrize("operator", ["improve", "draft", "tune", "debug", "recombine", "idea"])
def test_every_operator_gives_new_cells_that_parse_and_keep_the_outputs(operator: str) -> None:
    partner = SEED.replace("DecisionTreeClassifier(max_depth=3)", "DecisionTreeClassifier(min_samples_leaf=4)")
    for source, detail in proposals(operator, partner=partner):
        assert "def predict" in ast.unparse(ast.parse(source))
        assert digest(source) != digest(SEED)
        assert detail


def test_comments_and_untouched_lines_stay() -> None:
    for source, _ in proposals():
        assert "# the simplest thing that works" in source
        kept = set(source.splitlines()) & set(SEED.splitlines())
        assert {"def predict(X):", "    return model.predict(X)"} <= kept


def test_a_change_shows_as_a_small_diff() -> None:
    for source, detail in proposals():
        if ";" in detail:
            continue  # two changes in one
        changed = [
            line
            for line in difflib.ndiff(SEED.splitlines(), source.splitlines())
            if line[:1] in "+-" and "import" not in line
        ]
        assert len(changed) <= 3


def test_what_a_cell_uses_is_imported() -> None:
    for source, _ in proposals():
        tree = ast.parse(source)
        bound = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        assert called <= bound | {"predict"}
        assert bound <= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}  # and nothing is left over


def test_known_programs_are_avoided() -> None:
    first = OFFLINE.propose(request(seed=4)).source
    assert first is not None
    second = OFFLINE.propose(request(seed=4, seen=frozenset({digest(SEED), digest(first)}))).source
    assert second is not None
    assert digest(second) != digest(first)


def test_probabilities_that_the_metric_asks_for_stay_available() -> None:
    task = Task(seed=SEED, metric="loss", metric_source="def loss(model):\n    return f(model.predict_proba(X_val))",
                outputs=("model",), parameters=("model",))  # fmt: skip
    for source, _ in proposals(task=task):
        for name in ("SVC(", "LinearSVC(", "RidgeClassifier(", "NearestCentroid("):
            if f" {name}" in source or f"({name}" in source:
                assert "CalibratedClassifierCV" in source


def test_models_without_probabilities_never_vote_softly() -> None:
    source = """\
model = make_pipeline(StandardScaler(), LinearSVC(C=0.1)).fit(X_train, y_train)

def predict(X):
    return model.predict(X)
"""
    task = Task(seed=source, metric="m", outputs=("predict",), inputs=("make_pipeline", "StandardScaler", "LinearSVC"))
    for changed, _ in proposals(source=source, task=task, n=60):
        assert not ('voting="soft"' in changed and "LinearSVC(C=0.1" in changed and "Calibrated" not in changed)


def test_a_feature_of_one_class_keeps_that_class() -> None:
    source = SEED + "\nrules = model.tree_.node_count\n"
    for changed, _ in proposals(source=source, n=30):
        assert "DecisionTreeClassifier(" in changed
        assert "Voting" not in changed
        assert "make_pipeline" not in changed


def test_regressors_become_regressors() -> None:
    source = SEED.replace("sklearn.tree", "sklearn.linear_model").replace(
        "DecisionTreeClassifier(max_depth=3)", "Ridge()"
    )
    source = source.replace("DecisionTreeClassifier", "Ridge")
    text = "\n".join(changed for changed, _ in proposals(source=source))
    assert "Classifier" not in text
    assert "Regressor" in text


def test_tuning_changes_numbers_and_settings_only() -> None:
    for source, detail in proposals("tune"):
        assert "DecisionTreeClassifier(" in source
        assert "import" not in "".join(set(source.splitlines()) ^ set(SEED.splitlines()))
        assert "DecisionTreeClassifier:" in detail


def test_a_draft_starts_from_the_seed_with_another_estimator() -> None:
    parent = SEED.replace("max_depth=3", "max_depth=17")
    for source, _ in proposals("draft", source=parent):
        assert "max_depth=17" not in source


def test_recombination_takes_parts_of_the_other_parent() -> None:
    partner = """\
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

def double(X):
    return X * 2

model = make_pipeline(StandardScaler(), SVC(C=30)).fit(double(X_train), y_train)

def predict(X):
    return model.predict(double(X))
"""
    sources = proposals("recombine", partner=partner)
    assert any("SVC(C=30)" in source and "from sklearn.svm import SVC" in source for source, _ in sources)
    with_helper = [source for source, _ in sources if "double(X_train)" in source]
    assert with_helper
    assert any("def double" in source for source in with_helper)


FIT = "model = DecisionTreeClassifier"


@pytest.mark.parametrize(
    ("broken", "log", "status", "mended"),
    [
        (SEED.replace(FIT, "x = np.e\n" + FIT), "NameError: name 'np' is not defined", "error", "import numpy as np"),
        (SEED + "forest = Forest(n_estimators=900)\n", "", "timeout", "n_estimators=450"),
        (SEED, "ValueError: Input X contains NaN.", "error", "SimpleImputer()"),
        (
            "from sklearn.svm import SVR\nmodel = SVR(C=2).fit(X, y)\n\ndef predict(X):\n    return model.predict(X)\n",
            "ValueError: y should be a 1d array, got an array of shape (30, 8) instead.",
            "error",
            "from sklearn.multioutput import MultiOutputRegressor\nmodel = MultiOutputRegressor(SVR(C=2)).fit(X, y)",
        ),
        (SEED.replace(FIT, "model = broken or DecisionTreeClassifier"), "boom", "error", f"\n{FIT}(max_depth=3)"),
    ],
)
def test_debugging_repairs_what_the_error_names(broken: str, log: str, status: str, mended: str) -> None:
    from score_nb.propose.base import Shown

    made = [
        OFFLINE.propose(
            request("debug", parent=Shown(broken, None, status, "failed", log), seen=frozenset(), seed=seed)
        )  # type: ignore[arg-type]
        for seed in range(12)
    ]
    assert any(mended in (proposal.source or "") for proposal in made)


def test_array_code_gets_moves_of_its_own() -> None:
    details = " ".join(detail for _, detail in proposals(source=NUMPY_SEED, task=NUMPY_TASK))
    assert "negative binomial" in details
    assert "np.median" in details
    assert "0.5 ->" in details


def test_a_hint_prefers_the_moves_that_it_names() -> None:
    details = [detail for _, detail in proposals(n=20, hint="try gradient boosting")]
    assert sum("GradientBoosting" in detail for detail in details) >= 15


def test_bytes_and_letters_beyond_ascii_are_counted_right() -> None:
    source = (
        'name = "Überprüfung · π"; '
        + "model = DecisionTreeClassifier(max_depth=3)\ndef predict(X): return model.predict(X)\n"
    )
    for changed, _ in proposals(
        source=source, task=Task(seed=source, metric="m", outputs=("predict",), inputs=("DecisionTreeClassifier",))
    ):
        assert "Überprüfung · π" in changed


def test_a_cell_without_anything_to_change_is_declined() -> None:
    source = "def area(shape):\n    return shape.compute()\n"
    proposal = OFFLINE.propose(request(source=source, task=Task(seed=source, metric="m", outputs=("area",))))
    assert proposal.source is None
    assert "nothing in this cell that the offline proposer can change" in proposal.detail


def test_a_parent_that_does_not_parse_is_left_for_the_seed() -> None:
    proposal = OFFLINE.propose(request("debug", source="def predict(:", task=TASK))
    assert proposal.source is None or ast.parse(proposal.source)
