// SPDX-License-Identifier: Apache-2.0
#include "kit/http/websocket_frames.hpp"

#include <algorithm>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"

namespace kit::http {
namespace {

constexpr std::size_t max_control_bytes = 125;

bool is_control(FrameOpcode opcode) {
  return (static_cast<unsigned>(opcode) & 8U) != 0;
}

std::uint64_t big_endian(const unsigned char* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

bool WebSocketDecoder::Utf8::accept(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (wanted_ > 0) {
      if (byte < low_ || byte > high_) return false;
      low_ = 0x80;
      high_ = 0xBF;
      --wanted_;
    } else if (byte >= 0x80) {
      if (byte < 0xC2 || byte > 0xF4) return false;
      wanted_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
      // The second byte keeps out overlong forms, surrogates and what is past U+10FFFF.
      low_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
      high_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
    }
  }
  return true;
}

void WebSocketDecoder::fail(CloseCode code, std::string_view problem) {
  state_ = State::failed;
  close_code_ = code;
  problem_ = problem;
}

std::size_t WebSocketDecoder::decode(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ == State::incomplete && used < bytes.size()) {
    if (!in_payload_) {
      header_[header_size_++] = static_cast<unsigned char>(bytes[used++]);
      read_header();
      continue;
    }
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - used));
    add_payload(bytes.substr(used, count));
    used += count;
    left_ -= count;
    if (state_ == State::incomplete && left_ == 0) end_frame();
  }
  return used;
}

/// Looks at each byte of a header as it comes: what cannot be right is refused without waiting for
/// the rest.
void WebSocketDecoder::read_header() {
  if (header_size_ == 1 && !accept_kind(header_[0])) return;
  if (header_size_ < 2) return;
  if (header_size_ == 2 && !accept_length()) return;
  if (!has_header()) return;
  const unsigned short_length = header_[1] & 0x7FU;
  const std::size_t length_bytes = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
  left_ = length_bytes == 0 ? short_length : big_endian(&header_[2], length_bytes);
  if ((length_bytes == 2 && left_ < 126) || (length_bytes == 8 && left_ < 65'536) ||
      left_ >> 63 != 0) {
    return fail(CloseCode::protocol_error, "a length is not in its shortest form");
  }
  if (!is_control(opcode_)) {
    if (left_ > options_.max_message_bytes - message_.size())
      return fail(CloseCode::too_big, "the message is too large");
    if (++frames_ > options_.max_frames)
      return fail(CloseCode::policy, "the message has too many frames");
  }
  if ((header_[1] & 0x80U) != 0) {
    std::copy_n(&header_[2 + length_bytes], 4, mask_.begin());
  } else {
    mask_ = {};
  }
  in_payload_ = true;
  header_size_ = 0;
  at_ = 0;
  if (left_ == 0) end_frame();
}

bool WebSocketDecoder::has_header() const {
  const unsigned short_length = header_[1] & 0x7FU;
  std::size_t size = 2;
  if (short_length == 126) size += 2;
  if (short_length == 127) size += 8;
  if ((header_[1] & 0x80U) != 0) size += 4;
  return header_size_ == size;
}

bool WebSocketDecoder::accept_kind(unsigned char first) {
  is_final_ = (first & 0x80U) != 0;
  if ((first & 0x70U) != 0) {
    fail(CloseCode::protocol_error, "a reserved bit is set");
    return false;
  }
  const unsigned opcode = first & 0x0FU;
  if ((opcode > 2 && opcode < 8) || opcode > 10) {
    fail(CloseCode::protocol_error, "an opcode is reserved");
    return false;
  }
  opcode_ = static_cast<FrameOpcode>(opcode);
  if (is_control(opcode_)) {
    if (!is_final_) fail(CloseCode::protocol_error, "a control frame is fragmented");
  } else if ((opcode_ == FrameOpcode::continuation) != in_message_) {
    fail(CloseCode::protocol_error,
         in_message_ ? "a message begins inside another" : "a continuation continues nothing");
  } else if (!in_message_) {
    in_message_ = true;
    message_opcode_ = opcode_;
  }
  return state_ == State::incomplete;
}

bool WebSocketDecoder::accept_length() {
  const bool is_masked = (header_[1] & 0x80U) != 0;
  if (is_masked != (options_.role == WebSocketRole::server)) {
    fail(CloseCode::protocol_error,
         is_masked ? "a frame of a server is masked" : "a frame of a client is not masked");
  } else if (is_control(opcode_) && (header_[1] & 0x7FU) > max_control_bytes) {
    fail(CloseCode::protocol_error, "a control frame is too long");
  }
  return state_ == State::incomplete;
}

void WebSocketDecoder::add_payload(std::string_view bytes) {
  std::string& to = is_control(opcode_) ? control_ : message_;
  const std::size_t start = to.size();
  to.append(bytes);
  if (options_.role == WebSocketRole::server) {
    for (std::size_t i = start; i < to.size(); ++i, ++at_)
      to[i] = static_cast<char>(static_cast<unsigned char>(to[i]) ^ mask_[at_ % 4]);
  }
  if (!is_control(opcode_) && message_opcode_ == FrameOpcode::text &&
      !utf8_.accept(std::string_view(to).substr(start))) {
    fail(CloseCode::invalid_data, "a text is not UTF-8");
  }
}

void WebSocketDecoder::end_frame() {
  in_payload_ = false;
  if (opcode_ == FrameOpcode::close) return end_close();
  if (is_control(opcode_)) {
    event_.opcode = opcode_;
    event_.payload = std::exchange(control_, {});
    state_ = State::event;
    return;
  }
  if (!is_final_) return;
  if (message_opcode_ == FrameOpcode::text && !utf8_.complete())
    return fail(CloseCode::invalid_data, "a text is not UTF-8");
  event_.opcode = message_opcode_;
  event_.payload = std::exchange(message_, {});
  in_message_ = false;
  frames_ = 0;
  state_ = State::event;
}

void WebSocketDecoder::end_close() {
  event_ = {};
  event_.opcode = FrameOpcode::close;
  const std::string payload = std::exchange(control_, {});
  if (payload.size() == 1) return fail(CloseCode::protocol_error, "half a close code");
  if (!payload.empty()) {
    event_.close_code = static_cast<std::uint16_t>(
        big_endian(reinterpret_cast<const unsigned char*>(payload.data()), 2));
    event_.payload = payload.substr(2);
    if (!is_close_code(event_.close_code))
      return fail(CloseCode::protocol_error, "a close code is not for sending");
    if (!is_utf8(event_.payload))
      return fail(CloseCode::invalid_data, "the reason of a close is not UTF-8");
  }
  state_ = State::event;
}

WebSocketEvent WebSocketDecoder::take() {
  KIT_ASSERT(state_ == State::event, "there is no event to take");
  state_ = State::incomplete;
  return std::exchange(event_, {});
}

void append_frame(std::string& out, FrameOpcode opcode, std::string_view payload,
                  const FrameOptions& options) {
  const std::size_t size = payload.size();
  const unsigned mask_bit = options.mask ? 0x80U : 0;
  out.reserve(out.size() + size + 14);
  out.push_back(static_cast<char>(static_cast<unsigned>(opcode) | (options.is_final ? 0x80U : 0)));
  std::size_t length_bytes = 0;
  if (size <= max_control_bytes) {
    out.push_back(static_cast<char>(mask_bit | size));
  } else {
    KIT_ASSERT(!is_control(opcode), "a control frame has at most 125 bytes");
    length_bytes = size <= 0xFFFF ? 2 : 8;
    out.push_back(static_cast<char>(mask_bit | (length_bytes == 2 ? 126U : 127U)));
  }
  for (std::size_t i = length_bytes; i > 0; --i)
    out.push_back(static_cast<char>(std::uint64_t{size} >> (8 * (i - 1)) & 0xFF));
  if (!options.mask) {
    out.append(payload);
    return;
  }
  for (const unsigned char byte : *options.mask) out.push_back(static_cast<char>(byte));
  for (std::size_t i = 0; i < size; ++i)
    out.push_back(
        static_cast<char>(static_cast<unsigned char>(payload[i]) ^ (*options.mask)[i % 4]));
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  KIT_ASSERT(is_close_code(code), "a close code that may be sent");
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  std::size_t size = std::min(reason.size(), max_control_bytes - 2);
  while (size < reason.size() && size > 0 &&
         (static_cast<unsigned char>(reason[size]) & 0xC0) == 0x80)
    --size;
  payload.append(reason.substr(0, size));
  return payload;
}

bool is_close_code(std::uint16_t code) {
  // 1004 to 1006 and 1015 are for talking about connections only.
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace kit::http
