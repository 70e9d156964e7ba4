// The palette's commands; each is carried out by the widget of the run, which knows best and selected node.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { type ICommandPalette, Notification } from "@jupyterlab/apputils";
import type { INotebookTracker } from "@jupyterlab/notebook";
import { COMMAND_EVENT, type CommandDetail } from "../shared/accept";

const COMMANDS: { command: CommandDetail["command"]; label: string; caption: string }[] = [
  {
    command: "accept-best",
    label: "Accept the Best Candidate",
    caption: "Replace the seed cell by the best candidate",
  },
  {
    command: "accept-selected",
    label: "Accept the Selected Candidate",
    caption: "Replace the seed cell by the candidate selected in the tree",
  },
  { command: "pause", label: "Pause the Run", caption: "Ask for no more candidates until resumed" },
  { command: "resume", label: "Resume the Run", caption: "Go on after a pause" },
  { command: "stop", label: "Stop the Run", caption: "End the run and keep what was scored" },
];

export function addCommands(app: JupyterFrontEnd, tracker: INotebookTracker, palette: ICommandPalette | null): void {
  for (const { command, label, caption } of COMMANDS) {
    const id = `score-nb:${command}`;
    app.commands.addCommand(id, {
      label,
      caption,
      isEnabled: () => tracker.currentWidget !== null,
      execute: () => tellWidgets(tracker, command),
    });
    palette?.addItem({ command: id, category: "score-nb" });
  }
}

/** Tell the current notebook's widgets, that of the active cell first, until one has carried the command out. */
function tellWidgets(tracker: INotebookTracker, command: CommandDetail["command"]): void {
  const panel = tracker.currentWidget;
  if (panel === null) return;
  const all = [...panel.node.querySelectorAll(".snb")];
  const near = all.filter(root => panel.content.activeCell?.node.contains(root));
  const detail: CommandDetail = { command };
  for (const root of new Set([...near, ...all])) {
    root.dispatchEvent(new CustomEvent(COMMAND_EVENT, { detail }));
    if (detail.taken) return;
  }
  Notification.info("There is no live score-nb run in this notebook: run its %%score cell first.", {
    autoClose: 6_000,
  });
}
