"""`dicomdecode completion`: what a shell needs to complete commands and options, made from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from dicomdecode.cli.commands import Commands
from dicomdecode.cli.terminal import say

SHELLS = ("bash", "zsh", "fish")


def _words(commands: Commands) -> dict[str, list[str]]:
    """The options of each command."""
    return {
        name: sorted(option for action in parser._actions for option in action.option_strings if len(option) > 2)
        for name, parser in commands.parsers.choices.items()
    }


def _bash(words: dict[str, list[str]]) -> str:
    cases = "\n".join(f"    {name}) words='{' '.join(options)}' ;;" for name, options in words.items())
    return f"""_dicomdecode() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} words='{" ".join(words)}'
    if [ "$COMP_CWORD" -gt 1 ]; then
        case ${{COMP_WORDS[1]}} in
{cases}
        esac
        [[ $current == -* ]] || {{ COMPREPLY=($(compgen -f -- "$current")); return; }}
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o filenames -F _dicomdecode dicomdecode"""


def _zsh(words: dict[str, list[str]]) -> str:
    return "autoload -U +X bashcompinit && bashcompinit\n" + _bash(words)


def _fish(words: dict[str, list[str]]) -> str:
    lines = [f"complete -c dicomdecode -n __fish_use_subcommand -f -a '{' '.join(words)}'"]
    for name, options in words.items():
        seen = f"'__fish_seen_subcommand_from {name}'"
        lines += [f"complete -c dicomdecode -n {seen} -l {option[2:]}" for option in options]
    return "\n".join(lines)


def add_to(commands: Commands) -> None:
    """The command `completion`."""
    written: dict[str, Callable[[dict[str, list[str]]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}

    def run(arguments: argparse.Namespace) -> int:
        say(written[arguments.shell](_words(commands)))
        return 0

    text = 'print what completes commands in a shell: eval "$(dicomdecode completion bash)"'
    parser = commands.add("completion", text, run)
    parser.add_argument("shell", choices=SHELLS)
