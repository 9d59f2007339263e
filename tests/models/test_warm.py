"""The warming history reaches what it should; compiled code older than its sources goes."""

import os
from pathlib import Path

from models import warm


def test_the_history_reaches_alerts_too():
    assert warm.warm() > 0


def test_compiled_code_older_than_the_newest_source_goes(tmp_path, monkeypatch):
    folders = [tmp_path / "models_1", tmp_path / "fold_1"]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    newest = max(p.stat().st_mtime for p in Path(warm.__file__).parent.rglob("*.py"))
    for folder in folders:
        folder.mkdir()
        for name, age in (("old.nbi", 1), ("old.1.nbc", 1), ("new.nbi", -1), ("other.txt", 1)):
            (folder / name).write_text("")
            os.utime(folder / name, (newest - age, newest - age))
    assert warm.drop_stale() >= 4
    for folder in folders:
        assert sorted(p.name for p in folder.iterdir()) == ["new.nbi", "other.txt"]
