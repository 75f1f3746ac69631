// athanor driver new: what an author of a driver begins with.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "athanor/commands.h"

extern "C" {
extern const char athanor_python_driver[], athanor_python_driver_end[];
extern const char athanor_python_test[], athanor_python_test_end[];
extern const char athanor_python_lab[], athanor_python_lab_end[];
extern const char athanor_python_campaign[], athanor_python_campaign_end[];
}

namespace athanor {
namespace {

// A module NAME.py would hide Python's own of that name from the driver's process, and a class that of the kit.
constexpr std::string_view kTaken =
    " False None True and as assert async await break class continue def del elif else except finally for from global "
    "if import in is lambda nonlocal not or pass raise return try while with yield "
    "abc argparse array ast asyncio atexit base64 binascii bisect builtins bz2 calendar code codecs collections "
    "contextlib copy copyreg csv ctypes dataclasses datetime decimal difflib dis email encodings enum errno fcntl "
    "fnmatch fractions functools gettext glob gzip hashlib heapq hmac html http importlib inspect io ipaddress "
    "itertools "
    "json keyword linecache locale logging lzma marshal math numbers opcode operator optparse os pathlib pickle "
    "platform posix posixpath pprint queue random re reprlib sched secrets select selectors shutil signal site socket "
    "sqlite3 ssl stat statistics string struct subprocess symtable sys sysconfig tarfile tempfile test textwrap "
    "threading time timeit token tokenize traceback types typing unittest urllib uuid warnings weakref xml zipfile "
    "zipimport zlib genericpath ntpath "
    "athanor google zmq instrument progress quantity work ";

void require_name(const std::string& name) {
  const auto fits = [](unsigned char c) { return c < 0x80 && (std::isalnum(c) != 0 || c == '_'); };
  if (name.empty() || !std::all_of(name.begin(), name.end(), fits) ||
      std::isalpha(static_cast<unsigned char>(name[0])) == 0) {
    std::string near;
    for (const char c : name) near += fits(static_cast<unsigned char>(c)) ? c : '_';
    if (near.empty()) near = "pump";
    if (std::isalpha(static_cast<unsigned char>(near[0])) == 0) near.insert(0, "driver_");
    throw InputError(
        fmt::format("“{}” is no name for a Python module; expected a letter, then letters, digits and _, such as “{}”",
                    name, near));
  }
  if (kTaken.find(" " + name + " ") != kTaken.npos) {
    throw InputError(
        fmt::format("“{0}” is a name of Python's own or of the kit, which a module {0}.py would hide; choose another, "
                    "such as “my_{0}”",
                    name));
  }
}

// "syringe_pump" → "SyringePump"
std::string class_name(const std::string& name) {
  std::string result;
  bool begins = true;
  for (const char c : name) {
    if (c != '_') result += begins ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    begins = c == '_';
  }
  return result;
}

std::string replaced(std::string_view text, std::string_view from, const std::string& to) {
  std::string result;
  for (std::size_t at; (at = text.find(from)) != text.npos; text.remove_prefix(at + from.size())) {
    result.append(text.substr(0, at)).append(to);
  }
  return result.append(text);
}

}  // namespace

int write_python_driver(const std::string& name) {
  require_name(name);
  if (std::filesystem::exists(name)) {
    throw InputError(
        fmt::format("“{}” is there already, and nothing is overwritten; choose another name or folder", name));
  }
  std::error_code failed;
  if (!std::filesystem::create_directory(name, failed)) {
    throw EnvironmentError(fmt::format("the folder “{}” cannot be made here: {}", name, failed.message()));
  }
  const std::pair<std::string, std::string_view> files[] = {
      {name + ".py", {athanor_python_driver, athanor_python_driver_end}},
      {"test_" + name + ".py", {athanor_python_test, athanor_python_test_end}},
      {"lab.yaml", {athanor_python_lab, athanor_python_lab_end}},
      {"campaign.yaml", {athanor_python_campaign, athanor_python_campaign_end}},
  };
  for (const auto& [file, text] : files) {
    const std::string path = name + "/" + file;
    std::ofstream out(path, std::ios::binary);
    out << replaced(replaced(text, "Example", class_name(name)), "example", name);
    out.close();
    if (!out) throw EnvironmentError(fmt::format("“{}” cannot be written: {}", path, std::strerror(errno)));
  }
  fmt::print(
      "{0}/{0}.py         the driver, with a simulated device in it: put yours in its place\n"
      "{0}/test_{0}.py    python3 {0}/test_{0}.py drives it, as the controller does\n"
      "{0}/lab.yaml, campaign.yaml\n"
      "                   python3 {0}/{0}.py & athanor run {0}/campaign.yaml\n"
      "Needs the kit (docs/python-kit.md):\n"
      "  python3 -m venv --system-site-packages venv && . venv/bin/activate && pip install PATH/TO/athanor/python\n",
      name);
  return 0;
}

}  // namespace athanor
