// Started by kitgen from api/store.yaml; yours from here on.
#include <memory>
#include <utility>

#include "internal/biz/invoice.hpp"
#include "internal/biz/invoice_repository.gen.hpp"
#include "internal/biz/outbox.gen.hpp"
#include "internal/service/invoice_service.gen.hpp"
#include "kit/validate/checker.hpp"

namespace store::service {

kit::Task<biz::Invoice> InvoiceService::refund(biz::InvoiceId id) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store_.begin();
  biz::Invoice invoice = co_await work->invoices().find(id);
  const biz::InvoiceRefunded event = co_await biz::refund(invoice);
  co_await kit::validate::check(invoice, biz::validate);
  co_await work->invoices().save(invoice);
  co_await work->outbox().add(event);
  co_await work->commit();
  co_return invoice;
}

}  // namespace store::service
