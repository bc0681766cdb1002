/**
 * Run before a program (`deno run --preload`), makes its n-th operation on files fail, or its clock go wrong.
 *
 * `HUNT_FAIL` is `OPERATION:N:MESSAGE`: the N-th call of that operation, and all later ones, fail as the operating
 * system fails; a failing write has written half. With `HUNT_COUNT` the calls are counted into that file instead.
 * With `HUNT_CLOCK` the clock on the wall jumps back now and then.
 */

type Call = (...args: unknown[]) => unknown;

const [operation, first, message] = (Deno.env.get("HUNT_FAIL") ?? "").split(":");
const counted = Deno.env.get("HUNT_COUNT");
const calls = new Map<string, number>();

/** Whether this call fails. */
function fails(name: string): boolean {
  const n = (calls.get(name) ?? 0) + 1;
  calls.set(name, n);
  return name === operation && n >= Number(first);
}

const failure = () => new Error(`${message} (os error)`);

/** Files that belong to the program, not to its terminal. */
const isOutput = (path: unknown) => typeof path === "string" || path instanceof URL;

function replace(
  holder: object,
  method: string,
  name: string,
  half?: (call: Call, args: unknown[]) => unknown,
) {
  const original = (holder as Record<string, Call>)[method]!;
  const call = function (this: unknown, ...args: unknown[]) {
    if (!fails(name)) return original.apply(this, args);
    const done = half?.((...given) => original.apply(this, given), args);
    if (method.endsWith("Sync")) throw failure();
    return Promise.resolve(done).then(() => Promise.reject(failure()));
  };
  Object.defineProperty(holder, method, { value: call, configurable: true, writable: true });
}

const halfOf = (data: Uint8Array) => data.subarray(0, data.length >> 1);

replace(
  Deno.FsFile.prototype,
  "write",
  "write",
  (write, [data]) => write(halfOf(data as Uint8Array)),
);
replace(
  Deno,
  "writeFile",
  "write",
  (write, [path, data]) => write(path, halfOf(data as Uint8Array)),
);
replace(Deno.FsFile.prototype, "sync", "sync");
replace(Deno, "rename", "rename");
replace(Deno, "mkdir", "mkdir");

const open = Deno.open, openSync = Deno.openSync;
Object.assign(Deno, {
  open: (path: string | URL, options?: Deno.OpenOptions) =>
    isOutput(path) && options?.write && fails("open") ? Promise.reject(failure()) : open(path, options),
  openSync: (path: string | URL, options?: Deno.OpenOptions) => {
    if (isOutput(path) && options?.write && fails("open")) throw failure();
    return openSync(path, options);
  },
});

if (counted !== undefined) {
  const exit = Deno.exit;
  const writeTextFileSync = Deno.writeTextFileSync;
  Deno.exit = (code?: number): never => {
    writeTextFileSync(counted, JSON.stringify(Object.fromEntries(calls)));
    return exit(code);
  };
}

if (Deno.env.has("HUNT_CLOCK")) {
  const now = Date.now;
  let readings = 0, back = 0;
  Date.now = () => {
    if (++readings % 3 === 0) back += 3_600_000; // an hour, again and again
    return now() - back;
  };
  globalThis.Date = new Proxy(Date, {
    construct: (of, args) => args.length === 0 ? new of(of.now()) : Reflect.construct(of, args),
  });
}
