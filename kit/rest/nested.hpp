// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
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

/// A list of other entities that are created with one.
class NestedList {
 public:
  /// "lines", and how many there may be.
  std::string_view name() const { return name_; }
  std::size_t max() const { return max_; }

  /// Reads the next one of the list. Fails with `invalid_argument` and every violation.
  virtual Result<> read(std::string_view text) = 0;
  virtual std::size_t size() const = 0;
  /// Creates one of those read and writes it. Fails as its use case does.
  virtual Task<> create(std::size_t index, json::Writer& out) = 0;

 protected:
  NestedList(std::string_view name, std::size_t max) : name_(name), max_(max) {}
  ~NestedList() = default;

 private:
  std::string_view name_;
  std::size_t max_;
};

/// The list whose entities `Service` creates; their member `Back` becomes the id of the new one.
template <auto Back, class Service>
class NestedOf final : public NestedList {
 public:
  using T = typename detail::MemberPointer<decltype(Back)>::Object;
  using Id = typename detail::MemberPointer<decltype(Back)>::Member;
  struct Form {
    std::string_view name;
    std::size_t max;
    std::string_view back;  ///< The name of the member: "invoice_id".
    std::span<const Field> fields;
    typename Input<T>::Validate validate;
    void (*write)(json::Writer& out, const T& entity);
    const record::AccessRules* access = nullptr;  ///< Of fields.
  };

  /// Lifetime: `service` outlives this.
  NestedOf(Service& service, const Form& form)
      : NestedList(form.name, form.max),
        service_(service),
        form_(form),
        fields_(form.fields.begin(), form.fields.end()) {
    const auto back = std::ranges::find(fields_, form.back, &Field::name);
    KIT_ASSERT(back != fields_.end(), "the list has no such member");
    *back = {form.back, Rule::implied};
  }

  template <class Owner>
  void set_owner(const Owner& owner) {
    owner_ = owner;
  }
  Result<> read(std::string_view text) override {
    Input<T> input(fields_, Mode::create, form_.validate,
                   writable_fields(form_.access, fields_.size()));
    KIT_TRY(input.read(text));
    T entity;
    KIT_TRY(input.apply(entity));
    std::vector<FieldViolation> violations;
    form_.validate(entity, violations);
    if (!violations.empty()) {
      return Error(Code::invalid_argument, "invalid").with_violations(std::move(violations));
    }
    entities_.push_back(std::move(entity));
    return {};
  }
  std::size_t size() const override { return entities_.size(); }
  Task<> create(std::size_t index, json::Writer& out) override {
    T entity = entities_[index];  // it may be tried again
    entity.*Back = owner_;
    entity = co_await service_.create(std::move(entity));
    form_.write(out, entity);
  }

 private:
  Service& service_;
  Form form_;
  std::vector<Field> fields_;
  std::vector<T> entities_;
  Id owner_{};
};

namespace detail {
/// Reads the lists out of a body that was read already, and adds what is wrong with them.
void read_nested(std::string_view body, std::span<NestedList* const> lists,
                 std::vector<FieldViolation>& violations);
/// Creates what the lists hold; `members` becomes their JSON. Fails with the
/// violations of every refused one, under its place (`lines[2].track_id`), and then all has to be
/// dropped.
Task<> create_nested(std::span<NestedList* const> lists, std::string& members);
Task<> begin_nothing(db::Transaction& transaction);
}  // namespace detail

namespace detail {
bool has_ended_transaction(const Error& error);

/// All of them in one transaction.
template <class T, class Service, class... Lists>
Task<T> create_all(T entity, Service& service, std::string& members, db::JointWork::Dropped dropped,
                   Lists&... lists) {
  NestedList* const all[] = {&lists...};
  db::JointWork work(begin_nothing, dropped);
  db::JointWork::Entry entry(work);
  entity = co_await service.create(std::move(entity));
  (lists.set_owner(entity.id), ...);
  Task<> creating = create_nested(all, members);
  co_await std::move(creating);
  entry.leave();
  co_await work.commit();
  co_return entity;
}
}  // namespace detail

/// Creates an entity with those of the lists, in one transaction; `members` becomes the lists as
/// members of a JSON object. Fails with `invalid_argument` and the violations of everything that is
/// malformed (`lines[2].quantity`), otherwise as the first use case that fails does. Lifetime:
/// everything borrowed lives until the task has ended.
template <class T, class Service, class... Lists>
Task<T> create_with(std::string_view body, Input<T>& input, Service& service, std::string& members,
                    Lists&... lists) {
  NestedList* const all[] = {&lists...};
  input.leave_nested();
  co_await input.read(body);
  detail::read_nested(body, all, input.violations());
  T entity;
  co_await input.apply(entity);
  using db::JointWork;
  Task<T> first = detail::create_all(entity, service, members, JointWork::Dropped::kept, lists...);
  Result<T> made = co_await as_result(std::move(first));
  if (made.ok() || !detail::has_ended_transaction(made.error())) co_return std::move(made);
  // Nothing of it is kept; all that is wrong with it is wanted.
  members.clear();
  Task<T> again = detail::create_all(entity, service, members, JointWork::Dropped::apart, lists...);
  co_return co_await std::move(again);
}

/// Adds `members` to the JSON object that `body` is.
void add_members(std::string& body, std::string_view members);

}  // namespace kit::rest
