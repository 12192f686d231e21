// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "tests/simulation/day.hpp"

namespace simulation {

/// A day of the HTTP client: it calls a server over connections that are slow, break or are
/// refused, with and without retries, with bodies that are streamed both ways, while callers have
/// no patience, are cancelled or dropped, and the server or the client ends. Everything that is by
/// chance comes from `seed`. In the report `clients` is 0.
Report call_through(std::uint64_t seed, std::string_view fault);

}  // namespace simulation
