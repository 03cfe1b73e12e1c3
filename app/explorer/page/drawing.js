// What draws the points: WebGL2, or where there is none, or only one without a graphics processor for many points, our own.
import { Raster } from "./raster.js";
import { possible, WebGL } from "./webgl.js";

// Up to so many points, WebGL by the processor is quick enough.
const mostInSoftware = 20000;
// Selected points have rings while there are so few that rings do not hide what they surround.
const mostRings = 20000;

export class Drawing {
  // back is called when everything must be drawn anew.
  constructor(field, back) {
    this.field = field;
    this.back = back;
    this.webgl = possible();
  }

  move(before, after) {
    const own = !this.webgl || (this.webgl === "software" && after.length / 2 > mostInSoftware);
    if (!this.means || own !== this.means instanceof Raster) {
      const canvas = document.createElement("canvas");
      this.field.replaceChildren(canvas);
      this.means = own ? new Raster(canvas) : new WebGL(canvas, this.back);
    }
    this.means.move(before, after);
  }

  clear() {
    this.field.replaceChildren();
    this.means = null;
  }

  colour(colours, selection) {
    this.means.colour(colours, selection.length <= mostRings ? selection : []);
  }

  // draw shows the points: way from 0 to 1 between where they came from and where they lie; view has the
  // middle in the map's units and the pixels of a unit; size is a point's in pixels of the window.
  draw(frame) {
    if (this.means) this.means.draw(frame);
  }
}
