import { Diagnostic_Severity, type Diagnostic } from "@api/plan";

export interface Place {
  /** From 0, as editors count; columns in UTF-16 units. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** Where a fault is shown: at its word, else on its line, else on the first line. */
export function placeOf(diagnostic: Diagnostic, lines: readonly string[]): Place {
  const line = Math.min(Math.max(diagnostic.line, 1), Math.max(lines.length, 1)) - 1;
  const text = lines[line] ?? "";
  const first = text.length - text.trimStart().length;
  if (diagnostic.line === 0) return { line: 0, start: 0, end: lines[0]?.length ?? 0 };
  if (diagnostic.column === 0) return { line, start: first, end: text.trimEnd().length };
  const start = fromBytes(text, diagnostic.column - 1);
  const word = /^("[^"]*"|'[^']*'|[^\s,\]}#:]+)/.exec(text.slice(start))?.[0] ?? "";
  return { line, start, end: start + Math.max(word.length, 1) };
}

/** The daemon counts bytes, editors count UTF-16 units. */
function fromBytes(text: string, bytes: number): number {
  return Buffer.from(text).subarray(0, bytes).toString().length;
}

/** By file. What has no file belongs to the plan. */
export function byFile(plan: string, diagnostics: readonly Diagnostic[]): Map<string, Diagnostic[]> {
  const files = new Map<string, Diagnostic[]>();
  for (const one of diagnostics) {
    const file = one.file || plan;
    files.set(file, [...(files.get(file) ?? []), one]);
  }
  return files;
}

/** As grave as the daemon says; a note informs. */
export function severityOf(diagnostic: Diagnostic): "error" | "warning" | "information" {
  if (diagnostic.severity === Diagnostic_Severity.SEVERITY_ERROR) return "error";
  return diagnostic.severity === Diagnostic_Severity.SEVERITY_WARNING ? "warning" : "information";
}
