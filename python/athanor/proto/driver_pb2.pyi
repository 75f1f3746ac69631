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

class Abandon(_message.Message):
    __slots__ = ["stream"]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    stream: int
    def __init__(self, stream: _Optional[int] = ...) -> None: ...

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

class Array(_message.Message):
    __slots__ = ["dataset", "file", "rows", "sha256", "type"]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    file: str
    rows: int
    sha256: str
    type: ArrayType
    def __init__(self, type: _Optional[_Union[ArrayType, _Mapping]] = ..., rows: _Optional[int] = ..., sha256: _Optional[str] = ..., file: _Optional[str] = ..., dataset: _Optional[str] = ...) -> None: ...

class ArrayType(_message.Message):
    __slots__ = ["element", "row_shape"]
    class Element(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    FLOAT32: ArrayType.Element
    FLOAT64: ArrayType.Element
    INT16: ArrayType.Element
    INT32: ArrayType.Element
    INT64: ArrayType.Element
    INT8: ArrayType.Element
    ROW_SHAPE_FIELD_NUMBER: _ClassVar[int]
    UINT16: ArrayType.Element
    UINT32: ArrayType.Element
    UINT64: ArrayType.Element
    UINT8: ArrayType.Element
    element: ArrayType.Element
    row_shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, element: _Optional[_Union[ArrayType.Element, str]] = ..., row_shape: _Optional[_Iterable[int]] = ...) -> None: ...

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

class Chunk(_message.Message):
    __slots__ = ["offset", "stream"]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    offset: int
    stream: int
    def __init__(self, stream: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class Close(_message.Message):
    __slots__ = ["bytes", "sha256", "stream"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    sha256: str
    stream: int
    def __init__(self, stream: _Optional[int] = ..., bytes: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class Collect(_message.Message):
    __slots__ = ["ticket"]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    ticket: str
    def __init__(self, ticket: _Optional[str] = ...) -> None: ...

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

class Credit(_message.Message):
    __slots__ = ["bytes"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    def __init__(self, bytes: _Optional[int] = ...) -> None: ...

class DataFromDriver(_message.Message):
    __slots__ = ["abandon", "chunk", "close", "heartbeat", "open", "refused", "version"]
    ABANDON_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    abandon: Abandon
    chunk: Chunk
    close: Close
    heartbeat: Heartbeat
    open: Open
    refused: Refused
    version: int
    def __init__(self, version: _Optional[int] = ..., open: _Optional[_Union[Open, _Mapping]] = ..., chunk: _Optional[_Union[Chunk, _Mapping]] = ..., close: _Optional[_Union[Close, _Mapping]] = ..., abandon: _Optional[_Union[Abandon, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class DataToDriver(_message.Message):
    __slots__ = ["collect", "credit", "durable", "heartbeat", "resume", "stored", "unstored", "version"]
    COLLECT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    UNSTORED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    collect: Collect
    credit: Credit
    durable: Durable
    heartbeat: Heartbeat
    resume: Resume
    stored: Stored
    unstored: Unstored
    version: int
    def __init__(self, version: _Optional[int] = ..., collect: _Optional[_Union[Collect, _Mapping]] = ..., credit: _Optional[_Union[Credit, _Mapping]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ..., durable: _Optional[_Union[Durable, _Mapping]] = ..., stored: _Optional[_Union[Stored, _Mapping]] = ..., unstored: _Optional[_Union[Unstored, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class Durable(_message.Message):
    __slots__ = ["bytes", "stream"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    stream: int
    def __init__(self, stream: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ["array", "choices", "flat_after", "high", "is_text", "levels", "low", "may_be_missing", "name", "saturates_high", "saturates_low", "unit"]
    ARRAY_FIELD_NUMBER: _ClassVar[int]
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
    array: ArrayType
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
    def __init__(self, name: _Optional[str] = ..., is_text: bool = ..., unit: _Optional[str] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., choices: _Optional[_Iterable[str]] = ..., may_be_missing: bool = ..., levels: _Optional[_Iterable[float]] = ..., saturates_low: _Optional[float] = ..., saturates_high: _Optional[float] = ..., flat_after: _Optional[int] = ..., array: _Optional[_Union[ArrayType, _Mapping]] = ...) -> None: ...

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
    __slots__ = ["controller", "only_if_free", "takes_arrays"]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    ONLY_IF_FREE_FIELD_NUMBER: _ClassVar[int]
    TAKES_ARRAYS_FIELD_NUMBER: _ClassVar[int]
    controller: str
    only_if_free: bool
    takes_arrays: bool
    def __init__(self, controller: _Optional[str] = ..., only_if_free: bool = ..., takes_arrays: bool = ...) -> None: ...

class Instrument(_message.Message):
    __slots__ = ["capabilities", "id", "kind"]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    capabilities: _containers.RepeatedCompositeFieldContainer[Capability]
    id: str
    kind: str
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., capabilities: _Optional[_Iterable[_Union[Capability, _Mapping]]] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ["command", "instrument", "result", "stream", "type", "unit"]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    command: str
    instrument: str
    result: str
    stream: int
    type: ArrayType
    unit: str
    def __init__(self, stream: _Optional[int] = ..., command: _Optional[str] = ..., instrument: _Optional[str] = ..., result: _Optional[str] = ..., type: _Optional[_Union[ArrayType, _Mapping]] = ..., unit: _Optional[str] = ...) -> None: ...

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
    __slots__ = ["id", "not_allowed", "why"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NOT_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    id: str
    not_allowed: bool
    why: str
    def __init__(self, why: _Optional[str] = ..., id: _Optional[str] = ..., not_allowed: bool = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ["offset", "stream"]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    offset: int
    stream: int
    def __init__(self, stream: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

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

class Stored(_message.Message):
    __slots__ = ["stream"]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    stream: int
    def __init__(self, stream: _Optional[int] = ...) -> None: ...

class Telemetry(_message.Message):
    __slots__ = ["instrument", "values"]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, instrument: _Optional[str] = ..., values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class ToDriver(_message.Message):
    __slots__ = ["cancel", "command", "heartbeat", "hello", "ledger", "question", "stop", "version", "visit"]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VISIT_FIELD_NUMBER: _ClassVar[int]
    cancel: Cancel
    command: Command
    heartbeat: Heartbeat
    hello: Hello
    ledger: str
    question: Question
    stop: Stop
    version: int
    visit: Visit
    def __init__(self, version: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., command: _Optional[_Union[Command, _Mapping]] = ..., question: _Optional[_Union[Question, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., stop: _Optional[_Union[Stop, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., visit: _Optional[_Union[Visit, _Mapping]] = ..., ledger: _Optional[str] = ...) -> None: ...

class Trouble(_message.Message):
    __slots__ = ["instrument", "why"]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    why: str
    def __init__(self, instrument: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class Unstored(_message.Message):
    __slots__ = ["stream", "why"]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    stream: int
    why: str
    def __init__(self, stream: _Optional[int] = ..., why: _Optional[str] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ["array", "name", "number", "text", "unit"]
    ARRAY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    array: Array
    name: str
    number: float
    text: str
    unit: str
    def __init__(self, name: _Optional[str] = ..., number: _Optional[float] = ..., text: _Optional[str] = ..., array: _Optional[_Union[Array, _Mapping]] = ..., unit: _Optional[str] = ...) -> None: ...

class Visit(_message.Message):
    __slots__ = ["watch_s"]
    WATCH_S_FIELD_NUMBER: _ClassVar[int]
    watch_s: float
    def __init__(self, watch_s: _Optional[float] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ["controller", "data", "data_heartbeats", "data_ticket", "dead_man_s", "instruments", "ledger", "troubles"]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    DATA_HEARTBEATS_FIELD_NUMBER: _ClassVar[int]
    DATA_TICKET_FIELD_NUMBER: _ClassVar[int]
    DEAD_MAN_S_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    TROUBLES_FIELD_NUMBER: _ClassVar[int]
    controller: str
    data: str
    data_heartbeats: bool
    data_ticket: str
    dead_man_s: float
    instruments: _containers.RepeatedCompositeFieldContainer[Instrument]
    ledger: str
    troubles: _containers.RepeatedCompositeFieldContainer[Trouble]
    def __init__(self, instruments: _Optional[_Iterable[_Union[Instrument, _Mapping]]] = ..., dead_man_s: _Optional[float] = ..., controller: _Optional[str] = ..., data: _Optional[str] = ..., data_ticket: _Optional[str] = ..., troubles: _Optional[_Iterable[_Union[Trouble, _Mapping]]] = ..., ledger: _Optional[str] = ..., data_heartbeats: bool = ...) -> None: ...

class Risk(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class FaultKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
