// Colours of the drawings, read from the theme of whatever page we are in.

export interface Theme {
  isDark: boolean;
  background: string;
  ink: string;
  faint: string;
  line: string;
  accent: string;
  best: string;
  holdout: string;
  doubt: string;
  font: string;
}

type Rgb = [number, number, number];

// From low to high, readable for all kinds of colour vision: lightness runs one way and no red meets green. The low end
// is near the page, the high end far from it.
const LIGHT_RAMP: Rgb[] = [
  [196, 208, 214],
  [142, 190, 200],
  [71, 153, 183],
  [38, 105, 160],
  [26, 51, 112],
];
const DARK_RAMP: Rgb[] = [
  [62, 74, 102],
  [48, 108, 150],
  [52, 154, 178],
  [128, 205, 187],
  [232, 246, 190],
];

const SHADES = 128;
const shades = { light: [] as string[], dark: [] as string[] };

/** Return the colour of a place in [0, 1] (see `places`); drawing asks for it ten thousand times a frame. */
export function ramp(place: number, isDark: boolean): string {
  const known = isDark ? shades.dark : shades.light;
  const shade = Math.round(Math.min(Math.max(place, 0), 1) * SHADES);
  known[shade] ??= mixed(shade / SHADES, isDark);
  return known[shade] as string;
}

function mixed(place: number, isDark: boolean): string {
  const stops = isDark ? DARK_RAMP : LIGHT_RAMP;
  const at = place * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const [from, to] = [stops[i] as Rgb, stops[i + 1] as Rgb];
  const channels = from.map((channel, k) => Math.round(channel + ((to[k] as number) - channel) * (at - i)));
  return `rgb(${channels.join(",")})`;
}

/** Return the ramp as a CSS gradient for legends. */
export function rampCss(isDark: boolean): string {
  return `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map(at => ramp(at, isDark)).join(", ")})`;
}

/** Return the colours that hold at `root` now. */
export function readTheme(root: HTMLElement): Theme {
  const style = getComputedStyle(root);
  const get = (name: string) => style.getPropertyValue(name).trim();
  return {
    isDark: root.dataset.dark === "true",
    background: get("--snb-ground"),
    ink: get("--snb-ink"),
    faint: get("--snb-ink-3"),
    line: get("--snb-line"),
    accent: get("--snb-accent"),
    best: get("--snb-best"),
    holdout: get("--snb-holdout"),
    doubt: get("--snb-doubt"),
    font: style.fontFamily,
  };
}

/** Return whether the page behind `root` is dark, by what is really painted there. */
export function isDarkBehind(root: HTMLElement): boolean {
  for (let at: HTMLElement | null = root.parentElement; at !== null; at = at.parentElement) {
    const channels =
      getComputedStyle(at)
        .backgroundColor.match(/[\d.]+/g)
        ?.map(Number) ?? [];
    const [r = 0, g = 0, b = 0, alpha = 1] = channels;
    if (channels.length >= 3 && alpha > 0.5) return 0.299 * r + 0.587 * g + 0.114 * b < 128;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Call `changed` when the page's theme may have changed; return what ends that. */
export function watchTheme(changed: () => void): () => void {
  // The new style sheet comes a moment after the attribute.
  const later = () => {
    setTimeout(changed, 50);
    setTimeout(changed, 400);
  };
  const observer = new MutationObserver(later);
  const attributeFilter = ["class", "style", "data-jp-theme-name", "data-jp-theme-light", "data-theme"];
  observer.observe(document.body, { attributes: true, attributeFilter });
  observer.observe(document.documentElement, { attributes: true, attributeFilter });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", later);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", later);
  };
}
