// Answers Python: `run.accept()` and `%score accept` may reach the seed cell over a comm that this side opens.

import { Notification } from "@jupyterlab/apputils";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { AcceptRequest } from "../shared/accept";
import { COMM_TARGET } from "../shared/protocol";
import { READY_EVENT } from "../shared/ready";
import { acceptInto, panelOf } from "./accept";

const REFUSALS = {
  edited: "The seed cell was edited since the run started, so nothing was replaced. The widget offers other ways.",
  missing: "The seed cell is not in this notebook any more. %score accept in a new cell turns that cell into the code.",
  "read-only": "The seed cell is read-only.",
};

interface Comm {
  onMsg: (message: { content: { data: unknown } }) => void;
  onClose: (message: unknown) => void;
  open(data?: unknown): unknown;
  send(data: unknown): unknown;
}

/** Open the comm once a widget of a notebook's kernel lives: a kernel without score-nb would log an unknown target. */
export function answerKernels(tracker: INotebookTracker): void {
  const connected = new WeakMap<object, true>();
  window.addEventListener(READY_EVENT, event => {
    const [origin] = event.composedPath();
    const panel = panelOf(tracker, origin instanceof Node ? origin : null, null);
    const kernel = panel?.sessionContext.session?.kernel;
    if (panel === null || !kernel || connected.has(kernel)) return;
    connected.set(kernel, true);
    const forget = () => connected.delete(kernel);
    connect(tracker, panel, kernel.createComm(COMM_TARGET) as unknown as Comm, forget);
    kernel.statusChanged.connect((_, status) => {
      if (status === "restarting" || status === "autorestarting") forget();
    });
  });
}

function connect(tracker: INotebookTracker, panel: NotebookPanel, comm: Comm, forget: () => void): void {
  comm.onMsg = message => {
    const data = message.content.data as { kind?: string } & AcceptRequest;
    if (data.kind !== "accept" || panel.isDisposed) return;
    const result = acceptInto(tracker, panel, data);
    if (result.status === "done") comm.send({ kind: "accepted", run: data.run, index: data.index });
    else Notification.warning(REFUSALS[result.reason], { autoClose: 12_000 });
  };
  comm.onClose = forget;
  comm.open({});
}
