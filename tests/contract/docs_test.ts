import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { manifestJsonSchema } from "../../data/mod.ts";
import { metrics } from "../../eval/metrics/metrics.ts";
import { defaultPolicy } from "../../eval/metrics/policy.ts";
import { command as train } from "../../examples/train.ts";
import { costOf, methods, presetNames, resolveConfig } from "../../model/mod.ts";

const root = new URL("../../", import.meta.url);

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  assert.ok(rows.length > 0, "the table is empty");
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** What CMC of two modalities and three classes costs with each preset at its patch, one of each kind a step. */
const presetCosts = await Promise.all(presetNames.map(async (name) => {
  const config = resolveConfig({ preset: name, batch: 1 }), { patch } = config;
  const { parameters, multiplyAdds, peakBytes } = await costOf(config, { modalities: 2, classes: 4 });
  const giga = multiplyAdds / 1e9;
  return [
    `\`${name}\``,
    patch.join(" × "),
    `${(parameters / 1e6).toPrecision(3)} M`,
    giga < 100 ? giga.toPrecision(2) : giga.toFixed(0),
    (peakBytes / 2 ** 20).toFixed(0),
  ];
}));

interface Field {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly items?: Field;
  readonly required?: readonly string[];
}

function manifestRows(field: Field, prefix = ""): string[][] {
  const { properties = {}, required = [] } = field.items ?? field;
  return Object.entries(properties).filter(([name]) => name !== "$schema").flatMap(([name, of]) => [
    [`\`${prefix}${name}\``, required.includes(name) ? "yes" : "", of.description ?? ""],
    ...manifestRows(of, `${prefix}${name}.`),
  ]);
}

const examples = [
  ...["your_own_data", "your_own_loss", "your_own_method", "three_modalities", "missing_modality"],
  ...["unpaired", "overfit_one_case"],
];

/** The first sentence at the top of an example. */
async function shows(name: string): Promise<string> {
  const text = await Deno.readTextFile(new URL(`examples/${name}.ts`, root));
  const top = text.slice(0, text.indexOf("\n *\n")).replace("/**", "").replaceAll(/\s*\n \* /g, " ").trim();
  return /^.*?[.?](?= |$)/.exec(top)![0];
}

/** What a metric is where only one volume holds the class. */
const missed: Readonly<Record<string, string>> = {
  compute: "by its definition",
  distance: `the ${defaultPolicy.missDistance} of the image`,
};

/** The tables of each page, made from the code. */
const tables: Readonly<Record<string, Readonly<Record<string, () => string | Promise<string>>>>> = {
  "examples/README.md": {
    examples: async () =>
      markdown(
        ["example", "shows"],
        await Promise.all(examples.map(async (name) => [`[${name}](${name}.ts)`, await shows(name)])),
      ),
    commands: () =>
      markdown(
        ["command", "does"],
        Object.entries(project.tasks).map(([name, { description }]) => [`\`${name}\``, description]),
      ),
    settings: () =>
      markdown(
        ["option", "default", "meaning"],
        Object.entries(train.options).map(([name, { value, help, default: usual }]) => [
          `\`--${name}${value === undefined ? "" : ` ${value}`}\``,
          usual ?? "",
          help,
        ]),
      ),
  },
  "model/README.md": {
    methods: () =>
      markdown(
        ["`--method`", "what it is", "source"],
        [...methods.values()].map(({ name, summary, cite }) => [`\`${name}\``, summary, cite]),
      ),
    presets: () =>
      markdown(
        ["`--preset`", "patch it was made for", "parameters", "G multiply-adds", "MiB a training step"],
        presetCosts,
      ),
  },
  "data/README.md": {
    manifest: () => markdown(["field", "required", "meaning"], manifestRows(manifestJsonSchema() as Field)),
  },
  "eval/README.md": {
    metrics: () =>
      markdown(
        ["name", "metric", "unit", "better", "definition", "a missed class"],
        Object.entries(metrics).map(([name, row]) => [
          `\`${name}\``,
          row.label,
          row.unit,
          row.better,
          row.definition(defaultPolicy),
          missed[row.whenMissed] ?? `${row.whenMissed}`,
        ]),
      ),
  },
};

/** Without the spaces and dashes by which the formatter lines cells up. */
const unaligned = (text: string) => text.replaceAll(/ *\| */g, "|").replaceAll(/-{3,}:?/g, "---").trim();

Deno.test("the tables in the documentation are what the code says (UPDATE_SNAPSHOTS=1 writes them)", async (t) => {
  for (const [page, parts] of Object.entries(tables)) {
    for (const [name, make] of Object.entries(parts)) {
      await t.step(`${page}: ${name}`, async () => {
        const file = new URL(page, root), text = await Deno.readTextFile(file), expected = await make();
        const [begin, end] = [`<!-- ${name} -->`, "<!-- end -->"], from = text.indexOf(begin) + begin.length;
        assert.ok(from >= begin.length, `${begin} is missing`);
        const to = text.indexOf(end, from);
        if (Deno.env.get("UPDATE_SNAPSHOTS") === "1") {
          await Deno.writeTextFile(file, `${text.slice(0, from)}\n\n${expected}\n\n${text.slice(to)}`);
          return;
        }
        assert.equal(unaligned(text.slice(from, to)), unaligned(expected));
      });
    }
  }
});

Deno.test("links between the pages lead to files", async () => {
  for (const page of ["README.md", "CONTRIBUTING.md", ...Object.keys(tables)]) {
    const file = new URL(page, root);
    for (const [, link] of (await Deno.readTextFile(file)).matchAll(/\]\(([^)#]+)\)/g)) {
      if (!link!.startsWith("https:")) assert.ok(await Deno.stat(new URL(link!, file)), `${page}: ${link}`);
    }
  }
});
