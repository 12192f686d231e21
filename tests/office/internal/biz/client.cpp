// Started by kitgen from api/office.yaml; yours from here on.
#include "internal/biz/client.hpp"

#include <utility>

namespace office::biz {

kit::Result<> touch(Client&) {
  return kit::Error(kit::Code::unimplemented, "touch of client is not written yet");
}

kit::Result<> reword(Client& client, ClientRewordInput input) {
  client.name = std::move(input.name);
  client.email = std::move(input.email);
  if (input.credit) client.credit = *input.credit;
  return {};
}

}  // namespace office::biz
