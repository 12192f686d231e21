// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/expand.hpp"

#include <algorithm>
#include <unordered_map>

#include "kit/base/assert.hpp"
#include "kit/rest/detail/query_reader.hpp"
#include "kit/rest/entity_tag.hpp"

namespace kit::rest {
namespace detail {

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

/// Rows `first` to `end` of those found for one key, and whether there are more.
struct Range {
  std::size_t first = 0;
  std::size_t end = 0;
  bool has_more = false;
};

struct Edge;

/// Rows of one entity and what is known of what they lead to.
struct Level {
  const Expandable* entity = nullptr;
  RowSpan rows;
  std::vector<bool> is_left_out;  ///< Only says that there are more. Empty: of none.
  std::vector<Edge> edges;

  bool leaves_out(std::size_t row) const { return !is_left_out.empty() && is_left_out[row]; }
};

/// What one relation leads to from the rows of a level.
struct Edge {
  const ExpandedRelation* asked = nullptr;
  std::vector<std::size_t> places;  ///< Of each row, the place of its key; or `nowhere`.
  std::vector<std::string> keys;
  std::unique_ptr<RelatedRows> found;
  std::vector<Range> ranges;  ///< Of each key.
  Level level;

  const Relation& relation() const { return *asked->relation; }
  bool is_many() const { return relation().list != nullptr; }
};

namespace {

Error too_large() {
  return invalid_parameters(
      invalid("expand", "would add more than " + std::to_string(Expand::max_rows) +
                            " rows; ask for fewer with limit=, or for the lists of their own"));
}

/// Finds out what is asked for and puts it together.
class Loader {
 public:
  explicit Loader(Backend& backend) : backend_(backend) {}

  /// Yields how many objects each row brings along.
  Task<std::vector<std::size_t>> load(Level& level, const ExpandedRelation& asked) {
    std::vector<std::size_t> weights(level.rows.size, 0);
    level.edges.reserve(asked.relations.size());
    for (const ExpandedRelation& each : asked.relations) {
      Edge& edge = level.edges.emplace_back();
      edge.asked = &each;
      collect_keys(level, edge);
      Task<std::vector<std::size_t>> finding = find(edge);
      const std::vector<std::size_t> behind = co_await std::move(finding);
      add_weights(edge, behind, weights);
    }
    co_return weights;
  }

 private:
  static void collect_keys(const Level& level, Edge& edge) {
    const auto key_of = edge.relation().key != nullptr ? edge.relation().key : level.entity->id;
    std::unordered_map<std::string, std::size_t> places;
    edge.places.assign(level.rows.size, nowhere);
    for (std::size_t row = 0; row < level.rows.size; ++row) {
      if (level.leaves_out(row)) continue;
      std::string key;
      key_of(level.rows[row], key);
      if (key.empty()) continue;
      const auto [at, is_new] = places.try_emplace(key, edge.keys.size());
      if (is_new) edge.keys.push_back(std::move(key));
      edge.places[row] = at->second;
    }
  }

  Task<std::vector<std::size_t>> find(Edge& edge) {
    edge.ranges.resize(edge.keys.size());
    if (edge.keys.empty()) co_return std::vector<std::size_t>();
    const Relation& relation = edge.relation();
    record::RelatedQuery query;
    query.way = relation.way;
    query.keys = array_of(edge.keys);
    if (relation.key == nullptr) query.per_key = edge.is_many() ? Expand::max_children + 1 : 1;
    // One more than may be shown, and for each key the one that only says that there are more.
    query.max_rows = static_cast<std::int64_t>(Expand::max_rows - shown_ + edge.keys.size() + 1);
    void* service = backend_.service_of(*relation.target);
    edge.found = co_await relation.target->load(service, query);
    edge.level.entity = relation.target;
    edge.level.rows = edge.found->rows;
    set_ranges(edge);
    for (const Range& range : edge.ranges) shown_ += range.end - range.first;
    if (shown_ > Expand::max_rows) co_return too_large();
    Task<std::vector<std::size_t>> loading = load(edge.level, *edge.asked);
    co_return co_await std::move(loading);
  }

  static std::string array_of(const std::vector<std::string>& keys) {
    std::string text = "[";
    for (const std::string& key : keys) text.append(text.size() > 1 ? "," : "").append(key);
    return text += ']';
  }

  static void set_ranges(Edge& edge) {
    const std::span<const std::size_t> keys = edge.found->keys;
    for (std::size_t row = 0; row < keys.size(); ++row) {
      KIT_ASSERT(keys[row] < edge.ranges.size(), "a row of a key that was not asked for");
      Range& range = edge.ranges[keys[row]];
      if (range.end == 0) range.first = row;
      range.end = row + 1;
    }
    if (!edge.is_many()) return;
    for (Range& range : edge.ranges) {
      if (range.end - range.first <= static_cast<std::size_t>(Expand::max_children)) continue;
      range.has_more = true;
      --range.end;
      edge.level.is_left_out.resize(edge.level.rows.size);
      edge.level.is_left_out[range.end] = true;
    }
  }

  static void add_weights(const Edge& edge, const std::vector<std::size_t>& behind,
                          std::vector<std::size_t>& weights) {
    std::vector<std::size_t> of_key(edge.ranges.size(), 0);
    for (std::size_t key = 0; key < of_key.size(); ++key) {
      const Range& range = edge.ranges[key];
      for (std::size_t row = range.first; row < range.end; ++row) of_key[key] += 1 + behind[row];
    }
    for (std::size_t row = 0; row < weights.size(); ++row) {
      if (edge.places[row] != nowhere) weights[row] += of_key[edge.places[row]];
    }
  }

  Backend& backend_;
  std::size_t shown_ = 0;
};

/// Before anything is read: whether there is something to see must not depend on the rows.
Result<> demand_all(const ExpandedRelation& asked) {
  for (const ExpandedRelation& each : asked.relations) {
    const record::AccessRules* access = each.relation->target->access;
    if (access != nullptr) KIT_TRY(record::demand(*access, Use::read));
    KIT_TRY(demand_all(each));
  }
  return {};
}

db::Value value_of(std::string_view key) {
  if (!key.starts_with('"')) return std::int64_t{std::stoll(std::string(key))};
  return std::string(key.substr(1, key.size() - 2));
}

std::string_view text_of(std::string_view key) {
  return key.starts_with('"') ? key.substr(1, key.size() - 2) : key;
}

/// Where the list goes on that has the rest: "/api/v1/albums/7/tracks?cursor=..."
std::string next_page(const Expandable& owner, const Edge& edge, const std::string& key,
                      std::size_t last) {
  db::ListQuery query;
  query.filters.push_back({edge.relation().scope, db::Operator::eq, {value_of(key)}});
  std::string id;
  edge.level.entity->id(edge.level.rows[last], id);
  const db::Value values[] = {value_of(id)};
  std::string path(owner.path);
  path.append("/").append(text_of(key)).append("/").append(edge.relation().name);
  return path += "?cursor=" + db::encode_cursor(*edge.relation().list, query, values);
}

void write_found(json::Writer& out, const Edge& edge, std::size_t row) {
  const Level& level = edge.level;
  level.entity->write(out, level.rows[row], edge.asked->shown);
  const auto write_link = edge.relation().write_link;
  if (write_link != nullptr) {
    out.reopen_object();
    out.key("link");
    write_link(out, *edge.found->links, row);
    out.end_object();
  }
  write_expansion(out, level, row);
}

void write_edge(json::Writer& out, const Level& level, const Edge& edge, std::size_t row) {
  const std::size_t place = edge.places[row];
  const Range range = place != nowhere ? edge.ranges[place] : Range();
  out.key(edge.relation().name);
  if (!edge.is_many()) {
    range.end != 0 ? write_found(out, edge, range.first) : out.null();
    return;
  }
  out.begin_array();
  for (std::size_t each = range.first; each < range.end; ++each) write_found(out, edge, each);
  out.end_array();
  if (!range.has_more) return;
  out.key(std::string(edge.relation().name) + ".next");
  out.string(next_page(*level.entity, edge, edge.keys[place], range.end - 1));
}

}  // namespace

void append_key(std::string& out, std::int64_t id) {
  out += std::to_string(id);
}

void append_key(std::string& out, const Uuid& id) {
  out.append("\"").append(id.to_string()).append("\"");
}

void write_expansion(json::Writer& out, const Level& level, std::size_t row) {
  if (level.edges.empty()) return;
  out.reopen_object();
  for (const Edge& edge : level.edges) write_edge(out, level, edge, row);
  out.end_object();
}

}  // namespace detail

ExpandedRelation& Expand::open(const Expandable& entity) {
  if (root_ == nullptr) {
    root_ = std::make_unique<Root>();
    root_->entity = &entity;
  }
  return *root_;
}

void* Backend::service_of(const Expandable& entity) const {
  const auto found = std::ranges::find(services_, &entity, &decltype(services_)::value_type::first);
  KIT_ASSERT(found != services_.end(), "nobody loads rows of the entity");
  return found->second;
}

Expansion::Expansion() = default;
Expansion::Expansion(std::unique_ptr<detail::Level> level) : level_(std::move(level)) {}
Expansion::Expansion(Expansion&& other) noexcept = default;
Expansion& Expansion::operator=(Expansion&& other) noexcept = default;
Expansion::~Expansion() = default;

Task<Expansion> expand(Backend& backend, const Expand& asked, RowSpan rows) {
  co_await detail::demand_all(asked.root());
  auto level = std::make_unique<detail::Level>();
  level->entity = &asked.entity();
  level->rows = rows;
  detail::Loader loader(backend);
  const std::vector<std::size_t> weights = co_await loader.load(*level, asked.root());
  std::size_t objects = 0;
  for (const std::size_t weight : weights) objects += weight;
  if (objects > Expand::max_rows) co_return detail::too_large();
  co_return Expansion(std::move(level));
}

Task<> expand_one(Backend& backend, const Expand& asked, const void* row,
                  http::Response& response) {
  const RowSpan rows{static_cast<const std::byte*>(row), 1, 0};
  const Expansion expansion = co_await expand(backend, asked, rows);
  json::Writer out(response.body);
  expansion.write(out, 0);
  std::erase_if(response.headers, [](const auto& header) { return header.first == "ETag"; });
  set_tag(response, content_tag(response.body));
}

}  // namespace kit::rest
