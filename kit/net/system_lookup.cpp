// SPDX-License-Identifier: Apache-2.0
// getaddrinfo on threads of its own: it blocks, for as long as the servers in resolv.conf do not
// answer.
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "kit/async/blocking.hpp"
#include "kit/net/resolver.hpp"

namespace kit::net {
namespace {

constexpr int most_threads = 4;

Result<Addresses> ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (problem != 0) {
    const bool unknown = problem == EAI_NONAME || problem == EAI_NODATA;
    return Error(Code::unavailable, "cannot find '" + host + "': " + ::gai_strerror(problem))
        .with_reason(unknown ? "HOST_NOT_FOUND" : "LOOKUP_FAILED");
  }
  Addresses addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    std::span<const std::uint8_t> bytes;
    if (one->ai_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(one->ai_addr);
      bytes = {reinterpret_cast<const std::uint8_t*>(&v4->sin_addr), 4};
    } else if (one->ai_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(one->ai_addr);
      bytes = {reinterpret_cast<const std::uint8_t*>(&v6->sin6_addr), 16};
    } else {
      continue;
    }
    const IpAddress address(bytes);
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  return addresses;
}

/// Never destroyed: a lookup that hangs holds nobody up when the program ends.
BlockingPool& lookup_threads() {
  BlockingPoolOptions options;
  options.name = "lookup";
  options.threads = most_threads;
  static BlockingPool& pool = *new BlockingPool(options);
  return pool;
}

Task<Addresses> find(std::string host) {
  auto asking = blocking(lookup_threads(), [host = std::move(host)] { return ask_system(host); });
  Addresses addresses = co_await asking;
  co_return addresses;
}

}  // namespace

Lookup system_lookup() {
  return find;
}

}  // namespace kit::net
