#include "server/http/tls.hpp"

#include "common/error.hpp"

namespace fanout::http {

namespace ssl = boost::asio::ssl;

namespace {

void use(ssl::context& context, const std::filesystem::path& file) {
  boost::system::error_code error;
  context.load_verify_file(file.string(), error);
  if (error) {
    throw Error(ErrorKind::precondition,
                "cannot use the certificates in " + file.string() + ": " + error.message());
  }
}

}  // namespace

Trust trust_from(const std::map<std::string, std::string>& environment) {
  Trust trust;
  if (const auto file = environment.find("SSL_CERT_FILE"); file != environment.end()) trust.file = file->second;
  if (const auto folder = environment.find("SSL_CERT_DIR"); folder != environment.end()) {
    trust.directory = folder->second;
  }
  return trust;
}

ssl::context client_context(const Trust& trust) {
  ssl::context context(ssl::context::tls_client);
  context.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  context.set_verify_mode(ssl::verify_peer);
  if (!trust.file.empty()) use(context, trust.file);
  if (!trust.directory.empty()) context.add_verify_path(trust.directory.string());
  if (trust.file.empty() && trust.directory.empty()) context.set_default_verify_paths();
  for (const auto& file : trust.more) use(context, file);
  return context;
}

}  // namespace fanout::http
