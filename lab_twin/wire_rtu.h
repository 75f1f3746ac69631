// Modbus RTU (Modbus over Serial Line 1.02): the frames of a serial line, and the messages of Modbus TCP with the same
// meaning, which is what the language understands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lab_twin/wire_device.h"

namespace athanor {

/// The next whole frame whose checksum is right, taken off the front. A frame begins where the one before ended, or
/// after a silence, and is as long as its function says; one of a function that is not known here ends with a silence.
/// What is no frame is let go by.
///
/// silent  the line has been quiet since the last byte.
std::optional<ModbusMessage> next_rtu_message(std::string& heard, bool silent);

/// An answer of Modbus TCP as a frame.
std::string rtu_frame(std::string_view answer);

/// CRC-16/MODBUS; on the line its low byte comes first.
std::uint16_t modbus_crc(std::string_view bytes);

}  // namespace athanor
