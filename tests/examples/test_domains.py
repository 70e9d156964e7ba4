"""The domains' notebooks: metrics against references, parts that share nothing, loaders on files of the real format."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from tests.examples.cells import run_cells

EXPERTS = Path(__file__).parents[2] / "benchmarks" / "experts"


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{missing} missing: pip install '.[examples]'")


# --- hard integrals ------------------------------------------------------------------------------------------------


@cache
def integrals() -> dict[str, Any]:
    return run_cells("02", ("data", "families", "parts", "metric"))


@needs("scipy")
def test_closed_forms_agree_with_an_independent_quadrature() -> None:
    scope = dict(integrals())
    exec((EXPERTS / "02_hard_integrals.py").read_text(), scope)
    rows = scope["searched"] + scope["held_out"]
    wrong = [
        row["page"] for row in rows if abs(scope["integrate"](row["text"], row["lower"]) / row["value"] - 1) > 1e-6
    ]
    assert (len(rows), wrong) == (18 + 19, [])


@needs("scipy")
def test_digits_are_counted_from_0_to_10_and_no_number_has_none() -> None:
    answers = [1.01, 2.0 + 2e-6, 3.0, 40.0, np.nan, np.inf]
    digits = integrals()["digits_of"](answers, np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    assert digits == pytest.approx([2, 6, 10, 0, 0, 0])


@needs("scipy")
def test_no_family_is_searched_and_held_out() -> None:
    scope = integrals()
    pages = [{row["page"] for row in scope[part]} for part in ("searched", "held_out")]
    assert not pages[0] & pages[1]
    assert not {row["text"] for row in scope["searched"]} & {row["text"] for row in scope["held_out"]}


@needs("scipy")
def test_own_integrals_are_read_from_a_table(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text('text,lower,value\n"exp(-x)*sin(x)",0,0.5\n')
    scope = run_cells("02", ("data", "families", "parts", "metric"), integrals_csv=str(table))
    assert scope["digits_holdout"](lambda text, lower: 0.5)["within 1e-6"] == 1


# --- tabular competition -------------------------------------------------------------------------------------------


@cache
def tabular() -> dict[str, Any]:
    return run_cells("03", ("data", "split", "metric"))


@needs("sklearn", "statsmodels")
def test_the_tables_loss_is_scikit_learns() -> None:
    from sklearn.metrics import root_mean_squared_log_error

    scope, rng = tabular(), np.random.default_rng(0)
    truth, predicted = scope["y_val"], rng.gamma(1.0, 2.0, len(scope["y_val"]))
    assert scope["error"](lambda rows: predicted) == pytest.approx(root_mean_squared_log_error(truth, predicted))
    with pytest.raises(ValueError, match="below zero"):
        scope["error"](lambda rows: -predicted)


@needs("sklearn", "statsmodels")
def test_no_block_of_rows_is_in_two_parts() -> None:
    scope = tabular()
    parts = [set(scope["block"][scope["part"] == name]) for name in ("training", "validation", "holdout")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 202


@needs("sklearn", "statsmodels")
def test_a_kaggle_table_loses_its_row_number_and_texts_become_columns(tmp_path: Path) -> None:
    table = tmp_path / "train.csv"
    table.write_text("id,rooms,town,MedHouseVal\n0,3,A,1.5\n1,,B,2.5\n2,5,A,3.5\n")
    features, wanted = tabular()["read_table"](table, "MedHouseVal")
    assert list(features.columns) == ["rooms", "town_A", "town_B"]
    assert features["rooms"].tolist() == [3, 4, 5]
    assert wanted.tolist() == [1.5, 2.5, 3.5]


# --- COVID-19 forecasts --------------------------------------------------------------------------------------------


@cache
def covid() -> dict[str, Any]:
    return run_cells("04", ("data", "metric"))


@needs("sktime")
def test_the_weighted_interval_score_is_that_of_bracher_et_al() -> None:
    scope, rng = covid(), np.random.default_rng(0)
    levels, forecast, observed = scope["LEVELS"], np.sort(rng.normal(size=(50, 23)), axis=1), rng.normal(size=50)
    expected = 0.5 * np.abs(observed - forecast[:, 11])
    for k in range(11):
        alpha, low, high = 2 * levels[k], forecast[:, k], forecast[:, 22 - k]
        outside = np.maximum(low - observed, 0) + np.maximum(observed - high, 0)
        expected += alpha / 2 * (high - low + 2 / alpha * outside)
    assert scope["wis"](forecast, observed) == pytest.approx(expected / 11.5)


@needs("sktime")
def test_the_weighted_interval_score_gives_the_values_of_scoringutils() -> None:
    # epiforecasts/scoringutils tests its own with these forecasts; the median counts once, as in the hub
    observed = np.array([1.0, -15.0, 22.0])
    interval, both = np.array([[0, 2], [1, 2], [0, 3]]), np.array([[0, 1, 2], [1, 2, 2], [0, 3, 3]])
    for levels, forecast, expected in (
        ([0.25, 0.75], interval, [0.5, 16.25, 19.75]),
        ([0.25, 0.5, 0.75], both, [1 / 3, 16.5, 19.5]),
    ):
        wis = FunctionType(covid()["wis"].__code__, {**covid(), "LEVELS": np.array(levels)})
        assert wis(forecast, observed) == pytest.approx(expected)


@needs("sktime")
def test_a_forecast_without_spread_scores_its_absolute_error() -> None:
    assert covid()["wis"](np.full((1, 23), 7.0), np.array([4.0])) == pytest.approx([3.0])


@needs("sktime", "scipy")
def test_the_score_of_a_normal_forecast_is_close_to_its_closed_form() -> None:
    from scipy.stats import norm

    # Gneiting & Raftery 2007: the score that intervals of all levels tend to
    observed, scope = np.array([-1.0, 0.0, 0.5, 2.0]), covid()
    crps = observed * (2 * norm.cdf(observed) - 1) + 2 * norm.pdf(observed) - 1 / np.sqrt(np.pi)
    found = scope["wis"](np.tile(norm.ppf(scope["LEVELS"]), (4, 1)), observed)
    assert found == pytest.approx(crps, rel=0.15)  # 23 levels, closer together in the tails


@needs("sktime")
def test_a_country_is_searched_or_held_out_and_the_future_is_cut_off() -> None:
    scope, seen = covid(), []
    assert (scope["daily_search"].shape, scope["daily_holdout"].shape) == ((140, 84), (61, 84))
    both = {tuple(row) for row in scope["daily_search"]} & {tuple(row) for row in scope["daily_holdout"]}
    assert not any(sum(row) > 100 for row in both)  # countries without cases are alike

    def forecast(history: Any, levels: Any) -> Any:
        seen.append(history.shape[1])
        return np.zeros((len(history), 2, len(levels)))

    scope["score"](forecast)
    assert seen == [56, 63, 70]


@needs("sktime")
def test_admissions_of_the_hub_become_daily_values_by_state(tmp_path: Path) -> None:
    weeks = [f"2024-{month:02}-{day:02}" for month in (1, 2, 3) for day in (6, 13, 20, 27)]
    rows = [f"{week},{state},{value}" for week in weeks for state, value in (("AL", 14), ("US", 99), ("NY", 7))]
    table = tmp_path / "covid-hospital-admissions.csv"
    table.write_text("\n".join(["date,state,value", *rows]) + "\n")
    daily = covid()["read_admissions"](table)
    assert daily.shape == (2, 84)
    assert daily[:, 0].tolist() == [2.0, 1.0]


@needs("sktime")
def test_the_hubs_time_series_gives_admissions_as_they_were_known_last(tmp_path: Path) -> None:
    # the columns of CDCgov/covid19-forecast-hub, target-data/time-series
    weeks = [f"2025-{month:02}-{day:02}" for month in (1, 2, 3) for day in (6, 13, 20, 27)]
    rows = [
        f"{week},{code},{value},{known},{target}"
        for week in weeks
        for code, admitted in (("01", 14), ("US", 99), ("02", 7))
        for known, target, value in (
            ("2025-06-04", "wk inc covid hosp", admitted + 7),
            ("2025-06-11", "wk inc covid hosp", admitted),
            ("2025-06-11", "wk inc covid prop ed visits", 0.01),
        )
    ]
    table = tmp_path / "time-series.csv"
    table.write_text("\n".join(["date,location,observation,as_of,target", *rows]) + "\n")
    daily = covid()["read_admissions"](table)
    assert daily.shape == (2, 84)
    assert daily[:, 0].tolist() == [2.0, 1.0]


# --- time series ---------------------------------------------------------------------------------------------------


@cache
def series() -> dict[str, Any]:
    return run_cells("05", ("data", "split", "metric"))


@needs("sktime", "statsmodels")
def test_the_scaled_error_is_sktimes() -> None:
    from sktime.performance_metrics.forecasting import mean_absolute_scaled_error

    for _, history, m, truth in series()["validation"][:6]:
        forecast = np.resize(history[-3:], len(truth))
        expected = mean_absolute_scaled_error(truth, forecast, y_train=history, sp=m)
        assert series()["mase"](truth, forecast, history, m) == pytest.approx(expected)


@needs("sktime", "statsmodels")
def test_the_seasonal_naive_forecast_scores_one() -> None:
    assert series()["relative_mase"](lambda y, m, h: np.resize(y[-m:], h)) == pytest.approx(1.0)


@needs("sktime", "statsmodels")
def test_what_is_held_out_comes_after_all_that_is_searched_on() -> None:
    scope = series()
    ends: dict[str, int] = {}
    for name, history, _, truth in scope["validation"]:
        ends[name] = max(ends.get(name, 0), len(history) + len(truth))
    assert all(len(history) >= ends[name] for name, history, _, _ in scope["holdout"] if name in ends)
    assert len(ends) == len({name for name, *_ in scope["holdout"]}) == len(scope["series"]) == 21


@needs("sktime", "statsmodels")
def test_a_data_set_of_gift_eval_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "gift.jsonl"
    records = [
        {"item_id": "a", "start": "2020-01-01", "freq": "M", "target": [1.0, None, 3.0]},
        {"item_id": "b", "start": "2020-01-01", "freq": "15T", "target": [None, 5.0]},
        {"item_id": "c", "start": "2020-01-01", "freq": "W-SUN", "target": [[1.0, 2.0], [3.0, 4.0]]},
    ]
    path.write_text("\n".join(json.dumps(record) for record in records))
    first, second, *third = series()["read_gift"](path)
    assert (first[0], first[1].tolist(), *first[2:]) == ("a", [1.0, 2.0, 3.0], 12, 12)
    assert (second[0], second[1].tolist(), *second[2:]) == ("b", [5.0], 96, 48)
    assert [(name, y.tolist(), m, h) for name, y, m, h in third] == [("c/0", [1, 2], 1, 8), ("c/1", [3, 4], 1, 8)]


@needs("sktime", "statsmodels")
@pytest.mark.parametrize(
    ("frequency", "expected"),
    [("A-DEC", (1, 6)), ("QE", (4, 8)), ("ME", (12, 12)), ("D", (1, 30)), ("2H", (12, 48)), ("10min", (144, 48)),
     ("10S", (360, 60)), ("7D", (1, 30))],
)  # fmt: skip
def test_seasons_of_gift_eval_are_gluonts(frequency: str, expected: tuple[int, int]) -> None:
    assert series()["season_and_horizon"](frequency) == expected


# --- batch integration ---------------------------------------------------------------------------------------------


@cache
def batches() -> dict[str, Any]:
    return run_cells("06", ("data", "metrics", "metric"))


@needs("scanpy", "sklearn")
def test_neighbourhoods_of_one_group_and_of_all_have_the_index_of_simpson() -> None:
    groups = np.array([0, 0, 1, 1])
    around = np.array([[0, 0, 0, 0], [0, 1, 2, 3], [0, 1, 1, 2], [2, 3, 3, 2]])
    assert batches()["lisi"](groups, around) == pytest.approx([1.0, 2.0, 1 / (0.75**2 + 0.25**2), 1.0])


@needs("scanpy", "sklearn")
def test_variance_explained_by_batch_is_that_of_a_regression_on_batches() -> None:
    rng = np.random.default_rng(0)
    batch = np.repeat([0, 1, 2], 40)
    apart = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 9.0]])[batch]
    explained = batches()["explained_by_batch"]
    assert explained(apart, batch) == pytest.approx(1.0)
    assert explained(apart - apart + rng.normal(size=apart.shape), batch) < 0.1
    noisy = apart + rng.normal(size=apart.shape)
    design = np.eye(3)[batch]
    fitted = design @ np.linalg.lstsq(design, noisy, rcond=None)[0]
    assert explained(noisy, batch) == pytest.approx(fitted.var(0).sum() / noisy.var(0).sum())


@needs("scanpy", "sklearn")
def test_silhouettes_regression_and_clusters_have_the_values_of_scib_metrics() -> None:
    rng = np.random.default_rng(5)
    types, batch = np.repeat([0, 1, 2, 3], 50), np.tile([0, 1, 2, 1], 50)
    by_gene = 6 * (types[:, None] == np.arange(40) % 4) + 5 * (batch[:, None] == np.arange(40) % 3)
    counts = rng.poisson(4, (200, 40)) + by_gene
    points = 1.5 * np.eye(4)[types] + 0.3 * np.eye(3, 4)[batch] + 0.6 * rng.normal(size=(200, 4))
    found = batches()["integration_metrics"](points, counts, batch, types.astype(str))
    # scib-metrics 0.5.10 on the same arrays, rescaled as it does by default: silhouette_label, silhouette_batch,
    # pcr_comparison (before: the logarithms of the counts), nmi_ari_cluster_labels_kmeans
    assert found["silhouette by type"] == pytest.approx(0.6416284, abs=1e-5)
    assert found["silhouette by batch"] == pytest.approx(0.9010333, abs=1e-5)
    assert found["PC regression"] == pytest.approx(0.9571269, abs=0.005)  # it takes other numbers of components
    assert found["NMI"] == pytest.approx(0.7177775, abs=0.03)  # k-means begins elsewhere
    assert found["ARI"] == pytest.approx(0.7590418, abs=0.03)


@needs("scanpy", "sklearn")
def test_types_kept_and_batches_mixed_is_better_than_the_other_way_round() -> None:
    rng = np.random.default_rng(1)
    types, batch = np.repeat(["a", "b", "c"], 40), np.tile([0, 1], 60)
    counts = rng.poisson(5, (120, 30)) + 20 * (batch[:, None] == np.arange(30) % 2)
    by_type = np.eye(3)[np.repeat([0, 1, 2], 40)] * 9 + rng.normal(size=(120, 3))
    by_batch = np.eye(2)[batch] * 9 + rng.normal(size=(120, 2))
    good = batches()["integration_metrics"](by_type, counts, batch, types)
    bad = batches()["integration_metrics"](by_batch, counts, batch, types)
    assert len(good) == 8
    assert all(0 <= value <= 1 for value in good.values())
    assert all(good[name] > bad[name] for name in good if name != "graph connectivity")
    with pytest.raises(ValueError, match="120 cells"):
        batches()["integration_metrics"](by_type[:50], counts, batch, types)


@needs("scanpy", "sklearn")
def test_thinning_invents_no_molecule_and_a_candidate_never_sees_types() -> None:
    import pandas as pd

    scope = batches()
    counts = np.random.default_rng(2).poisson(8, (60, 40))
    types = np.repeat(["a", "b"], 30)
    thinned, _, kept = scope["with_batches"](counts, types, 3, n_batches=2, ambient=0.0)
    assert len(kept) == 60
    assert (thinned <= counts).all()

    points = np.random.default_rng(0).normal(size=(60, 2))
    names = list(scope["integration_metrics"](points, counts, np.arange(60) % 2, types))
    seen = []

    def integrate(cells: Any) -> Any:
        seen.append((list(cells.obs), list(cells.obsm), list(cells.uns)))
        return np.random.default_rng(0).normal(size=(60, 2))

    low, high = pd.Series(0.0, names), pd.Series(1.0, names)
    table = scope["scaled_metrics"](integrate, [(counts, np.arange(60) % 2, types)], [(low, high)])
    assert seen == [(["batch"], [], [])]
    assert table.shape == (1, 8)


@needs("scanpy", "sklearn")
def test_an_atlas_is_read_from_h5ad(tmp_path: Path) -> None:
    import anndata
    import pandas as pd
    from scipy import sparse

    obs = pd.DataFrame({"donor": ["d1", "d2"] * 5, "kind": ["T", "B"] * 5}, index=[f"c{i}" for i in range(10)])
    counts = sparse.csr_matrix(np.random.default_rng(0).poisson(2, (10, 6)).astype(np.float32))
    anndata.AnnData(counts, obs=obs).write_h5ad(tmp_path / "atlas.h5ad")
    read, batch, types = batches()["read_atlas"](tmp_path / "atlas.h5ad", "donor", "kind", cells=8, genes=4)
    assert (read.shape, set(batch), set(types)) == ((8, 4), {0, 1}, {"T", "B"})
    assert all((kind == "T") == (b == 0) for kind, b in zip(types, batch, strict=True))


# --- land cover ----------------------------------------------------------------------------------------------------


@cache
def surfaces() -> dict[str, Any]:
    return run_cells("07", ("data", "split", "metric"))


@needs("skimage", "sklearn")
def test_the_mean_intersection_over_union_is_scikit_learns_jaccard_score() -> None:
    from sklearn.metrics import jaccard_score

    scope = surfaces()
    truth = scope["val_classes"]
    drawn = np.random.default_rng(0).integers(5, size=truth.shape)
    predicted = np.where(np.random.default_rng(1).random(truth.shape) < 0.5, truth, drawn)
    expected = jaccard_score(truth.ravel(), predicted.ravel(), average="macro")
    assert scope["mean_iou"](lambda images: predicted) == pytest.approx(expected)
    with pytest.raises(ValueError, match="class numbers below 5"):
        scope["mean_iou"](lambda images: predicted + 1)


@needs("skimage")
def test_no_pixel_of_a_photograph_is_in_two_parts() -> None:
    covered = np.zeros((512, 512), int)
    for region in surfaces()["regions"]:
        covered[region] += 1
    assert (covered == 1).all()


@needs("skimage")
def test_scenes_are_read_with_classes_from_0(tmp_path: Path) -> None:
    from PIL import Image

    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for name, kind in (("forest01", 8), ("airplane00", 1)):
        Image.fromarray(np.full((256, 256, 3), 10 * kind, np.uint8)).save(tmp_path / "images" / f"{name}.tif")
        Image.fromarray(np.full((256, 256), kind, np.uint8)).save(tmp_path / "labels" / f"{name}.png")
    images, classes = surfaces()["read_scenes"](tmp_path)
    assert images.shape == classes.shape == (2, 96, 96)
    assert [classes[k, 0, 0] for k in range(2)] == [0, 7]


@needs("skimage")
def test_scenes_of_dlrsd_lie_in_folders_by_kind_and_colours_are_no_classes(tmp_path: Path) -> None:
    from PIL import Image

    for folder, ending, value in (("Images", "tif", (9, 9, 9)), ("Labels", "png", 17)):
        place = tmp_path / folder / "airplane"
        place.mkdir(parents=True)
        Image.new("RGB" if isinstance(value, tuple) else "L", (256, 256), value).save(place / f"airplane00.{ending}")
    _, classes = surfaces()["read_scenes"](tmp_path)
    assert np.unique(classes).tolist() == [16]
    Image.new("RGB", (256, 256), (1, 2, 3)).save(tmp_path / "Labels" / "airplane" / "airplane00.png")
    with pytest.raises(ValueError, match="not colours"):
        surfaces()["read_scenes"](tmp_path)


# --- neural activity -----------------------------------------------------------------------------------------------


@cache
def activity() -> dict[str, Any]:
    return run_cells("08", ("data", "split", "metric"))


@needs("nitime", "sklearn")
def test_the_error_of_activity_is_scikit_learns_mean_absolute_error() -> None:
    from sklearn.metrics import mean_absolute_error

    scope = activity()
    truth = scope["next_val"]
    expected = mean_absolute_error(truth.ravel(), np.full(truth.size, 0.25))
    assert scope["mae"](lambda contexts: np.full(truth.shape, 0.25)) == pytest.approx(expected)


@needs("nitime")
def test_windows_never_reach_into_another_part() -> None:
    scope = activity()
    steps = len(scope["activity"])
    for part, first, last in (("train", 0, 150), ("val", 150, 200), ("holdout", 200, steps)):
        contexts, following = scope[f"contexts_{part}"], scope[f"next_{part}"]
        assert len(contexts) == last - first - 4 - 8 + 1
        assert (contexts[0, 0] == scope["activity"][first]).all()
        assert (following[-1, -1] == scope["activity"][last - 1]).all()


@needs("nitime")
def test_a_table_of_traces_is_read_without_nuisance_signals(tmp_path: Path) -> None:
    table = tmp_path / "traces.csv"
    table.write_text("WM,n1,n2\n9,0.5,1\n9,,2\n9,0.25,3\n")
    assert activity()["read_activity"](table).tolist() == [[0.5, 1.0], [0.25, 3.0]]
