const longest = 200;

/** One line of what a program printed, fit to be shown: no control characters, no colours, not too long. */
export function oneLine(text: string): string {
  const [first = ""] = text.trim().split("\n", 1);
  return printable(first).trim().slice(0, longest);
}

/** Without escape sequences and control characters but for line ends and tabs. */
export function printable(text: string): string {
  return text
    .replace(/\u001b(\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(\u0007|\u001b\\)|[@-_])/g, "")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "");
}

/** Such as "1 task", "3 tasks". */
export const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;
