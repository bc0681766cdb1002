import { type CaseRecord, evaluateCase } from "../../eval/mod.ts";
import { makeBall } from "./make_grids.ts";
import { ndarray } from "../../eval/deps.ts";
import { Random } from "../../tensor/random.ts";

/** Records of `cases` small two-class, two-modality cases; the last case lacks or misses a class. */
export function makeRecords(cases = 6, seed = 1): CaseRecord[] {
  const random = new Random(seed);
  const shape = [12, 14, 16] as const, spacing = [2, 1, 1] as const;
  const classes = [{ id: 1, name: "liver" }, { id: 2, name: "spleen" }];
  return Array.from({ length: cases }, (_, i) => i).flatMap((i) =>
    ["ct", "mr"].flatMap((modality) => {
      const blob = (z: number, y: number, x: number, r: number): Uint8Array =>
        makeBall(shape, spacing, [z, y, x], r).array.data as Uint8Array;
      const paint = (shift: number, second: boolean): Uint8Array => {
        const liver = blob(5, 5 + shift, 5, 4), spleen = blob(7, 9, 12 - shift, 2.5);
        return liver.map((v, at) => v ? 1 : second && spleen[at] ? 2 : 0);
      };
      const grid = (data: Uint8Array) => ({ array: ndarray(data, [...shape]), spacing });
      const last = i === cases - 1;
      return evaluateCase({
        case: `case_${String(i).padStart(2, "0")}`,
        modality,
        prediction: grid(paint(random.uniform(-1.5, 1.5), !last)),
        reference: grid(paint(0, !(last && modality === "mr"))),
        classes,
      });
    })
  );
}
