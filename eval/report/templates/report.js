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
  // What a reader chose lives in the address, so that a link shows another person the same.
  const kept = (field, key) => {
    const told = new URLSearchParams(location.search).get(key);
    const first = field.value;
    if (told !== null) field.value = told;
    if (field.tagName === "SELECT" && field.selectedIndex < 0) field.value = first;
    field.addEventListener("input", () => {
      const query = new URLSearchParams(location.search);
      if (field.value === first) query.delete(key); else query.set(key, field.value);
      history.replaceState(null, "", `${location.pathname}${query.size ? "?" + query : ""}${location.hash}`);
    });
  };
  ["filter", "system"].forEach((id) => {
    const field = document.getElementById(id);
    if (!field) return;
    kept(field, id);
    field.addEventListener("input", filterRows);
  });
  filterRows();
  const choices = ["kind", "failure", "from", "to"].map((id) => document.getElementById(id)).filter(Boolean);
  const messages = [...document.querySelectorAll("dl.message[data-points]")];
  const filterMessages = () => {
    const [kind, failure, from, to] = choices.map((field) => field.value);
    messages.forEach((message) => {
      const failures = JSON.parse(message.dataset.failures), points = parseFloat(message.dataset.points);
      const fails = failure === "any" ? failures.length : !failure || failures.includes(failure);
      const isOfKind = !kind || JSON.parse(message.dataset.kinds).includes(kind);
      message.hidden = !(fails && isOfKind && (from === "" || points >= from) && (to === "" || points <= to));
    });
    const fitting = messages.filter((message) => !message.hidden).length;
    const chosen = choices.some((field) => field.value);
    document.getElementById("fitting").textContent = chosen ? `${fitting} of ${messages.length} fit` : "";
  };
  choices.forEach((field) => {
    kept(field, field.id);
    field.addEventListener("input", filterMessages);
  });
  if (choices.length) {
    document.getElementById("choice").hidden = false;
    filterMessages();
  }
  document.querySelectorAll("select[data-shows]").forEach((select) => {
    const parts = [...document.querySelectorAll("." + select.dataset.shows)];
    const show = () => parts.forEach((part) => { part.hidden = part.dataset.key !== select.value; });
    select.closest(".controls").hidden = false;
    kept(select, select.dataset.shows);
    select.addEventListener("input", show);
    show();
  });
  const reveal = () => {
    const cited = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const part = cited && cited.closest("[data-key]");
    const select = part && document.querySelector(`select[data-shows="${part.classList[0]}"]`);
    if (select) {
      select.value = part.dataset.key;
      select.dispatchEvent(new Event("input"));
    }
    const around = (part) => part && part.closest("details");
    for (let fold = around(cited); fold; fold = around(fold.parentElement)) fold.open = true;
    if (cited && cited.matches(".message")) cited.hidden = false;
    if (cited) cited.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const drawn = (letter) => {
    brush.clearRect(0, 0, 40, 40);
    brush.font = "24px " + getComputedStyle(document.body).fontFamily;
    brush.fillText(letter, 2, 30);
    return brush.getImageData(0, 0, 40, 40).data.join();
  };
  const letters = { Thai: "กฐ", Japanese: "あぬ", Korean: "가뷁", Chinese: "们这" };
  const boxes = Object.keys(letters).filter((name) => drawn(letters[name][0]) === drawn(letters[name][1]));
  const notice = document.getElementById("fonts");
  notice.append(boxes.join(", ") + ".");
  notice.hidden = !boxes.length;
  // What scrolls can be reached by the keyboard, and says what it is.
  document.querySelectorAll(".scroll").forEach((part) => {
    const scrolls = part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight;
    const head = part.closest("section, article, details") || document;
    if (!scrolls) return;
    part.tabIndex = 0;
    part.setAttribute("role", "region");
    part.setAttribute("aria-label", `Table: ${head.querySelector("h1, h2, h3, summary").textContent}`);
  });
  document.querySelectorAll("select[data-goto]").forEach((select) => {
    select.addEventListener("change", () => { if (select.value) location.href = select.value; });
  });
})();
