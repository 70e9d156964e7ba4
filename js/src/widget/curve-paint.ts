// The score curve: a true step line of the best, every attempt a dot, hold-out and seed beside it, outliers at the edge.

import { type Direction, type NodeWire, score } from "../shared/protocol";
import { isDoubted, robustRange } from "./derive";
import { clock, count, dollars, number } from "./format";
import type { Insight } from "./hooks";
import type { Axis } from "./session";
import { ramp, type Theme } from "./theme";
import { paintDoubt, paintNoise } from "./tree-paint";

const PAD = { left: 54, right: 16, top: 10, bottom: 20 };

export interface Spot {
  x: number;
  y: number;
}

export interface CurveScale {
  x(node: NodeWire): number;
  y(value: number): number;
  xAt(position: number): number;
  xTicks: { at: number; text: string }[];
  yTicks: { at: number; text: string }[];
  left: number;
  right: number;
  top: number;
  bottom: number;
  low: number;
  high: number;
}

/** Return the scales of a curve of that size. */
export function curveScale(insight: Insight, axis: Axis, width: number, height: number): CurveScale {
  const [low, high] = robustRange(insight.nodes, insight.best);
  const along = positions(insight, axis);
  const end = axisEnd(insight, axis, along);
  const [left, right, top, bottom] = [PAD.left, width - PAD.right, PAD.top, height - PAD.bottom];
  const xAt = (position: number) => left + ((right - left) * position) / end;
  const y = (value: number) =>
    Math.min(bottom, Math.max(top, bottom - ((bottom - top) * (value - low)) / (high - low)));
  const text = { node: (v: number) => String(v), time: clock, tokens: count, cost: dollars }[axis];
  return {
    x: node => xAt(along[node.index] as number),
    y,
    xAt,
    xTicks: ticks(0, end, 6, axis === "node").map(at => ({ at: xAt(at), text: text(at) })),
    yTicks: ticks(low, high, Math.max(2, Math.round((bottom - top) / 24)), false).map(at => ({
      at: y(at),
      text: number(at, 4),
    })),
    left,
    right,
    top,
    bottom,
    low,
    high,
  };
}

/** Return each node's place on the axis: its number, when it was finished, or what was spent until then. */
function positions(insight: Insight, axis: Axis): number[] {
  if (axis === "node") return insight.nodes.map(node => node.index);
  if (axis === "time") return insight.nodes.map(node => node.finished);
  let spent = 0;
  return insight.nodes.map(node => {
    spent += node[axis] ?? 0;
    return spent;
  });
}

function axisEnd(insight: Insight, axis: Axis, along: number[]): number {
  const last = along[along.length - 1] ?? 0;
  // The axis of nodes runs to the budget: the line grows into its place and nothing is squeezed.
  if (axis === "node") return Math.max(insight.run.budget.nodes - 1, last, 1);
  if (axis === "time") return Math.max(insight.elapsed(), last, 1);
  return last > 0 ? last : 1;
}

/** Return round numbers between `low` and `high`. */
export function ticks(low: number, high: number, wanted: number, isWhole: boolean): number[] {
  const rough = (high - low) / wanted;
  const size = 10 ** Math.floor(Math.log10(rough));
  let step = (isWhole ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10]).map(n => n * size).find(s => s >= rough) ?? rough;
  if (isWhole) step = Math.max(1, step);
  const result: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++)
    result.push(Number((i * step).toPrecision(12)));
  return result;
}

/** Paint the curve; attempts that `only` leaves out are dimmed, as in the tree. */
export function paintCurve(
  ctx: CanvasRenderingContext2D,
  insight: Insight,
  scale: CurveScale,
  theme: Theme,
  only: ((node: NodeWire) => boolean) | null = null,
): void {
  if (insight.nodes.length === 0) return;
  paintAxes(ctx, scale, theme);
  paintSeedLine(ctx, insight, scale, theme);
  paintHoldout(ctx, insight, scale, theme);
  // A line of few dots lies under them, a cloud of many would bury it.
  const isCloud = insight.nodes.length > 400;
  if (!isCloud) paintBest(ctx, insight, scale, theme);
  for (const node of insight.nodes) {
    paintAttempt(ctx, insight, node, scale, theme, only !== null && !only(node) ? 0.18 : 1);
  }
  ctx.globalAlpha = 1;
  if (isCloud) paintBest(ctx, insight, scale, theme);
  paintBreakthroughs(ctx, insight, scale, theme);
  const { selected } = insight;
  if (selected !== undefined) {
    const x = scale.x(selected);
    ctx.strokeStyle = theme.accent;
    ctx.globalAlpha = 0.35;
    line(ctx, x, scale.top, x, scale.bottom, 1);
    ctx.globalAlpha = 1;
    ring(ctx, x, selected.value === null ? scale.bottom : scale.y(selected.value), 6, theme.accent);
  }
}

function paintAxes(ctx: CanvasRenderingContext2D, scale: CurveScale, theme: Theme): void {
  ctx.font = `10.5px ${theme.font}`;
  ctx.fillStyle = theme.faint;
  ctx.strokeStyle = theme.line;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const tick of scale.yTicks) {
    line(ctx, scale.left, Math.round(tick.at) + 0.5, scale.right, Math.round(tick.at) + 0.5, 1);
    ctx.fillText(tick.text, scale.left - 8, tick.at);
  }
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  for (const tick of scale.xTicks) ctx.fillText(tick.text, tick.at, scale.bottom + 15);
}

function paintSeedLine(ctx: CanvasRenderingContext2D, insight: Insight, scale: CurveScale, theme: Theme): void {
  const value = insight.seed?.value;
  if (value === null || value === undefined) return;
  ctx.strokeStyle = theme.faint;
  ctx.setLineDash([2, 3]);
  line(ctx, scale.left, scale.y(value), scale.right, scale.y(value), 1);
  ctx.setLineDash([]);
}

function paintBest(ctx: CanvasRenderingContext2D, insight: Insight, scale: CurveScale, theme: Theme): void {
  const steps = insight.steps;
  const last = insight.nodes[insight.nodes.length - 1];
  if (last === undefined || steps.length === 0) return;
  ctx.beginPath();
  for (const [i, node] of steps.entries()) {
    const [x, y] = [scale.x(node), scale.y(node.value as number)];
    if (i === 0) ctx.moveTo(x, y);
    else {
      ctx.lineTo(x, scale.y((steps[i - 1] as NodeWire).value as number));
      ctx.lineTo(x, y);
    }
  }
  const end = scale.y((steps[steps.length - 1] as NodeWire).value as number);
  ctx.lineTo(Math.max(scale.x(last), scale.x(steps[0] as NodeWire) + 4), end);
  ctx.strokeStyle = theme.best;
  ctx.lineWidth = 2;
  ctx.lineJoin = "round";
  ctx.stroke();
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/**
 * Mark the steps of the best that chance alone may explain, and say at the largest ones which node made them and how; as
 * many as find room, the largest first.
 */
function paintBreakthroughs(ctx: CanvasRenderingContext2D, insight: Insight, scale: CurveScale, theme: Theme): void {
  // Dots are not written over, unless there are so many that nothing could be written at all.
  const taken: Box[] = insight.nodes.length > 400 ? [] : insight.nodes.flatMap(node => dotBox(node, scale));
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  ctx.lineJoin = "round";
  for (const node of insight.steps) {
    if (!insight.noisy.has(node.index)) continue;
    const [x, y] = [scale.x(node), scale.y(node.value as number) + 11];
    const box = { left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 };
    if (taken.some(other => overlaps(box, other))) continue;
    taken.push(box);
    paintNoise(ctx, x, y, theme);
  }
  for (const node of breakthroughs(insight.steps, insight.run.direction)) {
    const place = labelPlace(ctx, node, insight, scale, theme, taken);
    if (place === null) continue;
    taken.push(place.box);
    ctx.lineWidth = 3;
    ctx.strokeStyle = theme.background;
    for (const [text, x, weight, colour] of [
      [place.name, place.x, "600 ", theme.best],
      [place.words, place.x + place.lead, "", theme.faint],
    ] as const) {
      ctx.font = `${weight}10.5px ${theme.font}`;
      ctx.strokeText(text, x, place.base);
      ctx.fillStyle = colour;
      ctx.fillText(text, x, place.base);
    }
  }
}

function dotBox(node: NodeWire, scale: CurveScale): Box[] {
  if (node.value === null) return [];
  const [x, y, r] = [scale.x(node), scale.y(node.value), isDoubted(node) ? 7 : 3];
  return [{ left: x - r, right: x + r, top: y - r, bottom: y + r }];
}

/** Return where a step's label covers nothing: with words or without, left of the step or above the line after it. */
function labelPlace(
  ctx: CanvasRenderingContext2D,
  node: NodeWire,
  insight: Insight,
  scale: CurveScale,
  theme: Theme,
  taken: readonly Box[],
) {
  const [x, y] = [scale.x(node), scale.y(node.value as number)];
  const next = insight.steps[insight.steps.indexOf(node) + 1];
  const name = `#${node.index} `;
  ctx.font = `600 10.5px ${theme.font}`;
  const lead = ctx.measureText(name).width;
  ctx.font = `10.5px ${theme.font}`;
  // What is left of a step is free at the step's own height: the best was worse until then. What is right of it is free
  // above the line, until the next step.
  const sides = [
    { isLeft: true, room: x - scale.left - 14 - lead, base: y + 3.5 },
    { isLeft: false, room: (next === undefined ? scale.right : scale.x(next)) - x - 12 - lead, base: y - 7 },
    { isLeft: true, room: x - scale.left - 14 - lead, base: y - 9 },
  ];
  for (const hasWords of [true, false]) {
    for (const { isLeft, room, base } of sides) {
      const words = hasWords ? fitting(ctx, node.detail ?? node.operator, Math.min(room, 170)) : "";
      if (room < 0 || (hasWords && words === "") || base < scale.top + 8) continue;
      const width = lead + (words === "" ? -3 : ctx.measureText(words).width);
      const left = isLeft ? x - 8 - width : x + 7;
      const box = { left: left - 2, right: left + width + 2, top: base - 9, bottom: base + 2 };
      if (!taken.some(other => overlaps(box, other))) return { name, words, lead, x: left, base, box };
    }
  }
  return null;
}

// More would be read by nobody.
const MOST_BREAKTHROUGHS = 4;

/** Return the steps of the best that gained most, the largest first; small change among many steps is none. */
export function breakthroughs(steps: readonly NodeWire[], direction: Direction): NodeWire[] {
  const gains = steps.slice(1).map((node, i) => ({
    node,
    gain: score(node.value, direction) - score((steps[i] as NodeWire).value, direction),
  }));
  const whole = gains.reduce((sum, { gain }) => sum + gain, 0);
  return gains
    .filter(({ gain }) => gain > 0.08 * whole)
    .sort((a, b) => b.gain - a.gain)
    .slice(0, MOST_BREAKTHROUGHS)
    .map(({ node }) => node);
}

/** Return as much of `text` as fits into so many pixels, with a mark where it was cut; nothing where that says nothing. */
function fitting(ctx: CanvasRenderingContext2D, text: string, room: number): string {
  if (ctx.measureText(text).width <= room) return text;
  for (let length = text.length - 1; length > 9; length--) {
    const cut = `${text.slice(0, length).trimEnd()}…`;
    if (ctx.measureText(cut).width <= room) return cut;
  }
  return "";
}

function overlaps(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** The hold-out of whatever was the best: known where the best changes, so a step line too. */
function paintHoldout(ctx: CanvasRenderingContext2D, insight: Insight, scale: CurveScale, theme: Theme): void {
  const known = insight.steps.filter(node => node.holdout !== undefined);
  const last = insight.nodes[insight.nodes.length - 1];
  if (known.length === 0 || last === undefined) return;
  ctx.strokeStyle = theme.holdout;
  ctx.fillStyle = theme.holdout;
  ctx.setLineDash([5, 3]);
  ctx.lineWidth = 1.4;
  ctx.beginPath();
  for (const [i, node] of known.entries()) {
    const [x, y] = [scale.x(node), scale.y(node.holdout as number)];
    if (i > 0) ctx.lineTo(x, scale.y((known[i - 1] as NodeWire).holdout as number));
    if (i === 0) ctx.moveTo(x, y);
    else ctx.lineTo(x, y);
  }
  ctx.lineTo(scale.x(last), scale.y((known[known.length - 1] as NodeWire).holdout as number));
  ctx.stroke();
  ctx.setLineDash([]);
  for (const node of known) {
    const [x, y] = [scale.x(node), scale.y(node.holdout as number)];
    ctx.fillRect(x - 2.5, y - 2.5, 5, 5);
  }
}

function paintAttempt(
  ctx: CanvasRenderingContext2D,
  insight: Insight,
  node: NodeWire,
  scale: CurveScale,
  theme: Theme,
  alpha: number,
): void {
  const x = scale.x(node);
  const isMany = insight.nodes.length > 400 && node !== insight.best;
  if (node.value === null) {
    ctx.strokeStyle = theme.faint;
    ctx.globalAlpha = 0.6 * alpha;
    line(ctx, x, scale.bottom - (isMany ? 3 : 5), x, scale.bottom, 1.2);
    return;
  }
  const y = scale.y(node.value);
  ctx.globalAlpha = alpha;
  if (isDoubted(node)) {
    paintDoubt(ctx, x, y, isMany ? 4 : 6, true, theme);
    return;
  }
  ctx.fillStyle = ramp(insight.places[node.index] as number, theme.isDark);
  if (isMany && node.spread === undefined && node.value >= scale.low && node.value <= scale.high) {
    ctx.fillRect(x - 1.3, y - 1.3, 2.6, 2.6);
    return;
  }
  if (node.spread !== undefined) {
    ctx.strokeStyle = ctx.fillStyle;
    ctx.globalAlpha = 0.5 * alpha;
    line(ctx, x, scale.y(node.value - node.spread), x, scale.y(node.value + node.spread), 1.5);
    ctx.globalAlpha = alpha;
  }
  ctx.beginPath();
  if (node.value < scale.low) triangle(ctx, x, scale.bottom - 4, 4);
  else if (node.value > scale.high) triangle(ctx, x, scale.top + 4, -4);
  else ctx.arc(x, y, isMany ? 1.6 : node === insight.best ? 4.2 : 3, 0, 2 * Math.PI);
  ctx.fill();
  if (node === insight.best) ring(ctx, x, y, 6, theme.best);
}

function line(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number, width: number): void {
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

function ring(ctx: CanvasRenderingContext2D, x: number, y: number, r: number, colour: string): void {
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.8;
  ctx.stroke();
}

/** A triangle that points down (positive `size`) or up: the value lies beyond the edge. */
function triangle(ctx: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  ctx.moveTo(x - 4, y - size);
  ctx.lineTo(x + 4, y - size);
  ctx.lineTo(x, y + size);
  ctx.closePath();
}

/** Return the node whose dot is nearest to a point, null where none is near. */
export function nearestDot(insight: Insight, scale: CurveScale, x: number, y: number): number | null {
  let [nearest, least] = [null as number | null, Number.POSITIVE_INFINITY];
  for (const node of insight.nodes) {
    const dx = scale.x(node) - x;
    const dy = (node.value === null ? scale.bottom : scale.y(node.value)) - y;
    // Aiming along the axis is what people do: height counts less.
    const far = dx * dx + dy * dy * 0.15;
    if (far < least) [nearest, least] = [node.index, far];
  }
  return least < 30 ** 2 ? nearest : null;
}

/** Return the nodes whose dots lie in a box; failures, which have no height, count by their place along the axis. */
export function dotsIn(insight: Insight, scale: CurveScale, from: Spot, to: Spot): ReadonlySet<number> {
  const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
  const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
  const inside = insight.nodes.filter(node => {
    const x = scale.x(node);
    const y = node.value === null ? scale.bottom : scale.y(node.value);
    return x >= left && x <= right && y >= top && y <= bottom;
  });
  return new Set(inside.map(node => node.index));
}

/** Return the curve in a sentence, for those who cannot see it. */
export function curveInWords(insight: Insight): string {
  const { steps, nodes, run } = insight;
  const last = steps[steps.length - 1];
  if (last === undefined) return "No value yet.";
  const first = steps[0] as NodeWire;
  const doubted = nodes.filter(isDoubted).length;
  const better = Math.abs(score(last.value, run.direction) - score(first.value, run.direction));
  return (
    `Best ${run.metric} over ${nodes.length} candidates: from ${number(first.value)} to ${number(last.value)} ` +
    `(${number(better, 3)} better) in ${steps.length - 1} improvements, the last at node ${last.index}.` +
    (doubted > 0 ? ` ${doubted} doubted values do not count.` : "")
  );
}
