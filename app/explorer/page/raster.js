// Drawing points pixel by pixel, without WebGL. Where the processor would have to play the graphics processor, this is many
// times as fast as WebGL, since a point is only a few pixels.

export class Raster {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  move(before, after) {
    [this.before, this.after] = [before, after];
    this.n = after.length / 2;
  }

  colour(colours, rings) {
    this.colours = new Uint32Array(colours.buffer); // alpha, blue, green, red
    this.rings = rings;
  }

  draw({ view, way, size, ratio, ring }) {
    const { canvas } = this;
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.fill(0);
    if (this.n && this.colours && this.colours.length === this.n) {
      const unit = view.unit * ratio, at = { unit, left: width / 2 - view.x * unit, top: height / 2 + view.y * unit, way, width, height };
      // What is not selected is faint, and lies below what is.
      const plain = disc(size * ratio, width, this.n < 20000), wide = disc((Math.max(size, 4) + 3) * ratio, width), inner = disc((Math.max(size, 4) - 1) * ratio, width);
      for (const faint of [true, false]) {
        for (let row = 0; row < this.n; row++) {
          const colour = this.colours[row];
          if (colour >>> 24 !== 0 && colour >>> 31 === 0 === faint) this.point(at, row, plain, colour);
        }
      }
      const ink = 0xff000000 | (ring[2] << 16) | (ring[1] << 8) | ring[0];
      for (const row of this.rings) {
        this.point(at, row, wide, ink);
        this.point(at, row, inner, this.colours[row] | 0xff000000);
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }

  point(at, row, shape, colour) {
    const i = 2 * row, { pixels, before, after } = this, half = shape.half;
    let mx = after[i], my = after[i + 1];
    if (at.way < 1) {
      mx = before[i] + (mx - before[i]) * at.way;
      my = before[i + 1] + (my - before[i + 1]) * at.way;
    }
    const x = (at.left + at.unit * mx) | 0, y = (at.top - at.unit * my) | 0;
    if (x < half || y < half || x + half >= at.width || y + half >= at.height) return; // at the very edge, none is cut in two
    const middle = y * at.width + x, { full, edge, parts } = shape;
    for (let k = 0; k < full.length; k++) pixels[middle + full[k]] = colour;
    for (let k = 0; k < edge.length; k++) pixels[middle + edge[k]] = over(pixels[middle + edge[k]], colour, parts[k]);
  }
}

const discs = new Map();

// disc has the pixels of a point of a size in a picture of a width: the distances from its middle of those that it covers, and
// of those at its edge with the part that it covers of them. Without smooth edges, there are none of these.
function disc(size, width, smooth = true) {
  const key = [Math.round(size * 4), width, smooth].join();
  if (discs.has(key)) return discs.get(key);
  const radius = Math.round(size * 4) / 8, half = Math.ceil(radius - 0.5), full = [], edge = [], parts = [];
  for (let y = -half; y <= half; y++) {
    for (let x = -half; x <= half; x++) {
      const part = Math.min(1, radius + 0.5 - Math.hypot(x, y));
      if (part > (smooth && radius >= 1.3 ? 0.9 : 0.4)) full.push(x + y * width);
      else if (part > 0.1 && smooth && radius >= 1.3) edge.push(x + y * width), parts.push(part);
    }
  }
  const made = { full: Int32Array.from(full), edge: Int32Array.from(edge), parts, half };
  if (discs.size > 200) discs.clear();
  discs.set(key, made);
  return made;
}

// over is a pixel with a part of it covered by a colour.
function over(below, colour, part) {
  const alpha = (colour >>> 24) * part;
  const under = (below >>> 24) * (1 - alpha / 255), sum = alpha + under;
  if (sum < 1) return below;
  const mix = (shift) => (((colour >>> shift) & 255) * alpha + ((below >>> shift) & 255) * under) / sum;
  return (Math.round(sum) << 24) | (mix(16) << 16) | (mix(8) << 8) | mix(0);
}
