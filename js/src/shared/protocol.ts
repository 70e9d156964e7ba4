// The wire between page and kernel. The kernel's half is score_nb/view/wire.py; words are those of
// score_nb/types.py. Both sides ignore kinds and fields that they do not know.

export const PROTOCOL = 1;
export const RUN_MIME = "application/vnd.score-nb.run+json";
export const WIDGET_MIME = "application/vnd.jupyter.widget-view+json";
export const COMM_TARGET = "score_nb";

export type Direction = "maximize" | "minimize";
export type RunState = "running" | "paused" | "stopped" | "finished" | "failed";
export type Failure = "error" | "timeout" | "memory" | "crashed" | "forbidden" | "invalid";
export type Status = "ok" | "duplicate" | Failure;
export type Operator = "seed" | "draft" | "improve" | "debug" | "recombine" | "idea" | "tune";
export type Signal = "nondeterministic" | "beyond-bounds" | "jump" | "holdout" | "constant";
export type Stage = "proposing" | "proposed" | "evaluating";

export const FAILURES: readonly Failure[] = ["error", "timeout", "memory", "crashed", "forbidden", "invalid"];

/** Rank score, visits before the expansion, exploration bonus: why the parent was expanded. */
export type PickWire = [rankScore: number, visits: number, bonus: number];

/** A node as the tree and the curve need it; what only the detail shows comes in a `DetailWire`. */
export interface NodeWire {
  index: number;
  parents: number[];
  status: Status;
  value: number | null;
  operator: Operator;
  visits: number;
  seconds: number;
  /** Seconds since the run was created. */
  finished: number;
  detail?: string;
  /** Standard deviation over `repeats` evaluations, where there were several. */
  spread?: number;
  repeats?: number;
  /** The doubts about the value that no further evaluation has answered. */
  doubts?: Signal[];
  /** The user lets it be the best in spite of them. */
  allowed?: boolean;
  /** The user has given up the branch it is on: neither expanded nor the best. */
  dropped?: boolean;
  holdout?: number;
  duplicate_of?: number;
  tokens?: number;
  cost?: number;
  pick?: PickWire;
  idea?: boolean;
  hint?: boolean;
  /** Which of the run's `ideas` it follows. */
  idea_at?: number;
}

/** An expansion at work: asked for, not yet a node. */
export interface FlightWire {
  ticket: number;
  parents: number[];
  operator: Operator;
  stage: Stage;
  since: number;
  pick?: PickWire;
  idea?: boolean;
  hint?: boolean;
}

/** A reason to doubt a value; `settled` where further evaluations have answered it. */
export interface FlagWire {
  kind: Signal;
  detail: string;
  settled: boolean;
}

/** What the metric gave to what must not win; null where it gave nothing, as it should be. */
export interface TestedWire {
  again: number | null;
  empty: number | null;
  probes: Record<string, number | null>;
}

export interface BudgetWire {
  nodes: number;
  minutes: number | null;
  tokens: number | null;
  cost: number | null;
}

/** What holds for the run as a whole. */
export interface RunWire {
  id: string;
  name: string;
  metric: string;
  created: string;
  direction: Direction;
  state: RunState;
  reason: string;
  budget: BudgetWire;
  elapsed: number;
  tokens: number;
  cost: number;
  accepted: number | null;
  /** The best by lower bound, of those that are not doubted; undefined where an older kernel leaves it to the page. */
  best?: number | null;
  /** The node that the user lets be the best whatever the values say. */
  pinned?: number | null;
  /** The ideas that were tried, in the order of their first use. */
  ideas?: string[];
  /** Standard deviation of one evaluation, null before any node was evaluated more than once. */
  noise?: number | null;
  /** Evaluations of a candidate that may become the best. */
  repeats?: number;
  /** The least and the greatest value that the metric can reach, as declared. */
  bounds?: (number | null)[];
  tested?: TestedWire | null;
  holdout: string | null;
  model: string;
  policy: string;
  c_puct: number;
  timeout: number | null;
  memory: number | null;
  confinement: { level?: string; layers?: Record<string, string> };
  warnings: string[];
  /** The seed cell: its id in the notebook, null where the front end did not tell. */
  cell_id: string | null;
}

export interface Snapshot {
  kind: "snapshot";
  seq: number;
  protocol: number;
  run: RunWire;
  nodes: NodeWire[];
  in_flight: FlightWire[];
}

/** What changed since the message before; `seq` counts up by one. */
export interface Delta {
  kind: "delta";
  seq: number;
  run?: Partial<RunWire>;
  nodes?: NodeWire[];
  /** Only of an older kernel; else the page counts them. */
  visits?: [index: number, visits: number][];
  in_flight?: FlightWire[];
}

export interface DetailWire {
  kind: "detail";
  index: number;
  source: string;
  log: string;
  prompt: string;
  reply: string;
  plan: string;
  idea: string;
  hint: string;
  detail: string;
  model: string;
  metrics: Record<string, number | null>;
  /** The value of each evaluation, where there were several. */
  values?: (number | null)[];
  flags?: FlagWire[];
  cpu_seconds: number;
  peak_mib: number;
  started: number;
  ticket: number;
}

/** A command that could not be carried out, in the user's words. */
export interface Refused {
  kind: "refused";
  command: string;
  message: string;
}

export type FromKernel = Snapshot | Delta | DetailWire | Refused;

export type Command =
  | { kind: "pause" }
  | { kind: "resume" }
  | { kind: "stop" }
  | { kind: "accepted"; index: number }
  | { kind: "expand"; index: number; hint: string }
  | { kind: "idea"; text: string }
  | { kind: "budget"; nodes?: number; minutes?: number }
  | { kind: "allow"; index: number; is_allowed: boolean }
  | { kind: "pin"; index: number | null }
  | { kind: "drop"; index: number; is_dropped: boolean }
  | { kind: "evaluate"; index: number; repeats: number };

export type FromPage = { kind: "hello"; protocol: number } | { kind: "detail"; index: number } | Command;

/** Return a message of a kind that this page knows, else null. */
export function known(message: unknown): FromKernel | null {
  const kind = (message as { kind?: unknown } | null)?.kind;
  return kind === "snapshot" || kind === "delta" || kind === "detail" || kind === "refused"
    ? (message as FromKernel)
    : null;
}

/** Return `value` turned so that higher is better; failed nodes are at minus infinity. */
export function score(value: number | null, direction: Direction): number {
  if (value === null || !Number.isFinite(value)) return Number.NEGATIVE_INFINITY;
  return direction === "maximize" ? value : -value;
}
