// Which rows the grid shows, in which order: the selection, or all that no legend hides.
import * as api from "./api.js";
import { complain, count, element, emit, on, state } from "./state.js";

export const list = { rows: [], group: null };
const most = 2000; // rows of an order of the whole dataset
let latest = 0;

function all() {
  const rows = [];
  for (let row = 0; row < state.visible.length; row++) if (state.visible[row]) rows.push(row);
  return rows;
}

// refresh asks for the rows again: after a choice, not after each label, so that nothing moves under the keys. keep leaves the
// grid where it is as far as possible.
export async function refresh(keep) {
  const mine = ++latest, order = element("order").value;
  const among = state.selection.length ? state.selection.filter((row) => state.visible[row]) : null;
  element("again").hidden = order === "selected";
  let rows = among || all(), group = null;
  if (order !== "selected") {
    try {
      const answer = await api.order(order, among ? Math.max(1, among.length) : most, among);
      if (mine !== latest) return;
      rows = answer.rows;
      if (order === "conflicts") {
        group = new Map();
        (answer.groups || []).forEach((members, i) => members.forEach((row) => group.set(row, i)));
        rows = (answer.groups || []).flat();
      }
      rows = rows.filter((row) => state.visible[row]);
    } catch (error) {
      complain(error);
      element("order").value = "selected";
      element("again").hidden = true;
    }
  }
  list.rows = rows;
  list.group = group;
  describe(order, among);
  emit("list", keep === true);
}

function describe(order, among) {
  const n = list.rows.length;
  const found = { selected: among ? "selected" : n === state.dataset.rows ? "" : "shown", suspect: "most suspect first", uncertain: "most uncertain first", conflicts: "are copies with other labels" }[order];
  const text = order === "selected" && !among && !found ? `All ${count(n, "row")}` : `${count(n, "row")} ${found}`;
  element("count").textContent = order === "conflicts" && n === 0 ? "No copies have conflicting labels" : text;
  element("clear").hidden = !state.selection.length;
}

export function start() {
  element("order").onchange = element("again").onclick = () => refresh();
  on("selection", () => refresh());
  on("visible", () => refresh(true));
  for (const format of ["csv", "parquet", "paths"]) element("export-" + format).onclick = () => exportAs(format);
}

async function exportAs(format) {
  const button = element("export-" + format);
  button.disabled = true;
  try {
    const { name, content } = await api.exported(list.rows, format);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
  }
}
