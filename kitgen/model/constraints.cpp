// SPDX-License-Identifier: Apache-2.0
#include <re2/re2.h>

#include <array>
#include <string>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

constexpr std::size_t max_pattern_bytes = 1024;
constexpr std::size_t max_pattern_bytes_of_schema = 64 * 1024;
constexpr std::int64_t max_program_bytes = 1024 * 1024;
constexpr std::uint32_t max_string_length = 16'383;   // a utf8mb4 varchar of MySQL
constexpr std::uint32_t max_text_length = 1'000'000;  // a request body has at most 1 MiB
constexpr std::uint32_t max_array_length = 1'000;     // as kit::json::max_elements

RE2::Options pattern_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(max_program_bytes);
  return options;
}

std::uint32_t length_limit(const Field& field) {
  if (field.is_array) return max_array_length;
  return field.type == Scalar::text || field.type == Scalar::bytes ? max_text_length
                                                                   : max_string_length;
}

std::optional<std::uint32_t> default_max_length(const Field& field) {
  if (field.is_array) return 100;
  switch (field.type) {
    case Scalar::string:
      return 255;
    case Scalar::email:
      return 254;
    case Scalar::url:
      return 2'048;
    case Scalar::text:
    case Scalar::bytes:
      return max_text_length;
    default:
      return std::nullopt;
  }
}

/// The constraints of one field, read key by key.
class ConstraintReader {
 public:
  ConstraintReader(Context& context, const schema::Field& syntax, Field& field)
      : context_(context), syntax_(syntax), field_(field), type_("the type " + type_text(field)) {}

  void read() {
    read_format();
    read_lengths();
    read_bounds();
    read_pattern();
    read_renamed_from();
    read_default();
    read_backfill();
    read_flags();
  }

 private:
  static std::string type_text(const Field& field) {
    const std::string name(scalar_name(field.type));
    return in_quotes(field.is_array ? "[" + name + "]" : name);
  }

  void error(const Word& word, std::string message, std::string help = {}) {
    context_.diagnostics.error(word, std::move(message), std::move(help));
  }

  void read_format() {
    if (!syntax_.format) return;
    static constexpr std::array<std::string_view, 6> formats{
        "email", "url", "slug", "hostname", "country_code", "currency_code"};
    const Word& format = *syntax_.format;
    if (field_.is_array || field_.type != Scalar::string) {
      error(format, "'format' is for the type 'string', not for " + type_text(field_),
            field_.is_array ? "write items: {format: " + format.text.substr(0, 40) + "}" : "");
    } else if (format.text == "email") {
      field_.type = Scalar::email;
    } else if (format.text == "url") {
      field_.type = Scalar::url;
    } else if (format.text == "slug") {
      set_format_pattern(format, "[a-z0-9]+(-[a-z0-9]+)*");
    } else if (format.text == "hostname") {
      set_format_pattern(format,
                         "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{"
                         "0,61}[A-Za-z0-9])?)*");
    } else if (format.text == "country_code") {
      set_format_pattern(format, "[A-Z]{2}");
    } else if (format.text == "currency_code") {
      set_format_pattern(format, "[A-Z]{3}");
    } else {
      std::string help = context_.diagnostics.did_you_mean(
          format.text, std::span<const std::string_view>(formats));
      if (help.empty()) help = "known: " + schema::one_of(formats);
      error(format, "unknown format " + in_quotes(format.text), std::move(help));
    }
  }

  void set_format_pattern(const Word& format, std::string pattern) {
    if (syntax_.pattern)
      error(format, "'format: " + format.text + "' and 'pattern' exclude each other");
    field_.pattern = std::move(pattern);
  }

  bool has_length() const {
    return field_.is_array || field_.is_text() || field_.type == Scalar::bytes;
  }

  std::optional<std::uint32_t> length(const std::optional<Word>& word, std::string_view key,
                                      std::uint32_t smallest) {
    if (!word) return std::nullopt;
    const std::uint32_t limit = length_limit(field_);
    const std::optional<long long> value = kit::parse_int(word->text);
    if (!value || *value < smallest) {
      error(*word, in_quotes(key) + " of " + type_ + " must be a whole number from " +
                       std::to_string(smallest));
    } else if (*value > limit) {
      error(*word, in_quotes(key) + " of " + type_ + " can be at most " + std::to_string(limit),
            !field_.is_array && limit == max_string_length ? "use the type 'text' for long texts"
                                                           : "");
    } else {
      return static_cast<std::uint32_t>(*value);
    }
    return std::nullopt;
  }

  void read_lengths() {
    field_.max_length = default_max_length(field_);
    if (!has_length()) {
      for (const auto& [word, key] : {std::pair{&syntax_.min_length, "min_length"},
                                      std::pair{&syntax_.max_length, "max_length"}}) {
        if (*word) error(**word, in_quotes(key) + " is not for " + type_);
      }
      return;
    }
    const auto& low = either(syntax_.min_length, syntax_.min, "min_length", "min");
    const auto& high = either(syntax_.max_length, syntax_.max, "max_length", "max");
    field_.min_length = length(low, "min_length", 0);
    if (const auto value = length(high, syntax_.max_length ? "max_length" : "max", 1)) {
      field_.max_length = value;
    }
    if (field_.min_length && field_.max_length && *field_.min_length > *field_.max_length) {
      error(*low, "the smallest length " + std::to_string(*field_.min_length) +
                      " is greater than the greatest, " + std::to_string(*field_.max_length));
    }
  }

  const std::optional<Word>& either(const std::optional<Word>& length_word,
                                    const std::optional<Word>& word, const char* length_key,
                                    const char* key) {
    if (length_word && word) {
      error(*word, in_quotes(key) + " and " + in_quotes(length_key) + " say the same for " + type_ +
                       "; give one");
    }
    return length_word ? length_word : word;
  }

  std::optional<ParsedLiteral> literal(const Word& word, std::string_view what) {
    std::string why;
    std::optional<ParsedLiteral> value = parse_literal(context_.service, field_, word, why);
    if (!value)
      error(word, std::string(what) + " " + in_quotes(word.text) + " " + why,
            literal_help(word, what == "default"));
    return value;
  }

  std::string literal_help(const Word& word, bool is_default) {
    if (field_.type == Scalar::boolean) return schema::flag_help(word.text);
    if (is_default && (field_.type == Scalar::timestamp || field_.type == Scalar::date))
      return "now is the time of the insert";
    return enum_help(word);
  }

  std::string enum_help(const Word& word) {
    if (!field_.is_enum() || context_.diagnostics.full()) return {};
    std::vector<std::string> names;
    for (const EnumValue& value : context_.service.enums[field_.enum_index].values)
      names.push_back(value.name);
    std::string help = context_.diagnostics.did_you_mean(word.text, names);
    constexpr std::size_t few = 8;
    if (!help.empty() || names.size() > few) return help;
    const std::vector<std::string_view> views(names.begin(), names.end());
    return names.empty() ? "" : "its values: " + schema::one_of(views);
  }

  bool is_bounded() const {
    switch (field_.type) {
      case Scalar::int32:
      case Scalar::int64:
      case Scalar::float32:
      case Scalar::float64:
      case Scalar::decimal:
      case Scalar::date:
      case Scalar::time:
      case Scalar::timestamp:
      case Scalar::duration:
        return !field_.is_array;
      default:
        return false;
    }
  }

  std::optional<ParsedLiteral> bound(const std::optional<Word>& word, const char* key) {
    if (!word || has_length()) return std::nullopt;
    if (!is_bounded()) {
      error(*word, in_quotes(key) + " is not for " + type_);
      return std::nullopt;
    }
    std::optional<ParsedLiteral> value = literal(*word, key);
    if (value && value->literal.is_now) {
      error(*word, in_quotes(key) + " cannot be 'now'");
      return std::nullopt;
    }
    return value;
  }

  void read_bounds() {
    std::optional<ParsedLiteral> low = bound(syntax_.min, "min");
    std::optional<ParsedLiteral> high = bound(syntax_.max, "max");
    if (low && high && less(high->value, low->value)) {
      error(*syntax_.min,
            "min " + low->literal.text + " is greater than max " + high->literal.text);
    }
    if (low) field_.min = low->literal;
    if (high) field_.max = high->literal;
    low_ = std::move(low);
    high_ = std::move(high);
  }

  void read_pattern() {
    if (!syntax_.pattern) return;
    const Word& pattern = *syntax_.pattern;
    if (!field_.is_text()) {
      error(pattern, "'pattern' is not for " + type_,
            field_.is_array ? "write items: {pattern: ...} for each element" : "");
    } else if (pattern.text.size() > max_pattern_bytes) {
      error(pattern, "the pattern is longer than 1 KiB");
    } else if (context_.pattern_bytes += pattern.text.size();
               context_.pattern_bytes > max_pattern_bytes_of_schema) {
      error(pattern, "the patterns of the schema are longer than 64 KiB together");
    } else if (const RE2 compiled(pattern.text, pattern_options()); !compiled.ok()) {
      error(pattern, "the pattern does not compile: " + printable(compiled.error()),
            "the syntax is that of RE2");
    } else {
      field_.pattern = pattern.text;
    }
  }

  static std::string printable(const std::string& text) {
    const std::string shown = in_quotes(text);
    return shown.substr(1, shown.size() - 2);
  }

  void read_renamed_from() {
    if (!syntax_.renamed_from) return;
    const Word& old = *syntax_.renamed_from;
    if (!is_snake_case(old.text)) {
      error(old, "'renamed_from' must be the field's former name in snake_case, not " +
                     in_quotes(old.text));
    } else if (old.text == syntax_.name.text) {
      error(old, "'renamed_from' is the name the field has now");
    } else {
      field_.renamed_from = old.text;
    }
  }

  void read_default() {
    if (!syntax_.default_value) return;
    const Word& word = *syntax_.default_value;
    if (field_.is_array) {
      error(word, "the default of an array is a list",
            "write default: [" + word.text.substr(0, 40) + "]");
      return;
    }
    const std::optional<ParsedLiteral> value = literal(word, "default");
    if (!value) return;
    check_default("default ", word, *value);
    field_.default_value = value->literal;
  }

  void read_backfill() {
    if (!syntax_.backfill) return;
    const Word& word = syntax_.backfill->value;
    if (syntax_.backfill->is_field) {
      field_.backfill = former_field(context_, word);
      return;
    }
    const std::optional<ParsedLiteral> value = literal(word, "backfill");
    if (!value) return;
    check_default("backfill ", word, *value);
    field_.backfill = Backfill{value->literal, ""};
  }

  void check_default(const char* key, const Word& word, const ParsedLiteral& value) {
    const std::string shown = key + in_quotes(value.literal.text);
    if (low_ && less(value.value, low_->value))
      error(word, shown + " is less than min " + low_->literal.text);
    if (high_ && less(high_->value, value.value))
      error(word, shown + " is greater than max " + high_->literal.text);
    if (!field_.is_text()) return;
    const std::size_t size = kit::utf8_length(word.text);
    if (field_.min_length && size < *field_.min_length) {
      error(word, shown + " is shorter than " + std::to_string(*field_.min_length) + " characters");
    }
    if (field_.max_length && size > *field_.max_length) {
      error(word, shown + " is longer than " + std::to_string(*field_.max_length) + " characters");
    }
    if (field_.pattern.empty()) return;
    const RE2 compiled(field_.pattern, pattern_options());
    if (compiled.ok() && !RE2::FullMatch(word.text, compiled))
      error(word, shown + " does not match the pattern");
  }

  void read_flags() {
    field_.unique = syntax_.unique.value;
    field_.immutable = syntax_.immutable.value;
    field_.read_only = syntax_.read_only.value;
    field_.secret = syntax_.secret.value;
    if (field_.unique && !is_ordered(field_))
      error(syntax_.unique.word, "'unique' is not for " + type_);
    if (field_.unique && field_.type == Scalar::text) {
      error(syntax_.unique.word, "'unique' is not for the type 'text'", "use the type 'string'");
    }
    const bool has_default = syntax_.default_value || field_.is_array;  // arrays: see items.cpp
    if (field_.read_only && !field_.optional && !has_default) {
      error(syntax_.read_only.word,
            "a read_only field can never be given on create, so it needs a default or optional: "
            "true");
    }
    if (field_.read_only && field_.secret) {
      error(syntax_.secret.word, "a field that is read_only and secret could never be seen or set");
    }
  }

  Context& context_;
  const schema::Field& syntax_;
  Field& field_;
  std::string type_;
  std::optional<ParsedLiteral> low_;
  std::optional<ParsedLiteral> high_;
};

}  // namespace

Backfill former_field(Context& context, const Word& word) {
  if (!is_snake_case(word.text)) {
    context.diagnostics.error(word, "'backfill' must name a field, not " + in_quotes(word.text));
  }
  return Backfill{std::nullopt, word.text};
}

void read_constraints(Context& context, const schema::Field& syntax, Field& field) {
  ConstraintReader(context, syntax, field).read();
}

}  // namespace kitgen::model
