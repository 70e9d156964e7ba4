// The JupyterLab extension: takes accepted candidates into the seed cell, offers commands, and draws reopened runs.

import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, Notification } from "@jupyterlab/apputils";
import { INotebookTracker } from "@jupyterlab/notebook";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { IStatusBar } from "@jupyterlab/statusbar";
import { answerWidgets } from "./accept";
import { addCommands, showRun } from "./commands";
import { answerKernels } from "./kernel";
import { drawRuns } from "./renderer";
import { answerLooks } from "./review";
import { inWords, isAtWork, Runs } from "./runs";
import { readSettings, type Settings } from "./settings";
import { addToStatusBar, RunsItem } from "./statusbar";
import { openTabs } from "./tab";

const plugin: JupyterFrontEndPlugin<void> = {
  id: "score-nb:plugin",
  description: "Accept candidates into the notebook, steer runs from the palette, draw saved runs",
  autoStart: true,
  requires: [INotebookTracker],
  // Notebook 7 has no palette in some of its views, no status bar and no tabs.
  optional: [ICommandPalette, ISettingRegistry, IStatusBar, ILabShell],
  activate(
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null,
    bar: IStatusBar | null,
    shell: ILabShell | null,
  ): void {
    const runs = new Runs();
    const item = new RunsItem(runs, cellId => showRun(app, tracker, cellId));
    let settings: Settings = { statusBar: true, notifyAtEnd: true };
    answerWidgets(tracker);
    answerLooks(app, tracker);
    answerKernels(tracker);
    drawRuns(tracker);
    if (shell !== null) openTabs(app, tracker);
    addCommands(app, tracker, runs, palette, shell !== null);
    if (bar !== null) addToStatusBar(bar, item);
    if (registry !== null) {
      void readSettings(registry, plugin.id, now => {
        settings = now;
        item.want(now.statusBar);
      });
    }
    sayEnds(app, tracker, runs, () => settings.notifyAtEnd);
  },
};

/** Say that a run has ended where its notebook is not the document in front. */
function sayEnds(app: JupyterFrontEnd, tracker: INotebookTracker, runs: Runs, isWanted: () => boolean): void {
  runs.changed.connect((_, { now, before }) => {
    const hasEnded = before !== undefined && isAtWork(before) && (now.state === "finished" || now.state === "failed");
    const isInFront =
      !document.hidden &&
      app.shell.currentWidget === tracker.currentWidget &&
      tracker.currentWidget?.content.widgets.some(cell => cell.model.id === now.cellId) === true;
    if (!hasEnded || now.isGone || isInFront || !isWanted()) return;
    Notification.info(inWords(now), {
      autoClose: 12_000,
      actions: [{ label: "Show", callback: () => showRun(app, tracker, now.cellId) }],
    });
  });
}

export default plugin;
