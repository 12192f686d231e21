// SPDX-License-Identifier: Apache-2.0
// Reading certificates and keys, with an error a person can act on for everything that can be
// wrong.
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "kit/net/detail/tls_context.hpp"

namespace kit::net::detail {
namespace {

constexpr std::size_t most_file_bytes = 1024 * 1024;
constexpr auto warned_before = std::chrono::days(14);

Error bad_file(const std::string& file, const std::string& problem, const char* reason) {
  return Error(Code::invalid_argument, file + ": " + problem).with_reason(reason);
}

struct File {
  std::string text;
  mode_t mode = 0;
};

Result<File> read_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return bad_file(path, std::string("cannot be read: ") + std::strerror(errno),
                    "TLS_FILE_MISSING");
  }
  File file;
  struct stat about{};
  ssize_t got = -1;
  if (::fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode)) {
    file.mode = about.st_mode;
    std::array<char, 16 * 1024> buffer;
    while ((got = ::read(descriptor, buffer.data(), buffer.size())) > 0 &&
           file.text.size() <= most_file_bytes) {
      file.text.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(descriptor);
  if (got != 0) {
    return bad_file(path, "cannot be read: not a file of at most 1 MiB", "TLS_FILE_MISSING");
  }
  return file;
}

Bio bio_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Nobody is there to be asked for a password.
int refuse_password(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Result<PrivateKey> read_key(const std::string& path) {
  Result<File> file = read_file(path);
  if (!file) return std::move(file).error();
  if ((file->mode & (S_IRWXG | S_IRWXO)) != 0) {
    return bad_file(path, "others than its owner can use this key; run: chmod 600 " + path,
                    "TLS_KEY_READABLE");
  }
  bool asked = false;
  ERR_clear_error();
  PrivateKey key(
      PEM_read_bio_PrivateKey(bio_of(file->text).get(), nullptr, refuse_password, &asked));
  OPENSSL_cleanse(file->text.data(), file->text.size());
  if (key) return key;
  if (asked) {
    return bad_file(path,
                    "the key is encrypted; decrypt it (openssl pkey -in ... -out ...) and protect "
                    "the file",
                    "TLS_KEY_ENCRYPTED");
  }
  return bad_file(path, "no private key in PEM form: " + openssl_error(), "TLS_BAD_PEM");
}

std::optional<std::chrono::system_clock::time_point> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string day_of(const ASN1_TIME* time) {
  std::tm parts{};
  std::array<char, 32> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unknown time";
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts);
  return text.data();
}

/// True when the file has been read to its end; false when something in it is bad.
bool at_end_of_pem() {
  const unsigned long last = ERR_peek_last_error();
  if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) return false;
  ERR_clear_error();
  return true;
}

}  // namespace

std::string openssl_error() {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  if (first == 0) return "unknown";
  if (ERR_SYSTEM_ERROR(first)) return std::strerror(ERR_GET_REASON(first));
  const char* const text = ERR_reason_error_string(first);
  return text != nullptr ? text : "error " + std::to_string(first);
}

Result<Certificate> load_certificate(SSL_CTX* context, const CertificateFiles& files) {
  const Result<File> file = read_file(files.certificate);
  if (!file) return file.error().clone();
  ERR_clear_error();
  const Bio bio = bio_of(file->text);
  Certificate leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
  if (!leaf) {
    return bad_file(files.certificate, "no certificate in PEM form: " + openssl_error(),
                    "TLS_BAD_PEM");
  }
  if (SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return bad_file(files.certificate, "cannot be used: " + openssl_error(),
                    "TLS_CERTIFICATE_REFUSED");
  }
  SSL_CTX_clear_chain_certs(context);
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) {
      return bad_file(files.certificate, "cannot be used: " + openssl_error(),
                      "TLS_CERTIFICATE_REFUSED");
    }
  }
  if (!at_end_of_pem()) {
    return bad_file(files.certificate, "a certificate of the chain is bad: " + openssl_error(),
                    "TLS_BAD_PEM");
  }
  const Result<PrivateKey> key = read_key(files.key);
  if (!key) return key.error().clone();
  if (X509_check_private_key(leaf.get(), key->get()) != 1) {
    ERR_clear_error();
    return bad_file(files.key, "is not the key of the certificate in " + files.certificate,
                    "TLS_KEY_MISMATCH");
  }
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1) {
    return bad_file(files.key, "cannot be used: " + openssl_error(), "TLS_CERTIFICATE_REFUSED");
  }
  return leaf;
}

Result<> check_validity(X509* certificate, const std::string& file, TlsContextState& state) {
  const ASN1_TIME* const begin = X509_get0_notBefore(certificate);
  const ASN1_TIME* const end = X509_get0_notAfter(certificate);
  const auto begins = time_of(begin);
  const auto ends = time_of(end);
  const auto now = std::chrono::system_clock::now();
  if (!begins || !ends) return bad_file(file, "has no readable validity", "TLS_BAD_PEM");
  if (now < *begins) {
    return bad_file(file, "the certificate is not valid before " + day_of(begin),
                    "TLS_CERTIFICATE_NOT_YET_VALID");
  }
  if (now >= *ends) {
    return bad_file(file, "the certificate expired at " + day_of(end), "TLS_CERTIFICATE_EXPIRED");
  }
  if (*ends - now < warned_before) {
    state.warnings.push_back(file + ": the certificate expires at " + day_of(end));
  }
  state.expires = std::min(state.expires, *ends);
  return {};
}

Result<> load_authorities(SSL_CTX* context, const std::string& path) {
  const Result<File> file = read_file(path);
  if (!file) return file.error().clone();
  ERR_clear_error();
  const Bio bio = bio_of(file->text);
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  std::size_t count = 0;
  while (Certificate next{PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_cert(store, next.get()) != 1 ||
        SSL_CTX_add_client_CA(context, next.get()) != 1) {
      return bad_file(path, "cannot be used: " + openssl_error(), "TLS_CERTIFICATE_REFUSED");
    }
    ++count;
  }
  if (!at_end_of_pem() || count == 0) {
    return bad_file(path, "no certificates in PEM form: " + openssl_error(), "TLS_BAD_PEM");
  }
  return {};
}

}  // namespace kit::net::detail
