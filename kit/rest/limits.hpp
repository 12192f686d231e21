// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace kit::rest {

/// How much requests may ask of generated routes.
struct Limits {
  std::chrono::seconds idempotency_keep{std::chrono::hours{24}};
  /// A larger answer is not kept: a repeat gets its status and headers without it.
  std::size_t idempotency_answer_bytes = 1024UL * 1024;
  std::size_t bulk_items = 1'000;
  std::int64_t export_rows = 50'000;
  std::size_t import_bytes = 32UL * 1024 * 1024;
};

}  // namespace kit::rest
