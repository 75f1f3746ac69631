#include "controller/report.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/check.h"
#include "core/digest.h"

// The parts of the page, from web/ (cmake/embed.cmake).
extern "C" {
extern const char athanor_report_html[], athanor_report_html_end[];
extern const char athanor_report_style[], athanor_report_style_end[];
extern const char athanor_report_script[], athanor_report_script_end[];
}

namespace athanor {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

// RFC 4648, with padding: the form in which a content security policy wants a digest.
std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned triple = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      triple = triple << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= bytes.size() - i ? kDigits[triple >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// In JSON “<” can stand in strings only, where \u003c means the same: no “</script>” or “<!--” can come about. Bytes
// that are no UTF-8 are replaced, so that every campaign has a report.
std::string embeddable(const nlohmann::json& document) {
  std::string out;
  for (const char c : document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string render_report(const nlohmann::json& exported) {
  const std::string_view page = between(athanor_report_html, athanor_report_html_end);
  const std::string_view script = between(athanor_report_script, athanor_report_script_end);
  const nlohmann::json name = exported.value("campaign", "");
  const std::pair<std::string_view, std::string> parts[] = {
      {"{{script-hash}}", "sha256-" + base64(sha256(script))},
      {"{{title}}", escape_html(name.get<std::string>() + " – Athanor report")},
      {"{{style}}", std::string(between(athanor_report_style, athanor_report_style_end))},
      {"{{data}}", embeddable(exported)},
      {"{{script}}", std::string(script)},
  };
  // In the template's order and only forwards: what was put in is never searched again.
  std::string out;
  std::size_t at = 0;
  for (const auto& [mark, text] : parts) {
    const std::size_t found = page.find(mark, at);
    ATHANOR_CHECK(found != std::string_view::npos,
                  "web/report.html lacks one of its marks, or has them in another order");
    out += page.substr(at, found - at);
    out += text;
    at = found + mark.size();
  }
  out += page.substr(at);
  return out;
}

}  // namespace athanor
