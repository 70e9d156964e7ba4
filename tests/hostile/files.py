"""Attempts on files: to write, remove, read and reveal what is not the candidate's."""

from __future__ import annotations

from tests.hostile.program import Program as P

_WRITE = "changes your files"
_REMOVE = "loses your files"
_READ = "reads your files"
_KEYS = "reads your keys"
_LATER = "is run later, with your rights"
_INPUT = "changes the data that it may read"
_HIDE = "reaches files by another name"
_REVEAL = "learns what there is"

PROGRAMS = (
    # --- writing
    P("write_beside", "files", _WRITE, "open(target['file'], 'w').write('x')", "open('mine', 'w').write('x')"),
    P("append_beside", "files", _WRITE, "open(target['file'], 'a').write('x')", "open('mine', 'a').write('x')"),
    P("open_truncating", "files", _REMOVE, "os.open(target['file'], os.O_RDONLY | os.O_TRUNC)"),
    P("open_to_write_only", "files", _WRITE, "os.write(os.open(target['file'], os.O_WRONLY), b'x')"),
    P("create_exclusively", "files", _WRITE, "os.open(target['folder'] + '/new', os.O_CREAT | os.O_EXCL | os.O_WRONLY)",
      "os.open('new', os.O_CREAT | os.O_EXCL | os.O_WRONLY)"),
    P("creat", "files", _WRITE, "checked(libc.creat((target['folder'] + '/new').encode(), 0o600))",
      "checked(libc.creat(b'new', 0o600))"),
    P("unnamed_file", "files", _WRITE, "os.open(target['folder'], os.O_TMPFILE | os.O_RDWR)", bare="host"),
    P("truncate", "files", _REMOVE, "os.truncate(target['file'], 0)", "open('m', 'w').write('xx')\n"
      "os.truncate('m', 1)"),
    P("map_and_write", "files", _WRITE, """\
import mmap
with open(target['file'], 'r+b') as file:
    mmap.mmap(file.fileno(), 0)[0:1] = b'X'""", """\
import mmap
open('m', 'wb').write(b'x')
with open('m', 'r+b') as file:
    mmap.mmap(file.fileno(), 0)[0:1] = b'X'"""),
    P("make_folder", "files", _WRITE, "os.mkdir(target['folder'] + '/new')", "os.mkdir('new')"),
    P("make_pipe", "files", "blocks who opens it", "os.mkfifo(target['folder'] + '/new')"),
    P("make_device", "files", "makes a door to a device", "os.mknod('null', 0o020666, os.makedev(1, 3))", bare="host"),
    P("make_socket_file", "files", _WRITE, "os.mknod(target['folder'] + '/new', 0o140600)"),
    P("database_beside", "files", _WRITE,
      "import sqlite3\nsqlite3.connect(target['folder'] + '/new.db').execute('create table t (a)')",
      "import sqlite3\nsqlite3.connect('new.db').execute('create table t (a)')"),
    P("archive_beside", "files", _WRITE, """\
import io, tarfile
data = io.BytesIO()
with tarfile.open(fileobj=data, mode='w') as archive:
    archive.addfile(tarfile.TarInfo('../' * 20 + target['folder'].lstrip('/') + '/new'))
data.seek(0)
names = {'filter': 'fully_trusted'} if hasattr(tarfile, 'fully_trusted_filter') else {}
tarfile.open(fileobj=data).extractall('.', **names)""", """\
import io, tarfile
data = io.BytesIO()
with tarfile.open(fileobj=data, mode='w') as archive:
    archive.addfile(tarfile.TarInfo('new'))
data.seek(0)
names = {'filter': 'data'} if hasattr(tarfile, 'data_filter') else {}
tarfile.open(fileobj=data).extractall('.', **names)"""),
    # --- removing and moving
    P("remove", "files", _REMOVE, "os.remove(target['file'])", "open('m', 'w').close()\nos.remove('m')"),
    P("remove_tree", "files", _REMOVE, "import shutil\nshutil.rmtree(target['home'])",
      "import shutil\nos.makedirs('a/b')\nshutil.rmtree('a')"),
    P("remove_folder", "files", _REMOVE,
      "os.remove(target['home'] + '/.ssh/id_ed25519')\nos.remove(target['home'] + '/.ssh/authorized_keys')\n"
      "os.rmdir(target['home'] + '/.ssh')", "os.mkdir('m')\nos.rmdir('m')"),
    P("rename_away", "files", _REMOVE, "os.rename(target['file'], 'stolen')", "open('m', 'w')\nos.rename('m', 'n')"),
    P("rename_beside", "files", _REMOVE, "os.rename(target['file'], target['file'] + '.gone')"),
    P("rename_over", "files", _WRITE, "open('m', 'w').write('x')\nos.replace('m', target['file'])",
      "open('m', 'w').write('x')\nopen('n', 'w').write('y')\nos.replace('m', 'n')"),
    P("exchange", "files", _WRITE,
      "open('m', 'w').write('x')\ncall('renameat2', -100, b'm', -100, target['file'].encode(), 2)", bare="host"),
    # --- links
    P("hard_link", "files", _HIDE, "os.link(target['file'], 'linked')\nopen('linked').read()"),
    P("hard_link_to_input", "files", _INPUT, "os.link(target['granted'], 'linked')\nopen('linked', 'a').write('x')"),
    P("hard_link_beside", "files", _WRITE, "os.link(target['file'], target['folder'] + '/again')"),
    P("symlink_out", "files", _HIDE, "os.symlink(target['file'], 'soft')\nopen('soft').read()",
      "open('m', 'w')\nos.symlink('m', 'soft')\nopen('soft').read()"),
    P("symlink_out_and_write", "files", _WRITE, "os.symlink(target['file'], 'soft')\nopen('soft', 'w').write('x')"),
    P("symlink_to_folder", "files", _HIDE, "os.symlink(target['folder'], 'soft')\nopen('soft/precious.txt').read()"),
    P("symlink_beside", "files", _WRITE, "os.symlink('/', target['folder'] + '/soft')"),
    P("through_others_link", "files", _HIDE, "open(target['folder'] + '/link').read()"),
    P("leave_by_dotdot", "files", _HIDE, "open('../' * 20 + target['file'].lstrip('/')).read()"),
    P("leave_by_folder_descriptor", "files", _HIDE,
      "top = os.open('/', os.O_PATH)\nos.open(target['file'].lstrip('/'), os.O_RDONLY, dir_fd=top)"),
    P("leave_by_chdir", "files", _HIDE, "os.chdir(target['folder'])\nopen('precious.txt').read()"),
    P("through_own_root", "files", _HIDE, "open('/proc/self/root' + target['file']).read()"),
    P("through_own_cwd", "files", _HIDE, "os.chdir(target['folder'])\nopen('/proc/self/cwd/precious.txt').read()"),
    P("through_zygote_root", "files", _HIDE, "open(f'/proc/{os.getppid()}/root' + target['file']).read()"),
    P("through_kernels_cwd", "files", _HIDE, "os.listdir(f\"/proc/{target['kernel']}/cwd\")"),
    P("path_only_then_read", "files", _HIDE,
      "fd = os.open(target['file'], os.O_PATH)\nopen(f'/proc/self/fd/{fd}').read()",
      "fd = os.open(os.__file__, os.O_PATH)\nopen(f'/proc/self/fd/{fd}').read()"),
    P("open_by_openat2", "files", _HIDE,
      "how = struct.pack('QQQ', 0, 0, 0)\ncall('openat2', -100, target['file'].encode(), how, 24)", bare="host"),
    P("open_by_handle", "files", _HIDE, """\
handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128))
mount = ctypes.c_int()
call('name_to_handle_at', -100, target['file'].encode(), handle, ctypes.byref(mount), 0)
top = os.open('/', os.O_RDONLY)
call('open_by_handle_at', top, handle, 0)""", bare="host"),
    # --- reading
    P("read_secret", "files", _READ, "open(target['file']).read()", "open(os.__file__).read()"),
    P("read_low_level", "files", _READ, "os.read(os.open(target['file'], os.O_RDONLY), 9)"),
    P("read_by_numpy", "files", _READ, "import numpy\nnumpy.memmap(target['file'], mode='r')",
      "import numpy\nnumpy.memmap('m', mode='w+', shape=4)"),
    P("read_by_library", "files", _READ, "libc.fopen.restype = ctypes.c_void_p\n"
      "assert libc.fopen(target['file'].encode(), b'r')", "libc.fopen.restype = ctypes.c_void_p\n"
      "assert libc.fopen(os.__file__.encode(), b'r')"),
    P("copy_into_scratch", "files", _READ, "import shutil\nshutil.copy(target['file'], 'mine')",
      "import shutil\nshutil.copy(os.__file__, 'mine')"),
    P("other_data_of_project", "files", _READ, "open(target['home'] + '/project/secret.csv').read()",
      "open(target['granted']).read()"),
    P("other_notebook", "files", _READ, "open(target['home'] + '/project/other.ipynb').read()"),
    P("store_of_runs", "files", "forges a stored score",
      "open(target['home'] + '/project/.score_nb/run/journal.jsonl', 'a').write('[1]')"),
    P("list_folder", "files", _REVEAL, "os.listdir(target['folder'])", "os.listdir('.')"),
    P("list_home", "files", _REVEAL, "os.listdir(target['own_home'])"),
    P("walk_root", "files", _REVEAL, "assert os.listdir('/')"),
    P("list_temporary_folder", "files", _REVEAL, "os.listdir('/tmp')"),
    P("extended_attributes", "files", _REVEAL, "os.listxattr(target['file'])", bare="host"),
    P("watch_folder", "files", _REVEAL,
      "fd = checked(libc.inotify_init1(0))\nchecked(libc.inotify_add_watch(fd, target['folder'].encode(), 0xFFF))"),
    P("watch_file_system", "files", _REVEAL, "call('fanotify_init', 0, 0)", bare="host"),
    # --- keys and what they open
    P("ssh_key", "keys", _KEYS, "open(target['home'] + '/.ssh/id_ed25519').read()"),
    P("cloud_credentials", "keys", _KEYS, "open(target['home'] + '/.aws/credentials').read()"),
    P("netrc", "keys", _KEYS, "open(target['home'] + '/.netrc').read()"),
    P("connection_file", "keys", "sends the kernel code to run",
      "open(target['home'] + '/.local/share/jupyter/runtime/kernel-1.json').read()"),
    P("read_shadow", "keys", _KEYS, "open('/etc/shadow').read()", "open('/etc/passwd').read()", bare="host"),
    P("agent_socket_folders", "keys", _KEYS, "os.listdir('/run')"),
    P("kernel_keyring_file", "keys", _KEYS, "open('/proc/keys').read()", bare="host"),
    # --- what runs later
    P("authorized_keys", "later", _LATER, "open(target['home'] + '/.ssh/authorized_keys', 'a').write('mine')"),
    P("shell_start", "later", _LATER, "open(target['home'] + '/.bashrc', 'a').write('mine')"),
    P("git_hook", "later", _LATER, "open(target['home'] + '/project/.git/hooks/post-commit', 'w').write('mine')"),
    P("git_configuration", "later", _LATER, "open(target['home'] + '/.gitconfig', 'a').write('[alias]')"),
    P("ipython_startup", "later", _LATER,
      "open(target['home'] + '/.ipython/profile_default/startup/00.py', 'w').write('mine')"),
    P("jupyter_configuration", "later", _LATER,
      "open(target['home'] + '/.jupyter/jupyter_lab_config.py', 'a').write('mine')"),
    P("autostart", "later", _LATER, "open(target['home'] + '/.config/autostart/x.desktop', 'w').write('mine')"),
    P("installed_package", "later", _LATER, "import numpy\nos.open(numpy.__file__, os.O_RDWR)",
      "import numpy\nos.open(numpy.__file__, os.O_RDONLY)", bare="host"),
    P("compiled_package", "later", _LATER,
      "import json\nos.open(os.path.dirname(json.__cached__), os.O_TMPFILE | os.O_RDWR)", bare="host"),
    P("start_file_of_python", "later", _LATER,
      "import numpy\nsite = os.path.dirname(os.path.dirname(numpy.__file__))\n"
      "os.open(site, os.O_TMPFILE | os.O_RDWR)", bare="host"),
    P("core_pattern", "later", _LATER, "os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)", bare="host"),
    # --- the inputs
    P("write_input", "inputs", _INPUT, "open(target['granted'], 'w').write('x')", "open(target['granted']).read()"),
    P("append_to_input", "inputs", _INPUT, "open(target['granted'], 'a').write('x')"),
    P("cut_input_on_opening", "inputs", _INPUT, "os.open(target['granted'], os.O_RDONLY | os.O_TRUNC)"),
    P("cut_input_on_opening_oddly", "inputs", _INPUT, "os.open(target['granted'], 3 | os.O_TRUNC)"),
    P("truncate_input", "inputs", _INPUT, "os.truncate(target['granted'], 1)"),
    P("remove_input", "inputs", _INPUT, "os.remove(target['granted'])"),
    P("reopen_input_to_write", "inputs", _INPUT,
      "fd = os.open(target['granted'], os.O_RDONLY)\nopen(f'/proc/self/fd/{fd}', 'r+').write('x')"),
    P("lock_others_out", "inputs", "blocks who opens it",
      "import fcntl\nfcntl.fcntl(os.open(target['granted'], os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)",
      "import fcntl\nfcntl.lockf(os.open('m', os.O_CREAT | os.O_RDWR), fcntl.LOCK_EX)", bare="host"),
    P("input_immutable", "inputs", _INPUT, "import fcntl\n"
      "fd = os.open(target['granted'], os.O_RDONLY)\nfcntl.ioctl(fd, 0x40086602, struct.pack('l', 0x40))", bare="host"),
    # --- modes, times, attributes: the answer is success, the effect is none
    P("chmod_takes_effect", "files", "opens your files to others",
      "os.chmod(target['file'], 0o777)\nassert os.stat(target['file']).st_mode & 0o777 == 0o777",
      "import shutil\nshutil.copy(os.__file__, 'mine')"),
    P("utime_takes_effect", "files", "lets make and backups skip them",
      "os.utime(target['file'], (1, 1))\nassert os.stat(target['file']).st_mtime == 1"),
    P("chown_takes_effect", "files", "takes your files away",
      "os.chown(target['file'], 1234, 1234)\nassert os.stat(target['file']).st_uid == 1234", bare="host"),
    P("attribute_takes_effect", "files", _WRITE,
      "os.setxattr(target['file'], 'user.mine', b'x')\nassert os.getxattr(target['file'], 'user.mine') == b'x'",
      bare="host"),
    # --- other candidates' and the scorer's scratch, shared places
    P("scorers_scratch", "files", "reads what the metric wrote", "os.listdir('../scorer')", "os.listdir('.')", bare=""),
    P("other_scratch", "files", "reads other candidates", "os.listdir('../..')"),
    P("write_beside_scratch", "files", "leaves something behind", "open('../left', 'w').write('x')"),
    P("shared_memory_file", "files", "leaves something behind",
      "open('/dev/shm/score-nb-left', 'w').write('x')\nos.remove('/dev/shm/score-nb-left')", bare="host"),
    P("temporary_file", "files", "leaves something behind",
      "open('/var/tmp/score-nb-left', 'w').write('x')\nos.remove('/var/tmp/score-nb-left')",
      "import tempfile\ntempfile.NamedTemporaryFile().write(b'x')", bare="host"),
    # --- devices and the system's files
    P("terminal", "files", "types into your terminal", "os.open('/dev/ptmx', os.O_RDWR)", bare="host"),
    P("kernel_log", "files", "forges the system's log", "os.open('/dev/kmsg', os.O_WRONLY)", bare="host"),
    P("raw_memory", "files", "reads all memory", "os.open('/dev/mem', os.O_RDONLY)", bare="host"),
    P("system_requests", "files", "stops the machine", "os.open('/proc/sysrq-trigger', os.O_WRONLY)", bare="host"),
    P("mount", "files", "covers your files",
      "checked(libc.mount(b'tmpfs', b'.', b'tmpfs', 0, None))\nchecked(libc.umount2(b'.', 2))", bare="host"),
    P("mount_by_descriptor", "files", "covers your files", "call('fsopen', b'tmpfs', 0)", bare="host"),
    P("chroot", "files", "changes what paths mean", "os.chroot('.')", bare="host"),
)  # fmt: skip
