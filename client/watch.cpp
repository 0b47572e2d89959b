#include "client/commands.hpp"
#include "client/watching.hpp"

namespace fanout::client {

int watch(Session& session, const WatchCommandOptions& options) {
  return watch_run(session, get_run(session, options.run), {options.after, options.verbose, options.bell});
}

}  // namespace fanout::client
