import { Phase, RunState } from "@api/run";

/** How a phase is told: a word, the icon's name, and the theme's colour for it. */
export interface Looks {
  readonly word: string;
  readonly icon: string;
  readonly colour?: string;
}

const phases = new Map<Phase, Looks>([
  [Phase.PHASE_PENDING, { word: "pending", icon: "circle-outline" }],
  [Phase.PHASE_SETTING_UP, { word: "setting up", icon: "loading~spin", colour: "charts.blue" }],
  [Phase.PHASE_IMPLEMENTING, { word: "implementing", icon: "loading~spin", colour: "charts.blue" }],
  [Phase.PHASE_TESTING, { word: "testing", icon: "loading~spin", colour: "charts.blue" }],
  [Phase.PHASE_PUSHING, { word: "pushing", icon: "loading~spin", colour: "charts.blue" }],
  [Phase.PHASE_REPORTING, { word: "reporting", icon: "loading~spin", colour: "charts.blue" }],
  [Phase.PHASE_COMPLETED, { word: "completed", icon: "pass-filled", colour: "testing.iconPassed" }],
  [Phase.PHASE_FAILED, { word: "failed", icon: "error", colour: "testing.iconFailed" }],
  [Phase.PHASE_BLOCKED, { word: "blocked", icon: "circle-slash", colour: "testing.iconFailed" }],
  [Phase.PHASE_CANCELLED, { word: "cancelled", icon: "circle-slash" }],
  [Phase.PHASE_SKIPPED, { word: "skipped", icon: "debug-step-over" }],
  [Phase.PHASE_INTERRUPTED, { word: "interrupted", icon: "debug-pause", colour: "charts.yellow" }],
]);

const states = new Map<RunState, Looks>([
  [RunState.RUN_STATE_RUNNING, { word: "running", icon: "loading~spin", colour: "charts.blue" }],
  [RunState.RUN_STATE_COMPLETED, { word: "completed", icon: "pass-filled", colour: "testing.iconPassed" }],
  [RunState.RUN_STATE_FAILED, { word: "failed", icon: "error", colour: "testing.iconFailed" }],
  [RunState.RUN_STATE_CANCELLED, { word: "cancelled", icon: "circle-slash" }],
  [RunState.RUN_STATE_INTERRUPTED, { word: "interrupted", icon: "debug-pause", colour: "charts.yellow" }],
]);

/** What a newer daemon may say. */
const unknown: Looks = { word: "unknown", icon: "question" };

export const looksOf = (phase: Phase): Looks => phases.get(phase) ?? unknown;
export const looksOfRun = (state: RunState): Looks => states.get(state) ?? unknown;

/** An end: nothing more happens by itself. */
export const isEnd = (phase: Phase): boolean => phase >= Phase.PHASE_COMPLETED;

/** An end that a retry can lead out of. */
export const isRetryable = (phase: Phase): boolean =>
  isEnd(phase) && phase !== Phase.PHASE_COMPLETED && phase !== Phase.PHASE_SKIPPED;
