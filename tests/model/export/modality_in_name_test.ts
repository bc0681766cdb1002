import assert from "node:assert/strict";
import { hasModality } from "../../../model/export/page/modality_in_name.ts";

Deno.test("a file is of a modality whose id is a word of its name", () => {
  const rows: [string, string, boolean][] = [
    ["case_ct.nii.gz", "ct", true],
    ["P7-CT.nii", "ct", true],
    ["project_mr.nii.gz", "ct", false],
    ["Hospital_Direct_07_MR.nii.gz", "ct", false],
    ["Hospital_Direct_07_MR.nii.gz", "mr", true],
    ["a_t1c.nii.gz", "t1", false],
    ["a_t1c.nii.gz", "t1c", true],
    ["a (t2*).nii", "t2*", true],
  ];
  for (const [name, id, want] of rows) assert.equal(hasModality(name, id), want, `${name} ${id}`);
});
