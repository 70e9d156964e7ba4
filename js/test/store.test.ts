import { describe, expect, it } from "vitest";
import { type Delta, type DetailWire, known, type Refused, type Snapshot } from "../src/shared/protocol";
import { EMPTY, reduce } from "../src/widget/store";
import fixture from "./fixture.json";

const snapshot = fixture.snapshot as unknown as Snapshot;
const delta = fixture.delta as unknown as Delta;
const after = fixture.after as unknown as Snapshot;
const detail = fixture.detail as unknown as DetailWire;

describe("what Python sends", () => {
  it("is known, every kind of it", () => {
    const { saved: _, savedDoubts: __, ...messages } = fixture;
    for (const message of Object.values(messages)) expect(known(message)).toBe(message);
  });

  it("gives the same run by snapshot and delta as by a later snapshot", () => {
    const first = reduce(EMPTY, snapshot);
    const second = first && reduce(first, delta);
    expect(second?.run).toEqual(after.run);
    expect(second?.nodes).toEqual(after.nodes);
    expect(second?.flights).toEqual(after.in_flight);
    const third = second && reduce({ ...second, seq: 3 }, fixture.doubted as unknown as Delta);
    expect(third?.run).toEqual(fixture.afterDoubts.run);
    expect(third?.nodes).toEqual(fixture.afterDoubts.nodes);
  });
});

describe("reduce", () => {
  const first = reduce(EMPTY, snapshot);
  if (first === null) throw new Error("the snapshot was not taken");

  it("asks for the whole run where a message is missing, or none has come yet", () => {
    expect(reduce(first, { ...delta, seq: delta.seq + 1 })).toBeNull();
    expect(reduce(EMPTY, delta)).toBeNull();
  });

  it("passes over what it has had already", () => {
    expect(reduce(first, { ...delta, seq: snapshot.seq })).toBe(first);
  });

  it("leaves the value it was given as it was", () => {
    const before = structuredClone(first.nodes);
    reduce(first, delta);
    expect(first.nodes).toEqual(before);
  });

  it("keeps details while the run is the same, and drops them with it", () => {
    const detailed = reduce(first, detail);
    expect(detailed && reduce(detailed, after)?.details.get(detail.index)).toEqual(detail);
    const other = { ...after, run: { ...after.run, id: "another" } };
    expect(detailed && reduce(detailed, other)?.details.size).toBe(0);
  });

  it("keeps what the kernel refused, in its words", () => {
    expect(reduce(first, fixture.refused as Refused)?.refused).toBe("run balanced is finished");
  });

  it("meets a newer kernel: unknown kinds are no messages, unknown fields are kept out of the way", () => {
    expect(known({ kind: "hologram" })).toBeNull();
    expect(known("hello")).toBeNull();
    expect(known(null)).toBeNull();
    const newer = { ...delta, run: { ...delta.run, mood: "good" }, smell: 1 } as Delta;
    expect(reduce(first, newer)?.nodes.length).toBe(after.nodes.length);
  });
});
