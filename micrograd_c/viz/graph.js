/* The picture: boxes and lines, and what is lit on it at a step. */

const badged = n => n.operands.length > 0 || n.cut;

class GraphView {
  constructor(actions) { this.actions = actions; this.camera = new Camera($("pane"), $("camera")); }

  build() {
    WIDTHS.clear(); // the fonts may be others now
    this.signs = new Map();
    $("graph").classList.remove("compact");
    this.builtFor = this.camera.size;
    const layout = this.layout = roomyLayout(this.builtFor), boxed = NODES.filter(visible);
    this.links = new Map(layout.edges.map(e => [e.key, this.#link(e)]));
    this.nodes = new Map(boxed.map(n => [n.id, this.#node(n, layout.boxes.get(n.id))]));
    this.marks = svg("g");
    $("camera").replaceChildren(
      ...[...this.links.values()].map(l => l.g), ...layout.frames.map(f => this.#frame(f)), ...layout.cards.map(c => this.#card(c)),
      ...[...this.nodes.values()].map(n => n.g), this.marks);
    for (const n of boxed) this.#fitName(n);
    this.camera.setWorld(layout);
  }

  lineOf(key) { return this.links.get(this.layout.link.get(key) ?? key); }

  #link(edge) {
    const {turned} = this.layout, line = svg("path", {class: "line", d: curve(edge.points, turned)});
    return {g: svg("g", {class: "link"}, line, svg("path", {class: "head", d: arrowhead(...edge.points.at(-1), turned)})), line, edge};
  }

  #node(n, {x, y, w, h, row, top = y, foot = y + h}) {
    const g = GROUP_OF.get(n.id), closedBox = folded(n) && !row, start = row ? 86 : badged(n) && !this.layout.turned ? 17 : 7, wide = (w - start - 11) / 2;
    const cell = (kind, at, cap) => {
      const num = svg("text", {class: "num", x: at + wide / 2, y: row ? 19 : 53});
      return {num, g: svg("g", {class: kind}, svg("rect", {class: "cell", x: at, y: row ? 2 : 26, width: wide, height: row ? 24 : 31, rx: 5}),
        row ? null : svg("text", {class: "cap", "aria-hidden": "true", x: at + wide / 2, y: 36.5}, cap), " ", num)};
    };
    const data = cell("data", start, "data"), grad = cell("grad", start + wide + 4, "grad");
    const name = svg("text", {class: "name", x: row ? 20 : start + 2, y: row ? 19 : 18}), place = row || closedBox ? null : svg("text", {class: "kind", x: w - 8, y: 17});
    const node = {g: svg("g", {class: "node", "data-i": n.id, transform: `translate(${x},${y})`}, svg("rect", {class: "body", width: w, height: h, rx: row ? 4 : 10}), name, data.g, grad.g, place),
      name, data, grad, place, row, top, foot, wide, start, x, y, w, h, gradX: x + start + wide * 1.5 + 4, title: svg("title")};
    node.g.prepend(node.title);
    if (closedBox) node.g.append(node.note = svg("text", {class: "kind", x: w - 28, y: 17}, GROUPS[g].note), this.#sign("+", `Open ${n.name}`, w - 13, 13, () => this.actions.neuron(g), `node:${n.id}`));
    if (!row && badged(n)) node.g.append(badge(closedBox ? "ƒ" : n.cut ? "…" : n.symbol, ...this.layout.turned ? [w / 2, -6] : [0, h / 2]));
    if (editable(n)) this.#makeEditable(data, n);
    return node;
  }

  /* As much of the name as there is room for, in the larger of its two sizes; a long one takes the place of the note. */
  #fitName(n) {
    const {name, row, note, start, w} = this.nodes.get(n.id), most = row ? 64 : badged(n) ? 84 : 94;
    let size = 16, wide;
    do name.textContent = trimmed(n.name, size); while ((wide = textWidth(name.textContent, "node name") * 16 / 14) > most && --size);
    if (note && start + wide + textWidth(note.textContent, "node kind") > w - 34) note.remove();
  }

  #makeEditable(data, n) {
    const edit = () => this.actions.edit(n), box = data.g.querySelector("rect"), at = key => +box.getAttribute(key);
    data.g.append(svg("line", {class: "rule", x1: at("x") + 12, x2: at("x") + at("width") - 12, y1: 56, y2: 56}));
    make(data.g, {class: "data edit", tabindex: 0, role: "button", onclick: edit, onkeydown: onPress(edit)});
  }

  #sign(sign, label, x, y, act, key) {
    const g = svg("g", {class: "fold", transform: `translate(${x},${y})`, tabindex: 0, role: "button", "aria-label": label, onclick: act, onkeydown: onPress(act)},
      svg("rect", {x: -9, y: -9, width: 18, height: 18, rx: 5}), svg("text", {y: 5}, sign));
    this.signs.set(key, g);
    return g;
  }

  #frame({x, y, w, h, group}) {
    const {note, out} = GROUPS[group], layer = GROUPS[group].layer, many = layer !== null && LAYERS[layer].outs.length > 1;
    const title = `${trimmed(name(out), 14)}: a neuron, ${note}`, wide = textWidth(title, "frame name") * 15 / 13; // its larger size
    return svg("g", {class: "frame", transform: `translate(${x},${y})`}, svg("rect", {width: w, height: h, rx: 16}),
      svg("rect", {class: "plate", x: 12, y: 7, width: wide + 8, height: 20, rx: 4}), svg("text", {class: "name", x: 16, y: 21}, title), this.#sign("−", `Close ${name(out)}`, w - 18, 17, () => this.actions.neuron(group), `frame:${group}`),
      many ? this.#sign("≡", `Fold the layer of ${name(out)}`, w - 42, 17, () => this.actions.layer(layer)) : null);
  }

  #card({x, y, w, h, layer}) {
    const {name, note} = LAYERS[layer], fits = textWidth(name, "layer name") + textWidth(note, "layer kind") < w - 54;
    return svg("g", {class: "layer", transform: `translate(${x},${y})`}, svg("rect", {class: "back", width: w, height: h, rx: 12}),
      svg("text", {class: "name", x: 16, y: 22}, name), fits ? svg("text", {class: "kind", x: w - 32, y: 21}, note) : null,
      this.#sign("+", `Open ${name}`, w - 17, 17, () => this.actions.layer(layer), `layer:${layer}`), badge("ƒ", ...this.layout.turned ? [w / 2, -6] : [0, h / 2]));
  }

  /* ---- one step ---- */

  show(e, state, {landed, secret}) {
    this.flight?.cancel();
    this.camera.follow(this.#bounds(e, secret));
    const {k} = this.camera.view, lit = isShare(e) ? this.lineOf(e.key) : null;
    this.compact = k < .95;
    this.boost = clamp(.95 / k, 1, 1.35);
    $("graph").classList.toggle("compact", this.compact);
    this.marks.replaceChildren();
    this.order = new Map(e.chapter > GRAPH ? shownTopo(state).map((id, i) => [id, i + 1]) : []);
    for (const [id, node] of this.nodes) this.#showNode(NODE.get(id), node, e, state, landed);
    this.#showLinks(e, state, lit, landed);
    if (lit && visible(e.x)) this.#showShare(e, lit, landed, secret);
    this.camera.drawMap(this.nodes, e, this.#busy(lit));
  }

  /* Where marks stand, with some room around them. */
  #markPlaces(room) {
    return [...this.marks.querySelectorAll(":scope > g")].map(mark => {
      const {a, e, f} = mark.transform.baseVal.consolidate().matrix, [w, h] = ["width", "height"].map(side => mark.firstChild.getAttribute(side) * a + room);
      return {x: e - w / 2, y: f - h / 2, w, h};
    });
  }

  /* What the map must not hide: boxes with their badges, cards, titles of frames, marks, and the lit line. */
  #busy(lit) {
    const grown = ({x, y, w, h}) => ({x: x - 20, y: y - 24, w: w + 28, h: h + 32}), {frames, cards} = this.layout;
    return [...[...this.nodes.values(), ...cards].map(grown), ...frames.map(f => ({...f, h: 34})), ...this.#markPlaces(8),
      ...lit ? this.#pointsOf(lit).map(({x, y}) => ({x: x - 8, y: y - 8, w: 16, h: 16})) : []];
  }

  #showNode(n, node, e, state, landed) {
    const id = n.id, known = settings.only || e.chapter > FORWARD || state.computed.has(id) || !n.operands.length;
    const gets = isShare(e) && e.operand === id, grad = gets && !landed ? e.before : state.grad.get(id);
    const wrong = e.chapter === RESULT && engine !== "right" && !near(grad ?? 0, RIGHT.grad.get(id), 1e-9);
    this.#write(node, node.data.num, known ? DATA_NOW.get(id) : undefined);
    this.#write(node, node.grad.num, grad);
    const flags = {unborn: !known, empty: grad === undefined, now: e.node === id && e.kind !== "zero", gets, wrong, seen: e.chapter === ORDER && state.visited.has(id)};
    const names = ["node", ...Object.keys(flags).filter(flag => flags[flag])].join(" "), title = n.label || n.name;
    if (names !== node.names) node.g.setAttribute("class", node.names = names);
    const said = `data ${node.data.num.textContent || "not computed"}`;
    set(node.title, `${title} (${n.role}${n.operands.length ? `, ${n.op}` : ""}): ${said}, grad ${grad === undefined ? "not computed" : node.grad.num.textContent}`);
    if (node.place) set(node.place, String(this.order.get(id) ?? ""));
    if (editable(n)) node.data.g.setAttribute("aria-label", `${said} of ${n.name}: edit`);
    if (wrong && this.nodes.size <= 24) this.#tag(node, `should be ${short(RIGHT.grad.get(id), 4)}`, true, false);
  }

  /* Where the picture is small the captions go and the numbers grow. */
  #write({row, wide}, text, value) {
    const written = value === undefined ? "" : short(value, 4);
    if (text.textContent === written && text.small === this.compact) return;
    text.textContent = written;
    text.small = this.compact;
    const size = Math.min(row ? 13 : this.compact ? 19 : 14, 14 * (wide - 7) / Math.max(1, textWidth(written, "node num")));
    make(text, {y: row ? 19 : this.compact ? 47 : 53, style: `font-size:${size}px`});
  }

  #place(mark, x, y, scale = this.boost) {
    mark.setAttribute("transform", `translate(${x},${y}) scale(${scale})`);
    return mark;
  }

  #showLinks(e, state, lit, landed) {
    const of = keys => new Set([...keys].map(key => this.lineOf(key)).filter(Boolean)), bad = of(landed ? state.bad : []);
    const passed = of([...state.edges.keys()].filter(key => landed || key !== e.key)), calls = e.chapter === ORDER || e.depth !== undefined ? callPairs(state.calls, e.z) : new Set();
    const flow = e.chapter <= GRAPH ? of(e.z.operands.map((_, slot) => edgeKey(e.node, slot))) : new Set();
    for (const link of this.links.values()) {
      const flags = {passed: passed.has(link), lit: link === lit, bad: bad.has(link), flow: flow.has(link), call: calls.has(`${link.edge.to}:${link.edge.from}`)};
      const names = ["link", ...Object.keys(flags).filter(flag => flags[flag])].join(" ");
      if (names !== link.names) link.g.setAttribute("class", link.names = names);
    }
    const taken = this.#markPlaces(0);
    for (const key of landed ? state.bad : []) if (this.lineOf(key) && this.lineOf(key) !== lit) this.#complain(this.lineOf(key), state.edges.get(key), taken);
    if (this.links.size > 5 || narrow()) return;
    for (const [key, share] of state.edges) // on a small graph the local derivatives stay where the gradient has passed
      if (key !== e.key && !state.bad.has(key) && share.local !== undefined) this.marks.append(this.#localLabel(this.lineOf(key), share, false));
  }

  /* On a line of which an end is in view, and off other marks; where there is no such place the dashes say it. */
  #complain({line, edge}, e, taken) {
    const {view: {x, y, k}, size} = this.camera, seen = ([px, py]) => px * k + x > 0 && px * k + x < size.w && py * k + y > 0 && py * k + y < size.h;
    if (!e || !seen(edge.points[0]) && !seen(edge.points.at(-1))) return;
    const {contribution: share} = e, long = line.getTotalLength();
    const text = e.early ? `${short(share)}, too early` : e.again ? `${share < 0 ? "−" : "+"} ${short(Math.abs(share))} again` : `${short(share)} is lost`;
    const full = pill("tag bad", `✕ ${text}`), fits = full.firstChild.getAttribute("width") * this.boost < long * .8, mark = fits && this.links.size < 9 ? full : pill("tag bad", "✕");
    const [w, h] = ["width", "height"].map(side => mark.firstChild.getAttribute(side) * this.boost / 2);
    for (const t of [.5, .58, .42, .66, .34, .74, .26, .82]) {
      const {x, y} = line.getPointAtLength(long * t);
      if (taken.some(b => x - w < b.x + b.w && x + w > b.x && y - h < b.y + b.h && y + h > b.y) || this.#touches(x, y, w, h)) continue;
      this.marks.append(this.#place(mark, x, y));
      taken.push({x: x - w, y: y - h, w: 2 * w, h: 2 * h});
      return;
    }
  }

  /* The label of a line stands on it, where it covers no box; on a short one beside it. */
  #localLabel(link, e, lit, secret) {
    const label = fractionLabel(e.z.name, e.x.name, secret ? "?" : short(e.local)), length = link.line.getTotalLength();
    if (lit) make(label, {class: "local lit", onclick: this.actions.why});
    const boxes = [...this.layout.boxes.values()], others = [...this.links.values()].filter(l => l !== link).flatMap(l => this.#pointsOf(l)), badges = this.layout.turned ? [4, 20] : [16, 0];
    const [end] = link.edge.points, {turned} = this.layout, tip = lit ? [turned ? {x: end[0] - 4, y: end[1], w: 8, h: 3} : {x: end[0], y: end[1] - 4, w: 3, h: 8}] : [];
    const overlap = (x, y, side, top, on = boxes) => on.reduce((all, b) =>
      all + Math.max(0, Math.min(x + w, b.x + b.w) - Math.max(x - w, b.x - side)) * Math.max(0, Math.min(y + h, b.y + b.h) - Math.max(y - h, b.y - top)), 0);
    const way = [.46, .56, .36, .66, .26, .76].map(t => link.line.getPointAtLength(length * t));
    let best = null, w, h;
    for (const scale of [Math.min(this.boost, 1.15), .8]) {
      w = +label.firstChild.getAttribute("width") * scale / 2 + 4; // it does not touch one either
      h = 19 * scale + 4;
      for (const [i, on] of way.entries()) for (const [dx, dy] of BESIDE) {
        const [x, y] = this.#inView(on.x + dx, on.y + dy, w, h), over = overlap(x, y, 4, 0), hidden = others.filter(p => Math.abs(p.x - x) < w && Math.abs(p.y - y) < h).length;
        const cost = (over && 200 + over * 9) + overlap(x, y, ...badges) + overlap(x, y, 0, 0, tip) * 8 + hidden * 12 + Math.hypot(x - on.x, y - on.y) + i * 5 + 40 / scale;
        if (!best || cost < best.cost) best = {x, y, cost, scale};
      }
      if (best.cost < 400) break;
    }
    return this.#place(label, best.x, best.y, best.scale);
  }

  /* Points along a line that a label of another line had better not hide. */
  #pointsOf(link) {
    const length = link.line.getTotalLength();
    return link.points ??= Array.from({length: 16}, (_, i) => link.line.getPointAtLength(length * (i + .5) / 16));
  }

  /* The nearest place at which a mark of that size is not cut off. */
  #inView(x, y, w, h) {
    const {view, size} = this.camera, {k} = view, [left, top] = [-view.x / k + w + 3, -view.y / k + h + 3];
    return [clamp(x, left, Math.max(left, (size.w - view.x) / k - w - 3)), clamp(y, top, Math.max(top, (size.h - view.y) / k - h - 3))];
  }

  #showShare(e, link, landed, secret) {
    this.packet = {packet: pill("packet", short(e.upstream ?? e.contribution)), link};
    this.#placePacket(.86);
    if (!landed) this.marks.append(this.packet.packet);
    if (e.local !== undefined) this.marks.append(this.#localLabel(link, e, true, secret));
    if (landed) this.#land(e, link);
  }

  #placePacket(t) {
    const {packet, link} = this.packet, {x, y} = link.line.getPointAtLength(link.line.getTotalLength() * t);
    this.#place(packet, x, y);
  }

  #land(e, {edge}) {
    const [x, y] = edge.points[0], {turned} = this.layout, node = this.nodes.get(e.operand);
    this.marks.append(svg("path", {class: "arrived", d: turned ? `M${x},${y + 1} l-7,13 h14 z` : `M${x + 1},${y} l13,-7 v14 z`}));
    const text = engine === "overwrite" ? `${short(e.before)} → ${short(e.after)}` : sum(e.before, e.contribution, e.after);
    this.#tag(node, text, e.lost.length > 0 || e.early || e.again, turned || edge.points.at(-1)[1] > y + 20);
  }

  /* Under the box or card, or over it: first where the line does not leave it, then where there is room in view. */
  #tag(node, text, bad, over) {
    const {view: {x, y, k}, size} = this.camera;
    if ((node.x + node.w) * k + x < 4 || node.x * k + x > size.w - 4 || node.foot * k + y < 4 || node.top * k + y > size.h - 4) return; // its box is out of view
    const tag = pill(bad ? "tag bad" : "tag", text), wide = +tag.firstChild.getAttribute("width");
    const beside = this.layout.turned && node.g.querySelector(".op"), long = beside ? 116 : node.w + 96; // not over this badge nor the next
    const left = beside ? node.x + node.w / 2 + 16 : node.x - 26, right = beside ? left + long : node.x + node.w + 80;
    const places = [over, !over].flatMap(up => {
      const {room, scale} = this.#roomForTag(node, up, clamp(long / wide, .8, this.boost)), half = wide / 2 * scale, off = Math.min(12 * scale + 4, room / 2);
      const y = up ? node.top - off : node.foot + off, x = Math.max(left + half, Math.min(node.gradX, right - half));
      return [x, left + half, Math.max(left + half, right - half)].map(x => {
        const [seenX, seenY] = this.#inView(x, y, half, 12 * scale);
        return {x: seenX, y: seenY, scale, fits: seenY === y && !this.#touches(seenX, y, half, 12 * scale)};
      });
    });
    const place = places.find(p => p.fits) ?? (bad || node.row ? null : places[0]); // the box and the verdict say it without
    if (place) this.marks.append(this.#place(tag, place.x, place.y, place.scale));
  }

  /* Would a mark of that size touch a box, a card or a badge? */
  #touches(x, y, w, h) {
    const {turned, boxes} = this.layout, over = (left, top, right, bottom) => x - w < right && x + w > left && y - h < bottom && y + h > top;
    return [...boxes].some(([id, {x, y, w, h, top = y, foot = y + h}]) => over(x, top, x + w, foot)
      || NODE.get(id).operands.length > 0 && (turned ? over(x + w / 2 - 14, top - 20, x + w / 2 + 14, top) : over(x - 14, (top + foot) / 2 - 14, x, (top + foot) / 2 + 14)));
  }

  /* How far the next box is, and how large a tag may be that touches neither. */
  #roomForTag({x, w, top, foot}, over, most) {
    const near = [...this.layout.boxes.values()].filter(b => b.x < x + w + 80 && b.x + b.w > x - 26);
    const room = Math.min(...near.map(b => over ? top - (b.foot ?? b.y + b.h) : (b.top ?? b.y) - foot).filter(far => far >= 0), 99);
    return {room, scale: Math.min(most, Math.max(.8, (room - 6) / 24))};
  }

  /* The gradient goes from the result to the operand, and through the local derivative as through a gate. */
  fly(e, time, done) {
    if (!this.packet || still.matches) { done(); return; }
    const text = this.packet.packet.querySelector("text"), begin = performance.now();
    let stopped = false;
    const frame = now => {
      if (stopped) return;
      const t = clamp((now - begin) / time, 0, 1), eased = t * t * (3 - 2 * t);
      text.textContent = short(eased < .5 ? e.upstream : e.contribution);
      this.#placePacket(.92 - eased * .88);
      if (t < 1) requestAnimationFrame(frame); else done();
    };
    this.flight = {cancel: () => { stopped = true; }};
    requestAnimationFrame(frame);
  }

  /* What must be in view: the boxes of the step, their badges, and room for the tag, or for the question. */
  #bounds(e, secret) {
    const ids = [e.node, ...isShare(e) ? [e.operand] : e.chapter <= GRAPH || e.kind === "node" ? e.z.operands.slice(0, 4) : []];
    let boxes = ids.map(i => this.layout.boxes.get(i)).filter(Boolean);
    while (!isShare(e) && boxes.length > 1 && this.camera.scaleFor(boxes.reduce(union), 1) < SMALLEST) boxes = boxes.slice(0, -1); // better fewer that can be read
    const above = isShare(e) ? 52 : 24, below = secret && !narrow() ? 150 : 36, right = this.layout.turned && isShare(e) ? 40 : 14;
    const left = Math.min(...boxes.map(b => b.x)) - 32, top = Math.min(...boxes.map(b => b.y)) - above, wide = Math.max(...boxes.map(b => b.x + b.w)) + right - left;
    const down = foot => ({x: left, y: top, w: wide, h: Math.max(...boxes.map(foot)) + below - top}), whole = down(b => b.foot ?? b.y + b.h);
    return this.camera.scaleFor(whole, 1) < .7 ? down(b => b.y + b.h) : whole; // a card to its foot, where that fits
  }

  /* What the reader opened or folded is in view, also far from what is lit, and its sign has the focus. */
  attend(ids) {
    const group = GROUP_OF.get(ids[0]), {frames, boxes} = this.layout, {camera} = this, {x, y, k} = camera.view, {w, h} = camera.size;
    const card = this.layout.cards.find(c => c.layer === GROUPS[group].layer), frame = frames.find(f => f.group === group);
    const box = frame ?? card ?? ids.map(i => boxes.get(i)).reduce(union), whole = camera.scaleFor({w: box.w + 40, h: box.h + 40}, .85);
    if (box.x * k + x < 0 || box.y * k + y < 0 || (box.x + box.w) * k + x > w || (box.y + box.h) * k + y > h) {
      camera.free = true;
      if (whole < SMALLEST) camera.reveal({x: box.x + box.w - 160, y: box.y - 8, w: 168, h: 90}, .85); else camera.centre(box, whole); // else where its sign is
    }
    this.signs.get(frame ? `frame:${group}` : card ? `layer:${card.layer}` : `node:${ids[0]}`)?.focus({preventScroll: true});
  }

  /* Where an input on a box stands in the pane, with the box in view and room for what is said of it. */
  screenPlace(id, part) {
    const node = this.nodes.get(id);
    const from = part === "grad" ? node.gradX - 26 : node.x, wide = from - node.x + 34 + (askWidth() + 10) / this.camera.view.k;
    this.camera.reveal({x: node.x - 34, y: node.y - 24, w: Math.max(node.w + 48, wide), h: node.h + 30 + 96 / this.camera.view.k});
    const {x, y, k} = this.camera.view;
    return {left: from * k + x, top: (node.y + node.h) * k + y + 8};
  }
}

/* Where a label may stand beside its line. */
const BESIDE = [0, -24, 24, -48, 48, -72, 72, -96, 96].flatMap(y => [0, -40, 40, -80, 80].map(x => [x, y]));

const set = (node, text) => { if (node.textContent !== text) node.textContent = text; };

/* caller and called of all open calls */
function callPairs(calls, now) {
  const chain = calls.at(-1) === now ? calls : [...calls, now];
  return new Set(chain.slice(1).map((n, i) => `${chain[i].id}:${n.id}`));
}
const shownTopo = state => state.topo.filter(i => visible(NODE.get(i)));
