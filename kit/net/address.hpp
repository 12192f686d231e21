// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kit::net {

/// A numeric address, without a port.
class IpAddress {
 public:
  /// "192.0.2.1" or "2001:db8::1", without a zone and without brackets.
  static std::optional<IpAddress> parse(std::string_view text);
  /// `bytes`: 4 or 16, in the order of the network.
  explicit IpAddress(std::span<const std::uint8_t> bytes);

  bool is_v6() const { return size_ == 16; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  std::string text() const;
  /// The IPv4 address inside an IPv6 one of the form ::ffff:192.0.2.1; otherwise itself.
  IpAddress unmapped() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::uint8_t size_ = 0;
};

/// Who is counted as one peer: an IPv4 address itself, the /64 of an IPv6 one
/// ("2001:db8:1:2::/64"), which is what one customer has; whatever else, "unix", as it is.
std::string peer_network(std::string_view peer);

}  // namespace kit::net
