#include "server/session/journal.hpp"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/shim/folder.hpp"

namespace fanout::session {

namespace wire = fanout::internal::v1;
using shim::Handle;

namespace {

constexpr int kSizeBytes = 4;

std::string framed(const Input& input) {
  const auto body = input.SerializeAsString();
  std::string record(kSizeBytes, '\0');
  google::protobuf::io::CodedOutputStream::WriteLittleEndian32ToArray(
      static_cast<std::uint32_t>(body.size()), reinterpret_cast<std::uint8_t*>(record.data()));
  return record + body;
}

Error failure(const std::filesystem::path& file, const char* what) {
  return Error(ErrorKind::system, std::string("cannot ") + what + " " + file.string() + ": " + errno_text(errno));
}

wire::AgentInputReply::Exit exit_of(const agent::TerminalExit& exit) {
  wire::AgentInputReply::Exit told;
  if (exit.code) told.set_code(*exit.code);
  told.set_signal(exit.signal);
  return told;
}

agent::TerminalExit exit_of(const wire::AgentInputReply::Exit& told) {
  agent::TerminalExit exit;
  if (told.has_code()) exit.code = told.code();
  exit.signal = told.signal();
  return exit;
}

/// Each outcome of a reply into its field.
struct ToWire {
  wire::AgentInputReply& out;
  void operator()(const agent::HostDone&) const { out.set_done(true); }
  void operator()(const agent::FileText& file) const { out.set_file(file.text); }
  void operator()(const agent::TerminalCreated& made) const { out.set_created(made.terminal); }
  void operator()(const agent::TerminalOutput& output) const {
    out.mutable_output()->set_text(output.text);
    out.mutable_output()->set_truncated(output.truncated);
    if (output.exit) *out.mutable_output()->mutable_exit() = exit_of(*output.exit);
  }
  void operator()(const agent::TerminalExit& exit) const { *out.mutable_exit() = exit_of(exit); }
  void operator()(const agent::HostFailure& failure) const {
    out.mutable_failure()->set_message(valid_utf8(failure.message));
    out.mutable_failure()->set_not_found(failure.not_found);
  }
};

}  // namespace

std::vector<Input> read_journal(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return {};
  std::ostringstream all;
  all << in.rdbuf();
  const auto bytes = std::move(all).str();
  std::vector<Input> inputs;
  std::size_t whole = 0;
  for (;;) {
    if (bytes.size() - whole < kSizeBytes) break;
    std::uint32_t size = 0;
    google::protobuf::io::CodedInputStream::ReadLittleEndian32FromArray(
        reinterpret_cast<const std::uint8_t*>(bytes.data() + whole), &size);
    Input input;
    if (bytes.size() - whole - kSizeBytes < size ||
        !input.ParseFromArray(bytes.data() + whole + kSizeBytes, static_cast<int>(size))) {
      break;
    }
    inputs.push_back(std::move(input));
    whole += kSizeBytes + size;
  }
  if (whole < bytes.size() && ::truncate(file.c_str(), static_cast<off_t>(whole)) != 0) throw failure(file, "mend");
  return inputs;
}

void append_to_journal(const std::filesystem::path& file, const Input& input) {
  const Handle journal(::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!journal.ok()) throw failure(file, "write");
  const auto before = ::lseek(journal.get(), 0, SEEK_END);
  const auto record = framed(input);
  const auto written = ::write(journal.get(), record.data(), record.size());
  if (written == static_cast<ssize_t>(record.size())) return;
  const auto error = failure(file, "write");
  [[maybe_unused]] const int cut = ::ftruncate(journal.get(), before);  // else read_journal cuts it off
  throw error;
}

wire::AgentInputAnswer to_wire(const agent::Answer& answer) {
  wire::AgentInputAnswer out;
  out.set_id(answer.id);
  out.set_allow(answer.allow);
  out.set_option(answer.option);
  out.set_text(answer.text);
  out.set_by(answer.by);
  for (const auto& [key, values] : answer.fields) {
    (*out.mutable_fields())[key].mutable_values()->Assign(values.begin(), values.end());
  }
  return out;
}

agent::Answer from_wire(const wire::AgentInputAnswer& in) {
  agent::Answer answer{in.id(), in.allow(), in.option(), in.text(), {}, in.by()};
  for (const auto& [key, values] : in.fields()) answer.fields[key] = {values.values().begin(), values.values().end()};
  return answer;
}

wire::AgentInputReply to_wire(const agent::HostReply& reply) {
  wire::AgentInputReply out;
  out.set_id(reply.id);
  std::visit(ToWire{out}, reply.what);
  return out;
}

agent::HostReply from_wire(const wire::AgentInputReply& in) {
  using Wire = wire::AgentInputReply;
  switch (in.outcome_case()) {
    case Wire::kFile:
      return {in.id(), agent::FileText{in.file()}};
    case Wire::kCreated:
      return {in.id(), agent::TerminalCreated{in.created()}};
    case Wire::kOutput: {
      agent::TerminalOutput output{in.output().text(), in.output().truncated(), {}};
      if (in.output().has_exit()) output.exit = exit_of(in.output().exit());
      return {in.id(), std::move(output)};
    }
    case Wire::kExit:
      return {in.id(), exit_of(in.exit())};
    case Wire::kFailure:
      return {in.id(), agent::HostFailure{in.failure().message(), in.failure().not_found()}};
    case Wire::kDone:
    case Wire::OUTCOME_NOT_SET:
      return {in.id(), agent::HostDone{}};
  }
  return {in.id(), agent::HostDone{}};
}

}  // namespace fanout::session
