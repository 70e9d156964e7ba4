import { describe, expect, it } from "vitest";
import type { NodeWire, RunWire, Snapshot } from "../src/shared/protocol";
import { ticks } from "../src/widget/curve-paint";
import {
  bestIndex,
  bestSteps,
  childLists,
  gain,
  hiddenBehind,
  isDoubted,
  isMeant,
  isNoise,
  lineage,
  places,
  robustRange,
  secondsLeft,
  withinNoise,
} from "../src/widget/derive";
import { clock, count, dollars, duration, number, signed } from "../src/widget/format";
import { layout } from "../src/widget/layout";
import fixture from "./fixture.json";

const run = fixture.snapshot.run as unknown as RunWire;

function nodes(...values: (number | null)[]): NodeWire[] {
  return values.map((value, index) => ({
    index,
    parents: index === 0 ? [] : [Math.floor((index - 1) / 2)],
    status: value === null ? "error" : "ok",
    value,
    operator: index === 0 ? "seed" : "improve",
    visits: 1,
    seconds: 1,
    finished: index * 2,
  }));
}

describe("what follows from the nodes", () => {
  it("the best is the highest score, the earliest of equals, by direction", () => {
    const older = { ...run, best: undefined };
    expect(bestIndex(older, nodes(1, 3, null, 3, 2))).toBe(1);
    expect(bestIndex({ ...older, direction: "minimize" }, nodes(1, 3, null, 0.5, 0.5))).toBe(3);
    expect(bestIndex(older, nodes(null, null))).toBeNull();
    expect(bestIndex({ ...run, best: 2 }, nodes(1, 3, 2))).toBe(2);
    expect(bestSteps(nodes(1, 3, 2, 4), "maximize").map(node => node.index)).toEqual([0, 1, 3]);
  });

  it("a lineage runs from the seed along first parents", () => {
    const tree = nodes(1, 2, 3, 4, 5);
    expect(lineage(tree, 4).map(node => node.index)).toEqual([0, 1, 4]);
    expect(lineage(tree, null)).toEqual([]);
    expect(childLists(tree)).toEqual([[1, 2], [3, 4], [], [], []]);
  });

  it("places are spread over [0, 1], equal values share one, failures have none", () => {
    expect([...places(nodes(-1000, 1, 2, 2, null), "maximize")]).toEqual([0, 0.5, 1, 1, -1]);
    expect([...places(nodes(-1000, 1, 2, 2, null), "minimize")]).toEqual([1, 0.5, 0, 0, -1]);
    expect([...places(nodes(7), "maximize")]).toEqual([1]);
  });

  it("what is below a folded node hides behind the uppermost fold", () => {
    const tree = nodes(1, 2, 3, 4, 5, 6);
    expect([...hiddenBehind(tree, new Set([1]))]).toEqual([-1, -1, -1, 1, 1, -1]);
    expect([...hiddenBehind(tree, new Set([0, 1]))]).toEqual([-1, 0, 0, 0, 0, 0]);
    expect([...hiddenBehind(tree, new Set())]).toEqual([-1, -1, -1, -1, -1, -1]);
  });

  it("a search means a number, or all words of what is said of a node", () => {
    const [node] = nodes(1);
    if (!node) throw new Error("no node");
    const said = { ...node, index: 12, detail: "Weight rare cell types up" };
    expect(["12", "#12", "weight RARE", "ok cell"].map(text => isMeant(said, text))).toEqual([true, true, true, true]);
    expect(["3-12", "#12 – #40", "13-40"].map(text => isMeant(said, text))).toEqual([true, true, false]);
    expect(["1", "#3", "weight error"].map(text => isMeant(said, text))).toEqual([false, false, false]);
  });

  it("gains are positive when better, in both directions", () => {
    expect(gain(3, 1, "maximize")).toBe(2);
    expect(gain(3, 1, "minimize")).toBe(-2);
    expect(gain(null, 1, "maximize")).toBeNull();
    expect(gain(3, undefined, "maximize")).toBeNull();
  });

  it("one absurd value does not squash the curve, but the seed and the best are always in it", () => {
    const values = Array.from({ length: 30 }, (_, i) => 0.8 + i / 1000);
    const all = nodes(0.7, ...values, -27);
    const [low, high] = robustRange(all, all[30]);
    expect(low).toBeGreaterThan(0.6);
    expect(low).toBeLessThan(0.7);
    expect(high).toBeGreaterThan(0.829);
  });

  it("the time left follows the pace of the last nodes and the minutes", () => {
    const many = nodes(...Array.from({ length: 11 }, () => 1));
    const budget = { nodes: 21, minutes: null, tokens: null, cost: null };
    expect(secondsLeft({ ...run, budget }, many, 20)).toBeCloseTo(20);
    expect(secondsLeft({ ...run, budget: { ...budget, minutes: 0.5 } }, many, 20)).toBeCloseTo(10);
    expect(secondsLeft({ ...run, budget, state: "finished" }, many, 20)).toBeNull();
    expect(secondsLeft({ ...run, budget }, nodes(1, 2), 3)).toBeNull();
  });
});

describe("doubt and noise", () => {
  const after = fixture.afterDoubts as unknown as Snapshot;

  it("are judged as Python judges them", () => {
    const { run, nodes } = after;
    const steps = bestSteps(nodes, run.direction, run.noise ?? 0).map(node => node.index);
    expect(steps).toEqual([0, 1, 5]);
    expect(bestIndex(run, nodes)).toBe(5);
    expect(nodes.filter(isDoubted).map(node => node.index)).toEqual([3, 4]);
    // 0.6225 of two and 0.63 of three evaluations, with a standard deviation of 0.0084.
    expect(isNoise(nodes[1], nodes[4], run)).toBe(true);
    expect(isNoise(nodes[0], nodes[1], run)).toBe(false);
    expect(isNoise(nodes[2], nodes[1], run)).toBe(false);
    // Node 4, which is 1's child, is like it; a duplicate of it would be no case of chance.
    expect([...withinNoise(nodes, run)]).toEqual([4]);
    expect([
      ...withinNoise(
        nodes.map(node => ({ ...node, status: "duplicate" as const })),
        run,
      ),
    ]).toEqual([]);
    expect([...withinNoise(nodes, { ...run, noise: null })]).toEqual([]);
  });

  it("a lucky single evaluation does not pass a mean that is nearly as good", () => {
    const [seed, mean, lucky] = nodes(0.5, 0.63, 0.64) as [NodeWire, NodeWire, NodeWire];
    const measured = [seed, { ...mean, repeats: 3, spread: 0.03 }, lucky];
    expect(bestSteps(measured, "maximize", 0.03).map(node => node.index)).toEqual([0, 1]);
    expect(bestSteps(measured, "maximize", 0).map(node => node.index)).toEqual([0, 1, 2]);
  });

  it("a doubted value has the colour of the next one below it and squashes no other", () => {
    const tree = nodes(1, 2, 3, 99, -5) as NodeWire[];
    const doubts: NodeWire["doubts"] = ["jump"];
    const doubted = tree.map(node => (node.index > 2 ? { ...node, doubts } : node));
    expect([...places(doubted, "maximize")]).toEqual([0, 0.5, 1, 1, 0]);
    const allowed = doubted.map(node => ({ ...node, allowed: true }));
    expect([...places(allowed, "maximize")]).toEqual([0.25, 0.5, 0.75, 1, 0]);
    expect(isMeant(doubted[3] as NodeWire, "doubted jump")).toBe(true);
  });
});

describe("the layout", () => {
  function check(parents: number[]): void {
    const place = layout(Int32Array.from(parents));
    const rows = new Map<number, number[]>();
    parents.forEach((_, i) => {
      const depth = place.depth[i] as number;
      rows.set(depth, [...(rows.get(depth) ?? []), place.x[i] as number]);
    });
    for (const row of rows.values()) {
      row.sort((a, b) => a - b);
      for (let i = 1; i < row.length; i++) expect((row[i] as number) - (row[i - 1] as number)).toBeGreaterThan(0.999);
    }
  }

  it("puts a parent over the middle of its children", () => {
    const place = layout(Int32Array.from([-1, 0, 0, 0, 2]));
    expect([...place.depth]).toEqual([0, 1, 1, 1, 2]);
    expect([...place.x]).toEqual([1, 0, 1, 2, 1]);
    expect([place.width, place.height]).toEqual([2, 2]);
  });

  it("never puts two nodes of a level closer than one width", () => {
    let state = 7;
    const random = () => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state / 2147483648;
    };
    for (let round = 0; round < 20; round++) {
      check(Array.from({ length: 120 }, (_, i) => (i === 0 ? -1 : Math.floor(i * random() ** (1 + (round % 3))))));
    }
  });

  // Forty thousand million steps would not end in a minute; a few million do on any machine.
  it("lays out a chain and a tree of 200,000 nodes: neither by recursion nor in quadratic time", {
    timeout: 60_000,
  }, () => {
    const chain = layout(Int32Array.from({ length: 200_000 }, (_, i) => i - 1));
    expect([chain.width, chain.height]).toEqual([0, 199_999]);
    // Level d holds 3^d nodes: levels 0 to 10 hold 88,573, those down to 11 hold 265,720.
    const tree = layout(Int32Array.from({ length: 200_000 }, (_, i) => (i === 0 ? -1 : Math.floor((i - 1) / 3))));
    expect(tree.height).toBe(11);
  });

  it("is empty for no node", () => {
    expect(layout(new Int32Array(0))).toMatchObject({ width: 0, height: 0 });
  });
});

describe("numbers as a reader likes them", () => {
  it("keeps about five digits and a true minus", () => {
    expect([number(0.852634), number(-12.5), number(123456.7), number(1.2e-7), number(0), number(null)]).toEqual([
      "0.85263",
      "−12.5",
      "123457",
      "1.2e−7",
      "0",
      "–",
    ]);
    expect([signed(0.0686), signed(-2), signed(0), signed(null)]).toEqual(["+0.0686", "−2", "±0", "–"]);
  });

  it("tells times, counts and money", () => {
    expect([duration(4.21), duration(42), duration(125), duration(7384), duration(null)]).toEqual([
      "4.2 s",
      "42 s",
      "2:05",
      "2:03:04",
      "–",
    ]);
    expect([clock(0.4), clock(61), count(950), count(12_345), count(4_560_000)]).toEqual([
      "0:00",
      "1:01",
      "950",
      "12.3k",
      "4.56M",
    ]);
    expect([dollars(0.0012), dollars(3.456)]).toEqual(["$0.0012", "$3.46"]);
  });

  it("puts ticks at round numbers", () => {
    expect(ticks(0, 59, 6, true)).toEqual([0, 10, 20, 30, 40, 50]);
    expect(ticks(0.77, 0.87, 5, false)).toEqual([0.78, 0.8, 0.82, 0.84, 0.86]);
    expect(ticks(0, 2, 6, true)).toEqual([0, 1, 2]);
  });
});
