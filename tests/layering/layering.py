#!/usr/bin/env python3
"""Holds the sources against the architecture.

Goal: includes follow the arrows and are all there, heavy headers stay in their one or two files, and the clock and chance
stay behind their seams. Method: reads who may know whom from the root CMakeLists.txt, then every C++ source with its comments (and, where code
is meant, its texts) taken out. `layering.py ROOT` prints what is wrong, one line a place, and exits with 1 if anything is.
`layering.py --self-test` builds small trees with one known fault each and requires exactly that fault to be found.
"""

import fnmatch
import pathlib
import re
import sys
import tempfile

# A header that costs much to compile, or that would tie us to a library: the files that may include it.
HEAVY = {
    "sqlite3.h": ["core/database.cpp", "tests/power_cuts/disk.cpp"],
    "udunits2.h": ["core/quantity.cpp"],
    "yaml-cpp/*": ["core/document.cpp"],
    "openssl/*": ["core/digest.cpp"],
    "hdf5.h": ["data_store/hdf5_handle.h", "tests/data_store/rig.h", "bench/store.cpp"],
    "libdeflate.h": ["data_store/filters.cpp"],
    "zmq.h*": ["instruments/zmq_*.cpp"],
    "nlopt.h*": ["surrogates/minimise.cpp"],
    "Eigen/*": ["surrogates/*", "optimizers/*", "tests/surrogates/*", "tests/optimizers/*", "athanor/doctor.cpp"],
    "google/protobuf/*": ["adapters/*.cpp", "sila2/*", "tests/sila2/*", "athanor/doctor.cpp", "athanor/main.cpp", "instruments/*.cpp", "controller/*.cpp"],
    "nlohmann/json.hpp": ["*.cpp"],  # headers take json_fwd.hpp
    "boost/*": ["adapters/line.cpp", "lab_twin/wire_server.cpp"],
    "modbus/*": ["adapters/modbus_*", "tests/adapters/modbus*", "bench/adapters/sockets.cpp"],
    "curl/*": ["adapters/http_bus.cpp", "bench/adapters/sockets.cpp"],
    "re2/*": ["adapters/answer.cpp"],
    "CLI/*": ["athanor/*", "instruments/driver_main.cpp", "bench/*.cpp", "tests/simulation/simulate.cpp"],
    "catch2/*": ["tests/*"],
    "benchmark/*": ["bench/*"],
    "grpc*": ["sila2/grpc/channel.cpp", "bench/adapters/sila2.cpp"],
    "pugixml.hpp": ["sila2/feature.cpp"],
    "torch/*": [],  # not used so far; the first user adds its one file here
}

# What only a few may ask for: a name for messages, the pattern, where it may stand, and what is searched: the code without
# its texts, or the texts alone (SQL, device files).
CODE, TEXTS = "code", "texts"
SEAMS = [
    ("the system's time", r"_clock\s*::\s*now\b|\b(gettimeofday|clock_gettime|timespec_get|ftime|mktime|localtime(_r)?|gmtime(_r)?)\s*\("
                          r"|\bstd\s*::\s*(time|clock)\s*\(|\btime\s*\(\s*(nullptr|NULL|0|&)", ["core/clock.cpp"], CODE),
    ("the system's clock object", r"\bSystemClock\b", ["core/clock.*", "athanor/*", "instruments/driver_main.cpp", "tests/*", "bench/*"], CODE),
    ("a clock's time", r"(?<![\w:])(?:\w+(?:\.|->))*now\s*\(\s*\)",
     ["core/clock.*", "adapters/conversation.cpp", "adapters/device.cpp", "sila2/device.cpp", "lab_twin/wire_server.cpp", "controller/runtime.cpp", "data_store/data_store.cpp", "instruments/zmq_link.cpp", "instruments/zmq_server.cpp", "instruments/driver_main.cpp",
      "instruments/local_link.cpp", "athanor/*", "tests/*", "bench/*"], CODE),
    ("how long something took", r"\bmonotonic_seconds\b",
     ["core/clock.*", "adapters/*_bus.cpp", "adapters/connect.cpp", "adapters/folder_watch.cpp", "adapters/line.cpp", "adapters/opcua_client.cpp",
      "adapters/device.cpp", "sila2/device.cpp", "sila2/session.cpp", "sila2/silence.h",
      "optimizers/planner.cpp", "instruments/zmq_link.cpp",
      "instruments/zmq_server.cpp", "instruments/data_link.cpp", "instruments/data_server.cpp", "instruments/probe.cpp",
      "instruments/conformance*.cpp", "athanor/*", "tests/*",
      "bench/*"], CODE),
    ("the machine's chance", r"\b(s?rand|rand_r|srandom|[delmn]rand48|arc4random\w*|getrandom|getentropy|RAND_bytes)\s*\("
                             r"|\brandom_device\b|::\s*random\s*\(", ["athanor/chance.cpp", "tests/simulation/simulate.cpp"], CODE),
    ("chance that is not a named stream", r"\b(mt19937(_64)?|minstd_rand0?|ranlux\w+|knuth_b|default_random_engine|random_shuffle)\b"
                                          r"|\bstd\s*::\s*\w+_distribution\b|\bstd\s*::\s*shuffle\b|\bsetRandom\s*\(|::Random\s*\(",
     ["core/random.*"], CODE),
    ("a telling that throws where it cannot be written", r"\bfmt\s*::\s*print\s*\(\s*stderr\b", ["tests/*", "bench/*"], CODE),
    ("sleep", r"\b(u|nano|clock_nano)?sleep\s*\(|\bsleep_(for|until)\b", [], CODE),
    ("time or chance from SQLite or the system",
     r"CURRENT_TIME|CURRENT_DATE|julianday\s*\(|unixepoch\s*\(|\bdatetime\s*\(|\brandomblob\s*\(|\brandom\s*\(\)|/dev/u?random",
     ["tests/core/database_test.cpp"], TEXTS),
]

# What we use of the headers that cmake/precompiled.cmake has compiled before every file under sanitizers, and that libraries
# bring along on one machine and not on another, so that no compiler finds one that is missing. A file includes them itself or
# by our own headers.
ALGORITHMS = (
    "sort|stable_sort|partial_sort|nth_element|is_sorted|find|find_if|find_if_not|find_first_of|search|any_of|all_of|none_of|count|count_if|equal|mismatch|"
    "lexicographical_compare|lower_bound|upper_bound|equal_range|binary_search|includes|set_\\w+|merge|min|max|minmax|clamp|min_element|max_element|"
    "minmax_element|copy|copy_n|copy_if|copy_backward|fill|fill_n|generate|generate_n|transform|for_each|for_each_n|remove|remove_if|replace|replace_if|"
    "reverse|rotate|unique|partition|stable_partition|next_permutation|push_heap|pop_heap|make_heap")
PRECOMPILED = {
    "algorithm": rf"\bstd\s*::\s*(ranges\s*::\s*)?({ALGORITHMS})\s*[(<]",
    "array": r"\bstd\s*::\s*(array\s*<|to_array\b)",
    "chrono": r"\bstd\s*::\s*chrono\b",
    "cmath": r"\bstd\s*::\s*(sqrt|cbrt|hypot|exp|exp2|expm1|log|log2|log10|log1p|pow|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|erf|erfc|tgamma|lgamma|"
             r"floor|ceil|round|lround|llround|trunc|rint|nearbyint|fmod|remainder|fmin|fmax|isfinite|isnan|isinf|signbit|copysign|nextafter|frexp|ldexp|"
             r"modf|fma)\s*\(|\bM_PI\b",
    "condition_variable": r"\bstd\s*::\s*condition_variable\b",
    "filesystem": r"\bstd\s*::\s*filesystem\b",
    "fstream": r"\bstd\s*::\s*(i|o)?fstream\b",
    "functional": r"\bstd\s*::\s*(function\s*<|hash\s*<|greater\b|plus\b|multiplies\b|ref\s*\(|cref\s*\(|bind\s*\(|reference_wrapper\b|mem_fn\b)",
    "map": r"\bstd\s*::\s*(multi)?map\b",
    "memory": r"\bstd\s*::\s*(unique_ptr|shared_ptr|weak_ptr|make_unique|make_shared|enable_shared_from_this|addressof)\b",
    "mutex": r"\bstd\s*::\s*(recursive_mutex|mutex|lock_guard|unique_lock|scoped_lock|call_once|once_flag)\b",
    "optional": r"\bstd\s*::\s*(optional|nullopt|make_optional)\b",
    "set": r"\bstd\s*::\s*(multi)?set\s*<",
    "span": r"\bstd\s*::\s*(span\b|as_(writable_)?bytes\b)",
    "string": r"\bstd\s*::\s*(string\b|to_string\b|sto[a-z]+\b|getline\b|char_traits\b)",
    "string_view": r"\bstd\s*::\s*string_view\b",
    "thread": r"\bstd\s*::\s*(j?thread\b|this_thread\b)",
    "variant": r"\bstd\s*::\s*(variant\b|visit\b|monostate\b|get_if\b|holds_alternative\b)",
    "vector": r"\bstd\s*::\s*vector\b",
    "fmt/format.h": r"\bfmt\s*::\s*\w+",
    "nlohmann/json.hpp": r"\bnlohmann\s*::\s*json\s*(\(|\{|::)",
    "catch2/catch.hpp": r"\b(TEST_CASE|REQUIRE|CHECK)\s*\(",
    "Eigen/*": r"\bEigen\s*::",
}

SHARED = {"tests", "bench"}  # folders that build executables of their own and may know every module
GENERATED = {"proto"}        # its headers are made in the build folder


class Source:
    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.code, self.code_and_texts, self.texts = strip(self.text)

    def includes(self):
        """(line, header, quoted)"""
        for number, line in enumerate(self.code_and_texts.splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match:
                yield number, match.group(2), match.group(1) == '"'


def strip(text):
    """Without comments and the insides of literals; without comments; the literals alone. Lines keep their numbers."""
    literal = r'R"(?P<tag>[^()\\ ]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\''
    token = re.compile(r"//[^\n]*|/\*.*?\*/|" + literal, re.DOTALL)

    def lines(found):
        return "\n" * found.count("\n")

    def is_comment(found):
        return found.startswith(("//", "/*"))

    code = token.sub(lambda m: (" " if is_comment(m.group(0)) else '""') + lines(m.group(0)), text)
    code_and_texts = token.sub(lambda m: " " + lines(m.group(0)) if is_comment(m.group(0)) else m.group(0), text)
    texts, end = "", 0
    for match in token.finditer(text):
        texts += lines(text[end:match.start()]) + (lines(match.group(0)) if is_comment(match.group(0)) else match.group(0))
        end = match.end()
    return code, code_and_texts, texts


def architecture(root):
    """module -> the modules that it may know, from athanor_module, athanor_program and athanor_proto lines."""
    text = re.sub(r"#[^\n]*", "", (root / "CMakeLists.txt").read_text(encoding="utf-8"))
    modules = {}
    for name, arguments in re.findall(r"athanor_(?:module|program|proto)\s*\(\s*(\w+)([^)]*)\)", text):
        match = re.search(r"\bDEPENDS\b(.*?)(?:\bLIBRARIES\b|$)", arguments, re.DOTALL)
        modules[name] = set(match.group(1).split()) if match else set()
    if not modules:
        sys.exit(f"{root}/CMakeLists.txt has no athanor_module line; the architecture cannot be read from it")
    return modules


def sources(root, modules):
    for folder in sorted(set(modules) | SHARED):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".h", ".hpp", ".cpp", ".cc"}:
                yield Source(root, path)


def allowed(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def check_includes(root, modules, source):
    folder = source.path.split("/")[0]
    for line, header, quoted in source.includes():
        where = f"{source.path}:{line}"
        for pattern, files in HEAVY.items():
            if fnmatch.fnmatchcase(header, pattern) and not allowed(source.path, files):
                yield f"{where}: includes <{header}>, which only {', '.join(files) or 'nobody'} may"
        if not quoted:
            continue
        if folder in SHARED and "/" not in header and (root / source.path).with_name(header).exists():
            continue  # a test's own header, beside it
        target = header.split("/")[0]
        if "/" not in header or target not in set(modules) | SHARED:
            yield f"{where}: includes “{header}”; our own headers are written from the root, such as “core/space.h”"
        elif target in SHARED and target != folder and folder != "tests":
            yield f"{where}: “{folder}” includes “{header}”, but nothing that ships may know {target}/"
        elif folder not in SHARED and target != folder and target not in modules[folder]:
            yield f"{where}: “{folder}” may not know “{target}” (it knows {', '.join(sorted(modules[folder])) or 'nobody'})"
        elif target not in GENERATED and not (root / header).exists():
            yield f"{where}: includes “{header}”, which is not there"


def check_tests_mirror(modules, source):
    """tests/<module>/ may know what the module knows, and itself."""
    parts = source.path.split("/")
    if parts[0] != "tests" or len(parts) < 3 or parts[1] not in modules:
        return
    for line, header, quoted in source.includes():
        target = header.split("/")[0]
        if quoted and target in modules and target != parts[1] and target not in modules[parts[1]]:
            yield f"{source.path}:{line}: the tests of “{parts[1]}” may not know “{target}”, which “{parts[1]}” does not know"


def check_seams(source):
    for name, pattern, files, where in SEAMS:
        if allowed(source.path, files):
            continue
        text = source.code if where == CODE else source.texts
        for match in re.finditer(pattern, text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{source.path}:{line}: “{match.group(0).strip()}” asks for {name}, which only {', '.join(files) or 'nobody'} may"


class Reach:
    """The headers that a file includes, by itself or by our own headers."""

    def __init__(self, root, sources):
        self.root, self.direct, self.reached = root, {}, {}
        for source in sources:
            self.direct[source.path] = [(header, quoted) for _, header, quoted in source.includes()]

    def of(self, path):
        if path not in self.reached:
            self.reached[path] = set()  # what includes itself ends here
            for header, quoted in self.direct.get(path, []):
                self.reached[path].add(header)
                if quoted:
                    beside = path.rpartition("/")[0] + "/" + header
                    self.reached[path] |= self.of(header if header in self.direct else beside)
        return self.reached[path]


def check_names(reach, source):
    for header, pattern in PRECOMPILED.items():
        match = re.search(pattern, source.code)
        if match and not fnmatch.filter(reach.of(source.path), header):
            line = source.code.count("\n", 0, match.start()) + 1
            yield f"{source.path}:{line}: “{match.group(0).strip()}” needs <{header}>, which is not included"


def check_circles(modules):
    for name in modules:
        seen, todo = set(), set(modules[name])
        while todo:
            next_one = todo.pop()
            seen.add(next_one)
            todo |= modules.get(next_one, set()) - seen
        if name in seen:
            yield f"CMakeLists.txt: “{name}” depends on itself through others"
        for unknown in sorted(modules[name] - set(modules)):
            yield f"CMakeLists.txt: “{name}” depends on “{unknown}”, which is no module"


def check(root):
    modules = architecture(root)
    found = list(check_circles(modules))
    all_sources = list(sources(root, modules))
    reach = Reach(root, all_sources)
    for source in all_sources:
        found += check_includes(root, modules, source)
        found += check_tests_mirror(modules, source)
        found += check_seams(source)
        found += check_names(reach, source)
    return found


# ── The check's own test ────────────────────────────────────────────────────────────────────────────────────────────────

CMAKE = """
athanor_proto(proto)
athanor_module(core LIBRARIES fmt)   # athanor_module(optimizers DEPENDS core) in a comment counts for nothing
athanor_module(surrogates  DEPENDS core
               LIBRARIES Eigen3::Eigen)
athanor_module(instruments DEPENDS proto core LIBRARIES zmq)
athanor_program(athanor DEPENDS instruments core)
"""

GOOD = {
    "core/text.h": "#include <string>\nstd::string text();\n",
    "core/text.cpp": '#include "core/text.h"\nstd::string text() { return "std::vector"; }  // std::map\n',
    "core/space.h": '// now() and sleep() in a comment\n#include <string>\nconst char* s = "rand() now() // sleep(1)";\n',
    "core/clock.cpp": "#include <chrono>\nauto t = std::chrono::system_clock::now();\n",
    "core/database.cpp": "#include <sqlite3.h>\n",
    "surrogates/gp.cpp": '#include <Eigen/Dense>\n#include "core/space.h"\n#include "surrogates/gp.h"\nint operand(int x); int y = operand(1\'000);\n',
    "surrogates/gp.h": "#pragma once\n",
    "instruments/zmq_link.cpp": '#include <zmq.h>\n#include "proto/driver.pb.h"\nauto t = clock_.now();\n',
    "athanor/chance.cpp": "std::random_device device;\n",
    "tests/core/space_test.cpp": '#include <catch2/catch.hpp>\n#include "core/space.h"\n#include "rig.h"\n/* sleep(1) */ const auto raw = R"(sleep(1))"; auto x = random();\n',
    "tests/core/rig.h": "",
}

# A file, its text, and what must be said about it (once, and nothing else).
FAULTS = [
    ("core/a.cpp", '#include "surrogates/gp.h"\n', "core/a.cpp:1: “core” may not know “surrogates”"),
    ("surrogates/a.cpp", '\n#include "instruments/link.h"\n', "surrogates/a.cpp:2: “surrogates” may not know “instruments”"),
    ("athanor/a.cpp", '#include "surrogates/gp.h"\n', "“athanor” may not know “surrogates”"),
    ("core/a.cpp", '#include "space.h"\n', "written from the root"),
    ("core/a.cpp", '#include "../core/space.h"\n', "written from the root"),
    ("core/a.cpp", '#include "tests/core/rig.h"\n', "nothing that ships may know tests/"),
    ("core/a.cpp", '#include "core/gone.h"\n', "which is not there"),
    ("core/a.cpp", "#  include <sqlite3.h>\n", "includes <sqlite3.h>, which only core/database.cpp, tests/power_cuts/disk.cpp may"),
    ("core/a.cpp", "#include <Eigen/Dense>\n", "includes <Eigen/Dense>"),
    ("surrogates/a.cpp", "#include <torch/torch.h>\n", "which only nobody may"),
    ("surrogates/a.h", "#include <nlohmann/json.hpp>\n", "includes <nlohmann/json.hpp>"),
    ("instruments/a.cpp", "#include <zmq.hpp>\n", "includes <zmq.hpp>"),
    ("tests/core/a.cpp", '#include "surrogates/gp.h"\n', "the tests of “core” may not know “surrogates”"),
    ("core/a.cpp", "#include <chrono>\nauto t = std::chrono::steady_clock::now();\n", "core/a.cpp:2: “_clock::now” asks for the system's time"),
    ("core/a.cpp", "auto t = time(nullptr);\n", "asks for the system's time"),
    ("surrogates/a.cpp", "auto t = clock.now();\n", "asks for a clock's time"),
    ("surrogates/a.cpp", "auto t = shell->clock->now ();\n", "asks for a clock's time"),
    ("surrogates/a.cpp", "SystemClock c;\n", "asks for the system's clock object"),
    ("surrogates/a.cpp", "double t = monotonic_seconds();\n", "asks for how long something took"),
    ("core/a.cpp", "int x = rand();\n", "asks for the machine's chance"),
    ("core/a.cpp", "long x = ::random();\n", "asks for the machine's chance"),
    ("core/a.cpp", '#include <fstream>\nstd::ifstream chance("/dev/urandom");\n', "time or chance from SQLite or the system"),
    ("core/a.cpp", "std::random_device d;\n", "asks for the machine's chance"),
    ("core/a.cpp", "std::mt19937_64 engine;\n", "chance that is not a named stream"),
    ("core/a.cpp", "std::normal_distribution<double> d;\n", "chance that is not a named stream"),
    ("surrogates/a.cpp", "#include <Eigen/Dense>\nauto m = Eigen::MatrixXd::Random(2, 2);\n", "chance that is not a named stream"),
    ("core/a.cpp", "usleep(5);\n", "“usleep(” asks for sleep"),
    ("tests/core/a.cpp", "#include <thread>\nstd::this_thread::sleep_for(1s);\n", "asks for sleep"),
    ("core/a.cpp", 'auto sql = "INSERT INTO t VALUES(CURRENT_TIMESTAMP)";\n', "time or chance from SQLite or the system"),
    ("core/a.cpp", "\nstd::vector<int> v;\n", "core/a.cpp:2: “std::vector” needs <vector>, which is not included"),
    ("core/a.cpp", '#include "core/text.h"\nint a = std::max (1, 2);\n', "needs <algorithm>, which is not included"),
    ("tests/core/a.cpp", '#include "rig.h"\nstd::unique_ptr<int> p;\n', "needs <memory>, which is not included"),
    ("surrogates/a.cpp", "Eigen::VectorXd v;\n", "needs <Eigen/*>, which is not included"),
    ("CMakeLists.txt", CMAKE + "athanor_module(optimizers DEPENDS nowhere)\n", "“optimizers” depends on “nowhere”, which is no module"),
]


def run_on(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in {"CMakeLists.txt": CMAKE, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return check(root)


def self_test():
    wrong = [f"a good tree is blamed: {line}" for line in run_on(GOOD)]
    circle = run_on({"CMakeLists.txt": "athanor_module(a DEPENDS b)\nathanor_module(b DEPENDS a)\n"})
    if len(circle) != 2:
        wrong.append(f"a circle of modules gives {circle}")
    for name, text, expected in FAULTS:
        found = run_on({**GOOD, name: text})
        if len(found) != 1 or expected not in found[0]:
            wrong.append(f"{name} with {text!r}: expected “{expected}”, found {found}")
    return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        wrong = self_test()
        done = f"layering: finds each of {len(FAULTS)} faults, and nothing in a good tree"
    elif len(sys.argv) == 2:
        wrong = check(pathlib.Path(sys.argv[1]).resolve())
        done = "layering: includes, heavy headers, clock and chance are where they belong, and none is missing"
    else:
        sys.exit("usage: layering.py ROOT | --self-test")
    print("\n".join(wrong) if wrong else done)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
