// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace simulation {

/// What happened on a day.
struct Report {
  std::string problem;  ///< Empty: everything was as it has to be.
  std::size_t clients = 0;
  std::size_t requests = 0;
  std::size_t answers = 0;  ///< Whole ones, each what was asked for.
  std::size_t cut = 0;      ///< Connections that ended inside an answer, for a reason.
  // Of a day of the HTTP client (calls.hpp).
  std::size_t calls = 0;
  std::size_t call_answers = 0;  ///< Whole or as much as was wanted, each what was asked for.
  std::size_t failed_calls = 0;  ///< For a reason.
};

/// A server and its clients in memory, on a virtual clock, from the first connection to the last:
/// everything that is by chance comes from `seed`. `fault` puts a defect into the server's handlers
/// (see simulate.cpp).
Report live_through(std::uint64_t seed, std::string_view fault);

}  // namespace simulation
