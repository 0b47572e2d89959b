import type { Attention } from "@api/agent";
import { AnswerAgentRequest } from "@api/agents";
import { oneLine } from "./text";

/** What a person may reply with one click. */
export interface Reply {
  readonly label: string;
  readonly answer: AnswerAgentRequest;
}

const keyOf = (one: Attention): string => `${one.runId}/${one.taskId}/${one.id}`;

/** Those that wait now and did not before. */
export function newlyWaiting(before: readonly Attention[], now: readonly Attention[]): Attention[] {
  const known = new Set(before.map(keyOf));
  return now.filter((one) => !known.has(keyOf(one)));
}

/** What is asked, in one line. */
export function questionOf(one: Attention): string {
  switch (one.request?.$case) {
    case "permission": {
      const { title, command, tool } = one.request.value;
      return oneLine(`may it: ${title || command || tool}?`);
    }
    case "question": {
      const { items, text } = one.request.value;
      return oneLine(text || (items[0]?.text ?? "a question"));
    }
    default:
      return "waits for an answer";
  }
}

/** The replies that are offered. For a question with several items there is none: each must be answered. */
export function replies(one: Attention): Reply[] {
  const to = (rest: Partial<AnswerAgentRequest>) =>
    AnswerAgentRequest.fromPartial({ runId: one.runId, taskId: one.taskId, id: one.id, ...rest });
  if (one.request?.$case === "permission") {
    const { options } = one.request.value;
    if (options.length > 0) {
      return options.map(({ id, name }) => ({
        label: name || id,
        answer: to({ answer: { $case: "option", value: id } }),
      }));
    }
    return [
      { label: "Allow", answer: to({ answer: { $case: "allow", value: true } }) },
      { label: "Deny", answer: to({ answer: { $case: "allow", value: false } }) },
    ];
  }
  const items = one.request?.$case === "question" ? one.request.value.items : [];
  const [only] = items;
  if (!only || items.length > 1) return [];
  return only.options.map(({ label }) => ({
    label,
    answer: to({ fields: { [only.key]: { values: [label] } } }),
  }));
}

/** A reply in the person's own words; a permission is denied with them. */
export function inWords(one: Attention, text: string): AnswerAgentRequest {
  const { runId, taskId, id } = one;
  return AnswerAgentRequest.fromPartial({ runId, taskId, id, answer: { $case: "text", value: text } });
}

/** A reply to a question with several items, by the key of each. */
export function inFields(one: Attention, values: ReadonlyMap<string, readonly string[]>): AnswerAgentRequest {
  const { runId, taskId, id } = one;
  const fields = Object.fromEntries([...values].map(([key, chosen]) => [key, { values: [...chosen] }]));
  return AnswerAgentRequest.fromPartial({ runId, taskId, id, fields });
}
