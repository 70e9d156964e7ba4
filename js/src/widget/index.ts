// The anywidget module: one session per model, one mounted view per display.

import type { AnyModel } from "@anywidget/types";
import type { Channel } from "./link";
import { mount } from "./mount";
import { Session } from "./session";

// By the key that the kernel gave the model: hooks are handed a fresh proxy of the model each time.
const sessions = new Map<string, Session>();

function open(model: AnyModel): Session {
  return new Session(model as unknown as Channel, model.widget_manager);
}

/** Runs even where nothing is displayed: the kernel learns that there is a page, accepting works without a view. */
function initialize({ model }: { model: AnyModel }): () => void {
  const key = String(model.get("_key"));
  const session = open(model);
  sessions.set(key, session);
  return () => {
    session.close();
    if (sessions.get(key) === session) sessions.delete(key);
  };
}

function render({ model, el }: { model: AnyModel; el: HTMLElement }): () => void {
  const shared = sessions.get(String(model.get("_key")));
  const session = shared ?? open(model);
  const unmount = mount(session, el);
  return () => {
    unmount();
    if (shared === undefined) session.close();
  };
}

export default { initialize, render };
