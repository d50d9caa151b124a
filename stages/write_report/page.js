// Sort a table by a column: its head is a button, and numbers are compared as numbers.
function cellValue(row, column) {
  const text = row.cells[column].textContent.trim().replace("−", "-");
  const number = parseFloat(text);
  return Number.isNaN(number) ? text : number;
}
function compare(one, other) {
  if (typeof one === typeof other) return one < other ? -1 : one > other ? 1 : 0;
  return typeof one === "number" ? -1 : 1;
}
function sortBy(table, heads, column) {
  const head = heads[column], rising = head.getAttribute("aria-sort") !== "ascending";
  heads.forEach(each => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => (rising ? 1 : -1) * compare(cellValue(a, column), cellValue(b, column)));
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

// Show the claims that hold every word of the box.
const filter = document.getElementById("filter"), box = filter.querySelector("input");
filter.hidden = false;
box.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\s+/), claims = [...document.querySelectorAll(".claims > li")];
  for (const claim of claims) {
    const text = claim.textContent.toLowerCase();
    claim.hidden = !words.every(word => text.includes(word));
  }
  const shown = claims.filter(claim => !claim.hidden).length;
  filter.querySelector("output").textContent = box.value ? `${shown} of ${claims.length}` : "";
});

// A link to something that is folded away unfolds it.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();
