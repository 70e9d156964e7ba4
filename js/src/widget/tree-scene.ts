// The tree as geometry: where nodes stand, what the camera shows, which node is under the pointer.

import type { FlightWire, NodeWire } from "../shared/protocol";
import { hiddenBehind } from "./derive";
import { layout } from "./layout";

/** Pixels between neighbours and between levels when there is room. */
const ROOMY = { x: 40, y: 52 };
const MARGIN = { top: 34, side: 34, bottom: 26 };
const RADIUS = { least: 1.6, most: 8 };
const EASE = 0.22;
const MAX_ZOOM = 60;

export interface Point {
  x: number;
  y: number;
}

export class TreeScene {
  nodes: readonly NodeWire[] = [];
  flights: readonly FlightWire[] = [];
  private folded: ReadonlySet<number> = new Set();
  private behind: Int32Array = new Int32Array(0);
  /** How many nodes hide behind each folded one. */
  readonly hiddenCounts = new Map<number, number>();
  /** Current places, nodes first, then flights, in widths and levels. */
  private x: Float64Array = new Float64Array(0);
  private y: Float64Array = new Float64Array(0);
  private goalX: Float64Array = new Float64Array(0);
  private goalY: Float64Array = new Float64Array(0);
  private extent = { width: 0, height: 0 };
  private view = { width: 1, height: 1 };
  private camera = { x: 0, y: 0, sx: ROOMY.x, sy: ROOMY.y };
  /** Set once the user has zoomed or panned; null shows all. */
  private held: { x: number; y: number; zoom: number } | null = null;
  private isFirst = true;
  /** Counts the changes of the layout. */
  version = 0;

  /**
   * Take in the tree as it is now; new nodes grow out of the flight or the parent they came from. Return whether it is
   * another one than before.
   */
  update(nodes: readonly NodeWire[], flights: readonly FlightWire[], folded: ReadonlySet<number>): boolean {
    if (nodes === this.nodes && flights === this.flights && folded === this.folded) return false;
    const total = nodes.length + flights.length;
    const parents = new Int32Array(total).fill(-1);
    for (const [i, node] of nodes.entries()) parents[i] = node.parents[0] ?? -1;
    for (const [i, flight] of flights.entries()) parents[nodes.length + i] = flight.parents[0] ?? 0;
    this.hide(nodes, folded);
    const place = this.place(parents, nodes.length);
    const before = { x: this.x, y: this.y, nodes: this.nodes.length };
    this.goalX = place.x;
    this.goalY = place.y;
    this.x = place.x.slice();
    this.y = this.goalY.slice();
    if (!this.isFirst) {
      for (let i = 0; i < total; i++) {
        const origin = i < nodes.length && i < before.nodes ? i : (parents[i] as number);
        if (origin < 0 || origin >= before.x.length) continue;
        this.x[i] = before.x[origin] as number;
        this.y[i] = before.y[origin] as number;
      }
    }
    this.extent = { width: place.width, height: place.height };
    this.version += 1;
    this.nodes = nodes;
    this.flights = flights;
    this.folded = folded;
    this.isFirst = this.isFirst && total === 0;
    return true;
  }

  /** Return whether node `i` (or a flight) is in sight: not folded away. */
  isShown(i: number): boolean {
    const owner = i < this.nodes.length ? i : (this.flights[i - this.nodes.length]?.parents[0] ?? 0);
    return (this.behind[owner] ?? -1) < 0 && (i < this.nodes.length || !this.folded.has(owner));
  }

  private hide(nodes: readonly NodeWire[], folded: ReadonlySet<number>): void {
    this.behind = hiddenBehind(nodes, folded);
    this.hiddenCounts.clear();
    for (const fold of this.behind) {
      if (fold >= 0) this.hiddenCounts.set(fold, (this.hiddenCounts.get(fold) ?? 0) + 1);
    }
  }

  /** Lay out what is in sight; what is folded away stands where the fold is. */
  private place(parents: Int32Array, count: number) {
    const rank = new Int32Array(parents.length).fill(-1);
    const shown: number[] = [];
    const fold = (i: number) => {
      if (i < count) return this.behind[i] as number;
      const parent = parents[i] as number;
      const above = this.behind[parent] ?? -1;
      return above >= 0 ? above : this.hiddenCounts.has(parent) ? parent : -1;
    };
    for (let i = 0; i < parents.length; i++) {
      if (fold(i) < 0) rank[i] = shown.push(i) - 1;
    }
    const packed = layout(
      Int32Array.from(shown, i => (parents[i] === -1 ? -1 : (rank[parents[i] as number] as number))),
    );
    const [x, y] = [new Float64Array(parents.length), new Float64Array(parents.length)];
    for (let i = 0; i < parents.length; i++) {
      const at = (rank[i] as number) >= 0 ? (rank[i] as number) : (rank[fold(i)] as number);
      x[i] = packed.x[at] as number;
      y[i] = packed.depth[at] as number;
    }
    return { x, y, width: packed.width, height: packed.height };
  }

  resize(width: number, height: number): void {
    this.view = { width, height };
    if (this.held === null) this.camera = this.whole();
  }

  /** Move everything a step towards its goal; return whether there is more to do. */
  step(isInstant: boolean): boolean {
    let left = 0;
    const ease = isInstant ? 1 : EASE;
    for (let i = 0; i < this.x.length; i++) {
      const dx = (this.goalX[i] as number) - (this.x[i] as number);
      const dy = (this.goalY[i] as number) - (this.y[i] as number);
      this.x[i] = (this.x[i] as number) + dx * ease;
      this.y[i] = (this.y[i] as number) + dy * ease;
      left = Math.max(left, Math.abs(dx) * this.camera.sx, Math.abs(dy) * this.camera.sy);
    }
    const goal = this.goal();
    for (const key of ["x", "y", "sx", "sy"] as const) {
      const difference = goal[key] - this.camera[key];
      this.camera[key] += difference * ease;
      const pixels = key === "x" ? this.camera.sx : key === "y" ? this.camera.sy : 20;
      left = Math.max(left, Math.abs(difference) * pixels);
    }
    if (left < 0.4) this.settle(goal);
    return left >= 0.4;
  }

  /** Return where node `i` (or flight `i - nodes.length`) is drawn. */
  at(i: number): Point {
    return this.project(this.x[i] as number, this.y[i] as number);
  }

  get radius(): number {
    const room = Math.min(this.camera.sx * 0.36, this.camera.sy * 0.2);
    return Math.min(RADIUS.most, Math.max(RADIUS.least, room));
  }

  /** Pixels between neighbours: how much room labels have. */
  get spacing(): number {
    return this.camera.sx;
  }

  /** Pixels across. */
  get width(): number {
    return this.view.width;
  }

  get isHeld(): boolean {
    return this.held !== null;
  }

  /** Return the node nearest to a point of the canvas, null where none is near. */
  hit(point: Point): number | null {
    let [nearest, least] = [null as number | null, Math.max(12, this.radius + 4) ** 2];
    for (let i = 0; i < this.nodes.length; i++) {
      if (!this.isShown(i)) continue;
      const { x, y } = this.at(i);
      const far = (x - point.x) ** 2 + (y - point.y) ** 2;
      if (far < least) [nearest, least] = [i, far];
    }
    return nearest;
  }

  pan(dx: number, dy: number): void {
    const held = this.hold();
    held.x -= dx / this.camera.sx;
    held.y -= dy / this.camera.sy;
    this.camera = this.goal();
  }

  /** Zoom by `factor` so that what is at `point` stays there. */
  zoom(factor: number, point: Point = { x: this.view.width / 2, y: this.view.height / 2 }): void {
    const held = this.hold();
    const before = this.unproject(point);
    held.zoom = Math.min(MAX_ZOOM, Math.max(0.5, held.zoom * factor));
    const { sx, sy } = this.goal();
    held.x = before.x - (point.x - this.view.width / 2) / sx;
    held.y = before.y - (point.y - this.view.height / 2) / sy;
  }

  /** Show everything again, and keep showing it as it grows. */
  showAll(): void {
    this.held = null;
  }

  /** Pan so far that node `i` is in sight. */
  reveal(i: number): void {
    if (this.held === null || i >= this.goalX.length) return;
    const { x, y } = this.project(this.goalX[i] as number, this.goalY[i] as number);
    const pad = 30;
    const dx = x < pad ? x - pad : Math.max(0, x - this.view.width + pad);
    const dy = y < pad ? y - pad : Math.max(0, y - this.view.height + pad);
    this.held.x += dx / this.camera.sx;
    this.held.y += dy / this.camera.sy;
  }

  /** Return where node `i` will stand in the whole tree, 0 to 1 across and down. */
  placeIn(i: number): Point {
    return {
      x: (this.goalX[i] as number) / Math.max(1, this.extent.width),
      y: (this.goalY[i] as number) / Math.max(1, this.extent.height),
    };
  }

  /** Return the part of the whole tree that the camera shows, cut at its edges. */
  inSight(): { left: number; top: number; right: number; bottom: number } {
    const [from, to] = [this.unproject({ x: 0, y: 0 }), this.unproject({ x: this.view.width, y: this.view.height })];
    const cut = (value: number, whole: number) => Math.min(1, Math.max(0, value / Math.max(1, whole)));
    const { width, height } = this.extent;
    return { left: cut(from.x, width), top: cut(from.y, height), right: cut(to.x, width), bottom: cut(to.y, height) };
  }

  /** Move the camera to that part of the whole tree. */
  centreOn(part: Point): void {
    const held = this.hold();
    held.x = Math.min(1, Math.max(0, part.x)) * this.extent.width;
    held.y = Math.min(1, Math.max(0, part.y)) * this.extent.height;
  }

  private project(x: number, y: number): Point {
    return {
      x: this.view.width / 2 + (x - this.camera.x) * this.camera.sx,
      y: this.view.height / 2 + (y - this.camera.y) * this.camera.sy,
    };
  }

  private unproject(point: Point): Point {
    return {
      x: this.camera.x + (point.x - this.view.width / 2) / this.camera.sx,
      y: this.camera.y + (point.y - this.view.height / 2) / this.camera.sy,
    };
  }

  private hold(): { x: number; y: number; zoom: number } {
    this.held ??= { x: this.camera.x, y: this.camera.y, zoom: 1 };
    return this.held;
  }

  private goal() {
    const whole = this.whole();
    if (this.held === null) return whole;
    const { x, y, zoom } = this.held;
    // Past the roomy distance both directions grow alike.
    return {
      x,
      y,
      sx: whole.sx * zoom,
      sy: Math.max(whole.sy * Math.min(zoom, 1), Math.min(whole.sy * zoom, ROOMY.y * 2)),
    };
  }

  private whole() {
    const width = this.view.width - 2 * MARGIN.side;
    const height = this.view.height - MARGIN.top - MARGIN.bottom;
    const sx = Math.min(ROOMY.x, width / Math.max(1, this.extent.width));
    const sy = Math.min(ROOMY.y, height / Math.max(1, this.extent.height));
    // A small tree hangs from the top instead of floating.
    const y = (this.view.height / 2 - MARGIN.top) / sy;
    return { x: this.extent.width / 2, y, sx, sy };
  }

  private settle(goal: { x: number; y: number; sx: number; sy: number }): void {
    this.x.set(this.goalX);
    this.y.set(this.goalY);
    this.camera = { ...goal };
  }
}
