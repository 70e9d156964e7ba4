// The change from another node to this one, unified or side by side.

import { useEffect, useMemo, useState } from "preact/hooks";
import type { DetailWire, NodeWire } from "../../shared/protocol";
import { type Difference, difference, type Fold, folded, patch, type Row, type Side } from "../diff";
import { type Insight, useCell, usePlace } from "../hooks";
import { type Token, tokenLines } from "../python";
import type { Base, Ui } from "../session";
import { CodeView, Tokens } from "./code";
import { CopyButton, Empty, Scroll, Toggle } from "./parts";

export function DiffPanel(props: { insight: Insight; ui: Ui; node: NodeWire; detail: DetailWire }) {
  const { insight, ui, node, detail } = props;
  const { session } = usePlace();
  const data = useCell(session.link.data);
  const base = baseOf(insight, ui, node);
  useEffect(() => {
    if (base !== undefined) session.link.want(base.index);
  }, [base?.index, session]);
  const before = ui.against ?? (base === undefined ? undefined : data.details.get(base.index)?.source);
  const change = useMemo(
    () => (before === undefined ? null : difference(before, detail.source)),
    [before, detail.source],
  );
  // The seed has nothing to differ from: its code is what there is to see.
  if (node.index === 0 && ui.against === null && ui.base !== "best" && ui.base !== "other")
    return <CodeView source={detail.source} />;
  return (
    <>
      <div class="snb-section">
        {ui.against === null ? (
          <BaseToggle insight={insight} ui={ui} node={node} />
        ) : (
          <button type="button" class="snb-button snb-small" onClick={() => session.look({ against: null })}>
            against the cell as it is now ✕
          </button>
        )}
        {change !== null && (
          <span class="snb-muted" style={{ fontWeight: 400 }}>
            <span class="snb-good">+{change.added}</span> <span class="snb-bad">−{change.removed}</span>
          </span>
        )}
        <span class="snb-grow" />
        <Toggle
          label="How to show the difference"
          options={[
            { value: "unified", text: "unified" },
            { value: "beside", text: "split", title: "Side by side" },
          ]}
          value={ui.isBeside ? "beside" : "unified"}
          onChange={way => session.look({ isBeside: way === "beside" })}
        />
        <CopyButton
          text={() => patch(before ?? "", detail.source, ui.against === null ? nameOf(base) : "the cell", nameOf(node))}
          what="the difference as a patch"
        />
      </div>
      {change === null ? (
        <Empty title="Fetching…" isWaiting />
      ) : change.added + change.removed === 0 ? (
        <Empty title="No difference" />
      ) : (
        <DiffRows change={change} before={before as string} after={detail.source} isBeside={ui.isBeside} />
      )}
    </>
  );
}

function nameOf(node: NodeWire | undefined): string {
  return node === undefined ? "" : `node ${node.index}`;
}

function BaseToggle({ insight, ui, node }: { insight: Insight; ui: Ui; node: NodeWire }) {
  const { session } = usePlace();
  const parent = node.parents[0];
  const last = insight.nodes.length - 1;
  const options: { value: Base; text: string; isOff?: boolean }[] = [
    { value: "seed", text: "seed", isOff: node.index === 0 },
    { value: "parent", text: parent === undefined ? "parent" : `parent #${parent}`, isOff: parent === undefined },
    { value: "best", text: insight.best ? `best #${insight.best.index}` : "best", isOff: node === insight.best },
  ];
  return (
    <>
      <Toggle label="Compare with" options={options} value={ui.base} onChange={base => session.look({ base })} />
      <input
        class="snb-field snb-other"
        type="number"
        min="0"
        max={last}
        step="1"
        placeholder="any #"
        aria-label="Compare with the node of this number"
        title="The number of any node; or Shift and a click in the tree, or c on the selected one"
        aria-current={ui.base === "other"}
        value={ui.base === "other" ? (ui.other ?? "") : ""}
        onInput={event => {
          const { value } = event.currentTarget;
          const other = Number.parseInt(value, 10);
          if (value === "") session.look({ base: "seed", other: null });
          else if (other >= 0 && other <= last) session.look({ base: "other", other });
        }}
      />
    </>
  );
}

function baseOf(insight: Insight, { base, other }: Ui, node: NodeWire): NodeWire | undefined {
  if (base === "best") return insight.best;
  if (base === "other" && other !== null) return insight.nodes[other];
  if (base === "parent" && node.parents[0] !== undefined) return insight.nodes[node.parents[0]];
  return insight.seed;
}

function DiffRows(props: { change: Difference; before: string; after: string; isBeside: boolean }) {
  const { change, before, after, isBeside } = props;
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  useEffect(() => setOpen(new Set()), [change]);
  const colours = useMemo(() => ({ old: tokenLines(before), new: tokenLines(after) }), [before, after]);
  const parts = useMemo(() => folded(change.rows), [change]);
  const rows = parts.flatMap((part): (Row | Fold)[] =>
    part.kind === "fold" && open.has(keyOf(part)) ? part.rows : [part],
  );
  const unfold = (fold: Fold) => setOpen(new Set(open).add(keyOf(fold)));
  return (
    <Scroll label="Difference">
      {isBeside ? (
        <Beside rows={rows} colours={colours} unfold={unfold} />
      ) : (
        <Unified rows={rows} colours={colours} unfold={unfold} />
      )}
    </Scroll>
  );
}

interface Colours {
  old: Token[][];
  new: Token[][];
}
interface RowsProps {
  rows: (Row | Fold)[];
  colours: Colours;
  unfold: (fold: Fold) => void;
}

function keyOf(fold: Fold): number {
  return fold.rows[0]?.old?.number ?? 0;
}

function Unified({ rows, colours, unfold }: RowsProps) {
  return (
    <div class="snb-code">
      {unifiedLines(rows).map(item =>
        "fold" in item ? (
          <FoldBar key={`f${keyOf(item.fold)}`} fold={item.fold} unfold={unfold} />
        ) : (
          <div key={`${item.kind}${item.side.number}`} data-kind={item.kind === "same" ? undefined : item.kind}>
            <span class="snb-no">{item.kind === "added" ? "" : item.old}</span>
            <span class="snb-no">{item.kind === "removed" ? "" : item.new}</span>
            <span class="snb-sign">{{ same: " ", added: "+", removed: "−" }[item.kind]}</span>
            <span>
              <Line side={item.side} tokens={colours[item.kind === "removed" ? "old" : "new"][item.side.number - 1]} />
            </span>
          </div>
        ),
      )}
    </div>
  );
}

type UnifiedLine = { kind: "same" | "added" | "removed"; side: Side; old?: number; new?: number } | { fold: Fold };

/** Return the rows as single lines: within a stretch of changes the removed ones first, then the added ones. */
function unifiedLines(rows: (Row | Fold)[]): UnifiedLine[] {
  const lines: UnifiedLine[] = [];
  let added: UnifiedLine[] = [];
  const flush = () => {
    lines.push(...added);
    added = [];
  };
  for (const row of rows) {
    if (row.kind === "fold" || row.kind === "same") flush();
    if (row.kind === "fold") lines.push({ fold: row });
    else if (row.kind === "same") {
      lines.push({ kind: "same", side: row.new as Side, old: row.old?.number, new: row.new?.number });
    } else {
      if (row.old) lines.push({ kind: "removed", side: row.old, old: row.old.number });
      if (row.new) added.push({ kind: "added", side: row.new, new: row.new.number });
    }
  }
  flush();
  return lines;
}

function Beside({ rows, colours, unfold }: RowsProps) {
  return (
    <div class="snb-beside">
      {rows.map(row =>
        row.kind === "fold" ? (
          <FoldBar key={`f${keyOf(row)}`} fold={row} unfold={unfold} />
        ) : (
          <>
            <Half side={row.old} kind={row.kind === "same" ? "same" : "removed"} tokens={colours.old} />
            <Half side={row.new} kind={row.kind === "same" ? "same" : "added"} tokens={colours.new} />
          </>
        ),
      )}
    </div>
  );
}

function Half({ side, kind, tokens }: { side: Side | null; kind: string; tokens: Token[][] }) {
  if (side === null) return <div data-kind="none" />;
  return (
    <div data-kind={kind}>
      <span class="snb-no">{side.number}</span>
      <span>
        <Line side={side} tokens={tokens[side.number - 1]} />
      </span>
    </div>
  );
}

function FoldBar({ fold, unfold }: { fold: Fold; unfold: (fold: Fold) => void }) {
  return (
    <button type="button" class="snb-fold" onClick={() => unfold(fold)}>
      ⋯ {fold.rows.length} unchanged lines
    </button>
  );
}

/** A line with its colours, and marks where it differs inside. */
function Line({ side, tokens }: { side: Side; tokens: Token[] | undefined }) {
  const marks = side.spans;
  if (tokens === undefined || tokens.map(token => token.text).join("") !== side.text) return <>{side.text}</>;
  if (marks.every(span => !span.isMarked)) return <Tokens tokens={tokens} />;
  return (
    <>
      {cut(tokens, marks).map((part, i) =>
        part.isMarked ? (
          <mark key={i}>
            <Tokens tokens={part.tokens} />
          </mark>
        ) : (
          <Tokens tokens={part.tokens} />
        ),
      )}
    </>
  );
}

/** Return the tokens cut where the marks begin and end. */
export function cut(tokens: readonly Token[], spans: Side["spans"]): { isMarked: boolean; tokens: Token[] }[] {
  const parts: { isMarked: boolean; tokens: Token[] }[] = [];
  const queue = tokens.slice();
  for (const span of spans) {
    let left = span.text.length;
    const taken: Token[] = [];
    while (left > 0 && queue.length > 0) {
      const token = queue.shift() as Token;
      taken.push({ kind: token.kind, text: token.text.slice(0, left) });
      if (token.text.length > left) queue.unshift({ kind: token.kind, text: token.text.slice(left) });
      left -= Math.min(left, token.text.length);
    }
    parts.push({ isMarked: span.isMarked, tokens: taken });
  }
  return parts;
}
