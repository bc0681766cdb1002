/**
 * The books of a device: what it handed out, what came back, and how many kernels it ran.
 *
 * @module
 */

import type { DeviceStatistics } from "./device.ts";

/** Counts what is handed out. */
export class Ledger {
  #liveBuffers = 0;
  #liveBytes = 0;
  #peakBytes = 0;
  /** Kernels queued so far. */
  dispatches = 0;

  /** A buffer of so many bytes was handed out. */
  add(bytes: number): void {
    this.#liveBuffers++;
    this.#liveBytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
  }

  /** It came back. */
  remove(bytes: number): void {
    this.#liveBuffers--;
    this.#liveBytes -= bytes;
  }

  /** The counts. */
  read(): DeviceStatistics {
    return {
      liveBuffers: this.#liveBuffers,
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
      dispatches: this.dispatches,
    };
  }

  /** Starts the peak anew. */
  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }
}
