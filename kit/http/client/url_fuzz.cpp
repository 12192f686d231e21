// SPDX-License-Identifier: Apache-2.0
// Whatever the text: no crash, one spelling, and nothing in it that could end a line of a request.
// A line feed ends the URL; what is behind it is resolved against it.
#include <cstdint>
#include <string>
#include <string_view>

#include "kit/base/assert.hpp"
#include "kit/http/client/url.hpp"

namespace {

using kit::http::Url;

void check(const Url& url) {
  const std::string text = url.to_string();
  for (char c : text) KIT_ASSERT(c > 0x20 && c < 0x7F, "only visible ASCII");
  KIT_ASSERT(!url.host.empty() && url.host.find('@') == std::string::npos, "a host, no user");
  KIT_ASSERT(url.path.starts_with('/'), "an absolute path");
  KIT_ASSERT(url.port >= 1 && url.port <= 65535, "a port");
  const auto again = Url::parse(text);
  KIT_ASSERT(again.ok() && *again == url, "the text means the same");
  const auto same = url.resolve("");
  KIT_ASSERT(same.ok() && *same == url, "an empty reference means the same");
  const auto absolute = url.resolve(text);
  KIT_ASSERT(absolute.ok() && *absolute == url, "an absolute reference means itself");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Longer texts are refused or make ones that are too long to be read again.
  if (size > 4096) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  const auto url = Url::parse(input.substr(0, end));
  if (!url.ok()) return 0;
  check(*url);
  if (end == input.npos) return 0;
  const auto resolved = url->resolve(input.substr(end + 1));
  if (resolved.ok()) check(*resolved);
  return 0;
}
