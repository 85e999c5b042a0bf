"use strict";
// Search and sort. Without this script everything is there to read, in the order of the report.
(() => {
  const value = (row, place) => {
    const cell = row.cells[place];
    return cell.dataset.v ?? cell.textContent.trim();
  };
  const number = (text) => (text === "" ? null : Number(text.replace(/[,\s%]/g, "")));
  const words = new Intl.Collator("en", { numeric: true });

  // Empty cells come last whichever way a column is sorted.
  const comparer = (place, numeric, sign) => (one, other) => {
    const [a, b] = [value(one, place), value(other, place)];
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (numeric ? number(a) - number(b) : words.compare(a, b));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const numeric = header.classList.contains("n");
        const was = header.getAttribute("aria-sort");
        // The first press gives what is looked for: the largest number, the first word.
        const way = was ? (was === "ascending" ? "descending" : "ascending") : numeric ? "descending" : "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", way);
        const rows = [...body.rows].sort(comparer(header.cellIndex, numeric, way === "ascending" ? 1 : -1));
        body.append(...rows);
      });
    }
  }

  const form = document.querySelector(".tools");
  if (!form) return;
  const [search, what, found] = ["search", "what", "found"].map((id) => document.getElementById(id));
  const rows = [...document.getElementById("exceptions-table").tBodies[0].rows];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const none = document.querySelector(".none");
  const apply = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = texts.get(row);
      const fits = (!what.value || row.dataset.what === what.value) && wanted.every((word) => text.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    none.hidden = shown > 0;
    found.value = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", apply);
  form.hidden = false;
  apply();
})();
