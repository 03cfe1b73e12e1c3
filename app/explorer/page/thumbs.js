// Pictures in place of points, where few enough are in view.
import { css } from "./colours.js";
import { thumb } from "./api.js";
import { make, on, state } from "./state.js";

const most = 150;

export class Thumbs {
  constructor(root) {
    this.root = root;
    this.shown = new Map(); // by row
    on("columns dataset", () => this.clear());
  }

  clear() {
    this.root.replaceChildren();
    this.shown.clear();
  }

  // show puts the pictures of the rows in view where they lie, framed in the colours of their points. While the map moves, none is fetched that the next
  // moment may not need.
  show(box, places, toScreen, moving, colours) {
    const rows = state.dataset && state.dataset.images ? places.inside(box, state.visible, most + 1) : [];
    if (rows.length === 0 || rows.length > most) {
      if (this.shown.size) this.clear();
      return;
    }
    const wanted = new Set(rows), side = rows.length > 60 ? 40 : rows.length > 20 ? 56 : 80;
    for (const [row, picture] of this.shown) {
      if (wanted.has(row)) continue;
      picture.remove();
      this.shown.delete(row);
    }
    const p = state.positions, some = state.selection.length > 0;
    for (const row of rows) {
      let picture = this.shown.get(row);
      if (!picture) {
        if (moving) continue;
        picture = make("img", { src: thumb(row, 128), alt: "", draggable: false, onerror: () => picture.remove() });
        this.shown.set(row, picture);
        this.root.append(picture);
      }
      const [x, y] = toScreen(p[2 * row], p[2 * row + 1]);
      picture.style.width = picture.style.height = side + "px";
      picture.style.transform = `translate(${Math.round(x - side / 2)}px, ${Math.round(y - side / 2)}px)`;
      picture.style.borderColor = css([...colours.subarray(4 * row, 4 * row + 3)]);
      picture.classList.toggle("dim", some && !state.selected[row]);
    }
  }
}
