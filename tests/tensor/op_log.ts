/** Which rows a test ran on which device, for the table of `op_table.ts`. */

import type { Device } from "../../tensor/device.ts";

const path = Deno.env.get("CMC_OP_LOG");

/**
 * Records the rows that a device runs. The returned function writes them down, with further names, to be
 * called by a test that passed.
 */
export function logRuns(
  device: Device,
  deviceName: string,
  origin: string,
): (further: readonly string[]) => void {
  if (!path) return () => {};
  const ran = new Set<string>();
  const run = device.run.bind(device);
  device.run = (op, ...rest) => {
    ran.add(op.name);
    run(op, ...rest);
  };
  const file = origin.slice(origin.lastIndexOf("/") + 1);
  return (further) => {
    const lines = [...ran, ...further].map((name) => `${file}\t${deviceName}\t${name}\n`);
    Deno.writeTextFileSync(path, lines.join(""), { append: true });
  };
}
