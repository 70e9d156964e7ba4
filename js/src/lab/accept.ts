// Answers the widgets' wish to take a candidate into the notebook.

import { Notification } from "@jupyterlab/apputils";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import { ACCEPT_EVENT, type AcceptDetail, type AcceptRequest, type AcceptResult, accept } from "../shared/accept";
import { findCell, type NotebookModelLike } from "../shared/shared-cell";

/** Take every accept event of a widget in a notebook that is open here. */
export function answerWidgets(tracker: INotebookTracker): void {
  window.addEventListener(ACCEPT_EVENT, event => {
    const { detail } = event as CustomEvent<AcceptDetail>;
    const [origin] = event.composedPath();
    const panel = panelOf(tracker, origin instanceof Node ? origin : null, detail.cellId);
    if (panel === null || detail.answer !== undefined) return;
    detail.answer = acceptInto(tracker, panel, detail);
    event.preventDefault();
  });
}

/** Carry out `request` in `panel`; show the cell and offer a way back where it was done. */
export function acceptInto(tracker: INotebookTracker, panel: NotebookPanel, request: AcceptRequest): AcceptResult {
  const model = panel.content.model as unknown as NotebookModelLike | null;
  const result = accept(request, model === null ? null : findCell(model, request.cellId));
  if (result.status === "done") {
    showCell(tracker, panel, request.cellId);
    // An undo button in the widget is out of sight where the seed cell is far from it.
    Notification.success(
      `Node ${request.index} of ${request.run} is in the notebook. Ctrl+Z in the cell takes it back.`,
      {
        autoClose: 12_000,
        actions: [{ label: "Undo", callback: result.undo, caption: "Put the cell back as it was" }],
      },
    );
  }
  return result;
}

/** Return the notebook that shows `origin`, else one that has the cell, else null. */
export function panelOf(tracker: INotebookTracker, origin: Node | null, cellId: string | null): NotebookPanel | null {
  const holder = origin === null ? undefined : tracker.find(panel => panel.node.contains(origin));
  if (holder !== undefined) return holder;
  // A view in a tab of its own belongs to whichever open notebook has the seed cell.
  return (
    tracker.find(panel => {
      const model = panel.content.model as unknown as NotebookModelLike | null;
      return model !== null && findCell(model, cellId) !== null;
    }) ?? null
  );
}

/** Make a cell the active one and scroll to it. */
export function showCell(tracker: INotebookTracker, panel: NotebookPanel, cellId: string | null): void {
  const index = panel.content.widgets.findIndex(cell => cell.model.id === cellId);
  if (index < 0) return;
  panel.content.activeCellIndex = index;
  const cell = panel.content.widgets[index];
  if (cell !== undefined && tracker.currentWidget === panel) void panel.content.scrollToItem(index, "smart");
}
