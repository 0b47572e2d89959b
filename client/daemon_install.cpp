// Makes the daemon a service of the user, by systemd.
#include <google/protobuf/struct.pb.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "client/commands.hpp"
#include "client/daemon.hpp"
#include "client/reach.hpp"
#include "client/stream_output.hpp"
#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"
#include "common/whole_file.hpp"

namespace fanout::client {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSocketUnit = "fanoutd.socket";
constexpr const char* kServiceUnit = "fanoutd.service";

struct Unit {
  fs::path file;     ///< Where it is to stand.
  std::string text;  ///< What it is to say.
};

fs::path absolute_folder(const char* variable) {
  const char* value = std::getenv(variable);
  return value && value[0] == '/' ? fs::path(value) : fs::path();
}

/// Where the user's own units are.
fs::path own_unit_folder() {
  if (const auto config = absolute_folder("XDG_CONFIG_HOME"); !config.empty()) return config / "systemd/user";
  if (const auto home = absolute_folder("HOME"); !home.empty()) return home / ".config/systemd/user";
  throw Error(ErrorKind::precondition, "neither XDG_CONFIG_HOME nor HOME is set to an absolute path");
}

/// Where they were installed, beside this program.
fs::path installed_unit_folder() {
  std::error_code error;
  const auto programs = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto* place : {"../share/systemd/user", "../lib/systemd/user"}) {
    const auto folder = (programs / place).lexically_normal();
    if (fs::exists(folder / kSocketUnit, error) && fs::exists(folder / kServiceUnit, error)) return folder;
  }
  throw Error(ErrorKind::not_found, "the units are not where an installation has them (" +
                                        (programs / "../share/systemd/user").lexically_normal().string() +
                                        "): run the fanout of an installation");
}

std::string text_of_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(ErrorKind::system, "cannot read " + file.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A path as the first word of ExecStart=: quoted, with what systemd would replace written twice.
std::string as_command(const fs::path& program) {
  std::string word;
  for (const char c : program.string()) {
    if (c == '%' || c == '$') word += c;
    if (c == '"' || c == '\\') word += '\\';
    word += c;
  }
  return word.find_first_of(" \t'\";\\") == word.npos ? word : "\"" + word + "\"";
}

std::string with_program(const std::string& unit, const fs::path& program) {
  constexpr std::string_view key = "ExecStart=";
  std::istringstream lines(unit);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    text += line.starts_with(key) ? std::string(key) + as_command(program) + "\n" : line + "\n";
  }
  return text;
}

/// What it prints. Throws Error{precondition} with its own words when it fails.
std::string systemctl(std::vector<std::string> words) {
  words.insert(words.begin(), {"systemctl", "--user"});
  std::string text;
  const int code = stream_output(words, true, [&](std::string_view bytes) { text += bytes; });
  if (code == 0) return text;
  if (code == 127) throw Error(ErrorKind::precondition, "there is no systemctl");
  const auto said = printable(trimmed(text));
  throw Error(ErrorKind::precondition, join(words, " ") + ": " + (said.empty() ? "exit code " + std::to_string(code) : said));
}

/// The folders that it takes units from. Throws where there is no systemd for this user.
std::string unit_path() {
  try {
    return systemctl({"show", "--property=UnitPath"});
  } catch (const Error& error) {
    throw Error(ErrorKind::precondition, std::string("no systemd answers for this user (") + error.what() +
                                             "): nothing was installed. None is needed: fanout starts the daemon by itself");
  }
}

bool takes_units_from(const std::string& path, const fs::path& folder) {
  std::istringstream words(path.substr(path.find('=') + 1));
  for (std::string word; words >> word;) {
    if (fs::path(word).lexically_normal() == folder) return true;
  }
  return false;
}

/// Systemd never reads half of it.
void write_unit(const Unit& unit) {
  std::error_code error;
  fs::create_directories(unit.file.parent_path(), error);
  write_whole(unit.file, unit.text);
}

/// What there is to write. Throws where something else stands there, unless that is to be replaced.
std::vector<Unit> units_to_write(const std::string& path, const fs::path& program, bool force) {
  const auto from = installed_unit_folder(), into = own_unit_folder();
  std::vector<Unit> units;
  for (const auto* name : {kSocketUnit, kServiceUnit}) {
    const auto installed = text_of_file(from / name);
    const Unit unit{into / name, name == std::string_view(kServiceUnit) ? with_program(installed, program) : installed};
    std::error_code error;
    const bool there = fs::exists(fs::symlink_status(unit.file, error));
    if (there && fs::is_regular_file(unit.file, error) && text_of_file(unit.file) == unit.text) continue;
    if (there && !force) {
      throw Error(ErrorKind::already_there, unit.file.string() + " is there already and says something else: see it, and "
                                                                 "give --force to replace it. Nothing was installed");
    }
    // A package's own units: a copy would hide those of its next version.
    if (!there && installed == unit.text && takes_units_from(path, from)) continue;
    units.push_back(unit);
  }
  return units;
}

/// The units serve the usual place, and nothing else.
void require_usual_socket(const fs::path& socket) {
  const auto runtime = absolute_folder("XDG_RUNTIME_DIR");
  const auto served = runtime / "fanout/fanoutd.sock";
  if (runtime.empty() || socket == served) return;
  throw Error(ErrorKind::invalid_input, "systemd's daemon serves " + served.string() + ", not " + socket.string() +
                                            ": leave out --socket, and unset FANOUT_SOCKET");
}

void tell_what_it_does_not_see() {
  for (const auto* name : {"FANOUT_STATE", "FANOUT_CONFIG"}) {
    if (!std::getenv(name)) continue;
    say(std::string(name) + " is set here, and systemd's daemon does not see it: systemctl --user edit fanoutd.service");
  }
}

/// Agents at work go on, and go to the next daemon.
std::uint32_t make_way(Session& session) {
  if (!answers(session.socket())) return 0;
  const int code = stream_output({"systemctl", "--user", "is-active", kSocketUnit, kServiceUnit}, true, [](std::string_view) {});
  return code == 0 ? 0 : end_daemon(session, true).left_subagents();  // 0: systemd has it already
}

void tell_installed(Session& session, const std::vector<Unit>& units, const fs::path& program, int pid) {
  if (session.json()) {
    google::protobuf::Struct told;
    auto& fields = *told.mutable_fields();
    fields["program"].set_string_value(program.string());
    auto& written = *fields["written"].mutable_list_value();
    for (const auto& unit : units) written.add_values()->set_string_value(unit.file.string());
    if (pid > 0) fields["pid"].set_number_value(pid);
    return session.print_json(told);
  }
  for (const auto& unit : units) session.out().line("wrote " + unit.file.string());
  session.out().line(pid > 0 ? "fanoutd runs under systemd (pid " + std::to_string(pid) + ")"
                             : "systemd will start fanoutd when it is needed, from the next login on (now: --now)");
}

}  // namespace

int daemon_install(Session& session, const DaemonInstallOptions& options) {
  const auto program = find_daemon_program();
  if (program.empty()) throw Error(ErrorKind::not_found, "fanoutd is neither beside this program nor in PATH");
  require_usual_socket(session.socket());
  const auto path = unit_path();
  const auto units = units_to_write(path, program, options.force);
  for (const auto& unit : units) write_unit(unit);
  systemctl({"daemon-reload"});
  tell_what_it_does_not_see();
  if (!options.now) {
    systemctl({"enable", kSocketUnit});
    tell_installed(session, units, program, 0);
    return kExitOk;
  }
  const auto left = make_way(session);
  systemctl({"enable", "--now", kSocketUnit});
  tell_installed(session, units, program, ask_daemon(session).pid());  // the first who asks has it started
  if (left > 0) say("it goes on with " + counted(left, "subagent"));
  return kExitOk;
}

}  // namespace fanout::client
