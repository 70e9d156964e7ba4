// The tree: canvas, pointer, keys, tooltip, and the same tree in words for those who cannot see it.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { NodeWire } from "../../shared/protocol";
import { childLists, lineage } from "../derive";
import { type Insight, usePlace } from "../hooks";
import type { Ui } from "../session";
import type { Theme } from "../theme";
import { TreeCanvas } from "../tree-canvas";
import { TreeMap } from "../tree-map";
import { Find } from "./find";
import { FitIcon, FoldIcon, MinusIcon, PlusIcon, TargetIcon } from "./icons";
import { Legend, singledOut } from "./legend";
import { NodeTip } from "./tip";
import { SpokenTree } from "./tree-spoken";

export function TreeView({ insight, ui, theme }: { insight: Insight; ui: Ui; theme: Theme }) {
  const { session, root } = usePlace();
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<TreeCanvas>();
  const [over, setOver] = useState<{ index: number; x: number; y: number } | null>(null);
  const children = useMemo(() => childLists(insight.nodes), [insight.nodes]);

  useEffect(() => {
    const [still, moving, map] = holder.current?.querySelectorAll("canvas") ?? [];
    canvas.current = new TreeCanvas(
      holder.current as HTMLElement,
      still as HTMLCanvasElement,
      moving as HTMLCanvasElement,
      map as HTMLCanvasElement,
    );
    return () => canvas.current?.close();
  }, []);

  const only = useMemo(() => singledOut(ui, insight.noisy), [ui.only, ui.find, ui.boxed, insight.noisy]);
  useEffect(() => {
    canvas.current?.show(
      insight.nodes,
      insight.flights,
      ui.folded,
      {
        places: insight.places,
        noisy: insight.noisy,
        best: insight.best?.index ?? null,
        selected: insight.selected?.index ?? null,
        accepted: insight.run.accepted,
        bestPath: insight.bestPath,
        selectedPath: insight.selectedPath,
        only,
      },
      theme,
    );
  });

  const select = (index: number) => {
    // What is selected must be in sight.
    const path = new Set(lineage(insight.nodes, index).map(node => node.index));
    path.delete(index);
    const folded = new Set([...ui.folded].filter(fold => !path.has(fold)));
    session.look({ selected: index, folded: folded.size === ui.folded.size ? ui.folded : folded });
    canvas.current?.scene.reveal(index);
  };
  const fold = (index: number) => {
    const folded = new Set(ui.folded);
    if (!folded.delete(index) && (children[index] ?? []).length > 0) folded.add(index);
    session.look({ folded });
  };
  const redraw = (change: (view: TreeCanvas) => void) => {
    if (canvas.current) {
      change(canvas.current);
      canvas.current.draw();
    }
  };
  const compare = (index: number) => session.look({ base: "other", other: index, tab: "diff", against: null });
  const pointer = usePointer(canvas, select, compare, setOver);

  return (
    <div class="snb-pane snb-tree">
      <div class="snb-bar">
        <h4>Candidates</h4>
        <Find insight={insight} ui={ui} select={select} />
        <span class="snb-grow" />
        <button
          type="button"
          class="snb-button snb-small snb-icon snb-plain"
          aria-pressed={ui.selected === null}
          aria-label="Follow the best"
          title={ui.selected === null ? "The best is followed as it changes" : "Select the best, and follow it (End)"}
          onClick={() => session.look({ selected: null })}
        >
          <TargetIcon />
        </button>
        <button
          type="button"
          class="snb-button snb-small snb-icon snb-plain"
          disabled={insight.selected === undefined || (children[insight.selected.index] ?? []).length === 0}
          aria-pressed={insight.selected !== undefined && ui.folded.has(insight.selected.index)}
          aria-label="Fold"
          title="Fold what is below the selected node, or unfold it (f)"
          onClick={() => insight.selected && fold(insight.selected.index)}
        >
          <FoldIcon />
        </button>
        <ZoomButtons
          zoom={factor => redraw(view => view.scene.zoom(factor))}
          fit={() => redraw(v => v.scene.showAll())}
        />
      </div>
      <div
        ref={holder}
        class="snb-canvas"
        role="tree"
        tabIndex={0}
        aria-label="Tree of candidates. Arrow keys go to parent, child and siblings, f folds, c compares others with it."
        aria-activedescendant={insight.selected ? `${root.id}-node-${insight.selected.index}` : undefined}
        data-over={over !== null}
        onKeyDown={event => {
          const zoom = ZOOM_KEYS[event.key];
          if (zoom !== undefined) redraw(view => (zoom === 0 ? view.scene.showAll() : view.scene.zoom(zoom)));
          const next = neighbour(event.key, insight, children);
          if (next !== null) select(next);
          if (event.key === "End") session.look({ selected: null });
          if (event.key === "c" && insight.selected !== undefined) compare(insight.selected.index);
          if (event.key === "f" && insight.selected !== undefined) fold(insight.selected.index);
          if (zoom !== undefined || next !== null || event.key === "End") event.preventDefault();
        }}
        {...pointer}
      >
        <canvas />
        <canvas />
        <canvas class="snb-map" hidden {...mapPointer(canvas)} />
        <SpokenTree insight={insight} childLists={children} />
        {insight.nodes.length === 0 && <Starting metric={insight.run.metric} />}
        {over !== null && insight.nodes[over.index] !== undefined && (
          <NodeTip insight={insight} node={insight.nodes[over.index] as NodeWire} x={over.x} y={over.y} />
        )}
      </div>
      <Legend insight={insight} ui={ui} theme={theme} />
    </div>
  );
}

const ZOOM_KEYS: Record<string, number> = { "+": 1.3, "=": 1.3, "-": 1 / 1.3, "0": 0 };

/** Return the node that a key leads to, null where it leads nowhere. */
function neighbour(key: string, insight: Insight, children: number[][]): number | null {
  const at = insight.selected;
  if (at === undefined) return null;
  const parent = at.parents[0];
  const siblings = parent === undefined ? [at.index] : (children[parent] ?? []);
  const place = siblings.indexOf(at.index);
  switch (key) {
    case "ArrowUp":
      return parent ?? null;
    case "ArrowDown":
      return bestChild(children[at.index] ?? [], insight);
    case "ArrowLeft":
      return siblings[place - 1] ?? null;
    case "ArrowRight":
      return siblings[place + 1] ?? null;
    case "Home":
      return 0;
    default:
      return null;
  }
}

/** Going down leads along the best path where there is one, else to the best child. */
function bestChild(children: readonly number[], insight: Insight): number | null {
  const onPath = children.find(child => insight.bestPath.some(node => node.index === child));
  if (onPath !== undefined) return onPath;
  const ranked = [...children].sort((a, b) => (insight.places[b] as number) - (insight.places[a] as number));
  return ranked[0] ?? null;
}

function usePointer(
  canvas: { current?: TreeCanvas },
  select: (index: number) => void,
  compare: (index: number) => void,
  setOver: (over: { index: number; x: number; y: number } | null) => void,
) {
  const drag = useRef<{ x: number; y: number; moved: number } | null>(null);
  const point = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  return {
    onPointerDown(event: PointerEvent) {
      drag.current = { ...point(event), moved: 0 };
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    },
    onPointerMove(event: PointerEvent) {
      const at = point(event);
      if (drag.current !== null) {
        const [dx, dy] = [at.x - drag.current.x, at.y - drag.current.y];
        const moved = drag.current.moved + Math.abs(dx) + Math.abs(dy);
        drag.current = { ...at, moved };
        if (moved > 4) {
          canvas.current?.pan(dx, dy);
          // What is dragged is not pointed at.
          setOver(null);
          return;
        }
      }
      const index = canvas.current?.scene.hit(at) ?? null;
      setOver(index === null ? null : { index, ...at });
    },
    onPointerUp(event: PointerEvent) {
      const index = canvas.current?.scene.hit(point(event)) ?? null;
      if (drag.current !== null && drag.current.moved <= 4 && index !== null)
        (event.shiftKey ? compare : select)(index);
      drag.current = null;
    },
    onPointerLeave() {
      setOver(null);
    },
    onDblClick(event: MouseEvent) {
      canvas.current?.scene.zoom(2, point(event));
      canvas.current?.draw();
    },
    onWheel(event: WheelEvent) {
      // A plain wheel scrolls the notebook, unless the tree has the keyboard.
      const isOurs = event.ctrlKey || event.metaKey || document.activeElement === event.currentTarget;
      if (!isOurs) return;
      event.preventDefault();
      canvas.current?.scene.zoom(Math.exp(-event.deltaY / 300), point(event));
      canvas.current?.draw();
    },
  };
}

/** A press or a drag on the map moves the camera there. */
function mapPointer(canvas: { current?: TreeCanvas }) {
  const go = (event: PointerEvent) => {
    event.stopPropagation();
    if (event.buttons === 0) return;
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const part = TreeMap.part(event.clientX - box.left, event.clientY - box.top, box.width, box.height);
    canvas.current?.scene.centreOn(part);
    canvas.current?.draw();
  };
  return {
    onPointerDown(event: PointerEvent) {
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      go(event);
    },
    onPointerMove: go,
    onPointerUp: (event: PointerEvent) => event.stopPropagation(),
    onDblClick: (event: MouseEvent) => event.stopPropagation(),
  };
}

function ZoomButtons({ zoom, fit }: { zoom: (factor: number) => void; fit: () => void }) {
  return (
    <span style={{ display: "inline-flex" }}>
      <button
        type="button"
        class="snb-button snb-small snb-icon snb-plain"
        aria-label="Zoom out"
        title="Zoom out (−)"
        onClick={() => zoom(1 / 1.5)}
      >
        <MinusIcon />
      </button>
      <button
        type="button"
        class="snb-button snb-small snb-icon snb-plain"
        aria-label="Zoom in"
        title="Zoom in (+; or Ctrl and the wheel)"
        onClick={() => zoom(1.5)}
      >
        <PlusIcon />
      </button>
      <button
        type="button"
        class="snb-button snb-small snb-icon snb-plain"
        aria-label="Show all"
        title="Show all (0)"
        onClick={fit}
      >
        <FitIcon />
      </button>
    </span>
  );
}

function Starting({ metric }: { metric: string }) {
  return (
    <div class="snb-empty">
      <strong>Running the seed</strong>
      <span>What {metric} says of it is what every candidate has to beat.</span>
    </div>
  );
}
