// Tells the JupyterLab extension, where there is one, how the run stands.

import { ASK_STATUS_EVENT, type RunStatus, STATUS_EVENT } from "../shared/status";
import { bestIndex, gain } from "./derive";
import type { Link } from "./link";

const PAUSE_MS = 1_000;

/** Tell how the run of `link` stands whenever that changes; return what ends it, with a last word. */
export function herald(link: Link): () => void {
  let told = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = () => {
    clearTimeout(timer);
    timer = undefined;
    const status = statusOf(link);
    const text = JSON.stringify(status);
    if (status === null || text === told) return;
    told = text;
    window.dispatchEvent(new CustomEvent(STATUS_EVENT, { detail: status }));
  };
  const soon = () => {
    timer ??= setTimeout(tell, PAUSE_MS);
  };
  const again = () => {
    told = "";
    tell();
  };
  const stops = [link.data.subscribe(soon), link.state.subscribe(soon)];
  window.addEventListener(ASK_STATUS_EVENT, again);
  return () => {
    for (const stop of stops) stop();
    clearTimeout(timer);
    window.removeEventListener(ASK_STATUS_EVENT, again);
    const status = statusOf(link);
    if (status === null || told === "") return;
    window.dispatchEvent(new CustomEvent(STATUS_EVENT, { detail: { ...status, isGone: true } }));
  };
}

function statusOf(link: Link): RunStatus | null {
  const { run, nodes } = link.data.get();
  const state = link.state.get();
  if (run === null || state === "saved") return null;
  const at = bestIndex(run, nodes);
  const best = at === null ? undefined : nodes[at];
  return {
    id: run.id,
    name: run.name,
    state: run.state,
    isLive: state === "live",
    nodes: nodes.length,
    budget: run.budget.nodes,
    best: best?.value ?? null,
    gain: at === 0 ? null : gain(best?.value, nodes[0]?.value, run.direction),
    cellId: run.cell_id,
    isGone: false,
  };
}
