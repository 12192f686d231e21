// SPDX-License-Identifier: Apache-2.0
#include "kit/http/router.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/base/uuid.hpp"
#include "kit/http/detail/chars.hpp"

namespace kit::http {
namespace {

/// In the order in which they are tried: what says more beats what says less.
enum class Kind : std::uint8_t { uuid, int64, text, path };

constexpr std::size_t method_count = 8;
constexpr std::array<Method, 7> known_methods = {Method::get,    Method::head,  Method::post,
                                                 Method::put,    Method::patch, Method::delete_,
                                                 Method::options};

struct Segment {
  bool parameter = false;
  Kind kind = Kind::text;
  std::string text;  // of a static segment, or the suffix after a parameter
  std::string name;  // of a parameter
};

Error malformed(std::string_view path_template, std::string_view why) {
  return Error(Code::invalid_argument,
               "route '" + std::string(path_template) + "': " + std::string(why));
}

bool is_literal(std::string_view text) {
  for (char c : text) {
    if ((detail::class_of(c) & detail::char_target) == 0) return false;
    if (std::string_view("{}%?\\").find(c) != std::string_view::npos) return false;
  }
  return true;
}

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::ranges::all_of(text, [](char c) {
    const char small = detail::lower(c);
    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::optional<Kind> kind_of(std::string_view type) {
  if (type == "string") return Kind::text;
  if (type == "int64") return Kind::int64;
  if (type == "uuid") return Kind::uuid;
  if (type == "path") return Kind::path;
  return std::nullopt;
}

Result<Segment> parse_segment(std::string_view path_template, std::string_view text, bool last) {
  Segment segment;
  if (!text.starts_with('{')) {
    if (text.empty() && !last) return malformed(path_template, "has an empty segment");
    if (!is_literal(text))
      return malformed(path_template,
                       "a parameter must be a whole segment, but for a literal after it");
    segment.text = text;
    return segment;
  }
  const std::size_t close = text.find('}');
  if (close == text.npos) return malformed(path_template, "a '{' is not closed");
  std::string_view inside = text.substr(1, close - 1);
  const std::size_t colon = std::min(inside.find(':'), inside.size());
  segment.parameter = true;
  segment.name = inside.substr(0, colon);
  segment.text = text.substr(close + 1);
  if (!is_name(segment.name))
    return malformed(path_template, "a parameter needs a name of letters, digits and '_'");
  if (!is_literal(segment.text))
    return malformed(path_template, "only a literal may follow a parameter");
  if (colon < inside.size()) {
    auto kind = kind_of(inside.substr(colon + 1));
    if (!kind) return malformed(path_template, "parameter types are string, int64, uuid and path");
    segment.kind = *kind;
  }
  if (segment.kind == Kind::path && (!last || !segment.text.empty())) {
    return malformed(path_template, "a path parameter must be the end");
  }
  return segment;
}

Result<std::vector<Segment>> parse_template(std::string_view path_template) {
  if (!path_template.starts_with('/')) return malformed(path_template, "must begin with '/'");
  std::vector<Segment> segments;
  auto parts = split(path_template.substr(1), '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto segment = parse_segment(path_template, parts[i], i + 1 == parts.size());
    if (!segment.ok()) return std::move(segment).error();
    if (segment->parameter && std::ranges::any_of(segments, [&](const Segment& other) {
          return other.parameter && other.name == segment->name;
        })) {
      return malformed(path_template, "two parameters have one name");
    }
    segments.push_back(std::move(*segment));
  }
  return segments;
}

bool is_int64(std::string_view text) {
  return parse_int(text).has_value();
}

bool accepts(Kind kind, std::string_view value) {
  switch (kind) {
    case Kind::uuid:
      return Uuid::parse(value).has_value();
    case Kind::int64:
      return is_int64(value);
    case Kind::text:
      return !value.empty();
    case Kind::path:
      return true;
  }
  return false;
}

}  // namespace

namespace {

/// For finding a segment by one comparison each; equal hashes are compared as text.
constexpr std::uint32_t add_to_hash(std::uint32_t hash, char c) {
  return hash * 31 + static_cast<unsigned char>(c);
}

std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 0;
  for (char c : text) hash = add_to_hash(hash, c);
  return hash;
}

}  // namespace

struct Router::Node {
  struct Static {
    std::uint32_t hash;
    std::string text;
    std::unique_ptr<Node> node;
  };
  struct Parameter {
    Kind kind;
    std::string suffix;
    std::unique_ptr<Node> node;
  };
  std::vector<Static> statics;
  std::vector<Parameter> parameters;  // longest suffix first, then by kind
  std::array<std::unique_ptr<Route>, method_count> routes;

  Node* find_static(std::string_view text, std::uint32_t hash) const {
    for (const Static& entry : statics) {
      if (entry.hash == hash && entry.text == text) return entry.node.get();
    }
    return nullptr;
  }
  Node& child(const Segment& segment);
  const Route* route(Method method) const { return routes[static_cast<std::size_t>(method)].get(); }
};

Router::Node& Router::Node::child(const Segment& segment) {
  if (!segment.parameter) {
    const std::uint32_t hash = hash_of(segment.text);
    if (Node* there = find_static(segment.text, hash)) return *there;
    return *statics.emplace_back(Static{hash, segment.text, std::make_unique<Node>()}).node;
  }
  for (Parameter& parameter : parameters) {
    if (parameter.kind == segment.kind && parameter.suffix == segment.text) return *parameter.node;
  }
  auto before = [](const Parameter& a, const Segment& b) {
    if (a.suffix.size() != b.text.size()) return a.suffix.size() > b.text.size();
    return a.kind < b.kind;
  };
  auto at =
      std::ranges::find_if(parameters, [&](const Parameter& a) { return !before(a, segment); });
  return *parameters.insert(at, Parameter{segment.kind, segment.text, std::make_unique<Node>()})
              ->node;
}

/// One search through the tree.
struct Router::Search {
  Method method;
  std::vector<std::string_view>& parameters;
  std::string& scratch;
  bool has_percent;
  unsigned allowed = 0;  // methods of the templates that fit, as bits

  void allow(Method which) { allowed |= 1U << static_cast<unsigned>(which); }

  /// The text of a segment, which lives in `scratch` when it differs.
  std::string_view decoded(std::string_view segment) {
    if (segment.find('%') == segment.npos) return segment;
    const std::size_t start = scratch.size();
    for (std::size_t i = 0; i < segment.size(); ++i) {
      const int byte = segment[i] == '%' ? detail::percent_byte(segment, i) : -1;
      scratch.push_back(byte < 0 ? segment[i] : static_cast<char>(byte));
      if (byte >= 0) i += 2;
    }
    return std::string_view(scratch).substr(start);
  }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

Result<> Router::add(Method method, std::string_view path_template, Handler handler,
                     RouteOptions options) {
  if (method == Method::other) return malformed(path_template, "the method must be a known one");
  auto segments = parse_template(path_template);
  if (!segments.ok()) return std::move(segments).error();
  Node* node = root_.get();
  for (const Segment& segment : *segments) node = &node->child(segment);
  auto& route = node->routes[static_cast<std::size_t>(method)];
  if (route != nullptr) {
    return Error(Code::already_exists, "route '" + std::string(path_template) + "' for " +
                                           std::string(name(method)) + " is there already as '" +
                                           route->path_template + "'");
  }
  if (around_) handler = around_(std::move(handler));
  route = std::make_unique<Route>(Route{all_.size(), method, std::string(path_template),
                                        std::move(handler), std::move(options)});
  all_.push_back(route.get());
  return {};
}

/// Static segments first, then parameters; goes back when a branch turns out wrong. Each node is
/// visited at most once.
const Router::Route* Router::find(const Node& from, std::string_view rest, Search& search) {
  const Node* node = &from;
  const char* const end_of_path = rest.data() + rest.size();
  const char* start = rest.data();
  while (true) {
    const char* at = start;
    std::uint32_t hash = 0;
    for (; at != end_of_path && *at != '/'; ++at) hash = add_to_hash(hash, *at);
    const bool last = at == end_of_path;
    std::string_view segment(start, at);
    if (search.has_percent) {
      segment = search.decoded(segment);
      hash = hash_of(segment);
    }
    const Node* child = node->find_static(segment, hash);
    if (!node->parameters.empty()) {
      if (child != nullptr) {
        const std::size_t scratch_start = search.scratch.size();
        const Route* route =
            last ? end(*child, search) : find(*child, {at + 1, end_of_path}, search);
        if (route != nullptr) return route;
        search.scratch.resize(scratch_start);
      }
      return find_parameter(*node, segment, {start, end_of_path}, last, search);
    }
    if (child == nullptr) return nullptr;
    if (last) return end(*child, search);
    node = child;  // only one way to go: no need to come back
    start = at + 1;
  }
}

/// `rest` begins with the segment, which is given decoded.
const Router::Route* Router::find_parameter(const Node& node, std::string_view segment,
                                            std::string_view rest, bool last, Search& search) {
  const std::size_t scratch_start = search.scratch.size();
  for (const Node::Parameter& parameter : node.parameters) {
    std::string_view value = segment;
    if (parameter.kind == Kind::path) {
      value = search.decoded(rest);
    } else if (!segment.ends_with(parameter.suffix)) {
      continue;
    } else {
      value.remove_suffix(parameter.suffix.size());
    }
    if (!accepts(parameter.kind, value)) continue;
    search.parameters.push_back(value);
    const Route* route = nullptr;
    if (last || parameter.kind == Kind::path) {
      route = end(*parameter.node, search);
    } else {
      route = find(*parameter.node, rest.substr(rest.find('/') + 1), search);
    }
    if (route != nullptr) return route;
    search.parameters.pop_back();
    search.scratch.resize(scratch_start);
  }
  return nullptr;
}

const Router::Route* Router::end(const Node& node, Search& search) {
  if (const Route* route = node.route(search.method)) return route;
  if (search.method == Method::head) {
    if (const Route* route = node.route(Method::get)) return route;
  }
  for (Method method : known_methods) {
    if (node.route(method) != nullptr) search.allow(method);
  }
  return nullptr;
}

Router::Match Router::match(Method method, std::string_view path,
                            std::vector<std::string_view>& parameters, std::string& scratch) const {
  if (!path.starts_with('/')) return {};
  const bool has_percent = path.find('%') != path.npos;
  // Room for every segment and a rest at once: views into it must stay good.
  if (has_percent) scratch.reserve(scratch.size() + path.size() * 2);
  Search search{method, parameters, scratch, has_percent};
  const Route* route = find(*root_, path.substr(1), search);
  if (route != nullptr) return {route, {}};
  if (search.allowed == 0) return {};
  search.allow(Method::options);
  Match match;
  for (Method allowed : known_methods) {
    const bool by_get = allowed == Method::head && (search.allowed & 1U) != 0;
    if (!by_get && (search.allowed >> static_cast<unsigned>(allowed) & 1U) == 0) continue;
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += name(allowed);
  }
  return match;
}

void Router::collect(const Node& node, std::vector<std::pair<Method, std::string>>& out) {
  for (Method method : known_methods) {
    if (const Route* route = node.route(method)) out.emplace_back(method, route->path_template);
  }
  for (const Node::Static& entry : node.statics) collect(*entry.node, out);
  for (const Node::Parameter& parameter : node.parameters) collect(*parameter.node, out);
}

std::vector<std::pair<Method, std::string>> Router::routes() const {
  std::vector<std::pair<Method, std::string>> all;
  collect(*root_, all);
  std::ranges::sort(all, {}, [](const auto& entry) {
    return std::pair(std::string_view(entry.second), entry.first);
  });
  return all;
}

}  // namespace kit::http
