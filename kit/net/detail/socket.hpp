// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "kit/base/result.hpp"
#include "kit/net/address.hpp"
#include "kit/net/stream.hpp"

namespace kit::net::detail {

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un path;
};

/// Without the port; "unix" for a Unix socket. An IPv4 address in IPv6 form is shown as IPv4: one
/// peer, one name, whichever family the listener has.
std::string text_of(const Address& address);
/// How much of `address` its family uses.
socklen_t size_of(const Address& address);

/// What bind and connect want.
Address socket_address(const IpAddress& from, int port);
/// The same for a Unix socket. Fails with `invalid_argument`, BAD_SOCKET_PATH.
Result<Address> unix_address(const std::string& path);

/// A stream on a connected socket that does not block.
std::unique_ptr<Stream> make_socket_stream(Descriptor socket, std::string peer);
/// Whether a listening socket ends with this process, or others may go on with it.
enum class Owner { we, others_too };
/// Serves a listening socket that does not block on the current loop.
std::unique_ptr<Listener> make_listener(Descriptor socket, int port, Owner owner,
                                        AcceptHandler& handler);

}  // namespace kit::net::detail
