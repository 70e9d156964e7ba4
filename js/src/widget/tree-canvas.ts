// The two canvases of the tree and their clock: one is painted when something changed, one while something is at work.

import type { FlightWire, NodeWire } from "../shared/protocol";
import { sameIn } from "./store";
import type { Theme } from "./theme";
import { TreeMap } from "./tree-map";
import { paintFlights, paintTree, type TreeMarks } from "./tree-paint";
import { TreeScene } from "./tree-scene";

const FLIGHT_FRAME_MS = 80;
const STEADY_ABOVE = 3000;
// While a large tree is dragged it slides as it was painted last; so often it is painted anew.
const SLIDE_MS = 150;

export class TreeCanvas {
  readonly scene = new TreeScene();
  private readonly map: TreeMap;
  private marks: TreeMarks | null = null;
  private theme: Theme | null = null;
  private frame = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  /** How far the tree was dragged since it was painted, and when that was. */
  private slid = { x: 0, y: 0 };
  private paintedAt = 0;
  private sliding: ReturnType<typeof setTimeout> | undefined;
  private isInSight = true;
  private readonly sizes: ResizeObserver;
  private readonly sight: IntersectionObserver;
  private readonly calm = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(
    private readonly holder: HTMLElement,
    private readonly still: HTMLCanvasElement,
    private readonly moving: HTMLCanvasElement,
    map: HTMLCanvasElement,
  ) {
    this.map = new TreeMap(map);
    this.sizes = new ResizeObserver(() => {
      // In the frame of the new size: a canvas is empty from then on.
      if (this.resize()) this.paint();
    });
    this.sizes.observe(holder);
    this.sight = new IntersectionObserver(entries => {
      const wasInSight = this.isInSight;
      this.isInSight = entries.some(entry => entry.isIntersecting);
      if (!this.isInSight || wasInSight) return;
      // What happened out of sight is not played back.
      this.scene.step(true);
      this.draw();
    });
    this.sight.observe(holder);
    this.calm.addEventListener("change", this.turn);
    this.resize();
  }

  close(): void {
    this.sizes.disconnect();
    this.sight.disconnect();
    this.calm.removeEventListener("change", this.turn);
    cancelAnimationFrame(this.frame);
    clearInterval(this.timer);
    clearTimeout(this.sliding);
  }

  show(
    nodes: readonly NodeWire[],
    flights: readonly FlightWire[],
    folded: ReadonlySet<number>,
    marks: TreeMarks,
    theme: Theme,
  ): void {
    const isOther = this.scene.update(nodes, flights, folded);
    if (!isOther && sameIn(this.marks, marks) && theme === this.theme) return;
    this.marks = marks;
    this.theme = theme;
    this.draw();
    this.turn();
  }

  /** Let what is at work turn, unless the user wants no motion. */
  private readonly turn = (): void => {
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.scene.flights.length > 0 && !this.calm.matches) {
      this.timer = setInterval(() => this.paintMoving(), FLIGHT_FRAME_MS);
    }
  };

  /** Move what is in sight by so many pixels. */
  pan(dx: number, dy: number): void {
    this.scene.pan(dx, dy);
    if (this.scene.nodes.length <= STEADY_ABOVE) {
      this.draw();
      return;
    }
    this.slide(this.slid.x + dx, this.slid.y + dy);
    const rest = SLIDE_MS - (performance.now() - this.paintedAt);
    this.sliding ??= setTimeout(() => this.draw(), Math.max(0, rest));
  }

  private slide(x: number, y: number): void {
    this.slid = { x, y };
    const transform = x === 0 && y === 0 ? "" : `translate(${x}px, ${y}px)`;
    for (const canvas of [this.still, this.moving]) canvas.style.transform = transform;
  }

  /** Paint in the next frame, and go on until everything has arrived where it belongs. */
  draw(): void {
    if (this.frame !== 0 || !this.isInSight) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.resize();
      this.paint();
    });
  }

  private paint(): void {
    const isInstant = this.calm.matches || this.scene.nodes.length > STEADY_ABOVE;
    const isMoving = this.scene.step(isInstant);
    this.paintStill();
    this.paintMoving();
    if (isMoving) this.draw();
  }

  /** Take over the holder's size; return whether it is another one. */
  private resize(): boolean {
    const { clientWidth: width, clientHeight: height } = this.holder;
    const [across, down] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
    if (across === 0 || down === 0 || (this.still.width === across && this.still.height === down)) return false;
    for (const canvas of [this.still, this.moving]) [canvas.width, canvas.height] = [across, down];
    this.scene.resize(width, height);
    return true;
  }

  private paintStill(): void {
    const ctx = cleared(this.still);
    if (ctx === null || this.marks === null || this.theme === null) return;
    clearTimeout(this.sliding);
    this.sliding = undefined;
    paintTree(ctx, this.scene, this.marks, this.theme);
    this.slide(0, 0);
    this.paintedAt = performance.now();
    this.map.paint(this.scene, this.marks, this.theme);
  }

  private paintMoving(): void {
    // What slides has its place as it was painted.
    if (this.slid.x !== 0 || this.slid.y !== 0) return;
    const ctx = cleared(this.moving);
    if (ctx === null || this.theme === null || !this.isInSight) return;
    const turn = this.calm.matches ? 0 : (performance.now() / 180) % (2 * Math.PI);
    paintFlights(ctx, this.scene, this.theme, turn);
  }
}

/** Return the canvas's context, cleared and scaled to CSS pixels; null where there is none (tests without a canvas). */
export function cleared(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  const ctx = canvas.getContext("2d");
  if (ctx === null) return null;
  ctx.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  ctx.clearRect(0, 0, canvas.width, canvas.height);
  return ctx;
}
