// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes: no crash, and the same meaning however they are cut into packets. The first
// byte chooses the cut.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "kit/base/assert.hpp"
#include "kit/http/chunked.hpp"
#include "kit/http/parser.hpp"
#include "kit/http/query.hpp"
#include "kit/http/router.hpp"

namespace {

using namespace kit::http;

const Limits& small_limits() {
  static const Limits limits = [] {
    Limits small;  // so that a fuzzer reaches them
    small.request_line_bytes = 128;
    small.header_bytes = 512;
    small.header_field_bytes = 256;
    small.header_count = 12;
    return small;
  }();
  return limits;
}

struct Meaning {
  ParseState state = ParseState::incomplete;
  int status = 0;
  std::size_t size = 0;
  std::string text;
  std::string body;
  friend bool operator==(const Meaning&, const Meaning&) = default;
};

void add(std::string& text, std::string_view part) {
  text.append(part).push_back('\n');
}

std::string describe(const RequestHead& head) {
  std::string text;
  add(text, head.method_name);
  add(text, head.path);
  add(text, head.query);
  add(text, head.host);
  add(text, std::to_string(head.content_length) + (head.chunked ? "c" : "") +
                (head.keep_alive ? "k" : "") + (head.expects_continue ? "e" : "") +
                (head.http_1_0 ? "0" : "1"));
  for (const Header& header : head.headers) {
    add(text, header.name);
    add(text, header.value);
  }
  return text;
}

/// Parses a head and a chunked body behind it, `step` bytes at a time. Every prefix is a buffer of
/// exactly its size, somewhere else each time.
Meaning read(std::string_view input, std::size_t step) {
  Meaning meaning;
  RequestParser parser(small_limits());
  std::vector<char> buffer;
  std::size_t given = 0;
  while (given < input.size() && meaning.state == ParseState::incomplete) {
    given = std::min(input.size(), given + step);
    buffer = std::vector<char>(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(given));
    meaning.state = parser.parse({buffer.data(), buffer.size()});
  }
  meaning.status = parser.status();
  if (meaning.state != ParseState::complete) return meaning;
  meaning.size = parser.size();
  KIT_ASSERT(meaning.size <= given, "a head is part of what was given");
  const RequestHead& head = parser.head();
  KIT_ASSERT(!(head.chunked && head.has_content_length), "two lengths are one too many");
  KIT_ASSERT(head.headers.size() <= small_limits().header_count, "the count is limited");
  meaning.text = describe(head);
  if (!head.chunked) return meaning;

  ChunkedDecoder decoder;
  decoder.start(small_limits(), 64);
  std::size_t used = meaning.size;
  while (used < input.size() && decoder.state() == ChunkedDecoder::State::incomplete) {
    used += decoder.decode(input.substr(used, step), meaning.body);
  }
  KIT_ASSERT(meaning.body.size() <= 64, "the body is limited");
  meaning.status = decoder.status();
  if (decoder.state() == ChunkedDecoder::State::complete) meaning.size = used;
  if (decoder.state() == ChunkedDecoder::State::refused) meaning.body.clear();
  return meaning;
}

kit::Task<Response> nothing(Request&) {
  co_return Response{};
}

const Router& router() {
  static const Router made = [] {
    Router all;
    for (const char* path_template :
         {"/", "/a", "/a/{id:int64}", "/a/{id}:go", "/{x}/b/{y}", "/r/{rest:path}", "/{u:uuid}"}) {
      KIT_ASSERT(all.add(Method::get, path_template, nothing).ok(), path_template);
    }
    return all;
  }();
  return made;
}

void route(std::string_view input) {
  RequestParser parser(small_limits());
  if (parser.parse(input) != ParseState::complete) return;
  std::vector<std::string_view> parameters;
  std::string scratch;
  auto match = router().match(parser.head().method, parser.head().path, parameters, scratch);
  KIT_ASSERT(match.route != nullptr || parameters.empty(), "no parameters without a route");
  std::size_t sum = 0;
  for (std::string_view parameter : parameters) {
    for (char c : parameter) sum += static_cast<unsigned char>(c);  // reads every byte
  }
  KIT_ASSERT(sum < 1'000'000, "parameters are part of the path");
  auto query = parse_query(parser.head().query, 16);
  KIT_ASSERT(!query.ok() || query->size() <= 16, "the query is limited");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Meaning whole = read(input, input.size());
  KIT_ASSERT(read(input, 1) == whole, "byte by byte");
  KIT_ASSERT(read(input, 1 + data[0] % 61) == whole, "in parts");
  route(input);
  return 0;
}
