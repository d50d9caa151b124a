const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
const STEP = 7; // pixels that an arrow key moves the pen
const WIDEST = 640; // pixels of a photograph as it is shown
const SMALLEST = 4; // pixels of a side of a box
const UNDONE = 30; // strokes that can be undone

const readableContext = canvas => canvas.getContext("2d", {willReadFrequently: true});

// The place of a pointer on a canvas that has width x height pixels of its own.
function place(event, canvas, {width, height}) {
  const frame = canvas.getBoundingClientRect();
  return {x: (event.clientX - frame.left) * width / frame.width, y: (event.clientY - frame.top) * height / frame.height};
}

// Whether a pointer draws: the main button of a mouse, a pen, or the first finger.
const draws = event => event.isPrimary && event.button <= 0; // -1 while a pointer moves

// "Read as 4.", or what each network reads, where they do not agree.
function sayBest(networks, classes, found) {
  const best = found.map(shares => classes[shares.indexOf(Math.max(...shares))]);
  if (best.every(each => each === best[0])) return `Read as ${best[0]}.`;
  return `Read as ${best.map((each, i) => `${each} by ${networks[i].run}`).join(" and as ")}.`;
}

function clamp(value, most) {
  return Math.min(most, Math.max(0, value));
}

// Draw a numeral: with a mouse, a finger, a pen, or the arrow keys.
class NumeralPad {
  constructor() {
    this.canvas = document.getElementById("pad");
    this.ink = new OffscreenCanvas(this.canvas.width, this.canvas.height); // the drawing, without the frame around the pen
    this.paper = readableContext(this.ink);
    this.pointer = null; // the place of a pressed pointer
    this.pen = {x: this.ink.width / 2, y: this.ink.height / 2}; // the place of the pen that keys move
    this.penDown = false;
    this.chosen = null; // a sample of the test set: its digit and its bytes
    this.past = []; // what was drawn and chosen before each stroke
    this.queued = false; // whether `classify` is about to run
    this.listen();
    document.getElementById("samples").append(...TRIAL.samples.map(sample => this.button(sample)));
    this.paper.lineWidth = 24;
    this.paper.lineCap = this.paper.lineJoin = "round";
    this.wipe();
  }
  listen() {
    const {canvas} = this;
    canvas.addEventListener("pointerdown", event => {
      if (!draws(event)) return;
      canvas.setPointerCapture(event.pointerId);
      this.pointer = place(event, canvas, this.ink);
      this.remember();
      this.line(this.pointer, this.pointer);
    });
    canvas.addEventListener("pointermove", event => {
      if (!this.pointer || !draws(event)) return;
      const next = place(event, canvas, this.ink);
      this.line(this.pointer, next);
      this.pointer = next;
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => this.pointer = null);
    canvas.addEventListener("keydown", event => this.press(event));
    canvas.addEventListener("focus", () => this.show());
    canvas.addEventListener("blur", () => this.show());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show());
    document.getElementById("clear").addEventListener("click", () => this.clear());
    document.getElementById("undo").addEventListener("click", () => this.undo());
  }
  press(event) {
    const arrow = ARROWS[event.key], undoes = event.key === "z" && (event.ctrlKey || event.metaKey);
    if (!arrow && event.key !== " " && event.key !== "Escape" && !undoes) return;
    event.preventDefault();
    if (undoes) return this.undo();
    if (event.key === "Escape") return this.clear();
    if (event.key === " ") {
      this.penDown = !this.penDown;
      if (this.penDown) this.remember();
    }
    const from = this.pen, [dx, dy] = arrow ?? [0, 0], {width, height} = this.ink;
    this.pen = {x: clamp(from.x + STEP * dx, width), y: clamp(from.y + STEP * dy, height)};
    this.penDown ? this.line(from, this.pen) : this.show();
  }
  remember() {
    const drawn = this.paper.getImageData(0, 0, this.ink.width, this.ink.height);
    this.past = [...this.past.slice(1 - UNDONE), {drawn, chosen: this.chosen}];
  }
  undo() {
    const last = this.past.pop();
    if (!last) return;
    this.pointer = null;
    this.penDown = false;
    this.chosen = last.chosen;
    this.paper.putImageData(last.drawn, 0, 0);
    this.show();
  }
  clear() {
    this.remember();
    this.wipe();
  }
  wipe() {
    this.pointer = null;
    this.penDown = false;
    this.chosen = null;
    this.paper.fillStyle = "white";
    this.paper.fillRect(0, 0, this.ink.width, this.ink.height);
    this.show();
  }
  line(from, to) {
    this.chosen = null;
    this.paper.beginPath();
    this.paper.moveTo(from.x, from.y);
    this.paper.lineTo(to.x, to.y + .01); // a line without length would not be drawn
    this.paper.stroke();
    this.show();
  }
  // A sample of the test set, enlarged; the networks are given the sample itself.
  choose(digit, bytes) {
    this.clear();
    this.chosen = {digit, bytes};
    const small = new OffscreenCanvas(SIDE, SIDE);
    small.getContext("2d").putImageData(greyImage(bytes.map(value => 255 - value)), 0, 0);
    this.paper.drawImage(small, 0, 0, this.ink.width, this.ink.height);
    this.show();
    document.getElementById("verdict").scrollIntoView({block: "nearest"}); // on a phone it is far above the samples
  }
  button({digit, ...image}) {
    const button = document.createElement("button"), picture = document.createElement("canvas");
    const {values} = decode(image, true);
    picture.width = picture.height = SIDE;
    picture.getContext("2d").putImageData(greyImage(values), 0, 0);
    button.type = "button";
    button.append(picture, String(digit));
    button.addEventListener("click", () => this.choose(digit, values));
    return button;
  }
  show() {
    const screen = readableContext(this.canvas);
    screen.drawImage(this.ink, 0, 0);
    if (document.activeElement === this.canvas && this.canvas.matches(":focus-visible")) {
      screen.strokeStyle = this.penDown ? "#d55e00" : "#0072b2";
      screen.lineWidth = 2;
      screen.strokeRect(this.pen.x - 6, this.pen.y - 6, 12, 12);
    }
    if (!this.queued) setTimeout(() => { this.queued = false; this.classify(); });
    this.queued = true;
  }
  sample() {
    if (this.chosen) return this.chosen.bytes;
    const {data} = this.paper.getImageData(0, 0, this.ink.width, this.ink.height), grey = new Uint8Array(data.length / 4);
    for (let i = 0; i < grey.length; i++) grey[i] = data[4 * i];
    return toSample(grey, this.ink.width, this.ink.height);
  }
  classify() {
    const sample = this.sample(), blank = !sample.some(value => value > 0);
    const found = TRIAL.numerals.map(network => blank ? null : runMlp(network, sample).probabilities);
    showProbabilities(document.getElementById("digits"), TRIAL.numerals[0].about.classes, found);
    readableContext(document.getElementById("seen")).putImageData(greyImage(sample), 0, 0);
    const truth = this.chosen ? `A ${this.chosen.digit} of the test set. ` : "";
    document.getElementById("verdict").textContent = blank ? "Nothing is drawn yet."
      : truth + sayBest(TRIAL.numerals, TRIAL.numerals[0].about.classes, found);
    document.getElementById("undo").disabled = !this.past.length;
    if (TRIAL.plane) drawPlane(blank ? null : runMlp(TRIAL.plane, sample).hidden);
  }
}

function greyImage(sample) {
  const image = new ImageData(SIDE, SIDE);
  sample.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
  return image;
}

// The plane of figure F1: a point for each test sample, and a ring where the drawing falls, or at the edge.
function drawPlane(point) {
  const canvas = document.getElementById("plane"), context = canvas.getContext("2d"), size = canvas.width, margin = 12;
  const {low, high} = TRIAL.plane;
  const at = (value, axis) => {
    const share = Math.min(1, Math.max(0, (value - low[axis]) / (high[axis] - low[axis] || 1)));
    return margin + (axis ? 1 - share : share) * (size - 2 * margin);
  };
  drawPlane.points ??= decode(TRIAL.plane.points).values;
  drawPlane.digits ??= decode(TRIAL.plane.digits, true).values;
  const {points, digits} = drawPlane, style = getComputedStyle(document.documentElement);
  const colours = TRIAL.colours.digits.map((_, digit) => style.getPropertyValue(`--digit-${digit}`));
  context.clearRect(0, 0, size, size);
  context.globalAlpha = .75;
  digits.forEach((digit, i) => {
    context.fillStyle = colours[digit];
    context.fillRect(at(points[2 * i], 0) - 1.5, at(points[2 * i + 1], 1) - 1.5, 3, 3);
  });
  context.globalAlpha = 1;
  context.font = "bold 13px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const [digit, x, y] of TRIAL.plane.medians) {
    context.lineWidth = 4;
    context.strokeStyle = style.getPropertyValue("--paper");
    context.strokeText(digit, at(x, 0), at(y, 1));
    context.fillStyle = style.getPropertyValue("--ink");
    context.fillText(digit, at(x, 0), at(y, 1));
  }
  if (!point) return;
  context.lineWidth = 4;
  for (const [radius, colour] of [[13, "white"], [10, "#d55e00"]]) {
    context.strokeStyle = colour;
    context.beginPath();
    context.arc(at(point[0], 0), at(point[1], 1), radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

// Choose or drop a photograph, and drag a box over a face. Nothing is judged before there is a box.
class FaceBox {
  constructor() {
    this.canvas = document.getElementById("photograph");
    this.photograph = null; // a canvas
    this.box = null; // left, top, right, bottom in pixels of the photograph
    this.corner = null; // where a pointer was pressed
    const {canvas} = this, input = document.getElementById("choose"), zone = document.getElementById("faces");
    canvas.addEventListener("pointerdown", event => {
      if (!draws(event)) return;
      canvas.setPointerCapture(event.pointerId);
      this.corner = this.at(event);
    });
    canvas.addEventListener("pointermove", event => {
      if (this.corner && draws(event)) this.drag(this.corner, this.at(event));
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => this.corner = null);
    canvas.addEventListener("keydown", event => this.press(event));
    input.addEventListener("change", () => input.files[0] && this.open(input.files[0], input.files[0].name));
    document.getElementById("open-sample")?.addEventListener("click", () => this.openSample());
    zone.addEventListener("dragover", event => event.preventDefault());
    zone.addEventListener("drop", event => {
      event.preventDefault();
      const [file] = event.dataTransfer.files;
      if (file) this.open(file, file.name);
    });
  }
  async openSample() {
    const {data, faces} = TRIAL.photograph;
    const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
    await this.open(new Blob([bytes], {type: "image/webp"}), "The photograph of the test set");
    document.getElementById("annotated").append(...faces.map(({label, box: [left, top, right, bottom]}) => {
      const button = Object.assign(document.createElement("button"), {type: "button", textContent: label});
      button.addEventListener("click", () => this.select({left, top, right, bottom}));
      return button;
    }));
    document.getElementById("annotated").hidden = false;
  }
  async open(file, name) {
    this.forget();
    const message = document.getElementById("chosen");
    let picture;
    try {
      picture = await createImageBitmap(file);
    } catch {
      message.textContent = `${name} is no picture that this browser can open.`;
      return;
    }
    const scale = Math.min(1, 2000 / Math.max(picture.width, picture.height));
    const [width, height] = [picture.width, picture.height].map(side => Math.max(1, Math.round(side * scale)));
    this.photograph = new OffscreenCanvas(width, height);
    const paper = readableContext(this.photograph);
    paper.fillStyle = "white"; // behind what is transparent, as in pipeline/sources/pictures.py
    paper.fillRect(0, 0, width, height);
    paper.drawImage(picture, 0, 0, width, height);
    this.canvas.width = Math.min(WIDEST, width);
    this.canvas.height = Math.round(this.canvas.width * height / width);
    this.canvas.hidden = false;
    this.canvas.getContext("2d").drawImage(this.photograph, 0, 0, this.canvas.width, this.canvas.height);
    message.textContent = "Drag a box over a face. With the keyboard: arrow keys move a box, with Shift they change its size.";
  }
  // Neither the photograph before nor what was found in it stays beside another, or beside an error.
  forget() {
    this.photograph = this.box = this.corner = null;
    this.canvas.hidden = true;
    const annotated = document.getElementById("annotated");
    annotated.querySelectorAll("button").forEach(button => button.remove());
    annotated.hidden = true;
    for (const id of ["chosen", "face-verdict"]) document.getElementById(id).textContent = "";
    document.getElementById("face").tBodies[0].replaceChildren();
  }
  select(box) {
    this.box = box;
    const context = this.canvas.getContext("2d"), scale = this.canvas.width / this.photograph.width;
    const width = box.right - box.left, height = box.bottom - box.top;
    const {data} = readableContext(this.photograph).getImageData(box.left, box.top, width, height);
    const found = TRIAL.faces.map(network => runCnn(network, toCrop(data, width, height, network.about.side)));
    const classes = TRIAL.faces[0].about.classes;
    showProbabilities(document.getElementById("face"), classes, found);
    document.getElementById("face-verdict").textContent = sayBest(TRIAL.faces, classes, found);
    context.drawImage(this.photograph, 0, 0, this.canvas.width, this.canvas.height);
    context.lineWidth = 3;
    context.strokeStyle = TRIAL.colours.faces[classes[found[0].indexOf(Math.max(...found[0]))]];
    context.strokeRect(box.left * scale, box.top * scale, width * scale, height * scale);
  }
  at(event) {
    const {x, y} = place(event, this.canvas, this.photograph), {width, height} = this.photograph;
    return {x: Math.round(clamp(x, width)), y: Math.round(clamp(y, height))};
  }
  drag(from, to) {
    const [left, right] = [from.x, to.x].sort((a, b) => a - b), [top, bottom] = [from.y, to.y].sort((a, b) => a - b);
    if (right - left >= SMALLEST && bottom - top >= SMALLEST) this.select({left, top, right, bottom});
  }
  // The first arrow puts a box in the middle; the next ones move it as far as the edge, or its lower right corner.
  press(event) {
    const arrow = ARROWS[event.key];
    if (!this.photograph || !arrow) return;
    event.preventDefault();
    const {width, height} = this.photograph;
    if (!this.box) return this.select(this.middle());
    const {left, top, right, bottom} = this.box, step = Math.max(2, Math.round(width / 100));
    let [dx, dy] = arrow.map(direction => step * direction);
    if (event.shiftKey) {
      const least = side => Math.min(SMALLEST, side);
      this.select({left, top, right: Math.max(left + least(width), clamp(right + dx, width)),
        bottom: Math.max(top + least(height), clamp(bottom + dy, height))});
    } else {
      dx = Math.max(-left, Math.min(width - right, dx));
      dy = Math.max(-top, Math.min(height - bottom, dy));
      this.select({left: left + dx, top: top + dy, right: right + dx, bottom: bottom + dy});
    }
  }
  middle() {
    const {width, height} = this.photograph, shorter = Math.min(width, height);
    const side = Math.max(Math.min(SMALLEST, shorter), Math.round(shorter / 3));
    const left = Math.round((width - side) / 2), top = Math.round((height - side) / 2);
    return {left, top, right: left + side, bottom: top + side};
  }
}

if (TRIAL?.numerals.length) new NumeralPad();
if (TRIAL?.faces.length) new FaceBox();
