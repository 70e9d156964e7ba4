// The page's end of the wire: says hello, takes messages in, asks again after a gap, notices silence.

import { type Command, type FromPage, known, type NodeWire, PROTOCOL } from "../shared/protocol";
import { Cell, EMPTY, type RunData, reduce } from "./store";

/** What the link needs of anywidget's model. */
export interface Channel {
  send(message: FromPage): void;
  on(event: "msg:custom", callback: (message: unknown) => void): void;
  off(event: "msg:custom", callback: (message: unknown) => void): void;
  /** Set where a saved notebook answers instead of a kernel. */
  readonly isSaved?: boolean;
}

/** `waiting`: no answer yet; `live`: the kernel talks; `silent`: it should and does not; `saved`: there is none. */
export type LinkState = "waiting" | "live" | "silent" | "saved";

const SILENT_AFTER_MS = 16_000;
const ANSWER_WITHIN_MS = 6_000;
const CHECK_EVERY_MS = 2_000;

/** One per model, shared by all its views; lives until `close`. */
export class Link {
  readonly data = new Cell<RunData>(EMPTY);
  readonly state = new Cell<LinkState>("waiting");
  /** When the last message came, in ms of `now`. */
  heardAt = 0;
  private askedAt: number | null = null;
  private unanswered = 0;
  private wanted = new Set<number>();
  private readonly timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly channel: Channel,
    private readonly now: () => number = () => performance.now(),
  ) {
    channel.on("msg:custom", this.take);
    this.hello();
    if (!channel.isSaved) this.timer = setInterval(() => this.check(), CHECK_EVERY_MS);
  }

  close(): void {
    clearInterval(this.timer);
    this.channel.off("msg:custom", this.take);
  }

  send(command: Command): void {
    this.expectAnswer();
    this.post(command);
  }

  /** Ask for the detail of a node unless it is here or on its way. */
  want(index: number): void {
    if (this.data.get().details.has(index) || this.wanted.has(index)) return;
    this.wanted.add(index);
    this.expectAnswer();
    this.post({ kind: "detail", index });
  }

  /** Ask for the whole run. */
  hello(): void {
    this.expectAnswer();
    this.post({ kind: "hello", protocol: PROTOCOL });
  }

  forgetRefusal(): void {
    this.data.set({ ...this.data.get(), refused: "" });
  }

  /** Send; a front end throws where the kernel was restarted and its end of the wire is gone for good. */
  private post(message: FromPage): void {
    try {
      this.channel.send(message);
    } catch {
      clearInterval(this.timer);
      if (this.data.get().run !== null) this.state.set("silent");
    }
  }

  private expectAnswer(): void {
    this.askedAt ??= this.now();
  }

  private readonly take = (raw: unknown): void => {
    const message = known(raw);
    if (message === null) return;
    this.heardAt = this.now();
    this.askedAt = null;
    this.unanswered = 0;
    if (message.kind === "detail") this.wanted.delete(message.index);
    const next = reduce(this.data.get(), message);
    if (next === null) {
      this.hello();
      return;
    }
    this.data.set(next);
    if (message.kind === "delta") this.renewDetails(message.nodes ?? []);
    if (message.kind === "snapshot") this.wanted.clear();
    this.state.set(this.channel.isSaved ? "saved" : "live");
  };

  /** Ask again for what is on show of a node that has changed: it was evaluated again, doubted, or allowed. */
  private renewDetails(changed: readonly NodeWire[]): void {
    for (const { index } of changed) {
      if (!this.data.get().details.has(index)) continue;
      this.expectAnswer();
      this.post({ kind: "detail", index });
    }
  }

  /** Notice a kernel that should have answered, or that is at work and says nothing; ask again, ever more rarely. */
  private check(): void {
    const now = this.now();
    const patience = ANSWER_WITHIN_MS * 2 ** Math.min(this.unanswered, 4);
    const isLate = this.askedAt !== null && now - this.askedAt > patience;
    const isMute = this.askedAt === null && this.isRunning() && now - this.heardAt > SILENT_AFTER_MS;
    if (!isLate && !isMute) return;
    this.unanswered += 1;
    // One late answer is a busy kernel; two are worth a word.
    if (this.unanswered > 1 && this.data.get().run !== null) this.state.set("silent");
    this.wanted.clear();
    this.askedAt = now;
    this.post({ kind: "hello", protocol: PROTOCOL });
  }

  private isRunning(): boolean {
    return this.data.get().run?.state === "running";
  }
}
