#include "server/github/jwt.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <memory>

#include "common/error.hpp"

namespace fanout::github {

namespace json = boost::json;

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Digest = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

std::string base64url(std::string_view data) {
  std::string text(4 * ((data.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(data.data()), static_cast<int>(data.size()));
  text.resize(static_cast<std::size_t>(length));
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  while (text.ends_with('=')) text.pop_back();
  return text;
}

/// A key with a passphrase is none: nobody is there to type it.
int no_passphrase(char*, int, int, void*) { return -1; }

std::string rs256(const std::string& text, const std::string& pem) {
  const Bio memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const Key key(PEM_read_bio_PrivateKey(memory.get(), nullptr, no_passphrase, nullptr), EVP_PKEY_free);
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    throw Error(ErrorKind::precondition, "the App's key is no RSA private key in PEM, without a passphrase, as GitHub gives them out");
  }
  const Digest digest(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::size_t length = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  std::string signature;
  bool made = EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
              EVP_DigestSign(digest.get(), nullptr, &length, data, text.size()) == 1;
  signature.resize(length);
  made = made && EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, data, text.size()) == 1;
  if (!made) throw Error(ErrorKind::system, "the App's token could not be signed");
  signature.resize(length);
  return signature;
}

}  // namespace

std::string app_jwt(const std::string& app_id, const std::string& key, Time now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const json::object header = {{"alg", "RS256"}, {"typ", "JWT"}};
  const json::object claims = {{"iat", seconds - 60}, {"exp", seconds + 540}, {"iss", app_id}};
  const auto text = base64url(json::serialize(header)) + "." + base64url(json::serialize(claims));
  return text + "." + base64url(rs256(text, key));
}

bool is_signed(const std::string& body, const std::string& signature, const std::string& secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(body.data()),
       body.size(), mac.data(), &length);
  std::string wanted = "sha256=";
  constexpr std::string_view kHex = "0123456789abcdef";
  for (unsigned i = 0; i < length; ++i) wanted += {kHex[mac[i] >> 4], kHex[mac[i] & 15]};
  return !secret.empty() && signature.size() == wanted.size() &&
         CRYPTO_memcmp(signature.data(), wanted.data(), wanted.size()) == 0;
}

}  // namespace fanout::github
