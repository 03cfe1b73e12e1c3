// Drawing points with WebGL2: one call for all of them, and one for the rings of those that are selected.

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

const attributes = { alpha: true, antialias: false, premultipliedAlpha: true };

// possible says whether the browser has WebGL2: "" if not, "software" if the processor plays the graphics processor,
// else "hardware". Chromium does not take SwiftShader for a performance caveat, so that its name has to tell.
export function possible() {
  const gl = document.createElement("canvas").getContext("webgl2", attributes);
  if (!gl) return "";
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext(); // browsers allow only a few at a time
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer) ? "software" : "hardware";
}

export class WebGL {
  // back is called when the graphics processor was taken away and is there again: all must be sent again.
  constructor(canvas, back) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", attributes);
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
    this.n = after.length / 2;
    [before, after].forEach((values, place) => this.fill(place, values));
  }

  // colour sets four bytes for each point, and which points have rings.
  colour(colours, rings) {
    this.colours = colours;
    this.rings = rings;
    this.fill(2, colours);
    this.gl.bufferData(this.gl.ELEMENT_ARRAY_BUFFER, new Uint32Array(this.rings), this.gl.DYNAMIC_DRAW);
  }

  draw({ view, way, size, ratio, ring }) {
    const { canvas, gl, uniforms } = this;
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
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
}
