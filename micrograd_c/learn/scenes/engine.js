/* Graphs that Python handed over, worked out with the rules of the op table (OPS), and networks on flat arrays. */

/* graph.nodes: [name, row of the op table, operands, sign, k], operands first. */
function forward(graph, leaves) {
  const data = { ...leaves };
  for (const [name, row, [x, y], , k] of graph.nodes) if (row) data[name] = Number(OPS[row].value(data[x], data[y], k));
  return data;
}
/* graph.shares: [from, slot], in the order in which backward hands them on, as Python's stream of events says. */
function gradients(graph, leaves) {
  const data = forward(graph, leaves);
  const grads = { [graph.root]: 1 };
  for (const [from, slot] of graph.shares) {
    const [, row, operands, , k] = graph.nodes.find(([name]) => name === from);
    const slope = Number(OPS[row].local[slot](data[operands[0]], data[operands[1]], data[from], k));
    grads[operands[slot]] = (grads[operands[slot]] ?? 0) + grads[from] * slope;
  }
  return grads;
}

/* ---- networks, for pictures that must be quick: sums of products in a row, bends and losses from the op table ---- */
function randomFrom(seed) {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/* The derivatives of both read the output alone. */
const bendOf = ({ value, local: [slope] }) => ({ f: (sum) => value(sum), slope: (out) => Number(slope(0, 0, out)) });
const BEND = { tanh: bendOf(OPS.TANH), relu: bendOf(OPS.RELU) };
const squared = (miss) => [OPS.POW.value(miss, 0, 2), OPS.POW.local[0](miss, 0, 0, 2)];

/* sizes [2, 4, 1]: weights of a layer lie neuron by neuron, each neuron's bias after its weights. */
class Net {
  constructor(sizes, seed, { bend = "tanh", spread = 1 } = {}) {
    const random = randomFrom(seed);
    Object.assign(this, { sizes, bend: BEND[bend], starts: [] });
    let count = 0;
    for (let l = 1; l < sizes.length; l++) {
      this.starts.push(count);
      count += (sizes[l - 1] + 1) * sizes[l];
    }
    this.p = Float64Array.from({ length: count }, () => (random() * 2 - 1) * spread);
    this.grad = new Float64Array(count);
    this.out = sizes.map((n) => new Float64Array(n));
    this.pull = sizes.map((n) => new Float64Array(n));
  }
  at(layer, neuron, input) {
    return this.starts[layer - 1] + neuron * (this.sizes[layer - 1] + 1) + input;
  }
  isLast(layer) {
    return layer === this.sizes.length - 1;
  }
  bendOf(layer) {
    return this.isLast(layer) ? BEND.tanh : this.bend;
  }
  sum(layer, neuron) {
    const before = this.out[layer - 1];
    const start = this.at(layer, neuron, 0);
    let s = this.p[start + before.length];
    for (let i = 0; i < before.length; i++) s += this.p[start + i] * before[i];
    return s;
  }
  forward(x, y) {
    this.out[0][0] = x;
    this.out[0][1] = y;
    for (let l = 1; l < this.sizes.length; l++) {
      const { f } = this.bendOf(l);
      for (let n = 0; n < this.sizes[l]; n++) this.out[l][n] = f(this.sum(l, n));
    }
    return this.out.at(-1)[0];
  }
  /* The last sum before its bend: its sign is the side, and unlike the guess it never goes flat. */
  lean(x, y) {
    this.forward(x, y);
    return this.sum(this.sizes.length - 1, 0);
  }
  /* Adds the gradient of the loss at one point, as += does, to this.grad. */
  backward(pull) {
    this.pull.forEach((row) => row.fill(0));
    this.pull.at(-1)[0] = pull;
    for (let l = this.sizes.length - 1; l > 0; l--) {
      const before = this.out[l - 1];
      const { slope } = this.bendOf(l);
      for (let n = 0; n < this.sizes[l]; n++) {
        const g = this.pull[l][n] * slope(this.out[l][n]);
        const start = this.at(l, n, 0);
        for (let i = 0; i < before.length; i++) {
          this.grad[start + i] += g * before[i];
          this.pull[l - 1][i] += g * this.p[start + i];
        }
        this.grad[start + before.length] += g;
      }
    }
  }
  /* Mean of (guess - truth) squared over all points. */
  loss(points, withGradient) {
    let total = 0;
    for (const [x, y, truth] of points) {
      const [square, slope] = squared(OPS.SUB.value(this.forward(x, y), truth));
      total += square;
      if (withGradient) this.backward(slope / points.length);
    }
    return total / points.length;
  }
  zeroGrad() {
    this.grad.fill(0);
  }
  update(rate) {
    for (let i = 0; i < this.p.length; i++) this.p[i] -= rate * this.grad[i];
  }
  gradientLength() {
    return Math.hypot(...this.grad);
  }
  right(points) {
    return points.filter(([x, y, truth]) => this.forward(x, y) * truth > 0).length;
  }
}

/* ---- data: [x, y, side], all within about -1 … 1 ----------------------- */
const DATA = {
  moons(t, side, noise) {
    const angle = Math.PI * t;
    const x = side > 0 ? Math.cos(angle) : 1 - Math.cos(angle);
    const y = side > 0 ? Math.sin(angle) : 0.5 - Math.sin(angle);
    return [(x - 0.5) * 0.62 + noise(0.05), (y - 0.25) * 0.75 + noise(0.05)];
  },
  circles(t, side, noise) {
    const r = side > 0 ? 0.35 : 0.85;
    return [r * Math.cos(2 * Math.PI * t) + noise(0.08), r * Math.sin(2 * Math.PI * t) + noise(0.08)];
  },
  xor(t, side, noise, random) {
    const x = (random() < 0.5 ? -1 : 1) * (0.12 + 0.8 * random());
    return [x, Math.sign(x) * side * (0.12 + 0.8 * random())];
  },
  spiral(t, side, noise) {
    const r = 0.12 + 0.8 * t;
    const angle = 3.4 * t * Math.PI * 0.9 + (side > 0 ? 0 : Math.PI);
    return [r * Math.cos(angle) + noise(0.02), r * Math.sin(angle) + noise(0.02)];
  },
};
function points(kind, count = 100, seed = 7) {
  const random = randomFrom(seed);
  const noise = (size) => (random() + random() + random() - 1.5) * 2 * size;
  return range(count).map((i) => {
    const side = i % 2 ? 1 : -1;
    return [...DATA[kind](Math.floor(i / 2) / (count / 2 - 1), side, noise, random), side];
  });
}
