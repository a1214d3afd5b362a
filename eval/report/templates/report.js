(() => {
  "use strict";
  const number = (text) => {
    const found = text.replace(/−/g, "-").replace(/,/g, "").match(/-?\d+(\.\d+)?/);
    return found ? parseFloat(found[0]) : NaN;
  };
  const value = (row, column) => (row.cells[column].dataset.v || row.cells[column].textContent).trim();
  document.querySelectorAll("table.sortable").forEach((table) => {
    table.querySelectorAll("button.sort").forEach((button) => {
      button.addEventListener("click", () => {
        const head = button.closest("th");
        const up = head.getAttribute("aria-sort") === "descending";
        table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const words = head.classList.contains("text");
        const rows = [...table.tBodies[0].rows].map((row) => [value(row, head.cellIndex), row]);
        const known = (entry) => words || !Number.isNaN(number(entry[0]));
        rows.sort((a, b) => {
          if (known(a) !== known(b)) return known(a) ? -1 : 1;
          const order = words ? a[0].localeCompare(b[0]) : number(a[0]) - number(b[0]);
          return up ? order : -order;
        });
        table.tBodies[0].append(...rows.map((entry) => entry[1]));
      });
    });
  });
  const filterRows = () => {
    const text = document.getElementById("filter"), system = document.getElementById("system");
    const wanted = text ? text.value.trim().toLowerCase() : "";
    const chosen = system ? system.value : "";
    document.querySelectorAll("#directions tbody tr").forEach((row) => {
      const name = row.dataset.direction.toLowerCase();
      const fits = !wanted || name === wanted || name.startsWith(wanted + "-") || name.endsWith("-" + wanted) ||
        (wanted.includes("-") && name.includes(wanted));
      row.hidden = !fits || (chosen && row.dataset.system !== chosen);
    });
  };
  ["filter", "system"].forEach((id) => {
    const field = document.getElementById(id);
    if (field) field.addEventListener("input", filterRows);
  });
  filterRows();
  document.querySelectorAll("select[data-shows]").forEach((select) => {
    const parts = [...document.querySelectorAll("." + select.dataset.shows)];
    const show = () => parts.forEach((part) => { part.hidden = part.dataset.key !== select.value; });
    select.closest(".controls").hidden = false;
    select.addEventListener("input", show);
    show();
  });
  document.querySelectorAll("select[data-goto]").forEach((select) => {
    select.addEventListener("change", () => { if (select.value) location.href = select.value; });
  });
})();
