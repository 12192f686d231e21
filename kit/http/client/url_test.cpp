// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/url.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kit::http {
namespace {

/// "ok: <the URL as it is understood>" or "refused: <why>".
std::string parsed(std::string_view text) {
  auto url = Url::parse(text);
  if (url.ok()) return "ok: " + url->to_string();
  EXPECT_EQ(url.error().code(), Code::invalid_argument);
  EXPECT_EQ(url.error().reason(), "URL_INVALID");
  return "refused: " + url.error().message();
}

TEST(Url, KnowsItsParts) {
  auto url = Url::parse("HTTPS://Example.COM:8443/a/b%20c?x=1&y=%2F#top");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->scheme, Url::Scheme::https);
  EXPECT_TRUE(url->tls());
  EXPECT_EQ(url->host, "example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/a/b%20c");
  EXPECT_EQ(url->query, "x=1&y=%2F");
  EXPECT_EQ(url->authority(), "example.com:8443");
  EXPECT_EQ(url->origin(), "https://example.com:8443");
  EXPECT_EQ(url->target(), "/a/b%20c?x=1&y=%2F");
}

TEST(Url, HasOneSpelling) {
  EXPECT_EQ(parsed("http://a"), "ok: http://a/");
  EXPECT_EQ(parsed("http://a:80/"), "ok: http://a/");
  EXPECT_EQ(parsed("https://a:443"), "ok: https://a/");
  EXPECT_EQ(parsed("https://a:80"), "ok: https://a:80/");
  EXPECT_EQ(parsed("http://a?"), "ok: http://a/?");
  EXPECT_EQ(parsed("http://a?x/../y"), "ok: http://a/?x/../y");
  EXPECT_EQ(parsed("http://a#f"), "ok: http://a/");
  EXPECT_EQ(parsed("http://a/./b/../../c/.."), "ok: http://a/");
  EXPECT_EQ(parsed("http://a/b//c/../d"), "ok: http://a/b//d");
  EXPECT_EQ(parsed("http://[2001:DB8:0::1]:8080/x"), "ok: http://[2001:db8::1]:8080/x");
  EXPECT_EQ(parsed("http://[::1]"), "ok: http://[::1]/");
  EXPECT_EQ(parsed("http://127.0.0.1:65535"), "ok: http://127.0.0.1:65535/");
  EXPECT_EQ(parsed("http://a_b-c.d/"), "ok: http://a_b-c.d/");
}

TEST(Url, RefusesWhatIsNoHttpUrl) {
  for (const char* text : {"", "http", "http:", "http:/", "http:a", "http:/a", "/a", "a.b/c",
                           "ftp://a/", "javascript:alert(1)", "http:///a", "http://", "http://?x",
                           " http://a", "file:///etc/passwd"}) {
    EXPECT_TRUE(parsed(text).starts_with("refused: ")) << text;
  }
}

TEST(Url, RefusesHostsThatTwoReadersCouldTakeDifferently) {
  for (const char* text : {"http://user@a/",
                           "http://user:pass@a/",
                           "http://a@b@c/",
                           "http://a%2eb/",
                           "http://a b/",
                           "http://a..b/",
                           "http://.a/",
                           "http://a./",
                           "http://127.1/",
                           "http://2130706433/",
                           "http://0x7f000001/",
                           "http://0x/",
                           "http://1.2.3.4.5/",
                           "http://256.1.1.1/",
                           "http://01.2.3.4/",
                           "http://[::1/",
                           "http://[::1]x/",
                           "http://[v1.a]/",
                           "http://[fe80::1%251]/",
                           "http://[]/",
                           "http://[::1%eth0]/",
                           "http://[::1%25]/",
                           "http://[::ffff:1.2.3]/",
                           "http:\\/\\/a/",
                           "http:/\\/a/",
                           "http:\\\\a/",
                           "http://a\\@b/",
                           "http://a#@b/\t",
                           "http://a\tb/",
                           "http://a%00b/",
                           "http://a%40b/",
                           "http://\uFF41/",
                           "http://a\u3002b/",
                           "http://xn--\u00e4/",
                           "http://a:8\t0/",
                           "http://a:0x50/",
                           "http://a\\b/",
                           "http://a:/",
                           "http://a:0/",
                           "http://a:65536/",
                           "http://a:080000/",
                           "http://a:+80/",
                           "http://a:80:80/",
                           "http://\xC3\xA4/",
                           "http://a\n/"}) {
    EXPECT_TRUE(parsed(text).starts_with("refused: ")) << text;
  }
}

TEST(Url, RefusesZeroBytesInAHost) {
  using namespace std::string_view_literals;
  EXPECT_TRUE(parsed("http://a\0b/"sv).starts_with("refused: "));
  EXPECT_TRUE(parsed("http://[::1\0]/"sv).starts_with("refused: "));
  EXPECT_TRUE(parsed("http://[::1\0.evil]/"sv).starts_with("refused: "));
}

TEST(Url, RefusesCharactersThatMustBeEncoded) {
  for (const char* text :
       {"http://a/ ",   "http://a/b c", "http://a/\"",  "http://a/<",   "http://a/\\",
        "http://a/^",   "http://a/{}",  "http://a/|",   "http://a/`",   "http://a/\r\nHost: b",
        "http://a/%",   "http://a/%4",  "http://a/%zz", "http://a/%00", "http://a?%00",
        "http://a?\t",  "http://a?[x]", "http://a#%0",  "http://a# ",   "http://a/\xC3\xA4",
        "http://a/\x7F"}) {
    EXPECT_TRUE(parsed(text).starts_with("refused: ")) << text;
  }
}

TEST(Url, NeverRepeatsWhatMayBeASecret) {
  EXPECT_FALSE(parsed("http://a/?token=hush hush").contains("hush"));
}

TEST(Url, LimitsLengths) {
  const std::string base = "http://a/";
  EXPECT_TRUE(Url::parse(base + std::string(8192 - base.size(), 'x')).ok());
  EXPECT_FALSE(Url::parse(base + std::string(8193 - base.size(), 'x')).ok());
  EXPECT_TRUE(Url::parse("http://" + std::string(63, 'x')).ok());
  EXPECT_FALSE(Url::parse("http://" + std::string(64, 'x')).ok());
  std::string host;
  for (int i = 0; i < 126; ++i) host += "a.";
  EXPECT_TRUE(Url::parse("http://" + host + "a").ok());    // 253
  EXPECT_FALSE(Url::parse("http://" + host + "aa").ok());  // 254
  auto near_limit = Url::parse(base + std::string(8000, 'x') + "/");
  EXPECT_TRUE(near_limit->resolve(std::string(100, 'y')).ok());
  EXPECT_FALSE(near_limit->resolve(std::string(1000, 'y')).ok());
  EXPECT_FALSE(near_limit->resolve(std::string(8193, 'y')).ok());
}

/// The examples of RFC 3986 section 5.4, without parameters that are not of HTTP.
TEST(Url, ResolvesReferences) {
  const Url base = *Url::parse("http://a/b/c/d;p?q");
  auto resolved = [&](std::string_view reference) {
    auto url = base.resolve(reference);
    return url.ok() ? url->to_string() : "refused";
  };
  const std::pair<const char*, const char*> cases[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {".g", "http://a/b/c/.g"},
      {"g..", "http://a/b/c/g.."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"https://x:1/", "https://x:1/"},
      {"http:g", "refused"},
      {"g:h", "refused"},
      {"javascript:x", "refused"},
      {"//user@x/", "refused"},
      {"a b", "refused"},
  };
  for (const auto& [reference, wanted] : cases) EXPECT_EQ(resolved(reference), wanted) << reference;
}

TEST(Url, ComparesOrigins) {
  const Url a = *Url::parse("http://a/x");
  EXPECT_TRUE(a.same_origin(*Url::parse("http://A:80/y?z")));
  EXPECT_FALSE(a.same_origin(*Url::parse("https://a/x")));
  EXPECT_FALSE(a.same_origin(*Url::parse("http://b/x")));
  EXPECT_FALSE(a.same_origin(*Url::parse("http://a:81/x")));
}

}  // namespace
}  // namespace kit::http
