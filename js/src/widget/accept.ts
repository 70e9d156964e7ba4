// Accepting from the widget: through the extension where there is one, else through the notebook's model where the widget
// can reach it, else by the words to type.

import { ACCEPT_EVENT, type AcceptDetail, type AcceptMode, type AcceptRequest, accept } from "../shared/accept";
import { split } from "../shared/cell";
import type { DetailWire } from "../shared/protocol";
import { LOOK_EVENT, type LookDetail, REVIEW_EVENT, type ReviewDetail } from "../shared/review";
import { findCell } from "../shared/shared-cell";
import type { Outcome, Session } from "./session";

const DETAIL_WITHIN_MS = 8_000;

/** Take node `index` into the notebook and tell the kernel. */
export async function takeIn(session: Session, root: HTMLElement, index: number, mode: AcceptMode): Promise<Outcome> {
  const { run } = session.link.data.get();
  const wanted = [index, 0, ...(run?.accepted === null || run === null ? [] : [run.accepted])];
  const [own] = await Promise.all(wanted.map(node => detailOf(session, node)));
  // Also what was taken in by a review in the cell, of which nobody tells: a candidate's code is no edit of the user's.
  const known = [...session.link.data.get().details.values()].filter(detail => detail.index !== index);
  if (run === null || !own) return { status: "late", index };
  const request: AcceptRequest = {
    run: run.name,
    index,
    source: own.source,
    cellId: run.cell_id,
    known: known.map(detail => detail.source),
    mode,
  };
  const outcome = carryOut(session, root, request);
  if (outcome.status === "done") session.link.send({ kind: "accepted", index });
  return outcome;
}

/** What the seed cell holds under its magic, and whether a change can be reviewed in it; null where it cannot be seen. */
export function seedCell(session: Session, root: HTMLElement): { body: string; canReview: boolean } | null {
  const cellId = session.link.data.get().run?.cell_id ?? null;
  const detail: LookDetail = { cellId };
  root.dispatchEvent(new CustomEvent(LOOK_EVENT, { detail, bubbles: true, composed: true }));
  const notebook = session.notebook();
  const current = detail.current ?? (notebook === null ? undefined : findCell(notebook, cellId)?.getText());
  return current === undefined ? null : { body: split(current).body, canReview: detail.canReview === true };
}

/** Have the change to node `index` shown in the seed cell, to be taken or left there piece by piece. */
export async function review(session: Session, root: HTMLElement, index: number): Promise<void> {
  const detail = await detailOf(session, index);
  if (detail === null) {
    session.outcome.set({ status: "late", index });
    return;
  }
  const cellId = session.link.data.get().run?.cell_id ?? null;
  const asked: ReviewDetail = { cellId, source: detail.source };
  root.dispatchEvent(new CustomEvent(REVIEW_EVENT, { detail: asked, bubbles: true, composed: true }));
}

function carryOut(session: Session, root: HTMLElement, request: AcceptRequest): Outcome {
  const { index, source } = request;
  const detail: AcceptDetail = { ...request };
  root.dispatchEvent(new CustomEvent(ACCEPT_EVENT, { detail, bubbles: true, composed: true, cancelable: true }));
  if (detail.answer !== undefined) return { ...detail.answer, index, source, by: "extension" };
  const notebook = session.notebook();
  if (notebook !== null) {
    return { ...accept(request, findCell(notebook, request.cellId)), index, source, by: "widget" };
  }
  return { status: "manual", index, source, command: `%score accept ${request.run} ${index}` };
}

/** Return the node's detail, asked for where it is not here yet; null where it does not come in time. */
function detailOf(session: Session, index: number): Promise<DetailWire | null> {
  const { data } = session.link;
  const here = data.get().details.get(index);
  if (here !== undefined) return Promise.resolve(here);
  return new Promise(resolve => {
    const done = (detail: DetailWire | null) => {
      clearTimeout(timer);
      stop();
      resolve(detail);
    };
    const timer = setTimeout(() => done(null), DETAIL_WITHIN_MS);
    const stop = data.subscribe(() => {
      const detail = data.get().details.get(index);
      if (detail !== undefined) done(detail);
    });
    session.link.want(index);
  });
}
