// Drawing points: with WebGL2 in one call for all and one for the selection's rings, or on a plain canvas
// where the browser lacks it.

const vertex = `#version 300 es
layout(location = 0) in vec2 before;
layout(location = 1) in vec2 after;
layout(location = 2) in vec4 colour;
uniform vec2 middle, scale;
uniform float size, way;
flat out vec4 shade;
void main() {
  gl_Position = colour.a == 0.0 ? vec4(2.0, 2.0, 2.0, 1.0) : vec4((mix(before, after, way) - middle) * scale, 0.0, 1.0);
  gl_PointSize = size;
  shade = colour;
}`;

const fragment = `#version 300 es
precision mediump float;
flat in vec4 shade;
uniform highp float size;
uniform vec4 ring; // its colour; opacity 0 for none
out vec4 result;
void main() {
  float alpha = shade.a;
  vec3 colour = shade.rgb;
  if (size > 2.5) {
    float inside = size * 0.5 - length(gl_PointCoord - 0.5) * size;
    if (inside < 0.0) discard;
    alpha *= min(1.0, inside);
    if (ring.a > 0.0 && inside < 2.0) colour = ring.rgb;
  }
  result = vec4(colour * alpha, alpha);
}`;

// Ring is drawn around selected points while there are so few that rings do not hide what they surround.
const mostRings = 20000;

export class Drawing {
  // lost is called when the graphics processor was taken away, back when all must be sent again.
  constructor(canvas, back) {
    this.canvas = canvas;
    const gl = (this.gl = canvas.getContext("webgl2", { alpha: true, antialias: false, premultipliedAlpha: true }));
    if (!gl) {
      this.plain = canvas.getContext("2d");
      return;
    }
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.prepare();
      back();
    });
    this.prepare();
  }

  prepare() {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error("the browser's WebGL2 cannot draw the map: " + gl.getProgramInfoLog(program));
    gl.useProgram(program);
    this.uniforms = {};
    for (const name of ["middle", "scale", "size", "way", "ring"]) this.uniforms[name] = gl.getUniformLocation(program, name);
    this.buffers = [0, 1, 2].map((place) => {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(place);
      if (place === 2) gl.vertexAttribPointer(place, 4, gl.UNSIGNED_BYTE, true, 0, 0);
      else gl.vertexAttribPointer(place, 2, gl.FLOAT, false, 0, 0);
      return buffer;
    });
    this.chosen = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.chosen);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  fill(place, values) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[place]);
    gl.bufferData(gl.ARRAY_BUFFER, values, place === 2 ? gl.DYNAMIC_DRAW : gl.STATIC_DRAW);
  }

  // move sets where points come from and where they lie.
  move(before, after) {
    [this.before, this.after] = [before, after];
    this.n = after.length / 2;
    if (this.gl) [before, after].forEach((values, place) => this.fill(place, values));
  }

  // colour sets four bytes for each point, and which points have rings.
  colour(colours, selection) {
    this.colours = colours;
    this.rings = selection.length <= mostRings ? selection : [];
    if (!this.gl) return;
    this.fill(2, colours);
    this.gl.bufferData(this.gl.ELEMENT_ARRAY_BUFFER, new Uint32Array(this.rings), this.gl.DYNAMIC_DRAW);
  }

  // draw shows the points: way from 0 to 1 between where they came from and where they lie; view has the
  // middle in the map's units and the pixels of a unit; size is a point's in pixels of the window.
  draw({ view, way, size, ratio, ring }) {
    const { canvas, gl, uniforms } = this;
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    if (!gl) {
      this.drawPlain(view, way, size * ratio, ratio);
      return;
    }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.n || !this.colours || this.colours.length !== 4 * this.n) return;
    gl.uniform2f(uniforms.middle, view.x, view.y);
    gl.uniform2f(uniforms.scale, (2 * view.unit) / canvas.clientWidth, (2 * view.unit) / canvas.clientHeight);
    gl.uniform1f(uniforms.way, way);
    gl.uniform1f(uniforms.size, size * ratio);
    gl.uniform4f(uniforms.ring, 0, 0, 0, 0);
    gl.drawArrays(gl.POINTS, 0, this.n);
    if (this.rings.length === 0) return;
    gl.uniform1f(uniforms.size, (Math.max(size, 4) + 3) * ratio);
    gl.uniform4f(uniforms.ring, ring[0] / 255, ring[1] / 255, ring[2] / 255, 1);
    gl.drawElements(gl.POINTS, this.rings.length, gl.UNSIGNED_INT, 0);
  }

  // drawPlain draws at most plainMost points, every so many of them.
  drawPlain(view, way, size, ratio) {
    const { plain, canvas, before, after, colours } = this;
    plain.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.n || !colours || colours.length !== 4 * this.n) return;
    const step = Math.ceil(this.n / plainMost), unit = view.unit * ratio, side = Math.max(size, 2);
    for (let i = 0; i < this.n; i += step) {
      const alpha = colours[4 * i + 3];
      if (alpha === 0) continue;
      const x = before[2 * i] + (after[2 * i] - before[2 * i]) * way, y = before[2 * i + 1] + (after[2 * i + 1] - before[2 * i + 1]) * way;
      plain.fillStyle = `rgba(${colours[4 * i]},${colours[4 * i + 1]},${colours[4 * i + 2]},${alpha / 255})`;
      plain.fillRect(canvas.width / 2 + (x - view.x) * unit - side / 2, canvas.height / 2 - (y - view.y) * unit - side / 2, side, side);
    }
  }
}

export const plainMost = 30000;
