// The score curve under the tree.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { NodeWire } from "../../shared/protocol";
import { type CurveScale, curveInWords, curveScale, dotsIn, nearestDot, paintCurve, type Spot } from "../curve-paint";
import { isDoubted } from "../derive";
import { type Insight, usePlace } from "../hooks";
import type { Axis, Ui } from "../session";
import type { Theme } from "../theme";
import { cleared } from "../tree-canvas";
import { DoubtIcon } from "./icons";
import { singledOut } from "./legend";
import { NodeTip } from "./tip";

const AXES: { value: Axis; text: string }[] = [
  { value: "node", text: "by candidate" },
  { value: "time", text: "by time" },
  { value: "tokens", text: "by tokens" },
  { value: "cost", text: "by cost" },
];

export function CurveView({ insight, ui, theme }: { insight: Insight; ui: Ui; theme: Theme }) {
  const { session } = usePlace();
  const holder = useRef<HTMLDivElement>(null);
  const scale = useRef<CurveScale>();
  const size = useSize(holder);
  const [over, setOver] = useState<{ index: number; x: number; y: number } | null>(null);

  const [box, setBox] = useState<{ from: Spot; to: Spot } | null>(null);
  const pressed = useRef<Spot | null>(null);
  const only = useMemo(() => singledOut(ui, insight.noisy), [ui.only, ui.find, ui.boxed, insight.noisy]);

  useEffect(() => {
    const canvas = holder.current?.querySelector("canvas");
    if (!canvas || size.width === 0) return;
    const [width, height] = [Math.round(size.width * devicePixelRatio), Math.round(size.height * devicePixelRatio)];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    scale.current = curveScale(insight, ui.axis, size.width, size.height);
    const ctx = cleared(canvas);
    if (ctx === null) return;
    paintCurve(ctx, insight, scale.current, theme, only);
    if (box !== null) paintBox(ctx, box.from, box.to, theme);
  }, [insight, ui.axis, size, theme, only, box]);

  const find = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const index = scale.current === undefined ? null : nearestDot(insight, scale.current, x, y);
    return index === null ? null : { index, x, y };
  };
  const spot = (event: MouseEvent): Spot => {
    const frame = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  };
  const axes = AXES.filter(
    ({ value }) => (value !== "tokens" && value !== "cost") || insight.nodes.some(node => (node[value] ?? 0) > 0),
  );
  return (
    <div class="snb-pane snb-curve">
      <div class="snb-bar">
        <h4>{insight.run.metric || "Value"}</h4>
        <CurveKey insight={insight} />
        <span class="snb-grow" />
        <select
          class="snb-field snb-select"
          aria-label="Axis of the curve"
          value={ui.axis}
          onChange={event => session.look({ axis: event.currentTarget.value as Axis })}
        >
          {axes.map(({ value, text }) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </div>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the tree is the way for the keyboard, this is its other face */}
      <div
        ref={holder}
        class="snb-canvas"
        role="img"
        aria-label={curveInWords(insight)}
        onPointerDown={event => {
          pressed.current = spot(event);
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={event => {
          const [from, to] = [pressed.current, spot(event)];
          const isDrag = from !== null && (box !== null || Math.hypot(to.x - from.x, to.y - from.y) > 5);
          if (isDrag) setBox({ from, to });
          setOver(isDrag ? null : find(event));
        }}
        onPointerUp={() => {
          if (box !== null && scale.current !== undefined) {
            const boxed = dotsIn(insight, scale.current, box.from, box.to);
            session.look({ boxed: boxed.size > 0 ? boxed : null });
            // The click that follows belongs to the box.
            setTimeout(() => setBox(null), 0);
          }
          pressed.current = null;
        }}
        onPointerCancel={() => {
          pressed.current = null;
          setBox(null);
        }}
        onPointerLeave={() => setOver(null)}
        onClick={event => {
          const found = box === null ? find(event) : null;
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

function paintBox(ctx: CanvasRenderingContext2D, from: Spot, to: Spot, theme: Theme): void {
  ctx.fillStyle = theme.accent;
  ctx.globalAlpha = 0.12;
  ctx.fillRect(from.x, from.y, to.x - from.x, to.y - from.y);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = theme.accent;
  ctx.lineWidth = 1;
  ctx.strokeRect(from.x, from.y, to.x - from.x, to.y - from.y);
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
      {insight.nodes.some(isDoubted) && (
        <span class="snb-key snb-doubt" title="Doubted values do not raise the best">
          <DoubtIcon />
          <span class="snb-hidden">doubted values do not raise the best</span>
        </span>
      )}
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
