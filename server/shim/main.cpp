// fanout-shim: runs one program for fanoutd, outlives it, and writes down what became of it.
#include <fcntl.h>
#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "server/shim/supervisor.hpp"

namespace {

constexpr const char* kUsage =
    "usage: fanout-shim --folder DIR --program FILE --stdout NAME --stderr NAME [--stdin FILE|-] [--timeout-ms N]\n"
    "                   [--grace-ms N] [--max-output BYTES] [--ready-fd N] -- ARGV...\n"
    "Started by fanoutd, not by people.\n";

bool parse(int argc, char** argv, fanout::shim::Options& options) {
  static const option names[] = {{"folder", 1, nullptr, 'f'},     {"program", 1, nullptr, 'p'},
                                 {"stdout", 1, nullptr, 'o'},     {"stderr", 1, nullptr, 'e'},
                                 {"stdin", 1, nullptr, 'i'},      {"timeout-ms", 1, nullptr, 't'},
                                 {"grace-ms", 1, nullptr, 'g'},   {"max-output", 1, nullptr, 'm'},
                                 {"ready-fd", 1, nullptr, 'r'},   {nullptr, 0, nullptr, 0}};
  for (int which; (which = getopt_long(argc, argv, "+", names, nullptr)) != -1;) {
    switch (which) {
      case 'f': options.folder = optarg; break;
      case 'p': options.program = optarg; break;
      case 'o': options.stdout_log = optarg; break;
      case 'e': options.stderr_log = optarg; break;
      case 'i': options.stdin_file = optarg; break;
      case 't': options.timeout = std::chrono::milliseconds(std::atoll(optarg)); break;
      case 'g': options.grace = std::chrono::milliseconds(std::atoll(optarg)); break;
      case 'm': options.max_output = std::strtoull(optarg, nullptr, 10); break;
      case 'r': options.ready_fd = std::atoi(optarg); break;
      default: return false;
    }
  }
  for (int i = optind; i < argc; ++i) options.argv.emplace_back(argv[i]);
  return !options.folder.empty() && !options.program.empty() && !options.argv.empty() &&
         !options.stdout_log.empty() && !options.stderr_log.empty();
}

}  // namespace

int main(int argc, char** argv) {
  fanout::shim::Options options;
  if (!parse(argc, argv, options)) {
    std::fputs(kUsage, stderr);
    return fanout::shim::kExitUsage;
  }
  if (options.ready_fd >= 0) fcntl(options.ready_fd, F_SETFD, FD_CLOEXEC);
  try {
    return fanout::shim::Supervisor(std::move(options)).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fanout-shim: %s\n", error.what());
    return 1;
  }
}
