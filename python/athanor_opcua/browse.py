"""What a server has, written as a profile's `nodes` and `methods`: where the writing of a profile begins."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asyncua import ua
from asyncua.common.node import Node

from .errors import Failure
from .session import Session
from .values import plain

_STANDARD = 0  # the namespace of what every server has: its clock, its diagnostics


async def browse(settings: Mapping[str, Any]) -> str:
    session = Session(settings)
    try:
        listing = _Listing()
        await session.described(listing)
        for variable in listing.variables:
            try:
                variable.shown = "now " + json.dumps(plain(await session.value(variable.id)), ensure_ascii=False)[:60]
            except Failure as failure:
                variable.shown = f"its value cannot be had: {failure}"
                if not session.is_alive:  # such as after an answer longer than either end allows; the others can be had
                    await session.close()
                    session = Session(settings)
                    await session.connect()
        return listing.text()
    finally:
        await session.close()


@dataclass
class _Variable:
    id: ua.NodeId
    line: str
    shown: str = ""


class _Listing:
    def __init__(self) -> None:
        self.variables: list[_Variable] = []
        self._methods: list[str] = []
        self._seen: set[ua.NodeId] = set()
        self._names: set[str] = set()

    def text(self) -> str:
        nodes = [f"{variable.line}; {variable.shown}" for variable in self.variables]
        return "\n".join(["opcua:", "  nodes:", *nodes, *(["  methods:", *self._methods] if self._methods else [])])

    async def of(self, parent: Node, namespaces: list[str]) -> None:
        """All but the values."""
        for node in await parent.get_children():
            if node.nodeid in self._seen:
                continue
            self._seen.add(node.nodeid)
            kind = await node.read_node_class()
            if node.nodeid.NamespaceIndex != _STANDARD:
                if kind == ua.NodeClass.Variable:
                    self.variables.append(await self._variable(node, namespaces))
                elif kind == ua.NodeClass.Method:
                    self._methods.append(await self._method(parent, node, namespaces))
            if kind == ua.NodeClass.Object and node.nodeid.NamespaceIndex != _STANDARD:
                await self.of(node, namespaces)

    async def _variable(self, node: Node, namespaces: list[str]) -> _Variable:
        kind = await node.read_data_type_as_variant_type()
        writable = ua.AccessLevel.CurrentWrite in await node.get_user_access_level()
        return _Variable(node.nodeid, f"    {await self._name(node)}: {{id: {_id(node, namespaces)}, type: {kind.name}}}"
                                      f"  # {'written, too' if writable else 'only read'}")

    async def _method(self, parent: Node, node: Node, namespaces: list[str]) -> str:
        takes = [argument.Name for argument in await Session.arguments(node, "InputArguments")]
        gives = [argument.Name for argument in await Session.arguments(node, "OutputArguments")]
        return (f"    {await self._name(node)}: {{object: {_id(parent, namespaces)}, id: {_id(node, namespaces)}}}"
                f"  # takes {', '.join(takes) or 'nothing'}; gives {', '.join(gives) or 'nothing'}")

    async def _name(self, node: Node) -> str:
        """The browse name in the manner of names here, with a number behind it where two nodes have one."""
        plain_name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", (await node.read_browse_name()).Name).lower().strip("_")
        name, count = plain_name, 1
        while name in self._names:
            count += 1
            name = f"{plain_name}_{count}"
        self._names.add(name)
        return name


def _id(node: Node, namespaces: list[str]) -> str:
    """By the namespace's name, since its number may change."""
    id = node.nodeid
    local = id.to_string().rsplit(";", 1)[-1] if id.NamespaceIndex else id.to_string()
    return json.dumps(f"nsu={namespaces[id.NamespaceIndex]};{local}" if id.NamespaceIndex else local, ensure_ascii=False)
