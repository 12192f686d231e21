// SPDX-License-Identifier: Apache-2.0
#include "kit/http/websocket_frames.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kit::http {
namespace {

using namespace std::string_literals;

WebSocketDecoder::Options for_role(WebSocketRole role) {
  WebSocketDecoder::Options options;
  options.role = role;
  return options;
}

std::string describe(WebSocketDecoder& decoder, std::string_view bytes, std::size_t step) {
  std::string text;
  std::size_t at = 0;
  while (at < bytes.size()) {
    at += decoder.decode(bytes.substr(at, step));
    if (decoder.state() == WebSocketDecoder::State::failed)
      return text + std::to_string(static_cast<int>(decoder.close_code()));
    if (decoder.state() != WebSocketDecoder::State::event) continue;
    const WebSocketEvent event = decoder.take();
    text += "0tb.....cpo"[static_cast<std::size_t>(event.opcode)];
    if (event.close_code != 0) text += std::to_string(event.close_code);
    text += '(' + event.payload + ") ";
  }
  return text;
}

/// What a client understands, the same in any pieces.
std::string read(std::string_view bytes, WebSocketRole role = WebSocketRole::client) {
  WebSocketDecoder whole(for_role(role));
  const std::string expected = describe(whole, bytes, bytes.size());
  for (std::size_t step = 1; step < std::min<std::size_t>(bytes.size(), 20); ++step) {
    WebSocketDecoder cut(for_role(role));
    EXPECT_EQ(describe(cut, bytes, step), expected) << "in pieces of " << step;
  }
  return expected;
}

std::string frame(FrameOpcode opcode, std::string_view payload, bool is_final = true) {
  std::string out;
  FrameOptions options;
  options.is_final = is_final;
  append_frame(out, opcode, payload, options);
  return out;
}

TEST(WebSocketFrames, TheExamplesOfTheStandard) {
  EXPECT_EQ(read("\x81\x05Hello"), "t(Hello) ");
  EXPECT_EQ(read("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", WebSocketRole::server),
            "t(Hello) ");
  EXPECT_EQ(read("\x01\x03Hel\x80\x02lo"), "t(Hello) ");
  EXPECT_EQ(read("\x89\x05Hello"), "p(Hello) ");
  EXPECT_EQ(read("\x82\x7e\x01\x00"s + std::string(256, 'x')), "b(" + std::string(256, 'x') + ") ");
  EXPECT_EQ(read("\x82\x7f\0\0\0\0\0\x01\0\0"s + std::string(65'536, 'x')),
            "b(" + std::string(65'536, 'x') + ") ");
}

TEST(WebSocketFrames, ControlFramesStandBetweenFragments) {
  EXPECT_EQ(read("\x01\x01"
                 "a\x89\x01p\x00\x00\x8a\x00\x80\x01z"s),
            "p(p) o() t(az) ");
}

TEST(WebSocketFrames, WriteTheShortestLength) {
  for (const auto& [size, header] :
       {std::pair{0U, 2U}, {125U, 2U}, {126U, 4U}, {65'535U, 4U}, {65'536U, 10U}}) {
    const std::string payload(size, 'x');
    const std::string out = frame(FrameOpcode::binary, payload);
    EXPECT_EQ(out.size(), size + header);
    EXPECT_EQ(read(out), "b(" + payload + ") ");
    FrameOptions masked;
    masked.mask = {0x12, 0x34, 0x56, 0x78};
    std::string to_server;
    append_frame(to_server, FrameOpcode::binary, payload, masked);
    EXPECT_EQ(to_server.size(), size + header + 4);
    EXPECT_EQ(read(to_server, WebSocketRole::server), "b(" + payload + ") ");
  }
}

TEST(WebSocketFrames, RefusesWhatBreaksTheProtocol) {
  EXPECT_EQ(read("\xc1\x00"s), "1002") << "a reserved bit";
  EXPECT_EQ(read("\xa1\x00"s), "1002");
  EXPECT_EQ(read("\x91\x00"s), "1002");
  for (const char opcode : {'\x83', '\x87', '\x8b', '\x8f'})
    EXPECT_EQ(read(opcode + "\0"s), "1002") << "a reserved opcode";
  EXPECT_EQ(read("\x81\x80\x01\x02\x03\x04"), "1002") << "a masked frame to a client";
  EXPECT_EQ(read("\x81\x00"s, WebSocketRole::server), "1002") << "an unmasked one to a server";
  EXPECT_EQ(read("\x09\x00"s), "1002") << "a fragmented ping";
  EXPECT_EQ(read("\x89\x7e\x00\x7e"s), "1002") << "a long ping";
  EXPECT_EQ(read("\x80\x00"s), "1002") << "a continuation of nothing";
  EXPECT_EQ(read("\x01\x00\x81\x00"s), "1002") << "a message inside a message";
  EXPECT_EQ(read("\x81\x7e\x00\x7d"s), "1002") << "a length that is too long";
  EXPECT_EQ(read("\x82\x7f\0\0\0\0\0\0\xff\xff"s), "1002");
  EXPECT_EQ(read("\x82\x7f\x80\0\0\0\0\0\0\0"s), "1002") << "a negative length";
}

TEST(WebSocketFrames, ReadsCloseCodes) {
  EXPECT_EQ(read(frame(FrameOpcode::close, "")), "c() ");
  EXPECT_EQ(read(frame(FrameOpcode::close, close_payload(1000, "bye"))), "c1000(bye) ");
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999}) {
    EXPECT_EQ(read(frame(FrameOpcode::close, close_payload(static_cast<std::uint16_t>(code), ""))),
              "c" + std::to_string(code) + "() ");
  }
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65'535}) {
    const std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
    EXPECT_EQ(read(frame(FrameOpcode::close, payload)), "1002") << code;
  }
  EXPECT_EQ(read(frame(FrameOpcode::close, "\x03")), "1002") << "half a code";
  EXPECT_EQ(read(frame(FrameOpcode::close, "\x03\xe8\xff")), "1007");
}

TEST(WebSocketFrames, ChecksTextAsItComes) {
  const std::string text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(read(frame(FrameOpcode::text, text.substr(0, cut), false) +
                   frame(FrameOpcode::continuation, text.substr(cut))),
              "t(" + text + ") ")
        << cut;
  }
  for (const char* bad :
       {"\x80", "\xc1\x81", "\xc3", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xc3z"}) {
    EXPECT_EQ(read(frame(FrameOpcode::text, bad)), "1007") << bad;
    EXPECT_EQ(read(frame(FrameOpcode::binary, bad)), "b(" + std::string(bad) + ") ");
  }
  // The first wrong byte is enough, whatever was to follow.
  EXPECT_EQ(read("\x01\x05"
                 "ab\xff"),
            "1007");
}

TEST(WebSocketFrames, HoldsTheLimitOfAMessage) {
  WebSocketDecoder::Options options = for_role(WebSocketRole::client);
  options.max_message_bytes = 10;
  const auto limited = [&](std::string_view bytes) {
    WebSocketDecoder decoder(options);
    return describe(decoder, bytes, bytes.size());
  };
  EXPECT_EQ(limited(frame(FrameOpcode::text, "0123456789")), "t(0123456789) ");
  EXPECT_EQ(limited(frame(FrameOpcode::text, "0123456789a")), "1009");
  EXPECT_EQ(
      limited(frame(FrameOpcode::text, "01234", false) + frame(FrameOpcode::continuation, "56789")),
      "t(0123456789) ");
  EXPECT_EQ(limited(frame(FrameOpcode::text, "01234", false) +
                    frame(FrameOpcode::continuation, "567890")),
            "1009");
  EXPECT_EQ(limited("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), "1009") << "by its header alone";
  EXPECT_EQ(limited(frame(FrameOpcode::ping, "0123456789abc")), "p(0123456789abc) ");
}

TEST(WebSocketFrames, HoldsTheLimitOfFrames) {
  WebSocketDecoder::Options options = for_role(WebSocketRole::client);
  options.max_frames = 3;
  const std::string empty = frame(FrameOpcode::continuation, "", false);
  const std::string last = frame(FrameOpcode::continuation, "");
  const std::string first = frame(FrameOpcode::text, "", false);
  const std::string good = first + empty + last;
  WebSocketDecoder decoder(options);
  EXPECT_EQ(describe(decoder, good, good.size()), "t() ");
  EXPECT_EQ(describe(decoder, good, good.size()), "t() ") << "of each message";
  const std::string bad = first + empty + empty + last;
  EXPECT_EQ(describe(decoder, bad, bad.size()), "1008");
}

TEST(WebSocketFrames, CutsAReasonBetweenCharacters) {
  EXPECT_EQ(close_payload(1000, std::string(123, 'x')).size(), 125U);
  EXPECT_EQ(close_payload(1000, std::string(124, 'x')).size(), 125U);
  std::string reason(122, 'x');
  reason += "\xc3\xa4";
  EXPECT_EQ(close_payload(1000, reason).substr(2), std::string(122, 'x'));
}

}  // namespace
}  // namespace kit::http
