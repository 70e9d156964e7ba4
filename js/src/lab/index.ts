// The JupyterLab extension: takes accepted candidates into the seed cell, offers commands, and draws reopened runs.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { INotebookTracker } from "@jupyterlab/notebook";
import { answerWidgets } from "./accept";
import { addCommands } from "./commands";
import { answerKernels } from "./kernel";
import { drawRuns } from "./renderer";

const plugin: JupyterFrontEndPlugin<void> = {
  id: "score-nb:plugin",
  description: "Accept candidates into the notebook, steer runs from the palette, draw saved runs",
  autoStart: true,
  requires: [INotebookTracker],
  // Notebook 7 has no palette in some of its views.
  optional: [ICommandPalette],
  activate(app: JupyterFrontEnd, tracker: INotebookTracker, palette: ICommandPalette | null): void {
    answerWidgets(tracker);
    answerKernels(tracker);
    drawRuns(tracker);
    addCommands(app, tracker, palette);
  },
};

export default plugin;
