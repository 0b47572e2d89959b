#pragma once

#include <bitset>
#include <cstddef>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fanout {

/// Whether a text goes on where it is not seen: half a secret at its end is one too then.
enum class TextEnd { whole, cut };

/// A secret in a text.
struct SecretFound {
  std::size_t offset = 0, length = 0;
  std::string_view kind;  ///< For people, such as "a token of GitHub".
  bool certain = false;   ///< Its form says so, rather than what stands before it.
};

/// The kind of those that a redactor was told of.
inline constexpr std::string_view kKnownSecret = "a secret that Fanout was given";

/// What looks like a secret, in order and apart: tokens of well-known services, private keys in PEM, passwords in urls,
/// Authorization headers; and each of `known` wherever it occurs. Pure; one pass over the text. It is a net, not a proof.
std::vector<SecretFound> find_secrets(std::string_view text, std::span<const std::string> known = {},
                                      TextEnd end = TextEnd::whole);

/// `text` with each of those replaced by "[redacted]".
std::string redacted(std::string_view text, std::span<const std::string> known = {}, TextEnd end = TextEnd::whole);

/// One that nobody would use: "EXAMPLE" in it, or hardly two different characters. Documents and tests have such.
bool is_placeholder_secret(std::string_view secret);

/// Whether a variable of that name is likely to hold a secret, such as NPM_TOKEN.
bool is_secret_name(std::string_view name);

/// Stands before everything that is told: knows the values that must not be, besides what looks like one. Thread-safe.
class Redactor {
 public:
  /// From now on it is redacted, each of its lines too. What is shorter than 8 bytes would hit ordinary words: it is not.
  void learn(std::string_view secret);
  std::string operator()(std::string_view text, TextEnd end = TextEnd::whole) const;
  std::vector<SecretFound> find(std::string_view text) const;
  /// How much of `text` can be told before what follows it is known: the rest may be the beginning of a secret.
  std::size_t safe_length(std::string_view text) const;

 private:
  mutable std::shared_mutex mutex_;
  std::vector<std::string> known_;
  std::bitset<65536> pairs_;  ///< Of bytes that they begin with.
};

/// Redacts a text that comes in lines, so that a private key is found over several of them. Not thread-safe.
class LineRedactor {
 public:
  /// `cut`: the line goes on where it is not seen. Without its line end.
  std::string operator()(const Redactor& redactor, std::string_view line, TextEnd end = TextEnd::whole);

 private:
  bool in_key_ = false;
};

/// Redacts a text that comes in pieces, cut anywhere. Not thread-safe.
class StreamRedactor {
 public:
  /// What can be told by now. The rest, at most 64 KiB, waits for the next piece.
  std::string add(const Redactor& redactor, std::string_view piece);
  /// What was kept back.
  std::string finish(const Redactor& redactor);
  std::size_t kept() const { return kept_.size(); }

 private:
  std::string lines(const Redactor& redactor, std::string_view text);

  LineRedactor line_;
  std::string kept_;
};

}  // namespace fanout
