// Numbers and times as a reader likes them.

const MINUS = "\u2212";

/** Return `value` with about five significant digits and a true minus sign. */
export function number(value: number | null | undefined, digits = 5): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e6 || size < 1e-4
      ? value.toExponential(Math.max(0, digits - 2))
      : value.toFixed(Math.min(8, Math.max(0, digits - 1 - Math.floor(Math.log10(size)))));
  return trimZeros(text).replace("-", MINUS);
}

/** Return what a node is called in a sentence. */
export function called(index: number): string {
  return index === 0 ? "the seed" : `#${index}`;
}

/** Return `text` as a sentence: a capital at its start, a stop at its end. */
export function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return text === "" || /[.!?]$/.test(first) ? first : `${first}.`;
}

/** Return a difference with its sign. */
export function signed(value: number | null, digits = 3): string {
  if (value === null) return "–";
  const text = number(value, digits);
  return value > 0 ? `+${text}` : value === 0 ? "±0" : text;
}

/** Return seconds as `4.2 s`, `1:05`, `2:03:09`. */
export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Return a clock that ticks by whole seconds and keeps its width. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Return a count as `950`, `12.3k`, `4.56M`. */
export function count(value: number): string {
  if (value < 1000) return String(value);
  if (value < 1e6) return `${trimZeros((value / 1e3).toPrecision(3))}k`;
  return `${trimZeros((value / 1e6).toPrecision(3))}M`;
}

/** Return US dollars. */
export function dollars(value: number): string {
  return value < 0.1 ? `$${value.toFixed(4)}` : `$${value.toFixed(2)}`;
}

function trimZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+($|e)/, "$1") : text;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
