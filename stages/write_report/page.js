// What a cell is sorted by: its number, the numbers of a list such as [128, 64], or its text; null if it is empty.
function cellValue(row, column) {
  const text = row.cells[column].textContent.trim().replaceAll("−", "-").replace(/(\d),(?=\d{3}\b)/g, "$1");
  if (text.startsWith("[")) return text.match(/[\d.]+/g)?.map(Number) ?? [];
  const number = parseFloat(text);
  return Number.isNaN(number) ? text || null : [number];
}
// Numbers stand before text, and a list before a longer one that begins with it.
function compare(one, other) {
  if (!Array.isArray(one) && !Array.isArray(other)) return one.localeCompare(other, "en", {numeric: true});
  if (!Array.isArray(one) || !Array.isArray(other)) return Array.isArray(one) ? -1 : 1;
  const at = one.findIndex((number, i) => number !== other[i]);
  return at < 0 ? one.length - other.length : at in other ? one[at] - other[at] : 1;
}
// Sort a table by a column: its head is a button. Empty cells come last in both directions.
function sortBy(table, heads, column) {
  const head = heads[column], rising = head.getAttribute("aria-sort") !== "ascending";
  heads.forEach(each => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows], value = new Map(rows.map(row => [row, cellValue(row, column)]));
  rows.sort((a, b) => {
    const [one, other] = [value.get(a), value.get(b)];
    if (one === null || other === null) return (one === null) - (other === null);
    return (rising ? 1 : -1) * compare(one, other);
  });
  table.tBodies[0].append(...rows);
}
for (const table of document.querySelectorAll("table.sort")) {
  const [first, last] = [table.tHead.rows[0], table.tHead.rows[table.tHead.rows.length - 1]];
  const heads = first === last ? [...first.cells]
    : [...[...first.cells].filter(cell => cell.rowSpan > 1), ...last.cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    button.addEventListener("click", () => sortBy(table, heads, column));
    head.replaceChildren(button);
  });
}

// Show the claims that hold every word of the box, or of a part of it between commas. C1 is not in C11.
const filter = document.getElementById("filter"), box = filter.querySelector("input");
filter.hidden = false;
function holds(text, word) {
  return /^[a-z]\d+$/.test(word) ? new RegExp(`\\b${word}\\b`).test(text) : text.includes(word);
}
function filterClaims() {
  const parts = box.value.toLowerCase().split(",").map(part => part.split(/\s+/).filter(Boolean)).filter(part => part.length);
  const claims = [...document.querySelectorAll(".claims > li")];
  for (const claim of claims) {
    const text = `${claim.className.replace("_", " ")} ${claim.textContent}`.toLowerCase();
    claim.hidden = parts.length > 0 && !parts.some(part => part.every(word => holds(text, word)));
  }
  const shown = claims.filter(claim => !claim.hidden).length;
  filter.querySelector("output").textContent = !parts.length ? ""
    : shown ? `${shown} of ${claims.length}` : "No claim has these words. Empty the box to see all.";
}
box.addEventListener("input", filterClaims);
for (const link of document.querySelectorAll("[data-filter]")) {
  link.addEventListener("click", () => { box.value = link.dataset.filter; filterClaims(); });
}

// What scrolls can be reached with the keyboard; what does not scroll is no stop of the Tab key.
function markScrolling() {
  for (const region of document.querySelectorAll(".scroll, pre")) {
    if (region.scrollWidth > region.clientWidth) region.tabIndex = 0;
    else region.removeAttribute("tabindex");
  }
}
for (const event of ["load", "resize", "change", "click"]) addEventListener(event, markScrolling);
document.addEventListener("toggle", markScrolling, true); // which does not bubble

// A link to something that is folded away unfolds it, and one to a claim that the filter hides shows it.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  if (target?.hidden && target.closest(".claims")) {
    box.value = "";
    filterClaims();
  }
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();

// On a narrow screen the contents are folded away until they are asked for.
document.getElementById("contents")?.toggleAttribute("open", matchMedia("(min-width: 68rem)").matches);

// Nothing is folded away in print.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const each of folded) each.open = true;
});
addEventListener("afterprint", () => folded.forEach(each => each.open = false));
