// Started by kitgen from api/workshop.yaml; yours from here on.
#include <memory>
#include <utility>

#include "internal/biz/outbox.gen.hpp"
#include "internal/biz/product.hpp"
#include "internal/biz/product_repository.gen.hpp"
#include "internal/service/product_service.gen.hpp"
#include "kit/validate/checker.hpp"

namespace workshop::service {

kit::Task<biz::ProductRestockResult> ProductService::restock(biz::ProductId id,
                                                             biz::ProductRestockInput input) {
  co_await kit::validate::check(input, biz::validate);
  const std::unique_ptr<biz::UnitOfWork> work = co_await store_.begin();
  biz::Product product = co_await work->products().find(id);
  const biz::ProductRestocked event = co_await biz::restock(product, std::move(input));
  co_await kit::validate::check(product, biz::validate);
  co_await work->products().save(product);
  co_await work->outbox().add(event);
  co_await work->commit();
  co_return kit::Error(kit::Code::unimplemented, "the answer of restock is not written yet");
}

kit::Task<biz::ProductMeasureResult> ProductService::measure(biz::ProductId id) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store_.begin();
  biz::Product product = co_await work->products().find(id);
  co_await biz::measure(product);
  co_await kit::validate::check(product, biz::validate);
  co_await work->products().save(product);
  co_await work->commit();
  co_return kit::Error(kit::Code::unimplemented, "the answer of measure is not written yet");
}

kit::Task<biz::Product> ProductService::merge(biz::ProductMergeInput input) {
  co_await kit::validate::check(input, biz::validate);
  co_return kit::Error(kit::Code::unimplemented, "merge of products is not written yet");
}

kit::Task<> ProductService::rename(biz::ProductRenameInput input) {
  co_await kit::validate::check(input, biz::validate);
  co_await kit::Error(kit::Code::unimplemented, "rename of products is not written yet");
}

kit::Task<biz::ProductNamesResult> ProductService::names() {
  co_return kit::Error(kit::Code::unimplemented, "names of products is not written yet");
}

}  // namespace workshop::service
