// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>
#include <vector>

#include "kit/app/application.hpp"
#include "kit/app/caches.hpp"
#include "kit/app/command_line.hpp"
#include "kit/app/commands.hpp"
#include "kit/app/serve.hpp"
#include "kit/app/settings.hpp"
#include "kit/base/text.hpp"
#include "kit/credentials/api_keys.hpp"
#include "kit/credentials/revocations.hpp"
#include "kit/security/revocation.hpp"

namespace kit::app {
namespace {

constexpr std::string_view usage =
    "credentials takes disable, enable or end-sessions and a user; or keys and list USER, create "
    "USER [SCOPE ...] or revoke ID";

std::string shown(const std::optional<Timestamp>& time, const char* otherwise) {
  return time ? time->to_string() : otherwise;
}

Task<> list_keys(credentials::ApiKeys& keys, std::string subject) {
  const std::vector<credentials::ApiKeyInfo> all = co_await keys.list(std::move(subject));
  for (const credentials::ApiKeyInfo& key : all) {
    std::string scopes;
    for (const std::string& scope : key.grant.scopes) scopes += ' ' + scope;
    std::printf("%s  made %s, ends %s%s%s\n", key.id.c_str(), key.created_at.to_string().c_str(),
                shown(key.grant.expires_at, "never").c_str(),
                scopes.empty() ? "" : (", for" + scopes).c_str(),
                key.revoked_at ? ", revoked" : "");
  }
  if (all.empty()) std::puts("there are none");
}

Task<> change_keys(credentials::ApiKeys& keys, const std::vector<std::string>& words) {
  const std::string& verb = words[1];
  if (verb == "list" && words.size() == 3) {
    co_await list_keys(keys, words[2]);
    co_return;
  }
  if (verb == "revoke" && words.size() == 3) {
    co_await keys.revoke(words[2], Timestamp::now());
    std::printf("%s is revoked on every instance within a second\n", words[2].c_str());
    co_return;
  }
  if (verb != "create") co_await Error(Code::invalid_argument, std::string(usage));
  credentials::ApiKeyGrant grant;
  grant.subject = words[2];
  grant.scopes.assign(words.begin() + 3, words.end());
  const credentials::ApiKeys::Created made =
      co_await keys.create(std::move(grant), Timestamp::now());
  std::printf("%s\n", made.text.reveal().c_str());
  std::fputs("This is shown once: keep it where secrets are kept.\n", stderr);
}

Task<> change_subject(credentials::Revocations& revocations, const std::string& verb,
                      const std::string& subject) {
  if (verb == "disable") {
    co_await revocations.disable(subject);
    std::printf("%s is refused on every instance within a second\n", subject.c_str());
  } else if (verb == "enable") {
    co_await revocations.enable(subject);
    std::printf("new tokens of %s are taken\n", subject.c_str());
  } else {
    co_await revocations.end_sessions(subject);
    std::printf("tokens of %s from before are refused on every instance within a second\n",
                subject.c_str());
  }
}

}  // namespace

Task<> credentials_command(Application& application, const Settings& settings,
                           const CommandLine& line) {
  const std::vector<std::string>& words = line.arguments;
  const bool of_keys = words.size() >= 3 && words[0] == "keys";
  const bool of_subject = words.size() == 2 && (words[0] == "disable" || words[0] == "enable" ||
                                                words[0] == "end-sessions");
  if (!of_keys && !of_subject) co_await Error(Code::invalid_argument, std::string(usage));
  co_await refuse_missing_database(application, settings);
  const OpenCache cache = co_await open_cache(settings.cache, application.name);
  const std::unique_ptr<OpenDatabase> opened = co_await open_as_it_is(application, settings);
  db::Database& database = opened->database();
  const std::unique_ptr<Service> service = application.make_service(database);
  if (!service->has_access_rules()) {
    co_await Error(Code::failed_precondition,
                   "the schema of this program has no access rules, so it keeps no credentials");
  }
  security::RevocationList list;
  credentials::Revocations revocations(database, shared_cache(application, cache), list);
  if (of_subject) {
    co_await change_subject(revocations, words[0], words[1]);
    co_return;
  }
  credentials::ApiKeys keys(database, revocations, list);
  co_await change_keys(keys, words);
}

}  // namespace kit::app
