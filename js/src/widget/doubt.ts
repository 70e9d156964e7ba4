// Doubt and noise in words.

import type { NodeWire, RunWire, Signal } from "../shared/protocol";
import { isNoise } from "./derive";

const SIGNAL_WORDS: Record<Signal, string> = {
  nondeterministic: "not reproducible",
  "beyond-bounds": "beyond the metric's bounds",
  jump: "an unlikely jump",
  holdout: "worse on the hold-out",
  constant: "constant outputs",
};

/** Return a kind of doubt in words; one of a newer kernel by its own name. */
export function doubtWords(kind: Signal): string {
  return SIGNAL_WORDS[kind] ?? kind;
}

/** Return all standing doubts about a node in words, "" where there is none. */
export function doubtsOf(node: NodeWire): string {
  return (node.doubts ?? []).map(doubtWords).join(", ");
}

/** Return whether chance alone explains a node's gain over seed or parent, in words; "" where it does not. */
export function noiseWords(run: RunWire, nodes: readonly NodeWire[], node: NodeWire): string {
  if (isNoise(node, nodes[0], run)) return "cannot be told apart from the seed";
  const parent = node.parents[0];
  if (parent === undefined || !isNoise(node, nodes[parent], run)) return "";
  return `cannot be told apart from its parent #${parent}`;
}
