// The redactor on arbitrary bytes, after a NUL-ended known secret: what it finds lies apart, in order and inside the text;
// the known secret is nowhere afterwards; and a text in pieces hides it too.
#include "common/redact.hpp"
#include "tests/fuzz/require.hpp"

using namespace fanout;
using fanout::fuzz::require;

namespace {

bool holds(const std::string& text, const std::string& secret) { return text.find(secret) != text.npos; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parts = fuzz::parts_of(data, size, 2);
  const auto& text = parts[1];
  std::size_t told = 0;
  for (const auto end : {TextEnd::whole, TextEnd::cut}) {
    told = 0;
    for (const auto& secret : find_secrets(text, {}, end)) {
      require(secret.offset >= told && secret.length > 0 && secret.offset + secret.length <= text.size() && !secret.kind.empty());
      told = secret.offset + secret.length;
    }
  }
  Redactor redactor;
  redactor.learn(parts[0]);
  const std::string mask = "[redacted]";
  const bool testable = parts[0].size() >= 8 && parts[0].find_first_of(" \t\r\n\v\f") == parts[0].npos && !holds(mask + mask, parts[0]);
  const auto whole = redactor(text);
  StreamRedactor stream;
  std::string pieces;
  for (std::size_t at = 0; at < text.size(); at += 5) pieces += stream.add(redactor, std::string_view(text).substr(at, 5));
  pieces += stream.finish(redactor);
  // A mask that stands between what was apart can by chance complete a secret that has brackets in it.
  if (testable && parts[0].find_first_of("[]") == parts[0].npos) require(!holds(whole, parts[0]) && !holds(pieces, parts[0]));
  return 0;
}
