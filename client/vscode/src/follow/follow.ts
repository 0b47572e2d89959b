import type { Event } from "@api/event";

/** Why following cannot go on from where it was: the events between were compacted, or never came. Begin anew. */
export class Gap extends Error {}

export interface FollowOptions {
  /** Opens the stream of events behind a sequence number. It ends when the run has ended, or throws. */
  readonly open: (after: number, signal: AbortSignal) => AsyncIterable<readonly Event[]>;
  /** The last event that is known already. */
  readonly after: number;
  /** Whether after this failure the same may succeed later. */
  readonly passing: (error: unknown) => boolean;
  /** Waits before the next try; returns early when the signal is given. */
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

const firstPause = 100;
const longestPause = 5000;

/**
 * The events of a run, each once and in order, over any number of deaths of the daemon: a stream that breaks is opened
 * again behind the last event that came. Returns when the run has ended, or the signal is given.
 * Throws Gap, or the failure that is not passing.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<Event> {
  const { signal } = options;
  let last = options.after;
  let pause = firstPause;
  const over = (): boolean => signal.aborted;
  while (!over()) {
    try {
      for await (const events of options.open(last, signal)) {
        for (const event of events) {
          if (event.sequence <= last) continue;
          if (event.sequence !== last + 1)
            throw new Gap(`events ${last + 1} to ${event.sequence - 1} are not there`);
          last = event.sequence;
          pause = firstPause;
          yield event;
        }
      }
      return;
    } catch (error) {
      if (over()) return;
      if (!options.passing(error)) throw error;
      await options.pause(pause, signal);
      pause = Math.min(2 * pause, longestPause);
    }
  }
}
