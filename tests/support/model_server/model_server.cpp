#include "tests/support/model_server/model_server.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace fanout::test {

namespace {

std::string first_line(int descriptor) {
  std::string line;
  for (char c; ::read(descriptor, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

/// The text of a field in a line of JSON that the server wrote.
std::string field(const std::string& line, const std::string& name) {
  const auto begin = line.find("\"" + name + "\": \"");
  if (begin == std::string::npos) return {};
  const auto from = begin + name.size() + 5;
  return line.substr(from, line.find('"', from) - from);
}

}  // namespace

ModelServer::ModelServer() {
  int input[2], output[2];
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error("no pipes");
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, input[0], 0);
  ::posix_spawn_file_actions_adddup2(&files, output[1], 1);
  const std::vector<std::string> words{"python3", FANOUT_MODEL_SERVER, (folder_ / "answers").string()};
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int failure = ::posix_spawnp(&pid_, "python3", &files, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  const auto port = failure == 0 ? first_line(output[0]) : "";
  ::close(output[0]);
  if (port.empty()) throw std::runtime_error("the model server does not start");
  url_ = "http://127.0.0.1:" + port;
}

ModelServer::~ModelServer() {
  ::close(input_);
  ::waitpid(pid_, nullptr, 0);
}

std::vector<ModelServer::Answer> ModelServer::answers() const {
  std::vector<Answer> all;
  for (const auto& line : lines_of(read_file(folder_ / "answers"))) {
    all.push_back({field(line, "agent"), field(line, "answer")});
  }
  return all;
}

std::size_t ModelServer::count(const std::string& api, const std::string& what) const {
  const auto all = answers();
  return static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [&](const auto& answer) { return answer.api == api && answer.what == what; }));
}

}  // namespace fanout::test
