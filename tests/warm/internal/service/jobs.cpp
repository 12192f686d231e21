// Started by kitgen from api/warm.yaml; yours from here on.
#include <memory>
#include <string>

#include "internal/biz/label_repository.gen.hpp"
#include "internal/biz/room_repository.gen.hpp"
#include "internal/biz/shelf_repository.gen.hpp"
#include "internal/service/jobs.gen.hpp"
#include "kit/base/error.hpp"

namespace warm::service::jobs {

kit::Task<> count_shelves(const kit::jobs::Run&, biz::RepositoryStore& store) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  const std::int64_t shelves = co_await work->shelves().count();
  biz::Label label;
  label.text = std::to_string(shelves) + " shelves";
  co_await work->labels().add(label);
  co_await work->commit();
}

/// The first room, when it is called so.
kit::Task<> tidy_up(const kit::jobs::Run&, biz::RepositoryStore& store) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  kit::Result<biz::Room> room = co_await kit::as_result(work->rooms().find(biz::RoomId(1)));
  if (!room || room->name != "untidy")
    co_await kit::Error(kit::Code::failed_precondition, "there is nothing to tidy up");
  room->name = "tidy";
  co_await work->rooms().save(*room);
  co_await work->commit();
}

}  // namespace warm::service::jobs
