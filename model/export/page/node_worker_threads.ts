/**
 * What the page has in place of `node:worker_threads`: memory is shared between threads only on pages that a server
 * sends with certain headers, so the page computes in one.
 *
 * @module
 */

/** Cannot be started. */
export class Worker {
  /** @throws {Error} always: one thread starts no other */
  constructor() {
    throw new Error("an exported page computes in one thread");
  }
}
