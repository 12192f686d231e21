// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kit {

/// A UUID (RFC 9562). "0190b9c0-7b2a-7cc3-9d6e-0123456789ab" on the wire.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// Version 7: 48 bits of milliseconds, then random; later ones sort after earlier ones within a
  /// thread. Randomness from the system's generator. Thread safety: any thread.
  static Uuid make_v7();
  /// The 36-character form, any case.
  static std::optional<Uuid> parse(std::string_view text);
  std::string to_string() const;
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace kit

template <>
struct std::hash<kit::Uuid> {
  std::size_t operator()(const kit::Uuid& uuid) const noexcept;
};
