"use strict";
// A line above each long table that hides the rows without the words typed into it.
// The words of "#filter=mass test" are typed into those that have such rows.
(function () {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const start = fragment.get("filter") || "";

  function addFilter(table, k) {
    const rows = Array.from(table.tBodies[0].rows);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const line = document.createElement("div");
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("output");
    line.className = "filter";
    input.type = "search";
    input.id = "filter-" + k;
    input.placeholder = "words";
    label.htmlFor = input.id;
    label.textContent = "Filter rows:";
    count.htmlFor = input.id;
    line.append(label, input, count);
    table.parentElement.before(line);

    function filter() {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, i) => {
        const fits = words.every((word) => texts[i].includes(word));
        row.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      count.textContent = shown + " of " + rows.length + " rows";
      return shown;
    }

    input.addEventListener("input", filter);
    input.value = start;
    if (filter() === 0) {
      input.value = "";
      filter();
    }
  }

  document.querySelectorAll("table.filterable").forEach(addFilter);
})();
