# fish completion for fanout. Runs and tasks are asked of the daemon, if one answers; none is started.

# The words typed so far that are neither options nor their values.
function __fanout_words
    set -l takes_value --socket --agent --fallback --race --judge --gate-retries --budget-tokens --budget-money --budget-time --budget-turns --model --approve --answer-timeout --option --text --base --into --repo --repository --allow-nested --nested-tasks --max-parallel --timeout --retries --remote --tracker --tracker-mode --ci-retries --auto-merge --sandbox --host --client-id --scope --file --files --id --depends --priority --prompt --plan --label --limit --after --log --attempt --lines -n
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip -eq 1
            set skip 0
        else if contains -- $word $takes_value
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# __fanout_at COUNT COMMAND...: the command is one of these, and COUNT arguments stand behind it.
function __fanout_at
    set -l words (__fanout_words)
    set -l place (math $argv[1] + 1)
    test (count $words) -eq $place; and contains -- "$words[1]" $argv[2..]
end

function __fanout_in
    set -l words (__fanout_words)
    contains -- "$words[1]" $argv
end

# The command is plan, and its own one of these.
function __fanout_in_plan
    set -l words (__fanout_words)
    test "$words[1]" = plan; and contains -- "$words[2]" $argv
end

# What `fanout status` tells, as JSON; nothing when no daemon answers within 2 s.
function __fanout_status
    set -l words (commandline -opc)
    set -l program fanout
    command -q -- $words[1]; and set program $words[1]
    set -l socket
    if set -l at (contains -i -- --socket $words)
        set socket --socket $words[(math $at + 1)]
    end
    timeout 2 $program $socket --no-start --json status $argv 2>/dev/null </dev/null
end

# __fanout_runs STATES: runs in one of the states (A|B…), newest first, with state and name.
function __fanout_runs
    __fanout_status | sed 's/{"id":"/\n&/g' |
        sed -nE 's/^\{"id":"([^"]*)","name":"(([^"\\\\]|\\\\.)*)".*"state":"RUN_STATE_('$argv[1]')".*/\1\t\4, \2/p' |
        awk '!seen[$0]++'
end

# __fanout_tasks RUN PHASES: the run's tasks in one of the phases, with phase and title.
function __fanout_tasks
    __fanout_status $argv[1] | sed 's/{"taskId":"/\n&/g' |
        sed -nE 's/^\{"taskId":"([^"]*)","title":"(([^"\\\\]|\\\\.)*)".*"phase":"PHASE_('$argv[2]')".*/\1\t\4, \2/p'
end

function __fanout_tasks_of_typed_run
    __fanout_tasks (__fanout_words)[2] $argv[1]
end

function __fanout_logs
    set -l words (__fanout_words)
    set -l run
    test (count $words) -gt 2; and set run $words[2]
    printf '%s\n' agent.stdout agent.stderr prompt.md setup.log verify.log
    __fanout_status $run | grep -oE '"log":"[^"]+"' | cut -d'"' -f4 | sort -u
end

function __fanout_agents
    set -l config $FANOUT_CONFIG
    set -q config[1]; or set config (set -q XDG_CONFIG_HOME; and echo $XDG_CONFIG_HOME; or echo ~/.config)/fanout/config.toml
    sed -nE 's/^[[:space:]]*\[agents\."?([A-Za-z0-9_-]+)"?\].*/\1/p' $config 2>/dev/null
end

complete -c fanout -f
complete -c fanout -s h -l help -d 'Print help'
complete -c fanout -l socket -r -F -d "The daemon's socket"
complete -c fanout -l no-start -d 'Do not start a daemon when none answers'
complete -c fanout -l json -d 'Print nothing but JSON on standard output'
complete -c fanout -l no-color -l no-colour -d 'No colours'

set -l top 'test (count (__fanout_words)) -eq 0'
complete -c fanout -n $top -l version -d 'Print the version'
complete -c fanout -n $top -a execute -d 'Run a plan and watch it'
complete -c fanout -n $top -a extend -d 'Add tasks to a run whose plan is open, or close it'
complete -c fanout -n $top -a plan -d 'Check or describe a plan'
complete -c fanout -n $top -a status -d 'Show runs, or all about one'
complete -c fanout -n $top -a watch -d 'Watch a run to its end'
complete -c fanout -n $top -a dashboard -d 'Open a page that shows runs as they go on'
complete -c fanout -n '__fanout_in dashboard' -l allow-actions -d 'The page may cancel and retry'
complete -c fanout -n '__fanout_in dashboard' -l no-browser -d 'Only print the address'
complete -c fanout -n $top -a logs -d "Print what a task's programs printed"
complete -c fanout -n $top -a why -d "Explain a task's state, whatever it is"
complete -c fanout -n $top -a doctor -d 'Check that all that is needed is there and works'
complete -c fanout -n '__fanout_in doctor' -l offline -d 'Ask nobody over the network'
complete -c fanout -n $top -a cancel -d 'End a run, or one of its tasks'
complete -c fanout -n $top -a retry -d 'Try again what did not complete, and watch'
complete -c fanout -n $top -a agents -d 'Which agents there are'
complete -c fanout -n $top -a answer -d 'Answer what an agent asks'
complete -c fanout -n $top -a send -d 'Tell an agent something'
complete -c fanout -n $top -a attach -d 'Follow one agent, and talk to it'
complete -c fanout -n $top -a pause -d 'Let agents stand still'
complete -c fanout -n $top -a continue -d 'Let paused agents go on'
complete -c fanout -n '__fanout_in answer' -l allow -d 'It may, this once'
complete -c fanout -n '__fanout_in answer' -l deny -d 'It may not'
complete -c fanout -n '__fanout_in answer' -l option -x -d 'One of the options that are offered'
complete -c fanout -n '__fanout_in answer' -l text -x -d 'An answer in words'
complete -c fanout -n $top -a daemon -d 'Look after the daemon'
complete -c fanout -n $top -a config -d 'Show every setting, its value, and where that comes from'
complete -c fanout -n '__fanout_in config' -l repo -x -a '(__fish_complete_directories)' -d 'Repository'
complete -c fanout -n '__fanout_in config' -l plan -r -F -d 'Plan whose settings count, too'
complete -c fanout -n $top -a version -d 'Print the versions'
complete -c fanout -n $top -a mcp -d 'Serve the Model Context Protocol to an agent'
complete -c fanout -n '__fanout_in mcp' -l repository -x -a '(__fish_complete_directories)' -d 'Repository that it may reach'
complete -c fanout -n '__fanout_in mcp' -l allow-nested -x -a '1 2 3' -d "How deep Fanout's own agents may start runs"
complete -c fanout -n '__fanout_in mcp' -l nested-tasks -x -a '4 8 16' -d 'How many tasks one of them may have done so'
complete -c fanout -n $top -a pool -d 'Worktrees that are made beforehand'
complete -c fanout -n '__fanout_at 0 pool' -a status -d 'What waits ready'
complete -c fanout -n '__fanout_at 0 pool' -a warm -d 'Have worktrees made'
complete -c fanout -n '__fanout_at 0 pool' -a drain -d 'Remove what waits'
complete -c fanout -n '__fanout_in pool' -l all -d 'Of all repositories'
complete -c fanout -n '__fanout_in pool' -l base -x -a '(git for-each-ref --format="%(refname:short)" refs/heads refs/tags 2>/dev/null)' -d 'Ref whose files they hold'
complete -c fanout -n '__fanout_in pool' -l wait -d 'Return when they are there'
complete -c fanout -n '__fanout_at 0 plan' -a validate -d 'Report every fault of a plan'
complete -c fanout -n '__fanout_at 0 plan' -a show -d 'Show waves, critical path, conflict risks, settings'
complete -c fanout -n '__fanout_at 0 plan' -a new -d 'Write a plan without tasks'
complete -c fanout -n '__fanout_at 0 plan' -a add -d 'Add a task to a plan'
complete -c fanout -n '__fanout_at 0 plan' -a from-issues -d 'Add a task for each open issue with a label'
complete -c fanout -n '__fanout_at 0 plan' -a draft -d 'Let agents make a plan for a goal'
complete -c fanout -n '__fanout_at 0 plan' -a adopt -d 'Take the plan that a planning run made'
complete -c fanout -n '__fanout_in_plan draft' -l roles -x -a 'codebase libraries prior-art requirements risks' -d 'Who looks into something first'
complete -c fanout -n '__fanout_in_plan draft' -l detach -d 'Do not watch'
complete -c fanout -n '__fanout_in_plan draft' -l agent -x -d 'Who does it'
complete -c fanout -n '__fanout_in_plan draft' -l file -r -F -d 'Where to'
complete -c fanout -n '__fanout_in_plan new' -l file -r -F -d 'Where to'
complete -c fanout -n '__fanout_in_plan add' -l id -x -d 'Its id'
complete -c fanout -n '__fanout_in_plan add' -l files -r -F -d 'Files that it touches, with commas'
complete -c fanout -n '__fanout_in_plan add' -l depends -x -d 'Tasks that must complete first, with commas'
complete -c fanout -n '__fanout_in_plan add' -l priority -x -a 'blocker high medium low' -d 'Who comes first'
complete -c fanout -n '__fanout_in_plan add' -l prompt -x -d 'What to do; - reads standard input'
complete -c fanout -n '__fanout_in_plan from-issues' -l label -x -d 'Label of the issues'
complete -c fanout -n '__fanout_in_plan from-issues' -l limit -x -a '10 30 100' -d 'How many at most'
complete -c fanout -n '__fanout_in_plan add from-issues' -l plan -r -F -d 'Plan'
complete -c fanout -n $top -a init -d "Write a repository's first settings and plan"
complete -c fanout -n '__fanout_in init' -l force -d 'Write .fanout.yaml anew'
complete -c fanout -n $top -a auth -d 'Log in at GitHub, or see who is'
complete -c fanout -n '__fanout_at 0 auth' -a login -d 'Log in and store the token'
complete -c fanout -n '__fanout_at 0 auth' -a status -d 'Which token is used, whose it is, what is left'
complete -c fanout -n '__fanout_at 0 auth' -a refresh -d 'Look for tokens again'
complete -c fanout -n '__fanout_at 0 auth' -a logout -d 'Forget what login has stored'
complete -c fanout -n '__fanout_in auth' -l host -x -a 'github.com' -d 'Which host'
complete -c fanout -n '__fanout_in auth' -l with-token -d 'Read the token from standard input'
complete -c fanout -n '__fanout_in auth' -l client-id -x -d 'OAuth App to log in with'
complete -c fanout -n '__fanout_in auth' -l scope -x -a 'repo public_repo read:org workflow project' -d 'Scope to ask for'
complete -c fanout -n '__fanout_at 0 daemon' -a status -d 'Where it is and what it does'
complete -c fanout -n '__fanout_at 0 daemon' -a start -d 'Start it, unless it runs'
complete -c fanout -n '__fanout_at 0 daemon' -a restart -d 'Start it anew; agents at work go on'
complete -c fanout -n '__fanout_at 0 daemon' -a stop -d 'End it in order'
complete -c fanout -n '__fanout_at 0 daemon' -a install -d "Make it a service of systemd's"
complete -c fanout -n '__fanout_at 0 daemon' -a logs -d 'Print its own log'
complete -c fanout -n '__fanout_in daemon' -l now -d 'Start it, too'
complete -c fanout -n '__fanout_in daemon' -l force -d 'Replace units that say something else'
complete -c fanout -n '__fanout_in daemon' -s f -l follow -d 'Go on with what comes'
complete -c fanout -n '__fanout_in daemon' -s n -l lines -x -d 'How many lines'

set -l planned '__fanout_in execute; or __fanout_in_plan validate show'
complete -c fanout -n '__fanout_in_plan validate show; and __fanout_at 1 plan; or __fanout_at 0 execute' -k -a '(__fish_complete_suffix .yaml)'
complete -c fanout -n $planned -l agent -r -a 'claude codex gemini opencode (__fanout_agents)' -F -d 'Agent: a name, or a command line'
complete -c fanout -n $planned -l model -x -d "The agent's model"
complete -c fanout -n $planned -l approve -x -a 'never edits safe all' -d 'What it may do unasked'
complete -c fanout -n $planned -l answer-timeout -x -a '10m 1h 8h' -d 'How long its questions wait'
complete -c fanout -n $planned -l base -x -a '(git for-each-ref --format="%(refname:short)" refs/heads refs/tags 2>/dev/null)' -d 'Start the branches from this ref'
complete -c fanout -n $planned -l repo -x -a '(__fish_complete_directories)' -d 'Repository'
complete -c fanout -n $planned -l max-parallel -x -d 'How many agents may run at once'
complete -c fanout -n $planned -l timeout -x -a '15m 30m 1h 2h' -d 'How long an agent may take'
complete -c fanout -n $planned -l retries -x -a '0 1 2 3' -d 'How often a failed task is tried again by itself'
complete -c fanout -n $planned -l fallback -x -a '(__fanout_agents)' -d 'Agents that take over'
complete -c fanout -n $planned -l race -x -a '2 3 4 claude,codex' -d 'Several agents at each task'
complete -c fanout -n $planned -l judge -x -d 'Command that chooses in a race'
complete -c fanout -n $planned -l gate-retries -x -a '0 1 2 3' -d 'How often a failed gate goes back to the agent'
complete -c fanout -n "$planned; or __fanout_in retry" -l budget-tokens -x -a '200k 1M 5M' -d 'Tokens that each task may use'
complete -c fanout -n "$planned; or __fanout_in retry" -l budget-money -x -a '1 5 20' -d 'US dollars that each task may cost'
complete -c fanout -n "$planned; or __fanout_in retry" -l budget-time -x -a '15m 30m 1h' -d "How long each task's agents may work"
complete -c fanout -n "$planned; or __fanout_in retry" -l budget-turns -x -d 'Calls of the model that each task may make'
complete -c fanout -n $planned -l push -d 'Push the branches of tasks that pass'
complete -c fanout -n $planned -l no-push -d 'Do not push'
complete -c fanout -n $planned -l remote -x -a '(git remote 2>/dev/null)' -d 'Push to this remote'
complete -c fanout -n $planned -l tracker -x -a 'github none' -d 'Issue tracker'
complete -c fanout -n $planned -l pr -d 'Open pull requests'
complete -c fanout -n $planned -l no-pr -d 'Open no pull requests'
complete -c fanout -n $planned -l tracker-mode -x -a 'per-task tracking auto' -d 'An issue for each task, or one for all'
complete -c fanout -n $planned -l draft -d 'Open pull requests as drafts before the gates run'
complete -c fanout -n $planned -l no-draft -d 'Open no drafts'
complete -c fanout -n $planned -l follow -d 'Follow pull requests until they are merged'
complete -c fanout -n $planned -l no-follow -d 'Do not follow pull requests'
complete -c fanout -n $planned -l ci-retries -x -a '0 1 2 3' -d 'How often checks and reviews go back to an agent'
complete -c fanout -n $planned -l auto-merge -x -a 'merge squash rebase off' -d 'Merge what passes'
complete -c fanout -n $planned -l cache -d 'Take what setup makes from the cache'
complete -c fanout -n $planned -l no-cache -d 'Run the setup commands'
complete -c fanout -n $planned -l sandbox -x -a 'off workspace strict' -d 'What programs are kept in'
complete -c fanout -n $planned -l no-write-status -d 'Leave the status lines of the task files alone'
complete -c fanout -n '__fanout_in execute extend' -l plan-from -r -d 'Take tasks as they are written'
complete -c fanout -n '__fanout_in extend' -l keep-open -d 'Do not close the plan at their end'
complete -c fanout -n '__fanout_in extend' -l close -d 'Close the plan'
complete -c fanout -n '__fanout_in execute' -l detach -d "Print the run's id and do not watch"
complete -c fanout -n $top -a snapshots -d 'List the snapshots of a task'
complete -c fanout -n $top -a undo -d 'Put a worktree back to a snapshot'
complete -c fanout -n $top -a cleanup -d 'Remove worktrees and branches that nobody needs'
complete -c fanout -n '__fanout_in undo' -l to -x -d 'Number of the snapshot'
complete -c fanout -n '__fanout_in cleanup' -l dry-run -d 'Only show'
complete -c fanout -n '__fanout_in cleanup' -s y -l yes -d 'Do not ask'
complete -c fanout -n '__fanout_in cleanup' -l force -d 'Remove what exists nowhere else too'
complete -c fanout -n '__fanout_in cleanup' -l remote -d 'Remove the branches on the remote too'
complete -c fanout -n '__fanout_in cleanup' -l archives -d 'Remove what programs printed too'
complete -c fanout -n '__fanout_at 0 snapshots undo cleanup' -k -a '(__fanout_runs "[A-Z]*")'
complete -c fanout -n '__fanout_at 1 snapshots undo' -k -a '(__fanout_tasks_of_typed_run "[A-Z_]*")'
complete -c fanout -n $top -a diff -d 'Show what a task has changed'
complete -c fanout -n $top -a open -d "Open a task's worktree in an editor or a shell"
complete -c fanout -n $top -a review -d 'Show what each task did, and what can be merged'
complete -c fanout -n $top -a collisions -d "Show which tasks' work would conflict"
complete -c fanout -n $top -a merge -d 'Merge what has completed, and only what passes together'
complete -c fanout -n $top -a report -d 'Write what was asked, what was done, and the evidence'
complete -c fanout -n '__fanout_in diff' -l stat -d 'The files and how many lines'
complete -c fanout -n '__fanout_in diff' -l committed -d 'Leave out what is not committed'
complete -c fanout -n '__fanout_in open' -l shell -d 'A shell there'
complete -c fanout -n '__fanout_in open' -l print -d 'Print the path'
complete -c fanout -n '__fanout_in review merge retry' -l into -x -a '(git for-each-ref --format="%(refname:short)" refs/heads 2>/dev/null)' -d 'Branch'
complete -c fanout -n '__fanout_in merge' -l merge -d 'A merge commit for each task'
complete -c fanout -n '__fanout_in merge' -l squash -d 'One commit for each task'
complete -c fanout -n '__fanout_in merge' -l rebase -d 'The commits, one after the other'
complete -c fanout -n '__fanout_in merge' -l dry-run -d 'Only show order and conflicts'
complete -c fanout -n '__fanout_in report' -l md -d 'As Markdown'
complete -c fanout -n '__fanout_in report' -l html -d 'As a page'
complete -c fanout -n '__fanout_in retry' -l with-conflict -d 'Have a completed task solve its conflict'
complete -c fanout -n $top -a resume -d 'Go on with what was interrupted, and watch'
complete -c fanout -n $top -a sync -d 'Finish what a run left undone at its tracker'
complete -c fanout -n $top -a timeline -d 'Draw what each task\'s setup took'
complete -c fanout -n $top -a metrics -d 'Show what setting up took, and what doing it at once saved'
complete -c fanout -n '__fanout_in timeline' -l svg -r -d 'Write it as a picture into this file'
complete -c fanout -n '__fanout_in retry' -l fresh -d 'Start over in a new worktree'
complete -c fanout -n '__fanout_in retry resume' -l detach -d 'Do not watch'
complete -c fanout -n '__fanout_in retry resume' -l watch -d 'Watch'
complete -c fanout -n '__fanout_in execute watch retry resume' -l verbose -d 'Print lines, with what the programs print'
complete -c fanout -n '__fanout_in execute watch retry resume' -l bell -d "Ring the terminal's bell"
complete -c fanout -n '__fanout_in watch' -l after -x -d 'Leave out the events up to this number'
complete -c fanout -n '__fanout_in logs' -l log -x -a '(__fanout_logs)' -d 'Which log'
complete -c fanout -n '__fanout_in logs' -l attempt -x -d 'Which attempt'
complete -c fanout -n '__fanout_in logs' -s f -l follow -d 'Go on until the task has ended'

complete -c fanout -n '__fanout_at 0 status watch dashboard sync timeline metrics review collisions merge report' -k -a '(__fanout_runs "[A-Z]*")'
complete -c fanout -n '__fanout_at 0 logs why diff open' -k -a '(__fanout_runs "[A-Z]*")'
complete -c fanout -n '__fanout_at 0 logs why diff open' -k -a '(__fanout_tasks last "[A-Z_]*")'
complete -c fanout -n '__fanout_at 1 logs why diff open' -k -a '(__fanout_tasks_of_typed_run "[A-Z_]*")'
complete -c fanout -n '__fanout_in merge; and test (count (__fanout_words)) -ge 2' -k -a '(__fanout_tasks_of_typed_run COMPLETED)'
complete -c fanout -n '__fanout_at 0 answer send attach pause continue' -k -a '(__fanout_runs RUNNING)'
complete -c fanout -n '__fanout_at 1 answer send attach pause continue' -k -a '(__fanout_tasks_of_typed_run IMPLEMENTING)'
complete -c fanout -n '__fanout_at 0 extend' -k -a '(__fanout_runs RUNNING)'
complete -c fanout -n '__fanout_at 0 cancel' -k -a '(__fanout_runs RUNNING)'
complete -c fanout -n '__fanout_at 1 cancel' -k -a '(__fanout_tasks_of_typed_run "PENDING|SETTING_UP|IMPLEMENTING|TESTING|PUSHING|REPORTING")'
complete -c fanout -n '__fanout_at 0 retry' -k -a '(__fanout_runs "RUNNING|FAILED|CANCELLED|INTERRUPTED")'
complete -c fanout -n '__fanout_at 0 resume' -k -a '(__fanout_runs "INTERRUPTED")'
complete -c fanout -n '__fanout_at 1 resume' -k -a '(__fanout_tasks_of_typed_run "INTERRUPTED")'
complete -c fanout -n '__fanout_at 1 retry' -k -a '(__fanout_tasks_of_typed_run "FAILED|BLOCKED|CANCELLED|INTERRUPTED")'
