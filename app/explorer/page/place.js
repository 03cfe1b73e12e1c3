// Photos from elsewhere: dropped on the page or chosen, they are sent to the server, which says where they lie.
import * as api from "./api.js";
import { pin } from "./map.js";
import { showPhoto } from "./panel.js";
import { complain, element, on, open, say, state } from "./state.js";

let address = "";

async function place(file) {
  const picture = element("pin").firstElementChild;
  say("placing the photo");
  document.body.classList.add("busy");
  try {
    const answer = await api.place(file, state.map);
    forget();
    open(-1);
    address = URL.createObjectURL(file);
    picture.hidden = false;
    picture.onerror = () => (picture.hidden = true); // a format that the browser does not know
    picture.src = address;
    pin([answer.x, answer.y]);
    await showPhoto(file.name, address, answer);
    const likely = answer.label && (answer.probabilities || {})[answer.label];
    say(`${file.name} is placed` + (answer.label ? `: ${answer.label}${likely ? ` with ${Math.round(100 * likely)} %` : ""}` : ""));
    placed = { file, map: state.map };
  } catch (error) {
    if (error.message) error.message = `cannot place ${file.name}: ${error.message}`;
    complain(error);
  } finally {
    document.body.classList.remove("busy");
  }
}

let placed = null;

function forget() {
  pin(null);
  placed = null;
  if (address) URL.revokeObjectURL(address);
  address = "";
}

export function start() {
  const photo = element("photo"), drop = element("drop");
  photo.onchange = () => {
    if (photo.files[0]) place(photo.files[0]);
    photo.value = ""; // the same one may be chosen again
  };
  const brings = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (brings(event)) drop.hidden = false, depth++;
  });
  addEventListener("dragleave", () => {
    if (--depth <= 0) drop.hidden = true, (depth = 0);
  });
  addEventListener("dragover", (event) => brings(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    drop.hidden = true;
    depth = 0;
    if (!brings(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files[0]) place(event.dataTransfer.files[0]);
  });
  // On another map, the photo lies elsewhere; on none, when its panel is closed or shows a row.
  on("positions", () => placed && placed.map !== state.map && place(placed.file));
  on("open", forget);
}
