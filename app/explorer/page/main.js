// The explorer's page: what it loads first, and what it does when the server has news.
import * as api from "./api.js";
import * as classbar from "./classbar.js";
import * as grid from "./grid.js";
import { again } from "./labels.js";
import * as legend from "./legend.js";
import * as lists from "./list.js";
import * as map from "./map.js";
import * as panel from "./panel.js";
import * as place from "./place.js";
import * as search from "./search.js";
import { complain, element, emit, on, say, select, set, state } from "./state.js";
import * as status from "./status.js";

let chosen = ""; // the map that the person chose; "" follows what is ready

// load shows the dataset as it is now; the first time and when it was replaced.
async function load() {
  const d = await api.dataset();
  const same = state.dataset && state.dataset.rows === d.rows && !state.stale;
  Object.assign(state, { dataset: d, version: d.version, stale: false });
  api.use(d.version);
  if (!same) {
    Object.assign(state, { visible: new Uint8Array(d.rows).fill(1), selected: new Uint8Array(d.rows), selection: [], columns: {}, hidden: new Map(), open: -1 });
    state.paths.clear();
    map.clear();
  }
  status.banner("");
  status.facts(map.warning());
  status.accuracy(d.accuracy);
  status.written(d.labels ? d.labels.pending : 0);
  progress(d.map);
  await Promise.all([showMap(), loadColumns(["label", ...(d.splits && d.splits.length ? ["split"] : []), ...d.columns])]);
  emit("dataset");
  emit("open");
  await lists.refresh();
}

// loadColumns fetches columns, all of which are there.
async function loadColumns(names) {
  const read = await Promise.all(names.map(api.column));
  names.forEach((name, i) => (state.columns[name] = read[i]));
  emit("columns");
}

async function showMap() {
  const maps = state.dataset.map, ready = maps.umap === "ready";
  const name = chosen === "pca" || !ready ? "pca" : "umap";
  element("map-umap").disabled = !ready;
  if (maps[name] !== "ready") return; // its event is on the way
  const positions = await api.positions(name);
  if (positions.length !== 2 * state.dataset.rows) return; // of another edition: its event is on the way
  state.map = name;
  map.show(positions);
  for (const each of ["pca", "umap"]) element("map-" + each).setAttribute("aria-pressed", String(each === name));
}

// progress says what is still computed.
function progress({ pca, umap, progress: part, error }) {
  const line = element("progress"), parts = Math.round(100 * (part || 0));
  const text = pca === "failed" ? "There is no map: " + error
    : pca !== "ready" ? "Reading the features for the map…"
    : umap === "computing" ? `UMAP ${parts} %` : umap === "failed" ? "UMAP: " + (error || "it could not be computed") : "";
  line.hidden = !text;
  set(line, "textContent", text);
}

// fail shows an error; that the dataset is another by now is no error but an offer.
function fail(error) {
  if (api.stale(error)) replaced();
  else complain(error);
}

// turn makes one call at a time of a function that fetches, and one more if it was wanted meanwhile.
function turn(work) {
  let running = false, wanted = false;
  return async () => {
    wanted = true;
    if (running) return;
    running = true;
    while (wanted) {
      wanted = false;
      try {
        await work();
      } catch (error) {
        fail(error);
      }
    }
    running = false;
  };
}

const labelsAgain = turn(async () => {
  if (state.stale) return;
  const d = await api.dataset();
  if (d.rows !== state.dataset.rows) return; // replaced: its event is on the way
  Object.assign(state, { dataset: { ...d, map: state.dataset.map }, version: d.version });
  api.use(d.version);
  status.facts(map.warning());
  status.written(d.labels ? d.labels.pending : 0);
  await loadColumns(["label"]);
  emit("labelled", null);
});

const changed = new Set(); // columns that the server has computed anew
const columnsAgain = turn(async () => {
  const names = [...changed];
  changed.clear();
  if (!state.stale) await loadColumns(names);
});

function replaced() {
  state.stale = true;
  status.banner("The dataset was changed by another program. Nothing that you labelled is lost.", "Show it as it is now", () => load().then(again).catch(fail));
}

const handlers = {
  map({ kind, state: now, ...rest }) {
    const maps = state.dataset.map, before = maps[kind];
    Object.assign(maps, rest, { [kind]: now });
    progress(maps);
    if (now !== "ready" || before === "ready" || (kind === "pca" && state.positions)) return;
    showMap().then(() => say(`the map by ${kind.toUpperCase()} is shown`), fail);
  },
  labels(now) {
    state.dataset.labels = now;
    status.written(now.pending);
    labelsAgain();
  },
  accuracy: status.accuracy,
  columns({ names }) {
    names.forEach((name) => changed.add(name));
    columnsAgain();
  },
  dataset({ changed, error }) {
    if (changed) replaced();
    else if (error) complain(new Error(error));
  },
};

let lost = null;
function connected(is) {
  if (is && lost) load().catch(fail); // what happened meanwhile was not told
  if (is && lost === null) api.dataset().then(({ map: maps }) => ["pca", "umap"].forEach((kind) => handlers.map({ ...maps, kind, state: maps[kind] })), fail);
  if (!is) status.banner("The explorer does not answer. This page waits for it; labels that you gave are in its log.", "");
  lost = !is;
}

function keys(event) {
  if (event.target.matches("input, select") && event.key !== "Escape") return;
  if (event.key === "?" && !element("help").open) element("help").showModal();
  else if (event.key === "/") element("query").focus();
  else if (event.key === "Escape" && !element("help").open) {
    if (state.open >= 0 || !element("panel").hidden) element("panel").querySelector(".close").click();
    else if (state.selection.length) select([]);
    return;
  } else return;
  event.preventDefault();
}

async function start() {
  for (const part of [map, legend, lists, grid, classbar, panel, place, search]) part.start();
  addEventListener("keydown", keys);
  element("help-button").onclick = () => element("help").showModal();
  element("clear").onclick = () => select([]);
  for (const name of ["pca", "umap"]) {
    element("map-" + name).onclick = () => {
      chosen = name;
      showMap().catch(fail);
    };
  }
  on("labelled", (label) => {
    if (label && !state.dataset.classes.includes(label)) labelsAgain(); // a new class
    else emit("columns");
  });
  on("stale", replaced);
  await load();
  api.listen(handlers, connected);
}

start().catch((error) => {
  complain(error);
  status.banner(error.message, "Try again", () => location.reload());
});
window.addEventListener("unhandledrejection", (event) => complain(event.reason instanceof Error ? event.reason : new Error(String(event.reason))));
