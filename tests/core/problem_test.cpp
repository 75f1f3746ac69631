// Goal: a campaign's problem is read as written, and every mistake in it reported at once. Method: the example of the
// campaign file; a file with one of each mistake, with their lines and columns; tables of candidates, large ones too.
#include "core/problem.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "core/read_space.h"
#include "tests/core/messages.h"
#include "tests/core/scratch.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

Problem read(const std::string& text, const std::string& folder = ".", NamedFiles files = NamedFiles::kRead) {
  const auto document = Document::parse(text, "f.yaml", folder);
  MapReader map(document->root(), "campaign file");
  Problem problem = read_problem(map, files);
  map.finish();
  document->throw_if_errors();
  return problem;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> places;
  try {
    read(text);
  } catch (const InputError& error) {
    for (const Mistake& m : error.mistakes())
      places.push_back(std::to_string(m.place.line) + ":" + std::to_string(m.place.column));
  }
  return places;
}

std::string refusal(const std::string& text, const std::string& folder = ".") {
  return message_of<InputError>([&] { read(text, folder); });
}

const std::string kObjective = "objectives: {y: {goal: maximize}}\n";

}  // namespace

TEST_CASE("the example of a campaign file is read as it is meant", "[problem]") {
  const Problem problem = read(R"(
space:
  temperature: {range: [30 degC, 383.15 K]}
  residence:   {range: [60 s, 10 min], scale: log}
  loading:     {range: [0.498, 2.515]}
  cycles:      {integer: [1, 8]}
  pressure:    {levels: [5 bar, 1 bar, 200 kPa]}
  ligand:      {choices: [XPhos, SPhos, PPh3]}
  mat_1: {range: [0, 1]}
  mat_2: {range: [0, 1]}
mixtures:
  blend: {parts: [mat_1, mat_2], total: 1}
constraints: ["loading + 0.1*cycles <= 3", temperature <= 100 degC]
objectives:
  yield: {goal: maximize, unit: "%"}
  cost: {goal: minimize}
  ph: {target: 7}
  size: {goal: {target: 2 mm}}
planner: {initial: 5, batch: 2}
)");
  const Space& space = problem.space;
  REQUIRE(space.size() == 8);
  CHECK(space[0].unit.text() == "degC");
  CHECK(space[0].high() == Approx(110).epsilon(1e-12));
  CHECK(std::get<Continuous>(space[1].kind).log);
  CHECK(space[1].high() == Approx(600).epsilon(1e-12));
  CHECK(space[3].cardinality() == 8);
  CHECK(std::get<Levels>(space[4].kind).values == std::vector<double>{1, 2, 5});
  CHECK(space[5].text(2) == "PPh3");
  REQUIRE(space.constraints().size() == 3);
  CHECK(space.constraints()[0].text == "blend: mat_1 + mat_2 = 1");
  CHECK(space.constraints()[2].bound == 100);
  REQUIRE(problem.objectives.size() == 4);
  CHECK(problem.objectives[0].unit.text() == "%");
  CHECK(problem.objectives[1].goal == Objective::Goal::kMinimize);
  CHECK(problem.objectives[2].target == 7);
  CHECK(problem.objectives[3].target == 2);
  CHECK(problem.objectives[3].unit.text() == "mm");
  CHECK(problem.planner.initial == 5);
  CHECK(problem.planner.batch == 2);
}

TEST_CASE("all mistakes of a file are reported at once, each at its place", "[problem]") {
  const std::string text =
      "space:\n"                                       // 1
      "  temperature: {range: [110 degC, 30 degC]}\n"  // 2: the range, column 24
      "  time: {range: [60 s, 5 mL]}\n"                // 3: the second end, 24
      "  bad-name: {range: [0, 1]}\n"                  // 4: the key, 3
      "  volume: {range: [1, 5 mL]}\n"                 // 5: the first end, 20
      "  none: {scale: log}\n"                         // 6: the map, 9
      "  both: {range: [0, 1], levels: [1]}\n"         // 7: the map, 9
      "  count: {integer: [1, 2.5]}\n"                 // 8: the list, 20
      "  kind: {choices: [A, A]}\n"                    // 9: the list, 19
      "  x: {range: [0, 1], sclae: log}\n"             // 10: the key, 22
      "  good: {range: [0, 1]}\n"                      // 11
      "  fine: {range: [0, 1]}\n"                      // 12
      "mixtures:\n"                                    // 13
      "  m: {parts: [good, fien], total: 1}\n"         // 14: the part, 21
      "constraints:\n"                                 // 15
      "  - godo <= 1\n"                                // 16: 5
      "  - good * fine <= 1\n"                         // 17: 5
      "  - temperature <= 3\n"                         // 18: about a broken parameter: not reported again
      "objectives:\n"                                  // 19
      "  y: {goal: maximise}\n"                        // 20: 13
      "  z: {unit: degX, goal: minimize}\n"            // 21: 13
      "  w: {}\n"                                      // 22: 6
      "planner: {initial: 0, batch: two, seed: 3}\n";  // 23: 20, 30, 35
  CHECK(lines_of(text) == std::vector<std::string>{"2:24", "3:24", "4:3", "5:20", "6:9", "7:9", "8:20", "9:19", "10:22",
                                                   "14:21", "16:5", "17:5", "20:13", "21:13", "22:6", "23:20", "23:30",
                                                   "23:35"});
  const std::string all = refusal(text);
  CHECK_THAT(all, Contains("its range [110, 30] is empty"));
  CHECK_THAT(all, Contains("“5 mL” cannot be converted to “s”"));
  CHECK_THAT(all, Contains("“1” has no unit") && Contains("write “1 mL”"));
  CHECK_THAT(all, Contains("found range and levels"));
  CHECK_THAT(all, Contains("did you mean “scale”"));
  CHECK_THAT(all, Contains("did you mean “fine”"));
  CHECK_THAT(all, Contains("did you mean “good”"));
  CHECK_THAT(all, Contains("found “0”") || Contains("found 0; expected 1 to 10000"));
}

TEST_CASE("outcome constraints name what is measured, in its unit or in their own", "[problem]") {
  const std::string space = "space: {x: {range: [0, 1]}}\nobjectives: {y: {goal: maximize, unit: \"%\"}}\n";
  const Problem problem =
      read(space + "outcome_constraints: [\"impurity <= 5 mg/L\", \"y ≥ 40 %\", impurity > 1 mg/L]\n");
  REQUIRE(problem.outcome_constraints.size() == 3);
  REQUIRE(problem.measurands().size() == 2);
  CHECK(problem.measurands()[1].name == "impurity");
  CHECK(problem.measurands()[1].unit.text() == "mg/L");
  CHECK(problem.outcome_constraints[0].measurand == 1);
  CHECK((problem.outcome_constraints[0].holds(5) && !problem.outcome_constraints[0].holds(5.1)));
  CHECK(problem.outcome_constraints[1].measurand == 0);
  CHECK(problem.outcome_constraints[1].bound == 40);
  CHECK((problem.outcome_constraints[2].holds(2) && !problem.outcome_constraints[2].holds(0.5)));
  const auto refused = [&](const std::string& constraints) {
    return refusal(space + "outcome_constraints: [\"" + constraints + "\"]\n");
  };
  CHECK_THAT(refused("impurity 5 %"), Contains("f.yaml:3:23") && Contains("no comparison"));
  CHECK_THAT(refused("impurity <= five"), Contains("“five”"));
  CHECK_THAT(refused("<= 5 %"), Contains("names nothing"));
  CHECK_THAT(refused("x <= 0.5"), Contains("about the parameter “x”"));
  CHECK_THAT(refused("y <= 5 mg"), Contains("“y”"));
  CHECK_THAT(refused("y >= 40"), Contains("write “40 %”"));
  CHECK_THAT(refused("w + v <= 3"), Contains("“w + v” on its left"));
  CHECK_THAT(refused("2*y <= 3 %"), Contains("one measured value stands alone"));
  CHECK_THAT(refused("1 <= w <= 3"), Contains("“w <= 3”, which is no number"));
}

TEST_CASE("outcome constraints that repeat or exclude each other are refused, both named", "[problem]") {
  const auto with = [](const std::string& constraints) {
    return "space: {x: {range: [0, 1]}}\n" + kObjective + "outcome_constraints: [" + constraints + "]\n";
  };
  const auto refused = [&](const std::string& constraints) { return refusal(with(constraints)); };
  CHECK_THAT(refused("y <= 1, y >= 2"), Contains("f.yaml:3:31") && Contains("“y <= 1” and “y >= 2” leave no room"));
  CHECK_THAT(refused("z >= 2 g, z <= 1500 mg"), Contains("“z >= 2 g” and “z <= 1500 mg” leave no room for “z”"));
  CHECK_THAT(refused("y >= 1, y <= 1"), Contains("leave no room"));
  CHECK_THAT(refused("y <= 1, z >= 0, y < 2"), Contains("f.yaml:3:39") && Contains("“y <= 1” and “y < 2” both bound"));
  CHECK_THAT(refused("y >= 1, y >= 1"), Contains("from below"));
  CHECK_NOTHROW(read(with("y >= 1, y <= 2, z <= 1")));
}

TEST_CASE("a reference is of one objective among several, in its unit", "[problem]") {
  const auto with = [](const std::string& objectives) {
    return "space: {x: {range: [0, 1]}}\nobjectives: {" + objectives + "}\n";
  };
  const Problem problem =
      read(with("y: {goal: minimize, unit: mg, reference: 1 g}, z: {goal: maximize}, hue: {target: 520 nm, reference: "
                "0.5 um}"));
  CHECK(problem.objectives[0].reference == 1000.0);
  CHECK_FALSE(problem.objectives[1].reference);
  CHECK(problem.objectives[2].reference == Approx(500).epsilon(1e-12));
  CHECK_THAT(refusal(with("y: {goal: maximize, reference: 10}")),
             Contains("f.yaml:2:45") && Contains("only among several objectives"));
  CHECK_THAT(refusal(with("y: {goal: maximize, unit: g, reference: 1 m}, z: {goal: maximize}")), Contains("“1 m”"));
}

TEST_CASE("a transform must suit its goal, and an acquisition the number of objectives", "[problem]") {
  const auto transform = [](const std::string& goal, const std::string& word) {
    return "space: {x: {range: [0, 1]}}\nobjectives: {y: {" + goal + ", transform: " + word + "}}\n";
  };
  for (const char* word : {"auto", "none", "bilog", "winsorise"}) {
    CHECK_NOTHROW(read(transform("goal: maximize", word)));
    CHECK_NOTHROW(read(transform("target: 3", word)));
  }
  CHECK(read(transform("goal: minimize", "log")).objectives[0].transform == Objective::Transform::kLog);
  CHECK_THAT(refusal(transform("target: 3", "log")), Contains("f.yaml:2:40") && Contains("“y” has a target"));
  CHECK_THAT(refusal(transform("goal: {target: 3}", "log")), Contains("has a target"));
  CHECK_THAT(refusal(transform("goal: maximize", "sqrt")), Contains("expected one of auto, none, log"));

  const auto acquisition = [](int objectives, const std::string& word) {
    std::string text = "space: {x: {range: [0, 1]}}\nplanner: {acquisition: " + word + "}\nobjectives:\n";
    for (int i = 0; i < objectives; ++i) text += "  y" + std::to_string(i) + ": {goal: maximize}\n";
    return text;
  };
  using Acquisition = PlannerSettings::Acquisition;
  CHECK(read(acquisition(1, "expected_improvement")).planner.acquisition == Acquisition::kExpectedImprovement);
  CHECK(read(acquisition(4, "hypervolume")).planner.acquisition == Acquisition::kHypervolume);
  CHECK(read(acquisition(5, "parego")).planner.acquisition == Acquisition::kParego);
  for (const char* word : {"auto", "upper_confidence_bound", "thompson"}) {
    CHECK_NOTHROW(read(acquisition(1, word)));
    CHECK_NOTHROW(read(acquisition(5, word)));
  }
  for (const char* word : {"hypervolume", "parego"}) {
    CHECK_THAT(refusal(acquisition(1, word)), Contains("f.yaml:2:24") && Contains("expected expected_improvement"));
  }
  CHECK_THAT(refusal(acquisition(3, "expected_improvement")), Contains("there are 3; expected hypervolume, parego"));
  CHECK_THAT(refusal(acquisition(5, "expected_improvement")), Contains("there are 5; expected parego"));
  CHECK_THAT(refusal(acquisition(5, "hypervolume")), Contains("4 objectives at most"));
  CHECK_THAT(refusal(acquisition(1, "magic")), Contains("expected one of auto, expected_improvement"));
}

TEST_CASE("a resolution is a difference in the parameter's unit", "[problem]") {
  const auto with = [](const std::string& parameter) { return "space: {t: " + parameter + "}\n" + kObjective; };
  const auto resolution = [&](const std::string& parameter) { return read(with(parameter)).space[0].resolution; };
  CHECK(resolution("{range: [30 degC, 110 degC]}") == 0);
  CHECK(resolution("{range: [30 degC, 110 degC], resolution: 1 degC}") == 1);
  CHECK(resolution("{range: [30 degC, 110 degC], resolution: 0.5 K}") == 0.5);
  CHECK(resolution("{range: [30 degC, 110 degC], resolution: 9 degF}") == Approx(5).epsilon(1e-12));
  CHECK(resolution("{range: [300 K, 400 K], resolution: 2 degC}") == 2);
  CHECK(resolution("{range: [60 s, 600 s], scale: log, resolution: 0.5 min}") == 30);
  CHECK(resolution("{integer: [1, 100], resolution: 5}") == 5);
  CHECK_THAT(refusal(with("{range: [0, 1], resolution: 0}")),
             Contains("its resolution is 0; expected a positive number"));
  CHECK_THAT(refusal(with("{range: [30 degC, 110 degC], resolution: -1 K}")),
             Contains("f.yaml:1:53") && Contains("its resolution is -1 degC; expected a positive number"));
  CHECK_THAT(refusal(with("{range: [30 degC, 110 degC], resolution: 81 K}")),
             Contains("its resolution of 81 degC is wider than its range, which is 80 degC wide"));
  CHECK_THAT(refusal(with("{range: [30 degC, 110 degC], resolution: 1 mL}")),
             Contains("f.yaml:1:53") && Contains("“1 mL” cannot be converted to “degC”"));
  CHECK_THAT(refusal(with("{range: [30 degC, 110 degC], resolution: 1}")), Contains("“1” has no unit"));
  CHECK_THAT(refusal(with("{range: [110 degC], resolution: 1 K}")), !Contains("resolution"));
  CHECK_THAT(refusal(with("{range: [0, 1], choices: [A], resolution: 1, descriptors: d.csv}")), !Contains("no key"));
  CHECK_THAT(refusal(with("{levels: [1, 2], resolution: 1}")), Contains("has no key “resolution”"));
  CHECK_THAT(refusal(with("{choices: [A, B], resolution: 1}")), Contains("has no key “resolution”"));
}

TEST_CASE("a missing space, an empty one, and no objective", "[problem]") {
  CHECK_THAT(refusal(kObjective), Contains("campaign file needs “space:”"));
  CHECK_THAT(refusal("space: {}\n" + kObjective), Contains("no parameters"));
  CHECK_THAT(refusal("space:\n" + kObjective), Contains("found nothing"));
  CHECK_THAT(refusal("space: {x: {range: [0, 1]}}\n"), Contains("needs “objectives:”"));
  CHECK_THAT(refusal("space: {x: {range: [0, 1]}}\nobjectives: {}\n"), Contains("no objective"));
  CHECK_THAT(refusal("space: {y: {range: [0, 1]}}\n" + kObjective), Contains("both a parameter and an objective"));
}

TEST_CASE("constraints that conflict are reported at the constraints", "[problem]") {
  const std::string text =
      "space: {a: {range: [0, 1]}, b: {range: [0, 1]}}\nmixtures: {m: {parts: [a, b], total: 1}}\n"
      "constraints: [a <= 0.3, b <= 0.3]\n" +
      kObjective;
  CHECK_THAT(refusal(text), Contains("f.yaml:3:14") && Contains("m: a + b = 1") && Contains("b <= 0.3"));
}

TEST_CASE("a constraint may be meant for some choices only", "[problem]") {
  const std::string space =
      "space: {t: {range: [30 degC, 110 degC]}, s: {choices: [water, ethanol, toluene]}, b: {choices: [NaH, TEA]}, "
      "n: {integer: [1, 5]}}\n" +
      kObjective;
  const auto refused = [&](const std::string& constraint) {
    return refusal(space + "constraints: [" + constraint + "]\n");
  };
  const Space read_space = read(space +
                                "constraints:\n"
                                "  - {when: {s: water}, then: \"t <= 95 degC\"}\n"
                                "  - {when: {s: [water, ethanol], b: NaH}, then: never}\n")
                               .space;
  for (double s = 0; s < 3; ++s) {
    for (double b = 0; b < 2; ++b) {
      for (const double t : {90.0, 100.0}) {
        const Point at = {t, s, b, 2};
        const bool hot_water = s == 0 && t > 95, wet_hydride = s < 2 && b == 0;
        CHECK(read_space.feasible(at) == (!hot_water && !wet_hydride));
        CHECK(read_space.why_infeasible(at).empty() == read_space.feasible(at));
      }
    }
  }
  CHECK_THAT(read_space.why_infeasible({100, 0, 1, 2}), Contains("“when s is water: t <= 95 degC” is violated by 5"));
  CHECK_THAT(read_space.why_infeasible({50, 1, 0, 2}),
             Contains("“when s is water or ethanol and b is NaH: never” forbids it"));

  CHECK_THAT(refused("{when: {s: watr}, then: never}"),
             Contains("f.yaml:3:26") && Contains("none of the choices of “s”") && Contains("water"));
  CHECK_THAT(refused("{when: {t: 50}, then: never}"), Contains("“t” is no parameter with choices"));
  CHECK_THAT(refused("{when: {q: 50}, then: never}"), Contains("“q” is no parameter with choices"));
  CHECK_THAT(refused("{when: {s: []}, then: never}"), Contains("one of its choices"));
  CHECK_THAT(refused("{when: {}, then: never}"), Contains("needs a choice"));
  CHECK_THAT(refused("{then: never}"), Contains("needs “when:”"));
  CHECK_THAT(refused("{when: {s: water}, then: \"t = 50 degC\"}"), Contains("write two inequalities"));
  CHECK_THAT(refused("{when: {s: water}, then: sometimes}"), Contains("or never; found “sometimes”"));
  CHECK_THAT(refused("never"), Contains("never"));
  CHECK_THAT(refused("\"s <= 1\""), Contains("{when: {s: …}, then: …}"));
  // A condition that leaves nothing, and conditions that together leave no choice.
  CHECK_THAT(refused("{when: {s: water}, then: \"t <= 20 degC\"}"),
             Contains("no point satisfies “when s is water: t <= 20 degC”"));
  CHECK_THAT(refused("{when: {b: NaH}, then: never}, {when: {b: TEA}, then: never}"),
             Contains("no combination of choices is left by “when b is NaH: never”, “when b is TEA: never”"));
  // Each leaves something, but together they take one choice out without saying so.
  CHECK_THAT(refused("{when: {s: water}, then: \"t <= 60 degC\"}, {when: {s: water}, then: \"t >= 70 degC\"}"),
             Contains("with “water” of “s” no point satisfies “when s is water: t <= 60 degC”, “when s is water: t >= "
                      "70 degC”; relax one of these constraints, or take that choice out"));
}

TEST_CASE("mixtures hold to their parts' unit", "[problem]") {
  const std::string space =
      "space: {a: {range: [0 %, 100 %]}, b: {range: [0 %, 100 %]}, c: {range: [0, 1]}, l: {choices: [x, y]}}\n";
  CHECK(read(space + "mixtures: {m: {parts: [a, b], total: 100 %}}\n" + kObjective).space.constraints()[0].bound ==
        100);
  CHECK_THAT(refusal(space + "mixtures: {m: {parts: [a, b], total: 1}}\n" + kObjective), Contains("“1 %”"));
  CHECK_THAT(refusal(space + "mixtures: {m: {parts: [a, c], total: 1}}\n" + kObjective),
             Contains("give all parts one unit"));
  CHECK_THAT(refusal(space + "mixtures: {m: {parts: [a, l], total: 1}}\n" + kObjective), Contains("is a choice"));
  CHECK_THAT(refusal(space + "mixtures: {m: {parts: [a], total: 1}}\n" + kObjective), Contains("two parts at least"));
  CHECK_THAT(refusal(space + "mixtures: {m: {parts: [a, a], total: 1}}\n" + kObjective), Contains("named twice"));
  CHECK_THAT(refusal(space + "mixtures: {m: {parts: [a, b]}}\n" + kObjective), Contains("needs “total:”"));
}

TEST_CASE("candidates make the space where none is given", "[problem]") {
  const Scratch scratch;
  std::string csv = "ligand,t,x,y\n";
  for (int i = 0; i < 200; ++i) {
    csv += std::string(i % 3 == 0   ? "\"CC(C)P,X\""
                       : i % 3 == 1 ? "PPh3"
                                    : "SPhos") +
           "," + std::to_string(20 * (i % 5)) + "," + std::to_string(i / 2 * 0.5) + "," + std::to_string(i) + "\n";
  }
  scratch.write("pool.csv", csv);
  const Problem problem = read("candidates: pool.csv\n" + kObjective, scratch.folder());
  REQUIRE(problem.space.size() == 3);  // the objective's column is none of them
  CHECK(std::get<Choices>(problem.space[0].kind).names == std::vector<std::string>{"CC(C)P,X", "PPh3", "SPhos"});
  CHECK(std::get<Levels>(problem.space[1].kind).values == std::vector<double>{0, 20, 40, 60, 80});
  CHECK(problem.space[2].high() == 49.5);
  CHECK(problem.space[2].continuous());
  CHECK(problem.space.pool()->rows == 200);
  CHECK(problem.space.pool()->values[3 * 4 + 0] == 1);
  CHECK(problem.space.pool()->values[3 * 4 + 1] == 80);

  const Problem named = read(
      "candidates: {file: pool.csv, columns: {phosphine: ligand, temperature: t}}\n" + kObjective, scratch.folder());
  REQUIRE(named.space.size() == 2);
  CHECK(named.space[0].name == "phosphine");
  CHECK(named.space.pool()->rows == 15);  // equal rows are one candidate

  const Problem ignored =
      read("candidates: nowhere.csv\nconstraints: [t <= 3]\n" + kObjective, scratch.folder(), NamedFiles::kIgnore);
  CHECK(ignored.space.size() == 0);
  CHECK_FALSE(ignored.space.pool());
}

TEST_CASE("candidates restrict a space, in its units", "[problem]") {
  const Scratch scratch;
  scratch.write("pool.csv",
                "ligand,T (°C),n,note\nA,40,1,first\nB,313.15 K,2,same temperature\nA,40,1,again\nA,100,3,hot\n");
  const std::string space =
      "space: {t: {range: [30 degC, 110 degC]}, n: {integer: [1, 3]}, ligand: {choices: [A, B]}}\n"
      "candidates: {file: pool.csv, columns: {t: \"T (°C)\"}}\n";
  const Problem problem = read(space + kObjective, scratch.folder());
  REQUIRE(problem.space.pool());
  CHECK(problem.space.pool()->rows == 3);
  CHECK(problem.space.pool()->values[3] == Approx(40).epsilon(1e-12));
  CHECK(problem.space.pool()->values[4] == 2);
  CHECK(problem.space.pool()->values[5] == 1);

  const Problem cooler = read(space + "constraints: [t <= 90 degC]\n" + kObjective, scratch.folder());
  CHECK(cooler.space.pool()->rows == 2);
  CHECK_THAT(refusal(space + "constraints: [t <= 35 degC]\n" + kObjective, scratch.folder()),
             Contains("none of the 4 rows"));
  CHECK_FALSE(read(space + kObjective, "/nowhere", NamedFiles::kIgnore).space.pool());
}

TEST_CASE("candidates that do not fit are named by row and column", "[problem]") {
  const Scratch scratch;
  const std::string space =
      "space: {t: {range: [30 degC, 110 degC]}, l: {levels: [1, 2]}, c: {choices: [A, B]}}\ncandidates: pool.csv\n";
  const auto with = [&](const std::string& csv) {
    scratch.write("pool.csv", csv);
    return refusal(space + kObjective, scratch.folder());
  };
  const std::string message = with("t,l,c\n40,1,A\n120,1,A\n40,3,A\n40,1,C\nwarm,1,A\n");
  CHECK_THAT(
      message,
      Contains("pool.csv row 3: column “t”: t = 120 is outside the space (the nearest legal value is 110 degC)"));
  CHECK_THAT(message, Contains("row 4: column “l”: l = 3") && Contains("row 5: column “c”: “C” is no choice of “c”"));
  CHECK_THAT(message, Contains("row 6: column “t”: “warm”"));
  CHECK_THAT(with("t,l,C\n40,1,A\n"), Contains("no column “c” for parameter “c”") && Contains("did you mean “C”"));
  CHECK_THAT(with("t,l,c\n"), Contains("no rows"));
  CHECK_THAT(with("t,l,c\n40,1\n"), Contains("row 2 has 2 cells"));
  CHECK_THAT(with(""), Contains("empty"));
  std::string many = "t,l,c\n";
  for (int i = 0; i < 100; ++i) many += "500,1,A\n";
  CHECK_THAT(with(many), Contains("and 95 more such mistakes") && Contains("row 6") && !Contains("row 7"));
  CHECK_THAT(refusal("space: {t: {range: [0, 1]}}\ncandidates: none.csv\n" + kObjective, scratch.folder()),
             Contains("f.yaml:2:13") && Contains("none.csv"));
  scratch.write("hole.csv", "a,b\n1,2\nNaN,3\n2,4\n");
  CHECK_THAT(refusal("candidates: hole.csv\n" + kObjective, scratch.folder()),
             Contains("hole.csv row 3: column “a” holds numbers, but here “NaN”"));
  scratch.write("words.csv", "a,b\nnone,2\nwater,3\n");
  CHECK(read("candidates: words.csv\n" + kObjective, scratch.folder()).space[0].cardinality() == 2);
  scratch.write("names.csv", "T (°C),y\n1,2\n");
  CHECK_THAT(refusal("candidates: names.csv\n" + kObjective, scratch.folder()),
             Contains("“T (°C)” cannot name a parameter"));
  CHECK_THAT(refusal("candidates: {file: pool.csv, columns: {x: z}}\n" + kObjective, scratch.folder()),
             Contains("no column “z”"));
  scratch.write("off.csv", "a,b\n0.5,0.5\n0.5,0.4\n");
  CHECK_THAT(refusal("space: {a: {range: [0, 1]}, b: {range: [0, 1]}}\nmixtures: {m: {parts: [a, b], total: "
                     "1}}\ncandidates: off.csv\n" +
                         kObjective,
                     scratch.folder()),
             Contains("off.csv row 3") && Contains("missed by 0.1"));
}

TEST_CASE("a large table of candidates is read, equal rows once", "[problem]") {
  const Scratch scratch;
  std::string csv = "a,b,c\n";
  for (int i = 0; i < 100'000; ++i) {
    csv += std::to_string(i % 997) + "," + std::to_string(i % 53 * 0.125) + (i % 2 == 0 ? ",even\n" : ",odd\n");
  }
  scratch.write("pool.csv", csv);
  const Problem problem = read("candidates: pool.csv\n" + kObjective, scratch.folder());
  // 997, 53 and 2 have no common factor, so all 105,682 combinations differ for the first 100,000 rows.
  CHECK(problem.space.pool()->rows == 100'000);
  CHECK(problem.space[0].continuous());
  CHECK(problem.space[1].cardinality() == 53);
  scratch.write("pool.csv", csv + csv.substr(6));
  CHECK(read("candidates: pool.csv\n" + kObjective, scratch.folder()).space.pool()->rows == 100'000);
}

TEST_CASE("parameters written down are read back the same", "[problem]") {
  const std::string text =
      "space:\n  t: {range: [30 degC, 110.125 degC], resolution: 0.1 K}\n  r: {range: [1e-9 s, 600 s], scale: log}\n"
      "  n: {integer: [-3, 8], resolution: 2}\n"
      "  p: {levels: [1 bar, 2.5 bar, 0.1 bar]}\n  c: {choices: [\"a, b\", \"say \\\"so\\\"\", \"30\", \"é\\\\n\"]}\n"
      "objectives: {y: {goal: maximize}}\n";
  const Problem first = read(text);
  const Problem again =
      read("space: " + write_parameters(first.space.parameters()) + "\nobjectives: {y: {goal: maximize}}\n");
  REQUIRE(again.space.size() == first.space.size());
  CHECK(write_parameters(again.space.parameters()) == write_parameters(first.space.parameters()));
  for (std::size_t i = 0; i < first.space.size(); ++i) {
    const Parameter &a = first.space[i], &b = again.space[i];
    CHECK(a.name == b.name);
    CHECK(a.unit == b.unit);
    CHECK(a.kind.index() == b.kind.index());
    CHECK(a.low() == b.low());
    CHECK(a.high() == b.high());
    CHECK(a.resolution == b.resolution);
  }
  CHECK(std::get<Levels>(again.space[3].kind).values == std::get<Levels>(first.space[3].kind).values);
  CHECK(std::get<Choices>(again.space[4].kind).names == std::get<Choices>(first.space[4].kind).names);
  CHECK(std::get<Continuous>(again.space[1].kind).log);
}
