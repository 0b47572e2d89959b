#include "tests/counterparts/counterpart.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>

namespace fanout::test {

namespace fs = std::filesystem;

namespace {

constexpr int kStartMilliseconds = 180'000;
constexpr int kSliceMilliseconds = 20;

/// Ends the program when its own input ends, which it does with the test, however that ends.
constexpr const char* kGuard = R"("$@" </dev/null & child=$!; cat >/dev/null; kill "$child"; wait "$child" 2>/dev/null)";

const fs::path& folder() {
  static const fs::path path = FANOUT_COUNTERPARTS;
  return path;
}

sockaddr_in loopback(unsigned short port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool takes_connections(unsigned short port) {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  const bool open = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(probe);
  return open;
}

bool wait_until(const std::function<bool()>& reached) {
  for (int waited = 0; waited < kStartMilliseconds; waited += kSliceMilliseconds) {
    if (reached()) return true;
    ::poll(nullptr, 0, kSliceMilliseconds);
  }
  return false;
}

std::vector<std::string> environment() {
  return {std::string("PATH=") + std::getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=/nonexistent", "NO_COLOR=1",
          std::string("GH_TOKEN=") + kToken, "FANOUT_COUNTERPARTS=" + folder().string(),
          "LD_LIBRARY_PATH=" + (folder() / "debian/usr/lib/x86_64-linux-gnu").string() + ":" +
              (folder() / "debian/usr/lib/aarch64-linux-gnu").string()};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

unsigned short free_port() {
  const int holder = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  const bool bound = ::bind(holder, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(holder, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(holder);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

std::string npm_is_missing() {
  if (fs::exists(folder() / "github.json")) return "";
  return "SKIPPED: npm's programs are not in " + folder().string() + "; deploy/counterparts.sh installs them";
}

std::string debian_is_missing() {
  if (fs::exists(folder() / "debian/unpacked")) return "";
  return "SKIPPED: nginx, fcgiwrap and tinyproxy are not in " + folder().string() + "; deploy/counterparts.sh unpacks them";
}

fs::path debian_program(const std::string& path) { return folder() / "debian" / path; }

std::vector<std::string> script(const std::string& name, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"node", std::string(FANOUT_COUNTERPART_SCRIPTS) + "/" + name});
  return arguments;
}

std::vector<std::string> npm_program(const std::string& file, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"node", (folder() / "node_modules" / file).string()});
  return arguments;
}

std::string output_of(const std::vector<std::string>& argv) {
  std::vector<std::string> words = {"env"};
  const auto variables = environment();
  words.insert(words.end(), variables.begin(), variables.end());
  words.insert(words.end(), argv.begin(), argv.end());
  const auto output = run_in("/", words);
  if (output.status != 0) throw std::runtime_error(argv.at(1) + " failed: " + output.text);
  return output.text;
}

Counterpart::Counterpart(std::vector<std::string> argv, unsigned short port) : port_(port) {
  start(std::move(argv));
  if (!wait_until([port] { return takes_connections(port); })) throw std::runtime_error("it does not serve: " + log());
}

Counterpart::Counterpart(std::vector<std::string> argv, const fs::path& socket) {
  start(std::move(argv));
  if (!wait_until([&] { return fs::exists(socket); })) throw std::runtime_error("it does not serve: " + log());
}

void Counterpart::start(std::vector<std::string> argv) {
  int input[2];
  if (::pipe2(input, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  argv.insert(argv.begin(), {"sh", "-c", kGuard, "sh"});
  auto variables = environment();
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, input[0], 0);
  ::posix_spawn_file_actions_addopen(&files, 1, (folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&files, 1, 2);
  const int failed = ::posix_spawnp(&pid_, "sh", &files, nullptr, pointers(argv).data(), pointers(variables).data());
  ::posix_spawn_file_actions_destroy(&files);
  ::close(input[0]);
  input_ = input[1];
  if (failed != 0) throw std::runtime_error("cannot start " + argv.at(4));
}

Counterpart::~Counterpart() {
  ::close(input_);
  ::waitpid(pid_, nullptr, 0);
}

std::unique_ptr<Counterpart> emulator(const std::string& address) {
  const auto port = free_port();
  std::vector<std::string> arguments = {std::to_string(port)};
  if (!address.empty()) arguments.push_back(address);
  return std::make_unique<Counterpart>(script("emulator.mjs", std::move(arguments)), port);
}

}  // namespace fanout::test
