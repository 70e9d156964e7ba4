// The item in the status bar: how many runs are at work and how far they are; a click leads to one after the other.

import type { IStatusBar } from "@jupyterlab/statusbar";
import { Signal } from "@lumino/signaling";
import { Widget } from "@lumino/widgets";
import { inWords, type Runs } from "./runs";

const STYLE = {
  display: "block",
  height: "100%",
  padding: "0 6px",
  border: "0",
  background: "none",
  cursor: "pointer",
};
const TEXT = { color: "inherit", font: "inherit", lineHeight: "24px" };

export class RunsItem extends Widget {
  readonly activity = new Signal<this, void>(this);
  private readonly button = document.createElement("button");
  private shown = 0;
  private isWanted = true;

  constructor(
    private readonly runs: Runs,
    private readonly go: (cellId: string | null) => void,
  ) {
    super();
    this.addClass("score-nb-status");
    this.button.type = "button";
    this.button.addEventListener("click", () => this.next());
    Object.assign(this.button.style, STYLE, TEXT);
    this.node.append(this.button);
    runs.changed.connect(() => this.draw());
    this.draw();
  }

  /** Show the item in the bar, or never. */
  want(isWanted: boolean): void {
    this.isWanted = isWanted;
    this.draw();
  }

  get isActive(): boolean {
    return this.isWanted && this.runs.atWork().length > 0;
  }

  private draw(): void {
    const runs = this.runs.atWork();
    const [only] = runs;
    const done = runs.reduce((sum, run) => sum + run.nodes, 0);
    const all = runs.reduce((sum, run) => sum + run.budget, 0);
    const name = runs.length === 1 && only !== undefined ? only.name : `${runs.length} runs`;
    const isPaused = runs.every(run => run.state === "paused");
    this.button.textContent = `score-nb: ${name} ${isPaused ? "paused, " : ""}${done}/${all}`;
    this.button.title = `${runs.map(inWords).join("\n")}\nClick to go there`;
    this.activity.emit();
  }

  private next(): void {
    const runs = this.runs.atWork();
    const run = runs[this.shown++ % Math.max(1, runs.length)];
    if (run !== undefined) this.go(run.cellId);
  }
}

/** Put the item into the bar. */
export function addToStatusBar(bar: IStatusBar, item: RunsItem): void {
  bar.registerStatusItem("score-nb:runs", {
    item,
    align: "left",
    rank: 4,
    isActive: () => item.isActive,
    activeStateChanged: item.activity,
  });
}
