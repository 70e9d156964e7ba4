// What a run's page tells the JupyterLab extension of how the run stands, and what the extension tells the pages. Window
// events: the two are built apart and either may be there without the other.

import type { RunState } from "./protocol";

/** Told by every live page when its run changes, at most once a second; `detail` is a `RunStatus`. */
export const STATUS_EVENT = "score-nb:status";
/** Told by an extension that came later than the pages: say how your runs stand. */
export const ASK_STATUS_EVENT = "score-nb:ask-status";
/** Told by a view on its root, bubbling: show my run in a tab of its own. An extension that does prevents the default. */
export const TAB_EVENT = "score-nb:open-tab";

export interface RunStatus {
  id: string;
  name: string;
  state: RunState;
  /** Whether the kernel answers; a run of one that does not is not at work for anybody here. */
  isLive: boolean;
  nodes: number;
  budget: number;
  /** Value of the best and its gain over the seed, null while there is none. */
  best: number | null;
  gain: number | null;
  cellId: string | null;
  /** The page is gone, as when its notebook was closed. */
  isGone: boolean;
}

/** What the user has set in the extension's settings; the pages read it when they begin. */
export interface Preferences {
  difference: "unified" | "split";
  compareWith: "seed" | "parent";
  /** Whether runs can be shown in a tab of their own here. */
  hasTabs: boolean;
}

interface Host {
  scoreNb?: Partial<Preferences>;
}

/** Return the preferences of this page; those of a page without the extension are the defaults. */
export function preferences(): Preferences {
  const told = (globalThis as Host).scoreNb;
  return {
    difference: told?.difference === "split" ? "split" : "unified",
    compareWith: told?.compareWith === "parent" ? "parent" : "seed",
    hasTabs: told?.hasTabs === true,
  };
}

/** Tell the pages what was set. */
export function prefer(change: Partial<Preferences>): void {
  const host = globalThis as Host;
  host.scoreNb = { ...host.scoreNb, ...change };
}
