// All numbers of a node, and why its parent was picked.

import type { ComponentChildren } from "preact";
import type { DetailWire, NodeWire } from "../../shared/protocol";
import { gain } from "../derive";
import { called, count, dollars, duration, number, signed } from "../format";
import { type Insight, standing } from "../hooks";
import { Scroll } from "./parts";

export function Numbers({
  insight,
  node,
  detail,
}: {
  insight: Insight;
  node: NodeWire;
  detail: DetailWire | undefined;
}) {
  return (
    <Scroll label="Numbers">
      <div class="snb-numbers">
        <Scored insight={insight} node={node} detail={detail} />
        <Spent node={node} detail={detail} />
        <Picked insight={insight} node={node} />
      </div>
    </Scroll>
  );
}

function Scored({ insight, node, detail }: { insight: Insight; node: NodeWire; detail: DetailWire | undefined }) {
  const { run, nodes, seed } = insight;
  const parent = node.parents[0] === undefined ? undefined : nodes[node.parents[0]];
  const place = standing(nodes, node, run);
  return (
    <Group title={run.metric || "Value"}>
      <Item name="Value">{node.value === null ? node.status : number(node.value, 7)}</Item>
      {node.spread !== undefined && <Item name="Spread over repeats">± {number(node.spread, 3)}</Item>}
      {node.holdout !== undefined && <Item name="On the hold-out">{number(node.holdout, 7)}</Item>}
      {node.index > 0 && <Item name="Over the seed">{signed(gain(node.value, seed?.value, run.direction), 4)}</Item>}
      {parent !== undefined && parent !== seed && (
        <Item name={`Over its parent #${parent.index}`}>
          {signed(gain(node.value, parent.value, run.direction), 4)}
        </Item>
      )}
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

function Spent({ node, detail }: { node: NodeWire; detail: DetailWire | undefined }) {
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
          Of all nodes the one with the highest sum is expanded: a high rank, or few visits so far. Policy {run.policy}.
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
