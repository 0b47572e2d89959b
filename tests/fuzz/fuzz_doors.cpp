// What agents ask of the daemon by their doors: a request to the tracker (method, path and query), and a host; then two
// configurations that git obeys. What is let through must be what it seems.
#include "common/host_rules.hpp"
#include "server/git/obeyed.hpp"
#include "server/github/agent_access.hpp"
#include "tests/fuzz/require.hpp"

using fanout::fuzz::require;

namespace {

void ask_tracker(const std::string& method, const std::string& path, const std::string& query, bool task) {
  const fanout::github::AgentGrant grant{{"github.com", "octo", "hello"}, task, 7, 8};
  const auto call = fanout::github::judge_agent_call(grant, method, path, query);
  if (!call.refusal.empty()) return;
  const auto end = call.path.substr(0, call.path.find('?'));
  require(end == "/repos/octo/hello" || end.starts_with("/repos/octo/hello/"));
  for (const auto* odd : {"//", "/./", "/../", "\\", " ", "#", "%2f", "%2F", "%5c", "%5C", "%00", "%25"}) require(end.find(odd) == end.npos);
  require(!end.ends_with("/..") && !end.ends_with("/.") && !end.ends_with("/"));
  for (const unsigned char c : call.path) require(c > 0x20 && c < 0x7f);
  using Kind = fanout::github::AgentCall::Kind;
  const bool writes = call.kind == Kind::comment || call.kind == Kind::edit_comment;
  require(writes ? task && query.empty() : method == "GET");
}

void ask_network(const std::string& text) {
  fanout::parse_host_rule(text);
  const auto host = fanout::parse_host(text);
  if (!host) return;
  const auto again = fanout::parse_host(host->host);
  require(again && again->host == host->host && !again->port);
  const fanout::HostRules none, exact({text});
  require(!none.allows(*host));
  require(!host->port || exact.allows(*host));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parts = fanout::fuzz::parts_of(data, size, 4);
  for (const bool task : {false, true}) ask_tracker(parts[0], parts[1], parts[2], task);
  for (const auto& part : parts) ask_network(part);
  require(fanout::git::differ_harmlessly(parts[1], parts[2]) == fanout::git::differ_harmlessly(parts[2], parts[1]));
  return 0;
}
