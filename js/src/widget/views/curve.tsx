// The score curve under the tree.

import { useEffect, useRef, useState } from "preact/hooks";
import type { NodeWire } from "../../shared/protocol";
import { type CurveScale, curveInWords, curveScale, nearestDot, paintCurve } from "../curve-paint";
import { type Insight, usePlace } from "../hooks";
import type { Axis, Ui } from "../session";
import type { Theme } from "../theme";
import { cleared } from "../tree-canvas";
import { Toggle } from "./parts";
import { NodeTip } from "./tip";

const AXES: { value: Axis; text: string; title: string }[] = [
  { value: "node", text: "nodes", title: "Along the number of candidates" },
  { value: "time", text: "time", title: "Along the time since the run was created" },
  { value: "cost", text: "tokens", title: "Along the tokens spent" },
];

export function CurveView({ insight, ui, theme }: { insight: Insight; ui: Ui; theme: Theme }) {
  const { session } = usePlace();
  const holder = useRef<HTMLDivElement>(null);
  const scale = useRef<CurveScale>();
  const size = useSize(holder);
  const [over, setOver] = useState<{ index: number; x: number; y: number } | null>(null);

  useEffect(() => {
    const canvas = holder.current?.querySelector("canvas");
    if (!canvas || size.width === 0) return;
    const [width, height] = [Math.round(size.width * devicePixelRatio), Math.round(size.height * devicePixelRatio)];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    scale.current = curveScale(insight, ui.axis, size.width, size.height);
    const ctx = cleared(canvas);
    if (ctx !== null) paintCurve(ctx, insight, scale.current, theme);
  });

  const find = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const index = scale.current === undefined ? null : nearestDot(insight, scale.current, x, y);
    return index === null ? null : { index, x, y };
  };
  const hasTokens = insight.run.tokens > 0;
  return (
    <div class="snb-pane snb-curve">
      <div class="snb-bar">
        <h4>{insight.run.metric || "Value"}</h4>
        <CurveKey insight={insight} />
        <span class="snb-grow" />
        <Toggle
          label="Axis"
          options={hasTokens ? AXES : AXES.filter(axis => axis.value !== "cost")}
          value={ui.axis}
          onChange={axis => session.look({ axis })}
        />
      </div>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the tree is the way for the keyboard, this is its other face */}
      <div
        ref={holder}
        class="snb-canvas"
        role="img"
        aria-label={curveInWords(insight)}
        onPointerMove={event => setOver(find(event))}
        onPointerLeave={() => setOver(null)}
        onClick={event => {
          const found = find(event);
          if (found !== null) session.look({ selected: found.index });
        }}
      >
        <canvas />
        {over !== null && insight.nodes[over.index] !== undefined && (
          <NodeTip insight={insight} node={insight.nodes[over.index] as NodeWire} x={over.x} y={over.y} />
        )}
      </div>
    </div>
  );
}

function CurveKey({ insight }: { insight: Insight }) {
  const hasHoldout = insight.steps.some(node => node.holdout !== undefined);
  return (
    <span class="snb-muted snb-curve-key">
      <span class="snb-key">
        <Dash colour="var(--snb-best)" /> best
      </span>
      {hasHoldout && (
        <span class="snb-key">
          <Dash colour="var(--snb-holdout)" dashes="4 2" /> hold-out
        </span>
      )}
      <span class="snb-key">
        <Dash colour="var(--snb-ink-3)" dashes="2 2" /> seed
      </span>
    </span>
  );
}

function Dash({ colour, dashes = "" }: { colour: string; dashes?: string }) {
  return (
    <svg width="13" height="8" aria-hidden="true">
      <path d="M0 4h13" stroke={colour} stroke-width="2" stroke-dasharray={dashes} />
    </svg>
  );
}

function useSize(holder: { current: HTMLElement | null }): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = holder.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    return () => observer.disconnect();
  }, [holder]);
  return size;
}
