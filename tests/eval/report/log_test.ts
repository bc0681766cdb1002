import assert from "node:assert/strict";
import { parseLog } from "../../../eval/report/log.ts";

Deno.test("parseLog() skips empty cells and names the damaged line", () => {
  assert.deepEqual(parseLog("step,lr,csc\r\n1,1e-3,\r\n2,9e-4,0.25\r\n"), [
    { step: 1, lr: 1e-3 },
    { step: 2, lr: 9e-4, csc: 0.25 },
  ]);
  assert.throws(() => parseLog("loss\n1\n"), { code: "eval.log" });
  assert.throws(() => parseLog("step,loss\n1,0.5\n2,0." + "x\n"), {
    code: "eval.log",
    message: /log\.csv: row 2/,
  });
  assert.throws(() => parseLog("step,loss\n1,0.5\n2\n"), { code: "eval.csv", message: /log\.csv: row 2/ });
});
