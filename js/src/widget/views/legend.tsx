// The legend: the scale of values, and every sign that occurs in the tree, each a button that singles its kind out.

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { FAILURES, type NodeWire } from "../../shared/protocol";
import { isDoubted, isMeant } from "../derive";
import { number } from "../format";
import { type Insight, usePlace } from "../hooks";
import type { Ui } from "../session";
import { rampCss, type Theme } from "../theme";
import { FAILURE_SIGNS, NOISE_SIGN } from "../tree-paint";
import { BoxIcon } from "./icons";

/** Return whether the node is of the kind that the legend calls `kind`. */
export function isOfKind(node: NodeWire, kind: string, noisy: ReadonlySet<number>): boolean {
  if (kind === "hybrid") return node.parents.length > 1;
  if (kind === "idea") return node.idea === true;
  if (kind === "your hint") return node.hint === true;
  if (kind === "doubted") return isDoubted(node);
  if (kind === "within noise") return noisy.has(node.index);
  if (kind === "given up") return node.dropped === true;
  if (kind === "allowed") return node.doubts !== undefined && !isDoubted(node);
  return node.status === kind;
}

/** Return which nodes are not dimmed, null where none is. */
export function singledOut(
  { only, find, boxed }: Ui,
  noisy: ReadonlySet<number>,
): ((node: NodeWire) => boolean) | null {
  const wanted = find.trim();
  if (only === "" && wanted === "" && boxed === null) return null;
  return node =>
    (only === "" || isOfKind(node, only, noisy)) &&
    (wanted === "" || isMeant(node, wanted)) &&
    (boxed === null || boxed.has(node.index));
}

const KINDS = [
  "duplicate",
  "hybrid",
  "idea",
  "your hint",
  "doubted",
  "allowed",
  "within noise",
  "given up",
  ...FAILURES,
];

const KIND_WORDS: Record<string, string> = { "within noise": "what cannot be told apart from the seed or its parent" };

/** Return the kinds of node that there are, how often, and how many values between which ends. */
function whatOccurs(nodes: readonly NodeWire[], noisy: ReadonlySet<number>) {
  const counts = new Map<string, number>();
  let [scored, low, high] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const node of nodes) {
    for (const kind of KINDS) if (isOfKind(node, kind, noisy)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (node.value === null || isDoubted(node)) continue;
    scored += 1;
    low = Math.min(low, node.value);
    high = Math.max(high, node.value);
  }
  const kinds = KINDS.flatMap(kind => (counts.has(kind) ? [{ kind, count: counts.get(kind) as number }] : []));
  return { kinds, scored, low, high };
}

export function Legend({ insight, ui, theme }: { insight: Insight; ui: Ui; theme: Theme }) {
  const { session } = usePlace();
  const { nodes, noisy } = insight;
  const { kinds, scored, low, high } = useMemo(() => whatOccurs(nodes, noisy), [nodes, noisy]);
  const [worst, best] = insight.run.direction === "maximize" ? [low, high] : [high, low];
  return (
    <div class="snb-legend">
      {scored > 1 && (
        <span
          class="snb-scale"
          title="Colour is the place among all values, so that one bad value cannot squash the rest"
        >
          {number(worst, 3)} <i style={{ background: rampCss(theme.isDark) }} /> {number(best, 3)}
        </span>
      )}
      {kinds.map(({ kind, count }) => (
        <button
          type="button"
          key={kind}
          class="snb-key"
          aria-pressed={ui.only === kind}
          title={ui.only === kind ? "Show all kinds" : `Show only: ${KIND_WORDS[kind] ?? kind}`}
          onClick={() => session.look({ only: ui.only === kind ? "" : kind })}
        >
          <Sign kind={kind} /> {kind} {count}
        </button>
      ))}
      {ui.boxed !== null && (
        <button
          type="button"
          class="snb-key"
          aria-pressed="true"
          title="Show all again"
          onClick={() => session.look({ boxed: null })}
        >
          <BoxIcon /> {ui.boxed.size} singled out ✕
        </button>
      )}
      {insight.flights.length > 0 && (
        <span class="snb-key">
          <Sign kind="work" /> at work
        </span>
      )}
    </div>
  );
}

function Sign({ kind }: { kind: string }): JSX.Element {
  return (
    <svg
      width="14"
      height="14"
      viewBox="-7 -7 14 14"
      fill="none"
      stroke="currentColor"
      stroke-width="1.3"
      aria-hidden="true"
    >
      {kind === "hybrid" ? (
        <path d="M0-5.5 5.5 0 0 5.5-5.5 0Z" fill="currentColor" fill-opacity="0.35" />
      ) : kind === "work" ? (
        <circle r="4.5" stroke="var(--snb-accent)" stroke-width="2" stroke-dasharray="19 9" />
      ) : kind === "duplicate" ? (
        <circle r="3.6" stroke-width="2" stroke="var(--snb-accent)" />
      ) : kind === "idea" ? (
        <>
          <circle r="5" />
          <circle r="1.7" fill="currentColor" stroke="none" />
        </>
      ) : kind === "given up" ? (
        <path d="M-3.200-3.200 3.200 3.200M-3.200 3.200 3.200-3.200" />
      ) : kind === "your hint" ? (
        <>
          <circle r="5" />
          <path d="M-2.600 0h5.200M0-2.600v5.200" />
        </>
      ) : kind === "within noise" ? (
        <path d={NOISE_SIGN} stroke-linecap="round" />
      ) : kind === "doubted" || kind === "allowed" ? (
        <>
          <circle r="5.5" stroke="var(--snb-doubt)" fill={kind === "doubted" ? "var(--snb-doubt)" : "none"} />
          <text
            y="3.1"
            text-anchor="middle"
            font-size="9"
            font-weight="700"
            stroke="none"
            fill={kind === "doubted" ? "var(--snb-ground)" : "var(--snb-doubt)"}
          >
            ?
          </text>
        </>
      ) : (
        <>
          <circle r="5" />
          <path
            d={(FAILURE_SIGNS[kind] ?? []).map(s => `M${s.map(([x, y]) => `${x * 5} ${y * 5}`).join("L")}`).join("")}
          />
        </>
      )}
    </svg>
  );
}
