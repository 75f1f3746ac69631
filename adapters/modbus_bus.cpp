// Devices with Modbus registers, over TCP or a serial line (RTU), by libmodbus.
#include <fmt/format.h>
#include <modbus/modbus.h>

#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "adapters/interrupt.h"
#include "adapters/modbus_line.h"
#include "adapters/shared_line.h"
#include "adapters/wiring.h"
#include "core/error.h"
#include "core/quantity.h"

namespace athanor {
namespace {

constexpr int kLastUnit = 247;

enum class Kind { kCoil, kDiscrete, kHolding, kInput };

struct Register {
  Kind kind = Kind::kHolding;
  int address = 0;  ///< from 0, as on the wire
  std::string type = "uint16";
  double scale = 1;
  int words() const { return type.ends_with("32") ? 2 : 1; }
  bool is_bit() const { return kind == Kind::kCoil || kind == Kind::kDiscrete; }
  bool can_be_written() const { return kind == Kind::kCoil || kind == Kind::kHolding; }
};

struct Settings {
  int unit = 1;  ///< where the instrument's `at` says none
  double timeout_s = 1;
  bool low_word_first = false;
  SerialSettings serial;
  std::map<std::string, Register> registers;
};

// ── Numbers in registers ─────────────────────────────────────────────────────────────────────────────────────────────

double decoded(const Register& place, const std::vector<std::uint16_t>& words, bool low_word_first) {
  if (place.words() == 1) {
    return (place.type == "int16" ? static_cast<std::int16_t>(words[0]) : static_cast<double>(words[0])) * place.scale;
  }
  const std::uint32_t high = words[low_word_first ? 1 : 0], low = words[low_word_first ? 0 : 1];
  const std::uint32_t bits = high << 16 | low;
  const double number = place.type == "float32" ? std::bit_cast<float>(bits)
                        : place.type == "int32" ? static_cast<double>(static_cast<std::int32_t>(bits))
                                                : static_cast<double>(bits);
  return number * place.scale;
}

/// A pattern meets 2 as “2”, not as “2.0”.
nlohmann::json as_json(double number) {
  constexpr double kExact = 9e15;  // below which a double holds every whole number
  if (std::abs(number) < kExact && std::trunc(number) == number) return static_cast<std::int64_t>(number);
  return number;
}

template <class Whole>
bool fits(double number) {
  return number >= std::numeric_limits<Whole>::min() && number <= std::numeric_limits<Whole>::max();
}

/// None if it does not fit.
std::optional<std::vector<std::uint16_t>> encoded(const Register& place, double value, bool low_word_first) {
  const double number = value / place.scale;
  std::uint32_t bits = 0;
  if (place.type == "float32") {
    if (std::abs(number) > std::numeric_limits<float>::max()) return std::nullopt;
    bits = std::bit_cast<std::uint32_t>(static_cast<float>(number));
  } else {
    const double whole = std::round(number);
    const bool good = place.type == "int16"    ? fits<std::int16_t>(whole)
                      : place.type == "uint16" ? fits<std::uint16_t>(whole)
                      : place.type == "int32"  ? fits<std::int32_t>(whole)
                                               : fits<std::uint32_t>(whole);
    if (!good) return std::nullopt;
    bits = static_cast<std::uint32_t>(static_cast<std::int64_t>(whole));
  }
  const auto low = static_cast<std::uint16_t>(bits & 0xffff), high = static_cast<std::uint16_t>(bits >> 16);
  if (place.words() == 1) return std::vector<std::uint16_t>{low};
  return low_word_first ? std::vector<std::uint16_t>{low, high} : std::vector<std::uint16_t>{high, low};
}

// ── The bus ──────────────────────────────────────────────────────────────────────────────────────────────────────────

class ModbusBus final : public SharedBus {
 public:
  ModbusBus(std::string address, std::shared_ptr<ModbusLine> line, int unit, const Settings& settings)
      : SharedBus(line, std::move(address)), settings_(settings), unit_(unit), line_(std::move(line)) {}

  Outcome<nlohmann::json> exchange(const std::string& verb, const nlohmann::json& step) override {
    if (verb == "write") {
      const auto entry = step.at(verb).begin();
      const bool bit = entry.value().is_boolean();
      const double value = bit ? (entry.value().get<bool>() ? 1 : 0) : entry.value().get<double>();
      if (const auto fault = write(entry.key(), value)) return *fault;
      return nlohmann::json();
    }
    nlohmann::json answer = nlohmann::json::object();
    const nlohmann::json& names = step.at(verb);
    for (const nlohmann::json& name : names.is_array() ? names : nlohmann::json::array({names})) {
      const auto value = read(name.get<std::string>());
      if (!value) return value.fault();
      answer[name.get<std::string>()] = as_json(value.value());
    }
    return answer;
  }

 private:
  void take_line() override { line_->speak_to(unit_, settings_.timeout_s); }

  std::optional<Fault> write(const std::string& name, double value) {
    const Register& place = settings_.registers.at(name);
    const Turn turn(*this);
    if (!turn) return kBrokenOff;
    if (const auto fault = be_connected()) return fault;
    if (place.is_bit()) {
      if (modbus_write_bit(line_->context(), place.address, value != 0 ? 1 : 0) < 0) return failed("written", name);
      return std::nullopt;
    }
    const auto words = encoded(place, value, settings_.low_word_first);
    if (!words) {
      return Fault{Fault::Kind::kLimit,
                   fmt::format("{} does not fit into the register “{}” ({} × {})", format_number(value), name,
                               place.type, format_number(place.scale))};
    }
    const int done = words->size() == 1 ? modbus_write_register(line_->context(), place.address, words->front())
                                        : modbus_write_registers(line_->context(), place.address,
                                                                 static_cast<int>(words->size()), words->data());
    if (done < 0) return failed("written", name);
    return std::nullopt;
  }

  Outcome<double> read(const std::string& name) {
    const Register& place = settings_.registers.at(name);
    const Turn turn(*this);
    if (!turn) return kBrokenOff;
    if (const auto fault = be_connected()) return *fault;
    if (place.is_bit()) {
      std::uint8_t bit = 0;
      const int done = place.kind == Kind::kCoil ? modbus_read_bits(line_->context(), place.address, 1, &bit)
                                                 : modbus_read_input_bits(line_->context(), place.address, 1, &bit);
      if (done != 1) return failed("read", name);
      return bit != 0 ? 1.0 : 0.0;
    }
    std::vector<std::uint16_t> words(static_cast<std::size_t>(place.words()));
    const int done = place.kind == Kind::kHolding
                         ? modbus_read_registers(line_->context(), place.address, place.words(), words.data())
                         : modbus_read_input_registers(line_->context(), place.address, place.words(), words.data());
    if (done != place.words()) return failed("read", name);
    const double value = decoded(place, words, settings_.low_word_first);
    if (!std::isfinite(value))
      return Fault{Fault::Kind::kDevice,
                   fmt::format("the register “{}” of the device at {} holds no number", name, line_->device())};
    return value;
  }

  /// An exception that the device answered with leaves the line good; everything else does not.
  Fault failed(const char* what, const std::string& name) {
    const int error = errno;
    if (error >= EMBXILFUN && error <= EMBXGTAR) {
      return {Fault::Kind::kDevice,
              fmt::format("the register “{}” of the device at {} could not be {}: it answered exception {} ({})", name,
                          line_->device(), what, error - MODBUS_ENOBASE, modbus_strerror(error))};
    }
    const std::string why = error == ETIMEDOUT
                                ? fmt::format("no whole answer within {} s", pretty_number(settings_.timeout_s))
                            : error == EMBBADCRC  ? "the checksum of its answer is wrong"
                            : error == EMBBADDATA ? "it answered something else"
                                                  : modbus_strerror(error);
    return line_->lost(fmt::format("did not let the register “{}” be {}: {}", name, what, why));
  }

  const Settings& settings_;
  const int unit_;
  const std::shared_ptr<ModbusLine> line_;
};

// ── The adapter ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// What stands behind the “#” of an address. throws InputError.
int parse_unit(const std::string& text) {
  int unit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), unit);
  if (error == std::errc() && end == text.data() + text.size() && unit >= 0 && unit <= kLastUnit) return unit;
  throw InputError(fmt::format("“{}” behind the “#” is no unit of Modbus; expected 0 to {}", text, kLastUnit));
}

class ModbusAdapter final : public Adapter {
 public:
  explicit ModbusAdapter(Settings settings) : settings_(std::move(settings)) {}

  const std::vector<Verb>& verbs() const override {
    static const std::vector<Verb> verbs = {{.name = "read", .harmless = true}, {.name = "write", .answers = false}};
    return verbs;
  }

  void check(const std::string& verb, const nlohmann::json& step, const Node& node) const override {
    const nlohmann::json& what = step.at(verb);
    if (verb == "write") {
      if (!what.is_object() || what.size() != 1)
        return node.error(
            "expected one register and its value, such as write: {setpoint: “{temperature in degC}”}; several are "
            "several steps, since their order matters");
      const nlohmann::json& value = what.begin().value();
      const Register* place = known(what.begin().key(), node);
      if (place == nullptr) return;
      if (!value.is_number() && !(place->is_bit() && value.is_boolean()))
        node.error(fmt::format("{} is no number for the register “{}”", value.dump(), what.begin().key()));
      if (!place->can_be_written()) node.error(fmt::format("the register “{}” can only be read", what.begin().key()));
      return;
    }
    for (const nlohmann::json& name : what.is_array() ? what : nlohmann::json::array({what})) {
      if (name.is_string()) {
        known(name.get<std::string>(), node);
      } else {
        node.error(fmt::format("{} is no name of a register", name.dump()));
      }
    }
  }

  std::unique_ptr<Bus> bus_to(const std::string& address, Lines& lines) const override {
    const DeviceAddress parts = parse(address);
    return std::make_unique<ModbusBus>(address, lines.line<ModbusLine>(parts, settings_.serial), unit_of(parts),
                                       settings_);
  }

  std::string whole_address(const std::string& address) const override {
    const DeviceAddress parts = parse(address);
    return fmt::format("{}#{}", parts.line, unit_of(parts));
  }

 private:
  static DeviceAddress parse(const std::string& address) { return parse_device_address(address, "a Modbus device"); }
  int unit_of(const DeviceAddress& parts) const { return parts.device ? parse_unit(*parts.device) : settings_.unit; }

  const Register* known(const std::string& name, const Node& node) const {
    const auto found = settings_.registers.find(name);
    if (found != settings_.registers.end()) return &found->second;
    std::vector<std::string> names;
    for (const auto& [one, place] : settings_.registers) names.push_back(one);
    node.error(fmt::format("there is no register “{}”{}", name, suggest_name(name, names)));
    return nullptr;
  }

  Settings settings_;
};

Register read_register(const Node& node, const std::string& name) {
  static const std::map<std::string, Kind> kinds = {
      {"coil", Kind::kCoil}, {"discrete", Kind::kDiscrete}, {"holding", Kind::kHolding}, {"input", Kind::kInput}};
  Register place;
  MapReader reader(node, fmt::format("the register “{}”", name));
  int found = 0;
  for (const auto& [word, kind] : kinds) {
    const Node address = reader.optional(word);
    if (!address) continue;
    ++found;
    place.kind = kind;
    place.address = static_cast<int>(address.integer().value_or(0));
    if (place.address < 0 || place.address > 65535)
      address.error(fmt::format("address {}; expected 0 to 65535, as on the wire (a manual's 40001 is holding: 0)",
                                place.address));
  }
  if (found != 1) node.error("expected one of coil, discrete, holding and input, with the address");
  if (const Node type = reader.optional("type")) {
    place.type = type.one_of({"int16", "uint16", "int32", "uint32", "float32"}).value_or("uint16");
    if (place.is_bit()) type.error("a coil or discrete input is a bit and has no type");
    if (place.address + place.words() > 65536)
      type.error(fmt::format("“{}” at {} ends beyond 65535", place.type, place.address));
  }
  if (const Node scale = reader.optional("scale")) {
    place.scale = scale.number().value_or(1);
    if (!(std::isfinite(place.scale) && place.scale != 0)) scale.error("a scale of 0, or none at all");
  }
  reader.finish();
  return place;
}

SerialSettings read_rtu(const Node& node) {
  const SerialSettings serial = read_serial(node);
  if (serial.data_bits != 8 || serial.stop_bits == "1.5" || serial.flow != "none")
    node.error("Modbus RTU has 8 data bits, 1 or 2 stop bits, and no flow control");
  return serial;
}

}  // namespace

std::unique_ptr<Adapter> make_modbus_adapter(const Node& node) {
  Settings settings;
  MapReader reader(node, "how the device is spoken to");
  if (const Node unit = reader.optional("unit")) {
    settings.unit = static_cast<int>(unit.integer().value_or(1));
    if (settings.unit < 0 || settings.unit > kLastUnit)
      unit.error(fmt::format("unit {}; expected 0 to {}", settings.unit, kLastUnit));
  }
  settings.timeout_s = read_time(reader, "timeout", settings.timeout_s, 60);
  if (const Node words = reader.optional("words"))
    settings.low_word_first = words.one_of({"high_first", "low_first"}) == "low_first";
  if (const Node serial = reader.optional("serial")) settings.serial = read_rtu(serial);
  if (const Node registers = reader.required("registers")) {
    for (const auto& [name, place] : registers.entries()) settings.registers[name] = read_register(place, name);
  }
  reader.finish();
  return std::make_unique<ModbusAdapter>(std::move(settings));
}

}  // namespace athanor
