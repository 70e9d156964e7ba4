// What follows from the data of a run: lineage, best line, ranks, estimates. Pure.

import { type Direction, type NodeWire, type RunWire, score } from "../shared/protocol";

/** Return the index of the best as the kernel says; of an older one, which does not, the end of the best line. */
export function bestIndex(run: RunWire, nodes: readonly NodeWire[]): number | null {
  if (run.best !== undefined) return run.best !== null && run.best < nodes.length ? run.best : null;
  const steps = bestSteps(nodes, run.direction);
  return steps.length > 0 ? (steps[steps.length - 1] as NodeWire).index : null;
}

/** Return whether a doubt keeps the node from being the best. */
export function isDoubted(node: NodeWire): boolean {
  return node.doubts !== undefined && node.doubts.length > 0 && node.allowed !== true;
}

/** Return the lower bound of a node's score: its mean less one standard error (`Record.bound` is the same). */
export function bound(node: NodeWire, direction: Direction, noise: number): number {
  return score(node.value, direction) - noise / Math.sqrt(node.repeats ?? 1);
}

/** Return whether two nodes cannot be told apart: less than two standard errors (`Record.is_noise` is the same). */
export function isNoise(a: NodeWire | undefined, b: NodeWire | undefined, run: RunWire): boolean {
  if (!run.noise || !a || !b || a === b || a.value === null || b.value === null) return false;
  return Math.abs(a.value - b.value) < 2 * run.noise * Math.sqrt(1 / (a.repeats ?? 1) + 1 / (b.repeats ?? 1));
}

/**
 * Return the nodes whose value cannot be told apart from the seed's or their parent's. One that runs the same program
 * as another is none: there is nothing to tell apart.
 */
export function withinNoise(nodes: readonly NodeWire[], run: RunWire): ReadonlySet<number> {
  const found = new Set<number>();
  if (!run.noise) return found;
  for (const node of nodes) {
    if (node.status === "duplicate") continue;
    const parent = node.parents[0] === undefined ? undefined : nodes[node.parents[0]];
    if (isNoise(node, nodes[0], run) || isNoise(node, parent, run)) found.add(node.index);
  }
  return found;
}

/** Return the nodes that raised the best, oldest first, by what is known now; neither doubted nor given up. */
export function bestSteps(nodes: readonly NodeWire[], direction: Direction, noise = 0): NodeWire[] {
  const steps: NodeWire[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const node of nodes) {
    if (node.value === null || (node.index > 0 && (isDoubted(node) || node.dropped))) continue;
    const own = bound(node, direction, noise);
    if (own > best) {
      best = own;
      steps.push(node);
    }
  }
  return steps;
}

/** Return the nodes from the seed to `index` along first parents, the seed first. */
export function lineage(nodes: readonly NodeWire[], index: number | null): NodeWire[] {
  const path: NodeWire[] = [];
  let node = index === null ? undefined : nodes[index];
  while (node !== undefined) {
    path.push(node);
    const parent: number | undefined = node.parents[0];
    node = parent === undefined ? undefined : nodes[parent];
  }
  return path.reverse();
}

/** Return the children of every node along first parents, oldest first. */
export function childLists(nodes: readonly NodeWire[]): number[][] {
  const children: number[][] = nodes.map(() => []);
  for (const node of nodes) {
    const parent = node.parents[0];
    if (parent !== undefined) children[parent]?.push(node.index);
  }
  return children;
}

/**
 * Return for each node the folded node that it hides behind, -1 where it is in sight.
 */
export function hiddenBehind(nodes: readonly NodeWire[], folded: ReadonlySet<number>): Int32Array {
  const behind = new Int32Array(nodes.length).fill(-1);
  if (folded.size === 0) return behind;
  for (const node of nodes) {
    const parent = node.parents[0];
    if (parent === undefined) continue;
    const above = behind[parent] as number;
    behind[node.index] = above >= 0 ? above : folded.has(parent) ? parent : -1;
  }
  return behind;
}

/** Return whether `text`, as typed into the search field, means this node: its number, a range, or words about it. */
export function isMeant(node: NodeWire, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  if (/^#?\d+$/.test(wanted)) return node.index === Number(wanted.replace("#", ""));
  const range = /^#?(\d+)\s*[-–]\s*#?(\d+)$/.exec(wanted);
  if (range !== null) return node.index >= Number(range[1]) && node.index <= Number(range[2]);
  const doubts = isDoubted(node) ? `doubted ${node.doubts?.join(" ")}` : "";
  const said =
    `${node.operator} ${node.status} ${node.dropped ? "given up" : ""} ${doubts} ${node.detail ?? ""}`.toLowerCase();
  return wanted.split(/\s+/).every(word => said.includes(word));
}

/** Return how much better `value` is than `from`, positive when better; null where one is missing. */
export function gain(value: number | null | undefined, from: number | null | undefined, direction: Direction) {
  if (value === null || value === undefined || from === null || from === undefined) return null;
  return score(value, direction) - score(from, direction);
}

/**
 * Return each node's place among the distinct scores that nobody doubts, spread over [0, 1], best 1; -1 for a node
 * without a value. Places, not values, so that one bad seed cannot squash the colours of all others.
 */
export function places(nodes: readonly NodeWire[], direction: Direction): Float64Array {
  const trusted = nodes.filter(node => node.value !== null && !isDoubted(node));
  const distinct = [...new Set(trusted.map(node => score(node.value, direction)))].sort((a, b) => a - b);
  const place = new Map(distinct.map((own, i) => [own, distinct.length > 1 ? i / (distinct.length - 1) : 1]));
  // A doubted node has the colour of the next one below it.
  const below = (own: number) => place.get(distinct.findLast(other => other <= own) ?? (distinct[0] as number)) ?? 1;
  return Float64Array.from(nodes, node => {
    if (node.value === null) return -1;
    const own = score(node.value, direction);
    return place.get(own) ?? below(own);
  });
}

/** Return the value below which the share `q` of the sorted `values` lies (linear between neighbours). */
export function quantile(values: readonly number[], q: number): number {
  const at = (values.length - 1) * q;
  const low = values[Math.floor(at)] ?? Number.NaN;
  const high = values[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * Return the range of values that a chart shows: the bulk of the values (Tukey's fences), the seed and the best always.
 * What lies outside is drawn at the edge.
 */
export function robustRange(nodes: readonly NodeWire[], best: NodeWire | undefined): [number, number] {
  const values = nodes.flatMap(node => (node.value === null ? [] : [node.value])).sort((a, b) => a - b);
  if (values.length === 0) return [0, 1];
  const [low, high] = [quantile(values, 0.25), quantile(values, 0.75)];
  const reach = 1.5 * (high - low);
  let bottom = Math.max(values[0] as number, low - reach);
  let top = Math.min(values[values.length - 1] as number, high + reach);
  for (const node of [nodes[0], best]) {
    for (const value of [node?.value, node?.holdout]) {
      if (value === null || value === undefined) continue;
      bottom = Math.min(bottom, value);
      top = Math.max(top, value);
    }
  }
  const margin = (top - bottom || Math.abs(top) || 1) * 0.08;
  return [bottom - margin, top + margin];
}

/** Return the seconds until the budget is used up at the pace of the last nodes, null where that is unknown. */
export function secondsLeft(run: RunWire, nodes: readonly NodeWire[], elapsed: number): number | null {
  if (run.state !== "running") return null;
  const byMinutes = run.budget.minutes === null ? null : Math.max(0, run.budget.minutes * 60 - elapsed);
  const recent = nodes.slice(-20);
  const [first, last] = [recent[0], recent[recent.length - 1]];
  if (first === undefined || last === undefined || last.index - first.index < 3) return byMinutes;
  const pace = (Math.max(elapsed, last.finished) - first.finished) / (last.index - first.index);
  const byNodes = Math.max(0, (run.budget.nodes - nodes.length) * pace);
  return byMinutes === null ? byNodes : Math.min(byMinutes, byNodes);
}
