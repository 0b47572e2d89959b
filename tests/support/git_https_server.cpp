#include "tests/support/git_https_server.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

#include "tests/support/git_sandbox.hpp"

namespace fanout::test {

namespace fs = std::filesystem;

namespace {

void openssl(const fs::path& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  const Output output = run_in(folder, arguments);
  if (output.status != 0) throw std::runtime_error("openssl: " + output.text);
}

std::string first_line(int descriptor) {
  std::string line;
  for (char c; ::read(descriptor, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

}  // namespace

Authority::Authority(const fs::path& folder)
    : root(folder / "root.pem"), certificate(folder / "server.pem"), key(folder / "server.key") {
  const std::vector<std::string> curve = {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"};
  auto with_curve = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), curve.begin(), curve.end());
    return arguments;
  };
  openssl(folder, with_curve({"req", "-x509", "-days", "2", "-subj", "/CN=Test authority", "-keyout",
                              "root.key", "-out", "root.pem"}));
  openssl(folder,
          with_curve({"req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"}));
  write_file(folder / "names", "subjectAltName = DNS:localhost\n");
  openssl(folder, {"x509", "-req", "-days", "2", "-in", "server.csr", "-CA", "root.pem", "-CAkey", "root.key",
                   "-CAcreateserial", "-extfile", "names", "-out", "server.pem"});
}

GitHttpsServer::GitHttpsServer(const fs::path& repositories, const Authority& authority,
                               const std::string& user, const std::string& password) {
  int input[2], output[2];
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error("no pipes");
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, input[0], 0);
  ::posix_spawn_file_actions_adddup2(&files, output[1], 1);
  const std::vector<std::string> words = {
      "python3", FANOUT_GIT_HTTPS_SERVER, repositories, authority.certificate, authority.key, user, password};
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int failure = ::posix_spawnp(&pid_, "python3", &files, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  const std::string port = failure == 0 ? first_line(output[0]) : "";
  ::close(output[0]);
  url_ = "https://localhost:" + port;
  if (failure != 0) throw std::runtime_error("python3 does not start");
}

GitHttpsServer::~GitHttpsServer() {
  ::close(input_);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace fanout::test
