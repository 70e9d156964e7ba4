"""What the site adds to docs/: files of the repository, the notebooks as pages, references made by the code, formulas.

mkdocs calls the functions that begin with `on_`.
"""

from __future__ import annotations

import argparse
import json
import posixpath
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PROJECT = {
    "ARCHITECTURE.md": "project/architecture.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "benchmarks/README.md": "project/benchmarks.md",
    "README.md": "index.md",
}
"""Files outside docs/ and the page that shows each."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give blocks marked `math`, which GitHub draws too, to `formula`."""
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {}).setdefault("custom_fences", [])
    fences.append({"name": "math", "class": "math", "format": formula})
    return config


def formula(source: str, *_args: Any, **_options: Any) -> str:
    """Return LaTeX as MathML: every browser draws it, no script and no font is needed."""
    return f'<div class="formula">{convert(source.strip(), display="block")}</div>'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the project's files and the notebooks, each as a page and as itself."""
    for source, page in PROJECT.items():
        if page != "index.md":
            files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
    for notebook in notebooks():
        files.append(File.generated(config, f"examples/{notebook.stem}.md", content=as_page(notebook)))
        files.append(File.generated(config, f"examples/{notebook.name}", abs_src_path=str(notebook)))
    return files


def notebooks() -> list[Path]:
    """Return the example notebooks."""
    return sorted((ROOT / "example_notebooks").glob("*.ipynb"))


def as_page(notebook: Path) -> str:
    """Return a notebook's cells as Markdown, with the picture of its run under the cell of the search."""
    parts = []
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"]).strip()
        parts.append(with_formulas(source) if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        picture = f"images/gallery/{notebook.stem}.png"
        if source.startswith("%%score") and (ROOT / "docs" / picture).exists():
            parts.append(f"![What this search came to](../{picture})")
    title, _, rest = "\n\n".join(parts).partition("\n")
    return f"{title}\n\n[The notebook itself]({notebook.name}), to be run: `score-nb demo` copies it.\n{rest}\n"


def with_formulas(text: str) -> str:
    """Return Markdown of a notebook with its LaTeX (`$x$`, `$$x$$`), as Jupyter would draw it, as MathML."""
    text = re.sub(r"\$\$(.+?)\$\$", lambda found: formula(found[1]), text, flags=re.S)
    parts = re.split(r"(`[^`]*`)", text)
    inline = partial(re.sub, r"\$([^$\n]+)\$", lambda found: convert(found[1]))
    return "".join(part if part.startswith("`") else inline(part) for part in parts)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page's text with links into the repository led to pages, and the generated references put in."""
    source = source_of(page.file.src_uri)
    if not source.startswith("example_notebooks/"):
        markdown = outside_code(markdown, lambda text: re.sub(r"\]\(([^)\s]+)\)", partial(led, source, page), text))
    for name, make in REFERENCES.items():
        if (place := f"<!-- made: {name} -->") in markdown:
            markdown = markdown.replace(place, make())
    return markdown


def source_of(page: str) -> str:
    """Return the path in the repository of what a page shows."""
    by_page = {shown: source for source, shown in PROJECT.items() if shown != "index.md"}
    if page in by_page:
        return by_page[page]
    name = Path(page)
    if name.parent.name == "examples":
        return f"example_notebooks/{name.stem}.ipynb"
    return f"docs/{page}"


def outside_code(markdown: str, change: Callable[[str], str]) -> str:
    """Return `markdown` with everything changed but fenced blocks."""
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.M | re.S)
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))


def led(source: str, page: Page, link: re.Match[str]) -> str:
    """Return a link that works on the site, as one within docs/."""
    target, sharp, anchor = link[1].partition("#")
    if not target or re.match(r"[a-z]+:", target):
        return link[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if path in PROJECT:
        shown = PROJECT[path]
    elif path.startswith("docs/"):
        shown = path.removeprefix("docs/")
    elif re.fullmatch(r"example_notebooks/\w+\.ipynb", path):
        shown = f"examples/{Path(path).stem}.md"
    else:
        raise PluginError(f"{source} links to {target}, which the site does not show")
    here = posixpath.dirname(page.file.src_uri) or "."
    return f"]({posixpath.relpath(shown, here)}{sharp}{anchor})"


def options_table() -> str:
    """Return the options of `%%score` as the parser knows them."""
    from score_nb.cell.options import OPTIONS

    rows = [
        f"| `{spec.flag} {spec.argument}".rstrip() + f"` | {spec.meaning} | {spec.default} |"
        for spec in OPTIONS
        if not getattr(spec, "refusal", "")
    ]
    return "\n".join(["| option | meaning | default |", "|---|---|---|", *(cell_safe(row) for row in rows)])


def cell_safe(row: str) -> str:
    """Return a table's row with the brackets of placeholders kept from being read as HTML or links."""
    return row.replace("<", "&lt;")


def line_help() -> str:
    """Return what `%score?` shows."""
    from score_nb.notebook.commands import HELP

    return f"```text\n{HELP.strip()}\n```"


def command_help() -> str:
    """Return the help of each command, the options of `%%score` left to their own page."""
    from score_nb.batch.cli import _parser

    parser = _parser()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    parts = []
    for name, command in commands.choices.items():
        command.formatter_class = partial(argparse.HelpFormatter, width=100)
        text = re.split(r"\n\noptions of %%score", command.format_help())[0]
        text = re.sub(r"usage:.*?\n\n", f"{usage(name, command)}\n\n", text, count=1, flags=re.S)
        parts.append(f"## score-nb {name}\n\n```text\n{text.strip()}\n```")
    return "\n\n".join(parts)


def usage(name: str, command: argparse.ArgumentParser) -> str:
    """Return the usage in one line: the long list of options stands below it."""
    places = [str(action.metavar or action.dest) for action in command._actions if not action.option_strings]
    return f"usage: score-nb {name} {' '.join(places)} [options]".replace("  ", " ")


def settings_table() -> str:
    """Return the names that `%config Score` takes."""
    from score_nb.notebook.settings import Score

    return ", ".join(f"`{name}`" for name in Score.class_trait_names(config=True))


REFERENCES: dict[str, Callable[[], str]] = {
    "options": options_table, "line": line_help, "command": command_help, "settings": settings_table,
}  # fmt: skip
