#include "apps/scrape.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/str_cat.h"

namespace fulcrum::apps {
namespace {

constexpr size_t kBytesMax = size_t{16} << 20;

// What curl calls with each piece; fewer bytes than came end the transfer.
size_t Append(char* data, size_t size, size_t count, void* text) {
  auto* const to = static_cast<std::string*>(text);
  if (to->size() + size * count > kBytesMax) return 0;
  to->append(data, size * count);
  return size * count;
}

}  // namespace

absl::StatusOr<std::vector<telemetry::SeriesValue>> Scrape(const std::string& address,
                                                           absl::Duration timeout) {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (curl == nullptr) return absl::InternalError("libcurl could not be started");
  const std::string url = absl::StrCat("http://", address, "/metrics");
  std::string text;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(timeout)));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &text);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) {
    return absl::UnavailableError(absl::StrCat(
        "no metrics at ", url, " (", curl_easy_strerror(code),
        "); name the service's `server.metrics_listen` with --metrics, or start one with "
        "`fulcrumd --config configs/example`"));
  }
  auto values = telemetry::ReadExposition(text);
  if (!values.ok()) {
    return absl::DataLossError(
        absl::StrCat(url, " is no metrics page: ", values.status().message()));
  }
  return values;
}

}  // namespace fulcrum::apps
