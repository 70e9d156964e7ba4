// The runs at work in all open notebooks: what the status bar shows, and where each of them is.

import { Signal } from "@lumino/signaling";
import { ASK_STATUS_EVENT, type RunStatus, STATUS_EVENT } from "../shared/status";

export class Runs {
  /** Told when a run changes, with how it stood before. */
  readonly changed = new Signal<this, { now: RunStatus; before: RunStatus | undefined }>(this);
  private readonly known = new Map<string, RunStatus>();

  constructor() {
    window.addEventListener(STATUS_EVENT, event => this.hear((event as CustomEvent<RunStatus>).detail));
    window.dispatchEvent(new CustomEvent(ASK_STATUS_EVENT));
  }

  /** Return the runs at work, oldest first. */
  atWork(): RunStatus[] {
    return [...this.known.values()].filter(isAtWork);
  }

  /** Return the run of that seed cell, undefined where none has been heard of. */
  ofCell(cellId: string): RunStatus | undefined {
    // The latest: a cell that was run again has another run.
    return [...this.known.values()].reverse().find(run => run.cellId === cellId);
  }

  private hear(now: RunStatus): void {
    const before = this.known.get(now.id);
    if (now.isGone) this.known.delete(now.id);
    else this.known.set(now.id, now);
    this.changed.emit({ now, before });
  }
}

/** Return whether a run can still change by itself. */
export function isAtWork(run: RunStatus): boolean {
  return run.isLive && !run.isGone && (run.state === "running" || run.state === "paused");
}

/** Return a run in a line. */
export function inWords(run: RunStatus): string {
  const best = run.best === null ? "no value yet" : `best ${Number(run.best.toPrecision(5))}`;
  const gain = run.gain === null ? "" : ` (${run.gain > 0 ? "+" : ""}${Number(run.gain.toPrecision(3))})`;
  return `${run.name}: ${run.state}, ${run.nodes} of ${run.budget}, ${best}${gain}`;
}
