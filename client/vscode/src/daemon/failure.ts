import { status, type Metadata } from "@grpc/grpc-js";
import { PlanFaults } from "@api/service";
import type { Diagnostic } from "@api/plan";

/** A call that did not succeed. Its message is one sentence for people. */
export class CallFailed extends Error {
  constructor(
    message: string,
    readonly code: status,
    /** What is wrong with the plan, where that is why. */
    readonly faults: readonly Diagnostic[] = [],
  ) {
    super(message);
    this.name = "CallFailed";
  }

  /** The daemon is not there, or ends just now: the same call may succeed with the next one. */
  get passing(): boolean {
    return this.code === status.UNAVAILABLE || this.code === status.CANCELLED;
  }
}

interface GrpcError {
  readonly code: status;
  readonly details: string;
  readonly metadata?: Metadata;
}

function isGrpcError(error: unknown): error is GrpcError {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}

/** What gRPC throws, as ours; any other error as it is. */
export function toFailure(error: unknown): Error {
  if (!isGrpcError(error)) return error instanceof Error ? error : new Error(String(error));
  const details = error.metadata?.get("grpc-status-details-bin")[0];
  const faults = Buffer.isBuffer(details) ? PlanFaults.decode(details).diagnostics : [];
  return new CallFailed(sentenceOf(error), error.code, faults);
}

function sentenceOf({ code, details }: GrpcError): string {
  switch (code) {
    case status.UNAVAILABLE:
      return `the daemon does not answer: ${details}`;
    case status.UNIMPLEMENTED:
      return "the daemon is older than this extension: after an upgrade, fanout daemon restart brings the new one";
    default:
      return details;
  }
}

/** For people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
