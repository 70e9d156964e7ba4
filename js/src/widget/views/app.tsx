// The whole widget: header, news line, tree, curve, detail.

import { useEffect, useRef, useState } from "preact/hooks";
import type { AcceptMode } from "../../shared/accept";
import { COMMAND_EVENT, type CommandDetail } from "../../shared/accept";
import { READY_EVENT } from "../../shared/ready";
import { takeIn } from "../accept";
import { number } from "../format";
import { type Insight, PlaceContext, useCell, useInsight, useRunData, useTheme } from "../hooks";
import type { Session } from "../session";
import { AcceptDialog } from "./accept-menu";
import { CurveView } from "./curve";
import { Detail } from "./detail";
import { Header } from "./header";
import { News } from "./news";
import { Empty } from "./parts";
import { TreeView } from "./tree";

// A screen reader hears how the run stands this often at most.
const SPEAK_EVERY_MS = 15_000;

export function App({ session, root }: { session: Session; root: HTMLElement }) {
  const data = useRunData(session.link.data);
  const ui = useCell(session.ui);
  const theme = useTheme(root);
  const insight = useInsight(data, ui, session);
  const outcome = useCell(session.outcome);
  const accept = async (index: number, mode: AcceptMode) => {
    const result = await takeIn(session, root, index, mode);
    // The extension has told and offers the way back itself.
    session.outcome.set(result.status === "done" && result.by === "extension" ? null : result);
  };
  useCommands(session, root, insight, accept);
  useEffect(() => {
    const isSaved = session.link.state.get() === "saved";
    root.toggleAttribute("data-live", insight !== null && !isSaved);
    root.toggleAttribute("data-saved", insight !== null && isSaved);
    const isLive = insight !== null && session.link.state.get() === "live";
    if (isLive) root.dispatchEvent(new CustomEvent(READY_EVENT, { bubbles: true, composed: true }));
  }, [root, insight !== null]);
  return (
    <PlaceContext.Provider value={{ session, root }}>
      <div class="snb-frame">
        {insight === null ? (
          <div style={{ height: "120px" }}>
            <Empty title="Waiting for the kernel">
              The run goes on; its picture comes as soon as the kernel answers.
            </Empty>
          </div>
        ) : (
          <>
            <Header insight={insight} accept={accept} />
            <News insight={insight} refused={data.refused} />
            <div class="snb-body">
              <div class="snb-pane">
                <TreeView insight={insight} ui={ui} theme={theme} />
                <CurveView insight={insight} ui={ui} theme={theme} />
              </div>
              <div class="snb-pane">
                <Detail insight={insight} ui={ui} accept={accept} />
              </div>
            </div>
            <Spoken insight={insight} />
          </>
        )}
        {outcome !== null && (
          <AcceptDialog outcome={outcome} accept={accept} onClose={() => session.outcome.set(null)} />
        )}
      </div>
    </PlaceContext.Provider>
  );
}

/** Carry out what the extension's commands ask for. */
function useCommands(
  session: Session,
  root: HTMLElement,
  insight: Insight | null,
  accept: (index: number, mode: AcceptMode) => void,
): void {
  const carryOut = useRef<(detail: CommandDetail) => void>(() => {});
  carryOut.current = detail => {
    if (insight === null || detail.taken) return;
    const { command } = detail;
    if (command === "accept-best" || command === "accept-selected") {
      const node = command === "accept-best" ? insight.best : insight.selected;
      if (node === undefined || node.value === null) return;
      accept(node.index, "replace");
    } else {
      if (session.link.state.get() === "saved") return;
      session.ask(command);
    }
    detail.taken = true;
  };
  useEffect(() => {
    const hear = (event: Event) => carryOut.current((event as CustomEvent<CommandDetail>).detail);
    root.addEventListener(COMMAND_EVENT, hear);
    return () => root.removeEventListener(COMMAND_EVENT, hear);
  }, [root]);
}

function Spoken({ insight }: { insight: Insight }) {
  const [text, setText] = useState("");
  const latest = useRef("");
  const { run, nodes, best } = insight;
  latest.current =
    `${run.name} ${run.state}: ${nodes.length} of ${run.budget.nodes} candidates, ` +
    (best === undefined
      ? "no value yet."
      : `best ${number(best.value)} at ${best.index === 0 ? "the seed" : `node ${best.index}`}.`);
  useEffect(() => {
    setText(latest.current);
    const timer = setInterval(() => setText(latest.current), SPEAK_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  // A change of state is said at once.
  useEffect(() => setText(latest.current), [run.state]);
  return (
    <div class="snb-hidden" role="status" aria-live="polite">
      {text}
    </div>
  );
}
