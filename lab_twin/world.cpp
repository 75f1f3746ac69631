#include "lab_twin/world.h"

#include <fmt/format.h>

#include <charconv>

#include "core/check.h"
#include "core/error.h"

namespace athanor {
namespace {

// An act is a row, found by its command id, and by its instrument while it runs. Times are microseconds since 1970.
constexpr const char* kSchema = R"(
  CREATE TABLE IF NOT EXISTS meta   (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS sample (id TEXT PRIMARY KEY, state TEXT) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS device (id TEXT PRIMARY KEY, state TEXT) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS recording (instrument TEXT, result TEXT, command TEXT, rows BLOB,
                                        PRIMARY KEY (instrument, result)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS place  (name TEXT PRIMARY KEY, sample TEXT) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS stock  (reagent TEXT PRIMARY KEY, ml REAL, supplied_ml REAL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS act    (number INTEGER PRIMARY KEY, id TEXT UNIQUE, instrument TEXT, begun INTEGER,
                                     began_at INTEGER, ends_at INTEGER, planned_s REAL, ended_at INTEGER, completed INTEGER,
                                     command BLOB, outcome BLOB);
  CREATE INDEX IF NOT EXISTS act_running ON act (instrument) WHERE ended_at = -1;
)";
constexpr const char* kAct =
    "SELECT begun, began_at, ends_at, planned_s, ended_at, completed, command, outcome FROM act ";
constexpr std::int64_t kStillRunning = -1;

std::int64_t number(Time time) {
  return time.time_since_epoch().count();
}
Time time(std::int64_t number) {
  return Time(Duration(number));
}

// Made before the statements are prepared, which need the tables.
Random open_world(Database& database, const std::optional<std::string>& model, std::optional<std::uint64_t> seed) {
  std::uint64_t found_seed = seed.value_or(1);
  std::string found_model;
  database.transaction([&] {
    database.execute(kSchema);
    auto keep = database.prepare("INSERT OR IGNORE INTO meta VALUES (?, ?)");
    if (model) {
      keep.bind(1, std::string_view("model")).bind(2, std::string_view(*model)).run();
      keep.bind(1, std::string_view("seed")).bind(2, std::string_view(std::to_string(found_seed))).run();
    }
    auto meta = database.prepare("SELECT key, value FROM meta");
    while (meta.step()) {
      const std::string key = meta.text(0), value = meta.text(1);
      if (key == "model") found_model = value;
      if (key == "seed") std::from_chars(value.data(), value.data() + value.size(), found_seed);
    }
  });
  if (model && found_model != *model) {
    throw InputError(
        fmt::format("{} is a world of the model “{}”, but the lab file asks for “{}”; use another folder or journal, "
                    "or delete that one",
                    database.file(), found_model, *model));
  }
  if (seed && *seed != found_seed) {
    throw InputError(
        fmt::format("{} was made with seed {}, but seed {} is asked for; use another folder or journal, or delete "
                    "that one",
                    database.file(), found_seed, *seed));
  }
  return Random(found_seed);
}

}  // namespace

World::World(const std::string& file, const std::optional<std::string>& model, std::optional<std::uint64_t> seed)
    : database_(file, Database::Sync::kNone, false),
      random_(open_world(database_, model, seed)),
      get_sample_(database_.prepare("SELECT state FROM sample WHERE id = ?")),
      put_sample_(database_.prepare("INSERT INTO sample VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET state = ?2")),
      get_device_(database_.prepare("SELECT state FROM device WHERE id = ?")),
      put_device_(database_.prepare("INSERT INTO device VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET state = ?2")),
      get_recording_(database_.prepare("SELECT result, rows FROM recording WHERE instrument = ? AND command = ?")),
      put_recording_(database_.prepare("INSERT OR REPLACE INTO recording VALUES (?, ?, ?, ?)")),
      get_place_(database_.prepare("SELECT sample FROM place WHERE name = ?")),
      put_place_(database_.prepare("INSERT INTO place VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET sample = ?2")),
      get_stock_(database_.prepare("SELECT ml FROM stock WHERE reagent = ?")),
      put_stock_(database_.prepare("INSERT INTO stock VALUES (?1, ?2, ?2) ON CONFLICT (reagent) DO UPDATE SET ml = ml "
                                   "+ max(0.0, ?2 - supplied_ml), "
                                   "supplied_ml = max(supplied_ml, ?2)")),
      take_stock_(database_.prepare("UPDATE stock SET ml = max(0.0, ml - ?2) WHERE reagent = ?1")),
      begin_(database_.prepare("INSERT INTO act (id, instrument, begun, began_at, ends_at, planned_s, ended_at, "
                               "completed, command, outcome) VALUES (?1, ?2, 1, ?3, ?4, ?5, -1, 0, ?6, x'') "
                               "ON CONFLICT (id) DO UPDATE SET "
                               "begun = begun + 1, began_at = ?3, ends_at = ?4, planned_s = ?5, ended_at = -1, "
                               "completed = 0, outcome = x''")),
      end_(database_.prepare("UPDATE act SET ended_at = ?2, completed = ?3, outcome = ?4 WHERE id = ?1")),
      find_(database_.prepare(std::string(kAct) + "WHERE id = ?")),
      running_(database_.prepare(std::string(kAct) + "WHERE instrument = ? AND ended_at = -1")) {}

State World::load(Statement& statement, const std::string& id) {
  statement.bind(1, std::string_view(id));
  State state;
  if (statement.step()) state = State::parse(statement.text(0));
  statement.reset();
  return state;
}

State World::sample(const std::string& id) {
  return load(get_sample_, id);
}
State World::device(const std::string& id) {
  return load(get_device_, id);
}

void World::put_sample(const std::string& id, const State& state) {
  put_sample_.bind(1, std::string_view(id)).bind(2, std::string_view(state.text())).run();
}

void World::put_device(const std::string& id, const State& state) {
  put_device_.bind(1, std::string_view(id)).bind(2, std::string_view(state.text())).run();
}

void World::put_recording(const std::string& instrument, const std::string& command_id,
                          const std::vector<Rows>& arrays) {
  for (const Rows& array : arrays) {
    const auto bytes = array.bytes.bytes();
    put_recording_.bind(1, std::string_view(instrument)).bind(2, std::string_view(array.result));
    put_recording_.bind(3, std::string_view(command_id))
        .bind_blob(4, {reinterpret_cast<const char*>(bytes.data()), bytes.size()})
        .run();
  }
}

std::vector<Rows> World::recording(const std::string& instrument, const std::string& command_id) {
  get_recording_.bind(1, std::string_view(instrument)).bind(2, std::string_view(command_id));
  std::vector<Rows> arrays;
  while (get_recording_.step()) {
    const std::string_view bytes = get_recording_.blob_view(1);
    arrays.push_back({get_recording_.text(0), SharedBytes::of(std::vector<char>(bytes.begin(), bytes.end()))});
  }
  get_recording_.reset();
  return arrays;
}

std::string World::standing_at(const std::string& place) {
  get_place_.bind(1, std::string_view(place));
  const std::string sample = get_place_.step() ? get_place_.text(0) : "";
  get_place_.reset();
  return sample;
}

void World::put_at(const std::string& place, const std::string& sample) {
  put_place_.bind(1, std::string_view(place)).bind(2, std::string_view(sample)).run();
}

void World::stock_up(const std::string& reagent, double ml) {
  put_stock_.bind(1, std::string_view(reagent)).bind(2, ml).run();
}

double World::stock_ml(const std::string& reagent) {
  get_stock_.bind(1, std::string_view(reagent));
  const double ml = get_stock_.step() ? get_stock_.real(0) : 0;
  get_stock_.reset();
  return ml;
}

void World::take_ml(const std::string& reagent, double ml) {
  take_stock_.bind(1, std::string_view(reagent)).bind(2, ml).run();
}

void World::begin(const driver::v1::Command& command, Time now, Time ends_at, double planned_s) {
  const std::string bytes = command.SerializeAsString();
  begin_.bind(1, std::string_view(command.id())).bind(2, std::string_view(command.instrument()));
  begin_.bind(3, number(now)).bind(4, number(ends_at)).bind(5, planned_s).bind_blob(6, bytes).run();
}

void World::end(const driver::v1::Outcome& outcome, Time at, bool completed) {
  const std::string bytes = outcome.SerializeAsString();
  end_.bind(1, std::string_view(outcome.id()))
      .bind(2, number(at))
      .bind(3, std::int64_t{completed})
      .bind_blob(4, bytes)
      .run();
}

Act World::read(Statement& row) const {
  Act act;
  act.begun = static_cast<int>(row.integer(0));
  act.began_at = time(row.integer(1));
  act.ends_at = time(row.integer(2));
  act.planned_s = row.real(3);
  if (row.integer(4) != kStillRunning) act.ended_at = time(row.integer(4));
  act.completed = row.integer(5) != 0;
  if (!act.command.ParseFromString(row.blob(6)) || !act.outcome.ParseFromString(row.blob(7))) {
    throw EnvironmentError(
        fmt::format("{}: the log of physical actions is damaged; delete the folder", database_.file()));
  }
  return act;
}

std::optional<Act> World::find(const std::string& command_id) {
  find_.bind(1, std::string_view(command_id));
  std::optional<Act> act;
  if (find_.step()) act = read(find_);
  find_.reset();
  return act;
}

std::optional<Act> World::running(const std::string& instrument) {
  running_.bind(1, std::string_view(instrument));
  std::optional<Act> act;
  if (running_.step()) act = read(running_);
  ATHANOR_CHECK(!act || !running_.step(), "a simulated device is doing two things at once");
  running_.reset();
  return act;
}

std::optional<Time> World::last_time() {
  auto latest = database_.prepare("SELECT count(*), max(max(began_at, ended_at)) FROM act");
  latest.step();
  return latest.integer(0) == 0 ? std::optional<Time>() : time(latest.integer(1));
}

std::vector<PhysicalAction> World::actions() {
  std::vector<PhysicalAction> actions;
  auto rows = database_.prepare(std::string(kAct) + "ORDER BY number");
  while (rows.step()) {
    const Act act = read(rows);
    actions.push_back({act.command.id(), act.command.instrument(), act.command.capability(), act.command.sample(),
                       act.begun, act.completed});
  }
  return actions;
}

std::string world_file(const std::string& folder) {
  return folder + "/world.db";
}

}  // namespace athanor
