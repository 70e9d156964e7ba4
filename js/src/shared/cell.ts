// What accepting a candidate does to the text of the seed cell. Pure; the widget and the extension share it.

/** A cell's text in two: the magic's lines (`%%score …`, and other cell magics around it) and the body under them. */
export interface Parts {
  head: string;
  body: string;
}

/** Return the cell magics that start `text`, and the rest. */
export function split(text: string): Parts {
  const lines = text.split("\n");
  let last = -1;
  for (const [i, line] of lines.entries()) {
    if (line.startsWith("%%")) last = i;
    else if (line.trim() !== "") break;
  }
  return { head: lines.slice(0, last + 1).join("\n"), body: lines.slice(last + 1).join("\n") };
}

/** Return `text` with its body replaced by `source`; the magic's lines stay as they are. */
export function withBody(text: string, source: string): string {
  const { head } = split(text);
  const body = source.replace(/^\n+|\s+$/g, "");
  return head === "" ? body : `${head}\n${body}`;
}

/** Return whether the body of `text` is one of the `known` sources: what the user has not touched. */
export function isUntouched(text: string, known: readonly string[]): boolean {
  const body = plain(split(text).body);
  return known.some(source => plain(source) === body);
}

/** Blank lines around, and blanks at line ends, are no edit. */
function plain(source: string): string {
  return source
    .split("\n")
    .map(line => line.trimEnd())
    .join("\n")
    .replace(/^\n+|\n+$/g, "");
}
