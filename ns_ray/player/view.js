/**
 * Draws pictures by WebGL: LR, upscaled, to the left of a line, HR to the right of it.
 *
 * @typedef {import("./frame_decoder.js").Planes} Planes
 */

/** Shares of red and blue in luma (KR, KB) by matrix (H.273, table 4). */
const LUMA_WEIGHTS = /** @type {Record<number, [number, number]>} */ ({
  1: [0.2126, 0.0722], 4: [0.3, 0.11], 5: [0.299, 0.114], 6: [0.299, 0.114], 7: [0.212, 0.087], 9: [0.2627, 0.0593],
});

const VERTEX = `#version 300 es
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(2.0 * corner - 1.0, 0.0, 1.0);
}`;
// Chroma lies on even columns, half-way between two rows.
const FRAGMENT = `#version 300 es
precision highp float;
in vec2 at;
out vec4 color;
uniform sampler2D lr[3], hr[3];
uniform vec2 lr_size, hr_size;
uniform mat3 to_rgb;
uniform float zero, line;
vec3 rgb(sampler2D y, sampler2D u, sampler2D v, vec2 size) {
  vec2 chroma = (at * size + vec2(0.5, 0.0)) / (2.0 * ceil(size / 2.0));
  vec3 yuv = vec3(texture(y, at).r - zero, texture(u, chroma).r - 128.0 / 255.0, texture(v, chroma).r - 128.0 / 255.0);
  return to_rgb * yuv;
}
void main() {
  vec3 shown = at.x < line ? rgb(lr[0], lr[1], lr[2], lr_size) : rgb(hr[0], hr[1], hr[2], hr_size);
  color = vec4(clamp(shown, 0.0, 1.0), 1.0);
}`;

export class View {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("this browser has no WebGL 2, by which pictures are drawn");
    this.canvas = canvas;
    this.gl = gl;
    this.program = /** @type {WebGLProgram} */ (gl.createProgram());
    for (const [kind, text] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]])) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) throw new Error(`WebGL: ${gl.getProgramInfoLog(this.program)}`);
    gl.useProgram(this.program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    for (let i = 0; i < 6; i++) {
      gl.activeTexture(gl.TEXTURE0 + i);
      gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
      for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
      for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.LINEAR);
    }
    gl.uniform1iv(this.place("lr"), [0, 1, 2]);
    gl.uniform1iv(this.place("hr"), [3, 4, 5]);
    /** @type {string[]} */
    this.sizes = ["", ""];
    this.colors(1, false);
    this.line = 0.5;
    this.both = false;
  }

  /** @param {string} name */
  place(name) {
    return this.gl.getUniformLocation(this.program, name);
  }

  /** @param {number} matrix an H.273 code @param {boolean} fullRange */
  colors(matrix, fullRange) {
    const [red, blue] = LUMA_WEIGHTS[matrix] ?? LUMA_WEIGHTS[1], green = 1 - red - blue;
    const [luma, chroma] = fullRange ? [1, 1] : [255 / 219, 255 / 224];
    const toRed = 2 * (1 - red) * chroma, toBlue = 2 * (1 - blue) * chroma;
    const columns = [luma, luma, luma, 0, (-toBlue * blue) / green, toBlue, toRed, (-toRed * red) / green, 0];
    this.gl.uniformMatrix3fv(this.place("to_rgb"), false, columns);
    this.gl.uniform1f(this.place("zero"), fullRange ? 0 : 16 / 255);
  }

  /**
   * Draws a picture.
   * @param {Planes} lr
   * @param {Planes | null} hr none: LR alone
   */
  show(lr, hr) {
    this.both = hr !== null;
    this.put(0, lr, "lr_size");
    if (hr) {
      this.put(1, hr, "hr_size");
      if (this.canvas.width !== hr.width || this.canvas.height !== hr.height) [this.canvas.width, this.canvas.height] = [hr.width, hr.height];
    }
    this.draw();
  }

  draw() {
    const { gl } = this;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.uniform1f(this.place("line"), this.both ? this.line : 2);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /** @param {0 | 1} which @param {Planes} planes @param {string} size */
  put(which, { width, height, data }, size) {
    const { gl } = this, across = Math.ceil(width / 2), down = Math.ceil(height / 2);
    const fresh = this.sizes[which] !== `${width}x${height}`;
    this.sizes[which] = `${width}x${height}`;
    let from = 0;
    for (const [plane, [w, h]] of [[width, height], [across, down], [across, down]].entries()) {
      gl.activeTexture(gl.TEXTURE0 + 3 * which + plane);
      const samples = data.subarray(from, (from += w * h));
      if (fresh) gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, w, h, 0, gl.RED, gl.UNSIGNED_BYTE, samples);
      else gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, w, h, gl.RED, gl.UNSIGNED_BYTE, samples);
    }
    if (fresh) gl.uniform2f(this.place(size), width, height);
  }
}
