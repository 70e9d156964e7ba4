// Where each node of the tree stands: a tidy layered layout, in linear time and without recursion.
//
// Depth goes down; every subtree is packed against its left neighbour by comparing outlines (Reingold and Tilford 1981,
// with the threads of Buchheim et al. 2002 replaced by merged outlines). Children keep the order of their indices, so
// that a new node never moves older ones past each other.

export interface Layout {
  /** In node widths, the root of the tree at 0. */
  x: Float64Array;
  depth: Int32Array;
  width: number;
  height: number;
}

/**
 * One side of a subtree's outline by depth, seen from its root. Stored from the deepest level up, so that adding a root
 * is cheap, and with a common shift, so that moving a subtree is.
 */
interface Side {
  at: number[];
  shift: number;
}

interface Outline {
  left: Side;
  right: Side;
}

/**
 * Return the layout of a tree given by each node's parent (-1 for the root, which is first; parents come before their
 * children).
 */
export function layout(parents: Int32Array): Layout {
  const n = parents.length;
  const children: number[][] = Array.from({ length: n }, () => []);
  const depth = new Int32Array(n);
  for (let i = 1; i < n; i++) {
    const parent = parents[i] as number;
    children[parent]?.push(i);
    depth[i] = (depth[parent] as number) + 1;
  }
  const offset = offsets(children);
  const x = new Float64Array(n);
  let [low, high, height] = [0, 0, 0];
  for (let i = 1; i < n; i++) {
    x[i] = (x[parents[i] as number] as number) + (offset[i] as number);
    low = Math.min(low, x[i] as number);
    high = Math.max(high, x[i] as number);
    height = Math.max(height, depth[i] as number);
  }
  for (let i = 0; i < n; i++) x[i] = (x[i] as number) - low;
  return { x, depth, width: high - low, height };
}

/** Return each node's place relative to its parent. */
function offsets(children: number[][]): Float64Array {
  const offset = new Float64Array(children.length);
  const outlines: (Outline | null)[] = new Array(children.length).fill(null);
  // Children come after their parents: going backwards, every subtree is finished before its root.
  for (let i = children.length - 1; i >= 0; i--) {
    const kids = children[i] as number[];
    const at: number[] = [];
    let merged: Outline | null = null;
    for (const kid of kids) {
      const own = outlines[kid] as Outline;
      const shift: number = merged === null ? 0 : distance(merged, own);
      at.push(shift);
      merged = merged === null ? own : join(merged, own, shift);
      outlines[kid] = null;
    }
    const middle = kids.length > 0 ? ((at[0] as number) + (at[at.length - 1] as number)) / 2 : 0;
    for (const [j, kid] of kids.entries()) offset[kid] = (at[j] as number) - middle;
    outlines[i] = crowned(merged, middle);
  }
  return offset;
}

/** Return how far `next` must stand to the right so that it touches `done` nowhere. */
function distance(done: Outline, next: Outline): number {
  let gap = Number.NEGATIVE_INFINITY;
  const levels = Math.min(done.right.at.length, next.left.at.length);
  for (let d = 1; d <= levels; d++) gap = Math.max(gap, level(done.right, d) - level(next.left, d) + 1);
  return gap;
}

/** Return the outline of both, `next` shifted. */
function join(done: Outline, next: Outline, shift: number): Outline {
  next.left.shift += shift;
  next.right.shift += shift;
  return { left: overlay(next.left, done.left), right: overlay(done.right, next.right) };
}

/** Return `under` with its top levels replaced by those of `over`, reusing the longer of the two. */
function overlay(under: Side, over: Side): Side {
  if (over.at.length >= under.at.length) return over;
  for (let d = 1; d <= over.at.length; d++) under.at[under.at.length - d] = level(over, d) - under.shift;
  return under;
}

/** Return the outline of a root above `merged`, seen from that root. */
function crowned(merged: Outline | null, middle: number): Outline {
  if (merged === null) return { left: { at: [0], shift: 0 }, right: { at: [0], shift: 0 } };
  for (const side of [merged.left, merged.right]) {
    side.shift -= middle;
    side.at.push(-side.shift);
  }
  return merged;
}

function level(side: Side, fromTop: number): number {
  return (side.at[side.at.length - fromTop] as number) + side.shift;
}
