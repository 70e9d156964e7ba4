import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FromPage } from "../src/shared/protocol";
import { type Channel, Link } from "../src/widget/link";
import fixture from "./fixture.json";

class Wire implements Channel {
  sent: FromPage[] = [];
  private hear: (message: unknown) => void = () => {};
  send(message: FromPage): void {
    this.sent.push(message);
  }
  on(_: string, callback: (message: unknown) => void): void {
    this.hear = callback;
  }
  off(): void {
    this.hear = () => {};
  }
  say(message: unknown): void {
    this.hear(message);
  }
  kinds(): string[] {
    return this.sent.map(message => message.kind);
  }
}

describe("the link", () => {
  let wire: Wire;
  let link: Link;

  beforeEach(() => {
    vi.useFakeTimers();
    wire = new Wire();
    link = new Link(wire, () => Date.now());
  });
  afterEach(() => {
    link.close();
    vi.useRealTimers();
  });

  it("says hello and is live with the answer", () => {
    expect(wire.sent).toEqual([{ kind: "hello", protocol: 1 }]);
    expect(link.state.get()).toBe("waiting");
    wire.say(fixture.snapshot);
    expect(link.state.get()).toBe("live");
    expect(link.data.get().nodes.length).toBe(1);
  });

  it("says hello again after a gap", () => {
    wire.say(fixture.snapshot);
    wire.say({ ...fixture.delta, seq: 9 });
    expect(wire.kinds()).toEqual(["hello", "hello"]);
    wire.say(fixture.after);
    expect(link.data.get().nodes.length).toBe(3);
  });

  it("asks for a detail once, however often it is wanted", () => {
    wire.say(fixture.snapshot);
    link.want(2);
    link.want(2);
    expect(wire.kinds()).toEqual(["hello", "detail"]);
    wire.say(fixture.detail);
    link.want(2);
    expect(wire.kinds()).toEqual(["hello", "detail"]);
  });

  it("asks again for what it shows of a node that has changed, and keeps showing what it has until then", () => {
    wire.say(fixture.snapshot);
    wire.say(fixture.delta);
    wire.say({ ...fixture.detail, index: 1, source: "as it was" });
    wire.say({ ...fixture.doubted, seq: 3 });
    expect(wire.sent.slice(1)).toEqual([{ kind: "detail", index: 1 }]);
    expect(link.data.get().details.get(1)?.source).toBe("as it was");
  });

  it("says that the kernel is silent after two hellos without answer, and is live again with one", () => {
    wire.say(fixture.snapshot);
    vi.advanceTimersByTime(60_000);
    expect(link.state.get()).toBe("silent");
    expect(wire.kinds().length).toBeGreaterThan(2);
    wire.say(fixture.after);
    expect(link.state.get()).toBe("live");
  });

  it("asks ever more rarely", () => {
    vi.advanceTimersByTime(60_000);
    const early = wire.sent.length;
    vi.advanceTimersByTime(60_000);
    expect(wire.sent.length - early).toBeLessThanOrEqual(1);
  });

  it("takes a wire that is gone for a silent kernel, and stops asking", () => {
    wire.say(fixture.snapshot);
    let tries = 0;
    wire.send = () => {
      tries++;
      throw new Error("Cannot send");
    };
    link.send({ kind: "pause" });
    expect(link.state.get()).toBe("silent");
    vi.advanceTimersByTime(600_000);
    expect(tries).toBe(1);
  });

  it("does not mind the silence of a run that has ended", () => {
    wire.say({ ...fixture.snapshot, run: { ...fixture.snapshot.run, state: "finished" } });
    vi.advanceTimersByTime(600_000);
    expect(wire.kinds()).toEqual(["hello"]);
    expect(link.state.get()).toBe("live");
  });

  it("passes over messages that it does not know", () => {
    wire.say({ kind: "hologram" });
    wire.say(undefined);
    expect(link.state.get()).toBe("waiting");
  });

  it("releases what it attached", () => {
    link.close();
    wire.say(fixture.snapshot);
    vi.advanceTimersByTime(60_000);
    expect(wire.kinds()).toEqual(["hello"]);
    expect(link.data.get().run).toBeNull();
  });
});
