// Painting the tree on a canvas: quiet edges, coloured nodes, two marked paths, and on a second canvas what moves.

import type { NodeWire } from "../shared/protocol";
import { isDoubted } from "./derive";
import { number } from "./format";
import { ramp, type Theme } from "./theme";
import type { Point, TreeScene } from "./tree-scene";

// Radius in pixels under which a node is a speck.
const SPECK = 2.4;

export interface TreeMarks {
  places: Float64Array;
  /** The nodes whose value chance alone may explain. */
  noisy: ReadonlySet<number>;
  best: number | null;
  selected: number | null;
  accepted: number | null;
  bestPath: readonly NodeWire[];
  selectedPath: readonly NodeWire[];
  /** Singles out nodes; all others are dimmed. Null singles out none. */
  only: ((node: NodeWire) => boolean) | null;
}

export function paintTree(ctx: CanvasRenderingContext2D, scene: TreeScene, marks: TreeMarks, theme: Theme): void {
  paintEdges(ctx, scene, theme);
  paintSecondParents(ctx, scene, marks, theme);
  if (marks.selected !== marks.best) paintPath(ctx, scene, marks.selectedPath, theme.accent, 4.5, 0.35);
  paintPath(ctx, scene, marks.bestPath, theme.best, 2, 0.95);
  if (scene.radius < SPECK) paintSpecks(ctx, scene, marks, theme);
  else for (const node of scene.nodes) if (scene.isShown(node.index)) paintNode(ctx, scene, node, marks, theme);
  paintFolds(ctx, scene, theme);
  paintLabels(ctx, scene, marks, theme);
}

function paintEdges(ctx: CanvasRenderingContext2D, scene: TreeScene, theme: Theme): void {
  ctx.beginPath();
  for (const [i, node] of scene.nodes.entries()) {
    if (node.parents.length > 0 && scene.isShown(i)) edge(ctx, scene.at(node.parents[0] as number), scene.at(i));
  }
  ctx.strokeStyle = theme.faint;
  ctx.globalAlpha = scene.radius > 3 ? 0.45 : 0.3;
  ctx.lineWidth = scene.radius > 3 ? 1.2 : 0.7;
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** A hybrid's second parent, shown where it matters: at the hybrid that is selected, faintly elsewhere. */
function paintSecondParents(ctx: CanvasRenderingContext2D, scene: TreeScene, marks: TreeMarks, theme: Theme): void {
  ctx.setLineDash([3, 4]);
  for (const [i, node] of scene.nodes.entries()) {
    if (node.parents.length < 2 || !scene.isShown(i)) continue;
    const isSelected = i === marks.selected;
    ctx.globalAlpha = isSelected ? 0.9 : 0.22;
    ctx.strokeStyle = isSelected ? theme.accent : theme.ink;
    ctx.lineWidth = 1.2;
    ctx.beginPath();
    edge(ctx, scene.at(node.parents[1] as number), scene.at(i));
    ctx.stroke();
  }
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}

function paintPath(
  ctx: CanvasRenderingContext2D,
  scene: TreeScene,
  path: readonly NodeWire[],
  colour: string,
  width: number,
  alpha: number,
): void {
  ctx.beginPath();
  for (let i = 1; i < path.length; i++) {
    edge(ctx, scene.at((path[i - 1] as NodeWire).index), scene.at((path[i] as NodeWire).index));
  }
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.globalAlpha = alpha;
  ctx.lineCap = "round";
  ctx.stroke();
  ctx.lineCap = "butt";
  ctx.globalAlpha = 1;
}

export function edge(ctx: CanvasRenderingContext2D, from: Point, to: Point): void {
  const middle = (from.y + to.y) / 2;
  ctx.moveTo(from.x, from.y);
  ctx.bezierCurveTo(from.x, middle, to.x, middle, to.x, to.y);
}

function isMain({ index }: NodeWire, marks: TreeMarks): boolean {
  return index === marks.best || index === marks.selected || index === marks.accepted || index === 0;
}

/**
 * Nodes too small for a shape: squares, which are drawn five times as fast as discs, and one colour after the other,
 * the best on top.
 */
function paintSpecks(ctx: CanvasRenderingContext2D, scene: TreeScene, marks: TreeMarks, theme: Theme): void {
  const [r, doubted, main] = [scene.radius, [] as NodeWire[], [] as NodeWire[]];
  const looks = new Map<string, { place: number; alpha: number; colour: string; nodes: number[] }>();
  for (const node of scene.nodes) {
    if (!scene.isShown(node.index)) continue;
    if (isMain(node, marks)) main.push(node);
    else if (isDoubted(node)) doubted.push(node);
    else {
      const place = marks.places[node.index] ?? -1;
      const alpha = isDimmed(node, marks) ? 0.16 : 1;
      const colour = place < 0 ? theme.line : ramp(place, theme.isDark);
      const alike = looks.get(alpha + colour);
      if (alike === undefined) looks.set(alpha + colour, { place, alpha, colour, nodes: [node.index] });
      else alike.nodes.push(node.index);
    }
  }
  for (const { alpha, colour, nodes } of [...looks.values()].sort((one, other) => one.place - other.place)) {
    ctx.globalAlpha = alpha;
    ctx.fillStyle = colour;
    for (const index of nodes) {
      const { x, y } = scene.at(index);
      if (x > -4 && y > -4 && x < scene.width + 4) ctx.fillRect(x - r, y - r, 2 * r, 2 * r);
    }
  }
  for (const node of doubted) {
    const { x, y } = scene.at(node.index);
    ctx.globalAlpha = isDimmed(node, marks) ? 0.16 : 1;
    ctx.fillStyle = theme.doubt;
    ctx.beginPath();
    ctx.moveTo(x, y - r - 3);
    ctx.lineTo(x + r + 2.2, y + r + 1.5);
    ctx.lineTo(x - r - 2.2, y + r + 1.5);
    ctx.fill();
  }
  for (const node of main) paintNode(ctx, scene, node, marks, theme);
}

function isDimmed(node: NodeWire, marks: TreeMarks): boolean {
  return (marks.only !== null && !marks.only(node)) || node.dropped === true;
}

function paintNode(
  ctx: CanvasRenderingContext2D,
  scene: TreeScene,
  node: NodeWire,
  marks: TreeMarks,
  theme: Theme,
): void {
  const { x, y } = scene.at(node.index);
  const r = scene.radius * (node.status === "duplicate" ? 0.72 : 1) + (isMain(node, marks) && scene.radius < 4 ? 2 : 0);
  const place = marks.places[node.index] ?? -1;
  ctx.globalAlpha = marks.only !== null && !marks.only(node) ? 0.16 : 1;
  if (node.dropped && !isMain(node, marks)) {
    paintDropped(ctx, x, y, r, theme);
    return;
  }
  ctx.beginPath();
  outline(ctx, node, x, y, r);
  ctx.lineWidth = r > 3 ? 1.4 : 0.9;
  if (place < 0) {
    ctx.fillStyle = theme.background;
    ctx.fill();
    ctx.strokeStyle = theme.faint;
    ctx.stroke();
    if (r > 4) paintFailure(ctx, node.status, x, y, r);
  } else {
    ctx.fillStyle = node.status === "duplicate" ? theme.background : ramp(place, theme.isDark);
    ctx.fill();
    ctx.strokeStyle = node.status === "duplicate" ? ramp(place, theme.isDark) : theme.background;
    if (r > 2 || node.status === "duplicate") ctx.stroke();
  }
  if (r > 4 && place >= 0) {
    const isOnDark = place > 0.45 && node.status !== "duplicate";
    paintAsked(ctx, node, x, y, r, isOnDark ? theme.background : theme.ink);
  }
  if (node.doubts !== undefined) paintDoubt(ctx, x - 0.8 * r, y - 0.8 * r, r, isDoubted(node), theme);
  if (node.index === marks.best && node.index > 0) halo(ctx, x, y, r + 3, theme.best, 2);
  if (node.index === marks.selected) halo(ctx, x, y, r + (node.index === marks.best ? 6 : 3.5), theme.accent, 2);
  if (node.index === marks.accepted) paintTick(ctx, x + r, y - r, theme);
  // Outside of what rings the node.
  const rim = 0.85 * r + (node.index === marks.selected || node.index === marks.best ? 4 : 0);
  if (r > 4 && marks.noisy.has(node.index)) paintNoise(ctx, x + rim, y + rim, theme);
  ctx.globalAlpha = 1;
}

/** The seed is a square, a hybrid a diamond, all else a disc. */
export function outline(ctx: CanvasRenderingContext2D, node: NodeWire, x: number, y: number, r: number): void {
  if (node.index === 0) {
    ctx.roundRect(x - r * 0.92, y - r * 0.92, r * 1.84, r * 1.84, r * 0.35);
  } else if (node.parents.length > 1) {
    const d = r * 1.28;
    ctx.moveTo(x, y - d);
    ctx.lineTo(x + d, y);
    ctx.lineTo(x, y + d);
    ctx.lineTo(x - d, y);
    ctx.closePath();
  } else {
    ctx.arc(x, y, r, 0, 2 * Math.PI);
  }
}

/** Strokes of the signs of failure, in a box from -1 to 1; the legend draws the same. */
export const FAILURE_SIGNS: Record<string, [number, number][][]> = {
  error: [[[-0.4, -0.4], [0.4, 0.4]], [[-0.4, 0.4], [0.4, -0.4]]],
  timeout: [[[0, -0.55], [0, 0.05], [0.4, 0.3]]],
  memory: [[[-0.4, -0.3], [0.4, -0.3]], [[-0.4, 0.05], [0.4, 0.05]], [[-0.4, 0.4], [0.4, 0.4]]],
  crashed: [[[0.2, -0.6], [-0.25, 0.05], [0.25, 0.05], [-0.2, 0.6]]],
  forbidden: [[[-0.55, 0], [0.55, 0]]],
  invalid: [[[0, -0.5], [0, 0.12]], [[0, 0.42], [0, 0.5]]],
}; // biome-ignore format: one sign per line

function paintFailure(ctx: CanvasRenderingContext2D, status: string, x: number, y: number, r: number): void {
  ctx.beginPath();
  for (const stroke of FAILURE_SIGNS[status] ?? []) {
    for (const [k, [dx, dy]] of stroke.entries()) {
      if (k === 0) ctx.moveTo(x + dx * r, y + dy * r);
      else ctx.lineTo(x + dx * r, y + dy * r);
    }
  }
  ctx.lineWidth = 1.2;
  ctx.stroke();
}

/** A node on a branch that the user has given up: a bare cross where it stood. */
function paintDropped(ctx: CanvasRenderingContext2D, x: number, y: number, r: number, theme: Theme): void {
  const own = Math.max(2, 0.6 * r);
  ctx.beginPath();
  ctx.moveTo(x - own, y - own);
  ctx.lineTo(x + own, y + own);
  ctx.moveTo(x - own, y + own);
  ctx.lineTo(x + own, y - own);
  ctx.strokeStyle = theme.faint;
  ctx.lineWidth = 1.3;
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** What was asked for bears a sign inside: a dot for an idea, a cross for a hint of the user's. */
function paintAsked(
  ctx: CanvasRenderingContext2D,
  asked: { idea?: boolean; hint?: boolean },
  x: number,
  y: number,
  r: number,
  colour: string,
): void {
  if (!asked.idea && !asked.hint) return;
  ctx.beginPath();
  if (asked.hint) {
    ctx.moveTo(x - 0.5 * r, y);
    ctx.lineTo(x + 0.5 * r, y);
    ctx.moveTo(x, y - 0.5 * r);
    ctx.lineTo(x, y + 0.5 * r);
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1.5;
    ctx.stroke();
  } else {
    ctx.arc(x, y, 0.3 * r, 0, 2 * Math.PI);
    ctx.fillStyle = colour;
    ctx.fill();
  }
}

/** A question mark at a node whose value is doubted; only its outline where the user has set the doubt aside. */
export function paintDoubt(
  ctx: CanvasRenderingContext2D,
  x: number,
  y: number,
  r: number,
  isStanding: boolean,
  theme: Theme,
): void {
  const own = Math.min(6, Math.max(3.6, 0.75 * r));
  ctx.beginPath();
  ctx.arc(x, y, own, 0, 2 * Math.PI);
  ctx.fillStyle = isStanding ? theme.doubt : theme.background;
  ctx.fill();
  ctx.strokeStyle = isStanding ? theme.background : theme.doubt;
  ctx.lineWidth = 1;
  ctx.stroke();
  ctx.font = `700 ${(1.7 * own).toFixed(1)}px ${theme.font}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillStyle = isStanding ? theme.background : theme.doubt;
  ctx.fillText("?", x, y + 0.5);
  ctx.textBaseline = "alphabetic";
}

/** The two waves of "about equal", 10 wide around the origin; the legend draws the same. */
export const NOISE_SIGN = "M-4.4-1.4Q-2.4-4.6 0-2T4.4-2.6M-4.4 2.6Q-2.4-.6 0 2T4.4 1.4";
const NOISE_RADIUS = 4.8;

/** "About equal" on a small ground: the node's value cannot be told apart from the seed's or its parent's. */
export function paintNoise(ctx: CanvasRenderingContext2D, x: number, y: number, theme: Theme): void {
  ctx.save();
  ctx.translate(x, y);
  ctx.beginPath();
  ctx.arc(0, 0, NOISE_RADIUS, 0, 2 * Math.PI);
  ctx.fillStyle = theme.background;
  ctx.fill();
  ctx.scale(0.72, 0.72);
  ctx.strokeStyle = theme.ink;
  ctx.lineWidth = 1.6;
  ctx.lineCap = "round";
  ctx.stroke(new Path2D(NOISE_SIGN));
  ctx.restore();
}

/** A folded node says how many hide behind it. */
function paintFolds(ctx: CanvasRenderingContext2D, scene: TreeScene, theme: Theme): void {
  ctx.textAlign = "center";
  for (const [index, hidden] of scene.hiddenCounts) {
    if (!scene.isShown(index)) continue;
    const { x, y } = scene.at(index);
    label(ctx, `+${hidden}`, x, y + scene.radius + 13, theme, theme.ink, "600 ");
  }
}

function halo(ctx: CanvasRenderingContext2D, x: number, y: number, r: number, colour: string, width: number): void {
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.stroke();
}

function paintTick(ctx: CanvasRenderingContext2D, x: number, y: number, theme: Theme): void {
  ctx.beginPath();
  ctx.arc(x, y, 6, 0, 2 * Math.PI);
  ctx.fillStyle = theme.accent;
  ctx.fill();
  ctx.beginPath();
  ctx.moveTo(x - 2.8, y + 0.2);
  ctx.lineTo(x - 0.8, y + 2.2);
  ctx.lineTo(x + 2.9, y - 2);
  ctx.strokeStyle = theme.background;
  ctx.lineWidth = 1.6;
  ctx.stroke();
}

function paintLabels(ctx: CanvasRenderingContext2D, scene: TreeScene, marks: TreeMarks, theme: Theme): void {
  ctx.textAlign = "center";
  if (scene.spacing >= 58) {
    for (const node of scene.nodes) {
      if (!scene.isShown(node.index) || scene.hiddenCounts.has(node.index)) continue;
      const { x, y } = scene.at(node.index);
      label(
        ctx,
        node.value === null ? node.status : number(node.value, 4),
        x,
        y + scene.radius + 13,
        theme,
        theme.faint,
      );
    }
  }
  const [seed] = scene.nodes;
  if (seed) {
    const { x, y } = scene.at(0);
    label(ctx, "seed", x, y - scene.radius - 8, theme, theme.faint);
  }
  if (marks.best !== null && marks.best !== 0 && scene.isShown(marks.best)) {
    const { x, y } = scene.at(marks.best);
    label(ctx, `#${marks.best} best`, x, y - scene.radius - 10, theme, theme.best, "600 ");
  }
  if (marks.selected !== null && marks.selected !== marks.best && marks.selected !== 0) {
    const { x, y } = scene.at(marks.selected);
    // Beside the best the two names would lie over each other: the selected one's goes below.
    const best = marks.best === null || marks.best === 0 ? null : scene.at(marks.best);
    const isClose = best !== null && Math.abs(best.x - x) < 64 && Math.abs(best.y - y) < 14;
    const at = isClose ? y + scene.radius + 17 : y - scene.radius - 9;
    label(ctx, `#${marks.selected}`, x, at, theme, theme.accent, "600 ");
  }
}

function label(
  ctx: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  theme: Theme,
  colour: string,
  weight = "",
): void {
  ctx.font = `${weight}11px ${theme.font}`;
  ctx.lineWidth = 3;
  ctx.lineJoin = "round";
  ctx.strokeStyle = theme.background;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

/** Paint what is at work: a dashed ring while a proposal is written, a turning arc while it is evaluated. */
export function paintFlights(ctx: CanvasRenderingContext2D, scene: TreeScene, theme: Theme, turn: number): void {
  for (const [i, flight] of scene.flights.entries()) {
    if (!scene.isShown(scene.nodes.length + i)) continue;
    const at = scene.at(scene.nodes.length + i);
    const r = Math.max(3, scene.radius);
    ctx.strokeStyle = theme.accent;
    const parent = flight.parents[0];
    if (parent !== undefined && parent < scene.nodes.length) {
      ctx.beginPath();
      edge(ctx, scene.at(parent), at);
      ctx.lineWidth = 1.2;
      ctx.globalAlpha = 0.5;
      ctx.setLineDash([2, 3]);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.globalAlpha = 1;
    }
    ctx.beginPath();
    ctx.lineWidth = 2;
    if (flight.stage === "evaluating") {
      ctx.arc(at.x, at.y, r, turn, turn + 4.6);
    } else {
      ctx.setLineDash([2.5, 2.5]);
      ctx.lineDashOffset = -turn * 2;
      ctx.arc(at.x, at.y, r, 0, 2 * Math.PI);
    }
    ctx.stroke();
    ctx.setLineDash([]);
    if (r > 4) paintAsked(ctx, flight, at.x, at.y, r, theme.accent);
  }
}
