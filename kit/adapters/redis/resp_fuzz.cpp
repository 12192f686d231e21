// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/detail/resp.hpp"
#include "kit/adapters/redis/detail/slots.hpp"
#include "kit/base/assert.hpp"

namespace {

using kit::redis::Reply;
using kit::redis::ReplyLimits;
using kit::redis::detail::RespParser;

struct Outcome {
  std::vector<Reply> replies;
  std::string failure;
  bool is_inside = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view bytes, std::size_t step, const ReplyLimits& limits) {
  Outcome outcome;
  RespParser parser(limits);
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    while (!part.empty()) {
      auto reply = parser.next(part);
      if (!reply) {
        outcome.failure = reply.error().reason();
        return outcome;
      }
      if (*reply) outcome.replies.push_back(std::move(**reply));
    }
  }
  outcome.is_inside = parser.is_inside();
  return outcome;
}

std::size_t depth(const Reply& reply) {
  std::size_t most = 0;
  for (const Reply& item : reply.items()) most = std::max(most, depth(item));
  return reply.items().empty() ? most : most + 1;
}

}  // namespace

/// The same values however the bytes come, within the limits; and no reply breaks who reads it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ReplyLimits limits;
  limits.line = 256;
  limits.bulk = 512;
  limits.elements = 128;
  limits.depth = 6;
  const Outcome whole = read(bytes, size + 1, limits);
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{16}}) {
    KIT_ASSERT(read(bytes, step, limits) == whole, "what comes depends on its pieces");
  }
  for (const Reply& reply : whole.replies) {
    KIT_ASSERT(depth(reply) <= limits.depth, "a reply past its depth");
    static_cast<void>(reply.as_pairs().ok());
    static_cast<void>(reply.as_texts().ok());
    static_cast<void>(reply.as_integer().ok());
    static_cast<void>(reply.to_error().describe());
    static_cast<void>(kit::redis::detail::parse_slots(reply, {"host", 1}).ok());
    static_cast<void>(kit::redis::detail::parse_redirection(reply.bytes(), {"host", 1}));
  }
  return 0;
}
