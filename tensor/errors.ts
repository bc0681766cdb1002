/**
 * The base class of every error this toolkit throws on purpose, and the errors of the tensor library.
 *
 * @module
 */

/** What to attach to a {@link CodedError} besides its message. */
export interface CodedErrorOptions {
  /** What the reader can do about it: one sentence, imperative. */
  readonly fix?: string;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/**
 * An error with a stable machine-readable `code` such as `"shape.mismatch"`.
 *
 * The message says what, where, got and expected; `fix` says what to do next. Programs print
 * `error[code]: message` and, indented below it, the fix.
 */
export class CodedError extends Error {
  /** Stable identifier, `area.problem`. */
  readonly code: string;
  /** What the reader can do about it, when there is something to do. */
  readonly fix: string | undefined;

  /** Makes an error with a code, a message and, where there is one, a remedy. */
  constructor(code: string, message: string, options: CodedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.fix = options.fix;
  }
}

/** Tensor shapes, ranks, axes or dtypes that do not fit an operation. */
export class ShapeError extends CodedError {}

/** A device that cannot be opened, was lost, or refused a command. */
export class DeviceError extends CodedError {}

/** An allocation that the device cannot serve. */
export class OutOfMemoryError extends DeviceError {}

/** NaN or infinity where a finite number is needed. */
export class NumericError extends CodedError {}

/** A tensor used after its memory was given back. */
export class DisposedError extends CodedError {}

/** A file of parameters that is damaged or belongs to another network. */
export class ParameterFileError extends CodedError {}
