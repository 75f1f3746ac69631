// The laboratory of a run: its drivers, wherever they are, and the clock they live by.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/campaign.h"
#include "core/array.h"
#include "core/clock.h"
#include "instruments/driver_link.h"
#include "lab_twin/twin.h"

namespace athanor {

/// "real", "max" (virtual time, as fast as the machine allows), or "500x".
struct Speed {
  bool max = false;
  double times = 1;
};
/// throws InputError that quotes the text and says what is expected.
Speed parse_speed(const std::string& text);

/// Where each driver of `lab` listens: the lab file's endpoint, or a socket in `folder`.
std::vector<Endpoint> endpoints(const Lab& lab, const std::string& folder);

/// The keys of a controller of `lab`: own key `name` (empty: the only one), from the default folder; none if no driver
/// has one. throws InputError if it is not there or may not be used.
std::optional<LinkKeys> controller_keys(const Lab& lab, const std::string& name);

/// The same for a driver of this machine that holds key `name`; empty: none.
std::optional<LinkKeys> driver_keys(const std::string& name);
/// Our own key of this name (empty: the only one), and whom this machine allows.
LinkKeys keys_of(const std::string& own);

/// Where drivers of this program say who came and who was turned away: standard error, with the time.
DriverLog dated_log(const std::string& driver);
/// And on standard output, once they listen, where.
std::function<void()> say_where(const Endpoint& endpoint);

/// Where a twin that a run started writes what it has to say.
std::string twin_log(const std::string& folder);

/// The start of a run: drivers can be talked to when this is constructed.
class Laboratory {
 public:
  virtual ~Laboratory() = default;
  virtual const Clock& clock() const = 0;
  virtual DriverLink& link() = 0;
  /// How much laboratory time passes in a second of wall time, for bounds that are about links and not about chemistry.
  virtual double speed() const { return 1; }
};

/// Opens the store of arrays, which dates its files by this clock.
using OpenStore = std::function<std::unique_ptr<ArrayStore>(const Clock& clock)>;

/// The twin in this process, on a virtual clock that begins at `start`. `boot` tells this start from every other.
/// open_store: of a laboratory that makes arrays.
std::unique_ptr<Laboratory> make_virtual_laboratory(const Lab& lab, const std::string& folder,
                                                    std::optional<std::uint64_t> seed, const std::string& boot,
                                                    Time start, const OpenStore& open_store = nullptr);

/// Drivers behind sockets. A twin's drivers that are not running are started, as processes that outlive a killed
/// controller (so that their instruments go on) and end with a clean run, or by themselves when no controller came
/// back.
/// takes_arrays: a data link stores what drivers make of them.
/// wire: of a twin, its devices are spoken to in their own languages, by the profiles that the lab file names.
std::unique_ptr<Laboratory> make_remote_laboratory(const Lab& lab, const std::string& folder,
                                                   std::optional<std::uint64_t> seed, const std::string& controller,
                                                   Speed speed, bool wire, Time start,
                                                   const std::optional<LinkKeys>& keys = {}, bool takes_arrays = false);

/// What the instruments of `lab` say of themselves, within the laboratory's limits: the twin's without starting it,
/// real ones over their links. throws EnvironmentError naming each driver that did not answer.
/// set_aside: told of what is the matter with profiles of a twin on the wire, whose drivers leave such instruments out.
/// throws InputError if none is left.
std::vector<driver::v1::Instrument> describe_laboratory(const Lab& lab, const std::string& folder, bool wire,
                                                        const std::optional<LinkKeys>& keys,
                                                        std::vector<Mistake>& set_aside);

/// Becomes the twin: a process for each driver of `lab` (and with `wire`, one more for its devices; those whose
/// profiles are no good are set aside, as real ones are), until `stop_fd` is readable or, with `linger_s`, no
/// controller was heard for that long. Gives 0, or 3 if a driver's process failed (it has said why).
int serve_twin(const Lab& lab, const std::string& folder, std::optional<std::uint64_t> seed, Speed speed, bool wire,
               int stop_fd, double linger_s = 0);

/// One of its drivers, in this process. Throws what serve_driver does.
int serve_twin_driver(const Lab& lab, const Endpoint& endpoint, const std::string& folder,
                      std::optional<std::uint64_t> seed, Speed speed, int stop_fd, double linger_s);

}  // namespace athanor
