// Changing labels: one request after the other, in the order of the keys; nothing that the server refused
// is forgotten.
import * as api from "./api.js";
import { label } from "./rows.js";
import { complain, count, emit, say, state } from "./state.js";

let last = Promise.resolve(); // of the requests
const refused = []; // {paths, label}: what was meant for an earlier edition of the dataset

// assign labels rows; "" clears their labels.
export function assign(rows, name) {
  if (rows.length === 0) return;
  if (state.dataset.labels && state.dataset.labels.writable === false) {
    complain(new Error(state.dataset.labels.why || "labels cannot be written"));
    return;
  }
  inTurn(async () => {
    try {
      const answer = await api.setLabels(state.version, rows, name);
      note(answer);
      const number = name ? state.dataset.classes.indexOf(name) : -1;
      if (!name || number >= 0) for (const row of rows) state.columns.label[row] = number;
      emit("labelled", name);
      say(name ? `${count(rows.length, "row")} labelled ${name}` : `${count(rows.length, "label")} cleared`);
    } catch (error) {
      if (api.stale(error)) remember(rows, name);
      throw error;
    }
  });
}

// remember keeps what the server refused because the dataset was replaced, by paths: rows have other numbers by now,
// and the server only knows the new ones.
function remember(rows, name) {
  const known = rows.filter((row) => state.paths.has(row));
  refused.push({ paths: known.map((row) => state.paths.get(row)), label: name });
  const rest = rows.length - known.length;
  if (rest) complain(new Error(`${count(rest, "row")} out of view could not be labelled ${name}, as the dataset was replaced: select and label them again after the reload`));
}

// undo takes the last change back, redo makes it again: the last of all, whichever page made it.
export const undo = () => step(api.undo, "undone");
export const redo = () => step(api.redo, "made again");

function step(ask, done) {
  inTurn(async () => {
    const answer = await ask(state.version);
    note(answer);
    emit("labelled", null);
    say(answer.changed ? `the last change is ${done}: ${count(answer.changed, "label")}` : "there is nothing to be " + done);
  });
}

function note(answer) {
  state.version = answer.version || state.version;
  for (const name of ["undo", "redo"]) if (answer[name] !== undefined) state.dataset.labels[name] = answer[name];
}

function inTurn(work) {
  last = last.then(work).catch((error) => {
    if (api.stale(error)) emit("stale");
    else complain(error);
  });
}

// again sends what was refused, now that the rows of the same paths are known again.
export async function again() {
  for (const { paths, label: name } of refused.splice(0)) {
    const rows = [], lost = [];
    for (const path of paths) {
      const near = (await api.paths(path, 50)).rows;
      const row = (near.length ? await api.rows(near) : []).find((r) => r.path === path);
      if (row) rows.push(row.row);
      else lost.push(path);
    }
    if (lost.length) complain(new Error(`these are no longer in the dataset and were not labelled ${name}: ${lost.slice(0, 5).join(", ")}${lost.length > 5 ? " and " + (lost.length - 5) + " more" : ""}`));
    assign(rows.filter((row) => label(row) !== name), name);
  }
}
