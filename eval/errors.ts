import { CodedError } from "../tensor/errors.ts";

/** Label volumes, records or predictions that cannot be evaluated as they are. */
export class EvalError extends CodedError {}
