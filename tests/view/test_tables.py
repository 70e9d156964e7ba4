from dataclasses import fields

from score_nb.record import Record
from score_nb.types import Node
from score_nb.view.tables import chart, to_frame
from tests.view.records import simulate


def test_the_frame_has_a_row_per_node_and_the_node_s_fields_as_columns() -> None:
    record = simulate(30)
    frame = to_frame(record)
    assert len(frame) == 30
    assert set(frame.columns) == {field.name for field in fields(Node)} | {"parent", "repeats", "is_doubted", "noise"}
    assert frame.loc[record.best.index, "value"] == record.best.value  # type: ignore[union-attr]
    assert frame["parent"].isna().sum() == 1
    assert frame["value"].dtype == float


def test_failures_are_missing_values() -> None:
    frame = to_frame(simulate(40))
    assert (frame["value"].isna() == ~frame["status"].isin(["ok", "duplicate"])).all()


def test_a_run_without_nodes_is_an_empty_frame() -> None:
    assert to_frame(Record()).empty


def test_the_chart_carries_the_step_line_and_no_programs() -> None:
    spec = chart(simulate(30)).to_json()
    assert "step-after" in spec
    assert "LogisticRegression" not in spec


def test_a_chart_is_shown_by_the_front_end_itself_unless_another_renderer_is_wanted() -> None:
    import altair as alt

    own = chart(simulate(30)).properties(width=300)
    shown = own._repr_mimebundle_()
    assert set(shown) == {"application/vnd.vegalite.v5+json", "text/plain"}
    spec = shown["application/vnd.vegalite.v5+json"]
    assert (spec["width"], spec["$schema"]) == (300, "https://vega.github.io/schema/vega-lite/v5.json")
    with alt.renderers.enable("json"):
        assert set(own._repr_mimebundle_()[0]) == {"application/json", "text/plain"}


def test_a_run_without_values_has_a_chart() -> None:
    assert chart(Record()).to_dict()["layer"]
