"""Programs that people use on files, each in the way it is used."""
import json
import os
import pathlib
import re
import subprocess


def run(*command, cwd=None, check=True, stdin=None, **environment):
    """The command to its end, its output as text; environment: what it has besides ours."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, input=stdin, text=True,
                          capture_output=True, timeout=120, env={**os.environ, **environment})
    if check:
        assert done.returncode == 0, f"{command}: {done.returncode} {done.stderr}{done.stdout}"
    return done


def jq_each(programs, values=None):
    """[values] of each (path, program), by one run of jq; $v is values[n] there."""
    words, each = ["--argjson", "values", json.dumps(values or [None] * len(programs))], []
    for n, (path, program) in enumerate(programs):
        words += ["--slurpfile", f"file{n}", path]
        each.append(f"[$values[{n}] as $v | $file{n}[0] | {program}]")
    return json.loads(run("jq", "-n", *words, f"[{', '.join(each)}]").stdout)


def json_rename(path, program):
    """jq PROGRAM a.json > a.json.new && mv a.json.new a.json"""
    run("sh", "-c", 'jq "$1" "$2" > "$2.new" && mv "$2.new" "$2"', "sh", program, path)


def vim(files, backupcopy, home):
    """Edits in one run of vim.  files: {path: {"drop": [line], "add": [line]}}; what is added goes
    before the last line."""
    script = ["set nocompatible fileformats=unix,dos encoding=utf-8 nomore",
              f"set backupcopy={backupcopy} backup writebackup backupdir=. backupskip="]
    for path, change in files.items():
        script += [
            f"execute 'edit' fnameescape({json.dumps(str(path), ensure_ascii=False)})",
            f"let g:drop = {json.dumps(change.get('drop', []), ensure_ascii=False)}",
            f"let g:add = {json.dumps(change.get('add', []), ensure_ascii=False)}",
            "let g:lines = filter(getline(1, '$'), {_, line -> index(g:drop, line) < 0})",
            "silent %delete _",
            "call setline(1, g:lines[:-2] + g:add + g:lines[-1:])",
            "write",
        ]
    path = pathlib.Path(home) / "edit.vim"
    path.write_text("\n".join([*script, "qall", ""]))
    run("vim", "-es", "-u", "NONE", "-i", "NONE", "-S", path, HOME=str(home))


def sed_drop(line):
    """A sed command that deletes this line, its line end aside."""
    return "/^" + re.sub(r"([.*^$\[\]/\\])", r"\\\1", line) + r"\r\?$/d"


def sed_add(line):
    """A sed command that puts a line before the end of a vCard."""
    return "/^END:VCARD/i " + line.replace("\\", "\\\\") + "\\r"


def khard(home, books):
    """khard with address books {name: directory}: call("list", "-a", "work")."""
    home.mkdir()
    config = home / "khard.conf"
    listed = "".join(f"[[{name}]]\npath = {path}\n" for name, path in books.items())
    config.write_text(f"""[addressbooks]
{listed}
[general]
debug = no
default_action = list
editor = /bin/false
merge_editor = /bin/false

[contact table]
display = first_name
show_uids = no
show_kinds = no

[vcard]
preferred_version = 4.0
""")

    def call(*words, check=True, stdin=None):
        return run("khard", "-c", config, *words, check=check, stdin=stdin, HOME=str(home),
                   XDG_CONFIG_HOME=str(home / "none"), LC_ALL="C.UTF-8")

    return call
