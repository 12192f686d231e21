// Started by kitgen from api/office.yaml; yours from here on.
#include <memory>
#include <utility>

#include "internal/biz/client.hpp"
#include "internal/biz/client_repository.gen.hpp"
#include "internal/service/client_service.gen.hpp"
#include "kit/validate/checker.hpp"

namespace office::service {

kit::Task<biz::Client> ClientService::touch(biz::ClientId id) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store_.begin();
  biz::Client client = co_await work->clients().find(id);
  co_await biz::touch(client);
  co_await kit::validate::check(client, biz::validate);
  co_await work->clients().save(client);
  co_await work->commit();
  co_return client;
}

kit::Task<biz::Client> ClientService::reword(biz::ClientId id, biz::ClientRewordInput input) {
  co_await kit::validate::check(input, biz::validate);
  const std::unique_ptr<biz::UnitOfWork> work = co_await store_.begin();
  biz::Client client = co_await work->clients().find(id);
  co_await biz::reword(client, std::move(input));
  co_await kit::validate::check(client, biz::validate);
  co_await work->clients().save(client);
  co_await work->commit();
  co_return client;
}

}  // namespace office::service
