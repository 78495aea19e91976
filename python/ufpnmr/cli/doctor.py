"""``ufp doctor``: what is installed and whether it fits together."""

from __future__ import annotations

import click

from ufpnmr.cli.common import json_option


@click.command("doctor", short_help="Check the installation.")
@json_option
def command(as_json: bool) -> int:
    """Check Python, packages, the compiled parts, MPI, and that LAMMPS knows pair_style ufp.

    Exit code 1 if something is wrong; the line below it says what to do.

    \b
    Example:
      ufp doctor
      ufp doctor --json > doctor.json
    """
    import dataclasses
    import json

    from ufpnmr.installation import check_all
    from ufpnmr.provenance import package_version

    checks = check_all()
    wrong = [check for check in checks if not check.ok]
    if as_json:
        document = {
            "ufpnmr": package_version("ufpnmr"),
            "ok": not wrong,
            "checks": [dataclasses.asdict(check) for check in checks],
        }
        click.echo(json.dumps(document, indent=1))
        return 1 if wrong else 0
    width = max(len(check.name) for check in checks)
    click.echo(f"ufpnmr {package_version('ufpnmr')}")
    for check in checks:
        click.echo(f"{'ok   ' if check.ok else 'WRONG'} {check.name:<{width}}  {check.found}")
        if not check.ok:
            click.echo(f"      {'':<{width}}  -> {check.advice}")
    click.echo(f"{len(wrong)} of {len(checks)} checks failed" if wrong else f"all {len(checks)} checks passed")
    return 1 if wrong else 0
