// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>
#include <utility>

#include "kit/xlsx/detail/problem.hpp"
#include "kit/xlsx/detail/zip_archive.hpp"

namespace kit::xlsx::detail {
namespace {

constexpr std::size_t header_bytes = 30;
constexpr std::size_t piece_bytes = 64 * 1024;
/// Smaller parts may be as repetitive as they like.
constexpr std::uint64_t ratio_from_bytes = 1024 * 1024;

std::size_t two_bytes(std::string_view bytes, std::size_t place) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[place])) |
         static_cast<std::size_t>(static_cast<unsigned char>(bytes[place + 1])) << 8;
}

Error damaged(const ZipEntry& entry) {
  return problem("the file is damaged: " + entry.name + " can't be unpacked");
}

/// Where the content of an entry begins: behind its own header, which must be of the same file.
Result<std::uint64_t> content_offset(const Bytes& file, const ZipEntry& entry) {
  std::string header(header_bytes + entry.name.size(), '\0');
  const Result<std::size_t> got = file.read_at(entry.offset, header);
  if (!got) return got.error().clone();
  if (*got != header.size() || !header.starts_with("PK\x03\x04") ||
      two_bytes(header, 26) != entry.name.size() || !header.ends_with(entry.name) ||
      two_bytes(header, 8) != (entry.is_deflated ? 8U : 0U)) {
    return damaged(entry);
  }
  const std::uint64_t offset = entry.offset + header.size() + two_bytes(header, 28);
  if (offset + entry.packed_bytes > entry.end) return problem("files of the archive overlap");
  return offset;
}

}  // namespace

ZipPart::ZipPart() = default;
ZipPart::ZipPart(ZipPart&&) noexcept = default;

ZipPart& ZipPart::operator=(ZipPart&& other) noexcept {
  std::swap(inflate_, other.inflate_);  // which `other` ends
  file_ = std::move(other.file_);
  entry_ = std::move(other.entry_);
  at_ = other.at_;
  packed_left_ = other.packed_left_;
  unpacked_ = other.unpacked_;
  crc_ = other.crc_;
  is_done_ = other.is_done_;
  input_ = std::move(other.input_);
  output_ = std::move(other.output_);
  return *this;
}

ZipPart::~ZipPart() {
  if (inflate_) ::inflateEnd(inflate_.get());
}

Result<ZipPart> ZipPart::open(const ZipArchive& archive, const ZipEntry& entry,
                              std::uint64_t max_bytes, const Limits& limits) {
  if (entry.bytes > max_bytes) {
    return problem(entry.name + " would unpack to " + std::to_string(entry.bytes) +
                   " bytes, at most " + std::to_string(max_bytes) + " are allowed");
  }
  if (entry.bytes > ratio_from_bytes && entry.bytes / limits.ratio > entry.packed_bytes) {
    return problem(entry.name + " would unpack to more than " + std::to_string(limits.ratio) +
                   " times its size");
  }
  ZipPart part;
  Result<std::uint64_t> offset = content_offset(*archive.file(), entry);
  if (!offset) return std::move(offset).error();
  part.file_ = archive.file();
  part.entry_ = entry;
  part.at_ = *offset;
  part.packed_left_ = entry.packed_bytes;
  part.input_.resize(piece_bytes);
  if (!entry.is_deflated) return part;
  part.output_.resize(piece_bytes);
  auto stream = std::make_unique<z_stream>();
  if (::inflateInit2(stream.get(), -MAX_WBITS) != Z_OK)
    return Error(Code::internal, "zlib can't be started");
  part.inflate_ = std::move(stream);
  return part;
}

/// The next packed bytes, at the beginning of `input_`.
Result<> ZipPart::fill() {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(packed_left_, piece_bytes));
  if (count == 0) return damaged(entry_);
  const Result<std::size_t> got = file_->read_at(at_, std::span(input_.data(), count));
  if (!got) return got.error().clone();
  if (*got != count) return damaged(entry_);
  at_ += count;
  packed_left_ -= count;
  if (inflate_) {
    inflate_->next_in = reinterpret_cast<Bytef*>(input_.data());
    inflate_->avail_in = static_cast<uInt>(count);
  }
  return {};
}

Result<std::string_view> ZipPart::finish() {
  is_done_ = true;
  const bool has_rest = packed_left_ != 0 || (inflate_ && inflate_->avail_in != 0);
  if (has_rest || unpacked_ != entry_.bytes || crc_ != entry_.crc) return damaged(entry_);
  return std::string_view();
}

Result<std::string_view> ZipPart::read() {
  if (is_done_) return std::string_view();
  std::string_view piece;
  if (!inflate_) {
    if (packed_left_ == 0) return finish();
    const std::uint64_t before = packed_left_;
    KIT_TRY(fill());
    piece = std::string_view(input_.data(), static_cast<std::size_t>(before - packed_left_));
  }
  while (inflate_ && piece.empty()) {
    if (inflate_->avail_in == 0 && packed_left_ != 0) KIT_TRY(fill());
    inflate_->next_out = reinterpret_cast<Bytef*>(output_.data());
    inflate_->avail_out = static_cast<uInt>(output_.size());
    const int state = ::inflate(inflate_.get(), Z_NO_FLUSH);
    piece = std::string_view(output_.data(), output_.size() - inflate_->avail_out);
    if (state == Z_STREAM_END && piece.empty()) return finish();
    if (state != Z_OK && state != Z_STREAM_END) return damaged(entry_);
  }
  unpacked_ += piece.size();
  // More than the directory said: the limits were checked against that.
  if (unpacked_ > entry_.bytes) return damaged(entry_);
  crc_ = static_cast<std::uint32_t>(
      ::crc32(crc_, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size())));
  return piece;
}

Result<> ZipPart::verify() {
  while (true) {
    Result<std::string_view> piece = read();
    if (!piece) return std::move(piece).error();
    if (piece->empty()) return {};
  }
}

}  // namespace kit::xlsx::detail
