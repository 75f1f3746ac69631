// Devices with an HTTP interface that speaks JSON, by libcurl.
#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/answer.h"
#include "adapters/bus.h"
#include "core/error.h"
#include "core/quantity.h"

namespace athanor {
namespace {

constexpr std::size_t kLongest = std::size_t{64} << 20;  // bytes of an answer
constexpr int kLookEvery = 100;                          // ms

struct Settings {
  double timeout_s = 10;
  std::vector<std::string> headers;
  std::string root_certificate;  ///< a file; empty: the system's
};

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiFree {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// In a path or its question part, a text is one word whatever it holds.
std::string percent_encoded(const std::string& text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", byte);
    }
  }
  return encoded;
}

std::size_t keep(const char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > kLongest) return 0;  // CURLE_WRITE_ERROR
  body.append(bytes, size * count);
  return size * count;
}

/// What became of a request without a whole answer, in words. body: what came of it; said: the library's own words.
std::string what_became(CURL* easy, CURLcode code, double timeout_s, const std::string& body, const std::string& said) {
  const std::string so_far = body.empty() ? "nothing" : quote(body);
  long error = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "got no answer: no machine of that name is known";
    case CURLE_COULDNT_CONNECT:
      return fmt::format("got no answer: nobody can be reached there: {}",
                         error != 0 ? std::strerror(static_cast<int>(error)) : said);
    case CURLE_OPERATION_TIMEDOUT:
      return fmt::format("got no whole answer within {} s, but {}", pretty_number(timeout_s), so_far);
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
      return fmt::format("got no whole answer before the connection ended, but {}", so_far);
    case CURLE_WRITE_ERROR:
      return fmt::format("was answered with more than {} MiB, which begin {}", kLongest >> 20, so_far);
    case CURLE_PEER_FAILED_VERIFICATION:
      return fmt::format(
          "got no answer, since the device's certificate is not trusted ({}); it must be for the name in the address, "
          "and stand, or the one that signed it, as “root_certificate” in the profile",
          said);
    default:
      return fmt::format("got no answer: {}", said);
  }
}

class HttpBus final : public Bus {
 public:
  HttpBus(std::string address, const Settings& settings)
      : address_(std::move(address)), settings_(settings), multi_(curl_multi_init()), easy_(curl_easy_init()) {
    if (!multi_ || !easy_) throw EnvironmentError("the HTTP library cannot start");
    while (address_.ends_with('/')) address_.pop_back();
  }

  std::optional<Fault> connect(bool) override { return std::nullopt; }  // each request connects where it must

  void interrupt() override {
    interrupted_ = true;
    curl_multi_wakeup(multi_.get());
  }
  void resume() override { interrupted_ = false; }

  Outcome<nlohmann::json> exchange(const std::string& verb, const nlohmann::json& step) override {
    std::string method = verb;
    for (char& c : method) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const std::string url = address_ + raw(step.at(verb));
    const std::string what = fmt::format("{} {}", method, url);
    const std::string sent = step.contains("body") ? step.at("body").dump() : "";
    const double timeout_s = timeout_of(step, settings_.timeout_s);

    std::string body;
    char problem[CURL_ERROR_SIZE] = "";
    std::unique_ptr<curl_slist, ListFree> headers;
    const auto add_header = [&](const std::string& header) {
      headers.reset(curl_slist_append(headers.release(), header.c_str()));
    };
    for (const std::string& header : settings_.headers) add_header(header);
    CURL* easy = easy_.get();
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_s * 1000));
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, problem);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
    if (!settings_.root_certificate.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, settings_.root_certificate.c_str());
    if (verb != "get") {
      // The library says a request again when a connection that it kept turns out to be dead: a fresh one is never
      // that.
      curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    }
    if (verb != "get" && verb != "delete") {
      add_header(sent.empty() ? "Content-Type:" : "Content-Type: application/json");
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, sent.c_str());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(sent.size()));
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    const CURLcode code = perform();
    if (interrupted_) return Fault{Fault::Kind::kInterrupted, "broken off"};
    if (code != CURLE_OK) {
      const char* said = *problem != '\0' ? problem : curl_easy_strerror(code);
      return Fault{code == CURLE_WRITE_ERROR ? Fault::Kind::kDevice : Fault::Kind::kLink,
                   fmt::format("{} {}", what, what_became(easy, code, timeout_s, body, said))};
    }
    long status = 0;
    const char* elsewhere = nullptr;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &elsewhere);
    if ((status < 200 || status >= 300) && !accepted(step, status)) {
      // Followed, what acts would be sent twice.
      return Fault{Fault::Kind::kDevice,
                   fmt::format("{} was answered with status {}: {}{}", what, status, quote(body),
                               elsewhere == nullptr
                                   ? ""
                                   : fmt::format("; the device refers to {}, and is not followed there: give that "
                                                 "address, or path",
                                                 quote(elsewhere)))};
    }
    if (auto answer = as_json(body)) return *std::move(answer);
    return nlohmann::json(body);
  }

 private:
  static bool accepted(const nlohmann::json& step, long status) {
    if (!step.contains("accept")) return false;
    const nlohmann::json& also = step.at("accept");
    return std::find(also.begin(), also.end(), status) != also.end();
  }

  CURLcode perform() {
    curl_multi_add_handle(multi_.get(), easy_.get());
    CURLcode code = CURLE_OK;
    for (int running = 1; running > 0 && !interrupted_;) {
      curl_multi_perform(multi_.get(), &running);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg == CURLMSG_DONE) code = message->data.result;
      }
      if (running > 0) curl_multi_poll(multi_.get(), nullptr, 0, kLookEvery, nullptr);
    }
    curl_multi_remove_handle(multi_.get(), easy_.get());
    return code;
  }

  std::string address_;
  const Settings& settings_;
  std::unique_ptr<CURLM, MultiFree> multi_;
  std::unique_ptr<CURL, EasyFree> easy_;
  std::atomic<bool> interrupted_ = false;
};

class HttpAdapter final : public Adapter {
 public:
  explicit HttpAdapter(Settings settings) : settings_(std::move(settings)) {}

  const std::vector<Verb>& verbs() const override {
    static const Filling path = {.as_written = true, .escaped = percent_encoded};
    static const std::vector<Verb> verbs = {
        {.name = "get", .beside = {"accept", "timeout"}, .harmless = true, .filling = path},
        {.name = "post", .beside = {"body", "accept", "timeout"}, .filling = path},
        {.name = "put", .beside = {"body", "accept", "timeout"}, .filling = path},
        {.name = "patch", .beside = {"body", "accept", "timeout"}, .filling = path},
        {.name = "delete", .beside = {"accept", "timeout"}, .filling = path}};
    return verbs;
  }

  void check(const std::string& verb, const nlohmann::json& step, const Node& node) const override {
    const nlohmann::json& path = step.at(verb);
    if (!path.is_string() || !path.get<std::string>().starts_with('/'))
      node.error(fmt::format("{} is no path of the device; expected one that begins with “/”", path.dump()));
    const nlohmann::json also = step.value("accept", nlohmann::json::array());
    if (!also.is_array() ||
        !std::all_of(also.begin(), also.end(), [](const auto& one) { return one.is_number_integer(); }))
      node.error("“accept” is followed by a list of the statuses that are no faults, such as [409]");
    check_timeout(step, node);
  }

  std::unique_ptr<Bus> bus_to(const std::string& address, Lines&) const override {
    if (!address.starts_with("http://") && !address.starts_with("https://"))
      throw InputError(fmt::format("“{}” is no address of an HTTP device; expected “http://HOST:PORT”", address));
    return std::make_unique<HttpBus>(address, settings_);
  }

 private:
  Settings settings_;
};

}  // namespace

std::unique_ptr<Adapter> make_http_adapter(const Node& node) {
  Settings settings;
  if (node.kind() != Node::Kind::kNull) {
    MapReader reader(node, "how the device is spoken to");
    settings.timeout_s = read_time(reader, "timeout", settings.timeout_s, 3600);
    if (const Node headers = reader.optional("headers")) {
      for (const auto& [name, value] : headers.entries())
        settings.headers.push_back(name + ": " + value.text().value_or(""));
    }
    if (const Node root = reader.optional("root_certificate")) {
      settings.root_certificate = root.path().value_or("");
      if (access(settings.root_certificate.c_str(), R_OK) != 0)
        root.error(
            fmt::format("the certificate {} cannot be read: {}", settings.root_certificate, std::strerror(errno)));
    }
    reader.finish();
  }
  return std::make_unique<HttpAdapter>(std::move(settings));
}

}  // namespace athanor
