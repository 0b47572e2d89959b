#include "common/version.hpp"

#include "client/commands.hpp"
#include "client/reach.hpp"
#include "common/exit_code.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

/// Of the daemon that runs, if any: it may be older than this program.
std::string daemon_version(Session& session) {
  try {
    if (!answers(session.socket())) return {};
    return Connection(session.socket()).call(v1::GetInfoRequest()).version();
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

int version(Session& session) {
  const auto daemon = daemon_version(session);
  if (session.json()) {
    const auto running = daemon.empty() ? "" : ",\"daemonVersion\":\"" + daemon + "\"";
    session.out().line(std::string("{\"version\":\"") + kVersion + "\"" + running + "}");
  } else {
    session.out().line(std::string("fanout ") + kVersion);
    session.out().line(daemon.empty() ? "fanoutd is not running" : "fanoutd " + daemon + " is running");
  }
  return kExitOk;
}

}  // namespace fanout::client
