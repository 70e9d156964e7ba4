import { describe, expect, it } from "vitest";
import { difference, folded, patch, type Row } from "../src/widget/diff";
import { tokenLines } from "../src/widget/python";
import { cut } from "../src/widget/views/diff";

const kinds = (rows: readonly Row[]) => rows.map(row => row.kind);

describe("the difference of two sources", () => {
  it("is a patch that git and people read", () => {
    expect(patch("a = 1\nb = 2\n", "a = 1\nb = 3", "node 0", "node 4")).toBe(
      "--- node 0\n+++ node 4\n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n",
    );
  });

  it("pairs lines that are alike and marks what differs in them", () => {
    const { rows, added, removed } = difference("a = 1\nb = fit(x, depth=3)\nc", "a = 1\nb = fit(x, depth=30)\nc");
    expect(kinds(rows)).toEqual(["same", "changed", "same"]);
    expect([added, removed]).toEqual([1, 1]);
    expect(rows[1]?.new?.spans.filter(span => span.isMarked).map(span => span.text)).toEqual(["30"]);
    expect(rows[1]?.old?.spans.map(span => span.text).join("")).toBe("b = fit(x, depth=3)");
  });

  it("keeps lines apart that have little in common", () => {
    expect(kinds(difference("import numpy", "return 0").rows)).toEqual(["removed", "added"]);
  });

  it("numbers the lines of both sides", () => {
    const { rows } = difference("a\nb\nd", "a\nqq\nb\nd");
    expect(rows.map(row => [row.old?.number ?? null, row.new?.number ?? null])).toEqual([
      [1, 1],
      [null, 2],
      [2, 3],
      [3, 4],
    ]);
  });

  it("gives both sources back", () => {
    const before = "x = 1\n\ny = [\n    2,\n]\nprint(x)";
    const after = "import z\nx = 10\n\ny = [\n    2,\n    3,\n]";
    const { rows } = difference(before, after);
    expect(rows.flatMap(row => (row.old ? [row.old.text] : [])).join("\n")).toBe(before);
    expect(rows.flatMap(row => (row.new ? [row.new.text] : [])).join("\n")).toBe(after);
  });

  it("is empty for equal sources", () => {
    expect(difference("a\nb", "a\nb\n")).toMatchObject({ added: 0, removed: 0 });
  });
});

describe("folding", () => {
  const lines = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `line ${from + i}`);

  it("hides long equal stretches but for three lines beside a change", () => {
    const before = [...lines(20), "old", ...lines(20, 20)].join("\n");
    const parts = folded(difference(before, before.replace("old", "something new")).rows);
    const folds = parts.filter(part => part.kind === "fold");
    expect(folds.map(fold => ("rows" in fold ? fold.rows.length : 0))).toEqual([17, 17]);
    expect(parts.length).toBe(2 + 3 + 3 + 2);
  });

  it("does not fold what would save no line", () => {
    const before = [...lines(4), "old"].join("\n");
    expect(folded(difference(before, before.replace("old", "1 2 3 4")).rows).some(p => p.kind === "fold")).toBe(false);
  });
});

describe("the colours of Python", () => {
  it("tells keywords, strings, numbers, comments and calls", () => {
    const [tokens] = tokenLines('if x: y = f("a#b", 1e-3) or not(z)  # why');
    expect(tokens?.filter(token => token.kind !== "text").map(token => [token.kind, token.text])).toEqual([
      ["keyword", "if"],
      ["call", "f"],
      ["string", '"a#b"'],
      ["number", "1e-3"],
      ["keyword", "or"],
      ["keyword", "not"],
      ["comment", "# why"],
    ]);
  });

  it("carries a triple-quoted string over lines", () => {
    const rows = tokenLines('def f():\n    """One\n    if two\n    """\n    return None');
    expect(rows[2]).toEqual([{ kind: "string", text: "    if two" }]);
    expect(rows[4]?.map(token => token.kind)).toContain("constant");
  });

  it("loses no letter", () => {
    const source = "x = f'{a!r}' + \"\\\"\" # '''\n@cached.property\ny = '''a\nb''' + 0x_ff\nz = 'unclosed\n\t…";
    expect(
      tokenLines(source)
        .map(tokens => tokens.map(token => token.text).join(""))
        .join("\n"),
    ).toBe(source);
  });

  it("is cut where marks begin and end", () => {
    const [tokens] = tokenLines("abc = fit(1)");
    const spans = [
      { text: "abc = f", isMarked: false },
      { text: "it(1", isMarked: true },
      { text: ")", isMarked: false },
    ];
    const parts = cut(tokens ?? [], spans);
    expect(parts.map(part => part.tokens.map(token => token.text).join(""))).toEqual(spans.map(span => span.text));
  });
});
