// What a supervisor is told by whoever connects (the first byte is even), and the records that it leaves (odd). It serves
// any number of clients, whatever they say; a record that is read and written again is the same.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "server/shim/control.hpp"
#include "server/shim/folder.hpp"
#include "server/shim/record.hpp"
#include "tests/fuzz/require.hpp"

using namespace fanout::shim;
using fanout::fuzz::require;

namespace {

/// A supervisor's door, with nothing behind it.
class Door {
 public:
  Door() : path_(make()), folder_(path_), control_(folder_, 1, requests()) {}
  ~Door() { std::filesystem::remove_all(path_); }

  void say(const std::string& bytes) {
    const Handle client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto file = path_ + "/" + kSocketFile;
    file.copy(address.sun_path, sizeof address.sun_path - 1);
    require(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    serve();
    ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(client.get(), SHUT_WR);
    serve();
    control_.tell_output(total_, 1, 2);
    serve();
  }

 private:
  static std::string make() {
    char name[] = "/tmp/fanout-fuzz-XXXXXX";
    require(::mkdtemp(name) != nullptr);
    return name;
  }
  Requests requests() {
    Requests all;
    all.stop = [] {};
    all.signal = [](int number) { require(number > 0 && number < 65); };
    all.standard_input = [this](std::uint64_t, const std::string& bytes) { return total_ += bytes.size(); };
    all.close_standard_input = [] {};
    all.status = [] { return std::string("running"); };
    all.pause = [](bool) {};
    return all;
  }
  void serve() {
    for (int i = 0; i < 4; ++i) {
      std::vector<pollfd> polled;
      control_.add_to(polled);
      if (::poll(polled.data(), polled.size(), 0) <= 0) return;
      control_.serve(polled);
    }
  }

  std::uint64_t total_ = 0;
  std::string path_;
  Folder folder_;
  Control control_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto bytes = fanout::fuzz::text_of(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    static Door door;
    door.say(bytes);
    return 0;
  }
  if (const auto birth = parse_birth(bytes)) require(parse_birth(to_text(*birth)).has_value());
  if (const auto end = parse_end(bytes)) require(to_text(*parse_end(to_text(*end))) == to_text(*end));
  return 0;
}
