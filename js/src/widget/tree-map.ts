// A small picture of the whole tree, with a frame around what the camera shows: drawn once per change of the tree.

import { isDoubted } from "./derive";
import { ramp, type Theme } from "./theme";
import type { TreeMarks } from "./tree-paint";
import type { TreeScene } from "./tree-scene";

/** Worth its room from so many nodes on. */
export const MAP_FROM = 40;
const PAD = 5;

export class TreeMap {
  private readonly whole = document.createElement("canvas");
  private painted: { nodes: unknown; marks: TreeMarks; theme: Theme; width: number; version: number } | null = null;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  /** Return whether the map is of use: a tree of some size, of which not all is in sight. */
  static isOfUse(scene: TreeScene): boolean {
    return scene.isHeld && scene.nodes.length >= MAP_FROM;
  }

  paint(scene: TreeScene, marks: TreeMarks, theme: Theme): void {
    this.canvas.hidden = !TreeMap.isOfUse(scene);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (this.canvas.hidden || width === 0) return;
    const density = devicePixelRatio;
    if (this.canvas.width !== Math.round(width * density)) {
      this.canvas.width = Math.round(width * density);
      this.canvas.height = Math.round(height * density);
    }
    const ctx = this.canvas.getContext("2d");
    if (ctx === null) return;
    this.paintWhole(scene, marks, theme, width, height);
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ctx.drawImage(this.whole, 0, 0);
    ctx.setTransform(density, 0, 0, density, 0, 0);
    const { left, top, right, bottom } = scene.inSight();
    const [x, y] = [PAD + left * (width - 2 * PAD), PAD + top * (height - 2 * PAD)];
    ctx.strokeStyle = theme.accent;
    ctx.lineWidth = 1.5;
    ctx.strokeRect(
      x,
      y,
      Math.max(4, (right - left) * (width - 2 * PAD)),
      Math.max(4, (bottom - top) * (height - 2 * PAD)),
    );
  }

  /** Return the part of the tree, 0 to 1 across and down, that a point of the map stands for. */
  static part(x: number, y: number, width: number, height: number): { x: number; y: number } {
    return { x: (x - PAD) / (width - 2 * PAD), y: (y - PAD) / (height - 2 * PAD) };
  }

  private paintWhole(scene: TreeScene, marks: TreeMarks, theme: Theme, width: number, height: number): void {
    const now = { nodes: scene.nodes, marks, theme, width, version: scene.version };
    const was = this.painted;
    if (was !== null && was.nodes === now.nodes && was.theme === theme && was.width === width) {
      if (was.marks.only === marks.only && was.marks.best === marks.best && was.version === now.version) return;
    }
    this.painted = now;
    this.whole.width = this.canvas.width;
    this.whole.height = this.canvas.height;
    const ctx = this.whole.getContext("2d");
    if (ctx === null) return;
    ctx.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    const size = scene.nodes.length > 2000 ? 1.2 : 2;
    for (const node of scene.nodes) {
      if (!scene.isShown(node.index)) continue;
      const at = scene.placeIn(node.index);
      const place = marks.places[node.index] ?? -1;
      ctx.globalAlpha = marks.only !== null && !marks.only(node) ? 0.15 : 1;
      ctx.fillStyle = isDoubted(node) ? theme.doubt : place < 0 ? theme.faint : ramp(place, theme.isDark);
      ctx.fillRect(PAD + at.x * (width - 2 * PAD) - size / 2, PAD + at.y * (height - 2 * PAD) - size / 2, size, size);
    }
    ctx.globalAlpha = 1;
    if (marks.best === null || !scene.isShown(marks.best)) return;
    const best = scene.placeIn(marks.best);
    ctx.fillStyle = theme.best;
    ctx.beginPath();
    ctx.arc(PAD + best.x * (width - 2 * PAD), PAD + best.y * (height - 2 * PAD), 2.6, 0, 2 * Math.PI);
    ctx.fill();
  }
}
