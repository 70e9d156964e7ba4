// A light colouring of Python source: enough for a diff of a notebook cell, in sixty lines instead of a parser.

export type TokenKind = "text" | "keyword" | "string" | "comment" | "number" | "call" | "decorator" | "constant";

export interface Token {
  kind: TokenKind;
  text: string;
}

const KEYWORDS = new Set(
  (
    "and as assert async await break class continue def del elif else except finally for from global if import in is " +
    "lambda match nonlocal not or pass raise return try while with yield"
  ).split(" "),
);
const CONSTANTS = new Set(["True", "False", "None", "self", "cls"]);

const PATTERN = new RegExp(
  [
    "(?<comment>#.*)",
    "(?<string>[rRbBfFuUtT]{0,2}(?:\"(?:\\\\.|[^\"\\\\])*\"?|'(?:\\\\.|[^'\\\\])*'?))",
    "(?<number>\\b(?:0[xXbBoO][\\da-fA-F_]+|\\d[\\d_]*(?:\\.[\\d_]*)?(?:[eE][+-]?\\d+)?j?)|\\.\\d+)",
    "(?<decorator>^\\s*@[\\w.]+)",
    "(?<call>[A-Za-z_]\\w*(?=\\())",
    "(?<word>[A-Za-z_]\\w*)",
  ].join("|"),
  "gu",
);
const TRIPLE = /[rRbBfFuUtT]{0,2}("""|''')/u;

/** Return the tokens of every line of `source`; joined, they give the line back. */
export function tokenLines(source: string): Token[][] {
  let open = "";
  return source.split("\n").map(line => {
    const tokens: Token[] = [];
    let rest = line;
    while (rest !== "") {
      if (open !== "") {
        const end = rest.indexOf(open);
        const upTo = end < 0 ? rest.length : end + open.length;
        tokens.push({ kind: "string", text: rest.slice(0, upTo) });
        rest = rest.slice(upTo);
        if (end >= 0) open = "";
        continue;
      }
      const start = tripleStart(rest);
      tokens.push(...simpleTokens(start === null ? rest : rest.slice(0, start.at)));
      if (start === null) break;
      tokens.push({ kind: "string", text: start.text });
      open = start.quote;
      rest = rest.slice(start.at + start.text.length);
    }
    return tokens;
  });
}

/** Return where a triple-quoted string starts in `line`, unless that is inside a comment or another string. */
function tripleStart(line: string): { at: number; text: string; quote: string } | null {
  const match = TRIPLE.exec(line);
  if (match === null) return null;
  const before = simpleTokens(line.slice(0, match.index));
  const last = before[before.length - 1];
  if (last?.kind === "comment" || (last?.kind === "string" && !/["']$/.test(last.text))) return null;
  return { at: match.index, text: match[0], quote: match[1] as string };
}

function simpleTokens(line: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const match of line.matchAll(PATTERN)) {
    if (match.index > at) tokens.push({ kind: "text", text: line.slice(at, match.index) });
    tokens.push({ kind: kindOf(match), text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < line.length) tokens.push({ kind: "text", text: line.slice(at) });
  return tokens;
}

function kindOf(match: RegExpMatchArray): TokenKind {
  const groups = match.groups ?? {};
  if (groups.comment !== undefined) return "comment";
  if (groups.string !== undefined) return "string";
  if (groups.number !== undefined) return "number";
  if (groups.decorator !== undefined) return "decorator";
  const word = match[0];
  if (KEYWORDS.has(word)) return "keyword";
  if (CONSTANTS.has(word)) return "constant";
  return groups.call !== undefined ? "call" : "text";
}
