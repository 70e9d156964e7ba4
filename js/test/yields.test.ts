import { describe, expect, it } from "vitest";
import type { NodeWire } from "../src/shared/protocol";
import { breakthroughs } from "../src/widget/curve-paint";
import { bestSteps } from "../src/widget/derive";
import { hybridYield, ideaYields, operatorYields } from "../src/widget/yields";

function node(index: number, parents: number[], value: number | null, more: Partial<NodeWire> = {}): NodeWire {
  const status = value === null ? "error" : "ok";
  return { index, parents, value, status, operator: "improve", visits: 1, seconds: 1, finished: index, ...more };
}

//  0: 1.0 seed;  1: 2.0, from 0;  2: failed idea, from 0;  3: 1.5 the same idea, from 0;  4: 4.0 below 3
//  5: 5.0 joins 1 and 4;  6: 4.5 joins 1 and 4, no better than 4 by much;  7: doubted 9.0
const nodes = [
  node(0, [], 1, { operator: "seed" }),
  node(1, [0], 2),
  node(2, [0], null, { operator: "idea", idea: true, idea_at: 0 }),
  node(3, [0], 1.5, { operator: "idea", idea: true, idea_at: 0 }),
  node(4, [3], 4),
  node(5, [1, 4], 5, { operator: "recombine" }),
  node(6, [4, 5], 4.5, { operator: "recombine" }),
  node(7, [5], 9, { doubts: ["jump"] }),
];
const steps = bestSteps(nodes, "maximize");

describe("what worked", () => {
  it("counts for each operator what beat its parents, and how far it raised the best", () => {
    expect(operatorYields(nodes, steps, "maximize")).toEqual([
      // 1 -> 2 by node 1, 2 -> 4 by node 4; the doubted value counts for nothing
      { operator: "improve", nodes: [4, 1, 7], tried: 3, failed: 0, better: 2, raised: 3 },
      { operator: "recombine", nodes: [5, 6], tried: 2, failed: 0, better: 1, raised: 1 },
      { operator: "idea", nodes: [2, 3], tried: 2, failed: 1, better: 1, raised: 0 },
    ]);
  });

  it("tells the best of an idea's branch and what that gained over where it began", () => {
    const [idea] = ideaYields(nodes, steps, ["use trees"], "maximize");
    // Below node 3 stands 4 (4.0) and, along first parents, 6 (4.5).
    expect(idea).toMatchObject({ idea: "use trees", tried: 2, gain: 3.5 });
    expect(idea?.best?.index).toBe(6);
    expect(ideaYields(nodes, steps, [], "maximize")).toEqual([]);
  });

  it("tells how many hybrids beat both parents", () => {
    expect(hybridYield(nodes, "maximize")).toEqual({ tried: 2, scored: 2, better: 1 });
  });

  it("turns with the direction", () => {
    const down = nodes.map(each => ({ ...each, value: each.value === null ? null : -each.value }));
    const raised = operatorYields(down, bestSteps(down, "minimize"), "minimize").map(row => row.raised);
    expect(raised).toEqual([3, 1, 0]);
  });

  it("names the largest steps of the best first, and leaves small ones out", () => {
    // of 4 in all: 1, 2, 1
    expect(breakthroughs(steps, "maximize").map(each => each.index)).toEqual([4, 1, 5]);
    const late = [...steps, node(8, [5], 5.1)];
    expect(breakthroughs(late, "maximize").map(each => each.index)).toEqual([4, 1, 5]);
  });
});
