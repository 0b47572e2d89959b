#include "client/plan_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "common/error.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace {

constexpr std::size_t kMostLine = 1u << 20;  // as the daemon has it
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

PlanSource::PlanSource(const std::string& name) : name_(name == "-" ? "standard input" : printable(name)) {
  if (name == "-") return;
  file_ = Descriptor(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file_) throw Error(ErrorKind::invalid_input, "cannot read " + name_ + ": " + errno_text(errno));
}

int PlanSource::descriptor() const {
  if (at_end_) return -1;
  return file_ ? file_.get() : STDIN_FILENO;
}

void PlanSource::read() {
  if (at_end_) return;
  char bytes[64 << 10];
  const auto length = ::read(descriptor(), bytes, sizeof bytes);
  if (length > 0) return take(std::string_view(bytes, static_cast<std::size_t>(length)));
  if (length < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (length < 0) throw Error(ErrorKind::invalid_input, "cannot read " + name_ + ": " + errno_text(errno));
  at_end_ = true;
  end_line();
}

void PlanSource::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    skipping_ = skipping_ || open_.size() + part.size() > kMostLine;
    if (skipping_) open_.clear();
    else open_ += part;
    if (end == std::string_view::npos) return;
    end_line();
    bytes.remove_prefix(end + 1);
  }
}

void PlanSource::end_line() {
  if (number_ == 1 && open_.starts_with(kByteOrderMark)) open_.erase(0, kByteOrderMark.size());
  const std::string text(trimmed(open_));
  if (skipping_ || !text.empty()) lines_.push_back({number_, text, skipping_});
  ++number_;
  skipping_ = false;
  open_.clear();
}

std::optional<PlanSource::Line> PlanSource::next() {
  if (lines_.empty()) return std::nullopt;
  auto line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

void PlanSource::close() {
  at_end_ = true;
  file_.reset();
}

}  // namespace fanout::client
