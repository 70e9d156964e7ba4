// The change from one source to another as rows that a view can show, unified or side by side.

import { createTwoFilesPatch, diffArrays, diffWordsWithSpace } from "diff";

/** A stretch of a line; `isMarked` where it differs from the other side. */
export interface Span {
  text: string;
  isMarked: boolean;
}

export interface Side {
  /** Line number, from 1. */
  number: number;
  text: string;
  spans: Span[];
}

/** One line of the diff: equal on both sides, or removed, or added, or changed into another. */
export interface Row {
  kind: "same" | "removed" | "added" | "changed";
  old: Side | null;
  new: Side | null;
}

export interface Fold {
  kind: "fold";
  /** Rows that are hidden. */
  rows: Row[];
}

export interface Difference {
  rows: Row[];
  added: number;
  removed: number;
}

// Lines that share less than this are two lines, not one that was changed.
const LIKENESS = 0.5;
const CONTEXT = 3;

/** Return the line by line change from `before` to `after`, changed lines with marks inside. */
export function difference(before: string, after: string): Difference {
  const rows: Row[] = [];
  let [oldAt, newAt, added, removed] = [1, 1, 0, 0];
  let waiting: string[] = [];
  const flush = (incoming: string[]) => {
    for (const [from, to] of pair(waiting, incoming)) {
      rows.push(changedRow(from, to, from === null ? 0 : oldAt++, to === null ? 0 : newAt++));
    }
    waiting = [];
  };
  for (const part of diffArrays(lines(before), lines(after))) {
    if (part.removed) {
      removed += part.value.length;
      waiting = part.value;
    } else if (part.added) {
      added += part.value.length;
      flush(part.value);
    } else {
      flush([]);
      for (const text of part.value) rows.push(sameRow(text, oldAt++, newAt++));
    }
  }
  flush([]);
  return { rows, added, removed };
}

/** Return the change as a unified diff, to be pasted where people talk about it. */
export function patch(before: string, after: string, from: string, to: string): string {
  const [old, now] = [before, after].map(source => `${source.replace(/\n+$/, "")}\n`) as [string, string];
  return createTwoFilesPatch(from, to, old, now).replace(/^=+\n/, "");
}

/** Return the rows with long stretches of equal ones folded away. */
export function folded(rows: readonly Row[], context = CONTEXT): (Row | Fold)[] {
  const result: (Row | Fold)[] = [];
  let start = 0;
  while (start < rows.length) {
    let end = start;
    while (end < rows.length && rows[end]?.kind === "same") end++;
    const head = start === 0 ? 0 : context;
    const tail = end === rows.length ? 0 : context;
    if (end - start > head + tail + 1) {
      result.push(...rows.slice(start, start + head));
      result.push({ kind: "fold", rows: rows.slice(start + head, end - tail) });
      result.push(...rows.slice(end - tail, end));
    } else {
      result.push(...rows.slice(start, end));
    }
    for (start = end; start < rows.length && rows[start]?.kind !== "same"; start++) result.push(rows[start] as Row);
  }
  return result;
}

function lines(source: string): string[] {
  return source.replace(/\n+$/, "").split("\n");
}

/** Return removed and added lines side by side: like ones together, in order. */
function pair(removed: string[], added: string[]): [string | null, string | null][] {
  const pairs: [string | null, string | null][] = [];
  let next = 0;
  for (const from of removed) {
    const match = added.findIndex((to, i) => i >= next && likeness(from, to) >= LIKENESS);
    if (match < 0) {
      pairs.push([from, null]);
      continue;
    }
    for (; next < match; next++) pairs.push([null, added[next] as string]);
    pairs.push([from, added[next++] as string]);
  }
  for (; next < added.length; next++) pairs.push([null, added[next] as string]);
  return pairs;
}

/** Return the share of letter pairs that two lines have in common (Dice), blanks aside. */
function likeness(a: string, b: string): number {
  const [left, right] = [pairsOf(a), pairsOf(b)];
  if (left.length === 0 || right.length === 0) return a.trim() === b.trim() ? 1 : 0;
  const pool = new Map<string, number>();
  for (const pair of left) pool.set(pair, (pool.get(pair) ?? 0) + 1);
  let common = 0;
  for (const pair of right) {
    const known = pool.get(pair) ?? 0;
    if (known > 0) common++;
    pool.set(pair, known - 1);
  }
  return (2 * common) / (left.length + right.length);
}

function pairsOf(line: string): string[] {
  const letters = line.replace(/\s+/g, "");
  return Array.from({ length: Math.max(0, letters.length - 1) }, (_, i) => letters.slice(i, i + 2));
}

function sameRow(text: string, oldNumber: number, newNumber: number): Row {
  const spans = [{ text, isMarked: false }];
  return { kind: "same", old: { number: oldNumber, text, spans }, new: { number: newNumber, text, spans } };
}

function changedRow(from: string | null, to: string | null, oldNumber: number, newNumber: number): Row {
  if (from === null) return { kind: "added", old: null, new: whole(to as string, newNumber) };
  if (to === null) return { kind: "removed", old: whole(from, oldNumber), new: null };
  const parts = diffWordsWithSpace(from, to);
  return {
    kind: "changed",
    old: { number: oldNumber, text: from, spans: spans(parts, "removed") },
    new: { number: newNumber, text: to, spans: spans(parts, "added") },
  };
}

function whole(text: string, number: number): Side {
  return { number, text, spans: [{ text, isMarked: false }] };
}

function spans(parts: readonly { value: string; added?: boolean; removed?: boolean }[], mark: "added" | "removed") {
  const other = mark === "added" ? "removed" : "added";
  return parts
    .filter(part => !part[other] && part.value !== "")
    .map(part => ({ text: part.value, isMarked: part[mark] === true }));
}
