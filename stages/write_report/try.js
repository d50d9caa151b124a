// The networks of the page in plain JavaScript. Nothing makes a request: what is drawn or chosen stays on the page.
const SIDE = 28, INK = 24, FLAT = 32, COARSE = 64, CORNER = 14; // as in stages/prepare_digits/sample.py
const MOST_SHOWN = 10; // classes whose probabilities are shown

// float16, or bytes, from base64.
function decode({shape, data}, bytes = false) {
  const raw = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  if (bytes) return {shape, values: raw};
  const values = new Float32Array(raw.length / 2);
  for (let i = 0; i < values.length; i++) {
    const half = raw[2 * i] | raw[2 * i + 1] << 8, exponent = half >> 10 & 31, fraction = half & 1023;
    const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction;
    values[i] = half >> 15 ? -size : size;
  }
  return {shape, values};
}

const ACTIVATIONS = {sigmoid: z => 1 / (1 + Math.exp(-z)), tanh: Math.tanh, relu: z => Math.max(z, 0)};

function softmax(logits) {
  const largest = Math.max(...logits), powers = Array.from(logits, z => Math.exp(z - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map(power => power / sum);
}

// W a + b for weights (units, inputs), row by row; the biases are an array, or the last column of each row.
function dense(weights, biases, inputs, columns) {
  const outputs = new Float32Array(weights.length / columns);
  for (let unit = 0; unit < outputs.length; unit++) {
    let sum = biases ? biases[unit] : weights[unit * columns + columns - 1];
    for (let i = 0, at = unit * columns; i < inputs.length; i++) sum += weights[at + i] * inputs[i];
    outputs[unit] = sum;
  }
  return outputs;
}

function unpack(network) {
  network.layers ??= Object.fromEntries(
    Object.entries(network.arrays).map(([name, array]) => [name, decode(array)]));
  return network.layers;
}

// The probabilities of an MLP for 784 bytes, white on black, and its last hidden units.
function runMlp(network, sample) {
  const layers = unpack(network), last = Object.keys(layers).length - 1;
  let values = Float32Array.from(sample, pixel => pixel / 255), hidden = values;
  for (let number = 0; number <= last; number++) {
    const {shape, values: weights} = layers[`layer_${number}`];
    hidden = values;
    values = dense(weights, null, values, shape[1]);
    if (number < last) values = values.map(ACTIVATIONS[network.about.activation]);
  }
  return {probabilities: softmax(values), hidden};
}

function convolve(image, side, {shape, values}, biases, stride, padding) {
  const [maps, depth, filter] = shape, out = Math.floor((side + 2 * padding - filter) / stride) + 1;
  const result = new Float32Array(maps * out * out);
  for (let map = 0; map < maps; map++) for (let y = 0; y < out; y++) for (let x = 0; x < out; x++) {
    let sum = biases[map];
    for (let d = 0; d < depth; d++) for (let j = 0; j < filter; j++) {
      const row = y * stride + j - padding;
      if (row < 0 || row >= side) continue;
      for (let i = 0; i < filter; i++) {
        const column = x * stride + i - padding;
        if (column < 0 || column >= side) continue;
        sum += values[((map * depth + d) * filter + j) * filter + i] * image[(d * side + row) * side + column];
      }
    }
    result[(map * out + y) * out + x] = Math.max(sum, 0);
  }
  return [result, out];
}

function pool(image, side, maps) {
  const out = Math.floor(side / 2), result = new Float32Array(maps * out * out);
  for (let map = 0; map < maps; map++) for (let y = 0; y < out; y++) for (let x = 0; x < out; x++) {
    const at = (map * side + 2 * y) * side + 2 * x;
    result[(map * out + y) * out + x] = Math.max(image[at], image[at + 1], image[at + side], image[at + side + 1]);
  }
  return [result, out];
}

// The probabilities of a CNN for 3 x side x side bytes.
function runCnn(network, pixels) {
  const layers = unpack(network), {channels, stride, padding, side: size} = network.about;
  const names = [...new Set(Object.keys(layers).map(name => parseInt(name)))].sort((a, b) => a - b);
  let values = Float32Array.from(pixels, pixel => pixel / 255), side = size;
  names.forEach((name, number) => {
    const weights = layers[`${name}.weight`], biases = layers[`${name}.bias`].values;
    if (number < channels.length) {
      [values, side] = convolve(values, side, weights, biases, stride, padding);
      [values, side] = pool(values, side, weights.shape[0]);
    } else {
      if (number > channels.length) values = values.map(ACTIVATIONS.relu);
      values = dense(weights.values, biases, values, weights.shape[1]);
    }
  });
  return softmax(values);
}

// Resize one channel as Pillow does: a triangle, or a box, as wide as a pixel of the result.
function resample(values, width, height, newWidth, newHeight, box = false) {
  const across = resampleRows(values, width, height, newWidth, box);
  return transpose(resampleRows(transpose(across, newWidth, height), height, newWidth, newHeight, box), newHeight, newWidth);
}
function transpose(values, width, height) {
  const turned = new Uint8Array(values.length);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) turned[x * height + y] = values[y * width + x];
  return turned;
}
function resampleRows(values, width, height, newWidth, box) {
  const result = new Uint8Array(newWidth * height), scale = width / newWidth, wide = Math.max(scale, 1);
  const reach = (box ? .5 : 1) * wide, kernel = box ? t => (t > -.5 && t <= .5 ? 1 : 0) : t => Math.max(0, 1 - Math.abs(t));
  for (let x = 0; x < newWidth; x++) {
    const centre = (x + .5) * scale, first = Math.max(0, Math.floor(centre - reach + .5));
    const end = Math.min(width, Math.floor(centre + reach + .5)), weights = [];
    for (let i = first; i < end; i++) weights.push(kernel((i - centre + .5) / wide));
    const sum = weights.reduce((a, b) => a + b, 0);
    for (let y = 0; y < height; y++) {
      let total = 0;
      weights.forEach((weight, i) => total += weight * values[y * width + first + i]);
      result[y * newWidth + x] = Math.round(total / sum);
    }
  }
  return result;
}

// Whether the corners of a picture and the whole of it are light, on average, beside the middle of its greys.
function isOnLight(grey, width, height) {
  const w = Math.max(1, Math.floor(width / CORNER)), h = Math.max(1, Math.floor(height / CORNER));
  let all = 0, corners = 0, low = 255, high = 0;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const value = grey[y * width + x];
    all += value;
    low = Math.min(low, value);
    high = Math.max(high, value);
    if ((x < w || x >= width - w) && (y < h || y >= height - h)) corners += value;
  }
  const middle = high - low >= FLAT ? (low + high) / 2 : 127.5;
  return (corners / (4 * w * h) + all / (width * height)) / 2 > middle;
}

// The first row of ink and the one after the last, in pixels of a picture that is `side` high.
function inkRows(ink, width, height, side, specks) {
  const counts = Array.from({length: height}, (_, y) => ink.slice(y * width, (y + 1) * width).reduce((a, b) => a + b, 0));
  const least = specks && Math.max(...counts) > 1 ? 1 : 0, there = counts.map(count => count > least);
  return [Math.floor(there.indexOf(true) * side / height), Math.ceil((there.lastIndexOf(true) + 1) * side / height)];
}

// A grey picture as the networks have seen numerals: as to_sample in stages/prepare_digits/sample.py.
function toSample(grey, width, height) {
  if (isOnLight(grey, width, height)) grey = grey.map(value => 255 - value);
  const border = [];
  for (let x = 0; x < width; x++) border.push(grey[x], grey[(height - 1) * width + x]);
  for (let y = 0; y < height; y++) border.push(grey[y * width], grey[y * width + width - 1]);
  border.sort((a, b) => a - b);
  const half = border.length / 2, paper = Math.floor((border[half - 1] + border[half]) / 2);
  grey = grey.map(value => Math.max(0, value - paper));

  const sample = new Uint8Array(SIDE * SIDE), shrunk = Math.min(1, COARSE / Math.max(width, height));
  const w = Math.max(1, Math.round(width * shrunk)), h = Math.max(1, Math.round(height * shrunk));
  const coarse = shrunk < 1 ? resample(grey, width, height, w, h, true) : grey;
  const white = coarse.reduce((a, b) => Math.max(a, b)), ink = coarse.map(value => value > white / 2 ? 1 : 0);
  if (white < FLAT / 2) return sample;
  const specks = Math.max(width, height) < 2 * COARSE;
  const [top, bottom] = inkRows(ink, w, h, height, specks);
  const [left, right] = inkRows(transpose(ink, w, h), h, w, width, specks);

  const inkWidth = right - left, inkHeight = bottom - top, scale = INK / Math.max(inkWidth, inkHeight);
  const cut = new Uint8Array(inkWidth * inkHeight);
  for (let y = 0; y < inkHeight; y++) for (let x = 0; x < inkWidth; x++) {
    cut[y * inkWidth + x] = Math.min(255, Math.round(grey[(top + y) * width + left + x] * 255 / white));
  }
  const newWidth = Math.max(1, Math.round(inkWidth * scale)), newHeight = Math.max(1, Math.round(inkHeight * scale));
  const small = resample(cut, inkWidth, inkHeight, newWidth, newHeight, scale < 1);
  const x0 = SIDE - newWidth >> 1, y0 = SIDE - newHeight >> 1;
  for (let y = 0; y < newHeight; y++) {
    sample.set(small.subarray(y * newWidth, (y + 1) * newWidth), (y0 + y) * SIDE + x0);
  }
  return sample;
}

// The pixels of a crop, RGBA in rows, as a CNN takes them.
function toCrop(rgba, width, height, side) {
  const pixels = new Uint8Array(3 * side * side);
  for (let channel = 0; channel < 3; channel++) {
    const values = new Uint8Array(width * height);
    for (let i = 0; i < values.length; i++) values[i] = rgba[4 * i + channel];
    pixels.set(resample(values, width, height, side, side), channel * side * side);
  }
  return pixels;
}

// A table of classes by networks: a bar and a number for each probability, the largest in bold. Of many classes
// those that a network finds most probable, in this order.
function showProbabilities(table, classes, columns) {
  const largest = classes.map((_, row) => Math.max(...columns.map(column => column ? column[row] : 0)));
  let shown = [...classes.keys()];
  if (shown.length > MOST_SHOWN) shown = shown.sort((a, b) => largest[b] - largest[a]).slice(0, MOST_SHOWN);
  table.tBodies[0].replaceChildren(...shown.map(row => {
    const line = document.createElement("tr"), head = document.createElement("th");
    head.scope = "row";
    head.textContent = classes[row];
    line.append(head, ...columns.map(column => {
      const cell = document.createElement("td"), share = column ? column[row] : 0;
      cell.style.setProperty("--share", share);
      cell.className = column && share === Math.max(...column) ? "bar best" : "bar";
      cell.textContent = column ? `${(100 * share).toFixed(1)} %` : "";
      return cell;
    }));
    return line;
  }));
}

const stored = document.getElementById("networks"), TRIAL = stored && JSON.parse(stored.textContent);
