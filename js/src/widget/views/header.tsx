// The header: what runs, how good it is, what it costs, and the few buttons that steer it.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { RunState } from "../../shared/protocol";
import { preferences, TAB_EVENT } from "../../shared/status";
import { gain, isNoise, secondsLeft } from "../derive";
import { clock, count, dollars, duration, number, signed } from "../format";
import { type Insight, useCell, usePlace, useTick } from "../hooks";
import { type AcceptDo, AcceptMenu } from "./accept-menu";
import { Budget } from "./budget";
import { BulbIcon, PauseIcon, PlayIcon, StopIcon, TabIcon } from "./icons";
import { Popover } from "./parts";

const STATE_WORDS: Record<RunState, string> = {
  running: "Running",
  paused: "Paused",
  stopped: "Stopped",
  finished: "Finished",
  failed: "Failed",
};

export function Header({ insight, accept }: { insight: Insight; accept: AcceptDo }) {
  const { run } = insight;
  const { session } = usePlace();
  const isSilent = useCell(session.link.state) === "silent" && run.state === "running";
  useTick(1000, run.state === "running");
  const done = Math.min(1, insight.nodes.length / Math.max(1, run.budget.nodes));
  return (
    <div class="snb-head">
      <div class="snb-title">
        <h3 title={`Run ${run.id}, created ${run.created}`}>{run.name}</h3>
        <span class="snb-state" data-state={isSilent ? "silent" : run.state}>
          {isSilent ? "No answer" : (STATE_WORDS[run.state] ?? run.state)}
        </span>
        <span class="snb-about" title={run.model}>
          {run.direction} {run.metric}
          {run.model && ` · ${run.model}`}
        </span>
        <Actions insight={insight} accept={accept} />
      </div>
      <div class="snb-stats">
        <Values insight={insight} />
        <Work insight={insight} />
        <Costs insight={insight} />
      </div>
      <div class="snb-progress" data-state={run.state}>
        <div style={{ width: `${100 * done}%` }} />
      </div>
    </div>
  );
}

function Actions({ insight, accept }: { insight: Insight; accept: AcceptDo }) {
  const { session } = usePlace();
  const { state } = insight.run;
  const isOpen = state === "running" || state === "paused";
  return (
    <div class="snb-actions">
      {isOpen && <IdeaButton />}
      {state === "paused" ? (
        <Act text="Resume" icon={<PlayIcon />} onClick={() => session.ask("resume")} />
      ) : (
        <Act
          text="Pause"
          icon={<PauseIcon />}
          isOff={!isOpen}
          title="Ask for nothing more until resumed; what is at work is finished"
          onClick={() => session.ask("pause")}
        />
      )}
      <Act
        text="Stop"
        icon={<StopIcon />}
        isOff={!isOpen}
        title="End the run; what was scored is kept, and running the cell again continues it"
        onClick={() => session.ask("stop")}
      />
      <AcceptMenu insight={insight} accept={accept} />
      <TabButton />
    </div>
  );
}

/** Shows the run in a tab of its own, where the page around offers tabs and this is not one. */
function TabButton() {
  const { root } = usePlace();
  if (!preferences().hasTabs || root.closest(".score-nb-tab") !== null) return null;
  return (
    <button
      type="button"
      class="snb-button snb-icon snb-plain"
      style={{ height: "28px" }}
      aria-label="Open in its own tab"
      title="Open in its own tab"
      onClick={() =>
        root.dispatchEvent(new CustomEvent(TAB_EVENT, { bubbles: true, composed: true, cancelable: true }))
      }
    >
      <TabIcon />
    </button>
  );
}

function Act(props: { text: string; icon: ComponentChildren; isOff?: boolean; title?: string; onClick: () => void }) {
  return (
    <button
      type="button"
      class="snb-button"
      disabled={props.isOff}
      title={props.title ?? props.text}
      aria-label={props.text}
      onClick={props.onClick}
    >
      {props.icon} <span class="snb-word">{props.text}</span>
    </button>
  );
}

function IdeaButton() {
  const { session } = usePlace();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Act text="Idea" icon={<BulbIcon />} title="Give the search an idea to try" onClick={() => setOpen(true)} />
      {isOpen && (
        <Popover label="Add an idea" style="top: 34px; right: 0; width: 320px" onClose={() => setOpen(false)}>
          <form
            style={{ padding: "5px" }}
            onSubmit={event => {
              event.preventDefault();
              const text = new FormData(event.currentTarget).get("idea");
              if (typeof text === "string" && text.trim() !== "")
                session.link.send({ kind: "idea", text: text.trim() });
              setOpen(false);
            }}
          >
            <label>
              Something worth trying
              <input
                class="snb-field"
                name="idea"
                placeholder="e.g. weight classes by their inverse frequency"
                autocomplete="off"
              />
            </label>
          </form>
        </Popover>
      )}
    </>
  );
}

function Stat({ name, children, kind = "" }: { name: string; children: ComponentChildren; kind?: string }) {
  return (
    <div class={`snb-stat ${kind}`}>
      <div class="snb-name">{name}</div>
      <div class="snb-what">{children}</div>
    </div>
  );
}

function Values({ insight }: { insight: Insight }) {
  const { run, best, seed } = insight;
  const better = best === seed ? null : gain(best?.value, seed?.value, run.direction);
  const heldOut = gain(best?.holdout, seed?.holdout, run.direction);
  return (
    <>
      <Stat
        name={
          (best && best !== seed ? `Best, #${best.index}` : "Best") +
          (best && run.pinned === best.index ? ", pinned by you" : "")
        }
        kind="snb-stat-best"
      >
        {number(best?.value)}{" "}
        {best?.spread !== undefined && (
          <small class="snb-spare" title={`Mean ± standard deviation of ${best.repeats} evaluations`}>
            ± {number(best.spread, 2)}{" "}
          </small>
        )}
        {better !== null &&
          (isNoise(best, seed, run) ? (
            <small title="Cannot be told apart from the seed: less than two standard errors">
              {signed(better)} within noise
            </small>
          ) : (
            <small class="snb-good">
              {signed(better)}
              <span class="snb-spare"> over the seed</span>
            </small>
          ))}
      </Stat>
      {run.holdout !== null && (
        <Stat name="On the hold-out" kind="snb-stat-wide">
          {number(best?.holdout)}{" "}
          {best !== seed && heldOut !== null && (
            <small class={heldOut > 0 ? "snb-good" : heldOut < 0 ? "snb-bad" : ""}>{signed(heldOut)}</small>
          )}
        </Stat>
      )}
    </>
  );
}

function Work({ insight }: { insight: Insight }) {
  const { run, nodes, flights } = insight;
  const evaluating = flights.filter(flight => flight.stage === "evaluating").length;
  const left = secondsLeft(run, nodes, insight.elapsed());
  return (
    <>
      <Stat name="Candidates">
        {nodes.length} <small>of {run.budget.nodes}</small>
        <Budget insight={insight} />
      </Stat>
      <Stat name="At work now" kind="snb-stat-wide">
        {flights.length - evaluating} <small>proposing</small> {evaluating} <small>evaluating</small>
      </Stat>
      <Stat name="Time" kind="snb-stat-wide">
        {clock(insight.elapsed())}{" "}
        {left !== null && <small>about {duration(Math.max(1, Math.round(left)))} left</small>}
      </Stat>
    </>
  );
}

function Costs({ insight }: { insight: Insight }) {
  const { tokens, cost } = insight.run;
  if (tokens === 0 && cost === 0) return null;
  return (
    <Stat name="Tokens">
      {count(tokens)} {cost > 0 && <small>{dollars(cost)}</small>}
    </Stat>
  );
}
