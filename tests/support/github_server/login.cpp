// The device flow, and Apps: who they are and the tokens of their installations.
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

#include "server/github/headers.hpp"
#include "tests/support/github_server/world.hpp"

namespace fanout::test {

namespace {

HttpAnswer device_code(Exchange& exchange) {
  const auto& world = exchange.world;
  if (exchange.query["client_id"] != world.client_id) return answer_of(404, json::object{{"error", "Not Found"}});
  return answer_of(200, json::object{{"device_code", world.device_code},
                                     {"user_code", world.user_code},
                                     {"verification_uri", exchange.url + "/login/device"},
                                     {"expires_in", 900},
                                     {"interval", 1}});
}

/// What is still to come is answered with 200 and an error.
HttpAnswer access_token(Exchange& exchange) {
  auto& world = exchange.world;
  const auto error = [](const char* name) { return answer_of(200, json::object{{"error", name}}); };
  if (exchange.query["client_id"] != world.client_id) return error("incorrect_client_credentials");
  if (exchange.query["device_code"] != world.device_code) return error("incorrect_device_code");
  if (exchange.query["grant_type"] != "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code") return error("unsupported_grant_type");
  if (world.access_denied) return error("access_denied");
  if (world.slow_down) {
    world.slow_down = false;
    return error("slow_down");
  }
  if (world.pending_polls > 0) {
    --world.pending_polls;
    return error("authorization_pending");
  }
  return answer_of(200, json::object{{"access_token", world.token}, {"token_type", "bearer"}, {"scope", "repo,read:org"}});
}

std::string from_base64url(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const auto padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string out(text.size() / 4 * 3, '\0');
  const int count = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                    reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(count < 0 ? 0 : static_cast<std::size_t>(count) - padding);
  return out;
}

bool is_signed(const std::string& key, const std::string& text, const std::string& signature) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())), BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> parsed(PEM_read_bio_PUBKEY(memory.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, parsed.get());
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

/// Why the App's token is not accepted, as GitHub says it; empty: it is.
std::string fault_in_jwt(const Exchange& exchange) {
  const auto header = exchange.request.header("authorization");
  const auto token = header.substr(header.find(' ') + 1);
  const auto first = token.find('.'), second = token.rfind('.');
  if (first == token.npos || first == second) return "A JSON web token could not be decoded";
  const auto head = json::parse(from_base64url(token.substr(0, first)));
  const auto claims = json::parse(from_base64url(token.substr(first + 1, second - first - 1)));
  if (text_in(head, "alg") != "RS256") return "'alg' must be RS256";
  if (text_in(claims, "iss") != exchange.world.app_id) return "'Issuer' claim ('iss') must be an Integer";
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(exchange.now.time_since_epoch()).count();
  const auto issued = claims.at("iat").to_number<std::int64_t>(), expires = claims.at("exp").to_number<std::int64_t>();
  if (issued > now) return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
  if (expires <= now || expires > now + 600) return "'Expiration time' claim ('exp') is too far in the future";
  return is_signed(exchange.world.app_public_key, token.substr(0, second), from_base64url(token.substr(second + 1)))
             ? ""
             : "A JSON web token could not be decoded";
}

HttpAnswer installation_token(Exchange& exchange) {
  auto& world = exchange.world;
  world.token = "ghs_installation" + std::to_string(++world.installation_tokens);
  return answer_of(201, json::object{{"token", world.token},
                                     {"expires_at", github::iso_time(exchange.now + world.installation_token_lasts)}});
}

}  // namespace

std::optional<HttpAnswer> login(Exchange& exchange) {
  const auto& path = exchange.path;
  if (path == "/login/device/code") return device_code(exchange);
  if (path == "/login/oauth/access_token") return access_token(exchange);
  const auto installation = "/repos/" + exchange.world.owner + "/" + exchange.world.name + "/installation";
  if (path != "/app" && path != installation && !path.starts_with("/app/installations/")) return std::nullopt;
  if (const auto fault = fault_in_jwt(exchange); !fault.empty()) return refusal(401, fault);
  if (path == "/app") return answer_of(200, json::object{{"slug", "fanout-tests"}, {"name", "Fanout tests"}});
  if (path == installation) return answer_of(200, json::object{{"id", 77}});
  if (path == "/app/installations/77/access_tokens") return installation_token(exchange);
  return refusal(404, "Not Found");
}

}  // namespace fanout::test
