// The budget of a run that is at work, raised or lowered.

import { useState } from "preact/hooks";
import { type Insight, usePlace } from "../hooks";
import { Popover } from "./parts";

const STEPS = [25, 50, 100];

/** A small button that opens the budget; nothing where the run has ended. */
export function Budget({ insight }: { insight: Insight }) {
  const [isOpen, setOpen] = useState(false);
  const { state } = insight.run;
  if (state !== "running" && state !== "paused") return null;
  return (
    <span style={{ position: "relative" }}>
      <button
        type="button"
        class="snb-button snb-small snb-icon snb-plain snb-inline"
        aria-label="Change the budget"
        aria-expanded={isOpen}
        title="Change the budget"
        onClick={() => setOpen(!isOpen)}
      >
        ±
      </button>
      {isOpen && <BudgetForm insight={insight} onDone={() => setOpen(false)} />}
    </span>
  );
}

function BudgetForm({ insight, onDone }: { insight: Insight; onDone: () => void }) {
  const { session } = usePlace();
  const { budget } = insight.run;
  const begun = insight.nodes.length + insight.flights.length;
  const [nodes, setNodes] = useState(String(budget.nodes));
  const [minutes, setMinutes] = useState(budget.minutes === null ? "" : String(budget.minutes));
  const set = (change: { nodes?: number; minutes?: number }) => {
    session.link.send({ kind: "budget", ...change });
    onDone();
  };
  const submit = () => {
    const change: { nodes?: number; minutes?: number } = {};
    if (Number(nodes) > 0 && Number(nodes) !== budget.nodes) change.nodes = Math.round(Number(nodes));
    if (Number(minutes) > 0 && Number(minutes) !== budget.minutes) change.minutes = Number(minutes);
    if (Object.keys(change).length > 0) set(change);
    else onDone();
  };
  return (
    <Popover label="Budget of the run" style="top: 24px; left: -60px; width: 262px" onClose={onDone}>
      <form
        class="snb-budget"
        onSubmit={event => {
          event.preventDefault();
          submit();
        }}
      >
        <label>
          <span>Candidates in all</span>
          <input
            class="snb-field"
            type="number"
            min={Math.max(1, begun)}
            step="1"
            value={nodes}
            onInput={event => setNodes(event.currentTarget.value)}
          />
        </label>
        <div class="snb-chips">
          {STEPS.map(more => (
            <button
              type="button"
              class="snb-button snb-small"
              key={more}
              onClick={() => set({ nodes: budget.nodes + more })}
            >
              {more} more
            </button>
          ))}
        </div>
        <label>
          <span>Minutes in all</span>
          <input
            class="snb-field"
            type="number"
            min="0.1"
            step="any"
            placeholder="no limit"
            value={minutes}
            onInput={event => setMinutes(event.currentTarget.value)}
          />
        </label>
        <p class="snb-muted">
          {insight.nodes.length} done, {insight.flights.length} at work.
        </p>
        <div class="snb-chips">
          <button type="submit" class="snb-button snb-small snb-primary">
            Set
          </button>
          <button
            type="button"
            class="snb-button snb-small"
            title="Ask for nothing more; what is at work is finished and counted"
            onClick={() => set({ nodes: Math.max(1, begun) })}
          >
            End with what is at work
          </button>
        </div>
      </form>
    </Popover>
  );
}
