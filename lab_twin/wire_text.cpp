#include "lab_twin/wire_text.h"

#include <algorithm>
#include <cctype>

namespace athanor {

std::optional<std::string> next_line(std::string& heard) {
  const std::size_t end = heard.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = heard.substr(0, end);
  heard.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::string part;
  bool quoted = false;
  const auto flush = [&] {
    const std::size_t first = part.find_first_not_of(' ');
    parts.push_back(first == std::string::npos ? "" : part.substr(first, part.find_last_not_of(' ') - first + 1));
    part.clear();
  };
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (c == separator && !quoted) {
      flush();
    } else {
      part += c;
    }
  }
  flush();
  if (separator == ' ') std::erase(parts, "");
  return parts;
}

std::string unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string plain;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '"' && text[i + 1] == '"' && i + 2 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

std::string upper(std::string_view text) {
  std::string all(text);
  std::transform(all.begin(), all.end(), all.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return all;
}

std::string garbled(std::string text) {
  if (text.size() < 2) return "?" + text;
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 0x15);
  text.erase(text.size() / 3, 1);
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

}  // namespace athanor
