#include "server/http/gzip.hpp"

#include <zlib.h>

#include <array>

#include "common/error.hpp"

namespace fanout::http {

namespace {

class Inflater {
 public:
  explicit Inflater(std::string_view data) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream_.avail_in = static_cast<uInt>(data.size());
    if (::inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw Error(ErrorKind::system, "zlib cannot begin");
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { ::inflateEnd(&stream_); }

  /// The next piece; empty at the end.
  std::string_view next() {
    stream_.next_out = buffer_.data();
    stream_.avail_out = static_cast<uInt>(buffer_.size());
    const int code = ended_ ? Z_STREAM_END : ::inflate(&stream_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END) {
      throw Error(ErrorKind::invalid_input, "the gzip data of the answer is damaged or cut off");
    }
    ended_ = code == Z_STREAM_END;
    return {reinterpret_cast<const char*>(buffer_.data()), buffer_.size() - stream_.avail_out};
  }
  bool ended() const { return ended_; }

 private:
  z_stream stream_ = {};
  std::array<Bytef, 16 * 1024> buffer_;
  bool ended_ = false;
};

}  // namespace

std::string gunzip(std::string_view data, std::size_t limit) {
  Inflater inflater(data);
  std::string content;
  while (!inflater.ended()) {
    content += inflater.next();
    if (content.size() > limit) throw Error(ErrorKind::invalid_input, "the answer is larger than it may be");
  }
  return content;
}

}  // namespace fanout::http
