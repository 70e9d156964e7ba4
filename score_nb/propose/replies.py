"""What a model's reply holds: the plan, the cell, or what is wrong with it."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from score_nb.propose.patches import Edit, applied, edits_in
from score_nb.types import parse

_PYTHON = ("", "python", "python3", "py", "ipython", "ipython3", "jupyter")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([\w.+-]*)[^`\n]*$")
_THOUGHT = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL)
_TAIL_OF_THOUGHT = re.compile(r"\A.*?</(?:think|thinking|reasoning)>", re.DOTALL)
# What only sets up a notebook: packages cannot be installed, and whether one is there is looked at anyway.
_NEEDLESS = re.compile(
    r"(?:%(?:matplotlib|config|load_ext|reload_ext|autoreload)|[!%](?:pip3?|conda|mamba|uv) +(?:pip +)?install"
    r"|!python3? -m pip|%%(?:time|capture))\b"
)
_PLAN_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Reply:
    """The usable parts of a reply.

    Attributes
    ----------
    source : str or None
        The cell; None where there is none that parses.
    plan : str
        The prose before the cell, at most 1,000 characters.
    problem : str
        Why `source` is None, one line; "" otherwise.
    """

    source: str | None
    plan: str
    problem: str


def source_from_reply(reply: str, base: str | None = None) -> Reply:
    """Return the cell that `reply` holds, with the prose before it as plan.

    Takes the longest Python fence that parses; also a fence that was never closed, and a reply that is code throughout.
    SEARCH/REPLACE edits are carried out on `base`, the cell that was to be changed.
    """
    text = without_thoughts(reply.replace("\r\n", "\n"))
    if not text.strip():
        return Reply(None, "", "the reply is empty")
    edits, plan, problem = edits_in(text)
    if base is not None and (edits or problem):
        return _edited(base, edits, plan[-_PLAN_LIMIT:], problem)
    blocks = sorted(_fences(text), key=lambda block: -len(block.code))
    readable = [block for block in blocks if block.language in _PYTHON] or blocks
    for block in readable:
        source = _cleaned(block.code)
        if _is_program(source):
            return Reply(source, block.before[-_PLAN_LIMIT:], "")
    whole = _cleaned(text)
    if not blocks and _is_program(whole):
        return Reply(whole, "", "")
    plan = text.strip()[:_PLAN_LIMIT]
    if not readable:
        return Reply(None, plan, "the reply holds no code block")
    return Reply(None, plan, syntax_problem(_cleaned(readable[-1].code if len(readable) == 1 else readable[0].code)))


def _edited(base: str, edits: Sequence[Edit], plan: str, problem: str) -> Reply:
    source, why = (None, problem) if problem else applied(base, edits)
    if source is None:
        return Reply(None, plan, why)
    source = _cleaned(source)
    broken = syntax_problem(source)
    return Reply(None, plan, f"after the edits: {broken}") if broken else Reply(source, plan, "")


def without_thoughts(text: str) -> str:
    """Return `text` without a leading `<think>…</think>`; some servers leave the opening tag out."""
    fence = text.find("```")
    head_end = len(text) if fence < 0 else fence
    if _THOUGHT.match(text):
        return _THOUGHT.sub("", text, count=1)
    opening = re.match(r"\A\s*<(think|thinking|reasoning)>", text)
    if opening:
        return ""  # The thought never ended: nothing was said.
    if re.search(r"</(?:think|thinking|reasoning)>", text[:head_end]) or _closes_a_thought_later(text):
        return _TAIL_OF_THOUGHT.sub("", text, count=1)
    return text


def _closes_a_thought_later(text: str) -> bool:
    # A tag alone on its line after drafts in fences is a thought's end; inside code it would stand in a string.
    return re.search(r"^</(?:think|thinking|reasoning)>\s*$", text, re.MULTILINE) is not None


def syntax_problem(source: str) -> str:
    """Return one line saying why `source` does not parse, or is no program; "" where it is one."""
    magic = re.search(r"^\s*(%%?[A-Za-z]\S*|!\S+).*$", source, re.MULTILINE)
    try:
        tree = parse(source)
    except SyntaxError as error:
        if magic:
            return f"notebook magics and shell lines cannot be used in a candidate: {magic.group(0).strip()[:60]}"
        if error.lineno is None:
            return f"the code cannot be parsed: {error.msg}"
        where = (error.text or "").strip()[:80]
        return f"syntax error in line {error.lineno}: {error.msg}" + (f": {where}" if where else "")
    except (ValueError, RecursionError, MemoryError) as error:
        return f"the code cannot be parsed: {error}"
    return "" if any(not isinstance(node, ast.Expr) for node in tree.body) else "the code block defines nothing"


@dataclass(frozen=True, slots=True)
class _Block:
    language: str
    code: str
    before: str


def _fences(text: str) -> Iterator[_Block]:
    """Yield every fenced block; one that does not parse is taken up to a later fence (code that holds fences)."""
    lines = text.split("\n")
    marks = [(row, match) for row, line in enumerate(lines) if (match := _FENCE.match(line))]
    position = 0
    while position < len(marks):
        start, opening = marks[position]
        before = "\n".join(lines[:start]).strip()
        language = opening[2].lower()
        ends = [
            (later, row)
            for later, (row, match) in enumerate(marks)
            if later > position and not match[2] and match[1][0] == opening[1][0] and len(match[1]) >= len(opening[1])
        ]
        spans = [*ends, (len(marks), len(lines))]
        chosen = spans[0]
        for span in spans[:8]:
            if _is_program(_cleaned("\n".join(lines[start + 1 : span[1]]))):
                chosen = span
                break
        yield _Block(language, "\n".join(lines[start + 1 : chosen[1]]), before)
        position = chosen[0] + 1


def _cleaned(code: str) -> str:
    """Return `code` dedented, without blank ends, a repeated `%%score …` line, and magics that a program can miss."""
    lines = textwrap.dedent(code).strip("\n").split("\n")
    kept = [line for line in lines if not re.match(r"\s*%%score\b", line)]
    if any(_NEEDLESS.match(line) for line in kept) and not _parses("\n".join(kept)):
        kept = [line for line in kept if not _NEEDLESS.match(line)]
    if not _has_strings(kept):
        kept = [line.rstrip() for line in kept]
    return "\n".join(kept).strip("\n")


def _parses(code: str) -> bool:
    try:
        parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _has_strings(lines: list[str]) -> bool:
    # Blank space at line ends inside a triple-quoted string is part of the program.
    return any('"""' in line or "'''" in line for line in lines)


def _is_program(source: str) -> bool:
    return syntax_problem(source) == ""
