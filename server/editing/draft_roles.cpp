#include "server/editing/draft_roles.hpp"

namespace fanout::editing {

namespace {

/// Around what a role is to look into.
std::string research(const std::string& part) {
  return "You help to plan a piece of work, and do not do it. Others look into other sides of it at the same time.\n\n"
         "The goal:\n\n{goal}\n\nYour part:\n\n" +
         part +
         "\n\nWrite what you find to {findings_file}, as Markdown of at most 200 lines: facts with their place (file and line, or "
         "address), then what follows from them for the plan. Say what you could not find out. Change no other file.\n";
}

}  // namespace

std::vector<DraftRole> usual_roles() {
  return {
      {"codebase", research("This repository. Which files, functions and tables does the goal touch, which patterns do they follow, where "
                            "are similar things done already, and how are they built and tested? Name every file that must change.")},
      {"libraries", research("Libraries and tools. What do the files of this repository that name its dependencies bring already that helps, and "
                             "what else would: version, license, how well it is kept. Recommend one, and say what would be written by hand without it.")},
      {"prior-art", research("How others have solved it. Which designs are usual for this, what do they cost, where did they go wrong? "
                             "Recommend one for a code base of this kind and size.")},
      {"requirements", research("What exactly is to be reached. Read the documents, issues, specifications and tests in this repository that "
                                "speak of it. List what must hold at the end, such that a test can show it, and what is not asked for.")},
      {"risks", research("What can go wrong. Which parts depend on each other and so need an order, which files would be changed by more than one "
                         "task, what breaks for users, data and other programs, and which tests would notice?")},
  };
}

std::string usual_planner_prompt() {
  return R"(You make a plan by which several coding agents will work at once, each alone in its own git worktree.

The goal:

{goal}

What others have found is in {findings_folder}, one file each. Read all of it first; look into the code where it contradicts itself.

Write {plan_file}:

    metadata:
      name: "SHORT NAME"
      status: "ready"
    overview: |
      What is there at the end, and the approach that was chosen, in a few sentences.
    tasks:
      - id: SHORT-ID
        name: "TITLE"
        file: "tasks/SHORT-ID.md"
        priority: high              # blocker, high, medium or low
        dependencies: []            # ids of tasks whose work this one builds upon
    gates:                          # commands that fail where the work is wrong; leave it out where there are none
      - {name: tests, run: "COMMAND", timeout: 10m}
    success_criteria:
      - "WHAT HOLDS AT THE END"

and beside it, for each task, tasks/SHORT-ID.md:

    ---
    id: SHORT-ID
    priority: high
    status: pending
    dependencies: []
    ---
    # TITLE
    ## Objective
    ## Implementation Approach
    ## Files to Touch
    **Create:**
    - `PATH`
    **Modify:**
    - `PATH`
    ## Tests Required
    - [ ] WHAT A TEST SHOWS
    ## Acceptance Criteria
    - [ ] WHAT HOLDS
    ## Potential Conflicts
    ## Notes

Rules:
- A task is what one agent can do alone, knowing its own file and nothing else. Put into it what the findings say of it.
- Tasks that may run side by side touch different files. Where two must change one file, one depends on the other, or a first
  task prepares the place for both. Name every file.
- A dependency is one that the work really needs: each makes a task wait.
- Fewer, larger tasks rather than many small ones. No estimates of time.
- Ids are letters, digits, "-", "_" and ".".

This must pass before you are done: {check_command}
Change nothing else.
)";
}

}  // namespace fanout::editing
