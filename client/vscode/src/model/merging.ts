import type { MergeEnded, MergeResponse } from "@api/merging";
import { counted } from "./text";

/** One step of a merge, in a line; empty where it says nothing to a person. */
export function mergeLine({ step }: MergeResponse): string {
  switch (step?.$case) {
    case "planned":
      return `merging ${step.value.taskIds.join(", ")} into ${step.value.into}`;
    case "tried":
      return `trying ${step.value.taskIds.join(", ")}: ${counted(step.value.fileCount, "file")}`;
    case "command": {
      const { name, result } = step.value;
      return result ? `${name} ${result.passed ? "passed" : "failed"}` : `running ${name}`;
    }
    case "landed":
      return `landed ${step.value.taskIds.join(", ")}`;
    case "leftOut":
      return `left out ${step.value.taskId}: ${step.value.reason}`;
    case "waiting":
      return step.value.text && `waiting: ${step.value.text}`;
    default:
      return "";
  }
}

/** What came of it, in a sentence. */
export function mergeOutcome({ landed, leftOut }: MergeEnded): string {
  if (landed.length === 0 && leftOut.length === 0) return "There was nothing to merge.";
  const merged = landed.length > 0 ? `Merged ${landed.join(", ")}.` : "Nothing was merged.";
  return leftOut.length > 0 ? `${merged} Left out: ${leftOut.join(", ")}.` : merged;
}
