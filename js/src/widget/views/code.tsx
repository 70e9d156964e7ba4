// Source with line numbers and colours.

import { useMemo } from "preact/hooks";
import { type Token, tokenLines } from "../python";
import { CopyButton, Scroll } from "./parts";

export function CodeView({ source }: { source: string }) {
  const lines = useMemo(() => tokenLines(source.replace(/\n+$/, "")), [source]);
  return (
    <>
      <div class="snb-section">
        {lines.length} {lines.length === 1 ? "line" : "lines"}
        <span class="snb-grow" />
        <CopyButton text={source} what="the code" />
      </div>
      <Scroll label="Code">
        <div class="snb-code" data-columns="one">
          {lines.map((tokens, i) => (
            <div key={i}>
              <span class="snb-no">{i + 1}</span>
              <span>
                <Tokens tokens={tokens} />
              </span>
            </div>
          ))}
        </div>
      </Scroll>
    </>
  );
}

export function Tokens({ tokens }: { tokens: readonly Token[] }) {
  return (
    <>
      {tokens.map((token, i) =>
        token.kind === "text" ? (
          token.text
        ) : (
          <span key={i} class={`snb-t-${token.kind}`}>
            {token.text}
          </span>
        ),
      )}
    </>
  );
}
