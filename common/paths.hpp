#pragma once

#include <filesystem>

namespace fanout {

/// Where Fanout keeps its things, by the XDG base directory specification. All absolute. None is
/// created here. Reads the environment only; thread-safe while nobody changes it.
/// Throws Error{precondition} when neither the XDG variable nor HOME is set.

/// $XDG_RUNTIME_DIR/fanout/fanoutd.sock; without XDG_RUNTIME_DIR, /tmp/fanout-UID/fanoutd.sock.
/// FANOUT_SOCKET replaces it.
std::filesystem::path default_socket();

/// $XDG_STATE_HOME/fanout, else ~/.local/state/fanout. FANOUT_STATE replaces it.
std::filesystem::path state_directory();

/// $XDG_CONFIG_HOME/fanout/config.toml, else ~/.config/fanout/config.toml. FANOUT_CONFIG replaces it.
std::filesystem::path user_config_file();

/// Makes `directory` with mode 0700, and its parents as usual. One that is there already must be such that
/// no other user can exchange what is in it. Throws Error{system} with the reason and the remedy.
void make_private_directory(const std::filesystem::path& directory);

}  // namespace fanout
