#pragma once

/// The ends of the help pages: examples and what else is worth knowing.
namespace fanout::client::help {

inline constexpr const char* kMain = R"(Examples:
  fanout init                          settings and a first plan, in a repository
  fanout plan add "Say hello" --files hello.txt
  fanout plan show                     what would be done
  fanout execute --agent claude        or codex, …, or a command: ./my-agent.sh
  fanout status                        how it stands, and what to type next
  fanout logs last task-1 --follow     what an agent says
  fanout merge --into main             all that is good

RUN is an id, the beginning of one, or "last". All options above also go behind
a command.
fanoutd, the daemon, is started when it is needed.

Exit codes:
  0    done; for a run: every task completed or was skipped
  1    some task did not complete, or the request failed
  2    bad usage, or a plan with faults; nothing was started
  3    no daemon answers, and none could be started
  130  interrupted: Ctrl-C left or cancelled the run)";

inline constexpr const char* kInit = R"(Examples:
  fanout init                          in a repository
  fanout init --json | jq '.findings[] | {kind, value, reason}'

Looks at the repository, and writes .fanout.yaml with what was found, and .parallel/plans/plan.yaml with one example
task. What is there stays, but for .fanout.yaml with --force.)";

inline constexpr const char* kPlanNew = R"(Examples:
  fanout plan new
  fanout plan new "Sessions for the API" --file plans/sessions.yaml

A file that is there is never written over.)";

inline constexpr const char* kPlanAdd = R"(Examples:
  fanout plan add "Store sessions" --files src/db/sessions.ts,src/db/schema.ts --priority high
  fanout plan add "Log in and out" --id login --depends store-sessions
  fanout plan add "Describe the endpoints" --prompt - < endpoints.md

Writes the task's file beside the plan and its entry in the plan, where all else stays as it is. What would make the
plan one that cannot be run, such as a cycle, is refused, and nothing is changed. Exit code 2 then.)";

inline constexpr const char* kPlanFromIssues = R"(Examples:
  fanout plan from-issues --label ready
  fanout plan from-issues --label bug --limit 5 --plan plans/bugs.yaml

The oldest first; those that have their task are left out. An issue's text is quoted in the task: read it before it is
run, for anybody can have written it.)";

inline constexpr const char* kPlanDraft = R"(Examples:
  fanout plan draft "Log in with a passkey" --agent claude
  fanout plan draft - --roles codebase,risks < goal.md
  fanout plan draft "Log in with a passkey" --detach

Agents look into the goal side by side, one for each role; then one makes a plan of what they found, which must pass
`fanout plan validate`. It is a run like any other: Ctrl-C leaves it, and `fanout plan adopt RUN` takes what came of it.
.parallel/templates/draft/ROLE.md replaces what the roles are told, and plan.md there what the last one is told.)";

inline constexpr const char* kPlanAdopt = R"(Examples:
  fanout plan adopt last
  fanout plan adopt log-in-with-a-pk4q

Writes the plan and its task files; nothing that is there is written over.)";

inline constexpr const char* kPlan = R"(Examples:
  fanout plan new
  fanout plan add "Say hello" --files hello.txt
  fanout plan validate plan.yaml
  fanout plan show .parallel/plans)";

inline constexpr const char* kPlanValidate = R"(Examples:
  fanout plan validate                 .parallel/plans/plan.yaml, else plan.yaml
  fanout plan validate plan.yaml --json

Exit code 2 when the plan cannot be executed, else 0.)";

inline constexpr const char* kPlanShow = R"(Examples:
  fanout plan show plan.yaml
  fanout plan show plan.yaml --base release --json)";

inline constexpr const char* kExecute = R"(Examples:
  fanout execute plan.yaml --agent ./my-agent.sh
  fanout execute --agent "claude -p" --max-parallel 4 --timeout 30m
  run=$(fanout execute plan.yaml --detach)
  fanout execute plan.yaml --json | jq -r 'select(.phaseChanged) | .taskId + " " + .phase'
  my-planner | fanout execute --plan-from - --agent claude     each task starts once it is written

Ctrl-C leaves the run alone, which goes on; Ctrl-C again within two seconds cancels it.
With --json every event is one line of JSON; with --detach --json the run is.)";

inline constexpr const char* kExtend = R"(Examples:
  my-planner | fanout extend first-steps-7k2m --plan-from -
  echo '{"id": "docs", "prompt": "Describe it.", "dependencies": ["api"]}' | fanout extend last --plan-from - --keep-open
  fanout extend first-steps-7k2m --close

A plan is open while fanout execute --plan-from takes tasks into it, and closed with the end of what it reads.)";

inline constexpr const char* kStatus = R"(Examples:
  fanout status                        all that run, the latest, and the newest in full
  fanout status first-steps-7k2m
  fanout status last --json | jq '.run.subagents[] | {taskId, phase, reason}')";

inline constexpr const char* kWatch = R"(Examples:
  fanout watch                         the newest run
  fanout watch first-steps-7k2m
  fanout watch last --json --after 120 | jq -c .

Ctrl-C leaves the run alone, which goes on; Ctrl-C again within two seconds cancels it.
On a terminal the present state is drawn, and keys select (↑ ↓), open a log (enter), answer (y n 1 a),
retry (r), cancel (c) and leave (q); elsewhere, and with --json, events are lines.)";

inline constexpr const char* kDashboard = R"(Examples:
  fanout dashboard                     the newest run first
  fanout dashboard first-steps-7k2m --allow-actions
  fanout dashboard --json | jq -r .url

The page is served by the daemon, on this machine alone. Its address holds a secret: who has it sees all runs,
and with --allow-actions may end them.)";

inline constexpr const char* kLogs = R"(Examples:
  fanout logs task-1                   of the newest run
  fanout logs first-steps task-1 --follow
  fanout logs last task-1 --log gate-1-unit.log
  fanout logs last task-1 --attempt 1 > first-attempt.log

Into a file or pipe the bytes go as they are; on a terminal control characters are left out.
A name that is none is answered with those that there are.)";

inline constexpr const char* kCancel = R"(Examples:
  fanout cancel last
  fanout cancel first-steps-7k2m task-2)";

inline constexpr const char* kRetry = R"(Examples:
  fanout retry                         the newest run
  fanout retry first-steps-7k2m task-2
  fanout retry last task-2 --fresh     in a new worktree; the old one stays
  fanout retry last task-2 --with-conflict
  fanout retry last --detach

Tasks that were blocked by what is tried again are tried again too.)";

inline constexpr const char* kDiff = R"(Examples:
  fanout diff task-2                   of the newest run
  fanout diff first-steps-7k2m task-2 --stat
  fanout diff last task-2 | git apply

From where its branch began until now, with what is not committed yet; also while its agent is at work.
On a terminal longer patches go through $PAGER.)";

inline constexpr const char* kOpen = R"help(Examples:
  fanout open task-2                   of the newest run
  fanout open last task-2 --shell
  cd "$(fanout open last task-2 --print)"

The editor is $VISUAL, $EDITOR or code; without one it is your shell.)help";

inline constexpr const char* kReview = R"(Examples:
  fanout review                        the newest run
  fanout review first-steps-7k2m --into release
  fanout review last --json | jq '.tasks[] | {taskId, readiness, reason}')";

inline constexpr const char* kCollisions = R"(Examples:
  fanout collisions                    the newest run
  fanout collisions last --json | jq '.collisions[] | [.first, .second]'

Agents at work count as their worktrees are at this moment: what would conflict shows long before the end.)";

inline constexpr const char* kMerge = R"(Examples:
  fanout merge                         all that has completed in the newest run
  fanout merge last task-1 task-2 --squash
  fanout merge last --into release --rebase
  fanout merge last --dry-run

Branches are merged in memory, in the order of their dependencies, and all gates run on the result; only what passes
moves the branch. What conflicts or fails is left out, with what is built upon it, and the rest goes on.
Exit code 1 when something was left out.)";

inline constexpr const char* kReport = R"help(Examples:
  fanout report > report.md            the newest run
  fanout report last --html > report.html
  fanout report first-steps --json | jq '.tasks[].commands'
  gh pr create --body "$(fanout report last)")help";

inline constexpr const char* kResume = R"(Examples:
  fanout resume                        the newest run
  fanout resume first-steps-7k2m

After the machine was restarted, or the daemon was told to stop: each task goes on in its worktree.)";

inline constexpr const char* kWhy = R"(Examples:
  fanout why task-2                    of the newest run
  fanout why first-steps-7k2m task-2
  fanout why last task-2 --json | jq .reasons

Whatever state a task is in: what it waits for and since when, what would release it, its place in the queue;
or why it ended as it did, and what to look at.)";

inline constexpr const char* kDoctor = R"(Examples:
  fanout doctor                        in the repository that agents are to work in
  fanout doctor --offline --json | jq '.checks[] | select(.fix)'

Exit code 1 when something is broken. Nothing is changed.)";

inline constexpr const char* kSync = R"(Examples:
  fanout sync                          the newest run
  fanout sync first-steps-7k2m

Issues, comments and pull requests that could not be made while the run went on, because GitHub was out of
reach or its limits were used up. The login is looked for anew. Exit code 1 when something is still left.)";

inline constexpr const char* kAuth = R"(Examples:
  fanout auth status
  fanout auth login
  fanout auth refresh                  after a new token; what waited for it goes on

The token of GH_TOKEN and the like comes first, then the configuration's GitHub App, then this login,
then those of gh and of git. No token is ever printed.)";

inline constexpr const char* kAuthLogin = R"(Examples:
  fanout auth login                    a code to type into a page
  fanout auth login --host github.example.com
  fanout auth login --with-token < token.txt)";

inline constexpr const char* kTimeline = R"(Examples:
  fanout timeline                      the newest run
  fanout timeline first-steps-7k2m --svg setup.svg

A line for each task, from the run's start until its agent said something; the last line explains the signs.
The time behind it is when its agent was there.)";

inline constexpr const char* kMetrics = R"(Examples:
  fanout metrics                       all runs
  fanout metrics last
  fanout metrics --json | jq .total

EFFICIENCY is (sequential - parallel) / (sequential - ideal). Sequential is the sum of the tasks' own times, each as
long as it was beside the others; ideal is the longest alone.)";

inline constexpr const char* kSnapshots = R"(Examples:
  fanout snapshots last task-2
  fanout snapshots first-steps-7k2m task-2 --json

A snapshot is a commit of all that git would commit, untracked files included. One is taken when an agent
ends, every few minutes while it works, and before anything of Fanout's changes its files.)";

inline constexpr const char* kUndo = R"(Examples:
  fanout undo last task-2
  fanout undo first-steps-7k2m task-2 --to 3

What is there becomes a snapshot first: an undo can be undone.)";

inline constexpr const char* kCleanup = R"(Examples:
  fanout cleanup --dry-run
  fanout cleanup last --yes
  fanout cleanup --remote

Removed is only what provably exists elsewhere: a clean worktree whose branch is merged, squashed or rebased
into the base or your branch, or is on the remote. Everything else stays, with its reason.)";

inline constexpr const char* kAgents = R"(Examples:
  fanout agents
  fanout agents --json

None is bundled with Fanout. Where a plan names no agent and just one is installed, that one is taken.)";

inline constexpr const char* kAnswer = R"(Examples:
  fanout answer                        what waits, of all runs
  fanout answer last task-2 --allow
  fanout answer last task-2 --deny --text "use the test database"
  fanout answer last task-2 --text "the second one"

A permission is allowed, denied, or answered by one of its options; a question is answered in words, or by the
number of what is offered. What nobody answers in time is not allowed, and the agent goes on without it.)";

inline constexpr const char* kSend = R"(Examples:
  fanout send last task-2 "leave the old API in place"
  git diff | fanout send last task-2 -

An agent that listens while it works hears it when its present turn is over. One that does not is told when it
has ended, and goes on with its session.)";

inline constexpr const char* kAttach = R"(Examples:
  fanout attach last task-2

Shows what the agent says and does as it comes. A line that is typed goes to it as by fanout send; where it
asks something, the line is the answer: y or n, an option, or words. Ctrl-C leaves, and the agent goes on.
No agent runs on a terminal of its own: its streams are read by Fanout.)";

inline constexpr const char* kPause = R"(Examples:
  fanout pause last
  fanout pause last task-2

All processes of the agent stop where they stand. Neither its time nor its silence counts meanwhile.)";

inline constexpr const char* kContinue = R"(Examples:
  fanout continue last
  fanout continue last task-2)";

inline constexpr const char* kDaemon = R"(Examples:
  fanout daemon status
  fanout daemon restart
  fanout daemon logs --follow
  fanout daemon install --now)";

inline constexpr const char* kDaemonInstall = R"(Examples:
  fanout daemon install --now
  systemctl --user disable --now fanoutd.socket fanoutd.service

Needed by nobody: fanout starts the daemon by itself. Under systemd it is watched, started again when it fails,
and logs to the journal.)";

inline constexpr const char* kDaemonLogs = R"(Examples:
  fanout daemon logs
  fanout daemon logs -n 500
  fanout daemon logs --follow

From the journal where systemd started the daemon, else from fanoutd.log in its state folder. What agents print
is shown by fanout logs.)";

inline constexpr const char* kConfig = R"(Examples:
  fanout config                        in the repository that agents are to work in
  fanout config --plan plan.yaml
  fanout config --json | jq -r '.values[] | select(.source != "CONFIG_LAYER_DEFAULT") | .key'

A plan's own settings come first, then .fanout.yaml, the user's configuration, and the default. Values of variables
are never shown. Exit code 2 when a file has faults.)";

inline constexpr const char* kMcp = R"(Examples:
  claude mcp add fanout -- fanout mcp
  fanout mcp --repository ~/src/app --repository ~/src/library

For agents that plan and start work themselves: they see and change runs of these repositories and nothing else.
Messages go by standard input and output; it ends with its input.)";

inline constexpr const char* kPool = R"(Examples:
  fanout pool status
  fanout pool warm 20 --wait
  fanout pool drain

fanout plan validate, fanout plan show and runs that have ended warm the pool by themselves.)";

inline constexpr const char* kPoolWarm = R"(Examples:
  fanout pool warm 20                  of HEAD, with the repository's settings
  fanout pool warm 20 plan.yaml --wait)";

}  // namespace fanout::client::help
