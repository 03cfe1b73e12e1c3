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
      if (error.status === 409) refused.push({ paths: await pathsOf(rows), label: name });
      throw error;
    }
  });
}

async function pathsOf(rows) {
  const missing = rows.filter((row) => !state.paths.has(row));
  for (let i = 0; i < missing.length; i += 400) {
    for (const row of await api.rows(missing.slice(i, i + 400))) state.paths.set(row.row, row.path);
  }
  return rows.map((row) => state.paths.get(row));
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
  if (state.dataset.labels) state.dataset.labels.undo = answer.undo;
}

function inTurn(work) {
  last = last.then(work).catch((error) => {
    if (error.status === 409) emit("stale", error.message);
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
