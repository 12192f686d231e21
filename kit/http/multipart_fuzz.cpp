// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes: no crash, and the same parts however they are cut. The first byte chooses the
// boundary and the cut; the rest up to a NUL is a content type, what follows it a body.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"
#include "kit/http/multipart.hpp"

namespace {

using namespace kit::http;
using State = MultipartParser::State;

MultipartLimits small_limits() {
  MultipartLimits limits;  // so that a fuzzer reaches them
  limits.parts = 4;
  limits.header_bytes = 200;
  limits.header_count = 4;
  limits.name_bytes = 20;
  return limits;
}

std::string read(std::string_view boundary, std::string_view input, std::size_t step) {
  MultipartParser parser(boundary, small_limits());
  std::string text;
  std::size_t parts = 0;
  std::size_t content = 0;
  bool is_open = false;
  for (std::size_t at = 0; at < input.size() && parser.state() != State::failed;) {
    const std::string_view part = input.substr(at, step);
    const std::vector<char> piece(part.begin(), part.end());
    std::size_t used = 0;
    do {
      used += parser.parse({piece.data() + used, piece.size() - used});
      KIT_ASSERT(used <= piece.size(), "no more than was given");
      if (parser.state() == State::part_begin) {
        KIT_ASSERT(!is_open, "a part inside a part");
        is_open = true;
        KIT_ASSERT(++parts <= small_limits().parts, "the parts are limited");
        const PartHead& head = parser.part();
        KIT_ASSERT(head.name.size() <= 20 && kit::is_utf8(head.name), "a harmless name");
        KIT_ASSERT(!head.filename || head.filename->find_first_of("/\\") == std::string::npos,
                   "no folders");
        text += "[" + head.name + "|" + head.filename.value_or("-") + "|" + head.content_type + "]";
      } else if (parser.state() == State::data) {
        KIT_ASSERT(is_open && !parser.data().empty(), "content belongs to a part");
        content += parser.data().size();
        text += parser.data();
      } else if (parser.state() == State::part_end) {
        KIT_ASSERT(is_open, "a part that ends began");
        is_open = false;
        text += "[end]";
      }
    } while (parser.state() != State::incomplete && parser.state() != State::complete &&
             parser.state() != State::failed);
    at += piece.size();
  }
  KIT_ASSERT(content <= input.size(), "content is part of what was given");
  if (parser.state() == State::complete) text += "[complete]";
  if (parser.state() == State::failed) text += "[" + parser.error().message() + "]";
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t end = std::min(input.find('\0'), input.size());
  auto named = multipart_boundary(input.substr(0, end));
  const std::string boundary = named.ok() ? *named : data[0] % 2 == 0 ? "b" : "--b";
  const std::string_view body = named.ok() ? input.substr(std::min(end + 1, input.size())) : input;
  const std::string whole = read(boundary, body, std::max<std::size_t>(body.size(), 1));
  KIT_ASSERT(read(boundary, body, 1) == whole, "byte by byte");
  KIT_ASSERT(read(boundary, body, 1 + data[0] / 2 % 61) == whole, "in parts");
  return 0;
}
