// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ACCEPT_EVENT, type AcceptDetail, COMMAND_EVENT } from "../src/shared/accept";
import type { FromPage } from "../src/shared/protocol";
import { LOOK_EVENT, type LookDetail, REVIEW_EVENT, type ReviewDetail } from "../src/shared/review";
import widget from "../src/widget/index";
import fixture from "./fixture.json";

/** anywidget's model as a page has it: hooks get proxies of it, messages come by an event. */
class Model {
  sent: FromPage[] = [];
  private hear = new Set<(message: unknown) => void>();
  constructor(readonly widget_manager: unknown = {}) {}
  proxy(): never {
    return {
      get: () => "key-1",
      send: (message: FromPage) => this.sent.push(message),
      on: (_: string, callback: (message: unknown) => void) => this.hear.add(callback),
      off: (_: string, callback: (message: unknown) => void) => this.hear.delete(callback),
      widget_manager: this.widget_manager,
    } as never;
  }
  say(message: unknown): void {
    for (const hear of this.hear) hear(message);
  }
  last(): FromPage | undefined {
    return this.sent[this.sent.length - 1];
  }
}

/** A few frames: Preact renders and runs effects by them, however slow the machine is. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 8)));
}

describe("the widget", () => {
  let model: Model;
  let el: HTMLElement;
  const cleanups: (() => void)[] = [];

  async function open(manager?: unknown): Promise<void> {
    model = new Model(manager);
    el = document.createElement("div");
    document.body.append(el);
    cleanups.push(widget.initialize({ model: model.proxy() }), widget.render({ model: model.proxy(), el }));
    await settled();
  }
  async function live(): Promise<void> {
    model.say(fixture.snapshot);
    await settled();
    model.say(fixture.delta);
    await settled();
  }
  const button = (name: string) => {
    const found = [...el.querySelectorAll("button")].find(
      each => (each.getAttribute("aria-label") ?? each.textContent?.trim()) === name,
    );
    if (!found) throw new Error(`no button ${name}`);
    return found as HTMLButtonElement;
  };

  beforeEach(() =>
    vi.stubGlobal("matchMedia", () => ({ matches: true, addEventListener() {}, removeEventListener() {} })),
  );
  afterEach(() => {
    for (const cleanup of cleanups.splice(0).reverse()) cleanup();
    document.body.replaceChildren();
    vi.unstubAllGlobals();
  });

  it("says hello once for model and view, waits with words, then shows the run", async () => {
    await open();
    expect(model.sent).toEqual([{ kind: "hello", protocol: 1 }]);
    expect(el.textContent).toContain("Waiting for the kernel");
    await live();
    expect(el.querySelector(".snb")?.hasAttribute("data-live")).toBe(true);
    expect(el.querySelector(".snb-state")?.textContent).toBe("Running");
    expect(el.textContent).toContain("+0.125 over the seed");
    expect(el.querySelectorAll("[role=treeitem]").length).toBe(3);
  });

  it("sends the commands that its buttons say", async () => {
    await open();
    await live();
    button("Pause").click();
    expect(model.last()).toEqual({ kind: "pause" });
    button("Stop").click();
    expect(model.last()).toEqual({ kind: "stop" });
  });

  it("says when a kernel is too busy to act, until it has", async () => {
    await open();
    await live();
    const later = vi.spyOn(performance, "now");
    button("Stop").click();
    const begun = later.mock.results.at(-1)?.value ?? performance.now();
    later.mockReturnValue(begun + 5_000);
    model.say({ ...fixture.delta, seq: 3 });
    await settled();
    expect(el.querySelector(".snb-news")?.textContent).toContain("Asked to stop");
    model.say({ kind: "delta", seq: 4, run: { state: "stopped", reason: "by the user" } });
    await settled();
    expect(el.querySelector(".snb-news")?.textContent).toContain("Stopped: by the user");
    later.mockRestore();
  });

  it("walks the tree with the arrow keys and lets no plain key out", async () => {
    await open();
    await live();
    const outside = vi.fn();
    document.addEventListener("keydown", outside);
    const tree = el.querySelector("[role=tree]") as HTMLElement;
    const press = async (key: string, extra = {}) => {
      tree.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...extra }));
      await settled();
    };
    await press("Home");
    expect(el.querySelector(".snb-node h4")?.textContent).toBe("Seed");
    await press("ArrowDown");
    expect(el.querySelector(".snb-node h4")?.textContent).toBe("Node 1");
    await press("ArrowRight");
    expect(el.querySelector(".snb-node h4")?.textContent).toBe("Node 2");
    await press("d");
    expect(outside).not.toHaveBeenCalled();
    await press("s", { ctrlKey: true });
    expect(outside).toHaveBeenCalledTimes(1);
    document.removeEventListener("keydown", outside);
  });

  it("asks for the detail of what is selected and shows why a node failed", async () => {
    await open();
    await live();
    expect(model.sent).toContainEqual({ kind: "detail", index: 1 });
    const tree = el.querySelector("[role=tree]") as HTMLElement;
    tree.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
    await settled();
    model.say(fixture.detail);
    button("Log").click();
    await settled();
    expect(el.querySelector(".snb-panel")?.textContent).toContain("ValueError: Input has NaN.");
  });

  const detailOf = (index: number, source: string) => ({ ...fixture.detail, index, source });

  it("hands an accepted node to the extension and tells the kernel", async () => {
    await open();
    await live();
    let asked: AcceptDetail | undefined;
    const extension = (event: Event) => {
      asked = (event as CustomEvent<AcceptDetail>).detail;
      asked.answer = { status: "done", undo: () => {} };
    };
    window.addEventListener(ACCEPT_EVENT, extension);
    model.say(detailOf(0, "the seed"));
    model.say(detailOf(1, "the best"));
    button("Accept best").click();
    await settled();
    window.removeEventListener(ACCEPT_EVENT, extension);
    expect(asked).toMatchObject({
      index: 1,
      source: "the best",
      cellId: "9d5703a6",
      known: ["the seed"],
      mode: "replace",
    });
    expect(model.last()).toEqual({ kind: "accepted", index: 1 });
  });

  it("says what to type where neither the extension nor the notebook can be reached", async () => {
    await open();
    await live();
    model.say(detailOf(0, "the seed"));
    model.say(detailOf(1, "the best"));
    button("Accept best").click();
    await settled();
    expect(el.querySelector("[role=alertdialog] pre")?.textContent).toBe("%score accept balanced 1");
    expect(model.sent.some(message => message.kind === "accepted")).toBe(false);
  });

  it("carries out a command of the palette once", async () => {
    await open();
    await live();
    const detail = { command: "pause" as const, taken: false };
    const event = new CustomEvent(COMMAND_EVENT, { detail });
    el.querySelector(".snb")?.dispatchEvent(event);
    el.querySelector(".snb")?.dispatchEvent(new CustomEvent(COMMAND_EVENT, { detail }));
    expect(model.sent.filter(message => message.kind === "pause").length).toBe(1);
  });

  it("says why a run stands, and that a kernel refused", async () => {
    await open();
    await live();
    const run = { ...fixture.after.run, state: "paused", reason: "no key: set OPENAI_API_KEY" };
    model.say({ ...fixture.after, run });
    await settled();
    expect(el.querySelector(".snb-news")?.textContent).toContain("No key: set OPENAI_API_KEY.");
    expect(button("Resume").disabled).toBe(false);
    model.say(fixture.refused);
    await settled();
    expect(el.querySelector(".snb-news")?.textContent).toContain("run balanced is finished");
  });

  async function doubted(index: number): Promise<void> {
    await live();
    model.say({ ...fixture.doubted, seq: 3 });
    await settled();
    const tree = el.querySelector("[role=tree]") as HTMLElement;
    // The seed's children are 1, 2 and 3; those of 1 are 4 and 5.
    const keys = { 3: ["Home", "ArrowDown", "ArrowRight", "ArrowRight"], 4: ["End", "ArrowLeft"], 5: ["End"] }[index];
    for (const key of keys ?? []) {
      tree.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      await settled();
    }
    expect(el.querySelector(".snb-node h4")?.textContent).toBe(`Node ${index}`);
  }

  it("takes the kernel's best, names a doubt, and lets the user evaluate again or allow", async () => {
    await open();
    await doubted(3);
    expect(el.querySelector(".snb-stat-best")?.textContent).toContain("Best, #5");
    expect(el.querySelector(".snb-badge[data-tone=doubt]")?.textContent).toBe("? doubted");
    expect(el.querySelector(".snb-doubts")?.textContent).toContain("An unlikely jump.");
    button("Evaluate again").click();
    expect(model.last()).toEqual({ kind: "evaluate", index: 3, repeats: 3 });
    await settled();
    expect(button("Evaluate again · 3 asked for")).toBeTruthy();
    button("Let it be the best").click();
    expect(model.last()).toEqual({ kind: "allow", index: 3, is_allowed: true });
    // The fixture's user has given this branch up.
    button("Take up again").click();
    expect(model.last()).toEqual({ kind: "drop", index: 3, is_dropped: false });
  });

  it("lets the user doubt an allowed node again", async () => {
    await open();
    await doubted(5);
    expect(el.querySelector(".snb-badge[data-tone=doubt]")?.textContent).toBe("? allowed by you");
    button("Doubt it again").click();
    expect(model.last()).toEqual({ kind: "allow", index: 5, is_allowed: false });
  });

  it("shows every flag and every value of a node, and that it cannot be told apart from its parent", async () => {
    await open();
    await doubted(4);
    model.say(fixture.doubt);
    button("Numbers").click();
    await settled();
    const panel = el.querySelector(".snb-panel")?.textContent;
    expect(panel).toContain("Mean of 3 evaluations");
    expect(panel).toContain("0.62, 0.63, 0.64");
    expect(panel).toContain("Cannot be told apart from its parent #1");
    expect(panel).toContain("3 evaluations on fresh random seeds agree. Settled.");
    expect(panel).toContain("worse by 0.02 on the hold-out.");
  });

  it("says which layers of confinement hold and which do not", async () => {
    await open();
    await doubted(4);
    const confinement = { level: "partial", layers: { landlock: "this kernel has no Landlock", seccomp: "" } };
    model.say({ kind: "delta", seq: 4, run: { confinement } });
    await settled();
    button("Numbers").click();
    await settled();
    const panel = el.querySelector(".snb-panel")?.textContent;
    expect(panel).toContain("Confinementpartial");
    expect(panel).toContain("landlockdoes not hold: this kernel has no Landlock");
    expect(panel).toContain("seccompholds");
  });

  it("pins a node as the best and takes that back", async () => {
    await open();
    await doubted(4);
    button("Pin as best").click();
    expect(model.last()).toEqual({ kind: "pin", index: 4 });
    model.say({ kind: "delta", seq: 4, run: { best: 4, pinned: 4 } });
    await settled();
    expect(el.querySelector(".snb-stat-best")?.textContent).toContain("Best, #4, pinned by you");
    expect(el.querySelector(".snb-badge[data-tone=best]")?.textContent).toBe("best, pinned by you");
    button("Unpin").click();
    expect(model.last()).toEqual({ kind: "pin", index: null });
  });

  it("marks in the legend what cannot be told apart from its parent, and singles it out", async () => {
    await open();
    await doubted(4);
    const key = () =>
      [...el.querySelectorAll<HTMLElement>("button.snb-key")].find(k => k.textContent?.includes("noise"));
    // Node 4 of node 1: 0.63 of three and 0.6225 of two evaluations.
    expect(key()?.textContent?.trim()).toBe("within noise 1");
    expect(key()?.querySelector("path")).not.toBeNull();
    key()?.click();
    await settled();
    expect(key()?.getAttribute("aria-pressed")).toBe("true");
  });

  it("tells what worked, and singles out the candidates of an idea", async () => {
    await open();
    await doubted(5);
    button("What worked").click();
    await settled();
    const rows = [...el.querySelectorAll(".snb-yields tbody tr")].map(row => row.textContent);
    // By lower bound the best rose from the seed's 0.5 to node 1's 0.6225 and node 5's 0.7, which the user allows.
    expect(rows).toEqual(["improve512+0.2", "use trees1––"]);
    button("use trees").click();
    await settled();
    expect(el.querySelector(".snb-node h4")?.textContent).toBe("Node 2");
    expect(el.querySelector(".snb-legend")?.textContent).toContain("1 singled out");
  });

  it("previews the change against the cell as it is, and has it reviewed there", async () => {
    await open();
    await live();
    model.say(detailOf(0, "x = 1\ny = 2"));
    model.say(detailOf(1, "x = 1\ny = 3"));
    let reviewed: ReviewDetail | undefined;
    const look = (event: Event) => {
      const { detail } = event as CustomEvent<LookDetail>;
      Object.assign(detail, { current: "%%score balanced\nx = 1\ny = 2\nprint(y)", canReview: true });
    };
    const review = (event: Event) => {
      reviewed = (event as CustomEvent<ReviewDetail>).detail;
    };
    window.addEventListener(LOOK_EVENT, look);
    window.addEventListener(REVIEW_EVENT, review);
    button("More ways to accept").click();
    await settled();
    const menu = () => [...el.querySelectorAll<HTMLElement>("[role=dialog] button")];
    expect(menu()[0]?.textContent).toContain("Node 1: +1 −2 lines");
    menu()[1]?.click();
    await settled();
    expect(el.querySelector(".snb-panel")?.textContent).toContain("against the cell as it is now");
    expect(el.querySelector(".snb-panel")?.textContent).not.toContain("%%score");
    button("More ways to accept").click();
    await settled();
    menu()[2]?.click();
    await settled();
    window.removeEventListener(LOOK_EVENT, look);
    window.removeEventListener(REVIEW_EVENT, review);
    expect(reviewed).toEqual({ cellId: "9d5703a6", source: "x = 1\ny = 3" });
  });

  it("tells of the seed how the metric stood its test", async () => {
    await open();
    await doubted(5);
    el.querySelector("[role=tree]")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Home", bubbles: true }));
    button("Numbers").click();
    await settled();
    expect(el.querySelector(".snb-panel")?.textContent).toContain("Its outputs made shuffled0.3125");
    expect(el.querySelector(".snb-panel")?.textContent).toContain("A cell that does nothingno value");
  });

  const type = async (label: string, value: string) => {
    const input = el.querySelector(`input[aria-label^="${label}"]`) as HTMLInputElement;
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await settled();
  };

  it("compares with any node, by its number or by a key in the tree", async () => {
    await open();
    await doubted(5);
    model.say(detailOf(3, "a = 1"));
    model.say(detailOf(5, "a = 2"));
    await settled();
    await type("Compare with the node of this number", "3");
    expect(el.querySelector(".snb-panel")?.textContent).toContain("+1 −1");
    expect(el.querySelector(".snb-code")?.textContent).toContain("a = 1");
    const tree = el.querySelector("[role=tree]") as HTMLElement;
    tree.dispatchEvent(new KeyboardEvent("keydown", { key: "c", bubbles: true }));
    await settled();
    expect((el.querySelector(".snb-other") as HTMLInputElement).value).toBe("5");
    expect(el.querySelector(".snb-panel")?.textContent).toContain("No difference");
  });

  it("sets a budget of candidates and of minutes", async () => {
    await open();
    await live();
    button("Change the budget").click();
    await settled();
    const [nodes, minutes] = el.querySelectorAll<HTMLInputElement>(".snb-budget input");
    if (!nodes || !minutes) throw new Error("no fields");
    for (const [field, value] of [
      [nodes, "40"],
      [minutes, "2.5"],
    ] as const) {
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    await settled();
    el.querySelector(".snb-budget")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    expect(model.last()).toEqual({ kind: "budget", nodes: 40, minutes: 2.5 });
  });

  it("an older kernel, which says nothing of best, noise or doubt, is still understood", async () => {
    await open();
    const { best: _, noise: __, tested: ___, repeats: ____, bounds: _____, ...run } = fixture.after.run;
    model.say({ ...fixture.after, run });
    await settled();
    expect(el.querySelector(".snb-stat-best")?.textContent).toContain("Best, #1");
    button("Numbers").click();
    await settled();
    expect(el.querySelector(".snb-doubts")).toBeNull();
  });

  it("leaves nothing behind when the view goes", async () => {
    await open();
    await live();
    for (const cleanup of cleanups.splice(0).reverse()) cleanup();
    const before = model.sent.length;
    model.say(fixture.after);
    await settled();
    expect(el.querySelector(".snb-frame")).toBeNull();
    expect(model.sent.length).toBe(before);
  });
});
