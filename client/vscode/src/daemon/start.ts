import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { connect } from "node:net";
import { programCandidates } from "./place";

const startTime = 30_000;

/**
 * Sees to it that a daemon answers on the socket. It is started by the command line's own `fanout daemon start`, so that
 * there is one rule for it; several at once are welcome, one daemon results.
 * Throws, in a sentence for people, where there is none in the end.
 */
export async function ensureDaemon(socket: string, program: string, mayStart: boolean): Promise<void> {
  requireOwn(socket);
  if (await answers(socket)) return;
  if (!mayStart) throw new Error(`no daemon answers on ${socket}; start one with: fanout daemon start`);
  await run(findProgram(program), ["--socket", socket, "daemon", "start"]);
  requireOwn(socket);
}

/** Whoever serves the socket sees the plans and starts programs: it must be this user, or root. */
function requireOwn(socket: string): void {
  const status = statSync(socket, { throwIfNoEntry: false });
  if (!status || status.uid === 0 || status.uid === process.getuid?.()) return;
  throw new Error(
    `another user (uid ${status.uid}) serves ${socket}: name a socket of your own in fanout.socket`,
  );
}

/** Whether somebody listens there. */
export function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const settle = (is: boolean) => {
      connection.destroy();
      resolve(is);
    };
    connection.once("connect", () => {
      settle(true);
    });
    connection.once("error", () => {
      settle(false);
    });
  });
}

function findProgram(chosen: string): string {
  const found = programCandidates(chosen, process.env).find(isProgram);
  if (found) return found;
  throw new Error(
    chosen
      ? `the setting fanout.program names ${chosen}, which is no absolute path of a program`
      : "no daemon answers, and the program fanout is not in PATH: install it, or name it in the setting fanout.program",
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function run(program: string, words: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, words, { timeout: startTime, cwd: "/" }, (error, _, complaints) => {
      if (!error) resolve();
      else reject(new Error(complaints.trim() || error.message));
    });
  });
}
