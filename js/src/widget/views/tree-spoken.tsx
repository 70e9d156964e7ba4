// The tree in words, for those who cannot see it.

import type { NodeWire } from "../../shared/protocol";
import { isDoubted } from "../derive";
import { doubtsOf, noiseWords } from "../doubt";
import { number } from "../format";
import { type Insight, usePlace } from "../hooks";

// A screen reader is offered the neighbourhood of the selected node, not ten thousand items.
const SPOKEN = 60;

export function SpokenTree({ insight, childLists: children }: { insight: Insight; childLists: number[][] }) {
  const { root, session } = usePlace();
  const shown = new Map<number, number>();
  insight.selectedPath.forEach((node, depth) => {
    const parent = node.parents[0];
    const siblings = parent === undefined ? [node.index] : (children[parent] ?? []);
    const at = siblings.indexOf(node.index);
    for (const sibling of siblings.slice(Math.max(0, at - 20), at + 20)) shown.set(sibling, depth + 1);
  });
  const depth = insight.selectedPath.length + 1;
  for (const child of (children[insight.selected?.index ?? -1] ?? []).slice(0, SPOKEN)) shown.set(child, depth);
  return (
    <div class="snb-hidden" role="presentation">
      {[...shown].map(([index, level]) => {
        const node = insight.nodes[index] as NodeWire;
        const siblings = children[node.parents[0] ?? -1] ?? [index];
        return (
          // biome-ignore lint/a11y/useFocusableInteractive: focus stays on the tree, which names this item as active
          // biome-ignore lint/a11y/useKeyWithClickEvents: the tree's own keys do it
          <div
            key={index}
            id={`${root.id}-node-${index}`}
            role="treeitem"
            aria-level={level}
            aria-selected={index === insight.selected?.index}
            aria-posinset={siblings.indexOf(index) + 1}
            aria-setsize={siblings.length}
            onClick={() => session.look({ selected: index })}
          >
            {spoken(node, insight, (children[index] ?? []).length)}
          </div>
        );
      })}
    </div>
  );
}

function spoken(node: NodeWire, insight: Insight, children: number): string {
  const what = node.index === 0 ? "seed" : `node ${node.index}, ${node.operator}`;
  const value = node.value === null ? node.status : `value ${number(node.value)}`;
  const best = node.index === insight.best?.index ? ", the best" : "";
  const doubt = isDoubted(node) ? `, doubted: ${doubtsOf(node)}` : "";
  const noise = insight.noisy.has(node.index) ? `, ${noiseWords(insight.run, insight.nodes, node)}` : "";
  const dropped = node.dropped ? ", given up" : "";
  return `${what}, ${value}${best}${noise}${doubt}${dropped}, ${children} ${children === 1 ? "child" : "children"}`;
}
