import { describe, expect, it } from "vitest";
import { Link } from "../src/widget/link";
import { isDrawable, SavedChannel, type SavedRun, toSnapshot } from "../src/widget/saved";
import fixture from "./fixture.json";

const saved = fixture.saved as unknown as SavedRun;

describe("a run out of a saved notebook", () => {
  it("has the nodes that the kernel would send, as far as they are stored", () => {
    const nodes = toSnapshot(saved).nodes;
    expect(nodes.length).toBe(fixture.after.nodes.length);
    for (const [i, node] of nodes.entries()) {
      const sent = fixture.after.nodes[i];
      expect([node.index, node.parents, node.status, node.value, node.holdout]).toEqual([
        sent?.index,
        sent?.parents,
        sent?.status,
        sent?.value,
        sent?.holdout,
      ]);
    }
  });

  it("keeps why a node was picked, what was asked for, and the ideas", () => {
    const { run, nodes } = toSnapshot(fixture.savedDoubts as unknown as SavedRun);
    const sent = fixture.afterDoubts;
    expect([run.policy, run.c_puct, run.ideas]).toEqual([sent.run.policy, sent.run.c_puct, sent.run.ideas]);
    for (const [i, node] of nodes.entries()) {
      const { pick, idea, idea_at, hint, duplicate_of } = (sent.nodes[i] ?? {}) as Record<string, unknown>;
      expect([node.pick, node.idea, node.idea_at, node.hint, node.duplicate_of]).toEqual([
        pick,
        idea,
        idea_at,
        hint,
        duplicate_of,
      ]);
    }
    expect(nodes.filter(node => node.pick !== undefined).length).toBeGreaterThan(0);
  });

  it("keeps doubts, repeats and what was allowed", () => {
    const { run, nodes } = toSnapshot(fixture.savedDoubts as unknown as SavedRun);
    expect([run.best, run.noise]).toEqual([fixture.afterDoubts.run.best, fixture.afterDoubts.run.noise]);
    for (const [i, node] of nodes.entries()) {
      const sent = fixture.afterDoubts.nodes[i];
      const { repeats, spread, doubts, allowed } = (sent ?? {}) as Record<string, unknown>;
      expect(node).toMatchObject({ repeats, spread, doubts, allowed });
    }
  });

  it("does not run, whatever the notebook says", () => {
    expect(toSnapshot(saved).run).toMatchObject({ state: "stopped", cell_id: "9d5703a6", name: "balanced" });
    expect(toSnapshot({ ...saved, state: "finished", reason: "8 of 8" }).run).toMatchObject({ state: "finished" });
  });

  it("answers over the same link as a kernel, with the sources that it holds", () => {
    const link = new Link(new SavedChannel(saved));
    expect(link.state.get()).toBe("saved");
    link.want(0);
    link.want(1);
    link.want(2);
    expect([...link.data.get().details.keys()].sort()).toEqual([0, 1]);
    expect(link.data.get().details.get(0)?.source).toContain("LogisticRegression");
    link.send({ kind: "pause" });
    expect(link.data.get().run?.state).toBe("stopped");
    link.close();
  });

  it("is drawn only where there is a tree, and a file of another version breaks nothing", () => {
    expect(isDrawable(saved)).toBe(true);
    for (const other of [undefined, {}, { nodes: {} }, { nodes: { parents: [] } }])
      expect(isDrawable(other)).toBe(false);
    expect(toSnapshot({}).nodes).toEqual([]);
    expect(toSnapshot({ nodes: { parents: [[], [0]], value: [1] } }).nodes[1]).toMatchObject({
      status: "ok",
      value: null,
    });
  });
});
