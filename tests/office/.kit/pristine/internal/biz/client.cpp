// Started by kitgen from api/office.yaml; yours from here on.
#include "internal/biz/client.hpp"

namespace office::biz {

kit::Result<> touch(Client&) {
  return kit::Error(kit::Code::unimplemented, "touch of client is not written yet");
}

kit::Result<> reword(Client&, ClientRewordInput) {
  return kit::Error(kit::Code::unimplemented, "reword of client is not written yet");
}

}  // namespace office::biz
