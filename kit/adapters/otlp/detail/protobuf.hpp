// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace kit::otlp::detail {

/// Writes the wire format of protocol buffers, as far as OTLP needs it: fields are left out by
/// those who call when they have their default value.
class ProtobufWriter {
 public:
  explicit ProtobufWriter(std::string& out) : out_(out) {}

  void varint(std::uint32_t field, std::uint64_t value) {
    tag(field, 0);
    put_varint(value);
  }
  void fixed64(std::uint32_t field, std::uint64_t value) {
    tag(field, 1);
    put_little_endian(value);
  }
  void fixed32(std::uint32_t field, std::uint32_t value) {
    tag(field, 5);
    put_little_endian(value);
  }
  void number(std::uint32_t field, double value) {
    fixed64(field, std::bit_cast<std::uint64_t>(value));
  }
  void bytes(std::uint32_t field, std::string_view value) {
    tag(field, 2);
    put_varint(value.size());
    out_.append(value);
  }
  /// A message inside: what `write()` writes.
  template <class Write>
  void message(std::uint32_t field, Write write) {
    tag(field, 2);
    const std::size_t begin = out_.size();
    out_.push_back('\0');  // enough for the length of most
    write();
    const std::size_t size = out_.size() - begin - 1;
    if (size < 0x80) {
      out_[begin] = static_cast<char>(size);
      return;
    }
    std::string length;
    ProtobufWriter(length).put_varint(size);
    out_.replace(begin, 1, length);
  }

 private:
  void tag(std::uint32_t field, std::uint32_t wire_type) { put_varint(field << 3U | wire_type); }
  void put_varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7U;
    }
    out_.push_back(static_cast<char>(value));
  }
  template <class Number>
  void put_little_endian(Number value) {
    char place[sizeof value];
    for (char& byte : place) {
      byte = static_cast<char>(value);
      value >>= 8U;
    }
    out_.append(place, sizeof place);
  }

  std::string& out_;
};

/// Reads a message field by field; whatever the bytes are, it ends.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view bytes) : rest_(bytes) {}

  struct Field {
    std::uint32_t number = 0;
    std::uint64_t value = 0;  ///< Of a varint or fixed one.
    std::string_view bytes;   ///< Of the others.
  };
  /// False at the end, and where the bytes are no message: `is_good` tells which.
  bool next(Field& field);
  bool is_good() const { return is_good_; }

 private:
  bool fail() {
    is_good_ = false;
    return false;
  }
  bool varint(std::uint64_t& value);
  bool fixed(std::size_t size, std::uint64_t& value);

  std::string_view rest_;
  bool is_good_ = true;
};

}  // namespace kit::otlp::detail
