"""What became of each mutant, kept in a file as long as it is still true."""

import json
from pathlib import Path

from attrs import define, field

from tests.mutation.lanes import Verdict
from tests.mutation.mutants import Mutant
from tests.mutation.project import Project


@define
class Results:
    """Verdicts: one of a killed mutant is true while its module and the test stay the same.

    One of a survivor is true while its module and all tests stay the same. What the rest of the
    code does is not compared: `--again` tries everything again.
    """

    project: Project
    _known: dict[str, tuple[str, str, str]] = field(factory=dict)
    _new: dict[str, tuple[str, str, str]] = field(factory=dict)

    @property
    def _file(self) -> Path:
        return self.project.cache / "results.json"

    def load(self) -> None:
        try:
            self._known = {
                key: tuple(value) for key, value in json.loads(self._file.read_text()).items()
            }
        except (OSError, ValueError):
            self._known = {}

    def save(self) -> None:
        """Store the new verdicts beside what other runs may have stored meanwhile."""
        self.load()
        self._known |= self._new
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(self._known))
        new.replace(self._file)

    def get(self, mutant: Mutant) -> Verdict | None:
        end, test, digest = self._known.get(mutant.id, ("", "", ""))
        verdict = Verdict(end, test)
        return verdict if digest and digest == self._digest(mutant, verdict) else None

    def put(self, mutant: Mutant, verdict: Verdict) -> None:
        self._new[mutant.id] = (verdict.end, verdict.test, self._digest(mutant, verdict))

    def _digest(self, mutant: Mutant, verdict: Verdict) -> str:
        module = self.project.digest(mutant.path)
        file = verdict.test.split("::", 1)[0]
        if verdict.end == "survived" or not file:
            return module + self.project.digest_of_tests()
        if not (self.project.root / file).exists():
            return ""
        return module + self.project.digest(file)
