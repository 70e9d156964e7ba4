// Everything about one node: what it is, where it comes from, and its tabs.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { DetailWire, NodeWire } from "../../shared/protocol";
import { gain, isDoubted, isNoise } from "../derive";
import { doubtsOf, noiseWords } from "../doubt";
import { number, sentence, signed } from "../format";
import { type Insight, useCell, usePlace } from "../hooks";
import type { Tab, Ui } from "../session";
import type { AcceptDo } from "./accept-menu";
import { CodeView } from "./code";
import { DiffPanel } from "./diff";
import { Doubts } from "./doubts";
import { Numbers } from "./numbers";
import { CopyButton, Empty, Scroll } from "./parts";
import { Steering } from "./steering";
import { described } from "./tip";
import { Yields } from "./yields";

const TABS: { value: Tab; text: string }[] = [
  { value: "diff", text: "Diff" },
  { value: "code", text: "Code" },
  { value: "log", text: "Log" },
  { value: "prompt", text: "Prompt and reply" },
  { value: "idea", text: "Idea" },
  { value: "numbers", text: "Numbers" },
  { value: "yields", text: "What worked" },
];

export function Detail({ insight, ui, accept }: { insight: Insight; ui: Ui; accept: AcceptDo }) {
  const { session } = usePlace();
  const data = useCell(session.link.data);
  const node = insight.selected;
  useEffect(() => {
    if (node !== undefined) session.link.want(node.index);
  }, [node?.index, session]);
  if (node === undefined) {
    return (
      <div class="snb-detail" data-empty="true">
        <Empty title="Candidates come here">
          Each one is your cell rewritten, really run and really scored. Its difference from the seed, its code, log,
          prompt and reply are shown as soon as there is one.
        </Empty>
      </div>
    );
  }
  const detail = data.details.get(node.index);
  return (
    <section class="snb-detail" aria-label={`Node ${node.index}`}>
      <Title insight={insight} node={node} />
      <p class="snb-line snb-muted" style={{ margin: 0 }} title={detail?.plan || detail?.detail || node.detail}>
        {detail?.plan || detail?.detail || node.detail || " "}
      </p>
      <Path insight={insight} node={node} />
      <Tabs ui={ui} node={node} detail={detail} />
      <div class="snb-panel" role="tabpanel" aria-label={ui.tab}>
        <Doubts insight={insight} node={node} detail={detail} />
        {detail === undefined && ui.tab !== "numbers" && ui.tab !== "yields" ? (
          <Waiting />
        ) : (
          <Panel insight={insight} ui={ui} node={node} detail={detail} />
        )}
      </div>
      <Steering insight={insight} node={node} detail={detail} accept={accept} />
    </section>
  );
}

function Title({ insight, node }: { insight: Insight; node: NodeWire }) {
  const { run, seed, best } = insight;
  const better = node.index === 0 ? null : gain(node.value, seed?.value, run.direction);
  const noise = isNoise(node, seed, run) ? noiseWords(run, insight.nodes, node) : "";
  return (
    <div class="snb-node">
      <h4>{node.index === 0 ? "Seed" : `Node ${node.index}`}</h4>
      <span class="snb-value">
        {node.value === null ? "" : number(node.value)}
        {node.spread !== undefined && (
          <span class="snb-muted" title={`Mean ± standard deviation of ${node.repeats} evaluations`}>
            {" "}
            ± {number(node.spread, 3)}
          </span>
        )}
      </span>
      {better !== null && (
        <span class={better > 0 && noise === "" ? "snb-good" : "snb-muted"} title={sentence(noise)}>
          {better === 0 ? "like the seed" : `${signed(better)} over the seed`}
          {noise !== "" && ", within noise"}
        </span>
      )}
      {node.doubts !== undefined && (
        <span class="snb-badge" data-tone="doubt" title={doubtsOf(node)}>
          {isDoubted(node) ? "? doubted" : "? allowed by you"}
        </span>
      )}
      {node === best && node.index > 0 && (
        <span class="snb-badge" data-tone="best">
          {run.pinned === node.index ? "best, pinned by you" : "best"}
        </span>
      )}
      {node.value === null && (
        <span class="snb-badge" data-tone="bad">
          {node.status}
        </span>
      )}
      {node.status === "duplicate" && <span class="snb-badge">duplicate</span>}
      {node.dropped && <span class="snb-badge">given up</span>}
      {run.accepted === node.index && (
        <span class="snb-badge" data-tone="good">
          accepted
        </span>
      )}
      {node.index > 0 && <span class="snb-muted">{described(node)}</span>}
    </div>
  );
}

/** From the seed to the node, each step with what it gained. */
function Path({ insight, node }: { insight: Insight; node: NodeWire }) {
  const { session } = usePlace();
  const strip = useRef<HTMLElement>(null);
  useEffect(() => {
    const end = strip.current?.lastElementChild;
    if (!end) return undefined;
    // Also when another font or width has moved it: what is looked at stays in sight.
    const keep = () => strip.current?.scrollTo({ left: strip.current.scrollWidth });
    const observer = new ResizeObserver(keep);
    observer.observe(end);
    observer.observe(strip.current as HTMLElement);
    keep();
    return () => observer.disconnect();
  }, [node.index]);
  return (
    <nav ref={strip} class="snb-path" aria-label="From the seed to this node">
      {insight.selectedPath.map((step, i) => {
        const before = insight.selectedPath[i - 1];
        const better = gain(step.value, before?.value, insight.run.direction);
        return (
          <>
            {i > 0 && <span aria-hidden="true">›</span>}
            <button
              type="button"
              key={step.index}
              aria-current={step === node}
              title={step.detail}
              onClick={() => session.look({ selected: step.index })}
            >
              {i === 0 ? "seed" : `#${step.index}`}{" "}
              {i === 0 ? (
                <span>{number(step.value, 4)}</span>
              ) : better === null ? (
                <span>{step.value === null ? step.status : ""}</span>
              ) : isNoise(step, before, insight.run) ? (
                <span title="Cannot be told apart from its parent">≈ {signed(better)}</span>
              ) : (
                <span class={better > 0 ? "snb-good" : ""}>{signed(better)}</span>
              )}
              {isDoubted(step) && (
                <span class="snb-doubt" title={doubtsOf(step)}>
                  {" "}
                  ?
                </span>
              )}
            </button>
          </>
        );
      })}
    </nav>
  );
}

function Tabs({ ui, node, detail }: { ui: Ui; node: NodeWire; detail: DetailWire | undefined }) {
  const { session } = usePlace();
  const isEmpty = (tab: Tab) =>
    (tab === "log" && detail?.log === "" && node.value !== null) ||
    (tab === "prompt" && detail?.prompt === "" && detail.reply === "") ||
    (tab === "idea" && !node.idea && !node.hint && detail?.plan === "");
  return (
    <div
      class="snb-tabs"
      role="tablist"
      onKeyDown={event => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step === undefined) return;
        const at = TABS.findIndex(tab => tab.value === ui.tab);
        const next = TABS[(at + step + TABS.length) % TABS.length] as { value: Tab };
        session.look({ tab: next.value });
        const buttons = event.currentTarget.querySelectorAll("button");
        buttons[TABS.findIndex(tab => tab.value === next.value)]?.focus();
      }}
    >
      {TABS.map(tab => (
        <button
          type="button"
          key={tab.value}
          role="tab"
          aria-selected={ui.tab === tab.value}
          tabIndex={ui.tab === tab.value ? 0 : -1}
          data-empty={isEmpty(tab.value)}
          onClick={() => session.look({ tab: tab.value })}
        >
          {tab.text}
        </button>
      ))}
    </div>
  );
}

function Panel(props: { insight: Insight; ui: Ui; node: NodeWire; detail: DetailWire | undefined }) {
  const { insight, ui, node, detail } = props;
  if (ui.tab === "yields") return <Yields insight={insight} />;
  if (ui.tab === "numbers" || detail === undefined) return <Numbers insight={insight} node={node} detail={detail} />;
  switch (ui.tab) {
    case "code":
      return <CodeView source={detail.source} />;
    case "log":
      return <Log node={node} detail={detail} />;
    case "prompt":
      return <PromptAndReply detail={detail} />;
    case "idea":
      return <Idea detail={detail} />;
    default:
      return <DiffPanel insight={insight} ui={ui} node={node} detail={detail} />;
  }
}

function Log({ node, detail }: { node: NodeWire; detail: DetailWire }) {
  const cause = node.value === null ? detail.detail : "";
  if (detail.log === "" && cause === "") return <Empty title="It printed nothing" />;
  return (
    <Scroll label="Log">
      {cause !== "" && (
        <p class="snb-prose snb-bad">
          <strong>{node.status}</strong>: {cause}
        </p>
      )}
      {detail.log !== "" && (
        <Section title="Output and traceback" text={detail.log}>
          <pre class="snb-text">{detail.log}</pre>
        </Section>
      )}
    </Scroll>
  );
}

function PromptAndReply({ detail }: { detail: DetailWire }) {
  if (detail.prompt === "" && detail.reply === "") {
    return (
      <Empty title="No language model was asked">
        {detail.model === "" ? "This is the cell as you wrote it." : `Written by ${detail.model}.`}
      </Empty>
    );
  }
  return (
    <Scroll label="Prompt and reply">
      <Section title={`Reply of ${detail.model}`} text={detail.reply}>
        <pre class="snb-text">{detail.reply}</pre>
      </Section>
      <Section title="Prompt" text={detail.prompt}>
        <pre class="snb-text">{detail.prompt}</pre>
      </Section>
    </Scroll>
  );
}

function Idea({ detail }: { detail: DetailWire }) {
  const parts = [
    { title: "Idea that was followed", text: detail.idea },
    { title: "Hint of yours", text: detail.hint },
    { title: "Plan", text: detail.plan },
  ].filter(part => part.text !== "");
  if (parts.length === 0)
    return <Empty title="No idea was given for this node">Add one with Idea, or Expand with a hint.</Empty>;
  return (
    <Scroll label="Idea">
      {parts.map(part => (
        <Section key={part.title} title={part.title} text={part.text}>
          <p class="snb-prose">{part.text}</p>
        </Section>
      ))}
    </Scroll>
  );
}

function Section({ title, text, children }: { title: string; text: string; children: ComponentChildren }) {
  return (
    <>
      <div class="snb-section">
        {title}
        <span class="snb-grow" />
        <CopyButton text={text} what={title.toLowerCase()} />
      </div>
      {children}
    </>
  );
}

function Waiting() {
  const { session } = usePlace();
  switch (useCell(session.link.state)) {
    case "silent":
      return <Empty title="Not here">The kernel does not answer, and this was not looked at before.</Empty>;
    case "saved":
      return (
        <Empty title="Not in the notebook">
          A saved notebook holds the code of the seed and of the best. Run the cell to see this node's too.
        </Empty>
      );
    default:
      return <Empty title="Fetching…" isWaiting />;
  }
}
