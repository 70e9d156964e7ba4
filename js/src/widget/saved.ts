// A run out of a saved notebook: the data that score_nb/view/data.py stores there, spoken as if a kernel were there.

import type { DetailWire, FromPage, NodeWire, RunWire, Signal, Snapshot } from "../shared/protocol";
import type { Channel } from "./link";

/** What the notebook holds, as far as it is used; every field may be missing in a file of another version. */
export interface SavedRun {
  run?: string;
  name?: string;
  metric?: string;
  created?: string;
  direction?: RunWire["direction"];
  state?: RunWire["state"];
  reason?: string;
  model?: string;
  policy?: string;
  c_puct?: number;
  budget_nodes?: number;
  accepted?: number | null;
  best?: number | null;
  pinned?: number | null;
  ideas?: string[];
  noise?: number | null;
  tokens?: number;
  cost?: number;
  elapsed?: number;
  cell_id?: string | null;
  nodes?: Partial<Columns>;
  sources?: Record<string, string>;
}

interface Columns {
  parents: number[][];
  status: NodeWire["status"][];
  value: (number | null)[];
  holdout: (number | null)[];
  operator: NodeWire["operator"][];
  visits: number[];
  finished: number[];
  seconds: number[];
  tokens: number[];
  cost: number[];
  detail: string[];
  /** Of the few nodes that have them, by index. */
  flags: Record<string, [Signal, string, boolean][]>;
  allowed: number[];
  dropped: number[];
  /** Which of the run's `ideas` it follows, by index. */
  idea: Record<string, number>;
  hint: number[];
  duplicate_of: Record<string, number>;
  pick: (NodeWire["pick"] | null)[];
  repeats: Record<string, number>;
  spread: Record<string, number>;
}

/** Return whether there is a tree to draw. */
export function isDrawable(saved: SavedRun | undefined): saved is SavedRun {
  return (saved?.nodes?.parents?.length ?? 0) > 0 && saved?.nodes?.value !== undefined;
}

/** A channel that answers out of the notebook; commands go nowhere. */
export class SavedChannel implements Channel {
  readonly isSaved = true;
  private hear: ((message: unknown) => void) | null = null;

  constructor(private readonly saved: SavedRun) {}

  on(_event: "msg:custom", callback: (message: unknown) => void): void {
    this.hear = callback;
  }

  off(): void {
    this.hear = null;
  }

  send(message: FromPage): void {
    if (message.kind === "hello") this.hear?.(toSnapshot(this.saved));
    if (message.kind === "detail") {
      const detail = toDetail(this.saved, message.index);
      if (detail !== null) this.hear?.(detail);
    }
  }
}

export function toSnapshot(saved: SavedRun): Snapshot {
  const nodes = toNodes(saved.nodes ?? {});
  const isOpen = saved.state === "running" || saved.state === "paused";
  return {
    kind: "snapshot",
    seq: 0,
    protocol: 1,
    run: {
      id: saved.run ?? "",
      name: saved.name ?? "",
      metric: saved.metric ?? "",
      created: saved.created ?? "",
      direction: saved.direction ?? "maximize",
      // Nothing runs in a file.
      state: isOpen ? "stopped" : (saved.state ?? "stopped"),
      reason: isOpen ? "saved while the run was going on" : (saved.reason ?? ""),
      budget: { nodes: saved.budget_nodes ?? nodes.length, minutes: null, tokens: null, cost: null },
      elapsed: saved.elapsed ?? 0,
      tokens: saved.tokens ?? 0,
      cost: saved.cost ?? 0,
      accepted: saved.accepted ?? null,
      best: saved.best,
      pinned: saved.pinned ?? null,
      ideas: saved.ideas,
      noise: saved.noise ?? null,
      holdout: nodes.some(node => node.holdout !== undefined) ? "hold-out" : null,
      model: saved.model ?? "",
      policy: saved.policy ?? "",
      c_puct: saved.c_puct ?? 1,
      timeout: null,
      memory: null,
      confinement: {},
      warnings: [],
      cell_id: saved.cell_id ?? null,
    },
    nodes,
    in_flight: [],
  };
}

function toNodes(columns: Partial<Columns>): NodeWire[] {
  return (columns.parents ?? []).map((parents, index) => ({
    index,
    parents,
    status: columns.status?.[index] ?? "ok",
    value: columns.value?.[index] ?? null,
    operator: columns.operator?.[index] ?? "improve",
    visits: columns.visits?.[index] ?? 1,
    seconds: columns.seconds?.[index] ?? 0,
    tokens: columns.tokens?.[index] || undefined,
    cost: columns.cost?.[index] || undefined,
    finished: columns.finished?.[index] ?? index,
    detail: columns.detail?.[index] || undefined,
    holdout: columns.holdout?.[index] ?? undefined,
    repeats: columns.repeats?.[index],
    spread: columns.spread?.[index],
    doubts: standing(columns.flags?.[index]),
    allowed: columns.allowed?.includes(index) || undefined,
    dropped: columns.dropped?.includes(index) || undefined,
    idea: columns.idea?.[index] !== undefined || undefined,
    idea_at: columns.idea?.[index],
    hint: columns.hint?.includes(index) || undefined,
    duplicate_of: columns.duplicate_of?.[index],
    pick: columns.pick?.[index] ?? undefined,
  }));
}

function standing(flags: [Signal, string, boolean][] | undefined): Signal[] | undefined {
  const kinds = (flags ?? []).filter(([, , isSettled]) => !isSettled).map(([kind]) => kind);
  return kinds.length > 0 ? kinds : undefined;
}

function toDetail(saved: SavedRun, index: number): DetailWire | null {
  const source = saved.sources?.[String(index)];
  if (source === undefined) return null;
  const empty = { log: "", prompt: "", reply: "", plan: "", idea: "", hint: "", model: "" };
  const none = { metrics: {}, cpu_seconds: 0, peak_mib: 0, started: 0, ticket: 0 };
  const flags = (saved.nodes?.flags?.[index] ?? []).map(([kind, detail, settled]) => ({ kind, detail, settled }));
  return { kind: "detail", index, source, detail: saved.nodes?.detail?.[index] ?? "", flags, ...empty, ...none };
}
