// SPDX-License-Identifier: Apache-2.0
// Whatever a server sends: no crash, and the same meaning however it is cut into packets. The first
// byte chooses the cut, and whether the request was HEAD.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "kit/base/assert.hpp"
#include "kit/http/chunked.hpp"
#include "kit/http/client/response_parser.hpp"

namespace {

using namespace kit::http;

// So small that a fuzzer reaches them.
constexpr ResponseLimits small_limits{.status_line_bytes = 64,
                                      .header_bytes = 512,
                                      .header_count = 12,
                                      .header_field_bytes = 256,
                                      .interim_responses = 3};

const Limits& chunk_limits() {
  static const Limits limits = [] {
    Limits small;
    small.header_bytes = small_limits.header_bytes;
    small.header_count = small_limits.header_count;
    return small;
  }();
  return limits;
}

struct Meaning {
  ParseState state = ParseState::incomplete;
  std::size_t size = 0;
  std::string text;
  std::string body;
  friend bool operator==(const Meaning&, const Meaning&) = default;
};

void add(std::string& text, std::string_view part) {
  text.append(part).push_back('\n');
}

void read_chunks(std::string_view input, std::size_t step, Meaning& meaning) {
  ChunkedDecoder decoder;
  decoder.start(chunk_limits(), 64);
  std::size_t used = meaning.size;
  while (used < input.size() && decoder.state() == ChunkedDecoder::State::incomplete) {
    used += decoder.decode(input.substr(used, step), meaning.body);
  }
  KIT_ASSERT(meaning.body.size() <= 64, "the body is limited");
  if (decoder.state() == ChunkedDecoder::State::complete) meaning.size = used;
  if (decoder.state() == ChunkedDecoder::State::refused) meaning.body = "refused";
}

/// Every prefix is a buffer of exactly its size, somewhere else each time.
Meaning read(std::string_view input, std::size_t step, Method method) {
  Meaning meaning;
  ResponseParser parser(small_limits, method);
  std::vector<char> buffer;
  std::size_t given = 0;
  while (given < input.size() && meaning.state == ParseState::incomplete) {
    given = std::min(input.size(), given + step);
    buffer = std::vector<char>(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(given));
    meaning.state = parser.parse({buffer.data(), buffer.size()});
  }
  add(meaning.text, parser.problem());
  if (meaning.state != ParseState::complete) return meaning;
  const ResponseHead& head = parser.head();
  meaning.size = parser.size();
  KIT_ASSERT(meaning.size <= given, "a head is part of what was given");
  KIT_ASSERT(head.status >= 200 && head.status <= 599, "a final answer");
  KIT_ASSERT(!(head.chunked && head.has_content_length), "two lengths are one too many");
  KIT_ASSERT(head.headers.size() <= small_limits.header_count, "the count is limited");
  KIT_ASSERT(method != Method::head || head.framing == BodyFraming::none, "HEAD has no body");
  add(meaning.text, std::to_string(head.status) + std::to_string(static_cast<int>(head.framing)) +
                        std::to_string(head.content_length) + (head.keep_alive ? "k" : "") +
                        (head.http_1_0 ? "0" : "1"));
  add(meaning.text, head.reason);
  for (const Header& header : head.headers) {
    add(meaning.text, header.name);
    add(meaning.text, header.value);
  }
  if (head.framing == BodyFraming::chunked) read_chunks(input, step, meaning);
  return meaning;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Method method = (data[0] & 0x80) != 0 ? Method::head : Method::get;
  const Meaning whole = read(input, input.size(), method);
  KIT_ASSERT(read(input, 1, method) == whole, "byte by byte");
  KIT_ASSERT(read(input, 1 + data[0] % 61, method) == whole, "in parts");
  return 0;
}
