import { Client, credentials, Metadata, type ClientReadableStream } from "@grpc/grpc-js";
import { toFailure } from "./failure";

/** How a generated service describes one of its methods. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

const answerTime = 60_000;
const connectTime = 10_000;
const mostMessageBytes = 64 << 20;

/**
 * The daemon's API over its socket. It connects when it is first called, and again by itself after the daemon has
 * gone and come back. All failures are CallFailed.
 */
export class Daemon {
  private readonly client: Client;

  constructor(readonly socket: string) {
    this.client = new Client(`unix:${socket}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": mostMessageBytes,
      "grpc.enable_http_proxy": 0,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 2000,
    });
  }

  /** Waits until the connection stands: after earlier attempts in vain that takes a moment. */
  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.client.waitForReady(Date.now() + connectTime, (error) => {
        if (error) reject(new Error(`the daemon on ${this.socket} does not answer`));
        else resolve();
      });
    });
  }

  /** Calls a method that gives one answer. */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    milliseconds = answerTime,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + milliseconds },
        (error, response) => {
          if (error) reject(toFailure(error));
          else resolve(response as Response);
        },
      );
    });
  }

  /** Calls a method that gives a stream of answers, until it ends or the signal is given; then it just ends. */
  async *stream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): AsyncGenerator<Response> {
    const stream: ClientReadableStream<Response> = this.client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
    );
    const cancel = () => {
      stream.cancel();
    };
    signal.addEventListener("abort", cancel);
    if (signal.aborted) cancel();
    try {
      for await (const message of stream) yield message;
    } catch (error) {
      if (!signal.aborted) throw toFailure(error);
    } finally {
      signal.removeEventListener("abort", cancel);
      stream.cancel();
    }
  }

  close(): void {
    this.client.close();
  }
}
