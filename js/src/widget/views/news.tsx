// One line of news that always has its place: what just happened, why the run stands, what the user should know.

import { useState } from "preact/hooks";
import type { NodeWire } from "../../shared/protocol";
import { gain, isDoubted } from "../derive";
import { doubtsOf } from "../doubt";
import { called, number, sentence, signed } from "../format";
import { type Insight, useCell, usePlace, useTick } from "../hooks";
import type { LinkState } from "../link";
import { CopyButton, Popover } from "./parts";

// A kernel that can act at once has done so by then.
const LATE_MS = 2_000;

export function News({ insight, refused }: { insight: Insight; refused: string }) {
  const { session } = usePlace();
  const asked = useCell(session.asked);
  useTick(500, asked !== null);
  const isLate = asked !== null && performance.now() - asked.at > LATE_MS;
  const link = useCell(session.link.state);
  const { tone, text } = isLate && link === "live" ? late(asked.kind) : news(insight, link, refused);
  return (
    <div class="snb-news" data-tone={tone}>
      <span title={text}>{text}</span>
      {tone === "bad" && <CopyButton text={text} what="the reason" />}
      {refused !== "" && (
        <button type="button" class="snb-button snb-small snb-plain" onClick={() => session.link.forgetRefusal()}>
          Dismiss
        </button>
      )}
      <Warnings insight={insight} />
    </div>
  );
}

/** ipykernel before 7 hears nothing while a cell runs. */
function late(kind: string): { tone: "warn"; text: string } {
  return { tone: "warn", text: `Asked to ${kind}: this kernel acts on it when the cell that runs now has ended.` };
}

function news(insight: Insight, link: LinkState, refused: string): { tone?: "warn" | "bad"; text: string } {
  const { run, nodes } = insight;
  if (link === "saved") return { text: `Saved result; run the cell to go on. ${tally(nodes)}` };
  if (link === "silent") {
    return {
      tone: "warn",
      text: "The kernel does not answer: it is busy, was restarted or is gone. This is how the run stood when it last did; run the cell again to continue.",
    };
  }
  if (refused !== "") return { tone: "warn", text: refused };
  if (run.state === "paused") return { tone: "warn", text: sentence(run.reason || "paused") };
  if (run.state === "failed") return { tone: "bad", text: sentence(run.reason || "the run failed") };
  if (run.state === "running") return { text: lastNode(insight, nodes[nodes.length - 1]) };
  const ended = run.state === "stopped" ? "Stopped" : "Finished";
  return { text: `${ended}${run.reason && `: ${run.reason}`}. ${tally(nodes)}` };
}

function lastNode(insight: Insight, node: NodeWire | undefined): string {
  if (node === undefined) return "Running the seed…";
  if (node.index === 0) return "The seed is scored; the first candidates are being written.";
  const parent = insight.nodes[node.parents[0] as number];
  const better = gain(node.value, parent?.value, insight.run.direction);
  const value = node.value === null ? node.status : number(node.value);
  const step = better === null ? "" : ` (${signed(better)} over ${called(parent?.index ?? 0)})`;
  const doubt = isDoubted(node) ? `, doubted (${doubtsOf(node)})` : "";
  const what = node.detail ? `: ${node.detail}` : "";
  return `Latest #${node.index}, ${node.operator}, ${value}${step}${doubt}${what}`;
}

function Warnings({ insight }: { insight: Insight }) {
  const [isOpen, setOpen] = useState(false);
  const { warnings } = insight.run;
  if (warnings.length === 0) return null;
  return (
    <span style={{ position: "relative" }}>
      <button
        type="button"
        class="snb-button snb-small snb-plain"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        ⚠ {warnings.length} {warnings.length === 1 ? "note" : "notes"}
      </button>
      {isOpen && (
        <Popover label="Notes" style="top: 26px; right: 0; width: 360px" onClose={() => setOpen(false)}>
          {warnings.map(text => (
            <p key={text} class="snb-prose" style={{ padding: "6px 10px" }}>
              {text}
            </p>
          ))}
        </Popover>
      )}
    </span>
  );
}

function tally(nodes: readonly NodeWire[]): string {
  const scored = nodes.filter(node => node.status === "ok").length;
  const repeated = nodes.filter(node => node.status === "duplicate").length;
  const failed = nodes.length - scored - repeated;
  const doubted = nodes.filter(isDoubted).length;
  const parts = [
    `${scored} scored`,
    doubted > 0 && `${doubted} of them doubted`,
    repeated > 0 && `${repeated} repeated a program`,
    failed > 0 && `${failed} failed`,
  ];
  return `${parts.filter(Boolean).join(", ")}.`;
}
