// Small parts that several views use.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CheckIcon, CopyIcon } from "./icons";

/** A row of buttons of which one is pressed. */
export function Toggle<T extends string>(props: {
  label: string;
  options: readonly { value: T; text: string; title?: string; isOff?: boolean }[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out in a row everywhere
    <span class="snb-toggle" role="group" aria-label={props.label}>
      {props.options.map(option => (
        <button
          type="button"
          key={option.value}
          title={option.title}
          disabled={option.isOff}
          aria-pressed={option.value === props.value}
          onClick={() => props.onChange(option.value)}
        >
          {option.text}
        </button>
      ))}
    </span>
  );
}

/** A button that copies `text`, or what it returns when pressed, and says so for a moment. */
export function CopyButton({ text, what }: { text: string | (() => string); what: string }) {
  const [isDone, setDone] = useState(false);
  useEffect(() => {
    if (!isDone) return undefined;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [isDone]);
  return (
    <button
      type="button"
      class="snb-button snb-small snb-plain"
      disabled={text === ""}
      title={`Copy ${what}`}
      aria-label={isDone ? `Copied ${what}` : `Copy ${what}`}
      onClick={async () => setDone(await copy(typeof text === "string" ? text : text()))}
    >
      {isDone ? <CheckIcon /> : <CopyIcon />}
    </button>
  );
}

/** Put `text` on the clipboard; return whether that worked (it does not where the page is served without TLS). */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    return isDone;
  }
}

/** What is missing, said in the middle of the empty space. */
export function Empty(props: { title: string; isWaiting?: boolean; children?: ComponentChildren }) {
  const { title, children } = props;
  return (
    // What usually comes at once is not announced at once: no flicker.
    <div class={props.isWaiting ? "snb-empty snb-wait" : "snb-empty"}>
      <strong>{title}</strong>
      {children && <span>{children}</span>}
    </div>
  );
}

/** Move the focus into `box` while it is there, and back to where it was when it goes with the focus inside. */
export function useVisit(box: { current: HTMLElement | null }): void {
  // Before the next key: what is pressed at once belongs to what has just opened.
  useLayoutEffect(() => {
    const [from, held] = [document.activeElement, box.current];
    held?.querySelector<HTMLElement>("button:not(:disabled), input, textarea")?.focus();
    return () => {
      // A focus that stands elsewhere was put there.
      const at = document.activeElement;
      const isOurs = at === document.body || held?.contains(at) === true;
      if (isOurs && from instanceof HTMLElement) from.focus();
    };
  }, [box]);
}

/** A menu or form under its button; Escape, a click elsewhere or the focus leaving closes it. */
export function Popover(props: { onClose: () => void; style?: string; label: string; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useVisit(box);
  useEffect(() => {
    const outside = (event: PointerEvent) => {
      if (!event.composedPath().includes(box.current as HTMLElement)) props.onClose();
    };
    document.addEventListener("pointerdown", outside, true);
    return () => document.removeEventListener("pointerdown", outside, true);
  }, [props.onClose]);
  return (
    <div
      ref={box}
      class="snb-menu"
      role="dialog"
      aria-label={props.label}
      tabIndex={-1}
      style={props.style}
      onKeyDown={event => {
        if (event.key === "Escape") props.onClose();
        const isNumber = event.target instanceof HTMLInputElement && event.target.type === "number";
        if (!isNumber && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
          moveFocus(box.current as HTMLElement, event.key === "ArrowDown" ? 1 : -1);
          event.preventDefault();
        }
      }}
    >
      {props.children}
    </div>
  );
}

function moveFocus(box: HTMLElement, step: number): void {
  const stops = [...box.querySelectorAll<HTMLElement>("button:not(:disabled)")];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  stops[(at + step + stops.length) % stops.length]?.focus();
}

/** What may be longer than its box; the keyboard can scroll it. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without focus the keyboard could not scroll it
    <section class="snb-scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
