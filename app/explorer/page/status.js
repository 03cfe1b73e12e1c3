// The lines that say how things stand: accuracy and how it moved, what is written, what the dataset lacks.
import { element, make, set, state } from "./state.js";

const moved = []; // accuracies, in the order in which they were measured
const svg = "http://www.w3.org/2000/svg";
const percent = (p) => (100 * p).toFixed(1) + " %";

// accuracy shows the cross-validated accuracy, and its movement since the page was opened.
export function accuracy(now) {
  const root = element("accuracy");
  root.hidden = !now;
  if (!now) return;
  if (moved.length === 0 || moved.at(-1) !== now.value) moved.push(now.value);
  const first = moved[0], change = 100 * (now.value - first);
  const sign = Math.abs(change) < 0.05 ? "" : (change > 0 ? "+" : "−") + Math.abs(change).toFixed(1);
  root.replaceChildren(make("span", { className: "quiet", textContent: "accuracy " }),
    ...(moved.length > 1 ? [make("span", { className: "quiet", textContent: percent(first) + " → " })] : []), make("strong", { textContent: percent(now.value) }),
    ...(sign ? [make("span", { className: change > 0 ? "good" : "bad", textContent: " " + sign })] : []));
  if (moved.length > 1) root.append(sparkline(moved.slice(-40)));
  root.title = `Cross-validated on ${now.n.toLocaleString("en")} labelled rows, ` + (now.low !== undefined ? `95 % interval ${percent(now.low)} to ${percent(now.high)}, ` : "") + `in ${now.seconds.toFixed(2)} s. The change is since the page was opened.`;
  root.setAttribute("role", "status");
}

function sparkline(values) {
  const low = Math.min(...values), high = Math.max(...values), span = Math.max(high - low, 1e-9);
  const line = document.createElementNS(svg, "polyline"), root = document.createElementNS(svg, "svg");
  line.setAttribute("points", values.map((v, i) => `${2 + (56 * i) / (values.length - 1)},${18 - (16 * (v - low)) / span}`).join(" "));
  root.setAttribute("viewBox", "0 0 60 20");
  root.setAttribute("class", "spark");
  root.setAttribute("aria-hidden", "true");
  root.append(line);
  return root;
}

// written says whether all labels are in the dataset's files.
export function written(pending) {
  const labels = state.dataset.labels || {};
  const root = element("written");
  root.className = pending ? "warn" : "quiet";
  set(root, "textContent", labels.writable === false ? "labels cannot be written" : pending ? `${pending.toLocaleString("en")} to be written${labels.why ? ": " + labels.why : ""}` : "all labels are written");
  set(root, "title", labels.why || "");
}

// facts names the dataset, and says what it lacks.
export function facts(warning) {
  const d = state.dataset;
  set(element("name"), "textContent", d.name);
  set(document, "title", d.name + " · fovea explorer");
  set(element("facts"), "textContent", `${d.rows.toLocaleString("en")} ${d.rows === 1 ? "row" : "rows"} · ${d.layer}`);
  set(element("facts"), "title", d.directory);
  element("notes").replaceChildren(...[...(d.notes || []), warning].filter(Boolean).map((text) => make("p", { textContent: text })));
}

// banner offers to do something about what is shown until it is done.
export function banner(text, offer, act) {
  const root = element("banner"), [button, later] = root.querySelectorAll("button");
  root.hidden = !text;
  if (!text) return;
  set(root.querySelector("p"), "textContent", text);
  button.textContent = offer;
  button.hidden = !offer;
  button.onclick = act;
  later.hidden = !offer;
  later.onclick = () => (root.hidden = true);
}
