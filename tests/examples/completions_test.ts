import assert from "node:assert/strict";
import { type Command, commonOptions, helpText, parse } from "../../examples/command.ts";
import { commands } from "../../examples/commands.ts";
import { command as completions, words } from "../../examples/completions.ts";
import { scripts } from "../../examples/completion_scripts.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

const all: readonly Command[] = [completions, ...commands];

/** Runs a line in a shell; undefined where the shell is missing. */
async function inShell(shell: string, script: string): Promise<string | undefined> {
  try {
    const { stdout, stderr, code } = await new Deno.Command(shell, { args: ["-c", script] }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What bash offers for the last of some words. */
function bashOffers(...line: string[]): Promise<string | undefined> {
  const typed = line.map((word) => `'${word}'`).join(" ");
  return inShell(
    "bash",
    `${scripts.bash!(words())}\nCOMP_WORDS=(${typed}); COMP_CWORD=${
      line.length - 1
    }; _cmc; echo "\${COMPREPLY[*]}"`,
  );
}

Deno.test("bash completes tasks, their options, and paths only where an option takes one", async () => {
  const offers = await bashOffers("deno", "task", "ro");
  if (offers === undefined) return; // no bash here
  assert.equal(offers, "robustness\n");
  assert.equal(await bashOffers("deno", "task", "train", "--label-r"), "--label-ratio\n");
  assert.equal(await bashOffers("deno", "task", "evaluate", "--js"), "--json\n");
  assert.equal(await bashOffers("deno", "task", "train", "--config", "deno.jso"), "deno.json\n");
  assert.equal(await bashOffers("deno", "task", "train", "--steps", "deno.jso"), "\n");
  assert.equal(await bashOffers("deno", "run", "--al"), "\n", "what is no task is left alone");
});

Deno.test("zsh and fish take their scripts, where they are installed", async () => {
  const fish = scripts.fish!(words());
  const offers = await inShell("fish", `${fish}\ncomplete -C "deno task train --label"`);
  if (offers !== undefined) assert.match(offers, /^--label-ratio\tshare /m);
  await inShell("zsh", `setopt noexec\n${scripts.zsh!(words())}`);
});

Deno.test("completions knows all commands that are tasks and their options", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const others = ["bench", "fast", "ok", "test"]; // bench belongs to the tests; fast takes the options of others
  assert.deepEqual(
    all.map(({ name }) => name).sort(),
    Object.keys(tasks).filter((name) => !others.includes(name)).sort(),
  );
  for (const word of words()) {
    const command = all.find(({ name }) => name === word.name);
    assert.deepEqual(word.options, command?.options, word.name);
  }
});

Deno.test("every command has two examples that it takes, and --help shows them with the defaults", () => {
  for (const command of all) {
    const help = helpText(command);
    const [text] = help.split("\nExamples:");
    for (const line of text!.split("\n")) assert.ok(line.length <= 110, `${command.name} --help: ${line}`);
    for (const example of command.examples) {
      parse(command, example.split(" ").filter((word) => word !== ""));
      assert.ok(help.includes(`deno task ${command.name} ${example}`.trimEnd()), command.name);
    }
    for (const [name, { default: usual }] of Object.entries({ ...command.options, ...commonOptions })) {
      const row = help.replaceAll(/\n {6,}/g, " ").split("\n").find((line) =>
        line.startsWith(`  --${name} `)
      );
      assert.ok(row?.endsWith(usual === undefined ? "" : ` (${usual})`), `${command.name} --${name}`);
    }
  }
});

Deno.test("-h is --help; a wrong option, shell or number of shells is wrong usage", async () => {
  await inFreshFolder(async (folder) => {
    const [short, long] = [
      await runExample("completions", ["-h"], folder),
      await runExample("completions", ["--help"], folder),
    ];
    assert.equal(short.code, 0);
    assert.equal(short.stdout, long.stdout);
    const wrong = await runExample("completions", ["--jsn"], folder);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /there is no option --jsn\n {2}Did you mean --json\?/);
    for (const args of [[], ["csh"], ["constructor"], ["bash", "zsh"]]) {
      assert.equal((await runExample("completions", args, folder)).code, 2, args.join());
    }
  });
});
