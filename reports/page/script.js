// Makes tables sortable. A page without it has the same content in the order in which it was written.
(function () {
  "use strict";
  var units = { "µs": 1, ms: 1e3, s: 1e6 };
  // value is what a cell is sorted by: the exact value, or the number that its text begins with, or the text.
  function value(cell) {
    if (cell.dataset.value) return Number(cell.dataset.value);
    var text = cell.textContent.trim();
    if (cell.classList.contains("missing") || text === "" || text === "—") return null;
    var number = /^[[(≥><×±+]?\s*([-−]?\d[\d\u00a0]*(?:\.\d+)?(?:e[-+]?\d+)?)\s*(µs|ms|s)?(?![a-z])/.exec(text);
    if (!number) return text.toLowerCase();
    return Number(number[1].replace(/\u00a0/g, "").replace("−", "-")) * (units[number[2]] || 1);
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b, "en", { numeric: true });
  }
  function sort(table, written, column, order) {
    var rows = written.map(function (row) { return { row: row, value: value(row.cells[column]) }; });
    if (order) {
      rows.sort(function (a, b) {
        if (a.value === null || b.value === null) return (a.value === null) - (b.value === null); // at the end both ways
        return order * compare(a.value, b.value);
      });
    }
    rows.forEach(function (r) { table.tBodies[0].appendChild(r.row); });
  }
  document.querySelectorAll("table").forEach(function (table) {
    var written = Array.from(table.tBodies[0].rows);
    if (written.length < 2) return;
    var heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.append.apply(button, Array.from(head.childNodes));
      if (!button.textContent.trim()) return;
      head.appendChild(button);
      button.addEventListener("click", function () {
        var now = head.getAttribute("aria-sort");
        heads.forEach(function (h) { h.removeAttribute("aria-sort"); });
        if (now === "ascending") head.setAttribute("aria-sort", "descending");
        else if (now !== "descending") head.setAttribute("aria-sort", "ascending");
        sort(table, written, column, now === "ascending" ? -1 : now === "descending" ? 0 : 1);
      });
    });
  });
})();
