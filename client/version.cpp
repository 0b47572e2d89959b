#include "common/version.hpp"

#include <google/protobuf/wrappers.pb.h>

#include "client/commands.hpp"
#include "client/reach.hpp"
#include "client/render/json.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

/// As a JSON string.
std::string quoted(const std::string& text) {
  google::protobuf::StringValue value;
  value.set_value(text);
  return to_json(value);
}

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
    const auto running = daemon.empty() ? "" : ",\"daemonVersion\":" + quoted(daemon);
    session.out().line("{\"version\":" + quoted(kVersion) + running + "}");
  } else {
    session.out().line(std::string("fanout ") + kVersion);
    session.out().line(daemon.empty() ? "fanoutd is not running"
                                      : "fanoutd " + printable(daemon) + " is running");
  }
  return kExitOk;
}

}  // namespace fanout::client
