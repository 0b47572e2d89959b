#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/redact.hpp"

namespace fanout::git {

/// What no branch may bring to a remote.
struct OutgoingRules {
  std::uint64_t max_file_bytes = 0;  ///< 0: a file may be of any size.
  /// The secrets in a text; empty: they are not looked for.
  std::function<std::vector<SecretFound>(std::string_view text)> find_secrets = {};
};

/// Something that must not leave.
struct OutgoingFault {
  std::string commit;      ///< That brings it, hexadecimal.
  std::string file;        ///< As git has it; empty: it is in the commit's message.
  unsigned line = 0;       ///< From 1; 0: it is about the whole file.
  std::string what;        ///< "holds a token of GitHub", "has 70.0 MiB"; never the secret itself.
  bool secret = false;
};

/// Looks through every commit that `branch` has and neither `base` nor any branch known of `remote` has: sizes of files
/// that are new or changed, and secrets in the lines that are added and in the messages. A later commit that takes a secret
/// out again does not help: the one that has it would be pushed. Files that git takes for binary, or of more than 16 MiB,
/// are not searched. At most `most` faults. BLOCKS. Errors: not_found, cancelled, system.
std::vector<OutgoingFault> faults_in_outgoing(const std::filesystem::path& repository, const std::string& remote,
                                              const std::string& base, const std::string& branch, const OutgoingRules& rules,
                                              std::stop_token stop, std::size_t most = 20);

}  // namespace fanout::git
