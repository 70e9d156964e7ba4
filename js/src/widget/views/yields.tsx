// What worked: operators, ideas and recombination, each row a way to its nodes.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { number, signed } from "../format";
import { type Insight, usePlace } from "../hooks";
import { hybridYield, ideaYields, operatorYields } from "../yields";
import { Empty, Scroll } from "./parts";

export function Yields({ insight }: { insight: Insight }) {
  const { run, nodes, steps } = insight;
  const { direction } = run;
  const operators = useMemo(() => operatorYields(nodes, steps, direction), [nodes, steps, direction]);
  const ideas = useMemo(
    () => ideaYields(nodes, steps, run.ideas ?? [], direction),
    [nodes, steps, run.ideas, direction],
  );
  const hybrids = useMemo(() => hybridYield(nodes, direction), [nodes, direction]);
  if (operators.length === 0) return <Empty title="Nothing has been tried yet" />;
  return (
    <Scroll label="What worked">
      <Table caption="Operators" columns={["tried", "failed", "beat parents", "raised the best"]}>
        {operators.map(row => (
          <tr key={row.operator}>
            <Name nodes={row.nodes} title={`Single out the ${row.tried} candidates of ${row.operator}`}>
              {row.operator}
            </Name>
            <td>{row.tried}</td>
            <td>{row.failed || "–"}</td>
            <td>{row.better || "–"}</td>
            <Gain value={row.raised} />
          </tr>
        ))}
      </Table>
      {hybrids.tried > 0 && (
        <p class="snb-prose snb-muted">
          Recombination: {hybrids.better} of {hybrids.scored} scored hybrids beat both parents
          {hybrids.scored > 0 && ` (${Math.round((100 * hybrids.better) / hybrids.scored)} %)`}.
        </p>
      )}
      {ideas.length > 0 && (
        <Table caption="Ideas" columns={["tried", "best of its branch", "gained"]}>
          {ideas.map(row => (
            <tr key={row.idea}>
              <Name nodes={row.nodes} title={row.idea}>
                {row.idea}
              </Name>
              <td>{row.tried}</td>
              <td>{row.best === null ? "–" : `${number(row.best.value)} at #${row.best.index}`}</td>
              <Gain value={row.gain ?? 0} />
            </tr>
          ))}
        </Table>
      )}
      <p class="snb-prose snb-muted">
        Raised the best: the sum of the steps of the best that these candidates made.
        {ideas.length > 0 && " Gained: the best of the idea's branch over the node that it was first tried on."}
      </p>
    </Scroll>
  );
}

function Table({ caption, columns, children }: { caption: string; columns: string[]; children: ComponentChildren }) {
  return (
    <table class="snb-yields">
      <thead>
        <tr>
          <th scope="col">{caption}</th>
          {columns.map(name => (
            <th scope="col" key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

/** A row's name; a press singles its nodes out in tree and curve, and selects the one that brought most. */
function Name({ nodes, title, children }: { nodes: number[]; title: string; children: ComponentChildren }) {
  const { session } = usePlace();
  return (
    <th scope="row">
      <button
        type="button"
        title={title}
        onClick={() => session.look({ boxed: new Set(nodes), selected: nodes[0] ?? null })}
      >
        {children}
      </button>
    </th>
  );
}

function Gain({ value }: { value: number }) {
  return <td class={value > 0 ? "snb-good" : "snb-muted"}>{value > 0 ? signed(value) : "–"}</td>;
}
