import assert from "node:assert/strict";
import type { Case, LabelledCase } from "../../data/dataset.ts";
import type { DataError, DataWarning } from "../../data/errors.ts";
import { checkSplit, kFold, labelRatio, parseRatio, splitByLabelRatio } from "../../data/split.ts";

const cases: LabelledCase[] = Array.from({ length: 40 }, (_, i) => ({
  id: `scan_${String(i).padStart(2, "0")}`,
  subject: `person_${Math.floor(i / 2)}`,
  images: { ct: "x" },
  labels: { shared: "y" },
}));
const subjectOf = new Map(cases.map(({ id, subject }) => [id, subject]));
const parts = { seed: 3, validation: 0.1, test: 0.2 };

Deno.test("splitByLabelRatio() keeps the scans of a subject together and uses every subject once", () => {
  const split = splitByLabelRatio({ cases }, { ...parts, ratio: 0.5 });
  const homes = new Map<string, Set<string>>();
  for (const [part, ids] of Object.entries(split)) {
    for (const id of ids) {
      homes.set(subjectOf.get(id)!, (homes.get(subjectOf.get(id)!) ?? new Set()).add(part));
    }
  }
  assert.ok([...homes.values()].every((of) => of.size === 1));
  assert.equal(Object.values(split).flat().length, cases.length);
  checkSplit({ cases }, split);
});

Deno.test("splitByLabelRatio() is nested: a smaller ratio's labelled set lies inside a larger one's", () => {
  const ratios = [0.01, 0.1, 0.2, 0.5, 0.8, 1];
  const splits = ratios.map((ratio) => splitByLabelRatio({ cases }, { ...parts, ratio }));
  splits.slice(1).forEach((larger, at) => {
    const smaller = splits[at]!;
    assert.ok(smaller.labelled.every((id) => larger.labelled.includes(id)));
    assert.deepEqual([smaller.test, smaller.validation], [larger.test, larger.validation]);
  });
  assert.equal(splits[0]!.labelled.length, 2); // one subject with two scans
  assert.equal(splits.at(-1)!.unlabelled.length, 0);
});

Deno.test("splitByLabelRatio() depends on seed and ids only, not on the order of the cases", () => {
  const forward = splitByLabelRatio({ cases }, { ...parts, ratio: 0.2 });
  assert.deepEqual(splitByLabelRatio({ cases: [...cases].reverse() }, { ...parts, ratio: 0.2 }), forward);
  assert.notDeepEqual(splitByLabelRatio({ cases }, { ...parts, seed: 4, ratio: 0.2 }), forward);
  // A fixed expectation: any machine, any version must draw these.
  assert.deepEqual(splitByLabelRatio({ cases }, { ...parts, count: 1 }).labelled, ["scan_14", "scan_15"]);
});

Deno.test("splitByLabelRatio() with strata mixes them in every prefix", () => {
  const stratify = ({ subject }: Case) => Number(subject.slice(7)) < 10 ? "a" : "b";
  for (let count = 1; count <= 20; count++) {
    const { labelled } = splitByLabelRatio({ cases }, { seed: 1, validation: 0, test: 0, count, stratify });
    const inA = new Set(labelled.map((id) => subjectOf.get(id)!)).size === count
      ? labelled.filter((id) => Number(subjectOf.get(id)!.slice(7)) < 10).length / 2
      : NaN;
    assert.ok(Math.abs(inA - count / 2) <= 1, `${inA} of ${count}`);
  }
});

Deno.test("splitByLabelRatio() never labels, validates or tests on a subject without labels", () => {
  const mixed: Case[] = cases.map((of, i) =>
    i < 10 ? { id: of.id, subject: of.subject, images: of.images } : of
  );
  const split = splitByLabelRatio({ cases: mixed }, { ...parts, ratio: 1 });
  assert.deepEqual(split.unlabelled, mixed.slice(0, 10).map(({ id }) => id));
});

Deno.test("kFold() tests every subject exactly once", () => {
  const folds = kFold({ cases }, 5, { seed: 1, validation: 2, ratio: 0.5 });
  assert.deepEqual(folds.flatMap(({ test }) => test).sort(), cases.map(({ id }) => id));
  folds.forEach((split) => checkSplit({ cases }, split));
});

Deno.test("parseRatio() and splitByLabelRatio() refuse ratios that make no sense", () => {
  assert.equal(parseRatio("10%"), 0.1);
  assert.equal(parseRatio("0.25"), 0.25);
  const refused = (code: string) => (error: DataError) => error.code === code;
  for (const ratio of [0, NaN, 1.5, -0.1, "ten", "", "0%"]) {
    assert.throws(() => parseRatio(ratio), refused("split.ratio"), String(ratio));
  }
  assert.throws(() => splitByLabelRatio({ cases }, parts), refused("split.ratio"));
  assert.throws(() => splitByLabelRatio({ cases }, { ...parts, count: 99 }), refused("split.ratio"));
  assert.throws(() => splitByLabelRatio({ cases }, { ...parts, test: 20, ratio: 1 }), refused("split.empty"));
  const tiny = splitByLabelRatio({ cases: cases.slice(0, 20) }, {
    seed: 1,
    validation: 0,
    test: 0,
    ratio: 0.001,
  });
  assert.equal(tiny.labelled.length, 2); // rounded up to one subject
});

Deno.test("checkSplit() finds unknown, repeated and leaking cases", () => {
  const none = { labelled: [], unlabelled: [], validation: [], test: [] };
  const code = (split: Parameters<typeof checkSplit>[1]) => {
    try {
      checkSplit({ cases }, split);
      return "fine";
    } catch (error) {
      return (error as DataError).code;
    }
  };
  assert.equal(code({ ...none, labelled: ["scan_00"], unlabelled: ["scan_00", "scan_01"] }), "fine");
  assert.equal(code({ ...none, test: ["scan_99"] }), "split.unknown");
  assert.equal(code({ ...none, test: ["scan_00", "scan_00"] }), "split.leak");
  assert.equal(code({ ...none, labelled: ["scan_00"], test: ["scan_01"] }), "split.leak"); // one person
});

/** Cases of subjects by name, `+` for one with labels, `-` for one without. */
function scans(subjects: Record<string, string>): Case[] {
  return Object.entries(subjects).flatMap(([subject, marks]) =>
    [...marks].map((mark, i): Case => ({
      id: `${subject}${i}`,
      subject,
      images: { ct: "x" },
      ...(mark === "+" ? { labels: { shared: "y" } } : {}),
    }))
  );
}

Deno.test("splitByLabelRatio() uses labels case by case: a scan without labels costs its subject no others", () => {
  const all = { seed: 1, validation: 0, test: 0, ratio: 1 };
  const cases = scans({ a: "+-+", b: "++", c: "--", d: "-+" });
  const split = splitByLabelRatio({ cases }, all);
  assert.deepEqual([split.labelled, split.unlabelled], [["a0", "a2", "b0", "b1", "d1"], [
    "a1",
    "c0",
    "c1",
    "d0",
  ]]);
  checkSplit({ cases }, split);
  // Where a case is judged, the scans without labels of its subject may not train either; they are named.
  const warnings: DataWarning[] = [];
  const judged = splitByLabelRatio({ cases: scans({ a: "+-", b: "+-", c: "+-" }) }, {
    ...all,
    validation: 1,
    test: 1,
    onWarning: (warning) => warnings.push(warning),
  });
  assert.deepEqual(Object.values(judged).map((ids) => ids.length), [1, 1, 1, 1]);
  assert.deepEqual(warnings.map(({ code }) => code), ["split.unused", "split.unused"]);
  assert.match(warnings[1]!.message, new RegExp(`1 cases of test .*: ${judged.test[0]![0]}1$`));
  const folds = kFold({ cases }, 3, { seed: 1, validation: 0, ratio: 1 });
  assert.deepEqual(folds.flatMap(({ test }) => test).sort(), ["a0", "a2", "b0", "b1", "d1"]);
});

Deno.test("labelRatio() is what was asked for, however many subjects have no labels", () => {
  const names = (count: number, letter: string) => Array.from({ length: count }, (_, i) => `${letter}${i}_`);
  for (const bare of [0, 6, 40]) {
    const cases = scans({
      ...Object.fromEntries(names(10, "l").map((name) => [name, "++"])),
      ...Object.fromEntries(names(bare, "u").map((name) => [name, "-"])),
    });
    for (const ratio of [0.1, 0.4, 1]) {
      const split = splitByLabelRatio({ cases }, { seed: 2, validation: 0, test: 0, ratio });
      assert.equal(labelRatio({ cases }, split), ratio, `${bare} subjects without labels`);
    }
  }
  const none = scans({ a: "-" });
  assert.throws(
    () => labelRatio({ cases: none }, { labelled: [], unlabelled: ["a0"] }),
    (error: DataError) => error.code === "split.empty",
  );
});
