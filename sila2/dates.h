// Dates and times of SiLA 2 as texts of ISO 8601, and back: 2026-03-01Z, 08:15:30.250+02:00, 2026-03-01T08:15:30Z.
#pragma once

#include <optional>
#include <string>

#include "proto/sila2.pb.h"

namespace athanor::sila2 {

std::string to_text(const ::sila2::org::silastandard::Date& date);
std::string to_text(const ::sila2::org::silastandard::Time& time);
std::string to_text(const ::sila2::org::silastandard::Timestamp& time);

// None for a text that is none, a day that no month has, or a text that does not say its time zone: whose midnight that
// is, nobody here knows.
std::optional<::sila2::org::silastandard::Date> parse_date(const std::string& text);
std::optional<::sila2::org::silastandard::Time> parse_time(const std::string& text);
std::optional<::sila2::org::silastandard::Timestamp> parse_timestamp(const std::string& text);

}  // namespace athanor::sila2
