// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inWords, isAtWork, Runs } from "../src/lab/runs";
import { prefer, preferences, type RunStatus, STATUS_EVENT } from "../src/shared/status";
import type { Channel } from "../src/widget/link";
import { SavedChannel, type SavedRun } from "../src/widget/saved";
import { Session } from "../src/widget/session";
import fixture from "./fixture.json";

class Wire implements Channel {
  private hear: (message: unknown) => void = () => {};
  send(): void {}
  on(_: string, callback: (message: unknown) => void): void {
    this.hear = callback;
  }
  off(): void {}
  say(message: unknown): void {
    this.hear(message);
  }
}

describe("what the extension hears of the runs", () => {
  let wire: Wire;
  let session: Session;
  const told: RunStatus[] = [];
  const listen = (event: Event) => told.push((event as CustomEvent<RunStatus>).detail);

  beforeEach(() => {
    vi.useFakeTimers();
    told.length = 0;
    window.addEventListener(STATUS_EVENT, listen);
    wire = new Wire();
    session = new Session(wire, undefined);
  });
  afterEach(() => {
    session.close();
    window.removeEventListener(STATUS_EVENT, listen);
    vi.useRealTimers();
  });

  it("is one word a second at most, with best and gain", () => {
    wire.say(fixture.snapshot);
    wire.say(fixture.delta);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(told.length).toBe(1);
    expect(told[0]).toMatchObject({ name: "balanced", state: "running", isLive: true, nodes: 3, budget: 8 });
    expect(told[0]).toMatchObject({ best: 0.625, gain: 0.125, cellId: "9d5703a6", isGone: false });
    wire.say({ kind: "delta", seq: 3, run: { elapsed: 9 } });
    vi.advanceTimersByTime(5_000);
    expect(told.length).toBe(1);
  });

  it("comes also to an extension that starts later, and ends with the page", () => {
    wire.say(fixture.after);
    vi.advanceTimersByTime(1_000);
    const runs = new Runs();
    expect(runs.atWork().map(run => run.id)).toEqual([fixture.after.run.id]);
    expect(runs.ofCell("9d5703a6")?.nodes).toBe(3);
    expect(inWords(runs.atWork()[0] as RunStatus)).toBe("balanced: running, 3 of 8, best 0.625 (+0.125)");
    session.close();
    expect(runs.atWork()).toEqual([]);
    expect(runs.ofCell("9d5703a6")).toBeUndefined();
  });

  it("tells of an end and of silence: neither is at work", () => {
    const runs = new Runs();
    const heard: [boolean, boolean][] = [];
    runs.changed.connect((_, { now, before }) => heard.push([before !== undefined && isAtWork(before), isAtWork(now)]));
    wire.say(fixture.after);
    vi.advanceTimersByTime(1_000);
    wire.say({ kind: "delta", seq: 4, run: { state: "finished" } });
    vi.advanceTimersByTime(1_000);
    expect(heard).toEqual([
      [false, true],
      [true, false],
    ]);
  });

  it("is nothing of a saved run", () => {
    const saved = new Session(new SavedChannel(fixture.saved as unknown as SavedRun), undefined);
    vi.advanceTimersByTime(2_000);
    expect(told).toEqual([]);
    saved.close();
  });
});

describe("what the user has set", () => {
  it("is how a page begins; without an extension the defaults hold", () => {
    expect(preferences()).toEqual({ difference: "unified", compareWith: "seed", hasTabs: false });
    prefer({ difference: "split", compareWith: "parent" });
    const session = new Session(new Wire(), undefined);
    expect(session.ui.get()).toMatchObject({ base: "parent", isBeside: true });
    session.close();
    prefer({ difference: "unified", compareWith: "seed" });
  });
});
