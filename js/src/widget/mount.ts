// Puts a session's view into an element: the widget does it, and the extension for a saved run.

import { h, render } from "preact";
import type { Session } from "./session";
import css from "./style.css";
import { App } from "./views/app";

let views = 0;

/** Show `session` in `el`; return what takes it away again. */
export function mount(session: Session, el: HTMLElement): () => void {
  const root = document.createElement("div");
  root.className = "snb";
  root.id = `snb-${++views}-${Math.random().toString(36).slice(2, 8)}`;
  const style = document.createElement("style");
  style.textContent = css;
  const place = document.createElement("div");
  root.append(style, place);
  // In command mode a notebook takes plain keys wherever the focus is: `d d` would delete the cell under the tree.
  root.addEventListener("keydown", event => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });
  el.replaceChildren(root);
  render(h(App, { session, root }), place);
  return () => render(null, place);
}
