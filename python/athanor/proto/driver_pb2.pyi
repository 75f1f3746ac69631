from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DEADLINE: FaultKind
DESCRIPTOR: _descriptor.FileDescriptor
DEVICE: FaultKind
GUARDED: Risk
HAZARDOUS: Risk
INTERRUPTED: FaultKind
LIMIT: FaultKind
LINK: FaultKind
SAFE: Risk
SAMPLE: FaultKind
STOCK: FaultKind

class Accepted(_message.Message):
    __slots__ = ["expected_s", "id"]
    EXPECTED_S_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    expected_s: float
    id: str
    def __init__(self, id: _Optional[str] = ..., expected_s: _Optional[float] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ["states"]
    STATES_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedCompositeFieldContainer[CommandState]
    def __init__(self, states: _Optional[_Iterable[_Union[CommandState, _Mapping]]] = ...) -> None: ...

class Approval(_message.Message):
    __slots__ = ["digest", "until_us", "who"]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    digest: str
    until_us: int
    who: str
    def __init__(self, who: _Optional[str] = ..., digest: _Optional[str] = ..., until_us: _Optional[int] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class Capability(_message.Message):
    __slots__ = ["duration_parameter", "name", "parameters", "repeatable", "results", "risk", "self_test", "uses", "usual_duration_s"]
    DURATION_PARAMETER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    REPEATABLE_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    RISK_FIELD_NUMBER: _ClassVar[int]
    SELF_TEST_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    USUAL_DURATION_S_FIELD_NUMBER: _ClassVar[int]
    duration_parameter: str
    name: str
    parameters: _containers.RepeatedCompositeFieldContainer[Field]
    repeatable: bool
    results: _containers.RepeatedCompositeFieldContainer[Field]
    risk: Risk
    self_test: bool
    uses: _containers.RepeatedCompositeFieldContainer[StockUse]
    usual_duration_s: float
    def __init__(self, name: _Optional[str] = ..., parameters: _Optional[_Iterable[_Union[Field, _Mapping]]] = ..., results: _Optional[_Iterable[_Union[Field, _Mapping]]] = ..., usual_duration_s: _Optional[float] = ..., duration_parameter: _Optional[str] = ..., risk: _Optional[_Union[Risk, str]] = ..., repeatable: bool = ..., uses: _Optional[_Iterable[_Union[StockUse, _Mapping]]] = ..., self_test: bool = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ["approval", "capability", "id", "instrument", "place", "sample"]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    WITH_FIELD_NUMBER: _ClassVar[int]
    approval: Approval
    capability: str
    id: str
    instrument: str
    place: str
    sample: str
    def __init__(self, id: _Optional[str] = ..., instrument: _Optional[str] = ..., capability: _Optional[str] = ..., sample: _Optional[str] = ..., place: _Optional[str] = ..., approval: _Optional[_Union[Approval, _Mapping]] = ..., **kwargs) -> None: ...

class CommandState(_message.Message):
    __slots__ = ["command", "id", "outcome", "standing"]
    class Standing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    FINISHED: CommandState.Standing
    ID_FIELD_NUMBER: _ClassVar[int]
    INTERRUPTED: CommandState.Standing
    NEVER_SEEN: CommandState.Standing
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    RUNNING: CommandState.Standing
    STANDING_FIELD_NUMBER: _ClassVar[int]
    command: Command
    id: str
    outcome: Outcome
    standing: CommandState.Standing
    def __init__(self, id: _Optional[str] = ..., standing: _Optional[_Union[CommandState.Standing, str]] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., command: _Optional[_Union[Command, _Mapping]] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ["choices", "flat_after", "high", "is_text", "levels", "low", "may_be_missing", "name", "saturates_high", "saturates_low", "unit"]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    FLAT_AFTER_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    IS_TEXT_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    MAY_BE_MISSING_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SATURATES_HIGH_FIELD_NUMBER: _ClassVar[int]
    SATURATES_LOW_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    choices: _containers.RepeatedScalarFieldContainer[str]
    flat_after: int
    high: float
    is_text: bool
    levels: _containers.RepeatedScalarFieldContainer[float]
    low: float
    may_be_missing: bool
    name: str
    saturates_high: float
    saturates_low: float
    unit: str
    def __init__(self, name: _Optional[str] = ..., is_text: bool = ..., unit: _Optional[str] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., choices: _Optional[_Iterable[str]] = ..., may_be_missing: bool = ..., levels: _Optional[_Iterable[float]] = ..., saturates_low: _Optional[float] = ..., saturates_high: _Optional[float] = ..., flat_after: _Optional[int] = ...) -> None: ...

class FromDriver(_message.Message):
    __slots__ = ["accepted", "answer", "boot", "driver", "heartbeat", "outcome", "progress", "refused", "stopped", "telemetry", "version", "welcome"]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    DRIVER_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    answer: Answer
    boot: str
    driver: str
    heartbeat: Heartbeat
    outcome: Outcome
    progress: Progress
    refused: Refused
    stopped: Stopped
    telemetry: Telemetry
    version: int
    welcome: Welcome
    def __init__(self, version: _Optional[int] = ..., driver: _Optional[str] = ..., boot: _Optional[str] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., accepted: _Optional[_Union[Accepted, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ..., stopped: _Optional[_Union[Stopped, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., telemetry: _Optional[_Union[Telemetry, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Hello(_message.Message):
    __slots__ = ["controller", "only_if_free"]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    ONLY_IF_FREE_FIELD_NUMBER: _ClassVar[int]
    controller: str
    only_if_free: bool
    def __init__(self, controller: _Optional[str] = ..., only_if_free: bool = ...) -> None: ...

class Instrument(_message.Message):
    __slots__ = ["capabilities", "id", "kind"]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    capabilities: _containers.RepeatedCompositeFieldContainer[Capability]
    id: str
    kind: str
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., capabilities: _Optional[_Iterable[_Union[Capability, _Mapping]]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ["done", "fault", "id", "message", "not_begun", "results", "took_s"]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NOT_BEGUN_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    TOOK_S_FIELD_NUMBER: _ClassVar[int]
    done: bool
    fault: FaultKind
    id: str
    message: str
    not_begun: bool
    results: _containers.RepeatedCompositeFieldContainer[Value]
    took_s: float
    def __init__(self, id: _Optional[str] = ..., done: bool = ..., results: _Optional[_Iterable[_Union[Value, _Mapping]]] = ..., fault: _Optional[_Union[FaultKind, str]] = ..., message: _Optional[str] = ..., took_s: _Optional[float] = ..., not_begun: bool = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ["fraction", "id", "note"]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    fraction: float
    id: str
    note: str
    def __init__(self, id: _Optional[str] = ..., fraction: _Optional[float] = ..., note: _Optional[str] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ["ids"]
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ["id", "why"]
    ID_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    id: str
    why: str
    def __init__(self, why: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class StockUse(_message.Message):
    __slots__ = ["amount", "reagent"]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REAGENT_FIELD_NUMBER: _ClassVar[int]
    amount: str
    reagent: str
    def __init__(self, reagent: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...

class Stop(_message.Message):
    __slots__ = ["id", "instruments", "why"]
    ID_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    id: str
    instruments: _containers.RepeatedScalarFieldContainer[str]
    why: str
    def __init__(self, why: _Optional[str] = ..., instruments: _Optional[_Iterable[str]] = ..., id: _Optional[str] = ...) -> None: ...

class Stopped(_message.Message):
    __slots__ = ["id", "instruments"]
    ID_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    instruments: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, instruments: _Optional[_Iterable[str]] = ..., id: _Optional[str] = ...) -> None: ...

class Telemetry(_message.Message):
    __slots__ = ["instrument", "values"]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, instrument: _Optional[str] = ..., values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class ToDriver(_message.Message):
    __slots__ = ["cancel", "command", "heartbeat", "hello", "question", "stop", "version", "visit"]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VISIT_FIELD_NUMBER: _ClassVar[int]
    cancel: Cancel
    command: Command
    heartbeat: Heartbeat
    hello: Hello
    question: Question
    stop: Stop
    version: int
    visit: Visit
    def __init__(self, version: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., command: _Optional[_Union[Command, _Mapping]] = ..., question: _Optional[_Union[Question, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., stop: _Optional[_Union[Stop, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., visit: _Optional[_Union[Visit, _Mapping]] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ["name", "number", "text", "unit"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    name: str
    number: float
    text: str
    unit: str
    def __init__(self, name: _Optional[str] = ..., number: _Optional[float] = ..., text: _Optional[str] = ..., unit: _Optional[str] = ...) -> None: ...

class Visit(_message.Message):
    __slots__ = ["watch_s"]
    WATCH_S_FIELD_NUMBER: _ClassVar[int]
    watch_s: float
    def __init__(self, watch_s: _Optional[float] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ["controller", "dead_man_s", "instruments"]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    DEAD_MAN_S_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    controller: str
    dead_man_s: float
    instruments: _containers.RepeatedCompositeFieldContainer[Instrument]
    def __init__(self, instruments: _Optional[_Iterable[_Union[Instrument, _Mapping]]] = ..., dead_man_s: _Optional[float] = ..., controller: _Optional[str] = ...) -> None: ...

class Risk(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class FaultKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
