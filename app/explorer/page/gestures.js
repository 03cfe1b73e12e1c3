// From pointers, wheel and keys to what they mean on the map.

// attach calls handlers with places in pixels of the stage: pan(dx, dy), zoom(factor, x, y), fit(), shape(points,
// how, done) while a lasso or box is drawn and when it ends, hover(x, y) or hover() when the pointer leaves,
// click(event, x, y), middle() and all() for keys. tool() is the one that is chosen.
export function attach(field, tool, handlers) {
  const pointers = new Map(); // those that are down, by their identifiers
  let drawing = null; // a lasso or box: {box, how, points}
  let moved = 0, pinch = 0;

  const at = (event) => {
    const box = field.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const corners = ([ax, ay], [bx, by]) => [[ax, ay], [bx, ay], [bx, by], [ax, by]];

  function begin(event) {
    const chosen = tool();
    const lasso = chosen === "lasso" || (chosen === "pan" && event.shiftKey);
    const box = chosen === "box" || (chosen === "pan" && event.altKey);
    if (!lasso && !box) return null;
    const remove = event.ctrlKey || event.metaKey;
    return { box, how: remove ? "remove" : event.shiftKey || chosen === "pan" ? "add" : "replace", points: [at(event)] };
  }

  field.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    field.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    moved = 0;
    drawing = pointers.size === 1 ? begin(event) : null;
    if (pointers.size === 2) {
      pinch = spread();
      handlers.shape(null);
    }
  });

  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };

  field.addEventListener("pointermove", (event) => {
    const place = at(event), last = pointers.get(event.pointerId);
    if (!last) {
      if (event.pointerType !== "touch") handlers.hover(...place);
      return;
    }
    const dx = place[0] - last[0], dy = place[1] - last[1];
    moved += Math.abs(dx) + Math.abs(dy);
    pointers.set(event.pointerId, place);
    if (drawing) {
      if (drawing.box) drawing.points = [drawing.points[0], place];
      else drawing.points.push(place);
      handlers.shape(drawing.box ? corners(...drawing.points) : drawing.points);
    } else if (pointers.size === 2) {
      const [a, b] = [...pointers.values()], now = spread();
      handlers.zoom(now / pinch, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      handlers.pan(dx / 2, dy / 2);
      pinch = now;
    } else {
      handlers.pan(dx, dy);
    }
  });

  const end = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (event.type === "pointercancel") {
      handlers.shape(null);
    } else if (moved < 5) {
      handlers.shape(null);
      handlers.click(event, ...at(event));
    } else if (drawing && drawing.points.length > 1) {
      handlers.shape(drawing.box ? corners(...drawing.points) : drawing.points, drawing.how, true);
    }
    drawing = null;
    handlers.rest();
  };
  field.addEventListener("pointerup", end);
  field.addEventListener("pointercancel", end);
  field.addEventListener("pointerleave", () => handlers.hover());

  field.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    handlers.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), ...at(event));
    handlers.rest();
  }, { passive: false });

  field.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 200 : 50;
    const keys = {
      ArrowLeft: () => handlers.pan(step, 0), ArrowRight: () => handlers.pan(-step, 0),
      ArrowUp: () => handlers.pan(0, step), ArrowDown: () => handlers.pan(0, -step),
      "+": () => handlers.zoom(1.4), "=": () => handlers.zoom(1.4), "-": () => handlers.zoom(1 / 1.4), 0: handlers.fit,
      Enter: handlers.middle, a: handlers.all,
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
    handlers.rest();
  });
}
