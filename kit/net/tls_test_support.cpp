// SPDX-License-Identifier: Apache-2.0
#include "kit/net/tls_test_support.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "kit/net/detail/tls_context.hpp"

namespace kit::net {
namespace {

using detail::Bio;
using detail::Certificate;
using Key = detail::PrivateKey;

void extend(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate make(const CertificateSpec& spec, EVP_PKEY* key, std::int64_t serial) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), spec.begins.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), spec.ends.count());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const auto add = [name](const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  };
  add("O", "Example");
  add("CN", spec.name);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

std::string text_of(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

struct TestAuthority::Keys {
  Key key;
  Certificate certificate;
};

TestAuthority::TestAuthority(std::string_view name) : keys_(std::make_unique<Keys>()) {
  std::string folder = ::testing::TempDir() + "kit-tls-XXXXXX";
  EXPECT_NE(::mkdtemp(folder.data()), nullptr);
  folder_ = folder;
  keys_->key.reset(EVP_EC_gen("P-256"));
  CertificateSpec spec;
  spec.name = name;
  keys_->certificate = make(spec, keys_->key.get(), 1);
  X509* const certificate = keys_->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  extend(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate, certificate, NID_key_usage, "critical,keyCertSign");
  X509_sign(certificate, keys_->key.get(), EVP_sha256());
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  file_ = write(text_of(bio.get()));
}

TestAuthority::~TestAuthority() {
  std::filesystem::remove_all(folder_);
}

std::string TestAuthority::write(std::string_view text, int mode) {
  std::string path = folder_ + '/' + std::to_string(++count_) + ".pem";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  EXPECT_EQ(::write(file, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  EXPECT_EQ(::fchmod(file, static_cast<mode_t>(mode)), 0);
  ::close(file);
  return path;
}

CertificateFiles TestAuthority::issue(const CertificateSpec& spec) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate = make(spec, key.get(), 100 + count_);
  X509* const issuer = keys_->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  extend(certificate.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  if (!spec.alternative_names.empty()) {
    extend(certificate.get(), issuer, NID_subject_alt_name, spec.alternative_names);
  }
  if (!spec.usage.empty()) extend(certificate.get(), issuer, NID_ext_key_usage, spec.usage);
  X509_sign(certificate.get(), keys_->key.get(), EVP_sha256());
  const Bio certificate_text(BIO_new(BIO_s_mem()));
  const Bio key_text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate_text.get(), certificate.get());
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {.certificate = write(text_of(certificate_text.get())),
          .key = write(text_of(key_text.get()))};
}

void EchoServer::on_accept(std::unique_ptr<Stream> stream) {
  sessions.push_back(std::make_unique<Session>(std::move(stream), buffer_size_));
  Session& session = *sessions.back();
  session.stream->watch(session);
}

void EchoServer::Session::on_readiness(Readiness readiness) {
  if (readiness.writable) write();
  if (!readiness.readable) return;
  while (true) {
    last = stream->read(buffer);
    if (last.status != IoStatus::ok) break;
    unsent.append(buffer, 0, last.bytes);
    received.append(buffer, 0, last.bytes);
    if (last.bytes < buffer.size() && !readiness.hung_up) break;
  }
  ended |= last.status == IoStatus::closed || last.status == IoStatus::failed;
  write();
}

void EchoServer::Session::write() {
  while (!unsent.empty()) {
    const std::string_view all = unsent;
    const std::string_view parts[] = {all.substr(0, 1), all.substr(1)};
    const IoResult result = stream->write(parts);
    if (result.status != IoStatus::ok) return;
    const bool is_short = result.bytes < unsent.size();
    unsent.erase(0, result.bytes);
    if (is_short) return;
  }
  if (last.status == IoStatus::closed) stream->shutdown_write();
}

}  // namespace kit::net
