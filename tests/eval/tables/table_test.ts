import { tableCell } from "../../../eval/tables/table_model.ts";
import assert from "node:assert/strict";
import { caseCsv, renderTable, table, type TableFormat, tableModel } from "../../../eval/mod.ts";
import { makeRecords } from "../make_records.ts";
import { assertSnapshot } from "../snapshot.ts";

Deno.test("table() keeps its text in every format", () => {
  const records = makeRecords();
  const endings: Record<TableFormat, string> = {
    markdown: "md",
    csv: "csv",
    json: "json",
    latex: "tex",
    html: "html",
  };
  for (const [format, ending] of Object.entries(endings) as [TableFormat, string][]) {
    assertSnapshot(
      `by_class.${ending}`,
      table(records, { rows: "class", columns: ["dice", "assd_mm"], across: ["modality"], format }),
    );
  }
});

Deno.test("table() shows n and misses beside every number, and distances without misses in a column of their own", () => {
  const text = table(makeRecords(), { rows: ["modality", "class"], columns: ["dice", "assd_mm"] });
  assert.match(text, /^\| modality +\| class +\| Dice +\| ASSD mm +\| ASSD mm, without misses +\|$/m);
  assert.match(text, /\| ct +\| spleen +\| 0\.\d{3} ± 0\.\d{3} \(n=6, 1 missed\)/);
  assert.match(text, /\| mr +\| spleen +\| 0\.\d{3} ± 0\.\d{3} \(n=5\)/);
  assert.match(text, /\| mean /);
  assert.match(text, /6-connectivity/);
});

Deno.test("table() writes an undefined number as a dash, and as an empty CSV cell", () => {
  const records = makeRecords(1).filter((r) => r.modality === "mr");
  const options = { rows: "class", columns: ["dice"] } as const;
  assert.match(table(records, options), /\| spleen \| +– \(n=0\)/);
  assert.match(table(records, { ...options, format: "csv" }), /^spleen,,,0,0,0$/m);
});

Deno.test("renderTable() escapes what the format reserves", () => {
  const model = tableModel(makeRecords(1), { rows: "class", columns: ["dice"] });
  const odd = { ...model, rows: [{ heads: ['a|b <"c">, 5 % & x_1'], cells: model.rows[0]!.cells }] };
  assert.match(renderTable(odd, "markdown"), /a\\\|b/);
  assert.match(renderTable(odd, "csv"), /"a\|b <""c"">, 5 % & x_1"/);
  assert.match(renderTable(odd, "html"), /a\|b &lt;&quot;c&quot;&gt;, 5 % &amp; x_1/);
  assert.match(
    renderTable(odd, "latex"),
    /a\\textbar\{\}b \$<\$\\textquotedbl\{\}c\\textquotedbl\{\}\$>\$, 5 \\% \\& x\\_1/,
  );
});

Deno.test("caseCsv() has one line a record and empty cells for undefined numbers", () => {
  const lines = caseCsv(makeRecords(2)).trimEnd().split("\n");
  assert.equal(lines.length, 1 + 8);
  assert.match(lines[0]!, /^case,modality,class,class_name,status,dice,/);
  assert.ok(lines.some((line) => /case_01,mr,2,spleen,absent,,/.test(line)));
  assert.ok(!/NaN|Infinity|null/.test(lines.join()));
});

Deno.test("renderTable() never shows a p value that is not 0 as 0.0000", () => {
  const model = {
    title: "",
    label: "p",
    caption: "",
    heads: ["test"],
    columns: [{ key: "p", labels: ["p"], digits: 4 }],
    rows: [3.6e-12, 0.00004, 0.00006, 0].map((mean) => ({ heads: ["x"], cells: [tableCell({ mean })] })),
  };
  const cells = renderTable(model, "markdown").split("\n").slice(2, 6).map((line) =>
    line.split("|")[2]!.trim()
  );
  assert.deepEqual(cells, ["3.6e−12", "4.0e−5", "0.0001", "0.0000"]);
});
