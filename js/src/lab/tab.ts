// A run in a tab of its own: the same output as in the cell, drawn once more with the notebook's own renderer.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { MainAreaWidget } from "@jupyterlab/apputils";
import type { Cell, CodeCell } from "@jupyterlab/cells";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { IRenderMime } from "@jupyterlab/rendermime";
import { Panel } from "@lumino/widgets";
import { RUN_MIME } from "../shared/protocol";
import { prefer, TAB_EVENT } from "../shared/status";
import { panelOf } from "./accept";

/** Open the run of a cell's output in a tab wherever a view asks for it. */
export function openTabs(app: JupyterFrontEnd, tracker: INotebookTracker): void {
  prefer({ hasTabs: true });
  window.addEventListener(TAB_EVENT, event => {
    const [origin] = event.composedPath();
    if (!(origin instanceof Node)) return;
    const panel = panelOf(tracker, origin, null);
    const cell = panel?.content.widgets.find(each => each.node.contains(origin));
    if (panel && cell && openTab(app, panel, cell)) event.preventDefault();
  });
}

/** Return the cell whose output is a run: the active one, else the first; undefined where there is none. */
export function runCell(panel: NotebookPanel): Cell | undefined {
  const { activeCell, widgets } = panel.content;
  return [...(activeCell ? [activeCell] : []), ...widgets].find(cell => runOutput(cell) !== null);
}

/** Show the run that is the output of `cell` beside its notebook; return whether there is one. */
export function openTab(app: JupyterFrontEnd, panel: NotebookPanel, cell: Cell): boolean {
  const model = runOutput(cell);
  if (model === null) return false;
  const content = new Panel();
  content.addClass("score-nb-tab");
  const { rendermime } = panel.content;
  const renderer = rendermime.createRenderer(RUN_MIME);
  content.addWidget(renderer);
  void renderer.renderModel(model as unknown as IRenderMime.IMimeModel);
  const tab = new MainAreaWidget({ content });
  const name = (model.data[RUN_MIME] as { name?: string }).name ?? "run";
  tab.title.label = `score-nb ${name}`;
  tab.title.caption = `The run ${name} of ${panel.context.path}`;
  tab.title.closable = true;
  // Without its notebook there is no kernel to speak to.
  panel.disposed.connect(() => tab.dispose());
  app.shell.add(tab, "main", { mode: "split-right", ref: panel.id });
  app.shell.activateById(tab.id);
  return true;
}

function runOutput(cell: Cell): { data: Record<string, unknown> } | null {
  const outputs = (cell as CodeCell).outputArea?.model;
  for (let i = 0; i < (outputs?.length ?? 0); i++) {
    const output = outputs?.get(i);
    if (output !== undefined && RUN_MIME in output.data) return output as unknown as { data: Record<string, unknown> };
  }
  return null;
}
