// Looking at the seed cell before anything is changed. Events of their own: an extension of another version that does
// not know them leaves the cell as it is.

/** Asked by the widget: how does the seed cell stand? */
export const LOOK_EVENT = "score-nb:look";
/** Asked by the widget: show the change in the cell itself, to be taken or left piece by piece. */
export const REVIEW_EVENT = "score-nb:review";

export interface LookDetail {
  cellId: string | null;
  /** The cell's text, set by the extension; undefined where it has no such cell. */
  current?: string;
  /** Whether an extension is there that reviews changes in a cell (`jupyterlab-diff`). */
  canReview?: boolean;
}

export interface ReviewDetail {
  cellId: string | null;
  source: string;
  /** Set by the extension where the review has begun. */
  taken?: boolean;
}
