// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/base/time.hpp"
#include "kit/net/address.hpp"

namespace kit::net {

using Addresses = std::vector<IpAddress>;

/// Asks for the addresses of a name. Fails with `unavailable` and the reason HOST_NOT_FOUND when
/// there is no such name, LOOKUP_FAILED when nobody could be asked.
using Lookup = Function<Task<Addresses>(std::string host)>;

/// The system's resolver (getaddrinfo: hosts file, DNS), on threads of its own, since it blocks.
/// At most four lookups run at once; a lookup that hangs holds nobody up when the program ends.
Lookup system_lookup();

struct ResolverOptions {
  Clock::duration found_for = std::chrono::seconds(30);
  Clock::duration not_found_for = std::chrono::seconds(5);
  std::size_t most_names = 1024;
  /// Of one name; the first ones. An answer has room for thousands, which whoever owns the name
  /// would have us remember, and connect to.
  std::size_t most_addresses = 32;
};

/// Names to addresses, remembered for a while. Concurrent questions for a name share one lookup,
/// which goes on when one who waits for it is cancelled. Numeric addresses are never looked up.
/// Thread safety: one loop's thread. Lifetime: outlives the tasks that ask it.
class Resolver {
 public:
  explicit Resolver(ResolverOptions options = {}, Lookup lookup = system_lookup());
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// At least one address, in the order in which they should be tried. Fails like `Lookup`;
  /// HOST_NOT_FOUND at once for what is no name of a host (more than 253 bytes, a blank ...).
  Task<Addresses> resolve(std::string host);

  /// How many names are remembered or being asked for.
  std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kit::net
