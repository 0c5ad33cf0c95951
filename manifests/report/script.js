"use strict";
// Everything here reads what the page already shows; nothing is fetched and no text becomes markup.
(() => {
  const all = (query, from = document) => [...from.querySelectorAll(query)];

  // A table as CSV. A cell that a spreadsheet would take for a formula begins with an apostrophe instead.
  const cell = (td) => {
    const copy = td.cloneNode(true);
    all(".why, .q", copy).forEach((x) => x.remove());
    const text = (td.dataset.v ?? copy.textContent).replace(/\s+/g, " ").trim();
    const safe = /^[=+\-@\t\r]/.test(text) && !/^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(text) ? `'${text}` : text;
    return `"${safe.replaceAll('"', '""')}"`;
  };
  const csv = (table) => {
    const head = all("thead th", table);
    const named = head.map((th, i) => [i, th]).filter(([i, th]) => i === 0 || th.textContent.trim());
    const rows = all("tbody tr", table).map((tr) => {
      const cells = [...tr.cells].filter((td) => !td.classList.contains("skip"));
      return (head.length ? named.map(([i]) => cells[i]) : cells).map((td) => (td ? cell(td) : '""'));
    });
    return [...(head.length ? [named.map(([, th]) => cell(th))] : []), ...rows].map((r) => r.join(",")).join("\r\n") + "\r\n";
  };
  for (const table of all("table[data-csv]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "csv";
    button.textContent = "CSV";
    button.setAttribute("aria-label", `Download ${table.dataset.csv} as CSV`);
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(["\ufeff" + csv(table)], { type: "text/csv" }));
      link.download = `${table.dataset.csv.replace(/[^\w.-]+/g, "-")}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    table.before(button);
  }

  // The documents behind a number, shown where it is asked for.
  for (const box of all(".q")) {
    box.addEventListener("toggle", (event) => {
      if (event.newState !== "open" || box.dataset.shown) return;
      box.dataset.shown = "yes";
      for (const link of all(".five a", box)) {
        const shown = document.querySelector(link.hash)?.cloneNode(true);
        if (shown) { shown.removeAttribute("id"); link.parentNode.replaceChildren(shown); }
      }
    });
    all("a[href^='#']", box).forEach((link) => link.addEventListener("click", () => box.hidePopover()));
  }
  const reveal = () => {
    for (let x = location.hash.length > 1 && document.getElementById(location.hash.slice(1)); x; x = x.parentElement)
      if (x.tagName === "DETAILS") x.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();

  // A threshold over its histogram.
  const short = (n) => n.toLocaleString("en", { maximumSignificantDigits: 3 });
  for (const box of all(".slider")) {
    const bins = JSON.parse(box.dataset.bins), below = box.dataset.below === "1", input = box.querySelector("input");
    const bars = all(".hist i", box), value = (name) => box.querySelector(`.moved .${name}`);
    const step = bins.length > 1 ? bins[1][0] - bins[0][0] : 0;
    const move = () => {
      const at = +input.value, t = at < bins.length ? bins[at][0] : bins[at - 1][0] + step;
      let kept = 0, dropped = 0, tokens = 0;
      bins.forEach(([, documents, of], i) => {
        const out = i < at === below;
        bars[i].classList.toggle("out", out);
        if (out) dropped += documents; else { kept += documents; tokens += of; }
      });
      value("t").textContent = +t.toPrecision(6);
      value("d").textContent = kept.toLocaleString("en");
      value("x").textContent = dropped.toLocaleString("en");
      value("k").textContent = tokens ? `; about ${short(tokens)} tokens kept` : "";
    };
    input.disabled = false;
    input.addEventListener("input", move);
    move();
  }

  // Look-up over what the page carries.
  const look = document.querySelector(".look");
  if (look) {
    const input = look.querySelector("input"), note = look.querySelector(".note"), list = look.querySelector(".rows");
    const folded = look.querySelector("details"), documents = all("#shelf .doc");
    const rows = all("section table[data-csv] tbody tr").map((tr) => ({
      text: tr.cells[0].textContent.trim(), id: tr.closest("section").id, table: tr.closest("table").dataset.csv, tr,
    }));
    input.disabled = false;
    note.textContent = "";
    input.addEventListener("input", () => {
      const asked = input.value.trim().toLowerCase();
      let found = 0;
      for (const d of documents) { d.hidden = !!asked && !d.textContent.toLowerCase().includes(asked); found += !d.hidden; }
      folded.open = !!asked && found > 0;
      list.replaceChildren();
      const matches = asked ? rows.filter((r) => r.text.toLowerCase().includes(asked)) : [];
      for (const r of matches.slice(0, 40)) {
        const item = document.createElement("li"), link = document.createElement("a");
        link.href = `#${r.id}`;
        link.textContent = `${r.table}: ${r.text}`;
        item.append(link, ` ${all("td.n[data-v]", r.tr).slice(0, 3).map((td) => td.firstChild.textContent).join(" · ")}`);
        list.append(item);
      }
      note.textContent = asked ? `${found} of the documents on this page and ${matches.length} rows of its tables.` : "";
    });
  }

  // Where the reader is.
  const links = new Map(all(".index a").map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver((entries) => {
    for (const e of entries) if (e.isIntersecting) links.forEach((a, id) => a.toggleAttribute("aria-current", id === e.target.id));
  }, { rootMargin: "-20% 0px -75% 0px" });
  all("header[id], section[id]").forEach((s) => links.has(s.id) && seen.observe(s));

  // Paper has no closed boxes.
  addEventListener("beforeprint", () => all("details").forEach((d) => { if (!d.open && !d.closest(".look")) { d.open = true; d.dataset.printed = ""; } }));
  addEventListener("afterprint", () => all("details[data-printed]").forEach((d) => { d.open = false; delete d.dataset.printed; }));
})();
