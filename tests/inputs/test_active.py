"""inputs/lps/active.toml is a valid run of the learning cycle."""

import shutil


def test_dry_run(lps, tmp_path, ufp):
    for name in ("structures", "labels"):
        shutil.copytree(lps / name, tmp_path / name)
    shutil.copy(lps / "efg.toml", tmp_path)
    text = (lps / "active.toml").read_text(encoding="utf-8")
    for labeller in ("cp2k", "cp2k-efg"):  # CP2K is not installed everywhere
        assert f'name = "{labeller}"\nnice = 19\n' in text
        text = text.replace(f'name = "{labeller}"\nnice = 19\n', 'name = "external"\n')
    (tmp_path / "active.toml").write_text(text, encoding="utf-8")
    done = ufp("active", "run", "active.toml", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("md beta-") == 10
    assert not (tmp_path / "active-lps").exists()
