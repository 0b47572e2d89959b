import path from "node:path";

/** The longest path that a Unix socket may have on Linux. */
const longestPath = 107;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where the daemon's socket is, by the rule of the command line: what is chosen, else FANOUT_SOCKET, else
 * XDG_RUNTIME_DIR, else a folder of this user's in /tmp.
 * Throws where the path is too long for a socket.
 */
export function socketPath(chosen: string, environment: Environment, uid: number): string {
  // An empty word counts as none.
  const named = [chosen, environment.FANOUT_SOCKET].find(Boolean);
  const socket = path.resolve(named ?? usualPlace(environment, uid));
  const length = Buffer.byteLength(socket);
  if (length > longestPath) {
    throw new Error(
      `the path of the socket is too long (${length} bytes, at most ${longestPath} are allowed): ${socket}`,
    );
  }
  return socket;
}

function usualPlace(environment: Environment, uid: number): string {
  const runtime = environment.XDG_RUNTIME_DIR ?? "";
  // A relative one counts as unset, as XDG says.
  const folder = path.isAbsolute(runtime) ? path.join(runtime, "fanout") : `/tmp/fanout-${uid}`;
  return path.join(folder, "fanoutd.sock");
}

/**
 * The candidates for the program `fanout`, best first: the one that is chosen, else those in PATH. Relative entries of
 * PATH mean the present folder, where anybody's `fanout` may lie: they are left out.
 */
export function programCandidates(chosen: string, environment: Environment): string[] {
  if (chosen) return path.isAbsolute(chosen) ? [chosen] : [];
  const folders = (environment.PATH ?? "").split(":").filter((folder) => path.isAbsolute(folder));
  return folders.map((folder) => path.join(folder, "fanout"));
}

/** The variables that the programs of a run see as its caller sees them. No other leaves this process: it could hold a secret. */
export function passedOn(environment: Environment): Record<string, string> {
  const known = new Set(["PATH", "SHELL", "LANG", "TZ", "SSH_AUTH_SOCK"]);
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && (known.has(name) || name.startsWith("LC_"))) passed[name] = value;
  }
  return passed;
}
