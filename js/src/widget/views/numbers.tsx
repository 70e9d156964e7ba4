// All numbers of a node, and why its parent was picked.

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { DetailWire, NodeWire, RunWire } from "../../shared/protocol";
import { gain } from "../derive";
import { noiseWords } from "../doubt";
import { called, count, dollars, duration, number, sentence, signed } from "../format";
import { type Insight, standing } from "../hooks";
import { EvaluateAgain, Flag } from "./doubts";
import { CopyButton, Scroll } from "./parts";

export function Numbers({
  insight,
  node,
  detail,
}: {
  insight: Insight;
  node: NodeWire;
  detail: DetailWire | undefined;
}) {
  const table = useRef<HTMLDivElement>(null);
  return (
    <Scroll label="Numbers">
      <div ref={table} class="snb-numbers">
        <CopyNumbers table={table} />
        <Scored insight={insight} node={node} detail={detail} />
        <Trust insight={insight} node={node} detail={detail} />
        <Spent node={node} detail={detail} confinement={insight.run.confinement} />
        <Picked insight={insight} node={node} />
      </div>
    </Scroll>
  );
}

/** Copies the rows as they are shown, a tab between name and number: they fall into a spreadsheet. */
function CopyNumbers({ table }: { table: { current: HTMLElement | null } }) {
  const rows = () =>
    [...(table.current?.querySelectorAll(".snb-item") ?? [])]
      .map(row => [...row.children].map(cell => cell.textContent?.trim() ?? "").join("\t"))
      .join("\n");
  return (
    <span class="snb-corner">
      <CopyButton text={rows} what="the numbers" />
    </span>
  );
}

function Scored({ insight, node, detail }: { insight: Insight; node: NodeWire; detail: DetailWire | undefined }) {
  const { run, nodes, seed } = insight;
  const parent = node.parents[0] === undefined ? undefined : nodes[node.parents[0]];
  const place = standing(nodes, node, run);
  const noise = noiseWords(run, nodes, node);
  const error = (run.noise ?? 0) / Math.sqrt(node.repeats ?? 1);
  const lowerEnd = node.value === null ? null : node.value + (run.direction === "maximize" ? -error : error);
  return (
    <Group title={run.metric || "Value"}>
      <Item name={node.repeats === undefined ? "Value" : `Mean of ${node.repeats} evaluations`}>
        {node.value === null ? node.status : number(node.value, 7)}
      </Item>
      {node.spread !== undefined && <Item name="Their standard deviation">± {number(node.spread, 3)}</Item>}
      {detail?.values !== undefined && detail.values.length > 1 && (
        <Item name="Their values">{detail.values.map(value => number(value, 5)).join(", ")}</Item>
      )}
      {node.holdout !== undefined && <Item name="On the hold-out">{number(node.holdout, 7)}</Item>}
      {node.index > 0 && <Item name="Over the seed">{signed(gain(node.value, seed?.value, run.direction), 4)}</Item>}
      {parent !== undefined && parent !== seed && (
        <Item name={`Over its parent #${parent.index}`}>
          {signed(gain(node.value, parent.value, run.direction), 4)}
        </Item>
      )}
      {node.value !== null && run.noise ? <Item name="Lower bound, which decides">{number(lowerEnd, 6)}</Item> : null}
      {noise !== "" && <p>{sentence(`${noise}: the difference is less than two standard errors`)}</p>}
      {place !== null && (
        <Item name="Place">
          {place} of {nodes.length}
        </Item>
      )}
      {Object.entries(detail?.metrics ?? {}).map(([name, value]) => (
        <Item key={name} name={name}>
          {number(value)}
        </Item>
      ))}
    </Group>
  );
}

/** What speaks for and against the value: flags, the run's noise, and for the seed how the metric stood its test. */
function Trust({ insight, node, detail }: { insight: Insight; node: NodeWire; detail: DetailWire | undefined }) {
  const { noise, repeats, tested } = insight.run;
  const flags = detail?.flags ?? [];
  const probes = node.index === 0 && tested ? tested : null;
  if (node.value === null) return null;
  return (
    <Group title="How far it can be trusted">
      {noise ? <Item name="One evaluation varies by">± {number(noise, 3)}</Item> : null}
      {repeats !== undefined && repeats > 1 && <Item name="Evaluations of a would-be best">{repeats}</Item>}
      {probes !== null && (
        <>
          <Item name="The seed once more">{probes.again === null ? "failed" : number(probes.again, 7)}</Item>
          <Item name="A cell that does nothing">{probes.empty === null ? "no value" : number(probes.empty)}</Item>
          {Object.entries(probes.probes).map(([kind, value]) => (
            <Item key={kind} name={`Its outputs made ${kind}`}>
              {number(value)}
            </Item>
          ))}
        </>
      )}
      {flags.length > 0 ? (
        <ul class="snb-flags">
          {flags.map(flag => (
            <Flag key={flag.kind} flag={flag} />
          ))}
        </ul>
      ) : (
        detail !== undefined && <p>Nothing seen that makes the value doubtful.</p>
      )}
      {node.doubts === undefined && (
        <p>
          <EvaluateAgain insight={insight} node={node} />
        </p>
      )}
    </Group>
  );
}

function Spent({
  node,
  detail,
  confinement,
}: {
  node: NodeWire;
  detail: DetailWire | undefined;
  confinement: RunWire["confinement"];
}) {
  const layers = Object.entries(confinement.layers ?? {});
  return (
    <Group title="Evaluation">
      <Item name="Wall time">{duration(node.seconds)}</Item>
      {detail !== undefined && (
        <>
          <Item name="CPU time">{duration(detail.cpu_seconds)}</Item>
          <Item name="Peak memory">{number(detail.peak_mib, 4)} MiB</Item>
        </>
      )}
      {node.tokens !== undefined && <Item name="Tokens">{count(node.tokens)}</Item>}
      {node.cost !== undefined && <Item name="Cost">{dollars(node.cost)}</Item>}
      {detail?.model && <Item name="Written by">{detail.model}</Item>}
      {confinement.level !== undefined && <Item name="Confinement">{confinement.level}</Item>}
      {layers.map(([layer, missing]) => (
        <Item key={layer} name={`– ${layer}`}>
          {missing === "" ? "holds" : `does not hold: ${missing}`}
        </Item>
      ))}
    </Group>
  );
}

function Picked({ insight, node }: { insight: Insight; node: NodeWire }) {
  const { run } = insight;
  const [rankScore, visits, bonus] = node.pick ?? [];
  return (
    <Group title={node.parents[0] === undefined ? "Visits" : `Why ${called(node.parents[0])} was picked`}>
      {rankScore !== undefined && bonus !== undefined && (
        <>
          <Item name="Rank score (worst 0, best 1)">{number(rankScore, 3)}</Item>
          <Item name="Visits before">{visits}</Item>
          <Item name={`Exploration bonus (c = ${run.c_puct})`}>+ {number(bonus, 3)}</Item>
          <Item name="PUCT">
            <strong>{number(rankScore + bonus, 4)}</strong>
          </Item>
        </>
      )}
      <Item name="Visits of this node now">{node.visits}</Item>
      {rankScore !== undefined && (
        <p>
          Of all nodes the one with the highest sum is expanded: a high rank, or few visits so far. Where the search
          stalls or stands still, where an idea is tried or you asked for it, the sum is told but did not decide.
          {run.policy !== "" && ` Policy ${run.policy}.`}
        </p>
      )}
    </Group>
  );
}

function Group({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section>
      <h5>{title}</h5>
      {children}
    </section>
  );
}

function Item({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="snb-item">
      <span>{name}</span>
      <span>{children}</span>
    </div>
  );
}
