// The panel of one row: its picture, what is known of it, and its nearest neighbours; or of a photo that was
// placed.
import * as api from "./api.js";
import { ofClass } from "./colours.js";
import { label } from "./rows.js";
import { complain, element, make, on, open, select, state } from "./state.js";

const panel = element("panel");
let latest = 0; // the last one asked for: slower answers of earlier ones are dropped

function close() {
  const inside = panel.contains(document.activeElement);
  panel.hidden = true;
  panel.replaceChildren();
  open(-1);
  if (inside) element("field").focus({ preventScroll: true });
}

function frame(title, ...children) {
  const button = make("button", { type: "button", className: "close", textContent: "Close", title: "Esc", onclick: close });
  panel.replaceChildren(make("div", { className: "heading" }, make("h2", { textContent: title, title }), button), ...children);
  panel.hidden = false;
}

export const swatch = (number) => {
  const made = make("span", { className: "swatch" });
  made.style.background = ofClass(number);
  return made;
};

const percent = (p) => (100 * p).toFixed(1) + " %";

// facts is a table of names and values, without those that are unknown.
function facts(pairs) {
  const table = make("table", {});
  for (const [name, value] of pairs) {
    if (value === null || value === undefined || value === "" || Number.isNaN(value)) continue;
    table.append(make("tr", {}, make("th", { textContent: name, scope: "row" }), make("td", {}, value)));
  }
  return table;
}

function named(name) {
  return name ? make("span", {}, swatch(state.dataset.classes.indexOf(name)), " " + name) : "";
}

function about(row) {
  const known = (name, show) => {
    const values = state.columns[name];
    return values && !Number.isNaN(values[row.row]) ? show(values[row.row]) : "";
  };
  const predicted = state.columns.prediction ? state.columns.prediction[row.row] : -1;
  return facts([
    ["label", named(label(row.row)) || make("span", { className: "quiet", textContent: "none" })],
    ["prediction", predicted >= 0 ? make("span", {}, named(state.dataset.classes[predicted]), known("confidence", (c) => ", " + percent(c))) : ""],
    ["label is wrong", known("suspect", (p) => make("span", { className: p > 0.5 ? "warn" : "", textContent: percent(p) }))],
    ["novelty", known("novelty", (v) => v.toFixed(2))],
    ["split", row.split], ["group", row.group], ["size", row.width ? `${row.width} × ${row.height}` : ""],
    ["row", String(row.row)], ["sha256", row.sha256 ? make("code", { textContent: row.sha256.slice(0, 12) + "…", title: row.sha256 }) : ""],
  ]);
}

// near is a list of neighbours, which open when they are clicked.
async function near(neighbours) {
  const rows = neighbours.map((n) => n.row);
  const paths = new Map((rows.length ? await api.rows(rows) : []).map((row) => [row.row, row.path]));
  const list = make("div", { className: "near" });
  for (const { row, similarity } of neighbours) {
    const name = `${paths.get(row) || "row " + row}, ${label(row) || "no label"}, similarity ${similarity.toFixed(3)}`;
    const button = make("button", { type: "button", title: name, "aria-label": name, onclick: () => open(row) });
    if (state.dataset.images) button.append(make("img", { src: api.thumb(row, 64), alt: "", loading: "lazy" }));
    button.append(make("span", {}, swatch(state.columns.label ? state.columns.label[row] : -1), " " + similarity.toFixed(2)));
    list.append(button);
  }
  const all = make("button", { type: "button", textContent: "Select them", onclick: () => select(rows) });
  return [make("div", { className: "heading" }, make("h3", { textContent: "Nearest neighbours" }), all), list];
}

async function showRow(number) {
  const mine = ++latest;
  try {
    const [row] = await api.rows([number]);
    if (mine !== latest) return;
    const there = state.dataset.images && row.image !== false;
    const view = make("div", { className: "view" });
    if (there) {
      const link = make("a", { href: `/images/${number}`, target: "_blank", rel: "noopener", title: "Open the picture by itself" });
      const picture = make("img", { src: api.thumb(number, 256), alt: row.path });
      picture.onerror = () => link.replaceWith(make("p", { className: "quiet", textContent: "The picture cannot be shown: it is missing, or changed since its features were extracted." }));
      link.append(picture);
      view.append(link);
    }
    view.append(about(row));
    frame(row.path, view);
    const found = await near((await api.neighbours(number, 12)).filter((n) => n.row !== number));
    if (mine === latest) panel.append(...found);
  } catch (error) {
    complain(error);
  }
}

// showPhoto shows what was found out about a photo that is not in the dataset; picture is its address.
export async function showPhoto(name, picture, answer) {
  const mine = ++latest;
  const photo = make("img", { src: picture, alt: name });
  photo.onerror = () => photo.replaceWith(make("p", { className: "quiet", textContent: "This browser cannot show the format." }));
  const view = make("div", { className: "view" }, photo);
  const likely = Object.entries(answer.probabilities || {}).sort((a, b) => b[1] - a[1]).slice(0, 5);
  const bars = make("div", { className: "bars" });
  for (const [label, p] of likely) {
    const bar = make("span", { className: "fill" });
    bar.style.width = 100 * p + "%";
    bar.style.background = ofClass(state.dataset.classes.indexOf(label));
    bars.append(make("span", { textContent: label }), make("span", { className: "rail" }, bar), make("span", { className: "n", textContent: percent(p) }));
  }
  const far = answer.novelty > 1 ? make("span", { className: "warn", textContent: answer.novelty.toFixed(2) + ", unlike what the head was trained on" }) : "";
  const novelty = answer.novelty === undefined || answer.novelty === null ? "" : far || answer.novelty.toFixed(2);
  const label = answer.label ? named(answer.label) : make("span", { className: "quiet", textContent: "no head to ask" });
  view.append(make("div", {}, facts([["looks like", label], ["novelty", novelty]]), bars));
  frame(name, view);
  const found = await near(answer.neighbours || []);
  if (mine === latest) panel.append(...found);
}

export function start() {
  on("open", () => {
    if (state.open >= 0) showRow(state.open);
    else latest++, (panel.hidden = true);
  });
  on("columns", () => !panel.hidden && state.open >= 0 && showRow(state.open));
}
