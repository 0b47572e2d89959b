// What a task has changed, as git shows it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "client/commands.hpp"
#include "client/log_lines.hpp"
#include "client/merging_calls.hpp"
#include "client/merging_commands.hpp"
#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

Ink ink_of(std::string_view line) {
  if (line.starts_with("@@")) return Ink::cyan;
  if (line.starts_with("diff ") || line.starts_with("+++") || line.starts_with("---") || line.starts_with("index ")) return Ink::bold;
  if (line.starts_with('+')) return Ink::green;
  if (line.starts_with('-')) return Ink::red;
  return Ink::plain;
}

/// Safe for a terminal, and in git's colours.
std::string shown(const std::string& patch, const Style& style) {
  LogLines safe;
  const auto text = safe.add(patch) + safe.finish();
  std::string lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    lines += Line(style).add(line, ink_of(line)).text() + "\n";
    at = end + 1;
  }
  return lines;
}

std::size_t count_lines(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

/// As git does it: only what is longer than the window goes through the pager. False: there is none.
bool page(const std::string& text) {
  const char* chosen = std::getenv("PAGER");
  const std::string pager = chosen && *chosen ? chosen : "less -R";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(pager.c_str(), "w"), &::pclose);
  if (!pipe) return false;
  std::fwrite(text.data(), 1, text.size(), pipe.get());
  return true;
}

void print_patch(Session& session, const std::string& patch) {
  auto& out = session.out();
  if (!out.is_terminal()) return out.write(patch);
  const auto text = shown(patch, out.style());
  const bool is_long = out.can_draw() && count_lines(text) >= out.size().rows;
  if (!is_long || !page(text)) out.write(text);
}

void print_files(Session& session, const v1::DiffTaskResponse::Header& header) {
  Table table({{"FILE"}, {"", true}, {"", true}});
  for (const auto& file : header.files()) {
    table.add({{file.path()},
               {file.has_added() ? "+" + std::to_string(file.added()) : "", Ink::green},
               {file.has_deleted() ? "-" + std::to_string(file.deleted()) : "", Ink::red}});
  }
  session.print(table.lines(session.out().style(), {session.out().columns(), false, 1}));
  const auto more = header.file_count() - static_cast<std::uint32_t>(header.files_size());
  if (more > 0) session.out().line("and " + std::to_string(more) + " more");
}

}  // namespace

int diff(Session& session, const DiffOptions& options) {
  v1::DiffTaskRequest request;
  request.set_run_id(run_reference(options.run));
  request.set_task_id(options.task);
  request.set_committed_only(options.committed);
  request.set_files_only(options.stat);
  v1::DiffTaskResponse::Header header;
  std::string patch;
  MergingCalls(session).diff(request, [&](const v1::DiffTaskResponse& part) {
    if (session.json()) return session.print_json(part);
    if (part.has_header()) header = part.header();
    patch += part.patch();
  });
  if (session.json()) return kExitOk;
  if (header.file_count() == 0) {
    say(printable("task " + options.task + " of " + header.run_id() + " has changed nothing so far"));
  } else if (options.stat) {
    print_files(session, header);
  } else {
    print_patch(session, patch);
    if (header.cut()) say("the patch is longer than 64 MiB: it ends here; git diff " + header.base_commit() + " " + header.branch() + " has all of it");
  }
  return kExitOk;
}

}  // namespace fanout::client
