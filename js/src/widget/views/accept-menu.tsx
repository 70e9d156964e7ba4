// Accept best ▾, and what happened then.

import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { AcceptMode } from "../../shared/accept";
import { split } from "../../shared/cell";
import { review, seedCell } from "../accept";
import { difference } from "../diff";
import { type Insight, useCell, usePlace } from "../hooks";
import type { Outcome } from "../session";
import { DownIcon } from "./icons";
import { CopyButton, copy, Popover, useVisit } from "./parts";

export type AcceptDo = (index: number, mode: AcceptMode) => void;

export function AcceptMenu({ insight, accept }: { insight: Insight; accept: AcceptDo }) {
  const [isOpen, setOpen] = useState(false);
  const { best, selected } = insight;
  const isOff = best === undefined || best.index === 0;
  const run = (index: number, mode: AcceptMode) => {
    setOpen(false);
    accept(index, mode);
  };
  const isOther = selected !== undefined && selected.value !== null && selected.index !== best?.index;
  return (
    <span>
      <span class="snb-split">
        <button
          type="button"
          class="snb-button snb-primary"
          disabled={isOff}
          title={isOff ? "Nothing better than the seed yet" : `Replace the seed cell by node ${best?.index}`}
          onClick={() => best && run(best.index, "replace")}
        >
          Accept best
        </button>
        <button
          type="button"
          class="snb-button snb-primary"
          aria-label="More ways to accept"
          aria-haspopup="dialog"
          aria-expanded={isOpen}
          disabled={isOff && !isOther}
          onClick={() => setOpen(!isOpen)}
        >
          <DownIcon />
        </button>
      </span>
      {isOpen && best !== undefined && (
        <Popover label="Accept" style="top: 34px; right: 0; width: 300px" onClose={() => setOpen(false)}>
          <Choices
            index={isOff && selected !== undefined ? selected.index : best.index}
            other={isOther && !isOff ? selected : undefined}
            run={run}
            onDone={() => setOpen(false)}
          />
        </Popover>
      )}
    </span>
  );
}

/** The ways to take node `index` in, each with what it will do; `other` is another node that may be meant. */
function Choices(props: {
  index: number;
  other: { index: number } | undefined;
  run: (index: number, mode: AcceptMode) => void;
  onDone: () => void;
}) {
  const { index, other, run, onDone } = props;
  const { session, root } = usePlace();
  const { details } = useCell(session.link.data);
  const seed = useMemo(() => seedCell(session, root), [session, root]);
  const source = details.get(index)?.source;
  session.link.want(index);
  const change = useMemo(
    () => (seed === null || source === undefined ? null : difference(seed.body, source)),
    [seed, source],
  );
  return (
    <>
      <button type="button" onClick={() => run(index, "replace")}>
        Replace the seed cell
        <small>
          Node {index}
          {change !== null && (
            <>
              : <span class="snb-good">+{change.added}</span> <span class="snb-bad">−{change.removed}</span> lines
            </>
          )}
          ; Ctrl+Z in the cell takes it back
        </small>
      </button>
      {seed !== null && (
        <button
          type="button"
          onClick={() => {
            session.look({ selected: index, tab: "diff", against: seed.body });
            onDone();
          }}
        >
          Preview the change
          <small>Node {index} against the cell as it is now</small>
        </button>
      )}
      {seed?.canReview && (
        <button
          type="button"
          onClick={() => {
            void review(session, root, index);
            onDone();
          }}
        >
          Review in the cell
          <small>Take or leave each change where it stands</small>
        </button>
      )}
      <button type="button" onClick={() => run(index, "below")}>
        Insert below
        <small>Node {index} as a new cell</small>
      </button>
      {other !== undefined && (
        <button type="button" onClick={() => run(other.index, "replace")}>
          Accept the selected node instead
          <small>Node {other.index} into the seed cell</small>
        </button>
      )}
      <button
        type="button"
        disabled={source === undefined}
        onClick={async () => {
          await copy(source ?? "");
          onDone();
        }}
      >
        Copy the code
        <small>Node {index}</small>
      </button>
    </>
  );
}

/** What came of accepting: done with a way back, refused with a choice, or the words to type. */
export function AcceptDialog(props: { outcome: Outcome; accept: AcceptDo; onClose: () => void }) {
  const { outcome } = props;
  const { session } = usePlace();
  const again = (mode: AcceptMode) => props.accept(outcome.index, mode);
  const close = (
    <button type="button" class="snb-button snb-small" onClick={props.onClose}>
      Close
    </button>
  );
  if (outcome.status === "late") {
    return (
      <Said
        onClose={props.onClose}
        text={`The kernel has not sent the code of node ${outcome.index} in time: try again when it is less busy.`}
      >
        {close}
      </Said>
    );
  }
  if (outcome.status === "manual") {
    return (
      <Said
        onClose={props.onClose}
        text="This front end does not let a widget change a cell. Run this in a cell; the cell turns into the code:"
      >
        <pre>{outcome.command}</pre>
        <CopyButton text={outcome.command} what="the command" />
        {close}
      </Said>
    );
  }
  if (outcome.status === "done") {
    return (
      <Said
        onClose={props.onClose}
        text={`Node ${outcome.index} is in the notebook. Ctrl+Z in the cell takes it back.`}
      >
        <button
          type="button"
          class="snb-button snb-small"
          onClick={() => {
            outcome.undo();
            props.onClose();
          }}
        >
          Undo
        </button>
        {close}
      </Said>
    );
  }
  return (
    <Said onClose={props.onClose} text={REFUSALS[outcome.reason]}>
      {outcome.reason === "edited" && (
        <>
          <button type="button" class="snb-button snb-small" onClick={() => again("below")}>
            Insert below
          </button>
          <button type="button" class="snb-button snb-small" onClick={() => again("force")}>
            Replace anyway
          </button>
          <button
            type="button"
            class="snb-button snb-small"
            onClick={() => {
              session.look({ selected: outcome.index, tab: "diff", against: split(outcome.current).body });
              props.onClose();
            }}
          >
            Compare with the cell
          </button>
        </>
      )}
      {outcome.reason === "read-only" && (
        <button type="button" class="snb-button snb-small" onClick={() => again("below")}>
          Insert below
        </button>
      )}
      <CopyButton text={outcome.source} what="the code" />
      {close}
    </Said>
  );
}

const REFUSALS = {
  edited: "The seed cell was edited since the run started, so nothing was replaced.",
  missing: "The seed cell is not in this notebook any more. Copy the code, or run %score accept in a new cell.",
  "read-only": "The seed cell is read-only.",
};

function Said({ text, onClose, children }: { text: string; onClose: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useVisit(box);
  return (
    <div
      ref={box}
      class="snb-dialog"
      role="alertdialog"
      aria-label={text}
      tabIndex={-1}
      onKeyDown={event => {
        if (event.key === "Escape") onClose();
      }}
    >
      <p>{text}</p>
      <div>{children}</div>
    </div>
  );
}
