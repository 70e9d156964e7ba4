// The search among candidates.

import { isMeant } from "../derive";
import { type Insight, usePlace } from "../hooks";
import type { Ui } from "../session";

/** Looks for a number or words; Enter goes from match to match. */
export function Find({ insight, ui, select }: { insight: Insight; ui: Ui; select: (index: number) => void }) {
  const { session } = usePlace();
  const next = (isForward: boolean) => {
    const found = insight.nodes.filter(node => isMeant(node, ui.find)).map(node => node.index);
    if (ui.find.trim() === "" || found.length === 0) return;
    if (!isForward) found.reverse();
    const at = insight.selected?.index ?? -1;
    select(found.find(index => (isForward ? index > at : index < at)) ?? (found[0] as number));
  };
  return (
    <input
      class="snb-field snb-find"
      type="search"
      placeholder="Find"
      aria-label="Find candidates by number or words; Enter goes to the next"
      title="A number, or words of what was changed, how, or why it failed; Enter goes to the next match"
      value={ui.find}
      onInput={event => session.look({ find: event.currentTarget.value })}
      onKeyDown={event => {
        if (event.key === "Enter") next(!event.shiftKey);
        if (event.key === "Escape") session.look({ find: "" });
      }}
    />
  );
}
