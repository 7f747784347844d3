#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Installs below FOLDER as a packager does (DESTDIR, prefix /usr) and as a user may (a prefix of one's own), and looks at what is there:
the files and no others, their modes, programs that run from there and find the driver, the example's check, the unit by
systemd-analyze where it is installed, and that removing leaves nothing but what somebody has written.

usage: install_test.py FOLDER
"""
import os
import shutil
import stat
import subprocess
import sys

LAYOUT = {"bin/sluice": 0o755, "bin/sluice-decap": 0o755, "sbin/sluiced": 0o755, "lib/librte_net_sluice.so": 0o644,
          "lib/systemd/system/sluiced.service": 0o644,
          **{f"share/doc/sluice/{n}": 0o644 for n in ("LICENSE", "README.md", "cli.md", "config.md", "control.md", "decap.md", "running.md")}}
failed = []


def expect(good, what):
    if not good:
        failed.append(what)
        print(f"install_test: {what}")


def make(*words):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", "-s", *words], env=env, capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"make {' '.join(words)}: {done.stderr.strip()}")


def files(folder):
    return {os.path.relpath(os.path.join(at, n), folder): stat.S_IMODE(os.stat(os.path.join(at, n)).st_mode)
            for at, _, names in os.walk(folder) for n in names}


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


def look(root, prefix, confdir):
    """What lies below root; prefix and confdir as the programs see them."""
    wanted = {os.path.join(prefix.strip("/"), name): mode for name, mode in LAYOUT.items()}
    wanted[os.path.join(confdir.strip("/"), "sluice.yaml.example")] = 0o644
    found = files(root)
    expect(found == wanted, f"{root}: not there {sorted(wanted.keys() - found.keys())}, not wanted {sorted(found.keys() - wanted.keys())}, "
                            f"modes {[n for n in wanted.keys() & found.keys() if wanted[n] != found[n]]}")
    base = os.path.join(root, prefix.strip("/"))
    example = os.path.join(root, confdir.strip("/"), "sluice.yaml.example")
    sluice = os.path.join(base, "bin/sluice")
    checked = run(sluice, "check", example)
    expect(checked.returncode == 0 and "good: 1 port, 1 services, 2 backends" in checked.stdout, f"the example: {checked.stdout}{checked.stderr}")
    checked = run(os.path.join(base, "sbin/sluiced"), "--help")
    expect("sluiced" in checked.stdout + checked.stderr, f"sluiced --help: {checked.stdout}{checked.stderr}")
    expect(run(os.path.join(base, "bin/sluice-decap"), "--help").returncode == 0, "sluice-decap --help")
    found = run(sluice, "doctor", example).stdout
    expect(os.path.abspath(base) + "/lib/librte_net_sluice.so" in found, f"the driver is not found: {found}")


def unit(root, prefix, confdir):
    path = os.path.join(root, prefix.strip("/"), "lib/systemd/system/sluiced.service")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    expect("@" not in "".join(line for line in text.splitlines(True) if "=~@" not in line and not line.startswith("#")), f"{path}: a name in @ is left")
    expect(f"ExecStart={prefix}/sbin/sluiced -c {confdir}/sluice.yaml\n" in text, f"{path}: another ExecStart")
    expect(f"ExecStartPre={prefix}/bin/sluice check {confdir}/sluice.yaml\n" in text, f"{path}: another ExecStartPre")
    if not shutil.which("systemd-analyze"):
        print("install_test: no systemd-analyze here: the unit is not verified")
        return
    # Of programs in another root it would say that they are not there.
    mine = os.path.join(os.path.dirname(root), "sluiced.service")
    with open(mine, "w", encoding="utf-8") as f:
        f.write(text.replace(f"{prefix}/", f"{os.path.abspath(root)}{prefix}/"))
    said = run("systemd-analyze", "verify", "--man=no", mine)
    lines = [line for line in (said.stdout + said.stderr).splitlines() if "sluiced" in line]
    expect(said.returncode == 0 and not lines, f"systemd-analyze verify: {said.stdout}{said.stderr}")


def main():
    folder = sys.argv[1]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    packed = os.path.join(folder, "packed")
    make("install", f"DESTDIR={os.path.abspath(packed)}", "prefix=/usr")
    look(packed, "/usr", "/etc/sluice")
    unit(packed, "/usr", "/etc/sluice")
    own = os.path.abspath(os.path.join(folder, "own"))
    make("install", f"prefix={own}")
    look(own, "", "/etc/sluice")
    written = os.path.join(own, "etc/sluice/sluice.yaml")
    shutil.copy(written + ".example", written)
    make("install", f"prefix={own}")
    make("uninstall", f"prefix={own}")
    make("uninstall", f"DESTDIR={os.path.abspath(packed)}", "prefix=/usr")
    expect(files(packed) == {}, f"left: {files(packed)}")
    expect(list(files(own)) == ["etc/sluice/sluice.yaml"], f"left: {files(own)}")
    if failed:
        sys.exit(1)
    print("install_test: two installations: ok")


if __name__ == "__main__":
    main()
