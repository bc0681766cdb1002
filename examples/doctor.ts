/**
 * Looks at everything a training needs of this machine, and says what to do where something is amiss.
 *
 * ```sh
 * deno task doctor
 * ```
 *
 * Exit code 1 when something will not work.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { type Command, main, type Result } from "./command.ts";
import { checkCpu, checkWebGpu, type Finding } from "./doctor_devices.ts";

/** The oldest Deno that the tests run on. */
const oldest = [2, 9] as const;
/** Where trainings put their runs, below the working directory. */
const runs = "runs";

/** Whether a version of Deno is new enough. */
export function checkVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isNew = major > oldest[0] || major === oldest[0] && minor >= oldest[1];
  return isNew ? { check: "deno", state: "ok", found: version } : {
    check: "deno",
    state: "fault",
    found: `${version} is older than ${oldest.join(".")}`,
    fix: "deno upgrade, or npx -y deno@2.9.6 task …",
  };
}

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** Whether there is as much of something as a training may take. */
export function checkRoom(check: string, free: number, total: number, enough: number, fix: string): Finding {
  const found = `${gib(free)} free of ${gib(total)}`;
  return free >= enough ? { check, state: "ok", found } : { check, state: "note", found, fix };
}

/** What to do when this program may not look at something. */
function unseen(check: string, permission: string): Finding {
  return { check, state: "note", found: "not looked at", fix: `Add ${permission} to see it.` };
}

async function granted(...permissions: Deno.PermissionDescriptor[]): Promise<boolean> {
  const states = await Promise.all(permissions.map((permission) => Deno.permissions.query(permission)));
  return states.every(({ state }) => state === "granted");
}

async function checkMemory(): Promise<Finding> {
  if (!await granted({ name: "sys", kind: "systemMemoryInfo" })) {
    return unseen("memory", "--allow-sys=systemMemoryInfo");
  }
  const { available, total } = Deno.systemMemoryInfo();
  const fix =
    "deno task train --dry-run says what a training takes; a smaller --patch or --batch takes less.";
  return checkRoom("memory", available, total, 2 ** 31, fix);
}

async function checkDisk(): Promise<Finding> {
  if (!await granted({ name: "sys", kind: "statfs" }, { name: "read", path: "." })) {
    return unseen("disk", "--allow-sys=statfs --allow-read=.");
  }
  const { bsize, bavail, blocks } = await statfs(".");
  const fix = "A run keeps two checkpoints and its predictions; choose another folder with --out.";
  return checkRoom("disk", bsize * bavail, bsize * blocks, 2 ** 30, fix);
}

/** Whether a run could be written: a file is, and removed again. */
async function checkWriting(): Promise<Finding> {
  const check = "writing";
  if (!await granted({ name: "write", path: runs })) return unseen(check, `--allow-write=${runs}`);
  try {
    const isNew = await Deno.mkdir(runs).then(() => true, (error) => {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw error;
    });
    const file = `${runs}/.doctor-${crypto.randomUUID()}`;
    await Deno.writeTextFile(file, "", { createNew: true });
    await Deno.remove(file);
    if (isNew) await Deno.remove(runs);
    return { check, state: "ok", found: `${runs}/ can be written` };
  } catch (error) {
    const found = `${runs}/ cannot be written: ${(error as Error).message}`;
    return { check, state: "fault", found, fix: "Change to a folder that is yours, or give --out DIR." };
  }
}

/** The findings, one a line, with what to do. */
function lines(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  return findings.map(({ check, state, found, fix }) =>
    `${state.padEnd(5)}  ${check.padEnd(width)}  ${found}${fix === undefined ? "" : `. ${fix}`}`
  ).join("\n");
}

/** What `deno task doctor` does. */
export const command: Command = {
  name: "doctor",
  summary: "Looks at everything a training needs of this machine: one line a finding, and what to do.",
  options: {},
  examples: [
    "",
    "--json",
  ],
  async run(): Promise<Result> {
    const findings = [
      checkVersion(Deno.version.deno),
      await checkMemory(),
      await checkDisk(),
      await checkWriting(),
      ...await checkCpu(),
      ...await checkWebGpu(),
    ];
    const hasFault = findings.some(({ state }) => state === "fault");
    return { text: lines(findings), json: { findings }, exitCode: hasFault ? 1 : 0 };
  },
};

if (import.meta.main) await main(command);
