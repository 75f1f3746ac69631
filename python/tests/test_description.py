"""Goal: a signature says what the wire needs, and a wrong one is named before anything is served. Method: classes as authors
write them, held against the messages that they should make."""

import dataclasses
import pathlib
import shutil
import subprocess
import tempfile
import unittest
from collections.abc import Generator
from typing import Annotated, Any, Literal, TypedDict

from athanor import InputError, Instrument, Progress, Quantity, Work, capability, reading
from athanor.description import describe
from athanor.proto import driver_pb2 as wire

SOURCE = pathlib.Path(__file__).parents[2]
Celsius = Annotated[float, Quantity("degC", 20, 150)]


class Peak(TypedDict):
    area: Annotated[float, Quantity("%", 0, 100, saturates_low=1, saturates_high=98, flat_after=5)]
    note: str


@dataclasses.dataclass
class Mass:
    mass: Annotated[float, Quantity("g")]


class Good(Instrument):
    """As many forms of a signature as there are."""

    kind = "bench"

    @capability(usual="5 min", lasts="hold", risk="guarded", uses={"reagent": "volume"})
    def heat(self, temperature: Celsius, reagent: str, volume: Annotated[float, Quantity("mL")],
             gas: Literal["N2", "Ar"] = "N2", hold: Annotated[float, Quantity("min", 0)] | None = None) -> Work[Mass]:
        yield Progress(0.5)
        return Mass(3)

    @capability(self_test=True)
    def look(self, *, speed: Annotated[float, Quantity("rpm", levels=(400, 100))] = 100) -> None: ...

    @capability()
    def integrate(self) -> Peak:
        return {"area": 41, "note": "clear"}

    @capability()
    def weigh(self) -> Generator[Progress, None, Annotated[float, "mass", Quantity("g")]]:
        yield Progress(0.1)
        return 3

    @reading
    def temperature(self) -> Celsius:
        return 25


@dataclasses.dataclass
class Reaction:
    yield_: Annotated[float, "yield", Quantity("%")]


class Renamed(Instrument):
    @capability(lasts="for", uses={"from": "amount"})
    def react(self, from_: Annotated[str, "from"], amount: Annotated[float, Quantity("mL")],
              for_: Annotated[float, "for", Quantity("s")] = 5) -> Reaction:
        return Reaction(len(from_) + amount + for_)


class Better(Good):
    @capability(repeatable=True)
    def weigh(self) -> Annotated[float, "mass", Quantity("kg")]:
        return 4


class Descriptions(unittest.TestCase):
    def test_a_signature_is_the_description(self) -> None:
        described, handlers, readers = describe(Good("bench-1"))
        field, use = wire.Field, wire.StockUse
        self.assertEqual(described, wire.Instrument(id="bench-1", kind="bench", capabilities=[
            wire.Capability(
                name="heat", usual_duration_s=300, duration_parameter="hold", risk=wire.GUARDED,
                uses=[use(reagent="reagent", amount="volume")], results=[field(name="mass", unit="g")],
                parameters=[field(name="temperature", unit="degC", low=20, high=150), field(name="reagent", is_text=True),
                            field(name="volume", unit="mL"), field(name="gas", is_text=True, choices=["N2", "Ar"], may_be_missing=True),
                            field(name="hold", unit="min", low=0, may_be_missing=True)]),
            wire.Capability(name="look", self_test=True, repeatable=True,
                            parameters=[field(name="speed", unit="rpm", levels=[100, 400], may_be_missing=True)]),
            wire.Capability(name="integrate", results=[
                field(name="area", unit="%", low=0, high=100, saturates_low=1, saturates_high=98, flat_after=5),
                field(name="note", is_text=True)]),
            wire.Capability(name="weigh", results=[field(name="mass", unit="g")]),
        ]))
        self.assertEqual(handlers["heat"].results(Mass(3)), [("mass", 3.0)])
        self.assertEqual(handlers["integrate"].results({"area": 41, "note": "clear"}), [("area", 41.0), ("note", "clear")])
        self.assertEqual(handlers["weigh"].results(3), [("mass", 3.0)])
        self.assertEqual(handlers["look"].results(None), [])
        self.assertEqual([(each.name, each.unit) for each in readers], [("temperature", "degC")])

    def test_results_that_were_not_described_are_named(self) -> None:
        handlers = describe(Good("bench-1"))[1]
        for name, returned, why in (("integrate", {"area": 1, "note": "", "height": 2}, "“height”, which it does not describe"),
                                    ("integrate", {"area": 1}, "without the result “note”"),
                                    ("heat", None, "gave None, without the result “mass”"),
                                    ("weigh", "heavy", "result “mass” is 'heavy'; expected a number"),
                                    ("integrate", {"area": 1, "note": 2}, "result “note” is 2; expected a text")):
            with self.assertRaisesRegex(TypeError, why):
                handlers[name].results(returned)

    def test_a_name_on_the_wire_may_be_a_word_of_pythons_own(self) -> None:
        described, handlers, _ = describe(Renamed("r-1"))
        self.assertEqual([field.name for field in described.capabilities[0].parameters], ["from", "amount", "for"])
        handler = handlers["react"]
        self.assertEqual(handler.results(handler.call({"from": "abc", "amount": 2.0, "for": 1.0})), [("yield", 6.0)])
        self.assertEqual(handler.results(handler.call({"from": "abc", "amount": 2.0})), [("yield", 10.0)])

    def test_a_subclass_describes_anew(self) -> None:
        described, handlers, _ = describe(Better("bench-1"))
        self.assertEqual([each.name for each in described.capabilities], ["heat", "look", "integrate", "weigh"])
        self.assertEqual(described.capabilities[3].results[0].unit, "kg")
        self.assertEqual(Better("bench-1").weigh(), 4)  # a method is a method still

    def test_uses_as_a_profile_says_it_is_named(self) -> None:
        class Mixed(Instrument):
            @capability(uses={"reagent": "what", "amount": "volume"})
            def dispense(self, what: str, volume: Annotated[float, Quantity("mL")]) -> None: ...

        with self.assertRaisesRegex(InputError, r"is how a profile says it; .*: uses=\{'what': 'volume'\}"):
            describe(Mixed("a"))

    def test_every_mistake_is_named_at_once(self) -> None:
        class Bad(Instrument):
            @capability(usual="5 mL")
            def a(self) -> None: ...
            @capability(lasts="volume")
            def b(self, volume: Annotated[float, Quantity("mL")]) -> None: ...
            @capability(lasts="nothing", uses={"x": "y"})
            def c(self, x: float) -> None: ...
            @capability()
            def d(self, temperature: Annotated[float, Quantity("degX")], low: Annotated[float, Quantity("K", 5, 3)]) -> None: ...
            @capability()
            def e(self, x) -> None: ...
            @capability()
            def f(self, count: int) -> None: ...
            @capability()
            def g(self): ...
            @capability()
            def h(self) -> float: ...
            @capability()
            def i(self, text: Annotated[str, Quantity("g")]) -> None: ...
            @capability(self_test=True, risk="hazardous")
            def j(self, needed: float) -> None: ...
            @capability()
            def n(self, a: Annotated[float, "x"], b: Annotated[float, "x"]) -> None: ...
            @capability()
            def k(self, **more: float) -> None: ...
            @capability()
            def m(self) -> Annotated[float, "x", Quantity(flat_after=1)]: ...
            @reading
            def l(self) -> Annotated[float, Quantity("degY")]: ...

        with self.assertRaises(InputError) as raised:
            describe(Bad("bad-1"))
        expected = {
            "a": "“5 mL” is no time", "b": "lasts as long as “volume” says, which is no time",
            "c": "lasts as long as “nothing” says, which is no parameter", "d": "“degX” is no unit",
            "e": "parameter “x” has no annotation", "f": "expected float", "g": "no return annotation; write “-> None”",
            "h": "its result has no name; write Annotated[float, \"mass\"", "i": "is a text and cannot have a unit",
            "j": "must be harmless", "k": "has no name of its own", "l": "“degY” is no unit", "m": "flat after a single reading",
            "n": "“x” is described twice"}
        lines = str(raised.exception).splitlines()
        for name, why in expected.items():
            self.assertTrue(any(f"“{name}” of instrument “bad-1”" in line and why in line for line in lines), (name, why, lines))
        for more in ("limits the wrong way round: 5 … 3", "takes the stock that “x” names", "as much as “y” says",
                     "cannot need parameter “needed”"):
            self.assertIn(more, str(raised.exception))

    def test_a_class_that_forgets_its_base(self) -> None:
        class Forgetful(Instrument):
            def __init__(self) -> None:
                pass

        with self.assertRaisesRegex(InputError, "Forgetful.__init__ does not call super"):
            describe(Forgetful())


class Messages(unittest.TestCase):
    def test_the_generated_module_is_that_of_the_proto(self) -> None:
        """Whatever version of the compiler is here: its descriptor must be the one that the module holds."""
        protoc = shutil.which("protoc")
        if protoc is None:
            self.skipTest("no protoc")
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder, "set")
            subprocess.run([protoc, f"--proto_path={SOURCE}", f"--descriptor_set_out={made}", "proto/driver.proto"], check=True)
            from google.protobuf import descriptor_pb2
            (file,) = descriptor_pb2.FileDescriptorSet.FromString(made.read_bytes()).file
        held: Any = descriptor_pb2.FileDescriptorProto()
        wire.DESCRIPTOR.CopyToProto(held)
        for message in file.message_type:  # the compiler writes these, and the module need not
            for each in message.field:
                each.ClearField("json_name")
        for message in held.message_type:
            for each in message.field:
                each.ClearField("json_name")
        self.assertEqual(held, file, "proto/driver.proto was changed; run script/python-proto")

    def test_a_description_has_bounds(self) -> None:
        """Goal: what no controller takes is named at the start. Method: one beyond each bound, and a name just within."""

        def offered(parameter: Any) -> Any:
            def method(self: Instrument, x: str) -> None: ...
            method.__annotations__ = {"x": parameter, "return": None}
            return capability()(method)

        def said(name: str, parameter: Any, count: int = 1) -> str:
            kind = type("Wide", (Instrument,), {f"{name}{i or ''}": offered(parameter) for i in range(count)})
            try:
                describe(kind("wide-1"))
            except InputError as error:
                return str(error)
            return ""

        self.assertEqual(said("n" * 200, str), "")
        self.assertIn("has 201 bytes; expected 200 at most", said("n" * 201, str))
        self.assertIn("has 201 bytes; expected 200 at most", said("go", Annotated[str, "x" * 201]))
        self.assertIn("has 1001 bytes; expected 1000 at most", said("go", Literal["c" * 1001]))  # type: ignore[valid-type]
        self.assertIn("1001 capabilities; expected 1000 at most", said("go", str, 1001))
        self.assertIn("10001 choices or levels; expected 10000 at most",
                      said("go", Annotated[float, Quantity("", levels=tuple(range(10001)))]))


if __name__ == "__main__":
    unittest.main()
