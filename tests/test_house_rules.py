"""Check the rules of the house that no linter knows."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HOUSE = Path(__file__).resolve().parent.parent
MADE_BY_TOOLS = {
    ".git",
    ".venv",
    ".backburner",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".import_linter_cache",
    ".hypothesis",
    "__pycache__",
    "dist",
}
LONGEST_FUNCTION = 60
LONGEST_FILE = 400
VERBS = {"get", "post", "put", "patch", "delete"}
LOCKS = ("requirements.lock", "requirements-dev.lock")
PROJECTS = ("pyproject.toml", "clients/python/pyproject.toml")
OURS = "backburner-client"
"""A package of this repository: the locks hold its dependencies and leave it out."""

# Spelled as alternatives so that this file does not contain what it forbids.
SOMEBODYS_MACHINE = re.compile(
    r"(?<![\w.}*-])/(?:work|root)\b(?![\w-])|/(?:home|Users)/\w+|/tmp/\w*explore|/opt/(?:pypi|wheels)|\.\./(?:shared)\b"
)


def files(pattern: str) -> list[Path]:
    """List the files that people wrote, in a stable order."""
    found = (path for path in HOUSE.rglob(pattern) if path.is_file())
    return sorted(path for path in found if MADE_BY_TOOLS.isdisjoint(path.relative_to(HOUSE).parts))


def name_of(path: Path) -> str:
    """Name a file as a reader of a failure would look for it."""
    return path.relative_to(HOUSE).as_posix()


def tree_of(path: Path) -> ast.Module:
    """Parse a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=name_of(path))


def called(node: ast.expr) -> str:
    """Return the last name of what a call calls: `job` for both `@job(…)` and `@core.job(…)`."""
    function = node.func if isinstance(node, ast.Call) else node
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def text_of(node: ast.expr) -> str | None:
    """Return the string a literal holds, or None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def first_text(call: ast.expr, keyword: str) -> str | None:
    """Return a call's first argument, or the named one, if it is a literal string."""
    if not isinstance(call, ast.Call):
        return None
    named = [item.value for item in call.keywords if item.arg == keyword]
    return next((text_of(value) for value in call.args[:1] + named), None)


def page(name: str) -> str:
    """Read one page of the documentation."""
    return (HOUSE / "docs" / name).read_text(encoding="utf-8")


def job_names(path: Path) -> list[str | None]:
    """Return the names of the job types that a file declares."""
    classes = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef))
    decorators = (decorator for node in classes for decorator in node.decorator_list)
    return [first_text(decorator, "name") for decorator in decorators if called(decorator) == "job"]


def job_files() -> list[Path]:
    """List the files of the job types: all that lie directly in workflows/."""
    return [path for path in sorted((HOUSE / "workflows").glob("*.py")) if path.stem != "__init__"]


def test_there_are_job_types_to_check():
    assert job_files()


@pytest.mark.parametrize("path", job_files(), ids=name_of)
def test_a_job_file_declares_one_job_named_like_the_file(path):
    assert job_names(path) == [path.stem]


def long_functions(path: Path) -> Iterator[str]:
    """Name the functions of a file that are longer than a reader can hold."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{name_of(path)}:{node.lineno} {node.name} has {lines} lines"


def test_no_function_is_longer_than_sixty_lines():
    assert [line for path in files("*.py") for line in long_functions(path)] == []


def test_no_python_file_is_longer_than_four_hundred_lines():
    lengths = {name_of(path): len(path.read_bytes().splitlines()) for path in files("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def descendants(kind: type) -> Iterator[Any]:
    """Yield every class below a class that our own packages declare."""
    children: list[type] = type.__subclasses__(kind)
    for child in children:
        if child.__module__.split(".")[0] in {"jobs", "settings"}:
            yield child
        yield from descendants(child)


def error_codes() -> list[str]:
    """List the codes of the error tree."""
    return sorted({kind.code for kind in descendants(import_module("jobs.errors").JobError)})


def test_every_error_code_is_explained():
    codes = error_codes()
    explained = page("errors.md")
    assert codes
    assert [code for code in codes if f"`{code}`" not in explained] == []


def test_no_two_errors_share_a_code():
    kinds = set(descendants(import_module("jobs.errors").JobError))
    codes = [kind.__dict__["code"] for kind in kinds if "code" in kind.__dict__]
    assert sorted(codes) == sorted(set(codes))


def environment_names(kind: Any) -> Iterator[str]:
    """Yield the environment variables that a settings class reads."""
    prefix = kind.model_config.get("env_prefix", "")
    for name, field in kind.model_fields.items():
        alias = field.validation_alias
        if alias is None:
            yield f"{prefix}{name}".upper()
        else:
            # AliasChoices lists every accepted name; a plain alias is the only one.
            yield from (str(choice) for choice in getattr(alias, "choices", [alias]))


def test_every_setting_has_a_line_in_the_reference():
    import_module("settings")
    base = import_module("pydantic_settings").BaseSettings
    names = {name for kind in descendants(base) for name in environment_names(kind)}
    reference = page("settings.md")
    assert names
    assert sorted(name for name in names if f"`{name}`" not in reference) == []


def calls_bound_to_names(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield the name and the call of every `name = call(…)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            yield ast.unparse(node.targets[0]), node.value


def prefixes(tree: ast.Module) -> dict[str, str]:
    """Map the routers of a file to the prefix of their paths."""
    return {
        name: text_of(item.value) or ""
        for name, call in calls_bound_to_names(tree)
        for item in call.keywords
        if called(call) == "APIRouter" and item.arg == "prefix"
    }


def routes(path: Path) -> Iterator[str]:
    """Yield the paths that a file of the gateway serves."""
    tree = tree_of(path)
    prefix = prefixes(tree)
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    decorated = (node for node in ast.walk(tree) if isinstance(node, functions))
    for decorator in (item for node in decorated for item in node.decorator_list):
        served = first_text(decorator, "path")
        if served is not None and called(decorator) in VERBS:
            router, _, _ = ast.unparse(decorator).partition(f".{called(decorator)}(")
            yield prefix.get(router, "") + served


def without_names(text: str) -> str:
    """Forget how path parameters are called: `/jobs/{job_id}` and `/jobs/{id}` are one route."""
    return re.sub(r"\{[^{}\s]*\}", "{}", text)


def test_every_route_of_the_gateway_is_documented():
    served = {without_names(route) for path in files("api/**/*.py") for route in routes(path)}
    documented = without_names("\n".join(path.read_text("utf-8") for path in files("docs/**/*.md")))
    missing = [
        route for route in served if not re.search(re.escape(route) + r"(?![\w/{-])", documented)
    ]
    assert served
    assert sorted(missing) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_packages_and_no_place_to_get_them(lock):
    lines = (HOUSE / lock).read_text(encoding="utf-8").splitlines()
    places = [line for line in lines if re.match(r"\s*-[^-]|\s*--(?!hash=)", line) or "://" in line]
    assert places == []
    assert [line for line in lines if " @ " in line or "file:" in line] == []


def pins(lock: str) -> dict[str, str]:
    """Return the versions that a lock pins."""
    text = (HOUSE / lock).read_text(encoding="utf-8")
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)(?=.*\\\n\s+--hash=)", text, flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def declared(project: str) -> dict[str, list[str]]:
    """Return the dependencies of each section of a project."""
    found = tomllib.loads((HOUSE / project).read_text(encoding="utf-8"))["project"]
    return {"runtime": found["dependencies"], **found["optional-dependencies"]}


@pytest.mark.parametrize(
    ("lock", "sections"),
    [(LOCKS[0], {"runtime", "local", "build"}), (LOCKS[1], {"runtime", "local", "build", "dev"})],
    ids=LOCKS,
)
def test_a_lock_fits_what_the_projects_declare(lock, sections):
    pinned = pins(lock)
    server, client = map(declared, PROJECTS)
    texts = [text for key in sections for text in server[key]]
    texts += [text for section in client.values() for text in section]
    wanted = [each for text in texts if (each := Requirement(text)).name != OURS]
    stale = [
        str(wish)
        for wish in wanted
        if not wish.specifier.contains(pinned.get(canonicalize_name(wish.name), "0.dev0"))
    ]
    assert stale == []
    assert OURS not in pinned


def test_the_server_takes_the_client_of_this_repository():
    [wanted] = [
        each
        for text in declared(PROJECTS[0])["runtime"]
        if (each := Requirement(text)).name == OURS
    ]
    client = tomllib.loads((HOUSE / PROJECTS[1]).read_text(encoding="utf-8"))["project"]
    assert client["name"] == OURS
    assert wanted.specifier.contains(client["version"])


def test_the_dev_lock_is_the_runtime_lock_and_more():
    assert pins(LOCKS[0]).items() <= pins(LOCKS[1]).items()


@pytest.mark.parametrize("project", PROJECTS)
def test_every_dependency_has_a_reason_beside_it(project):
    lines = (HOUSE / project).read_text(encoding="utf-8").splitlines()
    reasoned = {line.split('"')[1] for line in lines if re.match(r'\s*"[^"]+",?\s+# \S+ \S+', line)}
    everything = [text for section in declared(project).values() for text in section]
    assert [text for text in everything if text not in reasoned] == []


def test_no_file_knows_the_machine_it_was_written_on():
    told = []
    for path in files("*"):
        text = path.read_text(encoding="utf-8", errors="ignore")
        told += [f"{name_of(path)}: {hit[0]}" for hit in SOMEBODYS_MACHINE.finditer(text)]
    assert told == []
