#pragma once

#include <sys/socket.h>

#include <optional>

/// Unix sockets that only this user can open. Nothing but system calls: the supervisor, which is to stay small, has them too.
namespace fanout::local_socket {

/// A descriptor that listens at `name` in an open folder, whose path may be longer than a socket's name can be. What lies
/// there is removed: whoever calls has the folder for himself. -1, with errno, when that fails.
int listen_in(int folder, const char* name);

/// Who is at the other end, where the system says so.
std::optional<ucred> peer_of(int socket);
bool is_of_this_user(int socket);

}  // namespace fanout::local_socket
