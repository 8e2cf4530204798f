"""Reads PTX text as NVRTC and Triton write it, and inline assembly inside it (PTX ISA 9.0, chapters 4 to 8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from .ptx import (
    INTEGER,
    SPACES,
    WIDTHS,
    Address,
    Function,
    Immediate,
    Instruction,
    Module,
    Not,
    Operand,
    Register,
    Special,
    Symbol,
    Variable,
    Vector,
    literal,
)


@cache
def parse(text: str) -> Module:
    return _Parser(text).module


TOKEN = re.compile(
    r"""\s*(?:
      (?P<loc>\.loc\s+(?P<file>\d+)\s+(?P<line>\d+)\s+\d+
              (?:\s*,\s*function_name\s+\S+\s*(?:\+\s*\d+)?\s*,\s*inlined_at\s+(?P<at_file>\d+)\s+(?P<at_line>\d+)\s+\d+)?)
    | (?P<skip>\.(?:version|target|address_size|file|pragma)\b[^\n]*)
    | (?P<label>[\w$%]+)\s*:(?!:)
    | (?P<punctuation>[{};])
    | (?P<text>(?:[^{};:\n"]|::|"[^"]*"|\n)+?(?=\s*(?:[{};]|\n\s*\.(?:loc|file)\b)))
    )""",
    re.VERBOSE,
)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


class _Parser:
    def __init__(self, text: str) -> None:
        self.module = Module({}, {})
        self.function: Function | None = None
        self.scopes: list[dict[str, tuple[str, str]]] = []  # of a body: register or prefix -> (unique suffix, type)
        self.scope_count = 0
        self.line = 0
        for statement in self.statements(_without_debug_sections(COMMENT.sub("", text))):
            self.read(statement)

    def statements(self, text: str) -> Iterator[str]:
        """Whole statements, "{", "}" and "name:"; line information is taken on the way."""
        at, buffer, depth = 0, "", 0
        while at < len(text):
            found = TOKEN.match(text, at)
            if not found:
                if text[at:].strip():
                    raise ValueError(f"PTX that cannot be read: {text[at : at + 80].strip()!r}")
                return
            at = found.end()
            if found["loc"]:
                self.locate(found)
            elif found["label"] and not buffer:
                yield found["label"] + ":"
            elif found["text"] or found["label"]:
                buffer += found["text"] or found["label"] + ":"
            elif found["punctuation"] == ";":
                if not _is_header(buffer):  # else a declaration without a body
                    yield buffer.strip()
                buffer = ""
            elif found["punctuation"] == "{" and buffer and not _is_header(buffer):
                buffer += "{"  # a vector operand or the data of a variable
                depth += 1
            elif found["punctuation"] == "}" and depth:
                buffer += "}"
                depth -= 1
            elif found["punctuation"]:
                if buffer.strip():
                    yield buffer.strip()
                buffer = ""
                yield found["punctuation"]

    def locate(self, found: re.Match) -> None:
        """Line 0 is the compiler's own; code inlined from a header belongs to the line that called it."""
        file, line = (found["at_file"], found["at_line"]) if found["at_file"] else (found["file"], found["line"])
        if file == "1" and int(line):
            self.line = int(line)

    def read(self, statement: str) -> None:
        if statement == "{":
            self.scopes.append({})
            self.scope_count += 1
        elif statement == "}":
            self.scopes.pop()
            self.function = self.function if self.scopes else None
        elif statement.endswith(":"):
            self.function.labels[statement[:-1]] = len(self.function.instructions)
        elif _is_header(statement):
            self.begin(statement)
        elif statement.startswith(".reg"):
            self.declare(statement)
        elif ".branchtargets" in statement:
            self.function.tables[list(self.function.labels)[-1]] = _names(statement.split(".branchtargets")[1])
        elif re.match(r"(\.(visible|extern|weak|common)\s+)*\.(global|shared|local|const|param)\b", statement):
            variable = _variable(statement)
            if self.function:
                self.function.variables.append(variable)
            else:
                self.module.variables[variable.name] = variable
        elif statement and not statement.startswith("."):
            self.function.instructions.append(self.instruction(statement))

    def begin(self, header: str) -> None:
        """`.visible .entry name(params) .maxntid 256`, or `.func (returns) name(params)`; may be a declaration."""
        kind = re.search(r"\.(entry|func)\b", header)
        groups = re.findall(r"\(([^()]*)\)", header)
        name = re.search(r"([\w$%]+)\s*(?:\(|$)", re.sub(r"^\s*\([^()]*\)", "", header[kind.end() :]))[1]
        variables = [[_variable(one) for one in group.split(",") if one.strip()] for group in groups]
        returns = variables.pop(0) if kind[1] == "func" and len(variables) == 2 else []
        self.function = Function(name, kind[1] == "entry", variables[0] if variables else [], returns)
        self.line = 0
        self.module.functions[name] = self.function

    def declare(self, statement: str) -> None:
        kind, names = re.match(r"\.reg\s+\.(\w+)\s+(.*)", statement, re.DOTALL).groups()
        suffix = "" if len(self.scopes) == 1 else f"@{self.scope_count}"
        for name in names.split(","):
            self.scopes[-1][name.split("<")[0].strip()] = (suffix, kind)

    def register(self, name: str) -> Register | None:
        prefix = name.rstrip("0123456789")
        for scope in reversed(self.scopes):
            for key in (name, prefix):
                if key in scope:
                    suffix, kind = scope[key]
                    return Register(name + suffix, kind)
        return None

    def instruction(self, statement: str) -> Instruction:
        guard = None
        if statement.startswith("@"):
            negated, name, statement = re.match(r"@\s*(!?)\s*([\w$%]+)\s+(.*)", statement, re.DOTALL).groups()
            guard = Not(self.register(name)) if negated else self.register(name)
        opcode, rest = re.match(r"([\w.:]+)\s*(.*)", statement, re.DOTALL).groups()
        operands = tuple(self.operand(part) for part in _split(rest))
        return Instruction(opcode, operands, guard, self.line)

    def operand(self, text: str) -> Operand:
        if text.startswith(("{", "(")):
            return Vector(tuple(self.operand(part) for part in _split(text[1:-1])))
        if text.startswith("["):
            return self.address(text[1:-1])
        if text.startswith("!"):
            return Not(self.register(text[1:].strip()))
        if "|" in text:
            return Vector(tuple(self.operand(part.strip()) for part in text.split("|")))
        if found := self.register(text):
            return found
        if text.startswith("%"):
            return Special(text)
        if text == "WARP_SZ" or re.match(r"[+-]?\s*\.?\d", text):
            return Immediate(text.replace(" ", ""))
        name, _, offset = text.partition("+")
        return Symbol(name.strip(), int(offset, 0) if offset else 0)

    def address(self, text: str) -> Address | Vector:
        parts = _split(text)
        if len(parts) > 1:  # [descriptor, {coordinates}]
            return Vector(tuple(self.operand(part) for part in parts))
        if INTEGER.match(text.strip()):
            return Address(None, int(text.strip().rstrip("U"), 0))
        name, sign, offset = re.match(r"\s*([\w$%.]+)\s*([+-]?)\s*(.*?)\s*$", text).groups()
        value = int(offset.replace(" ", "").rstrip("U"), 0) if offset else 0
        return Address(self.register(name) or Symbol(name), -value if sign == "-" else value)


def _without_debug_sections(text: str) -> str:
    return re.sub(r"\.section\s+[^{]*\{.*?\}", "", text, flags=re.DOTALL)


def _is_header(statement: str) -> bool:
    return bool(re.match(r"\s*(\.\w+\s+)*?\.(entry|func)\b", statement))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _split(text: str) -> list[str]:
    """At the commas outside brackets."""
    parts, depth, part = [], 0, ""
    for character in text:
        depth += (character in "[{(") - (character in "]})")
        if character == "," and not depth:
            parts.append(part.strip())
            part = ""
        else:
            part += character
    return [*parts, part.strip()] if part.strip() else parts


def _variable(text: str) -> Variable:
    """`.global .align 4 .b8 name[2][8] = {1, 2}`; a parameter `.param .u64 .ptr .global .align 1 name`."""
    declaration, _, data = text.partition("=")
    space = re.search(rf"\.({'|'.join(SPACES)})\b", declaration)[1]
    type_ = re.search(rf"\.({'|'.join(WIDTHS)})\b", declaration)[1]
    vector = {"v2": 2, "v4": 4}.get((re.search(r"\.(v[24])\b", declaration) or [None, ""])[1], 1)
    align = re.search(r"\.align\s+(\d+)", declaration)
    name, extents = re.search(r"([\w$%]+)\s*((?:\[\s*\d*\s*\]\s*)*)\s*$", declaration).groups()
    width = WIDTHS[type_] * vector
    size: int | None = width
    for extent in re.findall(r"\[\s*(\d*)\s*\]", extents):
        size = size * int(extent) if extent and size is not None else None
    is_pointer = ".ptr" in declaration
    values, relocations = _data(data, WIDTHS[type_], type_) if data.strip() else (None, ())
    if values is not None and size is not None:
        values = values.ljust(size, b"\0")
    return Variable(name, space, int(align[1]) if align and not is_pointer else width, size, values, relocations)


def _data(text: str, width: int, type_: str) -> tuple[bytes, tuple[tuple[int, str], ...]]:
    out, relocations = b"", []
    for item in re.sub(r"[{}]", " ", text).split(","):
        item = item.strip()
        if found := re.match(r"(?:generic\()?([A-Za-z_$][\w$]*)\)?(?:\+(\d+))?$", item):
            relocations.append((len(out), found[1]))
            out += int(found[2] or 0).to_bytes(width, "little")
        elif item:
            out += literal(item, type_).to_bytes(width, "little")
    return out, tuple(relocations)
