"""A run as one HTML file: the widget itself, fed from data in the file, and the static report where no script runs."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64encode
from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from score_nb.record import Record
from score_nb.types import Node
from score_nb.view.report import bundle
from score_nb.view.wire import detail_to_wire, snapshot

WIDGET = Path(__file__).parent.parent / "static" / "widget.js"
# What the nodes may take in the file, compressed and encoded; the widget and the pictures take about 0.3 MB more.
MOST_DATA = 1_000_000
LEFT_OUT = "[left out to keep this file small: the stored run has it]"
_LONG = ("prompt", "reply", "log")
_SHORT_LOG = 2_000
_EXPORTED = re.compile(r"export\s*\{\s*(\w+)\s+as\s+default\s*\}\s*;?\s*$")

# Nothing is fetched: the policy forbids it.  The data is unpacked by the browser itself.
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'; img-src data: blob:; font-src data:">
<title>$title</title>
<style>
:root { color-scheme: light dark }
body { font-family: system-ui, sans-serif; max-width: 1240px; margin: 16px auto; padding: 0 16px;
  background: Canvas; color: CanvasText }
</style>
</head>
<body>
<div id="run"></div>
<div id="report">$report</div>
$metric
<script type="application/octet-stream" id="data">$data</script>
$script
</body>
</html>
""")

_SCRIPT = Template("""<script type="module">
$widget
const packed = Uint8Array.from(atob(document.getElementById("data").textContent), c => c.charCodeAt(0));
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
const { snapshot, details } = JSON.parse(await new Response(unpacked).text());
const listeners = new Set();
const tell = message => listeners.forEach(listener => listener(structuredClone(message)));
const model = {
  isSaved: true,
  get: () => "file",
  on: (event, listener) => listeners.add(listener),
  off: (event, listener) => listeners.delete(listener),
  send: message => {
    if (message.kind === "hello") tell(snapshot);
    if (message.kind === "detail" && message.index in details.index) {
      tell({ kind: "detail", ...Object.fromEntries(
        Object.entries(details).map(([name, column]) => [name, column[message.index]])) });
    }
  },
};
$name.render({ model, el: document.getElementById("run") });
document.getElementById("report").hidden = true;
</script>""")


def to_page(record: Record) -> str:
    """Return one HTML page with tree, curve, diff, code, log, prompt and reply of each node; nothing is fetched.

    With the widget where the browser runs scripts, else the static report; at most about 1.5 MB: the prompts of a very
    large run are left to the store.
    """
    metric = (
        f"<details><summary>The metric</summary><pre>{escape(record.task.metric_source)}</pre></details>"
        if record.task.metric_source
        else ""
    )
    return _PAGE.substitute(
        title=escape(f"score-nb {record.name}"),
        report=bundle(record)["text/html"],
        metric=metric,
        data=_data(record),
        script=_script(),
    )


def _script() -> str:
    """Return the widget as a script of the page, "" where the package was not built with it."""
    try:
        source = WIDGET.read_text(encoding="utf-8")
    except OSError:
        return ""
    exported = _EXPORTED.search(source)
    if exported is None:
        return ""
    # What would end the element early can stand in texts of the program only, where the backslash changes nothing.
    widget = source[: exported.start()].replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return _SCRIPT.substitute(widget=widget, name=exported[1])


def _data(record: Record) -> str:
    """Return snapshot and details, packed; what is least looked at is left out of what would be too large."""
    whole = set(range(len(record.nodes)))
    path = {node.index for node in record.lineage(record.best.index)} if record.best else set()
    text = ""
    for kept in (whole, path, set[int]()):
        text = _packed(record, kept)
        if len(text) <= MOST_DATA:
            break
    return text


def _packed(record: Record, whole: Collection[int]) -> str:
    content = {"snapshot": _snapshot(record), "details": _columns(record.nodes, whole)}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=list)
    return b64encode(zlib.compress(text.encode("utf-8", "replace"), 9)).decode("ascii")


def _snapshot(record: Record) -> dict[str, Any]:
    """Return the run as the widget is told it; nothing runs in a file."""
    message: dict[str, Any] = {**snapshot(record, seq=0, cell_id=None), "in_flight": []}
    if not record.is_ended:
        message["run"] = {**message["run"], "state": "stopped", "reason": "exported while the run was going on"}
    return message


def _columns(nodes: Sequence[Node], whole: Collection[int]) -> dict[str, list[Any]]:
    """Return the details column by column: like stands beside like, which packs several times as well."""
    rows = [dict(detail_to_wire(node)) for node in nodes]
    for row in rows:
        row.pop("kind")
        if row["index"] not in whole:
            row.update({name: _shortened(name, str(row[name])) for name in _LONG})
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {"index": []}


def _shortened(name: str, text: str) -> str:
    if name == "log" and text:
        return text if len(text) <= _SHORT_LOG else f"{LEFT_OUT}\n{text[-_SHORT_LOG:]}"
    return LEFT_OUT if text else ""
