"""Reading a recipe: what is wrong is refused before any work, with file, line, key and what is allowed."""

from __future__ import annotations

from pathlib import Path

from pipelines import section_file
from pipelines.errors import RecipeError
from pipelines.recipe import Recipe
from pipelines.recipe_needs import problems


def load(path: str | Path) -> Recipe:
    """Reads and checks a recipe; RecipeError names the file, the line, the key and what is allowed."""
    path = Path(path)
    recipe, node = section_file.read(path, Recipe)
    if found := [
        section_file.told(path, node, loc, f"{section_file.key_of(loc) or 'recipe'}: {message}")
        for loc, message in problems(recipe, path.absolute().parent)
    ]:
        raise RecipeError("\n".join(found))
    return recipe
