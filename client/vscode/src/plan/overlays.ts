import path from "node:path";

/** A text that an editor holds and has not saved. */
export interface Unsaved {
  readonly path: string;
  readonly languageId: string;
  readonly content: string;
}

/** As many as the daemon takes in one request. */
const mostTexts = 200;
const mostBytes = 3 << 20;

/** Whether a file's text may decide what the daemon says of plans, besides the plan itself. */
export function mattersToPlans(file: string, languageId: string): boolean {
  return languageId === "markdown" || path.basename(file) === ".fanout.yaml";
}

/** Those of the texts that stand for their files when the plan is checked: its own first, then what fits. */
export function overlaysOf(plan: string, unsaved: readonly Unsaved[]): { path: string; content: string }[] {
  const others = unsaved.filter((one) => one.path !== plan && mattersToPlans(one.path, one.languageId));
  const wanted = [...unsaved.filter((one) => one.path === plan), ...others].slice(0, mostTexts);
  let left = mostBytes;
  return wanted.flatMap(({ path, content }) => {
    const bytes = Buffer.byteLength(content);
    if (bytes > left) return [];
    left -= bytes;
    return [{ path, content }];
  });
}
