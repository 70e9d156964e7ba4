// What can be done with the selected node.

import { useState } from "preact/hooks";
import type { DetailWire, NodeWire } from "../../shared/protocol";
import { type Insight, useCell, usePlace } from "../hooks";
import type { AcceptDo } from "./accept-menu";
import { AgainIcon, BranchIcon, CheckIcon, CutIcon, PinIcon } from "./icons";

export function Steering(props: {
  insight: Insight;
  node: NodeWire;
  detail: DetailWire | undefined;
  accept: AcceptDo;
}) {
  const { insight, node, accept } = props;
  const { session } = usePlace();
  const [hint, setHint] = useState("");
  const isLive = useCell(session.link.state) === "live";
  const isOpen = insight.run.state === "running" || insight.run.state === "paused";
  return (
    <form
      class="snb-foot"
      onSubmit={event => {
        event.preventDefault();
        session.link.send({ kind: "expand", index: node.index, hint: hint.trim() });
        setHint("");
      }}
    >
      <input
        class="snb-field snb-hint"
        aria-label={`Hint for a child of node ${node.index}`}
        placeholder={isOpen ? "Hint for a child of this node (optional)" : "The run is not at work"}
        disabled={!isOpen}
        value={hint}
        onInput={event => setHint(event.currentTarget.value)}
      />
      <button
        type="submit"
        class="snb-button snb-small"
        disabled={!isOpen}
        title={`Ask for a child of ${node.index === 0 ? "the seed" : `node ${node.index}`} now`}
      >
        <BranchIcon /> Expand
      </button>
      <Pin insight={insight} node={node} />
      {node.index > 0 && (
        <button
          type="button"
          class="snb-button snb-small"
          disabled={!isLive}
          title={
            node.dropped
              ? "Expand this node and what is below it again; one of them may be the best"
              : "Expand neither this node nor anything below it; none of them is the best"
          }
          aria-label={node.dropped ? "Take up again" : "Give up this branch"}
          onClick={() => session.link.send({ kind: "drop", index: node.index, is_dropped: !node.dropped })}
        >
          {node.dropped ? <AgainIcon /> : <CutIcon />}{" "}
          <span class="snb-word">{node.dropped ? "Take up" : "Give up"}</span>
        </button>
      )}
      <button
        type="button"
        class="snb-button snb-small"
        disabled={node.value === null || node.index === 0}
        title="Replace the seed cell by this node"
        onClick={() => accept(node.index, "replace")}
      >
        <CheckIcon /> Accept this
      </button>
    </form>
  );
}

/** Makes the node the best whatever the values say, or takes that back. */
function Pin({ insight, node }: { insight: Insight; node: NodeWire }) {
  const { session } = usePlace();
  const isLive = useCell(session.link.state) === "live";
  const isPinned = insight.run.pinned === node.index;
  // An older kernel does not know of pins.
  if (insight.run.pinned === undefined || (node.index === insight.best?.index && !isPinned)) return null;
  return (
    <button
      type="button"
      class="snb-button snb-small"
      disabled={!isLive || node.value === null || node.dropped === true}
      title={
        isPinned
          ? "The best is the one of the best value again"
          : "Make this node the best, whatever the values say; the search goes on as before"
      }
      aria-label={isPinned ? "Unpin" : "Pin as best"}
      onClick={() => session.link.send({ kind: "pin", index: isPinned ? null : node.index })}
    >
      <PinIcon /> <span class="snb-word">{isPinned ? "Unpin" : "Pin"}</span>
    </button>
  );
}
