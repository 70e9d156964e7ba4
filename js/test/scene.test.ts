import { beforeEach, describe, expect, it } from "vitest";
import type { FlightWire, NodeWire } from "../src/shared/protocol";
import { TreeScene } from "../src/widget/tree-scene";

const parents = [[], [0], [0], [1], [1], [2, 1]];
const nodes: NodeWire[] = parents.map((own, index) => ({
  index,
  parents: own,
  status: "ok",
  value: index,
  operator: "improve",
  visits: 1,
  seconds: 1,
  finished: index,
}));
const flight: FlightWire = { ticket: 9, parents: [4], operator: "improve", stage: "proposing", since: 1 };

describe("the tree as geometry", () => {
  let scene: TreeScene;
  const settle = () => {
    while (scene.step(false));
  };
  const show = (count: number, folded: number[] = [], flights: FlightWire[] = []) => {
    scene.update(nodes.slice(0, count), flights, new Set(folded));
    settle();
  };

  beforeEach(() => {
    scene = new TreeScene();
    scene.resize(600, 300);
  });

  it("hangs the seed at the top, levels below it, all inside the view", () => {
    show(6);
    const [seed, child, grandchild] = [scene.at(0), scene.at(1), scene.at(3)];
    expect(seed.y).toBeLessThan(child.y);
    expect(child.y - seed.y).toBeCloseTo(grandchild.y - child.y);
    for (let i = 0; i < 6; i++) {
      expect(scene.at(i).x).toBeGreaterThan(0);
      expect(scene.at(i).x).toBeLessThan(600);
      expect(scene.at(i).y).toBeLessThan(300);
    }
  });

  it("finds the node under a point, and none where there is none", () => {
    show(6);
    for (const i of [0, 3, 5]) expect(scene.hit(scene.at(i))).toBe(i);
    expect(scene.hit({ x: 5, y: 295 })).toBeNull();
  });

  it("lets a new node grow out of its parent and arrive", () => {
    show(5);
    scene.update(nodes, [], new Set());
    expect(scene.at(5).y).toBeCloseTo(scene.at(2).y);
    settle();
    expect(scene.at(5).y).toBeGreaterThan(scene.at(2).y + 10);
  });

  it("keeps the seed under the pointer when zooming there, and shows all again", () => {
    show(6);
    const before = scene.at(0);
    scene.zoom(3, before);
    settle();
    expect(scene.at(0).x).toBeCloseTo(before.x);
    expect(scene.at(0).y).toBeCloseTo(before.y);
    expect(scene.isHeld).toBe(true);
    scene.showAll();
    settle();
    expect(scene.at(0)).toEqual(before);
  });

  it("pans with the pointer", () => {
    show(6);
    const before = scene.at(2);
    scene.pan(25, -10);
    expect(scene.at(2).x).toBeCloseTo(before.x + 25);
    expect(scene.at(2).y).toBeCloseTo(before.y - 10);
  });

  it("tells a map what is in sight, and goes where the map is pressed", () => {
    show(6);
    expect(scene.inSight()).toEqual({ left: 0, top: 0, right: 1, bottom: 1 });
    scene.zoom(20, scene.at(0));
    settle();
    const before = scene.inSight();
    expect(before.right - before.left).toBeLessThan(0.6);
    scene.centreOn(scene.placeIn(5));
    settle();
    expect(scene.at(5).x).toBeCloseTo(300);
    expect(scene.at(5).y).toBeCloseTo(150);
  });

  it("brings a node back into sight", () => {
    show(6);
    scene.zoom(20, scene.at(0));
    settle();
    scene.reveal(5);
    settle();
    expect(scene.at(5).x).toBeGreaterThan(0);
    expect(scene.at(5).x).toBeLessThan(600);
  });

  it("folds what is below a node away, flights included, and counts it", () => {
    show(6, [1], [flight]);
    expect([0, 1, 2, 3, 4, 5, 6].map(i => scene.isShown(i))).toEqual([true, true, true, false, false, true, false]);
    expect([...scene.hiddenCounts]).toEqual([[1, 2]]);
    expect(scene.hit(scene.at(3))).toBe(1);
    show(6, [], [flight]);
    expect(scene.isShown(3)).toBe(true);
    expect(scene.at(6).y).toBeGreaterThan(scene.at(4).y);
  });
});
