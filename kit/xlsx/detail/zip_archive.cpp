// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/detail/zip_archive.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/xlsx/detail/problem.hpp"

namespace kit::xlsx::detail {
namespace {

constexpr std::size_t end_bytes = 22;    // of the record that ends an archive
constexpr std::size_t entry_bytes = 46;  // of an entry of the directory, before its name
constexpr std::size_t max_comment = 65'535;
constexpr std::uint32_t end_signature = 0x06054b50;
constexpr std::uint32_t entry_signature = 0x02014b50;
constexpr std::uint32_t zip64_signature = 0x07064b50;
constexpr std::size_t zip64_locator_bytes = 20;

/// Little endian numbers of a record that is long enough.
class Numbers {
 public:
  explicit Numbers(std::string_view bytes) : bytes_(bytes) {}
  std::uint32_t at(std::size_t place, int count) const {
    std::uint32_t value = 0;
    for (int i = count - 1; i >= 0; --i) {
      value = value << 8 | static_cast<unsigned char>(bytes_[place + static_cast<std::size_t>(i)]);
    }
    return value;
  }

 private:
  std::string_view bytes_;
};

Result<std::string> read_exactly(const Bytes& file, std::uint64_t offset, std::size_t count) {
  std::string bytes(count, '\0');
  const Result<std::size_t> got = file.read_at(offset, bytes);
  if (!got) return got.error().clone();
  if (*got != count) return problem("the file is cut off");
  return bytes;
}

/// Where the directory is.
struct Directory {
  std::size_t entries = 0;
  std::uint64_t offset = 0;
  std::size_t bytes = 0;
};

Error no_archive(std::string_view begin) {
  // A document that is encrypted, and one of the old kind, is a compound file instead.
  if (begin.starts_with("\xd0\xcf\x11\xe0"))
    return problem("the file has a password or is an old .xls; save it as .xlsx without one");
  return problem("the file is no workbook (.xlsx)");
}

Result<Directory> find_directory(const Bytes& file, const Limits& limits) {
  std::string begin(std::min<std::uint64_t>(file.size(), 4), '\0');
  if (Result<std::size_t> got = file.read_at(0, begin); !got) return std::move(got).error();
  if (!begin.starts_with("PK")) return no_archive(begin);
  const std::uint64_t reach = end_bytes + max_comment + zip64_locator_bytes;
  const auto count = static_cast<std::size_t>(std::min(file.size(), reach));
  const std::uint64_t from = file.size() - count;
  Result<std::string> tail = read_exactly(file, from, count);
  if (!tail) return std::move(tail).error();
  const Numbers numbers(*tail);
  for (std::size_t place = count < end_bytes ? 0 : count - end_bytes + 1; place-- > 0;) {
    if (numbers.at(place, 4) != end_signature) continue;
    if (place + end_bytes + numbers.at(place + 20, 2) != count) continue;
    const bool has_zip64 = place >= zip64_locator_bytes &&
                           numbers.at(place - zip64_locator_bytes, 4) == zip64_signature;
    if (has_zip64 || numbers.at(place + 16, 4) == 0xffffffff || numbers.at(place + 10, 2) == 0xffff)
      return problem("the file is a ZIP64 archive, which is not read; save it anew");
    if (numbers.at(place + 4, 4) != 0 || numbers.at(place + 8, 2) != numbers.at(place + 10, 2))
      return problem("the archive is in several files");
    const Directory directory{.entries = numbers.at(place + 10, 2),
                              .offset = numbers.at(place + 16, 4),
                              .bytes = numbers.at(place + 12, 4)};
    if (directory.offset + directory.bytes != from + place)
      return problem("the directory of the archive is not where it should be");
    if (directory.entries > limits.entries)
      return problem("the archive has more than " + std::to_string(limits.entries) + " files");
    if (directory.bytes > directory.entries * (entry_bytes + 3 * max_comment))
      return problem("the directory of the archive is malformed");
    return directory;
  }
  return problem("the file is cut off: it has no directory");
}

/// Nothing here is unpacked to the disk; a name that leads elsewhere is still no package's.
bool is_plain_name(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\\') != std::string_view::npos ||
      name.find(':') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
    return false;
  }
  return std::ranges::none_of(split(name, '/'),
                              [](std::string_view part) { return part == ".." || part == "."; });
}

/// One entry; the rest of the directory is left in `bytes`.
Result<ZipEntry> read_entry(std::string_view& bytes) {
  if (bytes.size() < entry_bytes || Numbers(bytes).at(0, 4) != entry_signature)
    return problem("the directory of the archive is malformed");
  const Numbers numbers(bytes);
  const std::size_t name = numbers.at(28, 2);
  const std::size_t whole = entry_bytes + name + numbers.at(30, 2) + numbers.at(32, 2);
  if (bytes.size() < whole) return problem("the directory of the archive is malformed");
  ZipEntry entry{.name = std::string(bytes.substr(entry_bytes, name)),
                 .crc = numbers.at(16, 4),
                 .packed_bytes = numbers.at(20, 4),
                 .bytes = numbers.at(24, 4),
                 .offset = numbers.at(42, 4),
                 .end = 0,
                 .is_deflated = numbers.at(10, 2) == 8};
  if (!is_plain_name(entry.name)) return problem("the archive has a file with an unsafe name");
  if ((numbers.at(8, 2) & 0x2041U) != 0) return problem("the file has a password; take it off");
  if (numbers.at(10, 2) != 0 && !entry.is_deflated)
    return problem("the archive is packed in a way that is not read; save it anew");
  if (entry.packed_bytes == 0xffffffff || entry.bytes == 0xffffffff || entry.offset == 0xffffffff)
    return problem("the file is a ZIP64 archive, which is not read; save it anew");
  if (!entry.is_deflated && entry.packed_bytes != entry.bytes)
    return problem("the directory of the archive is malformed");
  bytes.remove_prefix(whole);
  return entry;
}

Result<> check_places(std::vector<ZipEntry>& entries, std::uint64_t directory) {
  std::ranges::sort(entries, {}, &ZipEntry::offset);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    ZipEntry& entry = entries[i];
    entry.end = i + 1 < entries.size() ? entries[i + 1].offset : directory;
    const std::uint64_t least = entry.offset + 30 + entry.name.size() + entry.packed_bytes;
    if (least > entry.end) return problem("files of the archive overlap");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Bytes>> Bytes::of_descriptor(int descriptor) {
  const auto file = std::make_shared<Bytes>();
  file->descriptor_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  struct stat status{};
  if (file->descriptor_ < 0 || ::fstat(file->descriptor_, &status) != 0)
    return Error(Code::unavailable, std::string("can't be read: ") + std::strerror(errno));
  if (!S_ISREG(status.st_mode))
    return problem("a workbook must be a file, it is read from its end");
  file->size_ = static_cast<std::uint64_t>(status.st_size);
  return std::shared_ptr<const Bytes>(file);
}

std::shared_ptr<const Bytes> Bytes::of_text(std::string text) {
  const auto file = std::make_shared<Bytes>();
  file->text_ = std::move(text);
  file->size_ = file->text_.size();
  return file;
}

Bytes::~Bytes() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::size_t> Bytes::read_at(std::uint64_t offset, std::span<char> bytes) const {
  if (descriptor_ < 0) return offset >= size_ ? 0 : text_.copy(bytes.data(), bytes.size(), offset);
  std::size_t read = 0;
  while (read < bytes.size()) {
    const ssize_t got = ::pread(descriptor_, bytes.data() + read, bytes.size() - read,
                                static_cast<off_t>(offset + read));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return Error(Code::unavailable, std::string("can't be read: ") + std::strerror(errno));
    if (got == 0) break;
    read += static_cast<std::size_t>(got);
  }
  return read;
}

Result<ZipArchive> ZipArchive::open(std::shared_ptr<const Bytes> file, const Limits& limits) {
  Result<Directory> found = find_directory(*file, limits);
  if (!found) return std::move(found).error();
  Result<std::string> bytes = read_exactly(*file, found->offset, found->bytes);
  if (!bytes) return std::move(bytes).error();
  ZipArchive archive;
  archive.file_ = std::move(file);
  std::string_view rest = *bytes;
  std::unordered_set<std::string> names;
  for (std::size_t i = 0; i < found->entries; ++i) {
    Result<ZipEntry> entry = read_entry(rest);
    if (!entry) return std::move(entry).error();
    if (!names.insert(to_lower(entry->name)).second)
      return problem("the archive has two files of one name");
    archive.entries_.push_back(std::move(*entry));
  }
  if (!rest.empty()) return problem("the directory of the archive is malformed");
  KIT_TRY(check_places(archive.entries_, found->offset));
  return archive;
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto found = std::ranges::find_if(
      entries_, [name](const ZipEntry& entry) { return iequals(entry.name, name); });
  return found == entries_.end() ? nullptr : &*found;
}

}  // namespace kit::xlsx::detail
