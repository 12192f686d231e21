// SPDX-License-Identifier: Apache-2.0
#include "kit/net/address.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "kit/base/assert.hpp"

namespace kit::net {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<std::uint8_t, 16> bytes{};
  const std::string terminated(text);
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
    return IpAddress(std::span(bytes).first(4));
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return IpAddress(bytes);
  return std::nullopt;
}

IpAddress::IpAddress(std::span<const std::uint8_t> bytes)
    : size_(static_cast<std::uint8_t>(bytes.size())) {
  KIT_ASSERT(bytes.size() == 4 || bytes.size() == 16, std::to_string(bytes.size()));
  std::ranges::copy(bytes, bytes_.begin());
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(is_v6() ? AF_INET6 : AF_INET, bytes_.data(), text.data(), text.size());
}

IpAddress IpAddress::unmapped() const {
  constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!is_v6() || !std::ranges::equal(bytes().first(12), prefix)) return *this;
  return IpAddress(bytes().last(4));
}

std::string peer_network(std::string_view peer) {
  const auto parsed = IpAddress::parse(peer);
  if (!parsed) return std::string(peer);
  const IpAddress address = parsed->unmapped();
  if (!address.is_v6()) return address.text();
  std::array<std::uint8_t, 16> network{};
  std::ranges::copy(address.bytes().first(8), network.begin());
  return IpAddress(network).text() + "/64";
}

}  // namespace kit::net
