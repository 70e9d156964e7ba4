// Taking a candidate into the notebook: one story, told to two hosts. The JupyterLab extension answers the widget's
// event; where it is not installed, the widget edits the notebook's model itself if it can reach it.

import { isUntouched, withBody } from "./cell";

/** What the widget asks for. The event bubbles from the widget's root, so that the extension knows the notebook. */
export interface AcceptRequest {
  run: string;
  index: number;
  source: string;
  /** The seed cell, null where the front end did not tell its id. */
  cellId: string | null;
  /** Sources that the seed cell may hold without having been edited: the seed, and what was accepted before. */
  known: string[];
  mode: AcceptMode;
}

/** `replace` refuses a cell that was edited since; `force` does not; `below` inserts a new cell. */
export type AcceptMode = "replace" | "force" | "below";

export type AcceptResult =
  | { status: "done"; undo: () => void }
  | { status: "refused"; reason: "edited" | "missing" | "read-only"; current: string };

export interface AcceptDetail extends AcceptRequest {
  /** The extension's answer; called before the event's dispatch returns. */
  answer?: AcceptResult;
}

/** Asked by the widget; an extension that takes it sets `detail.answer` and prevents the default. */
export const ACCEPT_EVENT = "score-nb:accept";
/** Told by the extension to the widgets: run this command on the run of that name. */
export const COMMAND_EVENT = "score-nb:command";

export interface CommandDetail {
  command: "accept-best" | "accept-selected" | "pause" | "resume" | "stop";
  /** Set by the widget that carried it out. */
  taken?: boolean;
}

/** A cell as both hosts offer it. */
export interface HostCell {
  readonly isReadOnly: boolean;
  getText(): string;
  /** Change the text as one step of the cell's own undo. */
  setText(text: string): void;
  undo(): void;
  /** Insert a code cell below this one; returns what takes it away again. */
  insertBelow(text: string): () => void;
}

/** Carry out `request` on `cell`, the seed cell or null where it is not in the notebook any more. */
export function accept(request: AcceptRequest, cell: HostCell | null): AcceptResult {
  if (cell === null) return { status: "refused", reason: "missing", current: "" };
  const current = cell.getText();
  if (request.mode === "below") return { status: "done", undo: cell.insertBelow(request.source) };
  if (cell.isReadOnly) return { status: "refused", reason: "read-only", current };
  if (request.mode === "replace" && !isUntouched(current, request.known)) {
    return { status: "refused", reason: "edited", current };
  }
  cell.setText(withBody(current, request.source));
  return { status: "done", undo: () => cell.undo() };
}
