"""Notebooks in ERA's format, read: which cell is to be rewritten, what the task is, how the score is printed.

The format (github.com/google-research/era, implementation/notebooks): Markdown cells with an overview, cells that load
data, one code cell tagged `rewrite_cell` or beginning with that mark, between the marks "Begin mutable cells" and "End
mutable cells", then cells that print the score on a line such as `Validation Score: x`.  Cells tagged or marked
`exclude_from_prompt` are kept from the model.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from score_nb.batch.source import plain_python
from score_nb.errors import ScoreError
from score_nb.types import Direction

MOST_GOAL = 30_000

_MARK = r"^[ \t]*(?:[#>*_\-=\[\]<!/\"'`]|\s)*{0}\s+mutable\s+(?:code\s+)?cells?\b[^\n]*$"
_BEGIN = re.compile(_MARK.format("(?:begin|start)(?:ning)?(?:\\s+of)?"), re.IGNORECASE | re.MULTILINE)
_END = re.compile(_MARK.format("end(?:\\s+of)?"), re.IGNORECASE | re.MULTILINE)
_NOT_WORD = re.compile(r"[\W_]+")

# What a printed line is called, the surest first; a placeholder (\0) or the end of the text follows the label.
_LINE = re.compile(
    r"^\W*(?P<label>[A-Za-z][\w ./@^%²-]*?)\s*(?:\([^)]*\)\s*)?"
    r"(?:(?:[:=]|\bis\b)[\s:=]*\**\s*(?=\0|%|\{|$)|\s*(?=\0|%|\{))"
)
_TO_BE = re.compile(r"\bmetric\b.*\bto be (?:mini|maxi)mi[sz]ed", re.IGNORECASE)
_OTHERS = re.compile(r"\b(?:test|testing|train|training|hold[- ]?out|held[- ]out|fold|baseline|best)\b", re.IGNORECASE)
_VALIDATION = re.compile(r"\b(?:val|valid|validation|candidate|final|overall|mean|average|cv)\b", re.IGNORECASE)
_SCORE = re.compile(r"\b(?:score|metric|objective|fitness|reward)\b", re.IGNORECASE)
_LOWER_NAMES = (
    r"loss|error|errors|rmse|rmsle|mse|mae|mape|smape|wis|crps|logloss|nll|perplexity|deviance|regret|"
    r"weighted interval score|brier(?: score)?"
)
_HIGHER_NAMES = (
    r"accuracy|auc|auroc|roc[ -]auc|f1|f1[ -]score|r2|r²|r\^2|precision|recall|ndcg|map|iou|dice|likelihood|reward|"
    r"kappa|qwk|correlation|ari|nmi"
)
_NAMED = re.compile(rf"\b(?:{_LOWER_NAMES}|{_HIGHER_NAMES})(?!\w)", re.IGNORECASE)
# Only what speaks of the value itself: advice on methods speaks of losses that are minimized and the like.
_OF_VALUE = r"(?:the |this |your |its |our )?(?:\w+ )?(?:score|metric|objective|validation \w+|evaluation \w+)\b"
_LOWER = re.compile(
    rf"to be minimi[sz]ed|\bminimi[sz](?:e|es|ed|ing) {_OF_VALUE}|\bminimi[sz]ed? (?:it|this)\b|"
    r"\b(?:lower|smaller) (?:\w+ ){0,2}(?:is|are) better|\blower[- ]is[- ]better|\blowest (?:possible|\w*\s?score)|"
    r"\bas (?:low|small) as possible|\b(?:lower|smaller) = better",
    re.IGNORECASE,
)
_HIGHER = re.compile(
    rf"to be maximi[sz]ed|\bmaximi[sz](?:e|es|ed|ing) {_OF_VALUE}|\bmaximi[sz]ed? (?:it|this)\b|"
    r"\b(?:higher|larger|greater) (?:\w+ ){0,2}(?:is|are) better|\bhigher[- ]is[- ]better|"
    r"\bhighest (?:possible|\w*\s?score)|\bas (?:high|large) as possible|\b(?:higher|larger) = better",
    re.IGNORECASE,
)
_SPEAKS_OF_VALUE = re.compile(
    r"\b(?:evaluat|score[ds]?\b|scoring|metric|measured|judged|minimi[sz]|maximi[sz])", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n\s*[-*]\s")


@dataclass(frozen=True, slots=True)
class EraNotebook:
    """A notebook in ERA's format, in parts; cells are copies.

    Attributes
    ----------
    before, after : tuple of cells
        What stands above and below the mutable cell.
    cell : cell
        The cell that carries the mark, for its id and tags.
    seed : str
        What may be rewritten.
    goal : str
        The overview: what is in Markdown above, without what the model must not see.
    """

    before: tuple[Any, ...]
    cell: Any
    seed: str
    after: tuple[Any, ...]
    goal: str


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """A printed line that tells the score: its label, how sure it is that it is the one, and all that it says."""

    label: str
    rank: int
    words: str = ""

    @property
    def direction(self) -> Direction | None:
        """What the label says of it, None where it says nothing."""
        return wording(self.label) or named(self.label) or wording(self.words)


def is_era(notebook: Any) -> bool:
    """Whether a notebook has a cell that is marked for rewriting."""
    return any(is_mutable(cell) or _BEGIN.search(cell.source) for cell in notebook.cells)


def is_mutable(cell: Any) -> bool:
    """Whether a code cell is tagged, or begins with the mark, `rewrite_cell`."""
    return bool(cell.cell_type == "code" and _is_marked(cell, "rewrite_cell"))


def is_excluded(cell: Any) -> bool:
    """Whether a cell is to be kept from the model."""
    return _is_marked(cell, "exclude_from_prompt")


def read_era(notebook: Any) -> EraNotebook:
    """Return the notebook in parts.

    Raises
    ------
    ScoreError
        There is no mutable cell, or there are several apart from each other.
    """
    cells = list(_split_at_marks(notebook.cells))
    places = [number for number, cell in enumerate(cells) if is_mutable(cell)] or _between_marks(cells)
    if not places:
        raise ScoreError(
            "there is no cell to rewrite: tag one code cell `rewrite_cell`, or put it between `# Begin mutable cells` "
            "and `# End mutable cells`"
        )
    first, last = places[0], places[-1]
    others = [cell for n, cell in enumerate(cells[first:last], first) if n not in places and cell.cell_type == "code"]
    if others:
        raise ScoreError(
            f"several cells are marked for rewriting, with {len(others)} others between them: only one piece of the "
            "notebook can be searched; mark one cell, or put the cells together"
        )
    before = tuple(cell for cell in cells[:first] if not _is_mark(cell))
    return EraNotebook(
        before=before,
        cell=cells[first],
        seed="\n\n\n".join(_without_marks(cells[number].source).strip("\n") for number in places).strip("\n"),
        after=tuple(cell for cell in cells[last + 1 :] if not _is_mark(cell)),
        goal=_goal(before),
    )


def best_line(tree: ast.AST) -> ScoreLine | None:
    """Return the likeliest score line that a piece of code prints, None where there is none."""
    lines = [line for text in _texts(tree) for line in _lines_of(text)]
    return max(lines, key=lambda line: line.rank, default=None)


def wording(text: str) -> Direction | None:
    """Return the direction that a text speaks of; where it speaks of both, the one that it names more often."""
    lower, higher = len(_LOWER.findall(text)), len(_HIGHER.findall(text))
    if lower == higher:
        return None
    return "minimize" if lower > higher else "maximize"


def told(text: str) -> Direction | None:
    """Return the direction of the metrics that a longer text says it is about, None where they do not agree."""
    sentences = (part for part in _SENTENCE.split(text) if _SPEAKS_OF_VALUE.search(part))
    found = {direction for direction in map(named, sentences) if direction is not None}
    return found.pop() if len(found) == 1 else None


def named(text: str) -> Direction | None:
    """Return the direction of the metric that a text names, None where it names none (or one of each)."""
    lower = re.search(rf"\b(?:{_LOWER_NAMES})(?!\w)", text, re.IGNORECASE)
    higher = re.search(rf"\b(?:{_HIGHER_NAMES})(?!\w)", text, re.IGNORECASE)
    if bool(lower) == bool(higher):
        return None
    return "minimize" if lower else "maximize"


# -- cells ---------------------------------------------------------------------------------------------------------


def _is_marked(cell: Any, mark: str) -> bool:
    tags = cell.metadata.get("tags") or ()
    if mark in {_plain(str(tag)) for tag in tags} or cell.metadata.get(mark) is True:
        return True
    if cell.cell_type != "code":
        first = next((line for line in cell.source.splitlines() if line.strip()), "")
        return _plain(first) == mark
    # In code the mark stands among the first comments.
    for line in cell.source.splitlines():
        if not line.strip():
            continue
        if not line.lstrip().startswith(("#", "%%")):
            return False
        if _plain(line) == mark:
            return True
    return False


def _plain(text: str) -> str:
    return _NOT_WORD.sub("_", text).strip("_").lower()


def _is_mark(cell: Any) -> bool:
    """Whether a cell holds nothing but a mark, and perhaps comments."""
    rest = _END.sub("", _BEGIN.sub("", cell.source))
    return rest != cell.source and not rest.strip(" \t\n#")


def _between_marks(cells: list[Any]) -> list[int]:
    begin = next((n for n, cell in enumerate(cells) if _BEGIN.search(cell.source)), None)
    if begin is None:
        return []
    end = next((n for n in range(begin + 1, len(cells)) if _END.search(cells[n].source)), None)
    inside = [
        n for n in range(begin, len(cells) if end is None else end)
        if cells[n].cell_type == "code" and not _is_mark(cells[n]) and cells[n].source.strip()
    ]  # fmt: skip
    return inside if end is not None else inside[:1]


def _split_at_marks(cells: list[Any]) -> Iterator[Any]:
    """Yield the cells, those that hold a mark beside other code cut in pieces; the marked piece keeps tags and id."""
    for cell in cells:
        pieces = _pieces(cell.source) if cell.cell_type == "code" else [cell.source]
        if len(pieces) == 1:
            yield deepcopy(cell)
            continue
        inside = next((n for n, text in enumerate(pieces) if _BEGIN.search(text)), -1) + 1
        for number, text in enumerate(pieces):
            piece = deepcopy(cell)
            piece.source = text
            if number != inside:
                piece.metadata.pop("tags", None)
                piece.pop("id", None)
            yield piece


def _pieces(source: str) -> list[str]:
    """Return the text cut before and after each line that is a mark, where there is other code too."""
    pieces: list[list[str]] = [[]]
    for line in source.splitlines():
        if line.lstrip().startswith("#") and (_BEGIN.match(line) or _END.match(line)):
            pieces += [[line], []]
        else:
            pieces[-1].append(line)
    texts = ["\n".join(piece).strip("\n") for piece in pieces]
    return [text for text in texts if text.strip()] or [source]


def _without_marks(source: str) -> str:
    def is_mark(line: str) -> bool:
        is_comment = line.lstrip().startswith("#")
        return is_comment and bool(_plain(line) == "rewrite_cell" or _BEGIN.match(line) or _END.match(line))

    return "\n".join(line for line in source.splitlines() if not is_mark(line))


def _goal(before: tuple[Any, ...]) -> str:
    prose = [cell.source.strip() for cell in before if cell.cell_type == "markdown" and not is_excluded(cell)]
    return "\n\n".join(text for text in prose if text)[:MOST_GOAL]


# -- lines ---------------------------------------------------------------------------------------------------------


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts in a piece of code, what is filled in as \\0; branches that never run are left out."""
    if isinstance(tree, ast.If) and isinstance(tree.test, ast.Constant) and not tree.test.value:
        for statement in tree.orelse:
            yield from _texts(statement)
        return
    if isinstance(tree, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "\0" for part in tree.values)
        yield "".join(parts)
        return
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "print" and tree.args[1:]:
        yield " ".join(_text(part) for part in tree.args)
        return
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add) and isinstance(tree.left, ast.Constant):
        yield f"{tree.left.value!s}\0"
        return
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        yield tree.value
        return
    children = ast.iter_child_nodes(tree)
    if isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and ast.get_docstring(tree):
        children = (child for child in ast.iter_child_nodes(tree) if child is not tree.body[0])
    for child in children:
        yield from _texts(child)


def _text(argument: ast.expr) -> str:
    """Return what an argument of `print` prints, as far as it is known."""
    is_text = isinstance(argument, ast.JoinedStr) or isinstance(getattr(argument, "value", None), str)
    return next(_texts(argument), "\0") if is_text else "\0"


def _lines_of(text: str) -> Iterator[ScoreLine]:
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        label = " ".join(match["label"].replace("_", " ").split())
        rank = _rank(label)
        if rank:
            yield ScoreLine(label, rank, line)


def _rank(label: str) -> int:
    """Return how sure it is that the line of this label tells the score, 0 where it is none."""
    if _TO_BE.search(label):
        return 6
    if _OTHERS.search(label):
        return 0
    if label.lower() == "validation score":
        return 5
    is_score, is_named = bool(_SCORE.search(label)), bool(_NAMED.search(label))
    if not (is_score or is_named):
        return 0
    return 1 + is_score + 2 * bool(_VALIDATION.search(label))


def prints(source: str) -> ScoreLine | None:
    """Return the likeliest score line of a cell's text, None where there is none or the cell is no Python."""
    try:
        return best_line(ast.parse(plain_python(source)[0]))
    except SyntaxError:
        return None
