#pragma once

#include <sys/types.h>

namespace fanout::shim {

/// A process namespace of its own for what the caller starts from now on. Its first process does nothing but reap; when
/// the caller dies, even by SIGKILL, the kernel ends that one and with it everybody in the namespace.
/// For an ordinary user it takes a user namespace too, in which the user is who they are, and root is nobody.
///
/// Returns the first process, a child of the caller; -1: the kernel does not let us (errno), and nothing has changed
/// that matters. For a process of one thread. Allocates nothing.
pid_t enter_pid_namespace();

/// For a child of the caller, in the namespace, before it executes a program: /proc shows the namespace's processes.
/// False: it shows all of the machine's, under other numbers; programs cope.
bool mount_own_proc();

/// Whether all of that works here. The calling process is of no use afterwards: it is in the namespaces it has tried.
bool pid_namespace_works();

}  // namespace fanout::shim
