import { execFile } from "node:child_process";
import { parseChanges, type Change } from "./changes";

const mostBytes = 64 << 20;

/** No program that the repository's configuration names is run. */
const plain = ["--no-ext-diff", "--no-textconv"];

function git(folder: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, maxBuffer: mostBytes, env: { ...process.env, GIT_OPTIONAL_LOCKS: "0" } };
    execFile(
      "git",
      ["--no-pager", "-c", "core.fsmonitor=false", ...words],
      options,
      (error, output, complaints) => {
        if (error) reject(new Error(complaints.trim() || error.message));
        else resolve(output);
      },
    );
  });
}

/** The files of the worktree as they are now, untracked ones included, against a commit. */
export async function changesSince(worktree: string, base: string): Promise<Change[]> {
  const [known, untracked] = await Promise.all([
    git(worktree, ["diff", "--name-status", "-z", "--find-renames", ...plain, base, "--"]),
    git(worktree, ["ls-files", "--others", "--exclude-standard", "-z"]),
  ]);
  return parseChanges(known, untracked);
}

/** A file as it is in a commit. */
export function fileAt(worktree: string, commit: string, path: string): Promise<string> {
  return git(worktree, ["show", ...plain, `${commit}:${path}`]);
}
