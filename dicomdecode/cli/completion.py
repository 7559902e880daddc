"""`dicomdecode completion`: what a shell needs to complete commands and options, made from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from dicomdecode.cli.commands import Commands
from dicomdecode.cli.terminal import say

SHELLS = ("bash", "zsh", "fish")


def _options(commands: Commands) -> dict[str, list[str]]:
    """The long options of each command."""
    return {
        name: sorted(option for action in parser._actions for option in action.option_strings if len(option) > 2)
        for name, parser in commands.parsers.choices.items()
    }


def _values(commands: Commands) -> dict[str, list[str]]:
    """The words that an option takes, or a command as its only argument."""
    found = {}
    for name, parser in commands.parsers.choices.items():
        for action in parser._actions:
            if action.choices:
                key = action.option_strings[-1] if action.option_strings else name
                found[key] = [str(word) for word in action.choices]
    return found


def _bash(commands: Commands) -> str:
    """Where nothing is offered, bash itself completes the names of files."""
    values = "\n".join(f"        {key}) words='{' '.join(words)}' ;;" for key, words in _values(commands).items())
    options = "\n".join(f"            {name}) words='{' '.join(w)}' ;;" for name, w in _options(commands).items())
    return f"""_dicomdecode() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} words=
    if [ "$COMP_CWORD" = 1 ]; then
        words='{" ".join(commands.parsers.choices)} --help --version'
    else
        case $before in
{values}
        *) if [[ $current == -* ]]; then case ${{COMP_WORDS[1]}} in
{options}
        esac; fi ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _dicomdecode dicomdecode"""


def _zsh(commands: Commands) -> str:
    return "autoload -U +X bashcompinit && bashcompinit\n" + _bash(commands)


def _fish(commands: Commands) -> str:
    lines = [f"complete -c dicomdecode -n __fish_use_subcommand -f -a '{' '.join(commands.parsers.choices)}'"]
    values = _values(commands)
    for name, options in _options(commands).items():
        seen = f"complete -c dicomdecode -n '__fish_seen_subcommand_from {name}'"
        lines += [f"{seen} -f -a '{' '.join(values[name])}'"] if name in values else []
        for option in options:
            words = f" -x -a '{' '.join(values[option])}'" if option in values else ""
            lines.append(f"{seen} -l {option[2:]}{words}")
    return "\n".join(lines)


def add_to(commands: Commands) -> None:
    """The command `completion`."""
    written: dict[str, Callable[[Commands], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}

    def run(arguments: argparse.Namespace) -> int:
        say(written[arguments.shell](commands))
        return 0

    text = 'print a script that completes commands and options: eval "$(dicomdecode completion bash)"'
    parser = commands.add("completion", text, run)
    parser.add_argument("shell", choices=SHELLS, help="which shell")
