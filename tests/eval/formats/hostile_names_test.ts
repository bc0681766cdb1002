import assert from "node:assert/strict";
import { parseHTML } from "../../../eval/deps.ts";
import {
  caseCsv,
  classBoxPlot,
  csvText,
  parseCaseCsv,
  parseCsv,
  renderTable,
  table,
  type TableModel,
} from "../../../eval/mod.ts";
import { figure, legend } from "../../../eval/plots/figure.ts";
import { tableCell } from "../../../eval/tables/table_model.ts";
import { visible } from "../../../eval/text.ts";
import { Random } from "../../../tensor/random.ts";
import { hostileNames, randomName } from "../hostile_names.ts";
import { makeRecords } from "../make_records.ts";

const random = new Random(27);
const names = [...hostileNames, ...Array.from({ length: 200 }, () => randomName(random))];

/** A table with every name as a row, the first ones as headings too. */
const model: TableModel = {
  title: names[7]!,
  label: "hostile",
  caption: names.slice(0, 20).join(" / "),
  heads: ["name", ...hostileNames.slice(0, 2)],
  columns: hostileNames.slice(2, 8).map((name, i) => ({
    key: `${i}${name}`,
    labels: [`m${i >> 1} ${hostileNames[9]}`, name],
    digits: 2,
  })),
  rows: names.map((name, i) => ({
    heads: [name, name, name],
    cells: Array.from(
      { length: 6 },
      (_, k) => tableCell({ mean: k, sd: 0.5, n: i, best: k === 0, second: k === 1, mark: "**" }),
    ),
  })),
};

function has(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** Runs a program on text in a file and returns what it prints. */
async function readBack(
  text: string,
  ending: string,
  run: (file: string) => [string, ...string[]],
): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/hostile.${ending}`;
    await Deno.writeTextFile(file, text);
    const [program, ...args] = run(file);
    const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd: folder }).output();
    const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    assert.ok(success, `${program}: ${decode(stderr)}${decode(stdout).slice(-3000)}`);
    return decode(stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("CSV gives back every name, but for what no text file can hold", () => {
  const rows = names.map((name, i) => [name, i, null]);
  const { columns, rows: got } = parseCsv(csvText([["name", "a,b", "c\nd"], ...rows]), "x.csv");
  assert.deepEqual(columns, ["name", "a,b", "c\nd"]);
  assert.deepEqual(got, names.map((name, i) => [visible(name), String(i), ""]));
});

Deno.test({
  name: "Python's csv reads the same fields",
  ignore: !has("/usr/bin/python3"),
  async fn() {
    const script =
      "import csv,json,sys; print(json.dumps(list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))))";
    const out = await readBack(
      renderTable(model, "csv"),
      "csv",
      (file) => ["/usr/bin/python3", "-c", script, file],
    );
    const rows = JSON.parse(out) as string[][];
    assert.deepEqual(rows.slice(1).map((row) => row[0]), names.map(visible));
    assert.ok(rows.every((row) => row.length === rows[0]!.length));
  },
});

Deno.test("records keep cases, modalities and classes with hostile names through cases.csv", () => {
  const records = names.flatMap((name, i) =>
    makeRecords(1).slice(0, 1).map((r) => ({
      ...r,
      case: visible(name),
      modality: visible(name),
      class_name: visible(name),
      class: i,
    }))
  );
  assert.deepEqual(parseCaseCsv(caseCsv(records)), records);
});

Deno.test("a Markdown table keeps one line a row and its number of columns", () => {
  const [top, rule, ...lines] = renderTable(model, "markdown").split("\n\n")[0]!.split("\n");
  const columns = (line: string): number => line.replace(/\\./g, "").split("|").length;
  assert.equal(lines.length, names.length);
  for (const line of [rule!, ...lines]) assert.equal(columns(line), columns(top!), line);
});

Deno.test("an HTML table shows every name as text and nothing else", () => {
  const { document } = parseHTML(`<!doctype html><html><body>${renderTable(model, "html")}</body></html>`);
  const heads = [...document.querySelectorAll("tbody tr")].map((row) => row.querySelector("th")!.textContent);
  assert.deepEqual(heads, names.map(visible));
  assert.equal(document.querySelectorAll("script").length, 0);
});

function drawing(): string {
  const { svg, finish } = figure(names.join(" "), 400, 400, names.join("\n"));
  names.forEach((name) => svg.append("text").attr("data-name", name).text(name));
  legend(svg, 10, 10, names.map((label, index) => ({ label, index })));
  return finish();
}

Deno.test({
  name: "xmllint accepts SVG and HTML and finds the names",
  ignore: !has("xmllint"),
  async fn() {
    const svg = await readBack(
      drawing(),
      "svg",
      (file) => ["xmllint", "--noout", "--xpath", "//*[local-name()='text']/@data-name", file],
    );
    assert.equal(svg.match(/data-name=/g)!.length, names.length);
    await readBack(
      `<body>${renderTable(model, "html")}</body>`,
      "xml",
      (file) => ["xmllint", "--noout", file],
    );
    const plotted = makeRecords(2).map((r, i) => ({
      ...r,
      class_name: hostileNames[i % 29]!,
      modality: hostileNames[i % 3]!,
    }));
    await readBack(classBoxPlot(plotted), "svg", (file) => ["xmllint", "--noout", file]);
  },
});

Deno.test("a drawing says in XML what was put in, and its numbers alone are rounded", () => {
  const { svg, finish } = figure("t", 10, 10);
  svg.append("text").attr("x", 0.123456789).text('width="0.123456789"');
  assert.match(finish(), /<text x="0\.123">width="0\.123456789"<\/text>/);
});

Deno.test("LaTeX: no row starts with what the row before takes as its option, and special characters are set", () => {
  const latex = renderTable(model, "latex");
  for (const line of latex.split("\n")) assert.doesNotMatch(line, /^\s*[[*]/);
  assert.match(latex, /^\{\[\}0\{\]\} first in a row & /m);
  assert.doesNotMatch(latex, /\\[[\]()]/, "a bracket with a backslash would begin a formula");
  assert.match(latex, /^% compile with LuaLaTeX or XeLaTeX and a font that has .*左/m);
  assert.match(latex, /\\caption\{[^\n]*\}\n\\label\{tab:hostile\}/);
});

Deno.test({
  name: "pdfLaTeX compiles a table of every name it has letters for",
  ignore: !has("pdflatex"),
  async fn() {
    // deno-lint-ignore no-control-regex
    const latin = model.rows.filter(({ heads }) => /^[\u0000-\u017f]*$/.test(visible(heads[0]!)));
    assert.ok(latin.length > 60);
    const latex = renderTable({
      ...model,
      caption: "caption",
      columns: model.columns.slice(0, 2),
      rows: latin.slice(0, 40).map((row) => ({ ...row, cells: row.cells.slice(0, 2) })),
    }, "latex");
    const text =
      `\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{booktabs,graphicx}\\begin{document}\n${latex}\\end{document}`;
    await readBack(text, "tex", (file) => ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", file]);
  },
});

Deno.test("a CSV that a spreadsheet saved is read with its mark, and refused by name with semicolons or tabs", () => {
  const csv = caseCsv(makeRecords(1));
  assert.deepEqual(parseCaseCsv(`\ufeff${csv}`), parseCaseCsv(csv));
  for (const [separator, word] of [[";", "semicolons"], ["\t", "tabs"]] as const) {
    assert.throws(() => parseCaseCsv(csv.replaceAll(",", separator), "runs/a/cases.csv"), {
      code: "eval.csv",
      message: new RegExp(`runs/a/cases\\.csv: columns are separated by ${word}`),
    });
  }
  assert.throws(() => parseCaseCsv(csv.trimEnd().slice(0, -30), "cut.csv"), {
    code: "eval.csv",
    message: /cut\.csv: row 4 .* fields/,
  });
  assert.throws(() => parseCaseCsv("case,case\n", "x.csv"), { code: "eval.csv", message: /"case" twice/ });
});

Deno.test("classes of one name stay two rows, told apart by their label values", () => {
  const [first] = makeRecords(1);
  const records = ["a", "b"].flatMap((id) =>
    [1, 2].map((label) => ({ ...first!, case: id, class: label, class_name: "kidney" }))
  );
  const text = table(records, { rows: ["modality", "class"], columns: ["dice"] });
  assert.match(text, /\| ct +\| kidney \(1\) +\| .*\(n=2\)/);
  assert.match(text, /\| ct +\| kidney \(2\) +\| .*\(n=2\)/);
  assert.match(classBoxPlot(records), /kidney \(1\)[\s\S]*kidney \(2\)/);
});
