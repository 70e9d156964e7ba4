// What all views of one model share: the link to the kernel and what the user is looking at.

import type { AcceptResult } from "../shared/accept";
import type { RunState } from "../shared/protocol";
import { isNotebookModel, type NotebookModelLike } from "../shared/shared-cell";
import { bestIndex } from "./derive";
import { type Channel, Link } from "./link";
import { Cell, type RunData } from "./store";

export type Tab = "diff" | "code" | "log" | "prompt" | "idea" | "numbers";
export type Base = "seed" | "parent" | "best";
export type Axis = "node" | "time" | "cost";

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
  isBeside: boolean;
  axis: Axis;
  /** Text that the diff compares with instead of `base`, e.g. the edited cell; null where it does not. */
  against: string | null;
  /** The kind of node that the legend singles out, "" for all. */
  only: string;
  /** What is looked for among the candidates, "" for nothing. */
  find: string;
  /** Nodes whose descendants are folded away. */
  folded: ReadonlySet<number>;
}

const START: Ui = {
  selected: null,
  tab: "diff",
  base: "seed",
  isBeside: false,
  axis: "node",
  against: null,
  only: "",
  find: "",
  folded: new Set(),
};

export class Session {
  readonly link: Link;
  readonly ui = new Cell<Ui>(START);
  /** Kept here, not in a view: a front end may draw the view anew at any time. */
  readonly outcome = new Cell<Outcome | null>(null);

  /** The last change of state that was asked for, and when, until the run is in that state. */
  readonly asked = new Cell<Asked | null>(null);

  constructor(
    channel: Channel,
    private readonly manager: unknown,
  ) {
    this.link = new Link(channel);
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
    this.link.close();
  }
}

/** Return the node that is looked at: the chosen one, else the best, else the seed; null while there is none. */
export function selectedIndex(data: RunData, ui: Ui): number | null {
  if (ui.selected !== null && ui.selected < data.nodes.length) return ui.selected;
  if (data.run === null || data.nodes.length === 0) return null;
  return bestIndex(data.nodes, data.run.direction) ?? 0;
}
