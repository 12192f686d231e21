// SPDX-License-Identifier: Apache-2.0
// What a request pays for its token: remembered, and verified anew.
#include <benchmark/benchmark.h>

#include <utility>

#include "kit/security/jwt_signer.hpp"
#include "kit/security/jwt_verifier.hpp"
#include "kit/security/revocation.hpp"

namespace kit::security {
namespace {

const Timestamp noon = Timestamp::parse("2026-03-04T12:00:00Z").value();

/// A service with some revocations, and a token of it.
struct Service {
  explicit Service(Algorithm algorithm, std::size_t cached)
      : key(SigningKey::generate(algorithm, "k1")) {
    for (int i = 0; i < 1000; ++i) {
      revocations.set_subject("user" + std::to_string(i), {.min_token_version = 1}, noon);
    }
    std::vector<VerificationKey> keys = {key.verification_key()};
    auto store = std::make_shared<KeyStore>(KeySet::of(std::move(keys)).value());
    verifier = JwtVerifier::make(std::move(store), {.cached_tokens = cached}, &revocations).value();
    JwtClaims claims{.subject = "0190e8b4-7a3c-7c11-9a37-3f1f6b2f9d10", .scopes = {"read"}};
    claims.more = {{"email", "ann@example.org"}};
    token = JwtSigner(key, {}).sign(claims, noon).value();
  }
  const SigningKey key;
  RevocationList revocations;
  std::unique_ptr<JwtVerifier> verifier;
  std::string token;
};

void verify_remembered(benchmark::State& state) {
  Service service(Algorithm::es256, 1024);
  benchmark::DoNotOptimize(service.verifier->verify(service.token, noon));
  for (auto _ : state) benchmark::DoNotOptimize(service.verifier->verify(service.token, noon));
}
BENCHMARK(verify_remembered);

void verify_anew(benchmark::State& state) {
  Service service(static_cast<Algorithm>(state.range(0)), 0);
  for (auto _ : state) benchmark::DoNotOptimize(service.verifier->verify(service.token, noon));
  state.SetLabel(std::string(name(static_cast<Algorithm>(state.range(0)))));
}
BENCHMARK(verify_anew)->DenseRange(0, 3);

void ask_revocations(benchmark::State& state) {
  Service service(Algorithm::es256, 1024);
  const auto identity = service.verifier->verify(service.token, noon).value();
  for (auto _ : state) benchmark::DoNotOptimize(service.revocations.refuses(*identity, noon));
}
BENCHMARK(ask_revocations);

}  // namespace
}  // namespace kit::security
