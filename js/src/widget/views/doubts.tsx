// Why a node's value is doubted, and what can be done about it.

import type { DetailWire, FlagWire, NodeWire } from "../../shared/protocol";
import { isDoubted } from "../derive";
import { doubtWords } from "../doubt";
import { sentence } from "../format";
import { type Insight, useCell, usePlace } from "../hooks";
import { MORE_EVALUATIONS } from "../session";
import { AgainIcon, CheckIcon, DoubtIcon } from "./icons";

/** The standing doubts, one sentence each, with the buttons that settle them; nothing where there is none. */
export function Doubts(props: { insight: Insight; node: NodeWire; detail: DetailWire | undefined }) {
  const { insight, node, detail } = props;
  const { session } = usePlace();
  const isLive = useCell(session.link.state) === "live";
  if (node.doubts === undefined) return null;
  // The sentences come with the detail; until then the kinds stand alone.
  const flags: FlagWire[] = detail?.flags ?? node.doubts.map(kind => ({ kind, detail: "", settled: false }));
  const isStanding = isDoubted(node);
  return (
    <section class="snb-doubts" data-allowed={!isStanding} aria-label="Doubts about the value">
      <ul>
        {flags.map(flag => (
          <Flag key={flag.kind} flag={flag} />
        ))}
      </ul>
      <div>
        <span class="snb-muted snb-grow">
          {node.index === 0
            ? "The seed stays what the others are compared with."
            : isStanding
              ? "So it cannot be the best, and the search is not drawn to it."
              : "You let it be the best all the same."}
        </span>
        <EvaluateAgain insight={insight} node={node} />
        {node.index > 0 && (
          <button
            type="button"
            class="snb-button snb-small"
            disabled={!isLive}
            title={
              isStanding
                ? "Set the doubts aside: with the highest value it becomes the best"
                : "It cannot be the best while a doubt stands"
            }
            onClick={() => session.link.send({ kind: "allow", index: node.index, is_allowed: isStanding })}
          >
            {isStanding ? "Let it be the best" : "Doubt it again"}
          </button>
        )}
      </div>
    </section>
  );
}

/** A flag's kind and sentence; one that further evaluations have answered says so. */
export function Flag({ flag }: { flag: FlagWire }) {
  return (
    <li data-settled={flag.settled}>
      {flag.settled ? <CheckIcon /> : <DoubtIcon />}
      <span>
        <strong>{sentence(doubtWords(flag.kind))}</strong> {flag.detail !== "" && sentence(flag.detail)}
        {flag.settled && <span class="snb-muted"> Settled.</span>}
      </span>
    </li>
  );
}

/** A button that has a scored node evaluated further, and says what was asked for until it is there. */
export function EvaluateAgain({ insight, node }: { insight: Insight; node: NodeWire }) {
  const { session } = usePlace();
  const isLive = useCell(session.link.state) === "live";
  const asked = useCell(session.measuring).get(node.index) ?? 0;
  const isOpen = insight.run.state === "running" || insight.run.state === "paused";
  const missing = isOpen ? Math.max(0, asked - (node.repeats ?? 1)) : 0;
  return (
    <button
      type="button"
      class="snb-button snb-small"
      disabled={!isLive || !isOpen || node.value === null}
      title={
        isOpen
          ? `${MORE_EVALUATIONS} more evaluations on fresh random seeds; the value becomes the mean of all`
          : "The run is not at work"
      }
      onClick={() => session.measure(node, MORE_EVALUATIONS)}
    >
      <AgainIcon /> {missing > 0 ? `Evaluate again · ${missing} asked for` : "Evaluate again"}
    </button>
  );
}
