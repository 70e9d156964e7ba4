// A cell of a JupyterLab notebook model, seen through the few methods that accepting needs. Typed by shape, so that the
// widget, which cannot import JupyterLab, can use what it finds at run time.

import type { HostCell } from "./accept";

interface UndoManager {
  stopCapturing(): void;
}

interface SharedCell {
  getSource(): string;
  setSource(text: string): void;
  undo(): void;
  undoManager?: UndoManager | null;
}

interface SharedNotebook {
  insertCell(index: number, cell: { cell_type: string; source: string }): unknown;
  deleteCell(index: number): void;
}

export interface CellModelLike {
  id: string;
  type: string;
  sharedModel: SharedCell;
  getMetadata?(key: string): unknown;
}

export interface NotebookModelLike {
  readOnly?: boolean;
  cells: Iterable<CellModelLike>;
  sharedModel: SharedNotebook;
}

/** Return the cell of that id wherever it stands, null where it is gone. */
export function findCell(notebook: NotebookModelLike, cellId: string | null): HostCell | null {
  const cells = [...notebook.cells];
  const cell = cells.find(each => each.id === cellId);
  return cell === undefined ? null : hostCell(notebook, cell);
}

/** Return whether `value` has the shape of a notebook's model: nothing of it is promised to a widget. */
export function isNotebookModel(value: unknown): value is NotebookModelLike {
  const model = value as Partial<NotebookModelLike> | null | undefined;
  if (!model?.cells || typeof model.cells[Symbol.iterator] !== "function") return false;
  const [first] = model.cells;
  return typeof first?.sharedModel?.setSource === "function" && typeof model.sharedModel?.insertCell === "function";
}

function hostCell(notebook: NotebookModelLike, cell: CellModelLike): HostCell {
  const shared = cell.sharedModel;
  return {
    get isReadOnly() {
      return notebook.readOnly === true || cell.getMetadata?.("editable") === false;
    },
    getText: () => shared.getSource(),
    setText(text) {
      // Without these two the change joins the user's last typing, and one undo takes both.
      shared.undoManager?.stopCapturing();
      shared.setSource(text);
      shared.undoManager?.stopCapturing();
    },
    undo: () => shared.undo(),
    insertBelow(text) {
      const index = [...notebook.cells].findIndex(each => each.id === cell.id) + 1;
      notebook.sharedModel.insertCell(index, { cell_type: "code", source: text });
      const inserted = [...notebook.cells][index];
      return () => {
        const at = [...notebook.cells].findIndex(each => each.id === inserted?.id);
        if (at >= 0) notebook.sharedModel.deleteCell(at);
      };
    },
  };
}
