/**
 * Turns WebGPU's silent failures into errors.
 *
 * In WebGPU a bad command does not throw: the complaint arrives later, in an error scope or as an
 * `uncapturederror` event. This class opens the scopes, keeps the first complaint until the next call on the
 * device, and throws it there. A lost device leaves a complaint that stays.
 *
 * @module
 */

import { DeviceError, OutOfMemoryError } from "../errors.ts";

const trouble = "Please report it with the message and the adapter's name.";

/** The failures of one GPU device. */
export class Faults {
  readonly #gpu: GPUDevice;
  readonly #pending = new Set<Promise<void>>();
  readonly #end = Promise.withResolvers<never>();
  #first: DeviceError | undefined;
  #dead: DeviceError | undefined;

  readonly #onOutOfMemory: () => void;
  readonly #patienceMs: number;
  /** When it last answered, in the milliseconds of `performance`. */
  #answered = 0;

  /**
   * Listens to a device; `onOutOfMemory` may free what can be freed. No answer for
   * `patienceMs`, while somebody waits, is a failure: some drivers never answer after a fault.
   */
  constructor(gpu: GPUDevice, onOutOfMemory: () => void, patienceMs: number) {
    this.#gpu = gpu;
    this.#onOutOfMemory = onOutOfMemory;
    this.#patienceMs = patienceMs;
    this.#end.promise.catch(() => {}); // nobody may be waiting
    gpu.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.#note(error, "a command");
      event.preventDefault();
    });
    gpu.lost?.then(({ reason, message }) => {
      this.end(
        new DeviceError("device.lost", `the WebGPU device was lost (${reason}): ${message}`, {
          fix: "Open the device again and resume from the last checkpoint.",
        }),
      );
    });
  }

  /** Runs something that talks to the GPU; a complaint about it will name `what`. */
  guard<T>(what: () => string, body: () => T): T {
    this.#gpu.pushErrorScope("out-of-memory");
    this.#gpu.pushErrorScope("validation");
    try {
      return body();
    } finally {
      for (let scopes = 0; scopes < 2; scopes++) {
        const check = this.#gpu.popErrorScope().then(
          (error) => {
            if (error) this.#note(error, what());
          },
          () => {}, // a dead device answers nothing; `lost` reports it
        ).finally(() => this.#pending.delete(check));
        this.#pending.add(check);
      }
    }
  }

  /** No call succeeds any more. */
  end(error: DeviceError): void {
    if (this.#dead) return;
    this.#dead = error;
    this.#end.reject(error);
  }

  /** Throws the oldest complaint, once; for ever when the device is gone. */
  throwIfAny(): void {
    if (this.#dead) throw this.#dead;
    const error = this.#first;
    this.#first = undefined;
    if (error) throw error;
  }

  /** Waits for a promise of the GPU and for all complaints up to now, or throws when the device goes. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    const checked = promise.then(
      async (value) => {
        await Promise.all(this.#pending);
        return value;
      },
      async (cause) => {
        await Promise.all(this.#pending); // the reason behind it, if any, is there
        this.throwIfAny();
        throw new DeviceError("device.read", `reading back failed: ${cause}`, { cause, fix: trouble });
      },
    );
    const late = Promise.withResolvers<never>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begun = performance.now();
    const watch = () => {
      // Others may wait for what comes first: while they get answers, the device lives.
      const left = Math.max(begun, this.#answered) + this.#patienceMs - performance.now();
      if (left <= 0) late.reject(this.#noAnswer());
      else timer = setTimeout(watch, left);
    };
    watch();
    try {
      const value = await Promise.race([checked, this.#end.promise, late.promise]);
      this.#answered = performance.now();
      this.throwIfAny();
      return value;
    } finally {
      clearTimeout(timer);
    }
  }

  #noAnswer(): DeviceError {
    return new DeviceError(
      "device.timeout",
      `the WebGPU device gave no answer for ${this.#patienceMs / 1000} s`,
      {
        fix: "Start again from the last checkpoint; with a smaller patch or batch if the work was that long.",
      },
    );
  }

  #note(error: GPUError, what: string): void {
    const isMemory = error instanceof GPUOutOfMemoryError;
    if (isMemory && !this.#dead) this.#onOutOfMemory();
    this.#first ??= isMemory
      ? new OutOfMemoryError("device.memory", `${what}: the device is out of memory: ${error.message}`, {
        fix: "Use a smaller patch, batch or network, or close other programs that use the GPU. " +
          "If memory is free, this may be a false alarm (github.com/denoland/deno/issues/35195).",
      })
      : new DeviceError("device.command", `${what} was refused: ${error.message}`, { fix: trouble });
  }
}
