"""The quick run, started by a hook of git, works in its own repository and leaves that of the hook alone."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

# What a hook runs: the quick run without its stages, of a project of one file.
QUICK = f"""#!{sys.executable}
import pathlib, sys
sys.path.insert(0, {str(ROOT)!r})
from tools import quick
quick.ROOT = pathlib.Path.cwd()
quick.run = lambda folder: None
quick.summary = lambda folder: "done"
quick.main()
"""


@pytest.fixture
def repository(tmp_path):
    """git(...) in a worktree of a repository that holds the settings, with a remote to push to."""
    main, worktree = tmp_path / "main", tmp_path / "worktree"
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]

    def git(*arguments, cwd=worktree):
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout

    main.mkdir()
    git("init", "--quiet", "--bare", "remote.git", cwd=tmp_path)
    git("init", "--quiet", cwd=main)
    for name in ("params.yaml", "quick.yaml"):
        (main / name).write_bytes((ROOT / name).read_bytes())
    (main / ".gitignore").write_text("/quick/\n")
    git("add", "--all", cwd=main)
    git("commit", "--quiet", "--message", "The project", cwd=main)
    git("remote", "add", "origin", "../remote.git", cwd=main)
    git("worktree", "add", "--quiet", str(worktree), "-b", "mine", cwd=main)
    return git, main / ".git/hooks", worktree


@pytest.mark.parametrize("hook", ["pre-commit", "pre-push"])
def test_a_hook_may_make_a_quick_run(repository, hook):
    git, hooks, worktree = repository
    (worktree / "mine.txt").write_text("mine")
    git("add", "mine.txt")
    (worktree / "later.txt").write_text("not to be committed yet")
    (hooks / hook).write_text(QUICK)
    (hooks / hook).chmod(0o755)
    git("commit", "--quiet", "--message", "Mine")
    git("push", "--quiet", "origin", "mine")
    assert git("log", "--format=%s").splitlines() == ["Mine", "The project"]
    assert git("show", "--name-only", "--format=").splitlines() == ["mine.txt"]
    assert git("status", "--porcelain").splitlines() == ["?? later.txt"]
    assert git("config", "--get", "--default", "unset", "core.bare").strip() in ("false", "unset")
    assert git("log", "--format=%s", cwd=worktree / "quick").splitlines() == ["The quick profile"]
