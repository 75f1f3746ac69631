"""A camera for the tests: its frames can be computed again, and the file `given` in the folder BENCH counts them."""

import array
import os
import pathlib
from typing import Annotated

from athanor import Array, Instrument, Progress, Quantity, Rows, Work, capability, main

FOLDER = pathlib.Path(os.environ.get("BENCH", "."))
ROW = 64 * 512  # numbers in a frame


_NOISE = array.array("H", [i * 7919 % 65536 for i in range(ROW)])


def frame(number: int) -> "array.array[int]":
    at = number * 31 % ROW
    return _NOISE[at:] + _NOISE[:at]


class Camera(Instrument):
    @capability(arrays={"image": Array("uint16", (64, 512), "count"), "times": Array("float64", (), "s")}, repeatable=True)
    def film(self, frames: Annotated[float, Quantity("", 0, 1e9)]) -> Work[Annotated[float, "exposure", Quantity("s")]]:
        for number in range(int(frames)):
            yield Rows("image", memoryview(frame(number)))
            yield Rows("times", array.array("d", [number * 0.5]).tobytes())
            yield Progress(number / frames)
            (FOLDER / "given").write_text(str(number + 1))
        return 0.25

    @capability(arrays={"image": Array("uint16", (64, 512))})
    def spoil(self, how: str) -> Work[None]:
        if how == "element":
            yield Rows("image", memoryview(array.array("d", [0.0] * ROW)))
        if how == "part":
            yield Rows("image", b"\0" * 100)
        if how == "name":
            yield Rows("picture", b"")
        if how == "fault":
            yield Rows("image", memoryview(frame(0)))
            raise OSError("the shutter jams")

    @capability()
    def look(self) -> None:
        """Makes no array."""


if __name__ == "__main__":
    main("camera", Camera("camera-1"))
