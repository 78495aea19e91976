"""inputs/lps/active.toml is a valid run of the learning cycle."""

import shutil


def test_dry_run(lps, tmp_path, ufp):
    for name in ("structures", "labels"):
        shutil.copytree(lps / name, tmp_path / name)
    text = (lps / "active.toml").read_text(encoding="utf-8")
    assert 'name = "cp2k"\nnice = 19\n' in text
    text = text.replace('name = "cp2k"\nnice = 19\n', 'name = "external"\n')  # CP2K is not installed everywhere
    (tmp_path / "active.toml").write_text(text, encoding="utf-8")
    done = ufp("active", "run", "active.toml", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("md beta-") == 9
    assert not (tmp_path / "active-lps").exists()
