"""What is mutated, and which tests have to find it."""

from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import Final

from attrs import frozen


@frozen
class Project:
    """A project with its tests."""

    root: Path
    packages: tuple[str, ...]
    """What can be mutated."""
    helpers: tuple[str, ...]
    """Other packages whose code the tests run."""
    suites: tuple[str, ...]
    """Files and folders of tests, for pytest."""
    skipped: tuple[str, ...] = ()
    """Parts of the names of tests that are left out: they need servers, or take long."""
    last_resort: tuple[str, ...] = ()
    """Suites whose tests run as long as LAST_RESORT_SECONDS, if no other test finds a mutant."""
    import_seconds: float = 60.0
    """How much CPU time the project and its tests may need to be imported: ten times what they do.
    A mutant may loop in a function that makes a constant of a test."""
    of_times: str = ""
    """The test that finds changed times; it mentions none of them by its name."""

    @property
    def cache(self) -> Path:
        return self.root / "build" / "mutants"

    @property
    def equivalents(self) -> Path:
        return self.root / "tests" / "mutation" / "equivalent"

    def sources(self) -> list[str]:
        """Return the paths of everything that can be mutated."""
        return [each for package in self.packages for each in python_in(self.root, package)]

    def is_mutated(self, path: str) -> bool:
        return path.split("/", 1)[0] in self.packages

    def is_ours(self, path: str) -> bool:
        return path.split("/", 1)[0] in (*self.packages, *self.helpers)

    def is_chosen(self, test: str) -> bool:
        return not any(each in test for each in self.skipped)

    def is_last_resort(self, test: str) -> bool:
        return test.startswith(self.last_resort)

    def digest(self, *paths: str) -> str:
        """Return a digest of these files; folders stand for the Python in them."""
        return digest_of(_digest(self.root, path).encode() for path in paths)

    def digest_of_tests(self) -> str:
        return self.digest(*self.suites)

    def digest_behind(self, test_file: str) -> str:
        """Return a digest of a file of tests, with the other files of its folder but the tests."""
        beside = python_in(self.root, str(PurePath(test_file).parent))
        shared = [each for each in beside if not PurePath(each).name.startswith("test_")]
        return self.digest(*shared, test_file)


@cache
def python_in(root: Path, path: str) -> list[str]:
    """Return the paths of this file, or of all Python in this folder."""
    if path.endswith(".py"):
        return [path]
    return sorted(str(each.relative_to(root)) for each in (root / path).rglob("*.py"))


@cache
def _digest(root: Path, path: str) -> str:
    return digest_of((root / each).read_bytes() for each in python_in(root, path))


def digest_of(texts: Iterable[bytes]) -> str:
    digest = blake2b(digest_size=16)
    for text in texts:
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()


# Tests that need a server, and cases that need minutes, are no tests of the domain's rules. The
# seeds from 1 to 200 have every kind of fault; what they find is found by the sweep in less time.
PAYMENTS: Final = Project(
    root=Path(__file__).parents[2],
    packages=("domain", "application"),
    helpers=("adapters", "entrypoints", "payments_kit"),
    suites=(
        "tests/domain",
        "tests/use_cases",
        "tests/times",
        "tests/contracts/test_storage_and_messaging.py",
        "tests/simulation/test_seeds.py",
        "tests/simulation/test_sweep.py",
    ),
    skipped=(
        "on PostgreSQL",
        "on JetStream",
        "_fault_in",
        "_at_one_step",
        "test_every_promise_is_kept_in_seeds_from",
        "test_every_promise_is_kept_in_150_seeds",
        "test_garbage",
        "test_a_seed_is_the_same_run",
    ),
    last_resort=("tests/simulation",),
    of_times="tests/times/test_relations.py::test_the_relations_hold",
)
