import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image

from score_nb import events as ev
from score_nb.record import Record
from score_nb.view.data import MIME
from score_nb.view.report import bundle
from tests.view.records import make_node, simulate, started

# What JupyterLab's and GitHub's sanitisers let through and this report needs.
ALLOWED = {
    "div", "strong", "span", "img", "table", "tbody", "tr", "th", "td", "details", "summary", "pre", "ins", "del",
    "ul", "li",
}  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    assert not tags.open
    return tags


def hostile(count: int = 2) -> Record:
    """Return a record whose every text tries to be markup."""
    record = Record()
    record.apply(started(5, name="m"))
    record.apply(ev.Warned(0.5, "<script>alert(1)</script>"))
    for index in range(count):
        source = f"x = '</pre><img src=x onerror=alert({index})>'"
        node = make_node(index, 0.5 + index / 10, source=source, detail="<b>bold</b>")
        record.apply(ev.NodeAdded(1.0, node))
    return record


@pytest.mark.parametrize("count", [1, 2, 24, 200])
def test_html_uses_only_what_sanitisers_let_through(count: int) -> None:
    for tag, attributes in parsed(bundle(simulate(count))["text/html"]).seen:
        assert tag in ALLOWED
        assert set(attributes) <= {"style", "src", "alt", "width", "open"}


def test_texts_of_a_candidate_never_become_markup() -> None:
    tags = parsed(bundle(hostile())["text/html"])
    assert {tag for tag, _ in tags.seen} <= ALLOWED
    assert len([tag for tag, _ in tags.seen if tag == "img"]) == 2


def test_pictures_are_described_in_words() -> None:
    record = simulate(24)
    alts = [attributes["alt"] for tag, attributes in parsed(bundle(record)["text/html"]).seen if tag == "img"]
    assert alts[0] is not None
    assert alts[0].startswith("Candidate tree of balanced: 24 candidates in ")
    assert f"the best is #{record.best.index}" in alts[0]  # type: ignore[union-attr]
    assert alts[1] is not None
    assert "over the seed" in alts[1]


def test_pictures_are_twice_as_dense_as_they_are_shown() -> None:
    html = bundle(simulate(24))["text/html"]
    for tag, attributes in parsed(html).seen:
        if tag == "img":
            data = base64.b64decode((attributes["src"] or "").removeprefix("data:image/png;base64,"))
            assert Image.open(BytesIO(data)).width == 2 * int(attributes["width"] or 0)


def test_the_whole_bundle_is_small_at_200_nodes() -> None:
    assert len(json.dumps(bundle(simulate(200)))) < 200_000


def test_the_bundle_stays_small_when_texts_are_long() -> None:
    record = simulate(200)
    source = "\n".join(f"x{i} = '{'y' * 90}'" for i in range(2_000))
    wordy = make_node(200, 0.99, (199,), source=source, detail="z" * 500)
    record.apply(ev.NodeAdded(400.0, wordy))
    assert len(json.dumps(bundle(record))) < 260_000


def test_the_png_alone_shows_tree_and_curve() -> None:
    picture = Image.open(BytesIO(base64.b64decode(bundle(simulate(24))["image/png"])))
    assert picture.format == "PNG"
    assert picture.width > 1_500


def test_the_ground_of_pictures_is_transparent() -> None:
    picture = Image.open(BytesIO(base64.b64decode(bundle(simulate(24))["image/png"]))).convert("RGBA")
    assert picture.getpixel((1, picture.height - 2))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    "record",
    [
        Record(),
        simulate(1),
        simulate(2),
        simulate(40, "minimize"),
        simulate(30, failed=1.0),
        simulate(700, holdout=False),
    ],
    ids=["empty", "seed", "two", "minimize", "all-failed", "large"],
)
def test_every_record_has_a_bundle_in_all_forms(record: Record) -> None:
    content = bundle(record)
    json.dumps(content, allow_nan=False)
    assert content["text/plain"]
    assert content["text/html"]
    assert content[MIME]["version"] == 1


def test_a_seed_that_failed_is_said() -> None:
    record = Record()
    record.apply(started(5))
    record.apply(ev.NodeAdded(1.0, make_node(0, None)))
    record.apply(ev.StateChanged(1.0, "failed", "the seed raised ValueError"))
    content = bundle(record)
    assert "no candidate has a value" in content["text/html"]
    assert "failed (the seed raised ValueError)" in content["text/html"]


def test_the_diff_shows_what_the_best_changed() -> None:
    html = bundle(simulate(24))["text/html"]
    removed = re.search(r"<del.*?</del>", html)
    assert removed is not None
    assert "LogisticRegression" in removed.group()
    assert "StandardScaler" in html
    assert "<details open" in html


def test_the_data_hold_each_node_and_the_two_programs() -> None:
    record = simulate(24)
    data = bundle(record)[MIME]
    assert len(data["nodes"]["value"]) == 24
    assert data["best"] == record.best.index  # type: ignore[union-attr]
    assert set(data["sources"]) == {"0", str(data["best"])}
    assert data["gain"] == pytest.approx(record.gain)
