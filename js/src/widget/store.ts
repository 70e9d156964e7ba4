// What the page knows of its run: one value, changed only by `reduce`.

import type { DetailWire, FlightWire, FromKernel, NodeWire, RunWire } from "../shared/protocol";

export interface RunData {
  run: RunWire | null;
  nodes: readonly NodeWire[];
  flights: readonly FlightWire[];
  details: ReadonlyMap<number, DetailWire>;
  /** Number of the last message taken in. */
  seq: number;
  /** What the kernel could not do, in its words; "" where there is nothing to say. */
  refused: string;
}

export const EMPTY: RunData = { run: null, nodes: [], flights: [], details: new Map(), seq: -1, refused: "" };

/** Return the data after `message`, or null where messages in between are missing: say hello again. */
export function reduce(data: RunData, message: FromKernel): RunData | null {
  switch (message.kind) {
    case "snapshot":
      return {
        ...data,
        run: message.run,
        nodes: message.nodes,
        flights: message.in_flight,
        // Another run (the cell was run again) has other nodes under the same numbers.
        details: data.run?.id === message.run.id ? data.details : new Map(),
        seq: message.seq,
      };
    case "delta": {
      if (data.run === null || message.seq > data.seq + 1) return null;
      if (message.seq <= data.seq) return data;
      const flights = message.in_flight ?? data.flights;
      const nodes = withChanges(data.nodes, message.nodes ?? [], message.visits ?? []);
      const isCounted = message.visits !== undefined || (nodes === data.nodes && flights === data.flights);
      return {
        ...data,
        run: { ...data.run, ...message.run },
        nodes: isCounted ? nodes : withVisits(nodes, flights),
        flights,
        seq: message.seq,
      };
    }
    case "detail":
      return { ...data, details: new Map(data.details).set(message.index, message) };
    case "refused":
      return { ...data, refused: message.message };
    default:
      return data;
  }
}

function withChanges(
  nodes: readonly NodeWire[],
  changed: readonly NodeWire[],
  visits: readonly [number, number][],
): readonly NodeWire[] {
  if (changed.length === 0 && visits.length === 0) return nodes;
  const next = nodes.slice();
  for (const [index, count] of visits) {
    const node = next[index];
    if (node) next[index] = { ...node, visits: count };
  }
  for (const node of changed) next[node.index] = node;
  return next;
}

/** Return the nodes with their visits: one for the node, one for each node or expansion at work below it. */
function withVisits(nodes: readonly NodeWire[], flights: readonly FlightWire[]): readonly NodeWire[] {
  const visits = new Int32Array(nodes.length).fill(1);
  for (const { parents } of flights) {
    if (parents[0] !== undefined && parents[0] < nodes.length) visits[parents[0]] = (visits[parents[0]] as number) + 1;
  }
  // Children come after their parents: going backwards, all below a node is counted before it.
  for (let i = nodes.length - 1; i > 0; i--) {
    const parent = nodes[i]?.parents[0];
    if (parent !== undefined) visits[parent] = (visits[parent] as number) + (visits[i] as number);
  }
  return nodes.some(({ index, visits: known }) => known !== visits[index])
    ? nodes.map(node => (node.visits === visits[node.index] ? node : { ...node, visits: visits[node.index] as number }))
    : nodes;
}

/** Return whether two objects hold the same values. */
export function sameIn<T extends object>(one: T | null, other: T): boolean {
  return one !== null && (Object.keys(other) as (keyof T)[]).every(key => Object.is(one[key], other[key]));
}

type Listener = () => void;

/** A value that tells who listens when it is replaced. */
export class Cell<T> {
  private listeners = new Set<Listener>();
  constructor(private value: T) {}

  get(): T {
    return this.value;
  }

  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const listener of [...this.listeners]) listener();
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
