// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/http/message.hpp"
#include "kit/json/writer.hpp"
#include "kit/rest/access.hpp"
#include "kit/rest/backend.hpp"
#include "kit/rest/input.hpp"

namespace kit::rest {

/// What a bulk request does with one item: `text` is the item as JSON, what is answered goes to
/// `out`. Fails as the same request alone would.
class BulkTarget {
 public:
  virtual Task<> create(std::string_view text, json::Writer& out) = 0;
  virtual Task<> update(std::string_view text, json::Writer& out) = 0;
  virtual Task<> remove(std::string_view text, json::Writer& out) = 0;

 protected:
  ~BulkTarget() = default;
};

/// Serves `{"delete": [...], "update": [...], "create": [...]}` in one transaction and in this
/// order, so that what is deleted makes room: all or nothing. Answers with the same members, a
/// result for each item in its order. Fails with a violation for everything that is wrong with any
/// item, addressed as `create[3].email`: with `invalid_argument` when an item is malformed (or
/// there are more than `Limits::bulk_items`), otherwise as the first item that fails would alone.
/// Lifetime: everything borrowed lives until the task has ended.
Task<http::Response> bulk(const http::Request& request, Backend& backend, BulkTarget& target);

namespace detail {
/// An item of `update` or `delete`.
template <class Id>
struct BulkReference {
  Id id{};
  std::optional<std::int64_t> version;
  std::string patch;
};

inline void no_constraints(const auto&, std::vector<FieldViolation>&) {}

/// The violations of a patch stand below it: `patch.email`.
Error in_patch(Error error);
}  // namespace detail

/// The target that calls the use cases of a generated service. `T` is the entity.
template <class T, class Service>
class ServiceBulk final : public BulkTarget {
 public:
  using Id = decltype(T::id);
  static constexpr bool has_version = requires(const T& entity) { entity.version; };
  /// What the entity looks like to clients.
  struct Form {
    std::span<const Field> fields;
    typename Input<T>::Validate validate;
    void (*write)(json::Writer& out, const T& entity);
    const record::AccessRules* access = nullptr;  ///< Of fields.
  };

  /// Lifetime: `service` outlives this.
  ServiceBulk(Service& service, const Form& form) : service_(service), form_(form) {}

  Task<> create(std::string_view text, json::Writer& out) override {
    Input<T> input(form_.fields, Mode::create, form_.validate, allowed());
    co_await input.read(text);
    T entity;
    co_await input.apply(entity);
    entity = co_await service_.create(std::move(entity));
    form_.write(out, entity);
  }

  Task<> update(std::string_view text, json::Writer& out) override {
    Reference item;
    co_await read(text, update_fields(), item);
    Input<T> input(form_.fields, Mode::patch, form_.validate, allowed());
    Result<> patch = input.read(item.patch);
    if (!patch) co_await detail::in_patch(std::move(patch).error());
    auto change = [&](T& target) { return input.apply(target); };
    Task<T> updating = start_update(item, change);
    Result<T> updated = co_await as_result(std::move(updating));
    if (!updated) co_await detail::in_patch(updated.error().clone());
    form_.write(out, *updated);
  }

  Task<> remove(std::string_view text, json::Writer& out) override {
    Reference item;
    co_await read(text, update_fields().first(reference_fields), item);
    Task<> removing = start_remove(item);
    co_await std::move(removing);
    out.begin_object();
    out.member("id", item.id);
    out.end_object();
  }

 private:
  using Reference = detail::BulkReference<Id>;
  static constexpr std::size_t reference_fields = has_version ? 2 : 1;

  static Result<> read(std::string_view text, std::span<const Field> fields, Reference& item) {
    Input<Reference> input(fields, Mode::create, detail::no_constraints<Reference>);
    KIT_TRY(input.read(text));
    return input.apply(item);
  }

  FieldMask allowed() const { return writable_fields(form_.access, form_.fields.size()); }

  static std::span<const Field> update_fields() {
    constexpr Format json{.text = Format::Text::json};
    if constexpr (has_version) {
      static constexpr Field fields[] = {
          field<&Reference::id>("id", Rule::required),
          field<&Reference::version>("version", Rule::optional),
          field<&Reference::patch>("patch", Rule::required, json),
      };
      return fields;
    } else {
      static constexpr Field fields[] = {
          field<&Reference::id>("id", Rule::required),
          field<&Reference::patch>("patch", Rule::required, json),
      };
      return fields;
    }
  }

  Task<T> start_update(const Reference& item, FunctionRef<Result<>(T&)> change) {
    if constexpr (has_version) {
      return service_.update(item.id, item.version, change);
    } else {
      return service_.update(item.id, change);
    }
  }
  Task<> start_remove(const Reference& item) {
    if constexpr (has_version) {
      return service_.remove(item.id, item.version);
    } else {
      return service_.remove(item.id);
    }
  }

  Service& service_;
  Form form_;
};

}  // namespace kit::rest
