// What brought something: operators, ideas and recombination, counted from the nodes. Pure.

import { type Direction, FAILURES, type NodeWire, type Operator, score } from "../shared/protocol";
import { isDoubted } from "./derive";

export interface Yield {
  /** The nodes that are meant, the one that brought most first. */
  nodes: number[];
  tried: number;
  failed: number;
  /** Better than all of their parents, and nobody doubts it. */
  better: number;
  /** How far they raised the best, each step of the best line counted for the node that made it. */
  raised: number;
}

export interface IdeaYield extends Yield {
  idea: string;
  /** The best of the idea's nodes and of all below them, null while none has a value. */
  best: NodeWire | null;
  /** How much better that is than the node which the idea was first tried on. */
  gain: number | null;
}

/** Return what each operator that was used brought, the one that raised the best most first. */
export function operatorYields(
  nodes: readonly NodeWire[],
  steps: readonly NodeWire[],
  direction: Direction,
): (Yield & { operator: Operator })[] {
  const raises = raisesOf(steps, direction);
  return [...grouped(nodes.slice(1), node => node.operator)]
    .map(([operator, own]) => ({ operator, ...yieldOf(own, nodes, raises, direction) }))
    .sort((a, b) => b.raised - a.raised || b.better - a.better || b.tried - a.tried);
}

/** Return what each idea that was tried brought, the most gained first. */
export function ideaYields(
  nodes: readonly NodeWire[],
  steps: readonly NodeWire[],
  ideas: readonly string[],
  direction: Direction,
): IdeaYield[] {
  const raises = raisesOf(steps, direction);
  const branches = branchesOf(nodes, direction);
  return [...grouped(nodes, node => node.idea_at)]
    .flatMap(([at, own]) => {
      if (at === undefined || ideas[at] === undefined) return [];
      const best = own.map(node => branches[node.index] ?? null).reduce((a, b) => better(a, b, direction), null);
      const from = nodes[own[0]?.parents[0] ?? -1]?.value;
      const gain = best === null || from == null ? null : score(best.value, direction) - score(from, direction);
      return [{ idea: ideas[at] as string, best, gain, ...yieldOf(own, nodes, raises, direction) }];
    })
    .sort((a, b) => (b.gain ?? Number.NEGATIVE_INFINITY) - (a.gain ?? Number.NEGATIVE_INFINITY));
}

/** Return how many hybrids there are, how many were scored, and how many beat both parents. */
export function hybridYield(nodes: readonly NodeWire[], direction: Direction) {
  const hybrids = nodes.filter(node => node.parents.length > 1);
  return {
    tried: hybrids.length,
    scored: hybrids.filter(node => node.value !== null).length,
    better: hybrids.filter(node => beats(node, nodes, direction)).length,
  };
}

function yieldOf(
  own: readonly NodeWire[],
  nodes: readonly NodeWire[],
  raises: ReadonlyMap<number, number>,
  direction: Direction,
): Yield {
  const raised = (node: NodeWire) => raises.get(node.index) ?? 0;
  return {
    nodes: [...own].sort((a, b) => raised(b) - raised(a)).map(node => node.index),
    tried: own.length,
    failed: own.filter(node => (FAILURES as readonly string[]).includes(node.status)).length,
    better: own.filter(node => beats(node, nodes, direction)).length,
    raised: own.reduce((sum, node) => sum + raised(node), 0),
  };
}

function beats(node: NodeWire, nodes: readonly NodeWire[], direction: Direction): boolean {
  if (node.status !== "ok" || isDoubted(node)) return false;
  const own = score(node.value, direction);
  return node.parents.every(parent => own > score(nodes[parent]?.value ?? null, direction));
}

/** Return by how much each step of the best line raised the best. */
function raisesOf(steps: readonly NodeWire[], direction: Direction): Map<number, number> {
  return new Map(
    steps.slice(1).map((node, i) => {
      const before = steps[i] as NodeWire;
      return [node.index, Math.max(0, score(node.value, direction) - score(before.value, direction))];
    }),
  );
}

/** Return for each node the best of it and all below it that nobody doubts. */
function branchesOf(nodes: readonly NodeWire[], direction: Direction): (NodeWire | null)[] {
  const best = nodes.map(node => (node.value === null || isDoubted(node) ? null : node));
  // Children come after their parents.
  for (let i = nodes.length - 1; i > 0; i--) {
    const parent = nodes[i]?.parents[0];
    if (parent !== undefined) best[parent] = better(best[parent] ?? null, best[i] ?? null, direction);
  }
  return best;
}

function better(a: NodeWire | null, b: NodeWire | null, direction: Direction): NodeWire | null {
  if (a === null || b === null) return a ?? b;
  return score(b.value, direction) > score(a.value, direction) ? b : a;
}

function grouped<K>(nodes: readonly NodeWire[], key: (node: NodeWire) => K): Map<K, NodeWire[]> {
  const groups = new Map<K, NodeWire[]>();
  for (const node of nodes) {
    const name = key(node);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [node]);
    else group.push(node);
  }
  return groups;
}
