import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { MergeEnded, MergeResponse } from "@api/merging";
import { mergeLine, mergeOutcome } from "../src/model/merging";
import { changesSince, fileAt } from "../src/review/git";
import { Tail } from "../src/review/tail";

describe("what a task has changed", () => {
  let folder: string;
  const git = (...words: string[]) => execFileSync("git", words, { cwd: folder, encoding: "utf8" }).trim();
  const write = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
  };

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "fanout-review-"));
    git("init", "-q");
    git("config", "user.name", "Test");
    git("config", "user.email", "test@example.com");
    for (const name of ["gone", "kept", "old name ä"]) write(name, `${name}\n`.repeat(20));
    git("add", ".");
    git("commit", "-qm", "base");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("is everything against the base: committed, uncommitted, unknown to git", async () => {
    const base = git("rev-parse", "HEAD");
    rmSync(path.join(folder, "gone"));
    renameSync(path.join(folder, "old name ä"), path.join(folder, "new\nname"));
    git("add", "-A");
    git("commit", "-qm", "work");
    write("kept", "other\n");
    write("unknown", "new\n");
    assert.deepEqual(await changesSince(folder, base), [
      { path: "gone", before: "gone", kind: "deleted" },
      { path: "kept", before: "kept", kind: "modified" },
      { path: "new\nname", before: "old name ä", kind: "renamed" },
      { path: "unknown", before: "unknown", kind: "added" },
    ]);
    assert.equal(await fileAt(folder, base, "kept"), "kept\n".repeat(20));
    await assert.rejects(fileAt(folder, base, "unknown"), /unknown/);
  });

  it("runs no program that the repository names", async () => {
    const base = git("rev-parse", "HEAD");
    write(".gitattributes", "* diff=evil\n");
    for (const key of ["diff.external", "diff.evil.command", "diff.evil.textconv", "core.fsmonitor"]) {
      git("config", key, "touch ran;false");
    }
    write("kept", "other\n");
    await changesSince(folder, base);
    await fileAt(folder, base, "kept");
    const { existsSync } = await import("node:fs");
    assert.equal(existsSync(path.join(folder, "ran")), false);
  });
});

describe("a log's tail", () => {
  it("is whole while it is short; characters may be torn apart between pieces", () => {
    const tail = new Tail();
    for (const byte of Buffer.from("grün\u001b[1m fett\u001b[0m\n")) tail.add(Uint8Array.of(byte));
    assert.equal(tail.toString(), "grün fett\n");
  });

  it("keeps the end of a long one, from the beginning of a line, and says so", () => {
    const tail = new Tail();
    for (let at = 0; at < 300_000; ++at) tail.add(Buffer.from(`line ${at}\n`));
    const text = tail.toString();
    assert.ok(text.length < 3 << 20);
    assert.match(text, /^… the beginning is left out.*\nline \d+\n/);
    assert.ok(text.endsWith("line 299999\n"));
  });
});

describe("a merge", () => {
  it("is told step by step, and in the end", () => {
    const step = (given: MergeResponse["step"]) => mergeLine({ step: given });
    const landed = { taskIds: ["a", "b"], before: "", commit: "", filesUpdated: false };
    assert.equal(step({ $case: "landed", value: landed }), "landed a, b");
    assert.equal(step(undefined), "");
    assert.equal(
      mergeOutcome(MergeEnded.fromPartial({ landed: ["a"], leftOut: ["b"] })),
      "Merged a. Left out: b.",
    );
    assert.equal(mergeOutcome(MergeEnded.create()), "There was nothing to merge.");
  });
});
