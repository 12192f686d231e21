// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/input.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/json/merge_patch.hpp"
#include "kit/rest/detail/item_problems.hpp"
#include "kit/rest/detail/shown_name.hpp"

namespace kit::rest {
namespace {

using detail::max_violations;
/// What patch after patch may make of a JSON field.
constexpr std::size_t max_merged_bytes = 1024 * 1024;

bool is_required(Rule rule) {
  return rule == Rule::required || rule == Rule::required_immutable;
}

/// The text of a JSON field; null where there is none.
std::string* json_text(const Field& field, void* member) {
  if (!field.codec->is_optional) return static_cast<std::string*>(member);
  auto* optional = static_cast<std::optional<std::string>*>(member);
  return *optional ? &**optional : nullptr;
}

/// What a merge patch makes of a JSON field: objects are merged member by member.
void merge(const Field& field, const void* from, void* to) {
  // Drafts are not changed: `json_text` only finds the place.
  const std::string* patch = json_text(field, const_cast<void*>(from));
  std::string* target = json_text(field, to);
  if (patch == nullptr || target == nullptr) {
    field.codec->copy(from, to);
    // An object of its own has no members that are null either.
    if (std::string* copied = json_text(field, to)) *copied = json::merge_patch("{}", *copied);
  } else {
    *target = json::merge_patch(*target, *patch);
  }
}

bool is_immutable(Rule rule) {
  return rule == Rule::immutable || rule == Rule::required_immutable;
}

}  // namespace

Result<> InputReader::read(std::string_view body, void* draft) {
  given_.assign(fields_.size(), false);
  json::Reader in(body);
  if (!in.begin_object()) {
    if (in.failed()) return in.error().with_reason("BODY_INVALID");
    std::string message = "the body must be a JSON object";
    const json::Kind kind = in.peek();
    if (kind != json::Kind::none) message.append(", is ").append(json::describe(kind));
    return Error(Code::invalid_argument, std::move(message)).with_reason("BODY_INVALID");
  }
  while (const std::optional<std::string_view> name = in.next_key()) {
    const auto found = std::ranges::find(fields_, *name, &Field::name);
    if (found == fields_.end()) {
      report_unknown(*name);
    } else if (!allowed_.has(static_cast<std::size_t>(found - fields_.begin()))) {
      forbidden_.push_back({std::string(found->name), "is not yours to write"});
    } else if (found->rule == Rule::nested) {
      if (!leaves_nested_) add(*name, "is only taken by POST, for one new entity");
    } else if (found->rule == Rule::implied) {
      add(*name, "is implied by where this stands; leave it out");
    } else if (found->rule != Rule::read_only) {
      read_field(in, static_cast<std::size_t>(found - fields_.begin()), draft);
    }
  }
  if (!in.finish()) return in.error().with_reason("BODY_INVALID");
  if (forbidden_.empty()) return {};
  return Error(Code::permission_denied, "the request has fields that you may not write")
      .with_reason("FIELDS_FORBIDDEN")
      .with_violations(std::move(forbidden_));
}

void InputReader::read_field(json::Reader& in, std::size_t index, void* draft) {
  const Field& field = fields_[index];
  given_[index] = true;
  if (!field.codec->is_optional && field.format.text != Format::Text::json &&
      in.peek() == json::Kind::null) {
    add(field.name, "must not be null");
    return;
  }
  std::string problem;
  if (!field.codec->read(in, field.member(draft), field.format, problem) && !in.failed()) {
    add(field.name, std::move(problem));
  }
}

void InputReader::report_unknown(std::string_view name) {
  std::vector<std::string_view> known;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const Rule rule = fields_[i].rule;
    if (rule != Rule::read_only && rule != Rule::implied && allowed_.has(i))
      known.push_back(fields_[i].name);
  }
  const std::string shown = detail::shown_name(name);
  add(shown, fields_.empty() ? "is not expected: this request takes no fields"
                             : "is no field of this entity" + did_you_mean(shown, known));
}

void InputReader::apply(const void* draft, const void* defaults, void* target) {
  for (std::size_t index = 0; index < fields_.size(); ++index) {
    const Field& field = fields_[index];
    if (field.codec == nullptr) continue;
    // Tables are constant and drafts are not changed: `member` only finds the place.
    const void* from = field.member(const_cast<void*>(draft));
    void* to = field.member(target);
    if (given_[index]) {
      if (mode_ != Mode::create && is_immutable(field.rule)) {
        if (!field.codec->equal(from, to)) add(field.name, "cannot be changed");
      } else if (!has_violation(field.name)) {
        const bool merges = mode_ == Mode::patch && field.format.text == Format::Text::json;
        merges ? merge(field, from, to) : field.codec->copy(from, to);
        const std::string* merged = merges ? json_text(field, to) : nullptr;
        if (merged != nullptr && merged->size() > max_merged_bytes) {
          add(field.name, "would be longer than " + std::to_string(max_merged_bytes) + " bytes");
        }
      }
    } else if (mode_ == Mode::patch ||
               (mode_ == Mode::replace && (is_immutable(field.rule) || !allowed_.has(index)))) {
      continue;
    } else if (is_required(field.rule)) {
      add(field.name, "is required");
    } else {
      field.codec->copy(field.member(const_cast<void*>(defaults)), to);
    }
  }
}

bool InputReader::has_violation(std::string_view name) const {
  return std::ranges::find(violations_, name, &FieldViolation::field) != violations_.end();
}

void InputReader::add(std::string_view name, std::string description) {
  if (violations_.size() < max_violations && !has_violation(name)) {
    violations_.push_back({std::string(name), std::move(description)});
  }
}

Error InputReader::refusal() {
  return Error(Code::invalid_argument, "the request has invalid fields")
      .with_reason("FIELDS_INVALID")
      .with_violations(std::move(violations_));
}

Result<> no_input(std::string_view body) {
  if (body.empty()) return {};
  InputReader in({}, Mode::create);
  KIT_TRY(in.read(body, nullptr));
  if (in.has_violations()) return in.refusal();
  return {};
}

}  // namespace kit::rest
