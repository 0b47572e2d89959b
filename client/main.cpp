#include <csignal>
#include <cstdlib>

#include "client/cli.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is seen where we write
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
  setenv("GRPC_VERBOSITY", "NONE", 0);  // what matters is told in our own words
  return fanout::client::run(argc, argv);
}
