#include "sila2/dates.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace athanor::sila2 {
namespace {

namespace sila = ::sila2::org::silastandard;

constexpr int kFarthestZone = 14 * 60;  // minutes from Greenwich

/// SiLA 2 adds the minutes to the hours, which alone have a sign: −03:30 is −4 h and 30 min.
std::string zone(const sila::Timezone& zone) {
  const int minutes = zone.hours() * 60 + static_cast<int>(zone.minutes());
  if (minutes == 0) return "Z";
  return fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
}

template <class Dated>
std::string day(const Dated& date) {
  return fmt::format("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
}

template <class Timed>
std::string clock(const Timed& time) {
  return fmt::format("{:02}:{:02}:{:02}.{:03}", time.hour(), time.minute(), time.second(), time.millisecond());
}

/// Takes a text apart from the left; what does not fit makes it no good.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  /// Exactly so many digits, for a number in these bounds.
  unsigned number(std::size_t digits, unsigned low, unsigned high) {
    unsigned value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (i >= rest_.size() || rest_[i] < '0' || rest_[i] > '9') return fail();
      value = value * 10 + static_cast<unsigned>(rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return value < low || value > high ? fail() : value;
  }
  bool has(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void need(char c) {
    if (!has(c)) fail();
  }
  unsigned fail() {
    good_ = false;
    return 0;
  }
  std::size_t digits() const { return std::min(rest_.find_first_not_of("0123456789"), rest_.size()); }
  bool is_read() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

template <class Dated>
void read_day(Reader& text, Dated& date) {
  date.set_year(text.number(4, 1, 9999));
  text.need('-');
  date.set_month(text.number(2, 1, 12));
  text.need('-');
  date.set_day(text.number(2, 1, 31));
  const std::chrono::year_month_day whole{std::chrono::year(static_cast<int>(date.year())),
                                          std::chrono::month(date.month()), std::chrono::day(date.day())};
  if (!whole.ok()) text.fail();
}

/// A fraction of a second has one to three digits, or is left out.
template <class Timed>
void read_clock(Reader& text, Timed& time) {
  time.set_hour(text.number(2, 0, 23));
  text.need(':');
  time.set_minute(text.number(2, 0, 59));
  text.need(':');
  time.set_second(text.number(2, 0, 59));
  if (!text.has('.')) return;
  const std::size_t digits = text.digits();
  if (digits < 1 || digits > 3) {
    text.fail();
    return;
  }
  unsigned ms = text.number(digits, 0, 999);
  for (std::size_t i = digits; i < 3; ++i) ms *= 10;
  time.set_millisecond(ms);
}

template <class Zoned>
void read_zone(Reader& text, Zoned& zoned) {
  sila::Timezone& zone = *zoned.mutable_timezone();
  if (text.has('Z')) return;
  const bool west = text.has('-');
  if (!west) text.need('+');
  const int hours = static_cast<int>(text.number(2, 0, 99));
  text.need(':');
  const int distance = hours * 60 + static_cast<int>(text.number(2, 0, 59));
  if (distance > kFarthestZone) text.fail();
  const int minutes = west ? -distance : distance;
  zone.set_hours(static_cast<int>(std::floor(minutes / 60.)));
  zone.set_minutes(static_cast<unsigned>(minutes - zone.hours() * 60));
}

}  // namespace

std::string to_text(const sila::Date& date) {
  return day(date) + zone(date.timezone());
}

std::string to_text(const sila::Time& time) {
  return clock(time) + zone(time.timezone());
}

std::string to_text(const sila::Timestamp& time) {
  return day(time) + "T" + clock(time) + zone(time.timezone());
}

std::optional<sila::Date> parse_date(const std::string& text) {
  Reader reader(text);
  sila::Date date;
  read_day(reader, date);
  read_zone(reader, date);
  return reader.is_read() ? std::optional(date) : std::nullopt;
}

std::optional<sila::Time> parse_time(const std::string& text) {
  Reader reader(text);
  sila::Time time;
  read_clock(reader, time);
  read_zone(reader, time);
  return reader.is_read() ? std::optional(time) : std::nullopt;
}

std::optional<sila::Timestamp> parse_timestamp(const std::string& text) {
  Reader reader(text);
  sila::Timestamp time;
  read_day(reader, time);
  reader.need('T');
  read_clock(reader, time);
  read_zone(reader, time);
  return reader.is_read() ? std::optional(time) : std::nullopt;
}

}  // namespace athanor::sila2
