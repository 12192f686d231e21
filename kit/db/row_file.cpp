// SPDX-License-Identifier: Apache-2.0
#include "kit/db/row_file.hpp"

#include <utility>
#include <vector>

#include "kit/async/blocking.hpp"
#include "kit/csv/csv.hpp"
#include "kit/xlsx/writer.hpp"

namespace kit::db {
namespace {

constexpr std::size_t piece_bytes = 64 * 1024;

class CsvFile final : public RowFile {
 public:
  CsvFile(std::span<const std::string_view> columns, bool is_guarded) : is_guarded_(is_guarded) {
    const std::vector<csv::Field> header(columns.begin(), columns.end());
    csv::write_record(text_, header, is_guarded_);
  }
  Result<> add(const csv::Fields& fields) override {
    csv::write_record(text_, fields, is_guarded_);
    return {};
  }
  Task<> flush() override { co_return; }
  Task<> finish() override { co_return; }
  std::string take() override { return std::exchange(text_, {}); }
  Task<std::string> rest() override { co_return take(); }
  bool grows() const override { return true; }

 private:
  std::string text_;
  bool is_guarded_;
};

/// Rows that are copied, to be written by another thread.
class Rows {
 public:
  void add(const csv::Fields& fields) {
    width_ = fields.size();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      texts_.append(fields[i].value_or(""));
      ends_.push_back(texts_.size());
      absent_.push_back(!fields[i]);
      kinds_.push_back(fields.kind(i));
    }
  }
  bool empty() const { return ends_.empty(); }

  Result<> write(xlsx::Writer& writer) const {
    std::vector<csv::Field> fields(width_);
    std::size_t begin = 0;
    for (std::size_t at = 0; at < ends_.size(); ++at) {
      csv::Field& field = fields[at % width_];
      field = std::string_view(texts_).substr(begin, ends_[at] - begin);
      if (absent_[at]) field.reset();
      begin = ends_[at];
      if (at % width_ != width_ - 1) continue;
      const auto kinds = std::span(kinds_).subspan(at + 1 - width_, width_);
      KIT_TRY(writer.add(csv::Fields(fields, kinds)));
    }
    return {};
  }

 private:
  std::size_t width_ = 1;
  std::string texts_;  ///< One after another.
  std::vector<std::size_t> ends_;
  std::vector<bool> absent_;
  std::vector<csv::FieldKind> kinds_;
};

/// The writer and the file belong to the work that goes on on another thread as well, which may
/// outlive this when its task is cancelled.
class XlsxFile final : public RowFile {
 public:
  XlsxFile(xlsx::Writer writer, bool is_direct)
      : writer_(std::make_shared<xlsx::Writer>(std::move(writer))), is_direct_(is_direct) {}

  Result<> add(const csv::Fields& fields) override {
    if (is_direct_) return writer_->add(fields);
    rows_.add(fields);
    return {};
  }

  Task<> flush() override {
    if (rows_.empty()) co_return;
    auto write = [writer = writer_, rows = std::exchange(rows_, {})] {
      return rows.write(*writer);
    };
    auto writing = blocking(BlockingPool::shared(), std::move(write));
    co_await writing;
  }

  Task<> finish() override {
    co_await flush();
    auto close = [writer = std::move(writer_)] { return writer->finish(); };
    auto closing = blocking(BlockingPool::shared(), std::move(close));
    xlsx::File file = co_await closing;
    file_ = std::make_shared<const xlsx::File>(std::move(file));
  }

  std::string take() override { return {}; }

  Task<std::string> rest() override {
    auto read = [file = file_, at = sent_]() -> Result<std::string> {
      std::string piece(piece_bytes, '\0');
      const Result<std::size_t> got = file->read_at(at, piece);
      if (!got) return got.error().clone();
      piece.resize(*got);
      return piece;
    };
    auto reading = blocking(BlockingPool::shared(), std::move(read));
    std::string piece = co_await reading;
    sent_ += piece.size();
    co_return piece;
  }

  bool grows() const override { return false; }

 private:
  std::shared_ptr<xlsx::Writer> writer_;
  bool is_direct_;
  Rows rows_;
  std::shared_ptr<const xlsx::File> file_;
  std::uint64_t sent_ = 0;
};

}  // namespace

Task<std::unique_ptr<RowFile>> make_row_file(std::span<const std::string_view> columns,
                                             RowFileOptions options) {
  co_await check_available(options.format);
  std::unique_ptr<RowFile> file;
  if (options.format == RowFormat::csv) {
    file = std::make_unique<CsvFile>(columns, options.is_guarded);
    co_return file;
  }
  const bool is_direct = options.is_direct;
  xlsx::WriteOptions writing{.directory = std::move(options.directory),
                             .sheet = std::move(options.title)};
  // The columns are the target's constants.
  auto open = [columns, writing = std::move(writing)]() mutable {
    return xlsx::Writer::open(columns, std::move(writing));
  };
  auto opening = blocking(BlockingPool::shared(), std::move(open));
  xlsx::Writer writer = co_await opening;
  file = std::make_unique<XlsxFile>(std::move(writer), is_direct);
  co_return file;
}

}  // namespace kit::db
