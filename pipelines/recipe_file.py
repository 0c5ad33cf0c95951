"""Reading a recipe: what is wrong is refused before any work, with file, line, key and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipelines.errors import RecipeError
from pipelines.recipe import Recipe
from pipelines.recipe_needs import Place, problems

_ENDLESS = "nested too deeply, or an alias that holds itself"


def load(path: str | Path) -> Recipe:
    """Reads and checks a recipe; RecipeError names the file, the line, the key and what is allowed."""
    path = Path(path)
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
        raise RecipeError(f"{path}: a recipe is a mapping with the keys {', '.join(Recipe.model_fields)}")
    try:
        _refuse_repeated_keys(path, node)
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError("\n".join(_explain(path, node, e) for e in error.errors())) from None
    except RecursionError:
        raise RecipeError(f"{path}: {_ENDLESS}") from None
    if found := [_said(path, node, *problem) for problem in problems(recipe, path.absolute().parent)]:
        raise RecipeError("\n".join(found))
    return recipe


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


def _key(loc: Place) -> str:
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in loc).lstrip(".") or "recipe"


def _explain(path: Path, node: yaml.Node, error: ErrorDetails) -> str:
    loc = tuple(error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = f"unknown key; allowed: {', '.join(_fields_at(loc[:-1]))}"
    elif error["type"] == "missing":
        message = "is required"
    elif "input" in error and not isinstance(error["input"], (dict, list)):
        message = f"{message} (found {error['input']!r})"
    return _said(path, node, loc, message)


def _said(path: Path, node: yaml.Node, loc: Place, message: str) -> str:
    return f"{path}:{_line(node, loc)}: {_key(loc)}: {message}"


def _fields_at(loc: Place) -> list[str]:
    """The fields of the section at ``loc``."""
    schema = Recipe.model_json_schema()
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
