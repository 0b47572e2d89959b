import assert from "node:assert/strict";
import type { Event } from "@api/event";
import { follow, Gap, type FollowOptions } from "../src/follow/follow";
import { event } from "./build";

class Lost extends Error {}

/** A log of events whose stream breaks as told: after so many events each, then never again. */
class Log {
  readonly opened: number[] = [];
  readonly pauses: number[] = [];
  readonly ending = new AbortController();

  constructor(
    private readonly length: number,
    private readonly breaks: number[],
    private readonly first = 1,
  ) {}

  async *open(after: number): AsyncGenerator<Event[]> {
    this.opened.push(after);
    const left = this.breaks.shift() ?? Infinity;
    await Promise.resolve();
    for (let at = Math.max(after + 1, this.first), sent = 0; at <= this.length; ++at, ++sent) {
      if (sent === left) throw new Lost();
      yield [event(at, undefined)];
    }
    if (left === 0) throw new Lost();
  }

  follow(options: Partial<FollowOptions> = {}): AsyncGenerator<Event> {
    return follow({
      open: (after) => this.open(after),
      after: 0,
      passing: (error) => error instanceof Lost,
      pause: (milliseconds) => {
        this.pauses.push(milliseconds);
        return Promise.resolve();
      },
      signal: this.ending.signal,
      ...options,
    });
  }
}

async function numbers(events: AsyncIterable<Event>): Promise<number[]> {
  const found: number[] = [];
  for await (const { sequence } of events) found.push(sequence);
  return found;
}

describe("following a run", () => {
  it("gives each event once and in order, however often the stream breaks", async () => {
    const log = new Log(9, [0, 3, 0, 0, 1]);
    assert.deepEqual(await numbers(log.follow()), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(log.opened, [0, 0, 3, 3, 3, 4]);
  });

  it("waits longer each time that nothing comes, and little again once something has come", async () => {
    const log = new Log(2, [0, 0, 0, 1, 0, 0]);
    await numbers(log.follow());
    assert.deepEqual(log.pauses, [100, 200, 400, 100, 200, 400]);
  });

  it("waits no longer than five seconds", async () => {
    const log = new Log(1, Array<number>(12).fill(0));
    await numbers(log.follow());
    assert.equal(log.pauses.at(-1), 5000);
  });

  it("leaves out what is known already", async () => {
    const log = new Log(4, []);
    const all = () => log.open(0);
    assert.deepEqual(await numbers(log.follow({ after: 2, open: all })), [3, 4]);
  });

  it("says so when events are missing, instead of going on as if nothing was", async () => {
    await assert.rejects(numbers(new Log(9, [], 5).follow({ after: 2 })), Gap);
  });

  it("passes on a failure that will not pass", async () => {
    const broken = new Error("no such run");
    const open = async function* () {
      await Promise.reject(broken);
      yield [];
    };
    await assert.rejects(numbers(new Log(1, []).follow({ open })), broken);
  });

  it("ends without a word when it is told to, also while it waits", async () => {
    const log = new Log(3, [2, 0, 0, 0]);
    const pause = () => {
      log.ending.abort();
      return Promise.resolve();
    };
    assert.deepEqual(await numbers(log.follow({ pause })), [1, 2]);
    assert.equal(log.opened.length, 1);
  });
});
