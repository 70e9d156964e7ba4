// The few hooks that all views share.

import { createContext } from "preact";
import { useContext, useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { type FlightWire, type NodeWire, type RunWire, score } from "../shared/protocol";
import { bestIndex, bestSteps, isDoubted, lineage, places, withinNoise } from "./derive";
import { type Session, selectedIndex, type Ui } from "./session";
import { type Cell, type RunData, sameIn } from "./store";
import { isDarkBehind, readTheme, type Theme, watchTheme } from "./theme";

/** What a view knows of its surroundings. */
export interface Place {
  session: Session;
  /** The element that carries theme, keys and events of this view. */
  root: HTMLElement;
}

export const PlaceContext = createContext<Place>(null as unknown as Place);

export function usePlace(): Place {
  return useContext(PlaceContext);
}

/** Return the cell's value, and render again when it is replaced. */
export function useCell<T>(cell: Cell<T>): T {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => cell.subscribe(() => again(undefined)), [cell]);
  return cell.get();
}

/**
 * Like `useCell` for the run's data, but the larger the tree, the rarer the picture is renewed: drawing ten thousand
 * nodes takes a tenth of a second, and panning must not stutter while they arrive.
 */
export function useRunData(cell: Cell<RunData>): RunData {
  const [, again] = useReducer((n: number) => n + 1, 0);
  const shown = useRef(cell.get());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let shownAt = 0;
    const show = () => {
      timer = undefined;
      shownAt = performance.now();
      shown.current = cell.get();
      again(undefined);
    };
    const renew = () => {
      const rest = restBetween(cell.get(), shown.current) - (performance.now() - shownAt);
      if (rest <= 0) show();
      else timer ??= setTimeout(show, rest);
    };
    const stop = cell.subscribe(renew);
    renew();
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [cell]);
  return shown.current;
}

/** Return how many ms are to pass between two pictures; a change of state or a detail does not wait. */
function restBetween(next: RunData, shown: RunData): number {
  const isUrgent = next.run?.state !== shown.run?.state || next.details !== shown.details || shown.run === null;
  return isUrgent || next.nodes.length < 1000 ? 0 : Math.min(1000, next.nodes.length / 10);
}

/** Render again every `ms` while `isOn`. */
export function useTick(ms: number, isOn: boolean): void {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    if (!isOn) return undefined;
    const timer = setInterval(() => again(undefined), ms);
    return () => clearInterval(timer);
  }, [ms, isOn]);
}

/** Return the colours of `root`, read again when the page's theme changes. */
export function useTheme(root: HTMLElement): Theme {
  const [theme, setTheme] = useState(() => themeOf(root));
  useEffect(() => {
    const look = () =>
      setTheme(known => {
        const now = themeOf(root);
        return sameIn(known, now) ? known : now;
      });
    look();
    return watchTheme(look);
  }, [root]);
  return theme;
}

/** Mark `root` with whether the page is dark, which its style sheet goes by, and return the colours. */
function themeOf(root: HTMLElement): Theme {
  root.dataset.dark = String(isDarkBehind(root));
  return readTheme(root);
}

/** What follows from run and selection; computed once per change. */
export interface Insight {
  run: RunWire;
  nodes: readonly NodeWire[];
  flights: readonly FlightWire[];
  seed: NodeWire | undefined;
  best: NodeWire | undefined;
  selected: NodeWire | undefined;
  steps: NodeWire[];
  places: Float64Array;
  /** The nodes whose value chance alone may explain. */
  noisy: ReadonlySet<number>;
  bestPath: NodeWire[];
  selectedPath: NodeWire[];
  /** Seconds since the run was created, by the page's clock between messages. */
  elapsed(): number;
}

/** Return what follows from the data, null while there is no run. */
export function useInsight(data: RunData, ui: Ui, session: Session): Insight | null {
  const { run, nodes, flights } = data;
  const direction = run?.direction ?? "maximize";
  const noise = run?.noise ?? 0;
  const best = useMemo(() => (run === null ? null : bestIndex(run, nodes)), [nodes, run?.best, direction]);
  const steps = useMemo(() => bestSteps(nodes, direction, noise), [nodes, direction, noise]);
  const ranks = useMemo(() => places(nodes, direction), [nodes, direction]);
  const noisy = useMemo(() => (run === null ? new Set<number>() : withinNoise(nodes, run)), [nodes, noise]);
  const selected = selectedIndex(data, ui);
  const bestPath = useMemo(() => lineage(nodes, best), [nodes, best]);
  const selectedPath = useMemo(() => lineage(nodes, selected), [nodes, selected]);
  return useMemo(
    () =>
      run && {
        run,
        nodes,
        flights,
        seed: nodes[0],
        best: best === null ? undefined : nodes[best],
        selected: selected === null ? undefined : nodes[selected],
        steps,
        places: ranks,
        noisy,
        bestPath,
        selectedPath,
        elapsed: () => elapsedNow(run, session),
      },
    [run, nodes, flights, best, selected, steps, ranks, noisy, bestPath, selectedPath, session],
  );
}

function elapsedNow(run: RunWire, session: Session): number {
  if (run.state !== "running" || session.link.state.get() !== "live") return run.elapsed;
  return run.elapsed + (performance.now() - session.link.heardAt) / 1000;
}

/** Return where the node's score stands among those that nobody doubts: 1 is the best; ties share a place. */
export function standing(nodes: readonly NodeWire[], node: NodeWire, run: RunWire): number | null {
  if (node.value === null || isDoubted(node)) return null;
  const own = score(node.value, run.direction);
  return 1 + nodes.filter(other => !isDoubted(other) && score(other.value, run.direction) > own).length;
}

/** Return a value that stays the same object as long as the component lives. */
export function useOnce<T>(make: () => T): T {
  const held = useRef<{ value: T } | null>(null);
  held.current ??= { value: make() };
  return held.current.value;
}
