"""One connection to a server: what a profile names is looked up in it first, then read, written and called.

Nothing is ever sent twice: the library's own reconnecting is off, and whoever loses the connection is told so.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import pathlib
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from asyncua import Client, ua
from asyncua.client.ua_client import UaClientState
from asyncua.common.node import Node
from asyncua.common.ua_utils import data_type_to_variant_type
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua import VariantType as Kind
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from .errors import Failure, failure_of, refused, status
from .values import plain, variant_of

Answer = TypeVar("Answer")

_LONGEST_S = 7 * 86400.0  # for a request, as far as the library goes; each has its own time here
_FAREWELL_S = 2.0
_WATCH_S = 5.0
_NUMBERED = re.compile(r"[0-9]+:")  # a name of another namespace than the others on the way


@dataclass(frozen=True)
class Variable:
    node: Node
    kind: Kind


@dataclass(frozen=True)
class Method:
    object: Node
    node: Node
    arguments: Mapping[str, Kind]
    results: list[str]


class Session:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        """settings: as adapters/opcua_bus.cpp writes them. Nothing is connected yet."""
        self.url: str = settings["url"]
        self.timeout_s: float = settings["timeout"]
        self.variables: dict[str, Variable] = {}
        self.methods: dict[str, Method] = {}
        self._settings = settings
        # The library's own watch would take a server that is busy for a second for one that is lost.
        self._client = Client(self.url, timeout=_LONGEST_S, watchdog_intervall=_LONGEST_S)
        self._client.name = self._client.description = "Athanor"
        self._namespaces: list[str] = []
        self._waiting = 0  # for so many answers
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Raises Failure, with all that the profile names and the server does not have."""
        await self.connect()
        await self._within(self.timeout_s, "what the profile names", self._look_up())

    async def described(self, listing: Any) -> None:
        """Shows `listing` all that the server has."""
        await self.connect()
        await self._within(_LONGEST_S, "the question for what there is", listing.of(self._client.nodes.objects, self._namespaces))

    async def value(self, id: ua.NodeId) -> Any:
        return await self._within(self.timeout_s, f"the question for the node {id.to_string()}", self._client.get_node(id).read_value())

    @property
    def is_alive(self) -> bool:
        return bool(self._client.state == UaClientState.CONNECTED)

    async def close(self) -> None:
        """Says farewell, to a server that may not listen any more."""
        if self._watch is not None:
            self._watch.cancel()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._client.disconnect(), _FAREWELL_S)
        self._client.disconnect_socket()

    async def read(self, names: list[str], timeout_s: float) -> dict[str, Any]:
        """The values by name, all of one request. What is not good, or only perhaps, is no value."""
        nodes = [self.variables[name].node for name in names]
        what = "the question for " + ", ".join(f"“{name}”" for name in names)
        read = self._client.uaclient.session.read_attributes
        found = await self._within(timeout_s, what, read([node.nodeid for node in nodes], ua.AttributeIds.Value))
        answer = {}
        for name, value in zip(names, found, strict=True):
            code = value.StatusCode.value if value.StatusCode is not None else 0
            if code >> 30 != 0:
                raise refused(code, f"the question for the node “{name}” of the server at {self.url}")
            answer[name] = plain(value.Value)
        return answer

    async def write(self, name: str, value: Any, timeout_s: float) -> None:
        variable = self.variables[name]
        new = ua.DataValue(variant_of(value, variable.kind, f"the node “{name}”"))
        what = f"the value {value!r} for the node “{name}” of the server at {self.url}"
        await self._within(timeout_s, what, variable.node.write_attribute(ua.AttributeIds.Value, new))

    async def call(self, name: str, given: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """The method's results by name."""
        method = self.methods[name]
        for argument in given:
            if argument not in method.arguments:
                raise Failure("limit", f"the method “{name}” has no argument “{argument}”{_nearest(argument, method.arguments)}")
        missing = [argument for argument in method.arguments if argument not in given]
        if missing:
            raise Failure("limit", f"the method “{name}” needs the argument “{missing[0]}”")
        arguments = [variant_of(given[argument], kind, f"the argument “{argument}” of “{name}”")
                     for argument, kind in method.arguments.items()]
        request = ua.CallMethodRequest(method.object.nodeid, method.node.nodeid, arguments)
        what = f"the method “{name}” of the server at {self.url}"
        (result,) = await self._within(timeout_s, what, self._client.uaclient.session.call([request]))
        if result.StatusCode.value >> 30 != 0:
            bad = [f"“{argument}”: {status(code.value)}" for argument, code in
                   zip(method.arguments, result.InputArgumentResults or [], strict=False) if code.value >> 30 != 0]
            failure = refused(result.StatusCode.value, what)
            raise Failure(failure.kind, f"{failure} ({', '.join(bad)})" if bad else str(failure))
        return dict(zip(method.results, map(plain, result.OutputArguments or []), strict=False))

    # ── Connecting ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def connect(self) -> None:
        try:
            await self._within(self.timeout_s, "the connection", self._connect())
        except Failure as failure:
            silent = isinstance(failure.__cause__, TimeoutError | ConnectionError) and not isinstance(
                failure.__cause__, ConnectionRefusedError)
            if silent or isinstance(failure.__cause__, ua.UaError):
                await self._check_offered()
            if silent and (security := self._settings.get("security")):
                raise Failure("link", f"{failure}; it shows the certificate {security['server_certificate']}, and may not trust "
                                      f"{security['certificate']}: servers often say nothing then") from failure
            raise

    async def _connect(self) -> None:
        if security := self._settings.get("security"):
            await self._secure(security)
        if user := self._settings.get("user"):
            self._client.set_user(user["name"])
            self._client.set_password(pathlib.Path(user["password_file"]).read_text(encoding="utf-8").rstrip("\r\n"))
        await self._client.connect()
        self._namespaces = await self._client.get_namespace_array()
        self._watch = asyncio.create_task(self._watch_over())

    async def _watch_over(self) -> None:
        """While nothing else is asked: keeps the session, and closes a connection over which nobody answers any more, so that
        the next command is not given to nobody."""
        while self.is_alive:
            await asyncio.sleep(_WATCH_S)
            if self._waiting > 0:
                continue
            try:
                await self._within(self.timeout_s, "the question whether it runs", self._client.nodes.server_state.read_value())
            except Failure as failure:
                if failure.kind == "link" and self._waiting == 0:
                    self._client.disconnect_socket()

    async def _check_offered(self) -> None:
        """Raises Failure where the server has no connection of the kind that the profile says, with those that it has, or
        shows another certificate. It tells both to everybody."""
        try:
            endpoints = await asyncio.wait_for(Client(self.url, timeout=_LONGEST_S).connect_and_get_server_endpoints(), self.timeout_s)
        except Exception:
            return  # it says nothing of that either
        wanted = _way(self._client.security_policy.Mode, self._client.security_policy.URI)
        offered = {_way(one.SecurityMode, one.SecurityPolicyUri): one.ServerCertificate for one in endpoints}
        if wanted not in offered:
            raise Failure("device", f"the server at {self.url} takes no connection {wanted}, only {', '.join(sorted(offered))}; "
                                    "“security” in the profile says which it is")
        if security := self._settings.get("security"):
            _check_shown(offered[wanted], security["server_certificate"], self.url)

    async def _secure(self, security: Mapping[str, str]) -> None:
        _check_pair(security["certificate"], security["private_key"])
        _certificate(security["server_certificate"])
        # The name by which a server knows a client must be that in its certificate.
        uri = _application_uri(security["certificate"])
        if uri is None:
            raise Failure("device", f"the certificate {security['certificate']} names no application (a URI among its subject's "
                                    "alternative names), which OPC UA demands")
        self._client.application_uri = uri
        await self._client.set_security(
            getattr(security_policies, "SecurityPolicy" + security.get("policy", "Basic256Sha256")),
            _read(security["certificate"]), _read(security["private_key"]), server_certificate=_read(security["server_certificate"]),
            mode=ua.MessageSecurityMode.Sign if security.get("mode") == "sign" else ua.MessageSecurityMode.SignAndEncrypt)

    async def _look_up(self) -> None:
        mistakes: list[str] = []
        for name, named in self._settings.get("nodes", {}).items():
            with self._noting(mistakes, named["place"]):
                self.variables[name] = await self._variable(name, named)
        for name, named in self._settings.get("methods", {}).items():
            with self._noting(mistakes, named["place"]):
                self.methods[name] = await self._method(name, named)
        if mistakes:
            raise Failure("device", "\n".join(mistakes))

    @staticmethod
    @contextlib.contextmanager
    def _noting(mistakes: list[str], place: str) -> Any:
        try:
            yield
        except Failure as failure:
            if failure.kind == "link":
                raise
            mistakes.append(f"{place}: {failure}")

    async def _variable(self, name: str, named: Mapping[str, str]) -> Variable:
        node = await self._existing(f"node “{name}”", named["id"], ua.NodeClass.Variable)
        kind = await node.read_data_type_as_variant_type()
        declared = named.get("type", kind.name)
        if declared != kind.name:
            raise Failure("device", f"the node “{name}” is {kind.name} on the server at {self.url}, and {declared} here")
        return Variable(node, kind)

    async def _method(self, name: str, named: Mapping[str, str]) -> Method:
        object = await self._existing(f"object of the method “{name}”", named["object"], None)
        node = await self._existing(f"method “{name}”", named["id"], ua.NodeClass.Method)
        arguments = {argument.Name: await self._kind_of(argument) for argument in await self.arguments(node, "InputArguments")}
        results = [result.Name for result in await self.arguments(node, "OutputArguments")]
        return Method(object, node, arguments, results)

    async def _existing(self, what: str, id: str, expected: ua.NodeClass | None) -> Node:
        try:
            node = await self._named(what, id)
            found = await node.read_node_class()
        except ua.UaStatusCodeError as error:
            raise refused(error.code, f"the question for the {what} ({id}) of the server at {self.url}") from error
        if expected is not None and found != expected:
            raise Failure("device", f"the {what} ({id}) of the server at {self.url} is a node of the class {found.name}; expected "
                                    f"{expected.name}")
        return node

    async def _named(self, what: str, id: str) -> Node:
        """By its own id, or by the names on the way to it from the Objects folder."""
        namespace, local = self._expanded(what, id)
        if not local.startswith("p="):
            return self._client.get_node(ua.NodeId.from_string(f"ns={namespace};{local}"))
        names = local.removeprefix("p=").split("/")
        return await self._client.nodes.objects.get_child([name if _NUMBERED.match(name) else f"{namespace}:{name}" for name in names])

    def _expanded(self, what: str, id: str) -> tuple[int, str]:
        """Its namespace, and the rest. Namespaces have numbers that may change with each start of a server, and names that do not."""
        if id.startswith("ns="):
            number, local = id.removeprefix("ns=").split(";", 1)
            return int(number), local
        uri, local = id.removeprefix("nsu=").rsplit(";", 1) if id.startswith("nsu=") else (self._settings.get("namespace", ""), id)
        if uri and uri not in self._namespaces:
            raise Failure("device", f"the {what} ({id}): the server at {self.url} has no namespace “{uri}”"
                                    f"{_nearest(uri, self._namespaces)}")
        return self._namespaces.index(uri) if uri else 0, local

    @staticmethod
    async def arguments(method: Node, which: str) -> list[ua.Argument]:
        try:
            return list(await (await method.get_child(f"0:{which}")).read_value())
        except ua.UaStatusCodeError as error:
            if error.code in (ua.StatusCodes.BadNoMatch, ua.StatusCodes.BadNotFound):
                return []  # it has none
            raise

    async def _kind_of(self, argument: ua.Argument) -> Kind:
        """A type of the server's own is carried as the built-in one from which it derives."""
        return await data_type_to_variant_type(self._client.get_node(argument.DataType))

    async def _within(self, timeout_s: float, what: str, work: Awaitable[Answer]) -> Answer:
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout_s):  # wait_for would make a task of each request
                return await work
        except Exception as error:
            raise failure_of(error, what, self.url, timeout_s) from error
        finally:
            self._waiting -= 1


def _read(file: str) -> CertProperties:
    """In PEM or DER, as its content shows; the library goes by the file's name."""
    content = pathlib.Path(file).read_bytes()
    return CertProperties(content, extension="pem" if b"-----BEGIN" in content else "der")


def _way(mode: ua.MessageSecurityMode, policy: str) -> str:
    """In the words of the profile's `security`."""
    name = policy.rpartition("#")[2]
    return "without security" if name == "None" else f"with {name} and {'sign' if mode == ua.MessageSecurityMode.Sign else 'sign_and_encrypt'}"


def _certificate(file: str) -> x509.Certificate:
    read = _read(file)
    try:
        return (x509.load_pem_x509_certificate if read.extension == "pem" else x509.load_der_x509_certificate)(read.path_or_content)
    except ValueError as error:
        raise Failure("device", f"{file} holds no certificate in PEM or DER") from error


def _check_shown(shown: bytes | None, file: str, url: str) -> None:
    """Raises Failure where a server shows another certificate than that of `file`."""
    expected = _certificate(file)
    if not shown or shown.startswith(expected.public_bytes(serialization.Encoding.DER)):  # those that signed it may follow
        return
    with contextlib.suppress(ValueError):
        other = x509.load_der_x509_certificate(shown)
        raise Failure("device", f"the server at {url} shows another certificate than {file}: that of {_whose(other)}, not of "
                                f"{_whose(expected)}; is it the right server, or has it a new certificate?")


def _whose(certificate: x509.Certificate) -> str:
    return f"“{certificate.subject.rfc4514_string()}” (SHA-256 {certificate.fingerprint(hashes.SHA256()).hex()[:16]}…)"


def _check_pair(certificate: str, private_key: str) -> None:
    read = _read(private_key)
    try:
        load = serialization.load_pem_private_key if read.extension == "pem" else serialization.load_der_private_key
        key = load(read.path_or_content, password=None)
    except (ValueError, TypeError) as error:
        raise Failure("device", f"{private_key} holds no private key in PEM or DER that is open without a password") from error
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != _certificate(certificate).public_key().public_bytes(*form):
        raise Failure("device", f"the private key {private_key} is not that of the certificate {certificate}")


def _application_uri(file: str) -> str | None:
    certificate = _certificate(file)
    with contextlib.suppress(x509.ExtensionNotFound):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), None)
    return None


def _nearest(name: str, names: Any) -> str:
    near = difflib.get_close_matches(name, list(names), 1)
    return f" (did you mean “{near[0]}”?)" if near else f"; it has {', '.join(f'“{each}”' for each in names)}" if names else ""
