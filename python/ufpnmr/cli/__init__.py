"""The command ``ufp``: one file per verb, loaded when it is called."""

from __future__ import annotations

import importlib
import sys
import warnings

import click

from ufpnmr.errors import UfpError, nearest

_VERBS = {
    "study": "ufpnmr.cli.study",
    "fit": "ufpnmr.cli.fit",
    "eval": "ufpnmr.cli.eval",
    "active": "ufpnmr.cli.active",
    "efg": "ufpnmr.cli.efg",
    "acf": "ufpnmr.cli.acf",
    "decay": "ufpnmr.cli.decay",
    "echo": "ufpnmr.cli.echo",
    "relax": "ufpnmr.cli.relax",
    "grains": "ufpnmr.cli.grains",
    "spectrum": "ufpnmr.cli.spectrum",
    "msd": "ufpnmr.cli.msd",
    "hops": "ufpnmr.cli.hops",
    "sites": "ufpnmr.cli.sites",
    "arrhenius": "ufpnmr.cli.arrhenius",
    "rdf": "ufpnmr.cli.rdf",
    "vdos": "ufpnmr.cli.vdos",
    "vanhove": "ufpnmr.cli.vanhove",
    "angles": "ufpnmr.cli.angles",
    "compare": "ufpnmr.cli.compare",
    "plot": "ufpnmr.cli.plot",
    "convert": "ufpnmr.cli.convert",
    "info": "ufpnmr.cli.info",
    "doctor": "ufpnmr.cli.doctor",
    "plugin-path": "ufpnmr.cli.plugin_path",
    "cite": "ufpnmr.cli.cite",
}
"""Verb -> module with a click command named ``command``."""


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        command: click.Command = importlib.import_module(_VERBS[name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _VERBS and not args[0].startswith("-"):
            ctx.fail(f"no such verb {args[0]!r}{nearest(args[0], _VERBS)}")
        return super().resolve_command(ctx, args)


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ufpnmr", prog_name="ufp")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """From labelled structures to what a solid-state NMR experiment sees.

    Exit codes: 0 done, 1 failed, 2 usage or input error, 3 computed but not trustworthy (no decay, too few events ...),
    130/143 interrupted after a checkpoint.
    """


def _one_line(message: Warning | str, *_: object, **__: object) -> None:
    click.echo(f"ufp: warning: {message}", err=True)


def run() -> None:
    """Entry point: errors and warnings become one line on stderr, errors also an exit code."""
    warnings.showwarning = _one_line
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        code = main.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("ufp: interrupted", err=True)
        code = 130
    except KeyboardInterrupt:
        click.echo("ufp: interrupted", err=True)
        code = 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "ufp"
        click.echo(f"ufp: error: {error.format_message()} (`{path} --help` shows the usage)", err=True)
        code = error.exit_code
    except click.ClickException as error:
        click.echo(f"ufp: error: {error.format_message()}", err=True)
        code = error.exit_code
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except (UfpError, OSError) as error:
        if debug:
            raise
        click.echo(f"ufp: error: {error}", err=True)
        code = getattr(error, "exit_code", 2 if isinstance(error, FileNotFoundError) else 1)
    sys.exit(code if isinstance(code, int) else 0)
