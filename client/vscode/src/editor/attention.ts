import * as vscode from "vscode";
import type { AgentQuestion_Item, Attention } from "@api/agent";
import { AgentServiceService, type AnswerAgentRequest, WatchAttentionRequest } from "@api/agents";
import { messageOf } from "../daemon/failure";
import { pause } from "../follow/pause";
import { inFields, inWords, newlyWaiting, questionOf, replies } from "../model/attention";
import type { Session } from "./session";

const retryPause = 2000;

/** Tells when an agent waits for somebody, and passes answers on. */
export class Questions {
  private waiting: readonly Attention[] = [];

  constructor(
    private readonly session: Session,
    private readonly changed: (waiting: number) => void,
  ) {}

  /** Watches until the signal is given, over deaths of the daemon. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const request = WatchAttentionRequest.create();
        for await (const now of this.session.daemon.stream(
          AgentServiceService.watchAttention,
          request,
          signal,
        )) {
          this.take(now.waiting);
        }
      } catch {
        // That the daemon does not answer is told by the view of runs.
      }
      await pause(retryPause, signal);
    }
  }

  private take(now: readonly Attention[]): void {
    for (const one of newlyWaiting(this.waiting, now)) void this.notify(one);
    this.waiting = now;
    this.changed(now.length);
  }

  private async notify(one: Attention): Promise<void> {
    const offered = replies(one).slice(0, 3);
    const other = "Answer…";
    const text = `${one.taskId} (${one.runId}): ${questionOf(one)}`;
    const chosen = await vscode.window.showWarningMessage(
      text,
      ...offered.map((reply) => reply.label),
      other,
    );
    const reply = offered.find(({ label }) => label === chosen);
    if (reply) await this.send(reply.answer);
    else if (chosen === other) await this.answer(one.runId, one.taskId);
  }

  /** Asks the person for an answer to what waits: of a task, or of any. */
  async answer(runId = "", taskId = ""): Promise<void> {
    const fitting = this.waiting.filter(
      (one) => (runId === "" || one.runId === runId) && (taskId === "" || one.taskId === taskId),
    );
    const one = fitting.length > 1 ? await chooseQuestion(fitting) : fitting[0];
    if (!one) {
      if (fitting.length === 0) void vscode.window.showInformationMessage("No agent waits for an answer.");
      return;
    }
    const answer = await askForAnswer(one);
    if (answer) await this.send(answer);
  }

  private async send(answer: AnswerAgentRequest): Promise<void> {
    try {
      await this.session.daemon.call(AgentServiceService.answerAgent, answer);
    } catch (error) {
      void vscode.window.showErrorMessage(messageOf(error));
    }
  }
}

async function chooseQuestion(waiting: readonly Attention[]): Promise<Attention | undefined> {
  const lines = waiting.map((one) => ({
    label: one.taskId,
    description: one.runId,
    detail: questionOf(one),
    one,
  }));
  return (await vscode.window.showQuickPick(lines, { title: "Which question?" }))?.one;
}

async function askForAnswer(one: Attention): Promise<AnswerAgentRequest | undefined> {
  const items = one.request?.$case === "question" ? one.request.value.items : [];
  return items.length > 1 ? askItems(one, items) : askOne(one, questionOf(one));
}

async function askOne(one: Attention, title: string): Promise<AnswerAgentRequest | undefined> {
  const offered = replies(one);
  if (offered.length === 0) return askWords(one, title);
  const words = { label: "In words…", answer: undefined };
  const chosen = await vscode.window.showQuickPick([...offered, words], { title });
  return chosen === words ? askWords(one, title) : chosen?.answer;
}

async function askWords(one: Attention, title: string): Promise<AnswerAgentRequest | undefined> {
  const text = await vscode.window.showInputBox({ title, ignoreFocusOut: true });
  return text ? inWords(one, text) : undefined;
}

/** One item after the other; undefined when the person leaves. */
async function askItems(
  one: Attention,
  items: readonly AgentQuestion_Item[],
): Promise<AnswerAgentRequest | undefined> {
  const values = new Map<string, readonly string[]>();
  for (const item of items) {
    const chosen = await askItem(item);
    if (!chosen) return undefined;
    values.set(item.key, chosen);
  }
  return inFields(one, values);
}

async function askItem(item: AgentQuestion_Item): Promise<readonly string[] | undefined> {
  const title = item.text;
  if (item.options.length === 0) {
    const text = await vscode.window.showInputBox({ title, ignoreFocusOut: true });
    return text === undefined ? undefined : [text];
  }
  const lines = item.options.map(({ label, description }) => ({ label, description }));
  if (item.multiple) {
    const chosen = await vscode.window.showQuickPick(lines, {
      title,
      canPickMany: true,
      ignoreFocusOut: true,
    });
    return chosen?.map(({ label }) => label);
  }
  const chosen = await vscode.window.showQuickPick(lines, { title, ignoreFocusOut: true });
  return chosen && [chosen.label];
}
