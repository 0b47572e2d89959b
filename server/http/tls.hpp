#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fanout::http {

/// Whom to trust.
struct Trust {
  std::filesystem::path file;       ///< Replaces the system's; SSL_CERT_FILE.
  std::filesystem::path directory;  ///< Replaces the system's; SSL_CERT_DIR.
  std::vector<std::filesystem::path> more;  ///< Authorities besides, such as a company's own; PEM.
};

Trust trust_from(const std::map<std::string, std::string>& environment);

/// For clients: TLS 1.2 and 1.3, the other end's certificate is verified. BLOCKS for a moment (reads files).
/// Throws Error{precondition} that names a file which cannot be used.
boost::asio::ssl::context client_context(const Trust& trust);

}  // namespace fanout::http
