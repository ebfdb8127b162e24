/** The table of operations and who does them. */
import type { Handler } from './context.ts';
import type { S3Operation } from './operations.ts';

/** Operation to handler. An operation without one is answered 501 NotImplemented. */
export const HANDLERS: Readonly<Partial<Record<S3Operation, Handler>>> = {};
