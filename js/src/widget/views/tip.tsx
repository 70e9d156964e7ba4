// What a node is, in the few lines of a tooltip.

import type { NodeWire } from "../../shared/protocol";
import { gain, isDoubted } from "../derive";
import { doubtsOf, noiseWords } from "../doubt";
import { called, duration, number, sentence, signed } from "../format";
import type { Insight } from "../hooks";

export function NodeTip({ insight, node, x, y }: { insight: Insight; node: NodeWire; x: number; y: number }) {
  const parent = node.parents[0] === undefined ? undefined : insight.nodes[node.parents[0]];
  const step = gain(node.value, parent?.value, insight.run.direction);
  const noise = noiseWords(insight.run, insight.nodes, node);
  return (
    <div class="snb-tip" style={placed(x, y)}>
      <strong>{node.index === 0 ? "Seed" : `#${node.index}`}</strong>{" "}
      {node.index > 0 && <span class="snb-muted">{described(node)}</span>}
      <p>
        {node.value === null ? <span class="snb-bad">{node.status}</span> : <strong>{number(node.value)}</strong>}
        {node.spread !== undefined && <span class="snb-muted"> ± {number(node.spread, 3)}</span>}
        {step !== null && <span class={step > 0 ? "snb-good" : "snb-muted"}> {signed(step)} over its parent</span>}
        <span class="snb-muted"> · {duration(node.seconds)}</span>
      </p>
      {node.doubts && (
        <p class="snb-doubt">
          {isDoubted(node) ? "?" : "Allowed by you although"} {doubtsOf(node)}
        </p>
      )}
      {noise !== "" && <p class="snb-muted">{sentence(noise)}</p>}
      {node.detail && <p class="snb-muted">{node.detail}</p>}
    </div>
  );
}

/** Return how the node came about. */
export function described(node: NodeWire): string {
  const same = node.duplicate_of === undefined ? "" : `, the same program as ${called(node.duplicate_of)}`;
  return `${node.operator} of ${node.parents.map(called).join(" and ")}${same}`;
}

/** Keep the tooltip beside the pointer and inside the box. */
function placed(x: number, y: number) {
  const across = x < 200 ? { left: `${x + 14}px` } : { right: `calc(100% - ${x - 14}px)` };
  const along = y < 110 ? { top: `${y + 12}px` } : { bottom: `calc(100% - ${y - 10}px)` };
  return { ...across, ...along };
}
