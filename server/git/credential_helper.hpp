#pragma once

#include <optional>
#include <stop_token>
#include <string>

/// The user's credential helpers, by way of `git credential`: the one program that server/git runs.
/// It runs in the root folder, so that only the user's and the system's configuration have a say and a
/// repository cannot name a program to run; it never asks at a terminal and never by a window.
namespace fanout::git {

struct Login {
  std::string username;
  std::string password;
  std::string record;  ///< git's own words, to be handed back by approve or reject.
};

/// What the helpers know for `url`; empty when nothing, when it takes over 30 seconds, or on `stop`.
std::optional<Login> ask_helpers(const std::string& url, std::stop_token stop);

/// Tells the helpers that the login worked, so that they may keep it.
void approve(const Login& login, std::stop_token stop);

/// Tells the helpers that the login was refused, so that they forget it.
void reject(const Login& login, std::stop_token stop);

}  // namespace fanout::git
