// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/net/stream.hpp"

namespace kit::net {

/// A socket that listens already, for any number of loops: each accepts from the same queue. What a
/// Unix socket and a socket of the service manager need, which cannot be bound once for each
/// thread. Thread safety: `serve` from any thread.
class ListeningSocket {
 public:
  /// A Unix socket at `path` with the permissions `mode`. A socket that is there already is
  /// replaced when nobody answers on it. Fails with `unavailable`: ADDRESS_IN_USE, LISTEN_FAILED;
  /// `invalid_argument` when the path is too long for a socket (107 bytes) or not a socket's.
  static Result<std::unique_ptr<ListeningSocket>> open_unix(const std::string& path,
                                                            unsigned mode = 0660);
  /// Takes a descriptor over, whatever its family. Fails with `invalid_argument` when it is no
  /// listening stream socket; it is closed then.
  static Result<std::unique_ptr<ListeningSocket>> adopt(int descriptor);
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  /// Accepts on the current loop. Fails with `resource_exhausted` when there is no descriptor.
  Result<std::unique_ptr<Listener>> serve(AcceptHandler& handler) const;
  /// 0 for a Unix socket.
  int port() const { return port_; }
  /// "127.0.0.1", "::1", "unix:/run/store.sock".
  const std::string& address() const { return address_; }

 private:
  ListeningSocket(int descriptor, std::string address, int port);
  int descriptor_;
  int port_;
  std::string address_;
  std::string remove_;  ///< The socket file to remove at the end, when it is still ours.
  unsigned long device_ = 0, inode_ = 0;
};

/// A socket that the service manager opened for this process.
struct InheritedSocket {
  int descriptor = -1;
  std::string name;  ///< FileDescriptorName= of the .socket unit; empty: none.
};

/// The sockets of socket activation (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES): descriptors 3 and
/// following, if they are for this process. They are set to close on exec. Fails with
/// `invalid_argument` when the variables contradict each other. `variable` gives the environment's
/// value of a name, or null.
Result<std::vector<InheritedSocket>> inherited_sockets(const char* (*variable)(const char* name));
/// As above, of this process's environment.
Result<std::vector<InheritedSocket>> inherited_sockets();

}  // namespace kit::net
