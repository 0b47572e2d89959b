import * as vscode from "vscode";
import { ReadLogRequest, RunServiceService } from "@api/service";
import { CallFailed, messageOf } from "../daemon/failure";
import { pause } from "../follow/pause";
import { Tail } from "../review/tail";
import type { Session } from "./session";

const scheme = "fanout-log";
const drawPause = 200;
const retryPause = 1000;

/** One log, read on for as long as its document is open. */
class OpenLog {
  readonly tail = new Tail();
  readonly ending = new AbortController();
  offset = 0;
}

/** Logs as documents that follow what programs print. */
export class Logs implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly open = new Map<string, OpenLog>();
  private readonly registrations: vscode.Disposable;

  constructor(private readonly session: Session) {
    this.registrations = vscode.Disposable.from(
      vscode.workspace.registerTextDocumentContentProvider(scheme, this),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        this.close(uri);
      }),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document.uri.scheme === scheme) showEnd(document);
      }),
    );
  }

  /** Opens a log of the task's newest attempt beside what is open. */
  async show(runId: string, taskId: string, log: string): Promise<void> {
    const query = new URLSearchParams({ runId, taskId, log }).toString();
    const uri = vscode.Uri.from({ scheme, path: `/${taskId} · ${log}`, query });
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: false });
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    const key = uri.toString();
    let log = this.open.get(key);
    if (!log) {
      log = new OpenLog();
      this.open.set(key, log);
      void this.follow(uri, log);
    }
    return log.tail.toString();
  }

  /** Reads until the task has ended, over deaths of the daemon, from where it was. */
  private async follow(uri: vscode.Uri, log: OpenLog): Promise<void> {
    const { signal } = log.ending;
    const drawing = setInterval(() => {
      this.changed.fire(uri);
    }, drawPause);
    try {
      while (!(await this.readOn(uri, log)) && !signal.aborted) await pause(retryPause, signal);
    } catch (error) {
      log.tail.add(Buffer.from(`\n${messageOf(error)}\n`));
    } finally {
      clearInterval(drawing);
      this.changed.fire(uri);
    }
  }

  /** True: there is no more. */
  private async readOn(uri: vscode.Uri, log: OpenLog): Promise<boolean> {
    const { runId, taskId, log: name } = Object.fromEntries(new URLSearchParams(uri.query));
    const request = ReadLogRequest.fromPartial({
      runId,
      taskId,
      log: name,
      offset: log.offset,
      follow: true,
    });
    try {
      const pieces = this.session.daemon.stream(RunServiceService.readLog, request, log.ending.signal);
      for await (const piece of pieces) {
        log.tail.add(piece.data);
        log.offset = piece.offset + piece.data.length;
      }
      return true;
    } catch (error) {
      if (error instanceof CallFailed && error.passing) return false;
      throw error;
    }
  }

  private close(uri: vscode.Uri): void {
    this.open.get(uri.toString())?.ending.abort();
    this.open.delete(uri.toString());
  }

  dispose(): void {
    for (const log of this.open.values()) log.ending.abort();
    this.registrations.dispose();
    this.changed.dispose();
  }
}

/** How far from the end a person still looks at it, in lines; what comes at once may be more than a screen. */
const nearTheEnd = 50;

/** Keeps the end in sight for whoever was at it. */
function showEnd(document: vscode.TextDocument): void {
  const end = document.lineAt(document.lineCount - 1).range.end;
  for (const editor of vscode.window.visibleTextEditors) {
    if (editor.document !== document) continue;
    const seen = Math.max(0, ...editor.visibleRanges.map((range) => range.end.line));
    if (end.line - seen <= nearTheEnd) editor.revealRange(new vscode.Range(end, end));
  }
}
