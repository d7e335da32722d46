/* The plane with its points: what a network says for every place, as a wash of colour, and the border. */
/* A colour of the stylesheet in the scheme that is shown, as the browser writes it: rgb(0, 97, 158). */
const colors = new Map();
document.addEventListener("scheme", () => colors.clear());
function cssColor(name) {
  if (!colors.has(name)) {
    const probe = el("i", { style: `color: var(${name})`, hidden: true });
    document.body.append(probe);
    colors.set(name, getComputedStyle(probe).color);
    probe.remove();
  }
  return colors.get(name);
}
const channels = (color) => color.match(/[\d.]+/g).slice(0, 3).map(Number);
const mix = (from, to, t) => from.map((v, i) => v + (to[i] - v) * t);

function paintField(canvas, lean, data, { span = [-1.15, 1.15, -1.15, 1.15], cells = 56, ring } = {}) {
  const box = canvas.getBoundingClientRect();
  if (!box.width) return;
  const ratio = Math.min(2, devicePixelRatio || 1);
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  const [x0, x1, y0, y1] = span;
  const rows = Math.round((cells * box.height) / box.width);
  const pen = canvas.getContext("2d");
  const grid = gridOf(lean, cells, rows, span);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(washOf(grid, cells, rows), 0, 0, canvas.width, canvas.height);
  const at = (x, y) => [((x - x0) / (x1 - x0)) * canvas.width, ((y1 - y) / (y1 - y0)) * canvas.height];
  drawBorder(pen, grid, cells, rows, canvas.width / cells, canvas.height / rows, ratio);
  for (const [x, y, side] of data) drawPoint(pen, ...at(x, y), side, ratio);
  if (!ring) return;
  pen.beginPath();
  pen.arc(...at(ring[0], ring[1]), 11 * ratio, 0, 2 * Math.PI);
  Object.assign(pen, { strokeStyle: cssColor("--ink"), lineWidth: 2.5 * ratio });
  pen.stroke();
}
function gridOf(lean, cells, rows, [x0, x1, y0, y1]) {
  const grid = new Float64Array(cells * rows);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cells; c++) {
      grid[r * cells + c] = lean(x0 + ((c + 0.5) / cells) * (x1 - x0), y1 - ((r + 0.5) / rows) * (y1 - y0));
    }
  }
  return grid;
}
function washOf(grid, cells, rows) {
  const canvas = Object.assign(document.createElement("canvas"), { width: cells, height: rows });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(cells, rows);
  const [paper, plus, minus] = ["--card", "--data-field", "--minus-bg"].map((name) => channels(cssColor(name)));
  grid.forEach((v, i) => {
    const [r, g, b] = mix(paper, v > 0 ? plus : minus, 0.25 + 0.75 * Math.tanh(Math.abs(v)));
    image.data.set([r, g, b, 255], i * 4);
  });
  pen.putImageData(image, 0, 0);
  return canvas;
}
/* The border: where the guess changes its sign, cell by cell (marching squares, two crossings a cell). */
function drawBorder(pen, grid, cells, rows, dx, dy, ratio) {
  pen.beginPath();
  for (let r = 0; r < rows - 1; r++) {
    for (let c = 0; c < cells - 1; c++) {
      const i = r * cells + c;
      const corners = [
        [c, r, grid[i]],
        [c + 1, r, grid[i + 1]],
        [c + 1, r + 1, grid[i + cells + 1]],
        [c, r + 1, grid[i + cells]],
      ];
      const cuts = [];
      corners.forEach(([x, y, v], k) => {
        const [nx, ny, nv] = corners[(k + 1) % 4];
        if (v > 0 !== nv > 0) cuts.push([x + (nx - x) * (v / (v - nv)), y + (ny - y) * (v / (v - nv))]);
      });
      for (let k = 0; k + 1 < cuts.length; k += 2) {
        pen.moveTo((cuts[k][0] + 0.5) * dx, (cuts[k][1] + 0.5) * dy);
        pen.lineTo((cuts[k + 1][0] + 0.5) * dx, (cuts[k + 1][1] + 0.5) * dy);
      }
    }
  }
  Object.assign(pen, { strokeStyle: cssColor("--ink"), lineWidth: 2.5 * ratio, lineCap: "round" });
  pen.stroke();
}
function drawPoint(pen, x, y, side, ratio) {
  const r = 4.6 * ratio;
  pen.beginPath();
  if (side > 0) pen.arc(x, y, r, 0, 2 * Math.PI);
  else {
    pen.moveTo(x, y - r * 1.15);
    pen.lineTo(x + r * 1.15, y + r * 0.9);
    pen.lineTo(x - r * 1.15, y + r * 0.9);
    pen.closePath();
  }
  Object.assign(pen, { fillStyle: cssColor(side > 0 ? "--data" : "--minus"), strokeStyle: cssColor("--card"), lineWidth: 1.5 * ratio });
  pen.fill();
  pen.stroke();
}

