// Colours of points: a palette for classes, a ramp of even steps for numbers, and the categories of the
// legend that belong to them.
import { state } from "./state.js";

export const columns = {
  label: { title: "label", none: "no label" },
  split: { title: "split", none: "no split" },
  prediction: { title: "prediction", none: "no prediction" },
  confidence: { title: "confidence", none: "unknown" },
  novelty: { title: "novelty", none: "unknown" },
  suspect: { title: "suspect label", none: "unknown" },
};
const bins = 8;
const dark = matchMedia("(prefers-color-scheme: dark)");

// names are those of a column's categories: classes, splits; null where it has numbers.
function names(column) {
  if (column === "split") return state.dataset.splits || [];
  return column === "label" || column === "prediction" ? state.dataset.classes : null;
}

function read(property) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(property).trim();
  const short = text.length === 4;
  return [1, 2, 3].map((i) => (short ? parseInt(text[i] + text[i], 16) : parseInt(text.slice(2 * i - 1, 2 * i + 1), 16)));
}

// ramp has 256 colours whose lightness rises or falls evenly in OKLab, away from the paper's, through
// hues from yellow over green to violet, so that larger values stand out on both papers.
function ramp() {
  const table = [];
  for (let i = 0; i < 256; i++) {
    const t = i / 255;
    const lightness = dark.matches ? 0.4 + 0.5 * t : 0.86 - 0.5 * t;
    const hue = ((dark.matches ? 290 - 185 * t : 105 + 195 * t) * Math.PI) / 180;
    table.push(oklch(lightness, 0.13, hue));
  }
  return table;
}

function oklch(lightness, chroma, hue) {
  const a = chroma * Math.cos(hue), b = chroma * Math.sin(hue);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((linear) => {
    const c = Math.min(1, Math.max(0, linear));
    return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
  });
}

// range is what the ramp spans: all of a probability's range that can be, or most of the values.
function range(column, values) {
  if (column === "suspect") return [0, 1];
  if (column === "confidence") return [1 / Math.max(2, state.dataset.classes.length), 1];
  const known = [];
  const step = Math.max(1, Math.floor(values.length / 20000));
  for (let i = 0; i < values.length; i += step) if (!Number.isNaN(values[i])) known.push(values[i]);
  known.sort((a, b) => a - b);
  if (known.length === 0) return [0, 1];
  const low = known[Math.floor(0.01 * (known.length - 1))], high = known[Math.ceil(0.99 * (known.length - 1))];
  return high > low ? [low, high] : [low, low + 1];
}

// scale is how a column becomes categories and colours: of() is a value's category, colour() its colour.
export function scale(column) {
  const values = state.columns[column];
  if (!values) return null;
  const titles = names(column);
  if (titles) {
    const palette = Array.from({ length: 10 }, (_, i) => read("--c" + i));
    const none = titles.length;
    const entries = [...titles, columns[column].none].map((title, i) => ({ title, colour: i === none ? grey() : palette[i % 10] }));
    const of = (v) => (v < 0 || v >= none ? none : v);
    return { entries, none, of, colour: (v) => entries[of(v)].colour, values };
  }
  const [low, high] = range(column, values), table = ramp(), plain = grey();
  const part = (v) => Math.min(1, Math.max(0, (v - low) / (high - low)));
  const digits = high - low >= 20 ? 0 : high - low >= 2 ? 1 : 2;
  const entries = Array.from({ length: bins }, (_, i) => ({
    title: (low + ((high - low) * i) / bins).toFixed(digits) + " to " + (low + ((high - low) * (i + 1)) / bins).toFixed(digits),
    colour: table[Math.round((255 * (i + 0.5)) / bins)],
  })).concat({ title: columns[column].none, colour: plain });
  const of = (v) => (Number.isNaN(v) ? bins : Math.min(bins - 1, Math.floor(part(v) * bins)));
  return { entries, none: bins, of, colour: (v) => (Number.isNaN(v) ? plain : table[Math.round(255 * part(v))]), values, numbers: true };
}

export const grey = () => (dark.matches ? [104, 111, 120] : [168, 173, 180]);
export const css = (colour) => `rgb(${colour.join(" ")})`;

// ofClass is the colour of a class by its number, as in the legend of labels.
export const ofClass = (number) => (number < 0 ? css(grey()) : `var(--c${number % 10})`);

// filter marks the rows that no legend hides, and says whether they are others than before.
export function filter() {
  const before = state.visible, visible = new Uint8Array(before.length).fill(1);
  for (const [column, hidden] of state.hidden) {
    const scaled = hidden.size && scale(column);
    if (!scaled) continue;
    const { of, values } = scaled;
    for (let row = 0; row < visible.length; row++) if (hidden.has(of(values[row]))) visible[row] = 0;
  }
  state.visible = visible;
  return visible.some((is, row) => is !== before[row]);
}

// paint fills in red, green, blue and opacity of each row: 0 of what is hidden, little of what is not
// selected while something is.
export function paint(into) {
  const scaled = scale(state.colour);
  const some = state.selection.length > 0;
  const plain = grey();
  for (let row = 0, i = 0; row < state.visible.length; row++, i += 4) {
    const colour = scaled ? scaled.colour(scaled.values[row]) : plain;
    into[i] = colour[0];
    into[i + 1] = colour[1];
    into[i + 2] = colour[2];
    into[i + 3] = !state.visible[row] ? 0 : some && !state.selected[row] ? 60 : 225;
  }
}

// onScheme calls when the browser changes between light and dark.
export const onScheme = (listener) => dark.addEventListener("change", listener);
