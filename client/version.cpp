#include "common/version.hpp"

#include <google/protobuf/struct.pb.h>

#include "client/commands.hpp"
#include "client/reach.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

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
    google::protobuf::Struct versions;
    (*versions.mutable_fields())["version"].set_string_value(kVersion);
    if (!daemon.empty()) (*versions.mutable_fields())["daemonVersion"].set_string_value(daemon);
    session.print_json(versions);
  } else {
    session.out().line(std::string("fanout ") + kVersion);
    session.out().line(daemon.empty() ? "fanoutd is not running"
                                      : "fanoutd " + printable(daemon) + " is running");
  }
  return kExitOk;
}

}  // namespace fanout::client
