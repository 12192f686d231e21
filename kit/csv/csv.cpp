// SPDX-License-Identifier: Apache-2.0
#include "kit/csv/csv.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kit/base/text.hpp"

namespace kit::csv {
namespace {

constexpr std::size_t chunk_bytes = 64 * 1024;
constexpr int end_of_file = -1;

/// A place in the file, both from 1; columns count characters.
struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};

Error bad(Place at, std::string what) {
  const std::string place =
      "line " + std::to_string(at.line) + ", column " + std::to_string(at.column);
  return Error(Code::invalid_argument, place + ": " + what).with_violation(place, std::move(what));
}

Error io_error(const std::string& path, int number) {
  const Code code = number == ENOENT                      ? Code::not_found
                    : number == EACCES || number == EPERM ? Code::permission_denied
                                                          : Code::unavailable;
  return Error(code, path + ": " + std::strerror(number));
}

/// Whether a spreadsheet may take the field for a formula, or could with its apostrophes off.
bool is_formula(std::string_view field) {
  const std::size_t first = field.find_first_not_of('\'');
  return first != std::string_view::npos && std::strchr("=+-@\t\r", field[first]) != nullptr &&
         field[first] != '\0';
}

bool is_plain_number(std::string_view field) {
  if (field.starts_with('-') || field.starts_with('+')) field.remove_prefix(1);
  const std::size_t point = std::min(field.find('.'), field.size());
  const std::string_view whole = field.substr(0, point);
  const std::string_view fraction = field.substr(std::min(point + 1, field.size()));
  constexpr std::string_view digits = "0123456789";
  return !whole.empty() && whole.find_first_not_of(digits) == std::string_view::npos &&
         (point == field.size() || !fraction.empty()) &&
         fraction.find_first_not_of(digits) == std::string_view::npos;
}

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

}  // namespace

struct Reader::State {
  ~State() {
    if (descriptor >= 0) ::close(descriptor);
  }

  std::string path;
  int descriptor = -1;       ///< -1: `chunk` is the whole text.
  std::string chunk;         ///< What was read last.
  std::size_t position = 0;  ///< Of the next byte in `chunk`.
  std::size_t read = 0;      ///< Bytes of the file before `chunk`.
  std::size_t total = 0;
  std::optional<Error> failed;  ///< The file could not be read on.
  bool ended = false;

  Place at;               ///< Of the next byte.
  std::size_t width = 0;  ///< Fields of the first record; 0 before it.
  std::string bytes;      ///< The fields of the record, without quotes, one after another.
  struct End {
    std::size_t at = 0;
    bool is_absent = false;
  };
  std::vector<End> ends;
  std::vector<Place> begins;
  std::vector<Field> fields;
  std::size_t record_bytes = 0;  ///< As in the file.

  /// Whether it can be read, once it is open.
  Result<> look() {
    struct stat status{};
    if (descriptor < 0 || ::fstat(descriptor, &status) != 0) return io_error(path, errno);
    if (S_ISDIR(status.st_mode)) return io_error(path, EISDIR);
    total = S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) : 0;
    return {};
  }

  /// Fetches the next piece; false at the end.
  bool fill() {
    if (descriptor < 0 || failed) return false;
    read += chunk.size();
    position = 0;
    chunk.resize(chunk_bytes);
    ssize_t got = 0;
    do {
      got = ::read(descriptor, chunk.data(), chunk.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) failed = io_error(path, errno);
    chunk.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return got > 0;
  }

  int peek() {
    if (position == chunk.size() && !fill()) return end_of_file;
    return static_cast<unsigned char>(chunk[position]);
  }

  /// The next byte, counted.
  int take() {
    const int next = peek();
    if (next == end_of_file) return next;
    ++position;
    ++record_bytes;
    if (next == '\n') {
      ++at.line;
      at.column = 1;
    } else if (!is_continuation(static_cast<char>(next))) {
      ++at.column;
    }
    return next;
  }

  void skip_line() {
    for (int next = take(); next != end_of_file && next != '\n'; next = take()) {
    }
  }

  void skip_byte_order_mark() {
    if (read != 0 || position != 0) return;
    peek();
    if (!chunk.starts_with("\xef\xbb\xbf")) return;
    position = 3;
  }

  Error end_with(Error error) {
    ended = true;
    return error;
  }

  void end_field(bool is_quoted) {
    const std::size_t begin = ends.empty() ? 0 : ends.back().at;
    ends.push_back({bytes.size(), !is_quoted && bytes.size() == begin});
  }

  /// One field; true when another follows it in this record.
  Result<bool> read_field();
  Result<bool> read_quoted();
  Result<bool> finish_field(Place begin, bool is_quoted);
  Result<> check_fields(std::size_t line);
};

/// What stands after a field: a comma, the end of the line, or a mistake.
Result<bool> Reader::State::finish_field(Place begin, bool is_quoted) {
  const Place here = at;
  const int next = take();
  if (next == ',') return end_field(is_quoted), true;
  if (next == '\n' || next == end_of_file) return end_field(is_quoted), false;
  if (next == '\r') {
    if (peek() != '\n') {
      skip_line();
      return bad(here, "a carriage return without a line feed");
    }
    take();
    return end_field(is_quoted), false;
  }
  skip_line();
  return bad(here, "text after the closing quote of the field that begins at line " +
                       std::to_string(begin.line) + ", column " + std::to_string(begin.column));
}

Result<bool> Reader::State::read_quoted() {
  const Place begin = at;
  take();
  while (true) {
    const int next = take();
    if (next == end_of_file) return end_with(bad(begin, "this quote is never closed"));
    if (record_bytes > max_record_bytes) {
      return end_with(bad(begin, "the record is longer than 1 MiB; is a closing quote missing?"));
    }
    if (next != '"') {
      bytes.push_back(static_cast<char>(next));
    } else if (peek() == '"') {
      bytes.push_back(static_cast<char>(take()));
    } else {
      return finish_field(begin, true);
    }
  }
}

Result<bool> Reader::State::read_field() {
  begins.push_back(at);
  if (peek() == '"') return read_quoted();
  while (true) {
    const int next = peek();
    if (next == ',' || next == '\n' || next == '\r' || next == end_of_file) {
      return finish_field(begins.back(), false);
    }
    if (next == '"') {
      const Place here = at;
      skip_line();
      return bad(here, "a quote inside an unquoted field (quote the field and double the quote)");
    }
    bytes.push_back(static_cast<char>(take()));
    if (record_bytes > max_record_bytes) {
      return end_with(bad(begins.back(), "the record is longer than 1 MiB"));
    }
  }
}

Result<> Reader::State::check_fields(std::size_t line) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!fields[i]) continue;
    if (!is_utf8(*fields[i])) return bad(begins[i], "the field is not valid UTF-8");
    if (fields[i]->find('\0') != std::string_view::npos) {
      return bad(begins[i], "the field contains a NUL byte");
    }
  }
  if (width == 0) width = fields.size();
  if (fields.size() == width) return {};
  if (fields.size() == 1 && !fields[0]) return bad({line, 1}, "an empty line");
  return bad({line, 1}, "has " + std::to_string(fields.size()) +
                            (fields.size() == 1 ? " field" : " fields") +
                            ", the first record has " + std::to_string(width));
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  KIT_TRY(state->look());
  return Reader(std::move(state));
}

Result<Reader> Reader::of_descriptor(int descriptor, std::string name) {
  auto state = std::make_unique<State>();
  state->path = std::move(name);
  state->descriptor = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  KIT_TRY(state->look());
  Reader reader(std::move(state));
  KIT_TRY(reader.rewind());
  return reader;
}

Reader Reader::from_text(std::string text) {
  auto state = std::make_unique<State>();
  state->total = text.size();
  state->chunk = std::move(text);
  return Reader(std::move(state));
}

Result<bool> Reader::next(Record& record) {
  State& state = *state_;
  state.skip_byte_order_mark();
  record = {};
  record.line = state.at.line;
  state.bytes.clear();
  state.ends.clear();
  state.begins.clear();
  state.fields.clear();
  state.record_bytes = 0;
  if (state.ended || (state.peek() == end_of_file && !state.failed)) return false;
  for (bool more = true; more;) {
    Result<bool> another = state.read_field();
    if (state.failed) return state.end_with(state.failed->clone());
    if (!another) return std::move(another).error();
    more = *another;
  }
  std::size_t begin = 0;
  for (const State::End& end : state.ends) {
    Field& field = state.fields.emplace_back();
    if (!end.is_absent) field = std::string_view(state.bytes).substr(begin, end.at - begin);
    begin = end.at;
  }
  KIT_TRY(state.check_fields(record.line));
  record.fields = state.fields;
  return true;
}

Result<> Reader::rewind() {
  State& state = *state_;
  if (state.descriptor >= 0) {
    if (::lseek(state.descriptor, 0, SEEK_SET) < 0) return io_error(state.path, errno);
    state.chunk.clear();
  }
  state.position = 0;
  state.read = 0;
  state.failed.reset();
  state.ended = false;
  state.at = {};
  state.width = 0;
  return {};
}

Result<std::size_t> Reader::read_at(std::size_t offset, std::span<char> bytes) const {
  const State& state = *state_;
  if (state.descriptor < 0) {
    return state.chunk.copy(bytes.data(), bytes.size(), std::min(offset, state.chunk.size()));
  }
  ssize_t got = 0;
  do {
    got = ::pread(state.descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return io_error(state.path, errno);
  return static_cast<std::size_t>(got);
}

std::size_t Reader::bytes_read() const {
  return state_->read + state_->position;
}
std::size_t Reader::bytes_total() const {
  return state_->total;
}

std::string_view unguarded(std::string_view field) {
  return field.starts_with('\'') && is_formula(field) ? field.substr(1) : field;
}

void write_record(std::string& out, std::span<const Field> fields, bool guard_formulas) {
  bool first = true;
  for (const Field& field : fields) {
    if (!first) out.push_back(',');
    first = false;
    if (!field) continue;
    const bool guard = guard_formulas && is_formula(*field) && !is_plain_number(*field);
    const bool quote = field->empty() || field->find_first_of(",\"\r\n") != std::string_view::npos;
    if (quote) out.push_back('"');
    if (guard) out.push_back('\'');
    for (const char byte : *field) {
      if (byte == '"') out.push_back('"');
      out.push_back(byte);
    }
    if (quote) out.push_back('"');
  }
  out.push_back('\n');
}

}  // namespace kit::csv
