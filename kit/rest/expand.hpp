// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <any>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/id.hpp"
#include "kit/base/uuid.hpp"
#include "kit/db/list_query.hpp"
#include "kit/http/message.hpp"
#include "kit/json/writer.hpp"
#include "kit/record/related.hpp"
#include "kit/rest/backend.hpp"
#include "kit/rest/expand_request.hpp"
#include "kit/rest/input.hpp"

namespace kit::rest {

/// Rows of one type, without saying which.
struct RowSpan {
  const std::byte* first = nullptr;
  std::size_t size = 0;
  std::size_t stride = 0;

  const void* operator[](std::size_t row) const { return first + row * stride; }
};

template <class T>
RowSpan row_span(const std::vector<T>& rows) {
  return {reinterpret_cast<const std::byte*>(rows.data()), rows.size(), sizeof(T)};
}

/// What one statement of an expansion has found.
struct RelatedRows {
  virtual ~RelatedRows() = default;
  RowSpan rows;
  std::span<const std::size_t> keys;  ///< As `record::Related::keys`.
  const std::any* links = nullptr;
};

/// A relation of an entity, by which `expand=` goes on: a row of a constant of generated code.
struct Relation {
  std::string_view name;
  const Expandable* target;
  std::size_t way;  ///< `record::RelatedQuery::way` of the target.
  /// What a row refers to by a belongs_to, as JSON; null: others refer to the row's id.
  void (*key)(const void* row, std::string& out) = nullptr;
  /// The field with the reference, of the row's entity where there is `key`, else of the target. A
  /// caller who does not see it knows nothing of the relation. Empty: there is none.
  std::string_view reference = {};
  /// Where a row has many: the list of them, and the column it is narrowed by. Null: it has one.
  const db::ListTable* list = nullptr;
  const db::Column* scope = nullptr;
  /// Writes what links a found row to the one it was found for.
  void (*write_link)(json::Writer& out, const std::any& links, std::size_t row) = nullptr;
};

/// An entity as `expand=` sees it: a constant of generated code.
struct Expandable {
  std::string_view path;  ///< "/api/v1/albums"
  std::span<const Relation> relations = {};
  const std::span<const Field>* fields = nullptr;  ///< Those of the answer.
  void (*id)(const void* row, std::string& out) = nullptr;
  void (*write)(json::Writer& out, const void* row, const FieldMask& shown) = nullptr;
  /// Null: nothing leads there.
  Task<std::unique_ptr<RelatedRows>> (*load)(void* service,
                                             const record::RelatedQuery& query) = nullptr;
  const record::AccessRules* access = nullptr;
};

namespace detail {
void append_key(std::string& out, std::int64_t id);
void append_key(std::string& out, const Uuid& id);
template <class Tag, class Rep>
void append_key(std::string& out, const Id<Tag, Rep>& id) {
  append_key(out, id.value());
}
template <class T>
void append_key(std::string& out, const std::optional<T>& id) {
  if (id) append_key(out, *id);
}

template <class T>
struct RelatedRowsOf final : RelatedRows {
  explicit RelatedRowsOf(record::Related<T> related) : found(std::move(related)) {
    rows = row_span(found.items);
    keys = found.keys;
    links = &found.links;
  }
  record::Related<T> found;
};

struct Level;
void write_expansion(json::Writer& out, const Level& level, std::size_t row);
}  // namespace detail

/// The parts of generated tables: what a member refers to, how a row and a link are written, and
/// who finds the rows.
template <auto Member>
void key_of(const void* row, std::string& out) {
  using Pointer = detail::MemberPointer<decltype(Member)>;
  detail::append_key(out, static_cast<const typename Pointer::Object*>(row)->*Member);
}
template <class T, void (*Write)(json::Writer&, const T&, const FieldMask&)>
void write_row(json::Writer& out, const void* row, const FieldMask& shown) {
  Write(out, *static_cast<const T*>(row), shown);
}
template <class T, void (*Write)(json::Writer&, const T&)>
void write_link(json::Writer& out, const std::any& links, std::size_t row) {
  Write(out, std::any_cast<const std::vector<T>&>(links)[row]);
}
template <auto Member>
constexpr Relation belongs_to(std::string_view name, const Expandable& target, std::size_t way,
                              std::string_view reference) {
  return {
      .name = name, .target = &target, .way = way, .key = key_of<Member>, .reference = reference};
}
constexpr Relation has_one(std::string_view name, const Expandable& target, std::size_t way,
                           std::string_view reference) {
  return {.name = name, .target = &target, .way = way, .reference = reference};
}
constexpr Relation has_many(std::string_view name, const Expandable& target, std::size_t way,
                            std::string_view reference, const db::ListTable& list,
                            const db::Column& scope) {
  return {.name = name,
          .target = &target,
          .way = way,
          .reference = reference,
          .list = &list,
          .scope = &scope};
}
constexpr Relation many_to_many(std::string_view name, const Expandable& target, std::size_t way,
                                const db::ListTable& list, const db::Column& scope) {
  return {.name = name, .target = &target, .way = way, .list = &list, .scope = &scope};
}
template <class T, void (*Write)(json::Writer&, const T&)>
constexpr Relation many_to_many(std::string_view name, const Expandable& target, std::size_t way,
                                const db::ListTable& list, const db::Column& scope) {
  return {.name = name,
          .target = &target,
          .way = way,
          .list = &list,
          .scope = &scope,
          .write_link = write_link<T, Write>};
}
template <class T, class Service>
Task<std::unique_ptr<RelatedRows>> load_from(void* service, const record::RelatedQuery& query) {
  record::Related<T> found = co_await static_cast<Service*>(service)->find_related(query);
  co_return std::make_unique<detail::RelatedRowsOf<T>>(std::move(found));
}

/// What `expand=` adds to the rows of an answer. Lifetime: not longer than the rows and what asked
/// for it.
class Expansion {
 public:
  Expansion();
  explicit Expansion(std::unique_ptr<detail::Level> level);
  Expansion(Expansion&& other) noexcept;
  Expansion& operator=(Expansion&& other) noexcept;
  ~Expansion();

  /// Adds its members to the object of that row, which was just written.
  void write(json::Writer& out, std::size_t row) const {
    if (level_ != nullptr) detail::write_expansion(out, *level_, row);
  }

 private:
  std::unique_ptr<detail::Level> level_;
};

/// Loads what was asked for, with one statement for each relation, whatever the number of rows.
/// Fails with `permission_denied` when the caller may not read one of the entities, and with
/// `invalid_argument` when there would be more than `Expand::max_rows` rows. Lifetime: everything
/// borrowed lives until the task has ended.
Task<Expansion> expand(Backend& backend, const Expand& asked, RowSpan rows);
/// The same for the answer with one row, whose entity tag becomes that of its content.
Task<> expand_one(Backend& backend, const Expand& asked, const void* row, http::Response& response);

}  // namespace kit::rest
