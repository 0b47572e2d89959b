#compdef fanout
# zsh completion for fanout. Runs and tasks are asked of the daemon, if one answers; none is started.

# What `fanout status` tells, as JSON; nothing when no daemon answers within 2 s. `program` and `socket` are
# _fanout's: below a command _arguments knows only of what stands behind it.
_fanout_status() {
  local at=${(Q)opt_args[--socket]:-$socket}
  timeout 2 $program ${at:+--socket} ${at:+"$at"} --no-start --json status "$@" 2>/dev/null </dev/null
}

# _fanout_offer_runs STATES: runs in one of the states (A|B…), with state and name.
_fanout_offer_runs() {
  local -a runs
  runs=(${(f)"$(_fanout_status | sed 's/{"id":"/\n&/g' |
    sed -nE 's/^\{"id":"([^"]*)","name":"(([^"\\]|\\.)*)".*"state":"RUN_STATE_('"$1"')".*/\1:\4, \2/p' |
    awk '!seen[$0]++')"})
  _describe -V run runs
}

# _fanout_offer_tasks RUN PHASES: the run's tasks in one of the phases, with phase and title.
_fanout_offer_tasks() {
  local -a tasks
  tasks=(${(f)"$(_fanout_status "$1" | sed 's/{"taskId":"/\n&/g' |
    sed -nE 's/^\{"taskId":"([^"]*)","title":"(([^"\\]|\\.)*)".*"phase":"PHASE_('"$2"')".*/\1:\4, \2/p')"})
  _describe -V task tasks
}

_fanout_run() { _fanout_offer_runs '[A-Z]*' }
_fanout_run_active() { _fanout_offer_runs RUNNING }
_fanout_run_to_retry() { _fanout_offer_runs 'RUNNING|FAILED|CANCELLED|INTERRUPTED' }
_fanout_run_to_resume() { _fanout_offer_runs INTERRUPTED }
_fanout_run_or_task() {
  _fanout_offer_tasks last '[A-Z_]*'
  _fanout_run
}
_fanout_task() { _fanout_offer_tasks "$line[1]" '[A-Z_]*' }
_fanout_task_active() { _fanout_offer_tasks "$line[1]" 'PENDING|SETTING_UP|IMPLEMENTING|TESTING|PUSHING|REPORTING' }
_fanout_task_at_work() { _fanout_offer_tasks "$line[1]" IMPLEMENTING }
_fanout_task_to_resume() { _fanout_offer_tasks "$line[1]" INTERRUPTED }
_fanout_task_completed() { _fanout_offer_tasks "$line[1]" COMPLETED }
_fanout_task_to_retry() { _fanout_offer_tasks "$line[1]" 'FAILED|BLOCKED|CANCELLED|INTERRUPTED' }

_fanout_log() {
  local -a names=(agent.stdout agent.stderr prompt.md setup.log verify.log)
  names+=(${(uf)"$(_fanout_status ${line[2]:+$line[1]} | grep -oE '"log":"[^"]+"' | cut -d'"' -f4)"})
  _describe log names
}

_fanout_agent() {
  local -a names
  names=(claude codex gemini opencode ${(f)"$(sed -nE 's/^[[:space:]]*\[agents\."?([A-Za-z0-9_-]+)"?\].*/\1/p' \
    "${FANOUT_CONFIG:-${XDG_CONFIG_HOME:-$HOME/.config}/fanout/config.toml}" 2>/dev/null)"})
  (( $#names )) && _describe agent names
  _files
}

_fanout_ref() {
  local -a refs=(HEAD ${(f)"$(git for-each-ref --format='%(refname:short)' refs/heads refs/tags 2>/dev/null)"})
  _describe ref refs
}

_fanout_branch() {
  local -a branches=(${(f)"$(git for-each-ref --format='%(refname:short)' refs/heads 2>/dev/null)"})
  _describe branch branches
}

_fanout_remote() {
  local -a remotes=(${(f)"$(git remote 2>/dev/null)"})
  _describe remote remotes
}

_fanout() {
  local context state line curcontext=$curcontext program=${~words[1]} socket
  typeset -A opt_args
  (( $+commands[$program] )) || [[ -x $program ]] || program=fanout
  local -a common=(
    '(- : *)'{-h,--help}'[print help]'
    '--socket[the daemon'\''s socket]:socket:_files'
    '--no-start[do not start a daemon when none answers]'
    '--json[print nothing but JSON on standard output]'
    '(--no-color --no-colour)'{--no-color,--no-colour}'[no colours]'
  )
  local -a budget=(
    '--budget-tokens[tokens that each task may use]:tokens:(200k 1M 5M)'
    '--budget-money[US dollars that each task may cost]:dollars:(1 5 20)'
    '--budget-time[how long each task'\''s agents may work]:duration:(15m 30m 1h)'
    '--budget-turns[calls of the model that each task may make]:number:'
  )
  local -a settings=(
    '--agent[agent: a name from the configuration, or a command line]:agent:_fanout_agent'
    '--model[the agent'\''s model]:model:'
    '--approve[what the agent may do unasked]:level:(never edits safe all)'
    '--answer-timeout[how long its questions wait]:duration:(10m 1h 8h)'
    '--base[start the branches from this ref]:ref:_fanout_ref'
    '--repo[repository]:folder:_files -/'
    '--max-parallel[how many agents may run at once]:number:'
    '--timeout[how long an agent may take]:duration:(15m 30m 1h 2h)'
    '--retries[how often a failed task is tried again by itself]:number:(0 1 2 3)'
    '(--push --no-push)'{--push,--no-push}'[push the branches of tasks that pass, or do not]'
    '--remote[push to this remote]:remote:_fanout_remote'
    '--fallback[agents that take over]:agents:'
    '--race[several agents at each task]:number or agents:(2 3 4 claude,codex)'
    '--judge[command that chooses in a race]:command:'
    '--gate-retries[how often a failed gate goes back to the agent]:number:(0 1 2 3)'
    $budget
    '--tracker[issue tracker]:tracker:(github none)'
    '(--pr --no-pr)'{--pr,--no-pr}'[open pull requests, or do not]'
    '--tracker-mode[an issue for each task, or one for all]:mode:(per-task tracking auto)'
    '(--draft --no-draft)'{--draft,--no-draft}'[open pull requests as drafts before the gates run, or not]'
    '(--follow --no-follow)'{--follow,--no-follow}'[follow pull requests until they are merged, or do not]'
    '--ci-retries[how often checks and reviews go back to an agent]:number:(0 1 2 3)'
    '--auto-merge[merge what passes]:method:(merge squash rebase off)'
    '(--cache --no-cache)'{--cache,--no-cache}'[take what setup makes from the cache, or do not]'
    '--sandbox[what programs are kept in]:level:(off workspace strict)'
    '--no-write-status[leave the status lines of the task files alone]'
    ':plan:_files -g "*.(yaml|yml)(-.)"'
  )
  local -a verbose=('--verbose[print lines, with what the programs print]' '--bell[ring the terminal'\''s bell]')
  local -a commands=(
    'init:write a repository'\''s first settings and plan'
    'execute:run a plan and watch it'
    'extend:add tasks to a run whose plan is open, or close it'
    'plan:write, check or describe a plan'
    'status:show runs, or all about one'
    'watch:watch a run to its end'
    'dashboard:open a page that shows runs as they go on'
    'logs:print what a task'\''s programs printed'
    'why:explain a task'\''s state, whatever it is'
    'cancel:end a run, or one of its tasks'
    'retry:try again what did not complete, and watch'
    'snapshots:list the snapshots of a task'\''s worktree'
    'undo:put a task'\''s worktree back to a snapshot'
    'diff:show what a task has changed'
    'open:open a task'\''s worktree in an editor or a shell'
    'review:show what each task did, and what can be merged'
    'collisions:show which tasks'\'' work would conflict'
    'merge:merge what has completed, and only what passes together'
    'report:write what was asked, what was done, and the evidence'
    'cleanup:remove worktrees and branches that nobody needs'
    'resume:go on with what was interrupted, and watch'
    'sync:finish what a run left undone at its tracker'
    'agents:which agents there are'
    'answer:answer what an agent asks'
    'send:tell an agent something'
    'attach:follow one agent, and talk to it'
    'pause:let agents stand still'
    'continue:let paused agents go on'
    'auth:log in at GitHub, or see who is'
    'timeline:draw what each task'\''s setup took'
    'metrics:show what setting up took, and what doing it at once saved'
    'pool:worktrees that are made beforehand'
    'mcp:serve the Model Context Protocol to an agent'
    'daemon:look after the daemon'
    'config:show every setting, its value, and where that comes from'
    'doctor:check that all that is needed is there and works'
    'version:print the versions'
  )
  local -a plan_commands=('validate:report every fault of a plan' 'show:show waves, critical path, conflict risks, settings' 'new:write a plan without tasks' 'add:add a task to a plan' 'from-issues:add a task for each open issue with a label' 'draft:let agents make a plan for a goal' 'adopt:take the plan that a planning run made')
  local -a auth_commands=('login:log in and store the token' 'status:which token is used, whose it is, what is left' 'refresh:look for tokens again' 'logout:forget what login has stored')
  local -a pool_commands=('status:what waits ready' 'warm:have worktrees made' 'drain:remove what waits')
  local -a daemon_commands=('status:where it is and what it does' 'start:start it, unless it runs' 'restart:start it anew; agents at work go on' 'stop:end it in order' 'install:make it a service of systemd'\''s' 'logs:print its own log')

  _arguments -C $common '(- : *)--version[print the version]' ':command:->command' '*::argument:->argument' && return
  case $state in
    command) _describe command commands ;;
    argument)
      socket=${(Q)opt_args[--socket]}
      case $line[1] in
        execute) _arguments -s $common $settings '--plan-from[take tasks as they are written]:file:_files' '--detach[print the run'\''s id and do not watch]' $verbose ;;
        plan | daemon | auth | pool)
          local group=$line[1]
          _arguments -C $common ':command:->sub' '*::argument:->rest' && return
          case $state in
            sub) _describe command ${group}_commands ;;
            rest)
              case $group:$line[1] in
                plan:new) _arguments $common '--file[where to]:file:_files' ':name:' ;;
                plan:add)
                  _arguments $common '--id[its id]:id:' '--files[files that it touches, with commas]:files:_files' \
                    '--depends[ids of tasks that must complete first, with commas]:ids:' '--priority[who comes first]:priority:(blocker high medium low)' \
                    '--prompt[what to do; - reads standard input]:text:' '--plan[plan]:plan:_files -g "*.(yaml|yml)(-.)"' ':title:' ;;
                plan:from-issues)
                  _arguments $common '--label[label of the issues]:label:' '--limit[how many at most]:number:(10 30 100)' \
                    '--plan[plan]:plan:_files -g "*.(yaml|yml)(-.)"' ;;
                plan:draft)
                  _arguments $common '--file[where to]:file:_files' '--agent[who does it]:agent:_fanout_agent' '--roles[who looks into something first, with commas]:roles:' \
                    '--detach[print the run'\''s id and do not watch]' ':goal:' ;;
                plan:adopt) _arguments $common ':run:_fanout_run' ;;
                plan:*) _arguments $common $settings ;;
                auth:*)
                  _arguments $common '--host[which host]:host:(github.com)' '--with-token[read the token from standard input]' \
                    '--client-id[OAuth App to log in with]:id:' '--scope[scope to ask for]:scope:(repo public_repo read\:org workflow project)' ;;
                pool:warm) _arguments $common '--base[ref whose files they hold]:ref:_fanout_ref' '--wait[return when they are there]' ':number:' ':plan:_files -g "*.y(a|)ml"' ;;
                pool:*) _arguments $common '--all[of all repositories]' ;;
                daemon:install) _arguments $common '--now[start it, too]' '--force[replace units that say something else]' ;;
                daemon:logs) _arguments $common '(-f --follow)'{-f,--follow}'[go on with what comes]' '(-n --lines)'{-n,--lines}'[how many lines]:number:' ;;
                *) _arguments $common ;;
              esac ;;
          esac ;;
        timeline) _arguments $common '--svg[write it as a picture into this file]:file:_files' ':run:_fanout_run' ;;
        status | sync | metrics | collisions) _arguments $common ':run:_fanout_run' ;;
        diff)
          _arguments $common '--stat[the files and how many lines]' '--committed[leave out what is not committed]' \
            ':run or task:_fanout_run_or_task' ':task:_fanout_task' ;;
        open) _arguments $common '(--print)--shell[a shell there]' '(--shell)--print[print the path]' ':run or task:_fanout_run_or_task' ':task:_fanout_task' ;;
        review) _arguments $common '--into[branch to compare with]:branch:_fanout_branch' ':run:_fanout_run' ;;
        merge)
          _arguments $common '--into[branch to merge into]:branch:_fanout_branch' '(--squash --rebase)--merge[a merge commit for each task]' \
            '(--merge --rebase)--squash[one commit for each task]' '(--merge --squash)--rebase[the commits, one after the other]' \
            '--dry-run[only show order and conflicts]' ':run:_fanout_run' '*:task:_fanout_task_completed' ;;
        report) _arguments $common '(--html)--md[as Markdown]' '(--md)--html[as a page]' ':run:_fanout_run' ;;
        watch) _arguments $common '--after[leave out the events up to this number]:number:' $verbose ':run:_fanout_run' ;;
        logs)
          _arguments $common '--log[which log]:log:_fanout_log' '--attempt[which attempt]:number:' \
            '(-f --follow)'{-f,--follow}'[go on until the task has ended]' ':run or task:_fanout_run_or_task' \
            ':task:_fanout_task' ;;
        why) _arguments $common ':run or task:_fanout_run_or_task' ':task:_fanout_task' ;;
        dashboard) _arguments $common '--allow-actions[the page may cancel and retry]' '--no-browser[only print the address]' ':run:_fanout_run' ;;
        mcp)
          _arguments $common '*--repository[repository that it may reach]:folder:_files -/' \
            "--allow-nested[how deep Fanout's own agents may start runs]:depth:(1 2 3)" \
            '--nested-tasks[how many tasks one of them may have done so]:number:(4 8 16)' ;;
        init) _arguments $common '--force[write .fanout.yaml anew if it is there]' ;;
        config) _arguments $common '--repo[repository]:folder:_files -/' '--plan[plan whose settings count, too]:plan:_files -g "*.(yaml|yml)(-.)"' ;;
        doctor) _arguments $common '--offline[ask nobody over the network]' ;;
        extend) _arguments $common '--plan-from[take tasks as they are written]:file:_files' '--keep-open[do not close the plan at their end]' \
            '--close[close the plan]' ':run:_fanout_run_active' ;;
        cancel) _arguments $common ':run:_fanout_run_active' ':task:_fanout_task_active' ;;
        retry)
          _arguments $common $budget '--fresh[start over in a new worktree]' '--with-conflict[have a completed task solve its conflict]' \
            '--into[branch that it conflicts with]:branch:_fanout_branch' '(--detach --watch)'{--detach,--watch}'[do not watch, or do]' $verbose \
            ':run:_fanout_run_to_retry' ':task:_fanout_task_to_retry' ;;
        answer)
          _arguments $common '--allow[it may, this once]' '--deny[it may not]' '--option[one of the options that are offered]:option:' \
            '--text[an answer in words]:text:' ':run:_fanout_run_active' ':task:_fanout_task_at_work' ;;
        send) _arguments $common ':run:_fanout_run_active' ':task:_fanout_task_at_work' ':text:' ;;
        attach | pause | continue) _arguments $common ':run:_fanout_run_active' ':task:_fanout_task_at_work' ;;
        snapshots) _arguments $common ':run:_fanout_run' ':task:_fanout_task' ;;
        undo) _arguments $common '--to[number of the snapshot]:number:' ':run:_fanout_run' ':task:_fanout_task' ;;
        cleanup)
          _arguments $common '--dry-run[only show]' '(-y --yes)'{-y,--yes}'[do not ask]' \
            '--force[remove what exists nowhere else too]' '--remote[remove the branches on the remote too]' \
            '--archives[remove what programs printed too]' ':run:_fanout_run' ;;
        resume)
          _arguments $common '(--detach --watch)'{--detach,--watch}'[do not watch, or do]' $verbose \
            ':run:_fanout_run_to_resume' ':task:_fanout_task_to_resume' ;;
        *) _arguments $common ;;
      esac ;;
  esac
}

if [[ $funcstack[1] == _fanout ]]; then _fanout "$@"; else compdef _fanout fanout; fi
