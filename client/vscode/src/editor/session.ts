import * as vscode from "vscode";
import { Daemon } from "../daemon/daemon";
import { socketPath } from "../daemon/place";
import { ensureDaemon } from "../daemon/start";

/** The daemon that this window talks to, by the user's settings. */
export class Session implements vscode.Disposable {
  readonly daemon: Daemon;
  private starting: Promise<void> | undefined;

  /** Throws where the settings name no usable socket. */
  constructor() {
    this.daemon = new Daemon(socketPath(setting("socket"), process.env, process.getuid?.() ?? 0));
  }

  /** The daemon, started where none answers and that is allowed. Several at once start one. */
  async ready(evenIfOff = false): Promise<Daemon> {
    const mayStart = evenIfOff || vscode.workspace.getConfiguration("fanout").get("startDaemon", true);
    this.starting ??= ensureDaemon(this.daemon.socket, setting("program"), mayStart).finally(() => {
      this.starting = undefined;
    });
    await this.starting;
    await this.daemon.connected();
    return this.daemon;
  }

  dispose(): void {
    this.daemon.close();
  }
}

/** A setting that is a text; empty where it is not set. */
export function setting(name: string): string {
  return vscode.workspace.getConfiguration("fanout").get(name, "");
}
