// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/exposition.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "kit/base/text.hpp"

namespace kit::telemetry {
namespace {

constexpr std::string_view counter_ending = "_total";
constexpr std::string_view open_metrics_type = "application/openmetrics-text";

/// One range of an Accept header: what it is, and how much it is wanted.
struct Range {
  std::string type;
  std::string_view version;  // empty: any
  double quality = 1;
};

Range parse_range(std::string_view text) {
  Range range;
  range.type = to_lower(trim(cut(text, ';')));
  while (!text.empty()) {
    std::string_view value = cut(text, ';');
    const std::string name = to_lower(trim(cut(value, '=')));
    value = trim(value);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (name == "q") {
      const double quality = parse_double(value).value_or(0);
      range.quality = quality >= 0 && quality <= 1 ? quality : 0;
    }
    if (name == "version") range.version = value;
  }
  return range;
}

/// How closely a range names a format: 0 not at all, 3 by its type.
int closeness(const Range& range, std::string_view type, std::string_view version) {
  if (!range.version.empty() && range.version != version) return 0;
  if (range.type == type) return 3;
  const std::string_view family = type.substr(0, type.find('/') + 1);
  if (range.type.size() == family.size() + 1 && range.type.starts_with(family) &&
      range.type.ends_with('*')) {
    return 2;
  }
  return range.type == "*/*" ? 1 : 0;
}

/// The closest range decides (RFC 9110 section 12.5.1).
struct Wish {
  int closeness = 0;
  double quality = 0;

  void hear(const Range& range, int how_close) {
    if (how_close == 0 || how_close < closeness) return;
    quality = how_close > closeness ? range.quality : std::max(quality, range.quality);
    closeness = how_close;
  }
};

std::string_view unit_of(std::string_view name) {
  for (const std::string_view unit : {"seconds", "bytes"}) {
    if (name.size() > unit.size() && name.ends_with(unit) &&
        name[name.size() - unit.size() - 1] == '_') {
      return unit;
    }
  }
  return {};
}

std::string_view name_of(detail::Type type) {
  switch (type) {
    case detail::Type::counter:
      return "counter";
    case detail::Type::gauge:
      return "gauge";
    default:
      return "histogram";
  }
}

void append_label_value(std::string& out, std::string_view value) {
  while (!value.empty()) {
    std::size_t length = utf8_sequence(value);
    if (length == 0) {
      out.append("\xEF\xBF\xBD");  // U+FFFD
      length = 1;
    } else if (value[0] == '\\') {
      out.append("\\\\");
    } else if (value[0] == '"') {
      out.append("\\\"");
    } else if (value[0] == '\n') {
      out.append("\\n");
    } else {
      out.append(value.substr(0, length));
    }
    value.remove_prefix(length);
  }
}

}  // namespace

std::string_view media_type(Format format) {
  return format == Format::open_metrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

Format choose_format(std::string_view accept) {
  Wish open_metrics;
  Wish plain;
  while (!accept.empty()) {
    const Range range = parse_range(cut(accept, ','));
    open_metrics.hear(range, closeness(range, open_metrics_type, "1.0.0"));
    plain.hear(range, closeness(range, "text/plain", "0.0.4"));
  }
  // Somebody who takes anything gets what everything reads.
  const bool is_named = open_metrics.closeness == 3;
  const bool is_wanted = is_named && open_metrics.quality > 0;
  return is_wanted && open_metrics.quality >= plain.quality ? Format::open_metrics
                                                            : Format::prometheus;
}

std::string canonical_float(double number) {
  std::array<char, 32> buffer{};
  char* const begin = buffer.data();
  const double size = std::abs(number);
  // The exponent from which on Go's %g has one.
  const bool is_fixed = size == 0 || (size >= 1e-4 && size < 1e6);
  const char* const end =
      std::to_chars(begin, begin + buffer.size(), number,
                    is_fixed ? std::chars_format::fixed : std::chars_format::scientific)
          .ptr;
  std::string text(begin, static_cast<std::size_t>(end - begin));
  if (text.find_first_of(".e") == text.npos) text.append(".0");
  return text;
}

namespace detail {

std::string render_labels(std::span<const std::string> labels,
                          std::span<const std::string> values) {
  std::string out;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) out.push_back(',');
    out.append(labels[i]).append("=\"");
    append_label_value(out, values[i]);
    out.push_back('"');
  }
  return out;
}

void Exposition::begin(std::string_view name, std::string_view help, Type type, bool is_alone) {
  name_ = name;
  std::string_view family = name;
  std::string_view type_name = name_of(type);
  const bool is_open = format_ == Format::open_metrics;
  if (is_open && type == Type::counter) {
    if (is_alone) {
      family.remove_suffix(counter_ending.size());
    } else {
      type_name = "unknown";
    }
  }
  out_.append("# HELP ");
  out_.append(family);
  out_.push_back(' ');
  append_escaped(help);
  out_.append("\n# TYPE ");
  out_.append(family);
  out_.push_back(' ');
  out_.append(type_name);
  out_.push_back('\n');
  const std::string_view unit = is_open ? unit_of(family) : std::string_view();
  if (unit.empty()) return;
  out_.append("# UNIT ");
  out_.append(family);
  out_.push_back(' ');
  out_.append(unit);
  out_.push_back('\n');
}

void Exposition::append_escaped(std::string_view help) {
  for (const char c : help) {
    if (c == '\\') {
      out_.append("\\\\");
    } else if (c == '\n') {
      out_.append("\\n");
    } else if (c == '"' && format_ == Format::open_metrics) {
      out_.append("\\\"");
    } else {
      out_.push_back(c);
    }
  }
}

template <class T>
void Exposition::append_number(T number) {
  constexpr std::size_t longest = 32;
  char* const to = out_.room(longest);
  out_.advance_to(std::to_chars(to, to + longest, number).ptr);
}

void Exposition::append_series(std::string_view ending, std::string_view labels) {
  out_.append(name_);
  out_.append(ending);
  if (labels.empty()) {
    out_.push_back(' ');
    return;
  }
  out_.push_back('{');
  out_.append(labels);
  out_.append("} ");
}

void Exposition::append_exemplar(const std::optional<Exemplar>& exemplar, double value) {
  if (!exemplar || format_ != Format::open_metrics) return;
  if (now_.since_epoch - exemplar->at.since_epoch > ExemplarPolicy::shown) return;
  out_.append(" # {trace_id=\"");
  out_.append({exemplar->trace_id.data(), exemplar->trace_id.size()});
  out_.append("\",span_id=\"");
  out_.append({exemplar->span_id.data(), exemplar->span_id.size()});
  out_.append("\"} ");
  append_number(value);
  out_.push_back(' ');
  const std::int64_t milliseconds = exemplar->at.since_epoch.count() / 1'000;
  append_number(milliseconds / 1'000);
  out_.push_back('.');
  std::array<char, 3> fraction{};
  for (std::size_t i = 3, rest = static_cast<std::size_t>(milliseconds % 1'000); i-- > 0;
       rest /= 10) {
    fraction[i] = static_cast<char>('0' + rest % 10);
  }
  out_.append({fraction.data(), fraction.size()});
}

void Exposition::sample(std::string_view labels, double number,
                        const std::optional<Exemplar>& exemplar) {
  append_series({}, labels);
  if (std::isnan(number)) {
    out_.append("NaN");
  } else if (std::isinf(number)) {
    out_.append(number > 0 ? "+Inf" : "-Inf");
  } else {
    append_number(number);
  }
  if (exemplar) append_exemplar(exemplar, static_cast<double>(exemplar->value));
  out_.push_back('\n');
}

void Exposition::count(std::string_view labels, std::uint64_t number,
                       const std::optional<Exemplar>& exemplar) {
  append_series({}, labels);
  append_number(number);
  if (exemplar) append_exemplar(exemplar, static_cast<double>(exemplar->value));
  out_.push_back('\n');
}

void Exposition::append_bucket(std::string_view labels, std::string_view bound,
                               std::uint64_t count) {
  out_.append(name_);
  out_.append("_bucket{");
  if (!labels.empty()) {
    out_.append(labels);
    out_.push_back(',');
  }
  out_.append("le=\"");
  out_.append(bound);
  out_.append("\"} ");
  append_number(count);
}

void Exposition::histogram(std::string_view labels, const Buckets& buckets,
                           const Histogram::Snapshot& all, const Histogram* traced) {
  std::uint64_t within = 0;
  for (std::size_t i = 0; i < all.counts.size(); ++i) {
    within += all.counts[i];
    append_bucket(labels, buckets.text(i), within);
    // One of a count that this snapshot does not have yet would stand in an empty bucket.
    const bool may_have = traced != nullptr && all.counts[i] > 0;
    if (const auto exemplar = may_have ? traced->exemplar(i) : std::nullopt) {
      append_exemplar(exemplar, buckets.in_unit(exemplar->value));
    }
    out_.push_back('\n');
  }
  append_series("_sum", labels);
  append_number(buckets.in_unit(all.sum));
  out_.push_back('\n');
  append_series("_count", labels);
  append_number(within);
  out_.push_back('\n');
}

void Exposition::end() {
  if (format_ == Format::open_metrics) out_.append("# EOF\n");
}

}  // namespace detail
}  // namespace kit::telemetry
