// SPDX-License-Identifier: Apache-2.0
#include "kit/http/trusted_peers.hpp"

#include <algorithm>
#include <array>

#include "kit/base/text.hpp"

namespace kit::http {
namespace {

using namespace std::string_view_literals;

constexpr std::array private_networks = {"127.0.0.0/8"sv,    "10.0.0.0/8"sv,     "172.16.0.0/12"sv,
                                         "192.168.0.0/16"sv, "169.254.0.0/16"sv, "::1/128"sv,
                                         "fc00::/7"sv,       "fe80::/10"sv};

bool is_in(const net::IpAddress& address, const net::IpAddress& network, unsigned bits) {
  if (address.is_v6() != network.is_v6()) return false;
  const auto ours = address.bytes();
  const auto theirs = network.bytes();
  const std::size_t whole = bits / 8;
  if (!std::ranges::equal(ours.first(whole), theirs.first(whole))) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  return ((ours[whole] ^ theirs[whole]) >> (8 - rest)) == 0;
}

}  // namespace

Result<> TrustedPeers::add_network(std::string_view name) {
  std::string_view prefix = name;
  const std::string_view text = cut(prefix, '/');
  const auto address = net::IpAddress::parse(text);
  if (!address) return invalid("trusted peers", "'" + std::string(name) + "' is no network");
  const long long most = address->is_v6() ? 128 : 32;
  const bool has_prefix = name.contains('/');
  const long long bits = has_prefix ? parse_int(prefix).value_or(-1) : most;
  if (bits < 0 || bits > most) {
    return invalid("trusted peers", "'" + std::string(name) + "' has no length from 0 to " +
                                        std::to_string(most) + " behind its '/'");
  }
  networks_.push_back({*address, static_cast<unsigned>(bits)});
  return {};
}

Result<> TrustedPeers::add(std::string_view name) {
  if (name == "none") return {};
  if (name == "all") {
    all_ = true;
    return {};
  }
  if (name == "unix") {
    unix_ = true;
    return {};
  }
  if (name != "private") return add_network(name);
  unix_ = true;
  for (const std::string_view network : private_networks) KIT_TRY(add_network(network));
  return {};
}

Result<TrustedPeers> TrustedPeers::parse(std::span<const std::string> names) {
  TrustedPeers peers;
  for (const std::string& name : names) KIT_TRY(peers.add(name));
  return peers;
}

bool TrustedPeers::contains(std::string_view peer) const {
  if (all_) return true;
  if (peer == "unix") return unix_;
  if (networks_.empty()) return false;
  const auto parsed = net::IpAddress::parse(peer);
  if (!parsed) return false;
  const net::IpAddress address = parsed->unmapped();
  return std::ranges::any_of(networks_, [&](const Network& network) {
    return is_in(address, network.address, network.bits);
  });
}

}  // namespace kit::http
