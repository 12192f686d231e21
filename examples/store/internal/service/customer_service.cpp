// Started by kitgen from api/store.yaml; yours from here on.
#include <memory>
#include <utility>

#include "internal/biz/customer.hpp"
#include "internal/biz/customer_repository.gen.hpp"
#include "internal/biz/outbox.gen.hpp"
#include "internal/service/customer_service.gen.hpp"
#include "kit/validate/checker.hpp"

namespace store::service {

kit::Task<biz::Customer> CustomerService::change_email(biz::CustomerId id,
                                                       biz::CustomerChangeEmailInput input) {
  co_await kit::validate::check(input, biz::validate);
  const std::unique_ptr<biz::UnitOfWork> work = co_await store_.begin();
  biz::Customer customer = co_await work->customers().find(id);
  const biz::CustomerEmailChanged event = co_await biz::change_email(customer, std::move(input));
  co_await kit::validate::check(customer, biz::validate);
  co_await work->customers().save(customer);
  co_await work->outbox().add(event);
  co_await work->commit();
  co_return customer;
}

}  // namespace store::service
