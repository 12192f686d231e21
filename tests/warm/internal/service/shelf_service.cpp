// Started by kitgen from api/warm.yaml; yours from here on.
#include <memory>
#include <utility>

#include "internal/biz/shelf.hpp"
#include "internal/biz/shelf_repository.gen.hpp"
#include "internal/service/shelf_service.gen.hpp"
#include "kit/validate/checker.hpp"

namespace warm::service {

kit::Task<biz::Shelf> ShelfService::widen(biz::ShelfId id, biz::ShelfWidenInput input) {
  co_await kit::validate::check(input, biz::validate);
  const std::unique_ptr<biz::UnitOfWork> work = co_await store_.begin();
  biz::Shelf shelf = co_await work->shelves().find(id);
  co_await biz::widen(shelf, std::move(input));
  co_await kit::validate::check(shelf, biz::validate);
  co_await work->shelves().save(shelf);
  co_await work->commit();
  co_return shelf;
}

}  // namespace warm::service
