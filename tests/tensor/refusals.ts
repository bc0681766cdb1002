/** Assertions on typed errors. */

import assert from "node:assert/strict";
import { CodedError } from "../../tensor/errors.ts";

/** Matches an error by its code, and by its message where a pattern is given. */
export function withCode(code: string, message = /./): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof CodedError, `no CodedError: ${error}`);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}
