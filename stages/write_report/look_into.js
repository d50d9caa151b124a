// Any two runs, the samples of a cell of a confusion matrix, and latent features at each epoch.
(() => {
  "use strict";
  const LOOK = JSON.parse(document.getElementById("look-into").textContent);
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  for (const each of document.querySelectorAll("[data-scripted]")) each.hidden = false;

  // Compare two runs.
  const [part, one, other] = ["part", "one", "other"].map(name => document.getElementById(`compare-${name}`));
  const runs = () => [one, other].map(select => ({name: select.value, ...LOOK.runs[part.value][select.value]}));

  function choosePart() {
    const names = Object.keys(LOOK.runs[part.value]), [first, second] = LOOK.compared[part.value];
    for (const [select, chosen] of [[one, first], [other, second]]) {
      select.replaceChildren(...names.map(name => make("option", {textContent: name})));
      select.value = chosen;
    }
    compareRuns();
  }

  function compareRuns() {
    const pair = runs();
    for (const table of document.querySelectorAll("#compare table.two")) {
      pair.forEach(({name}, i) => table.tHead.rows[0].cells[i + 1].textContent = name);
    }
    for (const each of document.querySelectorAll("#compare [data-run]")) each.textContent = pair[each.dataset.run].name;
    fillRows("compare-settings", settingsThatDiffer(pair));
    fillRows("compare-scores", scoresOf(pair));
    drawCurves();
    document.getElementById("compare-confusions").replaceChildren(...pair.map(confusionTable));
  }

  function fillRows(id, rows) {
    document.getElementById(id).tBodies[0].replaceChildren(...rows.map(([head, ...cells]) => make("tr", {},
      make("th", {scope: "row", textContent: head}), ...cells.map(textContent => make("td", {textContent})))));
  }

  function settingsThatDiffer(pair) {
    const defaults = LOOK.defaults[part.value];
    const rows = Object.keys(defaults).map(key => [key, ...pair.map(run => run.settings[key] ?? defaults[key])]);
    const differing = rows.filter(([, first, second]) => first !== second);
    return differing.length ? differing : [["none: both runs have the same settings", "", ""]];
  }

  function scoreText(score, value) {
    if (score === "epochs") return value.toFixed(1).replace(/\.0$/, "");
    return score.endsWith("loss") ? value.toPrecision(3) : value.toFixed(4);
  }

  function scoresOf(pair) {
    return Object.entries(LOOK.scores[part.value]).filter(([score]) => pair.some(run => run.scores[score]))
      .map(([score, name]) => {
        const values = pair.map(run => run.scores[score]);
        const cells = values.map(found => {
          if (!found) return "none";
          const mean = scoreText(score, found[0]);
          if (found[1] === null) return mean;
          return `${mean} ± ${score.endsWith("loss") ? found[1].toFixed(mean.split(".")[1]?.length) : scoreText(score, found[1])}`;
        });
        if (!values.every(Boolean)) return [name, ...cells, ""];
        const difference = values[1][0] - values[0][0], text = scoreText(score, Math.abs(difference));
        return [name, ...cells, Number(text) ? (difference < 0 ? "−" : "+") + text : text];
      });
  }

  // The least of some steps with which so many fit into a span.
  const stepFor = (span, most, steps) => steps.find(step => span / step <= most) ?? steps.at(-1);

  function drawCurves() {
    const pair = runs(), holder = document.getElementById("compare-curves");
    const width = Math.min(720, holder.clientWidth), height = 300, left = 44, right = 12, top = 10, bottom = 40;
    const values = pair.flatMap(run => [...run.train, ...run.test].map(value => value / 10000));
    const last = Math.max(2, ...pair.map(run => run.last));
    const step = stepFor(Math.max(...values) - Math.min(...values), 5, [.01, .02, .05, .1, .2]);
    const low = Math.floor(Math.min(...values) / step), high = Math.max(low + 1, Math.ceil(Math.max(...values) / step));
    const x = epoch => left + (epoch - 1) / (last - 1) * (width - left - right);
    const y = value => height - bottom - (value / step - low) / (high - low) * (height - top - bottom);
    const epochStep = stepFor(last, width / 80, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]);
    let marks = "";
    for (let tick = low; tick <= high; tick++) {
      marks += `<path class="grid" d="M${left} ${y(tick * step)}H${width - right}"/>` +
        `<text x="${left - 8}" y="${y(tick * step) + 4}" text-anchor="end">${(tick * step).toFixed(2)}</text>`;
    }
    for (let epoch = epochStep; epoch <= last; epoch += epochStep) {
      marks += `<text x="${x(epoch)}" y="${height - bottom + 18}" text-anchor="middle">${epoch}</text>`;
    }
    pair.forEach((run, i) => {
      for (const split of ["train", "test"]) {
        const points = run[split].map((value, n) =>
          `${x(Math.min(1 + n * run.every, run.last)).toFixed(1)} ${y(value / 10000).toFixed(1)}`);
        marks += `<path class="${["one", "other"][i]} ${split}" d="M${points.join("L")}h0"/>`;
      }
    });
    holder.innerHTML = `<svg width="${width}" height="${height}" role="img">${marks}<text x="${left}" y="${height - 4}">` +
      "accuracy by epoch</text></svg>";
    holder.firstChild.ariaLabel = "Accuracy by epoch. " + pair.map(run => `${run.name}, epoch ${run.last}: training ` +
      `${(run.train.at(-1) / 10000).toFixed(3)}, test ${(run.test.at(-1) / 10000).toFixed(3)}`).join("; ");
  }

  function shareText(share) {
    return share === 0 || share >= 10 ? String(Math.round(share / 10)) : "<1";
  }

  function headCell(name, scope) {
    const meaning = LOOK.meanings[name];
    return make("th", {scope}, name, ...(meaning ? [make("span", {textContent: meaning})] : []));
  }

  function confusionTable(run) {
    const names = LOOK.classes[part.value], small = LOOK.matrix[part.value].includes("small");
    const rows = names.map((name, truth) => make("tr", {}, headCell(name, "row"), ...names.map((other, predicted) => {
      const share = run.confusion[truth][predicted] ?? 0;
      const cell = make("td", {textContent: small ? "" : shareText(share), className: share ? "" : "zero"});
      if (small) cell.title = `${name} taken for ${other}: ${shareText(share)} %`;
      cell.style.setProperty("--share", share / 1000);
      return cell;
    })));
    const head = make("tr", {}, make("th", {scope: "col", textContent: "truth"}), ...names.map(name => headCell(name, "col")));
    const said = run.name + (small ? ": the bluer a cell, the larger its share; point at it for the number" : "");
    const table = make("table", {className: LOOK.matrix[part.value]}, make("caption", {textContent: said}),
      make("thead", {}, head), make("tbody", {}, ...rows));
    return make("div", {className: "scroll"}, table);
  }

  part.addEventListener("change", choosePart);
  for (const select of [one, other]) select.addEventListener("change", compareRuns);
  let drawnWidth = 0;
  new ResizeObserver(([{contentRect: {width}}]) => {
    if (width !== drawnWidth) drawCurves();
    drawnWidth = width;
  }).observe(document.getElementById("compare-curves"));
  choosePart();

  // The samples of a cell, with what both networks of the pad say of them.
  class Cells {
    constructor(root) {
      this.part = root.dataset.part;
      Object.assign(this, LOOK.cells[this.part], {classes: LOOK.classes[this.part]});
      this.networks = this.part === "mlp" ? TRIAL.numerals : TRIAL.faces;
      [this.said, this.list] = [root.querySelector("[role=status]"), root.querySelector("ul")];
      this.picture = Object.assign(new Image(), {src: this.sprite});
      const rows = [...root.querySelector("tbody").rows];
      this.buttons = rows.map((row, truth) => [...row.cells].slice(1).map((cell, predicted) => this.button(cell, truth, predicted)));
      const wrong = this.buttons.flat().filter(button => button && button.truth !== button.predicted);
      const first = wrong.sort((a, b) => this.count(b) - this.count(a))[0] ?? this.buttons.flat().find(Boolean);
      this.open(first);
    }
    count({truth, predicted}) {
      return this.counts[truth][predicted];
    }
    button(cell, truth, predicted) {
      const count = this.counts[truth][predicted], share = count / this.counts[truth].reduce((a, b) => a + b, 0);
      if (!count) {
        cell.className = "zero";
        return null;
      }
      const said = `truth ${this.classes[truth]}, taken for ${this.classes[predicted]}: ${count}`;
      const button = make("button", {type: "button", textContent: count, tabIndex: -1, truth, predicted, ariaLabel: said});
      if (LOOK.matrix[this.part].includes("small")) Object.assign(button, {textContent: "", title: said});
      cell.style.setProperty("--share", share);
      cell.replaceChildren(button);
      button.addEventListener("click", () => this.open(button));
      button.addEventListener("keydown", event => this.move(event, button));
      return button;
    }
    // The arrow keys go to the next cell in their direction that has samples.
    move(event, {truth, predicted}) {
      const arrow = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
      if (!arrow) return;
      event.preventDefault();
      let next;
      do {
        truth += arrow[0], predicted += arrow[1];
        next = this.buttons[truth]?.[predicted];
      } while (next === null);
      next?.focus();
    }
    async open(button) {
      for (const each of this.buttons.flat()) if (each) each.tabIndex = -1, each.ariaPressed = "false";
      button.tabIndex = 0;
      button.ariaPressed = "true";
      const {truth, predicted} = button, count = this.count(button), name = this.classes[truth];
      const shown = [...this.chosen.keys()].filter(n => this.chosen[n][0] === truth && this.chosen[n][1] === predicted);
      this.said.textContent = `${shown.length < count ? `${shown.length} of the ` : ""}${count} test sample${count === 1 ? "" : "s"} ` +
        `of ${name} ${truth === predicted ? "recognised" : `taken for ${this.classes[predicted]}`}, and what ${this.networks.length > 1 ? "both networks say" : `${this.networks[0].run} says`}:`;
      this.opened = button;
      await this.picture.decode();
      if (this.opened === button) this.list.replaceChildren(...shown.map(n => this.sample(n, name)));
    }
    sample(n, name) {
      const {side, columns} = this, canvas = make("canvas", {width: side, height: side, role: "img", ariaLabel: `A ${name}`});
      const context = canvas.getContext("2d", {willReadFrequently: true});
      context.drawImage(this.picture, side * (n % columns), side * Math.floor(n / columns), side, side, 0, 0, side, side);
      const {data} = context.getImageData(0, 0, side, side), area = side * side;
      const channels = [0, 1, 2].map(channel => Array.from({length: area}, (_, i) => data[4 * i + channel]));
      return make("li", {}, canvas, ...this.networks.map(network => {
        const shares = this.part === "mlp" ? runMlp(network, channels[0]).probabilities : runCnn(network, channels.flat());
        const best = shares.indexOf(Math.max(...shares)), right = this.classes[best] === name;
        return make("span", {className: right ? "passed" : "failed"}, `${right ? "✓" : "✗"} ${this.classes[best]} `,
          make("small", {textContent: `${Math.round(100 * shares[best])} %, ${network.run}`}));
      }));
    }
  }
  for (const root of document.querySelectorAll(".cells")) new Cells(root);

  // The points of a figure of two units, at the epoch that a slider names.
  for (const root of document.querySelectorAll(".epochs")) {
    const figure = LOOK.epochs[root.dataset.figure], points = bytes(figure.points), digits = bytes(figure.digits);
    const slider = root.querySelector("input"), svg = root.querySelector("svg");
    const paths = LOOK.classes.mlp.map((_, digit) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.style.stroke = `var(--digit-${digit})`;
      svg.append(path);
      return path;
    });
    const show = () => {
      const number = Number(slider.value), lines = paths.map(() => "");
      digits.forEach((digit, n) => {
        const at = 2 * (number * digits.length + n);
        lines[digit] += `M${10 + points[at] * 380 / 255} ${390 - points[at + 1] * 380 / 255}h0`;
      });
      paths.forEach((path, digit) => path.setAttribute("d", lines[digit]));
      const said = `after ${figure.epochs[number]} of ${figure.last} epochs`;
      root.querySelector("output").textContent = said;
      slider.setAttribute("aria-valuetext", said);
      svg.ariaLabel = `The two units for ${digits.length} of the ${figure.all} test samples, ${said}`;
    };
    slider.max = figure.epochs.length - 1;
    slider.value = 0;
    slider.addEventListener("input", show);
    show();
  }
})();
