const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

// Draw a numeral: with a mouse, a finger, a pen, or the arrow keys.
function tryNumerals() {
  const pad = document.getElementById("pad"), pen = pad.getContext("2d", {willReadFrequently: true});
  const seen = document.getElementById("seen").getContext("2d", {willReadFrequently: true}), table = document.getElementById("digits");
  const ink = new OffscreenCanvas(pad.width, pad.height), paper = ink.getContext("2d", {willReadFrequently: true});
  const step = 7;
  let place = null, down = false, pending = false, chosen = null, keys = {x: pad.width / 2, y: pad.height / 2};

  function clear() {
    chosen = null;
    paper.fillStyle = "white";
    paper.fillRect(0, 0, ink.width, ink.height);
    paper.lineWidth = 24;
    paper.lineCap = paper.lineJoin = "round";
    show();
  }
  function line(from, to) {
    chosen = null;
    paper.beginPath();
    paper.moveTo(from.x, from.y);
    paper.lineTo(to.x, to.y);
    paper.stroke();
    show();
  }
  function show() {
    pen.drawImage(ink, 0, 0);
    if (document.activeElement === pad && pad.matches(":focus-visible")) {
      pen.strokeStyle = down ? "#d55e00" : "#0072b2";
      pen.lineWidth = 2;
      pen.strokeRect(keys.x - 6, keys.y - 6, 12, 12);
    }
    if (!pending) setTimeout(() => { pending = false; classify(); });
    pending = true;
  }
  function choose(sample) { // a sample of the test set, as it is, and enlarged on the pad
    clear();
    chosen = sample;
    const small = new OffscreenCanvas(SIDE, SIDE);
    small.getContext("2d").putImageData(greyImage(sample.map(value => 255 - value)), 0, 0);
    paper.drawImage(small, 0, 0, ink.width, ink.height);
    show();
  }
  function classify() {
    if (chosen) return use(chosen);
    const {data} = paper.getImageData(0, 0, ink.width, ink.height), grey = new Uint8Array(data.length / 4);
    for (let i = 0; i < grey.length; i++) grey[i] = data[4 * i];
    use(toSample(grey, ink.width, ink.height));
  }
  function use(sample) {
    const blank = !sample.some(value => value > DARK);
    const found = TRIAL.numerals.map(network => blank ? null : runMlp(network, sample).probabilities);
    showProbabilities(table, TRIAL.numerals[0].about.classes, found);
    seen.putImageData(greyImage(sample), 0, 0);
    const best = found.map(shares => shares && shares.indexOf(Math.max(...shares)));
    document.getElementById("verdict").textContent = blank ? "Nothing is drawn yet."
      : best.every(each => each === best[0]) ? `Read as ${best[0]}.`
      : `Read as ${best.join(" and as ")}: the networks do not agree.`;
    if (TRIAL.plane) drawPlane(blank ? null : runMlp(TRIAL.plane, sample).hidden);
  }
  function at(event) {
    const frame = pad.getBoundingClientRect();
    return {x: (event.clientX - frame.left) * pad.width / frame.width, y: (event.clientY - frame.top) * pad.height / frame.height};
  }
  pad.addEventListener("pointerdown", event => {
    pad.setPointerCapture(event.pointerId);
    place = at(event);
    line(place, place);
  });
  pad.addEventListener("pointermove", event => {
    if (!place) return;
    const next = at(event);
    line(place, next);
    place = next;
  });
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => place = null);
  pad.addEventListener("keydown", event => {
    const [dx, dy] = ARROWS[event.key] ?? [0, 0];
    if (event.key === " ") down = !down;
    else if (event.key === "Escape") clear();
    else if (!dx && !dy) return;
    event.preventDefault();
    const next = {x: Math.min(pad.width, Math.max(0, keys.x + step * dx)), y: Math.min(pad.height, Math.max(0, keys.y + step * dy))};
    const from = keys;
    keys = next;
    down && event.key !== "Escape" ? line(from, next) : show();
  });
  pad.addEventListener("focus", show);
  pad.addEventListener("blur", show);
  document.getElementById("clear").addEventListener("click", clear);
  document.getElementById("samples").append(...TRIAL.samples.map(({digit, ...image}) => {
    const button = document.createElement("button"), picture = document.createElement("canvas");
    const {values} = decode(image, true);
    picture.width = picture.height = SIDE;
    picture.getContext("2d").putImageData(greyImage(values), 0, 0);
    button.append(picture);
    button.ariaLabel = `A ${digit} of the test set`;
    button.title = button.ariaLabel;
    button.addEventListener("click", () => choose(values));
    return button;
  }));
  clear();
}

function greyImage(sample) {
  const image = new ImageData(SIDE, SIDE);
  sample.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
  return image;
}

// The plane of figure F1: a point for each test sample, and a ring where the drawing falls, or at the edge.
function drawPlane(place) {
  const canvas = document.getElementById("plane"), context = canvas.getContext("2d"), size = canvas.width, margin = 12;
  const {low, high} = TRIAL.plane;
  const at = (value, axis) => {
    const share = Math.min(1, Math.max(0, (value - low[axis]) / (high[axis] - low[axis] || 1)));
    return margin + (axis ? 1 - share : share) * (size - 2 * margin);
  };
  drawPlane.points ??= decode(TRIAL.plane.points).values;
  drawPlane.digits ??= decode(TRIAL.plane.digits, true).values;
  const {points, digits} = drawPlane;
  context.clearRect(0, 0, size, size);
  context.globalAlpha = .6;
  digits.forEach((digit, i) => {
    context.fillStyle = TRIAL.colours.digits[digit];
    context.fillRect(at(points[2 * i], 0) - 1, at(points[2 * i + 1], 1) - 1, 2.5, 2.5);
  });
  context.globalAlpha = 1;
  context.font = "bold 13px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const [digit, x, y] of TRIAL.plane.medians) {
    context.lineWidth = 4;
    context.strokeStyle = "white";
    context.strokeText(digit, at(x, 0), at(y, 1));
    context.fillStyle = "#1b1b1f";
    context.fillText(digit, at(x, 0), at(y, 1));
  }
  if (!place) return;
  context.lineWidth = 4;
  for (const [radius, colour] of [[13, "white"], [10, "#d55e00"]]) {
    context.strokeStyle = colour;
    context.beginPath();
    context.arc(at(place[0], 0), at(place[1], 1), radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

// Choose or drop a photograph, and drag a box over a face.
function tryFaces() {
  const canvas = document.getElementById("photograph"), context = canvas.getContext("2d"), table = document.getElementById("face");
  const input = document.getElementById("choose"), widest = 640;
  let photograph = null, box = null, corner = null;

  async function open(file) {
    let picture;
    try {
      picture = await createImageBitmap(file);
    } catch {
      return document.getElementById("chosen").textContent = `${file.name} is no picture that this browser can open.`;
    }
    const scale = Math.min(1, 2000 / Math.max(picture.width, picture.height));
    photograph = new OffscreenCanvas(Math.max(1, Math.round(picture.width * scale)), Math.max(1, Math.round(picture.height * scale)));
    const paper = photograph.getContext("2d", {willReadFrequently: true});
    paper.fillStyle = "white"; // behind what is transparent, as in pipeline/sources/pictures.py
    paper.fillRect(0, 0, photograph.width, photograph.height);
    paper.drawImage(picture, 0, 0, photograph.width, photograph.height);
    canvas.width = Math.min(widest, photograph.width);
    canvas.height = Math.round(canvas.width * photograph.height / photograph.width);
    canvas.hidden = false;
    box = {left: 0, top: 0, right: photograph.width, bottom: photograph.height};
    document.getElementById("chosen").textContent = "Drag a box over a face, or move it with the arrow keys (with Shift: its size).";
    use();
  }
  function use() {
    context.drawImage(photograph, 0, 0, canvas.width, canvas.height);
    const scale = canvas.width / photograph.width, width = box.right - box.left, height = box.bottom - box.top;
    const {data} = photograph.getContext("2d").getImageData(box.left, box.top, width, height);
    const found = TRIAL.faces.map(network => runCnn(network, toCrop(data, width, height, network.about.side)));
    const classes = TRIAL.faces[0].about.classes;
    showProbabilities(table, classes, found);
    context.lineWidth = 3;
    context.strokeStyle = TRIAL.colours.faces[classes[found[0].indexOf(Math.max(...found[0]))]];
    context.strokeRect(box.left * scale, box.top * scale, width * scale, height * scale);
  }
  function at(event) {
    const frame = canvas.getBoundingClientRect(), clamp = (value, most) => Math.round(Math.min(most, Math.max(0, value)));
    return {
      x: clamp((event.clientX - frame.left) * photograph.width / frame.width, photograph.width),
      y: clamp((event.clientY - frame.top) * photograph.height / frame.height, photograph.height),
    };
  }
  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    corner = at(event);
  });
  canvas.addEventListener("pointermove", event => {
    if (!corner) return;
    const {x, y} = at(event);
    if (Math.abs(x - corner.x) < 4 || Math.abs(y - corner.y) < 4) return;
    box = {left: Math.min(x, corner.x), right: Math.max(x, corner.x), top: Math.min(y, corner.y), bottom: Math.max(y, corner.y)};
    use();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => corner = null);
  canvas.addEventListener("keydown", event => {
    const [dx, dy] = ARROWS[event.key] ?? [0, 0];
    if (!photograph || (!dx && !dy)) return;
    event.preventDefault();
    const step = Math.max(2, Math.round(photograph.width / 100)), {width, height} = photograph;
    const moved = {...box, right: box.right + step * dx, bottom: box.bottom + step * dy};
    if (!event.shiftKey) Object.assign(moved, {left: box.left + step * dx, top: box.top + step * dy});
    const fits = moved.left >= 0 && moved.top >= 0 && moved.right <= width && moved.bottom <= height;
    if (fits && moved.right - moved.left >= 4 && moved.bottom - moved.top >= 4) { box = moved; use(); }
  });
  input.addEventListener("change", () => input.files[0] && open(input.files[0]));
  const zone = document.getElementById("faces");
  zone.addEventListener("dragover", event => event.preventDefault());
  zone.addEventListener("drop", event => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
}

if (TRIAL?.numerals.length) tryNumerals();
if (TRIAL?.faces.length) tryFaces();
