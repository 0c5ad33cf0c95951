"""Files of YAML whose keys are those of a section: what is wrong is told with file, line, key and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipelines.errors import RecipeError

Place = tuple[str | int, ...]  #: of a value: keys and numbers
Model = TypeVar("Model", bound=BaseModel)

_ENDLESS = "nested too deeply, or an alias that holds itself"


def read(path: Path, model: type[Model]) -> tuple[Model, yaml.Node]:
    """What the file says, and its nodes, which know their lines. RecipeError for what is no such section."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise RecipeError(f"{path}{where}: not valid YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise RecipeError(f"{path}: {_ENDLESS}") from None
    if not isinstance(data, dict) or node is None:
        raise RecipeError(f"{path}: expected a mapping with the keys {', '.join(model.model_fields)}")
    try:
        _refuse_repeated_keys(path, node)
        return model.model_validate(data), node
    except ValidationError as error:
        told_all = (told(path, node, tuple(e["loc"]), explained(e, model)) for e in error.errors())
        raise RecipeError("\n".join(told_all)) from None
    except RecursionError:
        raise RecipeError(f"{path}: {_ENDLESS}") from None


def _refuse_repeated_keys(path: Path, node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise RecipeError(f"{path}:{key.start_mark.line + 1}: {key.value}: given twice")
            seen.add(key.value)
            _refuse_repeated_keys(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(path, item)


def _line(node: yaml.Node, loc: Place) -> int:
    """The line of the innermost node of ``loc`` that the file has."""
    line = int(node.start_mark.line)
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    line, node = int(key.start_mark.line), value
                    break
            else:
                break
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = int(node.start_mark.line)
        else:
            break
    return line + 1


def key_of(loc: Place) -> str:
    """Without what pydantic adds to tell the kinds that a value may be of."""
    kinds = [isinstance(s, str) and (s.startswith("constrained-") or "[" in s) for s in loc]
    steps = [s for s, kind in zip(loc, kinds, strict=True) if not kind]
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps).lstrip(".")


def explained(error: ErrorDetails, model: type[BaseModel]) -> str:
    """Key and message."""
    loc = tuple(error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = f"unknown key; allowed: {', '.join(_fields_at(loc[:-1], model))}"
    elif error["type"] == "missing":
        message = "is required"
    elif "input" in error and not isinstance(error["input"], (dict, list)):
        message = f"{message} (found {error['input']!r})"
    return f"{key_of(loc) or model.__name__.lower()}: {message}"


def told(path: Path, node: yaml.Node, loc: Place, message: str) -> str:
    """``message`` with its place in the file."""
    return f"{path}:{_line(node, loc)}: {message}"


def _fields_at(loc: Place, model: type[BaseModel]) -> list[str]:
    """The fields of the section at ``loc``."""
    schema = model.model_json_schema()
    here: dict[str, Any] = schema

    def resolve(s: dict[str, Any]) -> dict[str, Any]:
        for option in [s, *s.get("anyOf", []), *s.get("allOf", [])]:
            if "$ref" in option:
                return dict(schema["$defs"][option["$ref"].rsplit("/", 1)[-1]])
        return s

    for step in loc:
        here = resolve(here)
        here = (
            here.get("items", {})
            if isinstance(step, int)
            else (here.get("properties", {}).get(step) or here.get("additionalProperties") or {})
        )
    return sorted(resolve(here).get("properties", {}))
