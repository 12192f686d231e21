// SPDX-License-Identifier: Apache-2.0
#include "kit/http/encodings.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"

namespace kit::http {
namespace {

constexpr int unnamed = -1;

/// "1", "0.25" in thousandths (RFC 9110 section 12.4.2).
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int weight = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int unit = 100;
  for (std::size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    weight += (text[i] - '0') * unit;
  }
  if (weight > 1000) return std::nullopt;
  return weight;
}

/// What the client says of each coding, in thousandths.
struct Weights {
  std::array<int, 4> named{unnamed, unnamed, unnamed, unnamed};
  int others = unnamed;

  void add(std::string_view element) {
    const std::size_t semicolon = std::min(element.find(';'), element.size());
    const std::string_view coding = detail::trim_blanks(element.substr(0, semicolon));
    int weight = 1000;
    if (semicolon < element.size()) {
      std::string_view parameter = detail::trim_blanks(element.substr(semicolon + 1));
      if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) return;
      const std::optional<int> given = parse_weight(parameter.substr(2));
      if (!given) return;
      weight = *given;
    }
    if (coding == "*") others = weight;
    if (iequals(coding, "identity")) named[0] = weight;
    if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) named[1] = weight;
    if (iequals(coding, "br")) named[2] = weight;
    if (iequals(coding, "zstd")) named[3] = weight;
  }

  int of(Coding coding) const {
    const int weight = named[static_cast<std::size_t>(coding)];
    return weight == unnamed ? others : weight;
  }
};

}  // namespace

std::string_view name(Coding coding) {
  switch (coding) {
    case Coding::gzip:
      return "gzip";
    case Coding::br:
      return "br";
    case Coding::zstd:
      return "zstd";
    case Coding::identity:
      break;
  }
  return {};
}

Coding choose_coding(const Request& request, std::span<const Coding> offered) {
  Weights weights;
  bool asked = false;
  for (const Header& header : request.headers) {
    if (!iequals(header.name, "Accept-Encoding")) continue;
    asked = true;
    for (const std::string_view element : split(header.value, ',')) weights.add(element);
  }
  if (!asked) return Coding::identity;
  Coding chosen = Coding::identity;
  // Only a client that names identity can like it more than a coding.
  int best = std::max(weights.named[0], 0);
  for (const Coding coding : offered) {
    const int weight = weights.of(coding);
    const bool is_better = chosen == Coding::identity ? weight >= best : weight > best;
    if (weight <= 0 || !is_better) continue;
    best = weight;
    chosen = coding;
  }
  return chosen;
}

}  // namespace kit::http
