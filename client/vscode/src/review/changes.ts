/** A file that differs from the base. */
export interface Change {
  /** Relative to the worktree. */
  readonly path: string;
  /** Where it was in the base; another than `path` when it was renamed. */
  readonly before: string;
  readonly kind: "added" | "modified" | "deleted" | "renamed";
}

/**
 * What `git diff --name-status -z` printed, and `git ls-files --others -z` for files that git does not know yet; by path.
 */
export function parseChanges(nameStatus: string, untracked: string): Change[] {
  const words = nameStatus.split("\0");
  const changes: Change[] = [];
  for (let at = 0; words[at];) {
    const letter = words[at]?.charAt(0);
    const first = words[at + 1] ?? "";
    if (letter === "R" || letter === "C") {
      changes.push({ path: words[at + 2] ?? "", before: first, kind: letter === "R" ? "renamed" : "added" });
      at += 3;
    } else {
      const kind = letter === "A" ? "added" : letter === "D" ? "deleted" : "modified";
      changes.push({ path: first, before: first, kind });
      at += 2;
    }
  }
  for (const path of untracked.split("\0").filter(Boolean))
    changes.push({ path, before: path, kind: "added" });
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}
