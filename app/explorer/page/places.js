// Where rows lie: an index of squares over the map, which finds those near a point or inside a shape
// without looking at all.

export class Places {
  constructor(positions) {
    this.positions = positions;
    const n = positions.length / 2;
    let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
    for (let i = 0; i < positions.length; i += 2) {
      const x = positions[i], y = positions[i + 1];
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
    }
    if (n === 0) left = top = -1, right = bottom = 1;
    this.bounds = { left, top, right, bottom };
    this.side = Math.max(1, Math.min(1024, Math.ceil(Math.sqrt(n / 2))));
    this.width = Math.max(right - left, 1e-9) / this.side;
    this.height = Math.max(bottom - top, 1e-9) / this.side;
    // Rows in the order of their squares, and where each square begins: a sort by counting.
    const starts = new Int32Array(this.side * this.side + 1), square = new Int32Array(n);
    for (let row = 0; row < n; row++) {
      square[row] = this.column(positions[2 * row]) + this.side * this.line(positions[2 * row + 1]);
      starts[square[row] + 1]++;
    }
    for (let i = 1; i < starts.length; i++) starts[i] += starts[i - 1];
    const next = starts.slice();
    this.rows = new Int32Array(n);
    for (let row = 0; row < n; row++) this.rows[next[square[row]]++] = row;
    this.starts = starts;
  }

  column(x) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((x - this.bounds.left) / this.width)));
  }

  line(y) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((y - this.bounds.top) / this.height)));
  }

  // inside has the visible rows in a rectangle, at most some; stops early where there are more.
  inside({ left, top, right, bottom }, visible, most = Infinity) {
    const found = [];
    const p = this.positions;
    for (let line = this.line(top); line <= this.line(bottom); line++) {
      const from = this.starts[line * this.side + this.column(left)], to = this.starts[line * this.side + this.column(right) + 1];
      for (let i = from; i < to; i++) {
        const row = this.rows[i], x = p[2 * row], y = p[2 * row + 1];
        if (x < left || x > right || y < top || y > bottom || !visible[row]) continue;
        found.push(row);
        if (found.length >= most) return found;
      }
    }
    return found;
  }

  // enclosed has the visible rows in a polygon of [x, y], by the rule of even and odd, in their order.
  enclosed(polygon, visible) {
    const xs = polygon.map((p) => p[0]), ys = polygon.map((p) => p[1]);
    const box = { left: smallest(xs), top: smallest(ys), right: -smallest(xs.map((x) => -x)), bottom: -smallest(ys.map((y) => -y)) };
    const p = this.positions;
    return this.inside(box, visible).filter((row) => within(polygon, p[2 * row], p[2 * row + 1])).sort((a, b) => a - b);
  }

  // nearest is the visible row nearest to a point within a radius, or -1.
  nearest(x, y, radius, visible) {
    const p = this.positions;
    let best = -1, least = radius * radius;
    for (const row of this.inside({ left: x - radius, top: y - radius, right: x + radius, bottom: y + radius }, visible)) {
      const distance = (p[2 * row] - x) ** 2 + (p[2 * row + 1] - y) ** 2;
      if (distance <= least) (least = distance), (best = row);
    }
    return best;
  }
}

const smallest = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);

function within(polygon, x, y) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i], [bx, by] = polygon[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}
