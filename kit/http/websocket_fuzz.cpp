// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes: no crash, the same events however they are cut, and what was understood is
// understood again after it was written. The first byte chooses the role and the cut.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"
#include "kit/http/websocket_frames.hpp"

namespace {

using namespace kit::http;

constexpr std::size_t max_message = 300;

struct Meaning {
  std::string events;
  std::string problem;
  std::vector<WebSocketEvent> list;
};

Meaning read(std::string_view input, std::size_t step, WebSocketRole role) {
  WebSocketDecoder::Options options;
  options.role = role;
  options.max_message_bytes = max_message;
  options.max_frames = 8;
  WebSocketDecoder decoder(options);
  Meaning meaning;
  std::size_t at = 0;
  while (at < input.size() && decoder.state() != WebSocketDecoder::State::failed) {
    // A buffer of exactly its size: reading past it is seen.
    const std::string_view part = input.substr(at, step);
    const std::vector<char> piece(part.begin(), part.end());
    const std::size_t used = decoder.decode({piece.data(), piece.size()});
    KIT_ASSERT(used <= piece.size(), "no more than was given");
    at += used;
    if (decoder.state() != WebSocketDecoder::State::event) {
      KIT_ASSERT(used == piece.size() || decoder.state() == WebSocketDecoder::State::failed,
                 "it stops for an event only");
      continue;
    }
    WebSocketEvent event = decoder.take();
    KIT_ASSERT(event.payload.size() <= max_message, "the message is limited");
    KIT_ASSERT(event.opcode == FrameOpcode::binary || event.opcode == FrameOpcode::ping ||
                   event.opcode == FrameOpcode::pong || kit::is_utf8(event.payload),
               "text is UTF-8");
    meaning.events += std::to_string(static_cast<int>(event.opcode)) + ' ' +
                      std::to_string(event.close_code) + ' ' + event.payload + '\n';
    meaning.list.push_back(std::move(event));
  }
  if (decoder.state() == WebSocketDecoder::State::failed) {
    KIT_ASSERT(is_close_code(static_cast<std::uint16_t>(decoder.close_code())), "a code to send");
    meaning.problem = decoder.problem();
  }
  return meaning;
}

void check_round_trip(const Meaning& meaning, WebSocketRole role) {
  std::string written;
  for (const WebSocketEvent& event : meaning.list) {
    FrameOptions options;
    if (role == WebSocketRole::server) options.mask = {1, 2, 3, 4};
    std::string payload = event.payload;
    if (event.opcode == FrameOpcode::close)
      payload = event.close_code == 0 ? std::string() : close_payload(event.close_code, payload);
    append_frame(written, event.opcode, payload, options);
  }
  const Meaning again = read(written, written.size(), role);
  KIT_ASSERT(again.events == meaning.events && again.problem.empty(), "a round trip");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const WebSocketRole role = data[0] % 2 == 0 ? WebSocketRole::server : WebSocketRole::client;
  const Meaning whole = read(input, input.size(), role);
  for (const std::size_t step : {std::size_t{1}, std::size_t{1} + data[0] / 2 % 61}) {
    const Meaning cut = read(input, step, role);
    KIT_ASSERT(cut.events == whole.events && cut.problem == whole.problem, "in parts");
  }
  check_round_trip(whole, role);
  return 0;
}
