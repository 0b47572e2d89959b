import { RunState, type Run } from "@api/run";
import type { Event } from "@api/event";
import { follow, Gap } from "../follow/follow";
import { pause } from "../follow/pause";
import { fold } from "./fold";

/** Where runs come from: the daemon, or a test. */
export interface Source {
  readonly list: () => Promise<readonly Run[]>;
  readonly watch: (runId: string, after: number, signal: AbortSignal) => AsyncIterable<readonly Event[]>;
  /** Whether after this failure the same may succeed later. */
  readonly passing: (error: unknown) => boolean;
}

export interface State {
  /** Newest first. */
  readonly runs: readonly Run[];
  /** Why nothing newer is known; empty: all is. */
  readonly trouble: string;
}

const lookPause = 2000;

/**
 * All runs as they are, for as long as the signal is not given. Which there are is asked for every few seconds, since
 * others may start some; each that is under way is followed event by event.
 */
export class Runs {
  private state: State = { runs: [], trouble: "" };
  private readonly followed = new Map<string, Promise<void>>();

  constructor(
    private readonly source: Source,
    private readonly changed: (state: State) => void,
    private readonly signal: AbortSignal,
  ) {}

  get current(): State {
    return this.state;
  }

  /** Looks, and looks again, until the signal is given; then waits for all that it began. */
  async run(): Promise<void> {
    while (!this.signal.aborted) {
      await this.look();
      await pause(lookPause, this.signal);
    }
    await Promise.allSettled(this.followed.values());
  }

  /** Asks which runs there are, now. Never throws: what goes wrong is part of the state. */
  async look(): Promise<void> {
    try {
      const listed = await this.source.list();
      this.set({ runs: listed.map((run) => this.newer(run)), trouble: "" });
      for (const run of this.state.runs) this.attend(run);
    } catch (error) {
      this.set({ ...this.state, trouble: error instanceof Error ? error.message : String(error) });
    }
  }

  /** What was followed may be ahead of what was listed. */
  private newer(listed: Run): Run {
    const known = this.state.runs.find((run) => run.id === listed.id);
    return known && known.lastSequence >= listed.lastSequence ? known : listed;
  }

  private attend(run: Run): void {
    if (run.state !== RunState.RUN_STATE_RUNNING || this.followed.has(run.id)) return;
    const done = this.follow(run).finally(() => this.followed.delete(run.id));
    this.followed.set(run.id, done);
  }

  private async follow(begin: Run): Promise<void> {
    let run = begin;
    const events = follow({
      open: (after, signal) => this.source.watch(run.id, after, signal),
      after: run.lastSequence,
      passing: this.source.passing,
      pause,
      signal: this.signal,
    });
    try {
      for await (const event of events) {
        run = fold(run, event);
        this.put(run);
      }
    } catch (error) {
      // After a gap the next look begins anew from what the daemon says.
      if (error instanceof Gap) this.forget(run.id);
      else this.set({ ...this.state, trouble: error instanceof Error ? error.message : String(error) });
    }
  }

  private put(run: Run): void {
    this.set({ ...this.state, runs: this.state.runs.map((known) => (known.id === run.id ? run : known)) });
  }

  private forget(id: string): void {
    this.state = { ...this.state, runs: this.state.runs.filter((run) => run.id !== id) };
  }

  private set(state: State): void {
    this.state = state;
    this.changed(state);
  }
}
