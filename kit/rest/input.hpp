// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/error.hpp"
#include "kit/base/result.hpp"
#include "kit/rest/codec.hpp"
#include "kit/rest/field_mask.hpp"

namespace kit::rest {

/// What a request may do with a field.
enum class Rule : std::uint8_t {
  optional,   ///< May be left out.
  required,   ///< Must be given by POST and PUT.
  immutable,  ///< As `optional`; never changed after POST.
  required_immutable,
  read_only,  ///< Known, so that what was read can be sent back; ignored.
  nested,     ///< A list of other entities that POST may create with this one: see nested.hpp.
  implied,    ///< Follows from what the entity stands in; an error to give.
};

/// One member of a JSON object and where it goes: a row of a constant table of generated code.
struct Field {
  std::string_view name;
  Rule rule = Rule::optional;
  const Codec* codec = nullptr;
  void* (*member)(void* object) = nullptr;
  Format format = {};
  bool is_shown = true;  ///< Part of answers; not so what is secret.
};

namespace detail {
template <class M>
struct MemberPointer;
template <class T, class M>
struct MemberPointer<M T::*> {
  using Object = T;
  using Member = M;
};
}  // namespace detail

/// The row for a member: `field<&Customer::email>("email", Rule::required)`.
template <auto Member>
constexpr Field field(std::string_view name, Rule rule, Format format = {}) {
  using Pointer = detail::MemberPointer<decltype(Member)>;
  return {name, rule, &codec<typename Pointer::Member>,
          [](void* object) -> void* { return &(static_cast<Pointer::Object*>(object)->*Member); },
          format};
}

/// The row for a field that requests may carry but not set.
constexpr Field read_only(std::string_view name) {
  return {name, Rule::read_only};
}

/// The row for a list of other entities.
constexpr Field nested(std::string_view name) {
  Field field{name, Rule::nested};
  field.is_shown = false;
  return field;
}

/// The row for a field that no answer has.
constexpr Field secret(Field field) {
  field.is_shown = false;
  return field;
}

enum class Mode : std::uint8_t {
  create,   ///< POST: what is left out has its default.
  replace,  ///< PUT: the same, for a row that is there.
  patch,    ///< PATCH: what is left out stays; null takes an optional value away (RFC 7396).
};

/// Reads bodies without knowing the type behind them; see `Input`.
class InputReader {
 public:
  /// `allowed`: what the caller may write.
  InputReader(std::span<const Field> fields, Mode mode, FieldMask allowed = {})
      : fields_(fields), mode_(mode), allowed_(std::move(allowed)) {}

  /// From now on lists of other entities are left to the caller, instead of being refused.
  void leave_nested() { leaves_nested_ = true; }
  Result<> read(std::string_view body, void* draft);
  void apply(const void* draft, const void* defaults, void* target);
  bool has_violations() const { return !violations_.empty(); }
  std::vector<FieldViolation>& violations() { return violations_; }
  Error refusal();

 private:
  void read_field(json::Reader& in, std::size_t index, void* draft);
  void report_unknown(std::string_view name);
  bool has_violation(std::string_view name) const;
  void add(std::string_view name, std::string description);

  std::span<const Field> fields_;
  Mode mode_;
  bool leaves_nested_ = false;
  FieldMask allowed_;
  std::vector<bool> given_;
  std::vector<FieldViolation> forbidden_;
  std::vector<FieldViolation> violations_;
};

/// For requests that take no input: the body is empty or, since many clients send one always, `{}`.
/// Fails with `invalid_argument` for anything else, a violation for each member.
Result<> no_input(std::string_view body);

/// A request's body as changes to a `T`: reads it, then applies it. Everything that is wrong is
/// told at once: unknown members, wrong types, missing and immutable ones, and the constraints of
/// the rest.
template <class T>
class Input {
 public:
  using Validate = void (*)(const T&, std::vector<FieldViolation>&);

  /// `allowed`: the fields the caller may write; others stay as they are.
  Input(std::span<const Field> fields, Mode mode, Validate validate, FieldMask allowed = {})
      : reader_(fields, mode, std::move(allowed)), validate_(validate) {}

  /// See `InputReader`.
  void leave_nested() { reader_.leave_nested(); }
  /// Fails with `invalid_argument` when the body is no JSON object at all, with
  /// `permission_denied` (403) and a violation for each when it has fields that the caller may not
  /// write.
  Result<> read(std::string_view body) { return reader_.read(body, &draft_); }
  /// Whether `apply` is going to fail whatever it is applied to.
  bool has_violations() const { return reader_.has_violations(); }
  std::vector<FieldViolation>& violations() { return reader_.violations(); }
  /// Makes the changes. Fails with `invalid_argument` and every violation.
  Result<> apply(T& target) {
    const T defaults{};
    reader_.apply(&draft_, &defaults, &target);
    if (!reader_.has_violations()) return {};
    validate_(target, reader_.violations());
    return reader_.refusal();
  }

 private:
  InputReader reader_;
  Validate validate_;
  T draft_{};
};

}  // namespace kit::rest
