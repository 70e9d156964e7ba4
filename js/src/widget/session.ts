// What all views of one model share: the link to the kernel and what the user is looking at.

import type { AcceptResult } from "../shared/accept";
import type { NodeWire, RunState } from "../shared/protocol";
import { isNotebookModel, type NotebookModelLike } from "../shared/shared-cell";
import { preferences } from "../shared/status";
import { bestIndex } from "./derive";
import { herald } from "./herald";
import { type Channel, Link } from "./link";
import { Cell, type RunData } from "./store";

export type Tab = "diff" | "code" | "log" | "prompt" | "idea" | "numbers" | "yields";
export type Base = "seed" | "parent" | "best" | "other";
export type Axis = "node" | "time" | "tokens" | "cost";

/** What came of accepting. */
export type Outcome =
  | (AcceptResult & { index: number; source: string; by: "extension" | "widget" })
  | { status: "manual"; index: number; command: string; source: string }
  | { status: "late"; index: number };

export interface Asked {
  kind: "pause" | "resume" | "stop";
  at: number;
}

const ENDED: RunState[] = ["stopped", "finished", "failed"];
const REACHED: Record<Asked["kind"], RunState[]> = {
  pause: ["paused", ...ENDED],
  resume: ["running", ...ENDED],
  stop: ENDED,
};

export interface Ui {
  /** The node looked at; null follows the best. */
  selected: number | null;
  tab: Tab;
  base: Base;
  /** The node that the diff compares with where `base` is "other". */
  other: number | null;
  isBeside: boolean;
  axis: Axis;
  /** Text that the diff compares with instead of `base`, e.g. the edited cell; null where it does not. */
  against: string | null;
  /** The kind of node that the legend singles out, "" for all. */
  only: string;
  /** What is looked for among the candidates, "" for nothing. */
  find: string;
  /** The candidates that were drawn a box around in the curve, null where there is no box. */
  boxed: ReadonlySet<number> | null;
  /** Nodes whose descendants are folded away. */
  folded: ReadonlySet<number>;
}

/** Return how a page begins, as the user likes it where there are settings. */
function start(): Ui {
  const { compareWith, difference } = preferences();
  return { ...START, base: compareWith, isBeside: difference === "split" };
}

const START: Ui = {
  selected: null,
  tab: "diff",
  base: "seed",
  other: null,
  isBeside: false,
  axis: "node",
  against: null,
  only: "",
  find: "",
  boxed: null,
  folded: new Set(),
};

/** How many evaluations "Evaluate again" asks for: enough to answer every doubt that evaluations can answer. */
export const MORE_EVALUATIONS = 3;

export class Session {
  readonly link: Link;
  private readonly silence: () => void;
  readonly ui = new Cell<Ui>(start());
  /** Kept here, not in a view: a front end may draw the view anew at any time. */
  readonly outcome = new Cell<Outcome | null>(null);

  /** The last change of state that was asked for, and when, until the run is in that state. */
  readonly asked = new Cell<Asked | null>(null);

  /** How many evaluations in all were asked for, by node. */
  readonly measuring = new Cell<ReadonlyMap<number, number>>(new Map());

  constructor(
    channel: Channel,
    private readonly manager: unknown,
  ) {
    this.link = new Link(channel);
    this.silence = channel.isSaved ? () => {} : herald(this.link);
    this.link.data.subscribe(() => {
      const { run } = this.link.data.get();
      const asked = this.asked.get();
      if (run !== null && asked !== null && REACHED[asked.kind].includes(run.state)) this.asked.set(null);
    });
  }

  /** Ask the kernel for another state of the run. */
  ask(kind: Asked["kind"]): void {
    this.asked.set({ kind, at: performance.now() });
    this.link.send({ kind });
  }

  /** Have a node evaluated so many times more. */
  measure(node: NodeWire, more: number): void {
    const known = Math.max(node.repeats ?? 1, this.measuring.get().get(node.index) ?? 0);
    this.measuring.set(new Map(this.measuring.get()).set(node.index, known + more));
    this.link.send({ kind: "evaluate", index: node.index, repeats: more });
  }

  /** Change part of what the user is looking at. */
  look(change: Partial<Ui>): void {
    this.ui.set({ ...this.ui.get(), ...change });
  }

  /** Return the notebook's model where this front end lets a widget reach it (JupyterLab does), else null. */
  notebook(): NotebookModelLike | null {
    const model = (this.manager as { context?: { model?: unknown } } | undefined)?.context?.model;
    return isNotebookModel(model) ? model : null;
  }

  close(): void {
    this.silence();
    this.link.close();
  }
}

/** Return the node that is looked at: the chosen one, else the best, else the seed; null while there is none. */
export function selectedIndex(data: RunData, ui: Ui): number | null {
  if (ui.selected !== null && ui.selected < data.nodes.length) return ui.selected;
  if (data.run === null || data.nodes.length === 0) return null;
  return bestIndex(data.run, data.nodes) ?? 0;
}
