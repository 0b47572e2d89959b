// fanout-shim: runs one program for fanoutd, outlives it, and writes down what became of it.
#include <fcntl.h>
#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "server/shim/inside.hpp"
#include "server/shim/pid_namespace.hpp"
#include "server/shim/supervisor.hpp"

namespace {

constexpr const char* kUsage =
    "usage: fanout-shim --folder DIR --program FILE --stdout NAME --stderr NAME [--events NAME] [--stdin FILE|-]\n"
    "                   [--timeout-ms N] [--grace-ms N] [--max-output BYTES] [--max-memory BYTES] [--max-processes N]\n"
    "                   [--cpu-weight N] [--cgroup PATH | --scope UNIT] [--pid-namespace] [--sandboxed] [--linger-ms N] [--ready-fd N] [--go-fd N]\n"
    "                   -- ARGV...\n"
    "       fanout-shim --probe pid-namespace\n"
    "       fanout-shim --inside [--forward SOCKET --port N] [--landlock [--write PATH]...] -- ARGV...\n"
    "Started by fanoutd, not by people.\n";

bool parse(int argc, char** argv, fanout::shim::Options& options) {
  static const option names[] = {{"folder", 1, nullptr, 'f'},     {"program", 1, nullptr, 'p'},
                                 {"stdout", 1, nullptr, 'o'},     {"stderr", 1, nullptr, 'e'},
                                 {"events", 1, nullptr, 'v'},
                                 {"stdin", 1, nullptr, 'i'},      {"timeout-ms", 1, nullptr, 't'},
                                 {"grace-ms", 1, nullptr, 'g'},   {"max-output", 1, nullptr, 'm'},
                                 {"ready-fd", 1, nullptr, 'r'},   {"go-fd", 1, nullptr, 'G'},
                                 {"max-memory", 1, nullptr, 'M'}, {"max-processes", 1, nullptr, 'P'},
                                 {"cpu-weight", 1, nullptr, 'C'}, {"cgroup", 1, nullptr, 'c'},
                                 {"scope", 1, nullptr, 's'},      {"pid-namespace", 0, nullptr, 'n'},
                                 {"linger-ms", 1, nullptr, 'l'},  {"sandboxed", 0, nullptr, 'b'},
                                 {nullptr, 0, nullptr, 0}};
  for (int which; (which = getopt_long(argc, argv, "+", names, nullptr)) != -1;) {
    switch (which) {
      case 'f': options.folder = optarg; break;
      case 'p': options.program = optarg; break;
      case 'o': options.stdout_log = optarg; break;
      case 'e': options.stderr_log = optarg; break;
      case 'v': options.events_log = optarg; break;
      case 'i': options.stdin_file = optarg; break;
      case 't': options.timeout = std::chrono::milliseconds(std::atoll(optarg)); break;
      case 'g': options.grace = std::chrono::milliseconds(std::atoll(optarg)); break;
      case 'm': options.max_output = std::strtoull(optarg, nullptr, 10); break;
      case 'r': options.ready_fd = std::atoi(optarg); break;
      case 'G': options.go_fd = std::atoi(optarg); break;
      case 'M': options.limits.memory = std::strtoull(optarg, nullptr, 10); break;
      case 'P': options.limits.processes = std::strtoull(optarg, nullptr, 10); break;
      case 'C': options.limits.cpu_weight = static_cast<unsigned>(std::atoi(optarg)); break;
      case 'c': options.cgroup = optarg; break;
      case 's': options.scope = optarg; break;
      case 'n': options.pid_namespace = true; break;
      case 'b': options.sandboxed = true; break;
      case 'l': options.linger = std::chrono::milliseconds(std::atoll(optarg)); break;
      default: return false;
    }
  }
  for (int i = optind; i < argc; ++i) options.argv.emplace_back(argv[i]);
  return !options.folder.empty() && !options.program.empty() && !options.argv.empty() &&
         !options.stdout_log.empty() && !options.stderr_log.empty();
}

/// What a sandbox begins with.
bool parse_inside(int argc, char** argv, fanout::shim::Inside& inside) {
  static const option names[] = {{"inside", 0, nullptr, 'i'},   {"forward", 1, nullptr, 'f'}, {"port", 1, nullptr, 'p'},
                                 {"landlock", 0, nullptr, 'l'}, {"write", 1, nullptr, 'w'},   {nullptr, 0, nullptr, 0}};
  for (int which; (which = getopt_long(argc, argv, "+", names, nullptr)) != -1;) {
    switch (which) {
      case 'i': break;
      case 'f': inside.forward_to = optarg; break;
      case 'p': inside.port = static_cast<unsigned short>(std::atoi(optarg)); break;
      case 'l': inside.landlock = true; break;
      case 'w': inside.writable.emplace_back(optarg); break;
      default: return false;
    }
  }
  for (int i = optind; i < argc; ++i) inside.argv.emplace_back(argv[i]);
  return !inside.argv.empty() && (inside.forward_to.empty() || inside.port > 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--probe") == 0 && std::strcmp(argv[2], "pid-namespace") == 0) {
    std::_Exit(fanout::shim::pid_namespace_works() ? fanout::shim::kExitDone : fanout::shim::kExitCannot);
  }
  if (argc > 1 && std::strcmp(argv[1], "--inside") == 0) {
    fanout::shim::Inside inside;
    if (parse_inside(argc, argv, inside)) return fanout::shim::run_inside(inside);
    std::fputs(kUsage, stderr);
    return fanout::shim::kExitUsage;
  }
  fanout::shim::Options options;
  if (!parse(argc, argv, options)) {
    std::fputs(kUsage, stderr);
    return fanout::shim::kExitUsage;
  }
  for (const int fd : {options.ready_fd, options.go_fd}) {
    if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  const bool in_namespace = options.pid_namespace;
  try {
    const int code = fanout::shim::Supervisor(std::move(options)).run();
    // What is left to do at an exit, such as a sanitizer's search for leaks, cannot make processes any more: their namespace is over.
    if (in_namespace) std::_Exit(code);
    return code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fanout-shim: %s\n", error.what());
    return 1;
  }
}
