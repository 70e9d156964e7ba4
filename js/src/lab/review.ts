// The change in the seed cell itself, where `jupyterlab-diff` is installed.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { INotebookTracker } from "@jupyterlab/notebook";
import { withBody } from "../shared/cell";
import { LOOK_EVENT, type LookDetail, REVIEW_EVENT, type ReviewDetail } from "../shared/review";
import { findCell, type NotebookModelLike } from "../shared/shared-cell";
import { panelOf, showCell } from "./accept";

const REVIEW = "jupyterlab-diff:unified-cell-diff";

/** Tell widgets how their seed cell stands, and show a change in it when they ask. */
export function answerLooks(app: JupyterFrontEnd, tracker: INotebookTracker): void {
  const seedOf = (event: Event, cellId: string | null) => {
    const [origin] = event.composedPath();
    const panel = panelOf(tracker, origin instanceof Node ? origin : null, cellId);
    const model = panel?.content.model as unknown as NotebookModelLike | null | undefined;
    const cell = model ? findCell(model, cellId) : null;
    return panel === null || cell === null ? null : { panel, cell };
  };
  window.addEventListener(LOOK_EVENT, event => {
    const { detail } = event as CustomEvent<LookDetail>;
    const seed = seedOf(event, detail.cellId);
    if (seed === null) return;
    detail.current = seed.cell.getText();
    detail.canReview = app.commands.hasCommand(REVIEW) && !seed.cell.isReadOnly;
  });
  window.addEventListener(REVIEW_EVENT, event => {
    const { detail } = event as CustomEvent<ReviewDetail>;
    const seed = seedOf(event, detail.cellId);
    if (seed === null || !app.commands.hasCommand(REVIEW)) return;
    detail.taken = true;
    showCell(tracker, seed.panel, detail.cellId);
    const originalSource = seed.cell.getText();
    void app.commands.execute(REVIEW, {
      cellId: detail.cellId,
      notebookPath: seed.panel.context.path,
      originalSource,
      newSource: withBody(originalSource, detail.source),
      showActionButtons: true,
    });
  });
}
