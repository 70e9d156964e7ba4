// The commands of palette, shortcuts and cell toolbar; each is carried out by the widget of the run, which knows best and
// selected node.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { type ICommandPalette, Notification } from "@jupyterlab/apputils";
import type { INotebookTracker } from "@jupyterlab/notebook";
import { checkIcon } from "@jupyterlab/ui-components";
import { COMMAND_EVENT, type CommandDetail } from "../shared/accept";
import { showCell } from "./accept";
import { inWords, type Runs } from "./runs";
import { openTab, runCell } from "./tab";

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
const CATEGORY = "score-nb";
const NO_RUN = "There is no live score-nb run in this notebook: run its %%score cell first.";

export function addCommands(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  runs: Runs,
  palette: ICommandPalette | null,
  hasTabs: boolean,
): void {
  for (const { command, label, caption } of COMMANDS) {
    const id = `score-nb:${command}`;
    app.commands.addCommand(id, {
      label,
      caption,
      isEnabled: () => tracker.currentWidget !== null,
      execute: () => tellWidgets(tracker, command),
    });
    palette?.addItem({ command: id, category: CATEGORY });
  }
  addRunList(app, tracker, runs, palette);
  addToolbarButton(app, tracker, runs);
  if (hasTabs) addTabCommand(app, tracker, palette);
}

function addRunList(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  runs: Runs,
  palette: ICommandPalette | null,
): void {
  app.commands.addCommand("score-nb:runs", {
    label: "Show the Runs at Work",
    caption: "Say which runs are at work, and go to them",
    execute: () => {
      const atWork = runs.atWork();
      if (atWork.length === 0) Notification.info("No score-nb run is at work.", { autoClose: 6_000 });
      for (const run of atWork) {
        const callback = () => showRun(app, tracker, run.cellId);
        Notification.info(inWords(run), { autoClose: 12_000, actions: [{ label: "Show", callback }] });
      }
    },
  });
  palette?.addItem({ command: "score-nb:runs", category: CATEGORY });
}

/** The button in the toolbar of a seed cell, while its run has something better than the seed. */
function addToolbarButton(app: JupyterFrontEnd, tracker: INotebookTracker, runs: Runs): void {
  const id = "score-nb:accept-here";
  const here = () => {
    const cell = tracker.activeCell;
    const run = cell === null ? undefined : runs.ofCell(cell.model.id);
    return run?.gain != null ? run : undefined;
  };
  app.commands.addCommand(id, {
    label: "",
    icon: checkIcon,
    caption: () => {
      const run = here();
      return run === undefined ? "Accept the best candidate" : `Accept the best candidate of ${inWords(run)}`;
    },
    isVisible: () => here() !== undefined,
    isEnabled: () => here() !== undefined,
    execute: () => tellWidgets(tracker, "accept-best"),
  });
  const look = () => app.commands.notifyCommandChanged(id);
  runs.changed.connect(look);
  tracker.activeCellChanged.connect(look);
}

function addTabCommand(app: JupyterFrontEnd, tracker: INotebookTracker, palette: ICommandPalette | null): void {
  app.commands.addCommand("score-nb:open-in-tab", {
    label: "Open the Run in Its Own Tab",
    caption: "Show the run of the active cell, or the first of the notebook, beside the notebook",
    isEnabled: () => tracker.currentWidget !== null,
    execute: () => {
      const panel = tracker.currentWidget;
      const cell = panel === null ? undefined : runCell(panel);
      if (panel === null || cell === undefined) Notification.info(NO_RUN, { autoClose: 6_000 });
      else openTab(app, panel, cell);
    },
  });
  palette?.addItem({ command: "score-nb:open-in-tab", category: CATEGORY });
}

/** Bring the notebook and the cell of a run to the front. */
export function showRun(app: JupyterFrontEnd, tracker: INotebookTracker, cellId: string | null): void {
  const panel = tracker.find(each => each.content.widgets.some(cell => cell.model.id === cellId));
  if (panel === undefined) return;
  app.shell.activateById(panel.id);
  showCell(tracker, panel, cellId);
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
  Notification.info(NO_RUN, { autoClose: 6_000 });
}
