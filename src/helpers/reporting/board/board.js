(() => {
  "use strict";
  const table = document.querySelector("table.runs");
  if (!table) return;
  const status = document.querySelector("#sort-status");
  const homes = [...table.tBodies].map((body) => [body, [...body.rows]]);
  const rows = homes.flatMap(([, own]) => own).filter((row) => !row.classList.contains("group"));
  const heads = [...table.tHead.rows[0].cells];
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const value = (row, column, kind) => {
    const text = row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    return text === "" ? null : kind === "number" ? Number(text) : text;
  };
  const sort = (column, direction) => {
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    table.classList.toggle("sorted", direction !== 0);
    const name = heads[column].textContent.trim();
    if (direction === 0) {
      homes.forEach(([body, own]) => body.append(...own));
      status.textContent = status.dataset.none;
      return;
    }
    const kind = heads[column].dataset.sort;
    const keyed = rows.map((row) => [value(row, column, kind), row]);
    keyed.sort(([a], [b]) => {
      // What has no value stands last in either direction.
      if (a === null || b === null) return (a === null) - (b === null);
      return direction * (kind === "number" ? a - b : collator.compare(a, b));
    });
    homes[homes.length - 1][0].append(...keyed.map(([, row]) => row));
    heads[column].setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    status.textContent = (direction === 1 ? status.dataset.up : status.dataset.down).replace("{}", name);
  };
  status.textContent = status.dataset.none;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: -1, descending: 0 }[head.getAttribute("aria-sort")] ?? 1;
      sort(column, next);
    });
  });
})();
