#include "server/github/failure.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "common/redact.hpp"
#include "common/text.hpp"

namespace fanout::github {

namespace json = boost::json;

namespace {

ErrorKind kind_of(Failure failure) {
  switch (failure) {
    case Failure::authentication:
    case Failure::permission:
      return ErrorKind::precondition;
    case Failure::not_found:
      return ErrorKind::not_found;
    case Failure::validation:
      return ErrorKind::invalid_input;
    case Failure::limit:
    case Failure::transient:
      return ErrorKind::unavailable;
    case Failure::permanent:
      return ErrorKind::system;
  }
  return ErrorKind::system;
}

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : "";
}

/// For a message: one line, printable, short, without secrets.
std::string quotable(std::string_view text) { return fit(printable(redacted(text)), 300); }

bool contains_words(std::string_view text, std::string_view words) {
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(text.begin(), text.end(), words.begin(), words.end(), same) != text.end();
}

bool speaks_of_secondary_limit(std::string_view message) {
  return contains_words(message, "secondary rate") || contains_words(message, "abuse detection") ||
         contains_words(message, "submitted too quickly");
}

/// What the body says.
struct Said {
  std::string message, field, code;
};

void add_error(Said& said, const json::value& entry) {
  std::string text;
  if (entry.is_string()) text = entry.get_string();
  if (const auto* object = entry.if_object()) {
    const auto field = text_of(*object, "field"), code = text_of(*object, "code");
    if (said.field.empty() && said.code.empty()) {
      said.field = field;
      said.code = code;
    }
    text = text_of(*object, "message");
    if (text.empty()) text = field + (field.empty() || code.empty() ? "" : " is ") + code;
  }
  if (!text.empty()) said.message += (said.message.empty() ? "" : "; ") + text;
}

Said said_in(const http::Response& response) {
  Said said;
  boost::system::error_code error;
  const auto value = json::parse(response.body, error);
  if (error || !value.is_object()) return said;
  said.message = text_of(value.get_object(), "message");
  const auto* errors = value.get_object().if_contains("errors");
  if (errors && errors->is_array()) {
    for (const auto& entry : errors->get_array()) add_error(said, entry);
  } else if (errors) {
    add_error(said, *errors);
  }
  return said;
}

bool is_limit(const http::Response& response, const RateHeaders& rate, const Said& said) {
  if (response.status == 429) return true;
  if (response.status != 403 && response.status != 422) return false;
  if (speaks_of_secondary_limit(said.message)) return true;
  return response.status == 403 && (rate.retry_after || rate.remaining == 0u);
}

ApiError limit_error(const RateHeaders& rate, bool secondary, const std::string& doing) {
  ApiError error(Failure::limit, std::string("GitHub's ") + (secondary ? "secondary" : "hourly") +
                                     " limit was reached when asked to " + doing);
  error.secondary = secondary;
  if (rate.retry_after) {
    error.wait = rate.retry_after;
  } else if (!secondary) {
    error.wait = rate.resets_in;
  }
  return error;
}

std::string missing_scope(const http::Response& response) {
  if (const auto needed = response.header("x-accepted-github-permissions"); !needed.empty()) return std::string(needed);
  const auto accepted = response.header("x-accepted-oauth-scopes");
  const auto given = response.header("x-oauth-scopes");
  return accepted.empty() || accepted == given ? "" : std::string(accepted);
}

ApiError permission_error(const http::Response& response, const Said& said, const std::string& doing) {
  const auto scope = missing_scope(response);
  std::string text = "the token may not " + doing;
  if (!scope.empty()) text += "; it needs: " + quotable(scope);
  if (!response.header("x-github-sso").empty()) text += "; it must first be authorised for the organisation's single sign-on";
  if (!said.message.empty()) text += " (GitHub says: " + quotable(said.message) + ")";
  ApiError error(Failure::permission, text);
  error.scope = scope;
  return error;
}

ApiError by_status(const http::Response& response, const RateHeaders& rate, const Said& said, const std::string& doing) {
  const auto says = said.message.empty() ? "" : ": " + quotable(said.message);
  const auto number = std::to_string(response.status);
  if (is_limit(response, rate, said)) {
    // By the documentation's order: a time that is named; else the primary limit; else the secondary one.
    return limit_error(rate, speaks_of_secondary_limit(said.message) || rate.remaining != 0u, doing);
  }
  switch (response.status) {
    case 401:
      return {Failure::authentication, "GitHub does not accept the token" + says};
    case 403:
      return permission_error(response, said, doing);
    case 404:
      return {Failure::not_found, "cannot " + doing + ": GitHub does not find it, or it is private and the token may not see it"};
    case 422:
      return {Failure::validation, "GitHub refused to " + doing + says};
    case 408:
      break;
    default:
      if (response.status < 500) return {Failure::permanent, "GitHub refused to " + doing + " (" + number + ")" + says};
  }
  ApiError error(Failure::transient, "GitHub failed to " + doing + " (" + number + ")" + says);
  error.unknown = true;
  return error;
}

}  // namespace

ApiError::ApiError(Failure failure, const std::string& message) : Error(kind_of(failure), message), failure_(failure) {}

ApiError classify(const http::Response& response, const RateHeaders& rate, const std::string& doing) {
  const auto said = said_in(response);
  auto error = by_status(response, rate, said, doing);
  error.status = response.status;
  if (error.failure() == Failure::validation) {
    error.field = said.field;
    error.reason = said.code;
  }
  return error;
}

ApiError classify(const http::TransportError& transport, const std::string& doing) {
  // Also where a certificate is not trusted or a proxy refuses: that is a matter of the way, not of the request.
  ApiError error(Failure::transient, "could not " + doing + ": " + transport.what());
  error.unknown = transport.may_have_been_received();
  return error;
}

ApiError classify_graphql(const json::value& entry, const RateHeaders& rate, const std::string& doing) {
  static const json::object kNothing;
  const auto& object = entry.is_object() ? entry.get_object() : kNothing;
  const auto type = text_of(object, "type"), message = text_of(object, "message");
  if (type == "RATE_LIMITED") return limit_error(rate, speaks_of_secondary_limit(message), doing);
  if (speaks_of_secondary_limit(message)) return limit_error(rate, true, doing);
  const auto says = message.empty() ? "" : ": " + quotable(message);
  if (type == "FORBIDDEN" || type == "INSUFFICIENT_SCOPES") return {Failure::permission, "the token may not " + doing + says};
  if (type == "NOT_FOUND") return {Failure::not_found, "cannot " + doing + says};
  // A document that is not valid has a code and no type; nothing of it was carried out.
  const auto* extensions = object.if_contains("extensions");
  const bool invalid = type.empty() && extensions && extensions->is_object() && extensions->get_object().contains("code");
  if (type == "UNPROCESSABLE" || invalid) {
    return {Failure::validation, "GitHub refused to " + doing + says};
  }
  // No type: GitHub's own trouble, such as a time-out.
  ApiError error(Failure::transient, "GitHub failed to " + doing + says);
  error.unknown = true;
  return error;
}

}  // namespace fanout::github
